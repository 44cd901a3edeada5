package graph

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// persist repeats one request until read accepts its answer, the fault is one a
// repetition cannot better, or tries or time are used up. It gives the requests sent.
// The error is an *Error, or wraps ctx.Err().
func (c *Client) persist(ctx context.Context, q request, send func(context.Context, request) (answer, error), read func(answer) *Error) (int, error) {
	var spent time.Duration
	sent := 0
	limited := 0 // faults so far that are worth fewer tries
	for try, renewed := 1, false; ; try++ {
		a, err := send(ctx, q)
		sent += a.sent
		if ctx.Err() != nil {
			return sent, fmt.Errorf("%s: %w", what(q.path), ctx.Err())
		}
		if errors.Is(err, errTooLarge) {
			return sent, err
		}
		now := c.clock.Now()
		var e *Error
		if err != nil {
			e = asError(err)
		} else if e = c.judge(ctx, a, now); e == nil {
			if e = read(a); e == nil {
				return sent, nil
			}
			e.Status, e.RequestID = a.status, oneLine(a.requestID(), 100, a.token)
		}
		if e.Reason == Unauthorized && e.Status == http.StatusUnauthorized && a.token != "" && !renewed {
			renewed = true
			fault := c.tokens.renew(ctx, a.token, claimsOf(a.header))
			if fault == nil {
				continue
			}
			if ctx.Err() == nil {
				e = asError(fault)
			}
		}
		e.Path, e.Page, e.Attempts = q.path, q.page, sent
		last := try >= c.limits.Tries
		if e.tries > 0 {
			limited++
			last = last || limited >= e.tries
		}
		wait, throttled := c.waitFor(try, e.after), e.Reason == Throttled && !a.at.IsZero()
		if last && !throttled {
			return sent, e
		}
		inTime := c.budget.spend(now, wait)
		if throttled { // others must wait even if this request gives up
			c.gateOf(a.header).shut(a.at.Add(wait))
		}
		spent += wait
		switch {
		case last:
			return sent, e
		case spent > c.limits.Wait:
			e.say("waiting %v more would exceed %v for one request", wait.Round(time.Second), c.limits.Wait)
			return sent, e
		case !inTime:
			e.say("the %v of waiting for this tenant are used up", c.limits.TenantWait)
			return sent, e
		}
		reason := string(e.Reason)
		if e.Status == 0 { // our own words: no answer came
			reason += ": " + e.Message
		}
		c.log.LogAttrs(ctx, slog.LevelInfo, "graph request is repeated", slog.String("tenant", c.tenant),
			slog.String("path", withoutQuery(q.path)), slog.String("reason", reason), slog.Int("status", e.Status), slog.String("code", e.Code),
			slog.String("request_id", e.RequestID), slog.Int("attempt", try), slog.Duration("wait", wait))
		if throttled {
			continue // the gate holds this request with all others
		}
		if err := c.pause(ctx, q.path, now.Add(wait)); err != nil {
			return sent, fmt.Errorf("%s: %w", what(q.path), err)
		}
	}
}

type patientKey struct{}

// Patient makes a context under which what is not found is asked for once more,
// after Limits.Lag: what is new may not have reached the replica that answered.
func Patient(ctx context.Context) context.Context { return context.WithValue(ctx, patientKey{}, true) }

func (c *Client) judge(ctx context.Context, a answer, now time.Time) *Error {
	e := judge(a, now)
	if e != nil && e.Reason == NotFound && c.limits.Lag > 0 && ctx.Value(patientKey{}) != nil {
		e.tries, e.after = 2, c.limits.Lag
	}
	return e
}

// Waits between tries when the server names none: doubling, at random in the
// upper half, so that they grow and never come at once.
const (
	firstWait = 3 * time.Second
	mostWait  = 180 * time.Second
)

// waitFor gives the wait after a try that failed: what the server asked for and
// at most a twentieth more, so that waiters spread; else the backoff.
func (c *Client) waitFor(try int, asked time.Duration) time.Duration {
	if asked > 0 {
		return asked + time.Duration(float64(asked)*c.jitter()/20)
	}
	full := min(firstWait<<min(try-1, 10), mostWait)
	return full/2 + time.Duration(float64(full/2)*c.jitter())
}

var seconds = regexp.MustCompile(`^[0-9]{1,18}(\.[0-9]{1,18})?$`)

// retryAfter reads the server's wait: seconds (Graph sends fractions too) or an
// HTTP date, which is measured against the server's own Date so that our clock
// may be wrong. Anything under a second, past or unreadable is 0: not said.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	var wait time.Duration
	if seconds.MatchString(text) {
		s, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0
		}
		const most = 100 * 365 * 24 * 3600 // beyond any budget, within a Duration
		wait = time.Duration(math.Ceil(min(s, most)*1e3)) * time.Millisecond
	} else if until, err := http.ParseTime(text); err == nil {
		if server, err := http.ParseTime(h.Get("Date")); err == nil {
			now = server
		}
		wait = until.Sub(now)
	}
	if wait < time.Second {
		return 0
	}
	return min(wait, math.MaxInt64/4)
}

// pause tells of a wait and waits.
func (c *Client) pause(ctx context.Context, path string, until time.Time) error {
	c.tellWait(path, until)
	return c.sleep(ctx, until)
}

func (c *Client) tellWait(path string, until time.Time) {
	if c.onWait != nil {
		c.onWait(path, until.Sub(c.clock.Now()))
	}
}

// sleep waits by the client's clock until an instant and ends with ctx.
func (c *Client) sleep(ctx context.Context, until time.Time) error {
	if g := groupOf(ctx); g != nil {
		asleep := g.sleep(until)
		defer g.wake(asleep)
	}
	timer := c.clock.NewTimer(until.Sub(c.clock.Now()))
	defer timer.Stop()
	select {
	case <-timer.Chan():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (e *Error) say(format string, args ...any) {
	e.Message = strings.TrimPrefix(e.Message+"; "+fmt.Sprintf(format, args...), "; ")
}

// asError gives what a send returned as the fault it is.
func asError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	if isTLS(err) { // which is no accident of the line
		return once(Untrusted, "%s", transportText(err))
	}
	return &Error{Reason: Broken, Message: transportText(err)}
}

func isTransport(err error) bool {
	var net net.Error
	var outer *url.Error
	return errors.As(err, &net) || errors.As(err, &outer)
}

// isTLS: the other side is not who it should be, or too old to talk to. Most of
// crypto/tls's errors have no type. A bad record is damage on the line instead.
func isTLS(err error) bool {
	var cert *tls.CertificateVerificationError
	return errors.As(err, &cert) || strings.Contains(err.Error(), "tls: ") && !strings.Contains(err.Error(), "bad record MAC")
}

// transportText is an error's text without the URL that net/http wraps around it:
// its query may hold a page token.
func transportText(err error) string {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return oneLine(err.Error(), 300, "")
}
