package graph

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Gate holds back all clients of one app after an Application wide 429. The zero
// value is open.
type Gate struct {
	mu    sync.Mutex
	until time.Time
}

func (g *Gate) shut(until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
}

func (g *Gate) opens() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until
}

// Wire bounds the requests that the clients of one run have under way at once,
// whatever their tenants, and shares their connections.
type Wire struct {
	slots chan struct{}
	http  *http.Client
}

// NewWire makes a Wire for that many requests at once, over TLS 1.2 or later and
// the proxy that the environment names.
func NewWire(requests int) *Wire {
	return &Wire{make(chan struct{}, requests), &http.Client{Transport: safeTransport()}}
}

func (w *Wire) enter(ctx context.Context) error {
	select {
	case w.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Wire) leave() { <-w.slots }

// gateOf gives the gate a 429 shuts: by x-ms-throttle-scope that of the app over
// all tenants, else that of this tenant.
// https://learn.microsoft.com/graph/throttling-limits
func (c *Client) gateOf(h http.Header) *Gate {
	if strings.HasPrefix(h.Get("x-ms-throttle-scope"), "Application/") {
		return c.app
	}
	return &c.gate
}

// opens gives when both gates are open, an instant past if they are.
func (c *Client) opens() time.Time {
	tenant, app := c.gate.opens(), c.app.opens()
	if app.After(tenant) {
		return app
	}
	return tenant
}

// hold waits until both gates are open.
func (c *Client) hold(ctx context.Context, q request) error {
	for {
		until := c.opens()
		wait := until.Sub(c.clock.Now())
		switch {
		case wait <= 0:
			return nil
		case wait > c.limits.Wait || c.budget.usedUp():
			return &Error{Reason: Throttled, tries: 1, Status: http.StatusTooManyRequests,
				Message: "not sent: the server asked to wait " + wait.Round(time.Second).String()}
		}
		if err := c.pause(ctx, q.path, until); err != nil {
			return err
		}
	}
}

// admit waits until gates, rate and the number of requests on the wire let q go.
// It gives the number of cuts seen so far and the function that ends the stay.
func (c *Client) admit(ctx context.Context, q request) (int, func(), error) {
	weight := max(1, q.parts)
	for {
		if err := c.hold(ctx, q); err != nil {
			return 0, nil, err
		}
		if limiter := c.limiter(q.path); limiter != nil {
			now := c.clock.Now()
			turn := limiter.ReserveN(now, 1)
			if wait := turn.DelayFrom(now); wait > 0 {
				if err := c.pause(ctx, q.path, now.Add(wait)); err != nil {
					turn.CancelAt(now)
					return 0, nil, err
				}
			}
		}
		cuts, err := c.slots.enter(ctx, weight)
		if err != nil {
			return 0, nil, err
		}
		if err := c.wire.enter(ctx); err != nil {
			c.slots.leave(weight)
			return 0, nil, err
		}
		leave := func() {
			c.wire.leave()
			c.slots.leave(weight)
		}
		if !c.opens().After(c.clock.Now()) {
			return cuts, leave, nil
		}
		leave()
	}
}

// quota is a limit Microsoft sets on some paths per app and tenant.
type quota struct {
	prefixes []string
	limiter  *rate.Limiter
}

// quotas: 5 requests in 10 s on reports, 1 in 1 s on identity protection, the
// latter without a Retry-After. One request at a time, evenly: a burst would let
// more than 5 into some 10 s. Partner Center: 500 in a minute on all its paths.
// https://learn.microsoft.com/graph/throttling-limits
// https://learn.microsoft.com/partner-center/developer/api-throttling-guidance
func quotas(s Service, l Limits) []quota {
	var q []quota
	add := func(every time.Duration, prefixes ...string) {
		if every > 0 {
			q = append(q, quota{prefixes, rate.NewLimiter(rate.Every(every), 1)})
		}
	}
	if s == PartnerCenter {
		add(l.Partner, "/")
		return q
	}
	add(l.Reports, "/auditLogs/", "/reports/")
	add(l.Protection, "/identityProtection/", "/identity/conditionalAccess/")
	return q
}

// limiter gives the limiter of a path, nil for most.
func (c *Client) limiter(path string) *rate.Limiter {
	_, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	for _, q := range c.quotas {
		for _, p := range q.prefixes {
			if strings.HasPrefix("/"+rest, p) {
				return q.limiter
			}
		}
	}
	return nil
}

// nearLimit: from 0.8 of the quota on, Graph says on good answers how much of it
// is used.
func nearLimit(h http.Header) bool {
	used, err := strconv.ParseFloat(h.Get("x-ms-throttle-limit-percentage"), 64)
	return err == nil && used >= 0.8
}

// slots bounds what is on the wire: HTTP requests, and the parts within them, as
// Graph charges each part of a batch. The bound on parts halves when the server
// throttles and grows back by one a round trip.
type slots struct {
	mu              sync.Mutex
	calls, maxCalls int
	parts           int
	bound, maxBound float64
	cuts            int
	queue           []*ticket
}

type ticket struct {
	weight int
	in     chan struct{}
}

func (s *slots) fits(weight int) bool {
	return s.calls < s.maxCalls && (s.parts == 0 || s.parts+weight <= int(s.bound))
}

func (s *slots) take(weight int) { s.calls++; s.parts += weight }

// enter waits for room and gives the number of cuts so far.
func (s *slots) enter(ctx context.Context, weight int) (int, error) {
	s.mu.Lock()
	if len(s.queue) == 0 && s.fits(weight) {
		s.take(weight)
		defer s.mu.Unlock()
		return s.cuts, nil
	}
	t := &ticket{weight, make(chan struct{})}
	s.queue = append(s.queue, t)
	s.mu.Unlock()
	select {
	case <-t.in:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.cuts, nil
	case <-ctx.Done():
		s.mu.Lock()
		defer s.mu.Unlock()
		for i, waiting := range s.queue {
			if waiting == t {
				s.queue = append(s.queue[:i], s.queue[i+1:]...)
				s.admit()
				return 0, ctx.Err()
			}
		}
		s.release(weight) // let in at the same moment
		return 0, ctx.Err()
	}
}

func (s *slots) leave(weight int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.release(weight)
}

func (s *slots) release(weight int) {
	s.calls--
	s.parts -= weight
	s.admit()
}

func (s *slots) admit() {
	for len(s.queue) > 0 && s.fits(s.queue[0].weight) {
		s.take(s.queue[0].weight)
		close(s.queue[0].in)
		s.queue = s.queue[1:]
	}
}

// cut halves the bound, once for all requests that left before the last cut.
func (s *slots) cut(seen int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen == s.cuts {
		s.cuts++
		s.bound = max(1, s.bound/2)
	}
}

func (s *slots) grow(weight int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound = min(s.maxBound, s.bound+float64(weight)/s.bound)
	s.admit()
}

// batch gives how many parts one batch may have now.
func (s *slots) batch() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(1, min(maxBatch, int(s.bound)))
}

// budget counts the time during which a client waits, overlaps once.
type budget struct {
	mu    sync.Mutex
	most  time.Duration
	used  time.Duration
	until time.Time
	over  bool // a wait was refused
}

func (b *budget) usedUp() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}

// spend says whether a wait from now on is still within the budget.
func (b *budget) spend(now time.Time, wait time.Duration) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	end, from := now.Add(wait), now
	if b.until.After(from) {
		from = b.until
	}
	if !end.After(from) {
		return true
	}
	if b.used+end.Sub(from) > b.most {
		b.over = true
		return false
	}
	b.used += end.Sub(from)
	b.until = end
	return true
}
