package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"net"
	"net/smtp"
	"os"
	"strconv"
	"time"
)

// mailPatience is how long a mail server may take to greet.
const mailPatience = 20 * time.Second

// mail looks whether documents can leave. Nothing is sent.
func (d *doctor) mail(ctx context.Context) {
	switch o := d.c.Delivery; o.Kind {
	case "smtp":
		d.judge(thisMachine, "mail", d.greet(ctx), o.Host+" answers, speaks TLS and takes the login; nothing was sent")
	case "folder":
		_, err := os.Stat(o.Dir)
		d.judge(thisMachine, "mail", err, "documents are laid down in "+o.Dir)
	default:
		d.say(thisMachine, "mail", noted, "delivery.kind is none: documents are written, nobody is sent them")
	}
}

// greet goes as far with the mail server as can be gone without a letter.
func (d *doctor) greet(ctx context.Context) (err error) {
	o := d.c.Delivery
	implicit := o.TLS == "implicit"
	port := 587
	if implicit {
		port = 465
	}
	secure := &tls.Config{ServerName: o.Host, MinVersion: tls.VersionTLS12}
	connection, err := (&net.Dialer{Timeout: mailPatience}).DialContext(ctx, "tcp", net.JoinHostPort(o.Host, strconv.Itoa(cmp.Or(o.Port, port))))
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(d.env.Now().Add(mailPatience)); err != nil {
		return err
	}
	if implicit {
		connection = tls.Client(connection, secure)
	}
	client, err := smtp.NewClient(connection, o.Host)
	if err != nil {
		return err
	}
	if !implicit {
		if err := client.StartTLS(secure); err != nil {
			return err
		}
	}
	if o.Username != "" {
		password, err := o.Password.Reveal()
		if err != nil {
			return err
		}
		if err := client.Auth(smtp.PlainAuth("", o.Username, string(password), o.Host)); err != nil {
			return err
		}
	}
	return client.Quit()
}
