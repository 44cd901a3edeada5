package graph

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
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
			return once(Throttled, "not sent: the server asked to wait %v", wait.Round(time.Second))
		}
		if err := c.pause(ctx, q.path, until); err != nil {
			return err
		}
	}
}

// admit waits until gates, quotas and the number of requests on the wire let q go.
// It gives the number of cuts seen so far and the function that ends the stay.
func (c *Client) admit(ctx context.Context, q request) (int, func(), error) {
	weight := max(1, len(q.parts))
	for {
		if err := c.hold(ctx, q); err != nil {
			return 0, nil, err
		}
		opened, turn := c.opens(), c.reserve(q)
		if turn.After(c.clock.Now()) {
			c.tellWait(q.path, turn)
		}
		for now := c.clock.Now(); turn.After(now) && c.opens().Equal(opened); now = c.clock.Now() {
			if err := c.sleep(ctx, earlier(turn, now.Add(firstWait))); err != nil {
				return 0, nil, err
			}
		}
		if !c.opens().Equal(opened) {
			continue // a refusal has come between: the turn is no longer right
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
		if c.opens().Equal(opened) {
			return cuts, leave, nil
		}
		leave()
	}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// reserve gives when the quotas let q go. Each part of a batch is charged.
func (c *Client) reserve(q request) time.Time {
	parts := q.parts
	if parts == nil {
		parts = []request{q}
	}
	units := map[*quota]int{}
	for _, p := range parts {
		quota := c.quota(p.path)
		units[quota] += quota.cost(p.path)
	}
	now := c.clock.Now()
	turn := now
	for quota, n := range units {
		if t := quota.reserve(now, n); t.After(turn) {
			turn = t
		}
	}
	return turn
}

// learn notes an answer: good ones widen what may be under way, a warning halves it
// and a refusal quarters it.
func (c *Client) learn(path string, a answer) {
	quota := c.quota(path)
	if a.status == http.StatusTooManyRequests {
		// At once, so that nobody slips through; who repeats may wait longer.
		c.gateOf(a.header).shut(a.at.Add(c.waitFor(1, retryAfter(a.header, a.at))))
		if c.slots.cut(a.cuts, 4) {
			quota.refused(a.at)
		}
		return
	}
	quota.answered(quota.cost(path))
	if nearLimit(a.header) {
		c.slots.cut(a.cuts, 2)
	} else if a.status < 500 {
		c.slots.grow()
	}
}

// nearLimit: from 0.8 of the quota on, Graph says on good answers how much of it
// is used.
func nearLimit(h http.Header) bool {
	used, err := strconv.ParseFloat(h.Get("x-ms-throttle-limit-percentage"), 64)
	return err == nil && used >= 0.8
}

// slots bounds what is on the wire: HTTP requests, and the parts within them, as
// Graph charges each part of a batch. The bound on parts falls when the server
// throttles and grows back by one a round trip. It is at most what it was at first
// and a share of the answers so far: a quota that nobody has published then refuses
// few of them when it is met without a warning.
type slots struct {
	mu              sync.Mutex
	calls, maxCalls int
	parts           int
	bound           float64
	most, maxBound  float64 // of bound now, and ever
	cuts            int
	queue           []*ticket
}

// groping is how many parts of batches are under way at first where a quota is not
// known: so many are refused when it is met.
const groping = 12

// share is how many answers let one more part be under way.
const share = 48

type ticket struct {
	weight int
	in     chan error // closed: there is room
}

// errTooLarge: since a batch was made up the bound has fallen below its size.
var errTooLarge = errors.New("the batch is larger than what may be under way")

func (s *slots) fits(weight int) bool {
	return s.calls < s.maxCalls && s.parts+weight <= max(1, int(s.bound))
}

// tooLarge: even alone the batch does not fit.
func (s *slots) tooLarge(weight int) bool { return s.parts == 0 && weight > max(1, int(s.bound)) }

func (s *slots) take(weight int) { s.calls++; s.parts += weight }

// enter waits for room and gives the number of cuts so far.
func (s *slots) enter(ctx context.Context, weight int) (int, error) {
	s.mu.Lock()
	t := &ticket{weight, make(chan error, 1)}
	s.queue = append(s.queue, t)
	s.admit()
	s.mu.Unlock()
	select {
	case err := <-t.in:
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.cuts, err
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
		if err := <-t.in; err == nil { // let in at the same moment
			s.release(weight)
		}
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
	for len(s.queue) > 0 {
		t := s.queue[0]
		switch {
		case s.fits(t.weight):
			s.take(t.weight)
			close(t.in)
		case s.tooLarge(t.weight):
			t.in <- errTooLarge
		default:
			return
		}
		s.queue = s.queue[1:]
	}
}

// cut divides the bound, once for all requests that left before the last cut, and
// tells whether it did.
func (s *slots) cut(seen int, by float64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if seen != s.cuts {
		return false
	}
	s.cuts++
	s.bound = max(1, s.bound/by)
	return true
}

// grow notes a good answer.
func (s *slots) grow() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.most = min(s.maxBound, s.most+1./share)
	s.bound = min(s.most, s.bound+max(1/s.bound, 1./share))
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
