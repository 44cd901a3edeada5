package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/smtp"
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
		d.judge(thisMachine, "mail", writable(o.Dir, "delivery.dir"), "documents are laid down in "+o.Dir)
	default:
		d.say(thisMachine, "mail", noted, "delivery.kind is none: documents are written, nobody is sent them")
	}
}

// greet goes as far with the mail server as can be gone without a letter. An error says
// at which step it broke, and what to look at.
func (d *doctor) greet(ctx context.Context) (err error) {
	o := d.c.Delivery
	implicit := o.TLS == "implicit"
	port := 587
	if implicit {
		port = 465
	}
	secure := &tls.Config{ServerName: o.Host, MinVersion: tls.VersionTLS12}
	server := net.JoinHostPort(o.Host, strconv.Itoa(cmp.Or(o.Port, port)))
	connection, err := (&net.Dialer{Timeout: mailPatience}).DialContext(ctx, "tcp", server)
	if err != nil {
		return fmt.Errorf("cannot connect to %s: %w; check delivery.host and delivery.port, and that a firewall lets this machine out to it", server, err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(d.env.Now().Add(mailPatience)); err != nil {
		return err
	}
	if implicit {
		connection = tls.Client(connection, secure)
	}
	const mismatch = "check delivery.port, delivery.tls (implicit belongs to port 465, starttls to 587) and the server's certificate"
	client, err := smtp.NewClient(connection, o.Host)
	if err != nil {
		return fmt.Errorf("%s does not greet as a mail server: %w; "+mismatch, server, err)
	}
	if !implicit {
		if err := client.StartTLS(secure); err != nil {
			return fmt.Errorf("%s does not begin TLS, and without it nothing is sent: %w; "+mismatch, server, err)
		}
	}
	if o.Username != "" {
		password, err := o.Password.Reveal()
		if err != nil {
			return fmt.Errorf("delivery.password: %w", err)
		}
		if err := client.Auth(smtp.PlainAuth("", o.Username, string(password), o.Host)); err != nil {
			return fmt.Errorf("%s refuses the login of %s: %w; check delivery.username and delivery.password", server, o.Username, err)
		}
	}
	return client.Quit()
}
