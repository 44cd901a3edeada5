package graph

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// maxBatch is Graph's limit of requests in a batch.
// https://learn.microsoft.com/graph/json-batching
const maxBatch = 20

// Together runs do(ctx, i) for each i in [0,n) on a bounded number of workers.
// With Options.Batch the GETs they make through that ctx leave as $batch requests
// of up to 20: a batch leaves when it is full or when every running worker waits
// for an answer, so it needs no timer. Reports and other paths with a quota of
// their own leave one by one, as all do without Batch. Either way at most
// Options.Concurrency requests are on the wire at once.
//
// Indices are begun in ascending order, all of them, also after ctx has ended: their
// requests then fail at once. do must not ask while it holds a lock that another
// do waits for, nor share its ctx with goroutines of its own.
func (c *Client) Together(ctx context.Context, n int, do func(ctx context.Context, i int)) {
	if outer := groupOf(ctx); outer != nil { // its batch must not wait for us
		outer.away()
		defer outer.back()
	}
	workers := c.concurrency
	if c.batch {
		workers *= maxBatch
	}
	workers = min(workers, n)
	g := &group{Client: c, running: workers, waiting: map[string][]*part{}}
	g.ctx = context.WithValue(ctx, groupKey{}, (*group)(nil))
	inside := g.ctx
	if c.batch {
		inside = context.WithValue(ctx, groupKey{}, g)
	}
	indices := make(chan int, n)
	for i := range n {
		indices <- i
	}
	close(indices)
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			defer g.away()
			for i := range indices {
				do(inside, i)
			}
		})
	}
	all.Wait()
	g.sending.Wait()
}

type groupKey struct{}

// groupOf gives the group whose worker asks, nil outside of Together or without Batch.
func groupOf(ctx context.Context) *group {
	g, _ := ctx.Value(groupKey{}).(*group)
	return g
}

// route sends a request on its own, or as a part of its group's next batch.
func (c *Client) route(ctx context.Context, q request) (answer, error) {
	if g := groupOf(ctx); g != nil && g.Client == c && !c.quota(q.path).alone {
		return g.ask(ctx, q)
	}
	if g := groupOf(ctx); g != nil {
		g.away()
		defer g.back()
	}
	return c.exchange(context.WithValue(ctx, groupKey{}, (*group)(nil)), q)
}

// enter waits until a list of path may be read: of those with large pages half as
// many at once as requests may be on the wire, as each holds a page.
func (c *Client) enter(ctx context.Context, path string) (leave func(), err error) {
	if !c.quota(path).alone {
		return func() {}, nil
	}
	if g := groupOf(ctx); g != nil {
		g.away()
		defer g.back()
	}
	select {
	case c.large <- struct{}{}:
		return func() { <-c.large }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// group collects what the workers of one Together ask. A worker runs until it
// waits: for an answer, for time to pass or for another Together.
type group struct {
	*Client
	ctx     context.Context // of Together, for sending batches
	sending sync.WaitGroup

	mu      sync.Mutex
	running int
	waiting map[string][]*part // by API version, which a batch has one of
	asleep  []*sleeper
}

// part is one request that waits for its batch.
type part struct {
	request
	done chan reply // holds one
	over bool       // its worker runs again
}

type reply struct {
	answer answer
	err    error
}

type sleeper struct{ until time.Time }

func (g *group) away() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running--
	g.leaveIfAllWait()
}

func (g *group) back() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.running++
}

// nearly is how much longer others may sleep and still be waited for.
const nearly = 50 * time.Millisecond

// sleep and wake frame a wait for time.
func (g *group) sleep(until time.Time) *sleeper {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := &sleeper{until}
	g.asleep = append(g.asleep, s)
	g.running--
	g.leaveIfAllWait()
	return s
}

func (g *group) wake(s *sleeper) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.rouse(s)
}

// rouse counts as running s and all whose time has come, awake or about to be, so
// that what they ask next leaves together.
func (g *group) rouse(s *sleeper) {
	soon := g.clock.Now().Add(nearly)
	g.asleep = slices.DeleteFunc(g.asleep, func(other *sleeper) bool {
		up := other == s || !other.until.After(soon)
		if up {
			g.running++
		}
		return up
	})
}

// ask puts one request into the next batch and waits for its answer.
func (g *group) ask(ctx context.Context, q request) (answer, error) {
	if err := g.hold(ctx, q); err != nil {
		return answer{}, err
	}
	p := &part{request: q, done: make(chan reply, 1)}
	version := "/" + strings.SplitN(q.path, "/", 3)[1]
	g.mu.Lock()
	g.waiting[version] = append(g.waiting[version], p)
	g.running--
	if len(g.waiting[version]) >= g.slots.batch() {
		g.leave(version)
	}
	g.leaveIfAllWait()
	g.mu.Unlock()
	select {
	case r := <-p.done:
		return r.answer, r.err
	case <-ctx.Done():
		g.mu.Lock()
		defer g.mu.Unlock()
		if !p.over {
			p.over = true
			g.running++
		}
		return answer{}, ctx.Err()
	}
}

func (g *group) leaveIfAllWait() {
	g.rouse(nil)
	if g.running <= 0 {
		for version := range g.waiting {
			g.leave(version)
		}
	}
}

// leave sends what waits, in batches of as many as may go now.
func (g *group) leave(version string) {
	var parts []*part
	for _, p := range g.waiting[version] {
		if !p.over {
			parts = append(parts, p)
		}
	}
	g.waiting[version] = nil
	for size := g.slots.batch(); len(parts) > 0; {
		some := parts[:min(size, len(parts))]
		parts = parts[len(some):]
		g.sending.Go(func() { g.deliver(some, g.send(version, some)) })
	}
}

// deliver hands out replies. All workers count as running before the first goes
// on, so that what they ask next leaves together again.
func (g *group) deliver(parts []*part, replies []reply) {
	g.mu.Lock()
	for _, p := range parts {
		if !p.over {
			p.over = true
			g.running++
		}
	}
	g.mu.Unlock()
	for i, p := range parts {
		p.done <- replies[i]
	}
}

// send asks for the parts in one batch, or plainly when there is but one. A fault
// of the batch itself is repeated as a whole; what came of each part is for its
// worker to judge and repeat.
func (g *group) send(version string, parts []*part) []reply {
	replies := make([]reply, len(parts))
	if len(parts) == 1 {
		replies[0].answer, replies[0].err = g.exchange(g.ctx, parts[0].request)
		return replies
	}
	batch := request{path: version + "/$batch", url: version + "/$batch", body: g.batchBody(version, parts)}
	for _, p := range parts {
		batch.parts = append(batch.parts, p.request)
	}
	sent, err := g.persist(g.ctx, batch, g.exchange,
		func(a answer) *Error { return readBatch(a, replies) })
	if err == nil {
		g.learnAll(parts, replies)
	}
	if errors.Is(err, errTooLarge) {
		replies, err = g.sendSmaller(version, parts), nil
	}
	for i := range replies {
		if err != nil {
			replies[i] = reply{err: err}
		}
		if e := (*Error)(nil); errors.As(err, &e) {
			own := *e
			own.tries = 1 // its tries are used up
			replies[i].err = &own
		}
		replies[i].answer.sent += sent
	}
	return replies
}

// sendSmaller asks for the parts in as many batches as may go now, at once.
func (g *group) sendSmaller(version string, parts []*part) []reply {
	replies := make([]reply, len(parts))
	var all sync.WaitGroup
	size, begin := g.slots.batch(), 0
	for some := range slices.Chunk(parts, size) {
		to := replies[begin:]
		begin += size
		all.Go(func() { copy(to, g.send(version, some)) })
	}
	all.Wait()
	return replies
}

// learnAll notes what came of the parts; what was answered came before what was
// refused.
func (g *group) learnAll(parts []*part, replies []reply) {
	for _, refused := range []bool{false, true} {
		for i, r := range replies {
			if a := r.answer; a.status != 0 && refused == (a.status == http.StatusTooManyRequests) {
				g.learn(parts[i].path, a)
			}
		}
	}
}

// batchBody writes the parts as GETs; their ids are their indices.
func (g *group) batchBody(version string, parts []*part) []byte {
	type get struct {
		ID      string            `json:"id"`
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
	}
	var body struct {
		Requests []get `json:"requests"`
	}
	for i, p := range parts {
		body.Requests = append(body.Requests, get{strconv.Itoa(i), http.MethodGet, strings.TrimPrefix(p.url, version), g.headersOf(p.request)})
	}
	text, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings alone: cannot fail
	}
	return text
}

// readBatch fills in the reply of each part. One that is missing is an error of
// that part, never an empty answer.
func readBatch(a answer, replies []reply) *Error {
	body, fault := compact(a.body)
	if fault != nil {
		return fault
	}
	all, err := members(body)
	if err != nil {
		return malformed("batch answer: %v", err)
	}
	responses, err := field(all, "responses")
	if err != nil || len(responses) == 0 || responses[0] != '[' {
		return malformed("batch answer has no responses array")
	}
	for i := range replies {
		lacking := malformed("the batch's answer lacks this part")
		lacking.Status = a.status
		replies[i] = reply{err: lacking}
	}
	filled := make([]bool, len(replies))
	for _, response := range elements(responses) {
		i, part, err := readPart(a, response, len(replies))
		if err != nil {
			return malformed("batch answer: %v", err)
		}
		if filled[i] {
			return malformed("batch answer has part %d twice", i)
		}
		filled[i] = true
		replies[i] = reply{answer: part}
	}
	return nil
}

func readPart(a answer, response []byte, n int) (int, answer, error) {
	all, err := members(response)
	if err != nil {
		return 0, answer{}, err
	}
	part := answer{header: http.Header{}, token: a.token, at: a.at, cuts: a.cuts}
	part.header.Set("Date", a.header.Get("Date"))
	part.header.Set("request-id", a.requestID())
	var id string
	var headers map[string]string
	for _, f := range []struct {
		key string
		to  any
	}{{"id", &id}, {"status", &part.status}, {"headers", &headers}} {
		raw, err := field(all, f.key)
		if err == nil && raw != nil {
			err = json.Unmarshal(raw, f.to)
		}
		if err != nil {
			return 0, answer{}, fmt.Errorf("%s of a part: %w", f.key, err)
		}
	}
	for k, v := range headers {
		part.header.Set(k, v)
	}
	part.body, err = field(all, "body")
	if err != nil {
		return 0, answer{}, err
	}
	if part.header.Get("Content-Type") == "" && len(part.body) > 0 && part.body[0] == '{' {
		part.header.Set("Content-Type", "application/json") // Graph leaves it out at times
	}
	i, err := strconv.Atoi(id)
	if err != nil || i < 0 || i >= n {
		return 0, answer{}, errors.New("a part that was not asked")
	}
	return i, part, nil
}
