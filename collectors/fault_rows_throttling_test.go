package collectors_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
)

func throttled(headers ...string) step {
	return refuses(http.StatusTooManyRequests, "TooManyRequests", headers...)
}

// later is a step that answers honestly after so long.
func later(wait time.Duration) step {
	return func(w http.ResponseWriter, r *http.Request, h http.Handler) {
		<-time.NewTimer(wait).C
		h.ServeHTTP(w, r)
	}
}

// arrivals are when requests came, in seconds after the first.
type arrivals struct {
	mu sync.Mutex
	at []time.Time
}

// come notes a request and gives its number.
func (a *arrivals) come() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Now())
	return len(a.at)
}

// between counts those that came from one moment to another, after the first of all.
func (a *arrivals) between(from, to time.Duration) (n int) {
	for _, at := range a.at {
		if after := at.Sub(a.at[0]); after >= from && after < to {
			n++
		}
	}
	return n
}

// most is how many came in any such period.
func (a *arrivals) most(period time.Duration) (most int) {
	for i, from := range a.at {
		n := 0
		for _, at := range a.at[i:] {
			if at.Sub(from) < period {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

var accessAssignments = []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments}

// manyRelated is a canned Graph of so many relationships, each with an access assignment.
func manyRelated(n int) *canned {
	c := newCanned()
	for i := range n {
		id := fmt.Sprintf("r%d", i)
		c.relationship(id, "c1", "active")
		c.assign(id, "g1")
	}
	return c
}

// ofAssignments answers requests for access assignments by a step, all others honestly.
func ofAssignments(h http.Handler, do step) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/accessAssignments") {
			do(w, r, h)
			return
		}
		h.ServeHTTP(w, r)
	})
}

var throttlingRows = []faultRow{
	{"T01", "429 with Retry-After 10, then an answer", "it is waited for 10 s, asked once more, and all is there",
		inList(ending{told: []float64{0, 10}}, after(1, throttled("Retry-After", "10"))...)},
	{"T02", "429 with Retry-After as a date, on clocks that are an hour ahead of ours or behind it, and without a clock", "the wait is measured by the server's own Date where it has one",
		forEach(ending{told: []float64{20}}, map[string]step{
			"ahead":   throttled("Date", "Tue, 18 Aug 2026 07:00:00 GMT", "Retry-After", "Tue, 18 Aug 2026 07:00:20 GMT"),
			"behind":  throttled("Date", "Tue, 18 Aug 2026 05:00:00 GMT", "Retry-After", "Tue, 18 Aug 2026 05:00:20 GMT"),
			"no Date": throttled("Date", "", "Retry-After", "Tue, 18 Aug 2026 06:00:20 GMT")})},
	{"T03", "429 without Retry-After, three times", "the waits grow",
		inList(ending{waits: []float64{1.5, 3, 6}}, throttled(), throttled(), throttled())},
	{"T04", "Retry-After that is no wait, and one of three years", "the first are read as absent, never as no wait; the other ends it at once",
		all(forEach(ending{waits: []float64{1.5}}, map[string]step{"0": throttled("Retry-After", "0"), "-5": throttled("Retry-After", "-5"), "0.5": throttled("Retry-After", "0.5"),
			"abc": throttled("Retry-After", "abc"), "empty": throttled("Retry-After", ""), "1e20": throttled("Retry-After", "1e20"), "NaN": throttled("Retry-After", "NaN"),
			"past": throttled("Retry-After", "Tue, 18 Aug 2020 07:00:00 GMT")}),
			inList(ending{state: snapshot.Failed, reason: "throttled: 429", requests: 1}, throttled("Retry-After", "99999999")))},
	{"T05", "429 for ever on one list", "it ends at the budget, is named, and the other lists are read", simulated(func(t *testing.T) {
		r := spoiled(t, gdap, []snapshot.Kind{snapshot.Customers, snapshot.Relationships}, after(1, always(throttled("Retry-After", "30"))...)...)
		result := r.run()
		expectState(t, result, snapshot.Relationships, snapshot.Partial, "throttled: page 2: 429 TooManyRequests")
		expectState(t, result, snapshot.Customers, snapshot.Complete, "")
		if len(r.asked) != 9 {
			t.Errorf("%d requests, want one and eight tries", len(r.asked))
		}
	})},
	{"T06", "a service that begins its window anew with each call that comes too early", "one 429 holds all workers of the tenant: none calls within the window", simulated(func(t *testing.T) {
		var came arrivals
		o := inProcess(t, ofAssignments(manyRelated(40), func(w http.ResponseWriter, r *http.Request, h http.Handler) {
			if came.come() == 1 {
				<-time.NewTimer(time.Millisecond).C // all others are on the wire
				throttled("Retry-After", "20")(w, r, h)
				return
			}
			later(time.Second)(w, r, h) // back within the window
		}))
		o.Kinds = accessAssignments
		expectState(t, took(t, o), snapshot.AccessAssignments, snapshot.Complete, "")
		if first, within := came.between(0, 1), came.between(1, 20*time.Second); first != 8 || within > 0 || len(came.at) != 41 {
			t.Errorf("of %d requests %d came at once and %d within the window", len(came.at), first, within)
		}
	})},
	{"T07", "429 with a scope of the tenant, or of the whole app", "the one holds this tenant, the other all of them", simulated(func(t *testing.T) {
		for scope, waited := range map[string]time.Duration{"Tenant_Application/ReadWrite/app/tenant": 0, "Application/ReadWrite/app": time.Minute - time.Second} {
			app, begun := &graph.Gate{}, time.Now()
			var first, second arrivals
			ways := map[string]*http.Client{
				"c1": within(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if first.come() == 1 {
						throttled("Retry-After", "60", "x-ms-throttle-scope", scope)(w, r, nil)
						return
					}
					newCanned().ServeHTTP(w, r)
				})),
				"c2": within(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { second.come(); newCanned().ServeHTTP(w, r) })),
			}
			o := inProcess(t, newCanned())
			o.Customer = func(tenant string) (collectors.Client, error) {
				if tenant == "c2" {
					<-time.NewTimer(time.Second).C // the other one's 429 has come
				}
				return clientOf(t, tenant, ways[tenant], func(o *graph.Options) { o.App = app }), nil
			}
			o.Kinds = []snapshot.Kind{snapshot.CustomerLicences}
			o.Declared.Customers = []snapshot.DeclaredCustomer{{Tenant: "c1", Collect: o.Kinds}, {Tenant: "c2", Collect: o.Kinds}}
			r := took(t, o)
			for _, c := range loadParts(t, o.Store, r).Tenants() {
				if c.State != snapshot.Complete {
					t.Errorf("%s: %+v", scope, c)
				}
			}
			if n, least := len(first.at), first.between(0, time.Minute); n != 2 || least != 1 {
				t.Errorf("%s: %d requests of the tenant itself, %d within the window", scope, n, least)
			}
			if got := second.at[0].Sub(begun) - time.Second; got < waited || got > waited+4*time.Second {
				t.Errorf("%s: the other tenant waited %v, want %v", scope, got, waited)
			}
		}
	})},
	{"T08", "200 that says 0.9 of the quota are used", "half as many requests at once, and half of those, before any 429", simulated(func(t *testing.T) {
		var came arrivals
		o := inProcess(t, ofAssignments(manyRelated(40), func(w http.ResponseWriter, r *http.Request, h http.Handler) {
			came.come()
			w.Header().Set("x-ms-throttle-limit-percentage", "0.9")
			later(time.Second)(w, r, h)
		}))
		o.Kinds = accessAssignments
		expectState(t, took(t, o), snapshot.AccessAssignments, snapshot.Complete, "")
		var each []int
		for s := range 5 {
			each = append(each, came.between(time.Duration(s)*time.Second, time.Duration(s+1)*time.Second))
		}
		if !slices.Equal(each, []int{8, 4, 2, 1, 1}) {
			t.Errorf("at once, second by second: %v", each)
		}
	})},
	{"T09", "503, with and without Retry-After", "as 429",
		all(inList(ending{told: []float64{5}}, refuses(503, "serviceNotAvailable", "Retry-After", "5")), inList(ending{waits: []float64{1.5}}, refuses(503, "serviceNotAvailable")))},
	{"T10", "504, 502, 500, 408 and 509 once each", "each is asked again, and all is there",
		inList(ending{waits: []float64{1.5, 3, 6, 12, 24}}, refuses(504, "x"), refuses(502, "x"), refuses(500, "x"), refuses(408, "x"), refuses(509, "x"))},
	{"T11", "500 for ever on page 7 of 20", "partial after eight tries; the six pages and the refusal are kept as evidence, nothing is taken for gone", simulated(func(t *testing.T) {
		c := manyRelated(20)
		c.page = 1
		s := &spoiler{Handler: c, list: gdap}
		o := inProcess(t, s)
		o.Kinds = onlyRelationships
		expectState(t, took(t, o), snapshot.Relationships, snapshot.Complete, "")
		s.steps, s.asked = after(6, always(refuses(500, "x"))...), nil
		c.rows[gdap] = append(c.rows[gdap][1:], `{"id":"new","status":"active"}`)
		o.At = tomorrow()
		r := took(t, o)
		expectState(t, r, snapshot.Relationships, snapshot.Partial, "broken: page 7: 500 x")
		if len(s.asked) != 6+8 {
			t.Errorf("%d requests, want 6 and eight tries", len(s.asked))
		}
		expectLines(t, "evidence", lines(t, o.Store, `SELECT status, count(*), sum(rows) FROM evidence WHERE snapshot = ? GROUP BY status ORDER BY status`, r.Snapshot), "200 6 6", "500 1 0")
		expectLines(t, "relationships", lines(t, o.Store, `SELECT count(*), sum(id = 'r0'), sum(id = 'new') FROM relationship WHERE snapshot = ?`, r.Snapshot), "20 1 0")
	})},
	{"T12", "answers that a repetition will not better", "one request, and the code is named",
		all(inList(ending{state: snapshot.Failed, reason: "BadWord", requests: 2}, refuses(400, "BadWord"), refuses(400, "BadWord")), // the second without $top
			forEach(ending{state: snapshot.Failed, reason: "BadWord", requests: 1}, map[string]step{"501": refuses(501, "BadWord"), "405": refuses(405, "BadWord"), "406": refuses(406, "BadWord"),
				"413": refuses(413, "BadWord"), "415": refuses(415, "BadWord"), "422": refuses(422, "BadWord"), "423": refuses(423, "BadWord")}))},
	{"T13", "an answer that never begins", "the try ends after a minute, the next one succeeds", inList(ending{waits: []float64{60}}, hangs)},
	{"T14", "an answer that stops in the midst, or comes a byte each 20 s for ever", "a minute without a byte ends the try, and so do ten minutes of the whole", all(
		inList(ending{waits: []float64{60}}, dripping(0)), inList(ending{waits: []float64{600}}, dripping(20*time.Second)))},
	{"T15", "a service that allows 5 report requests in 10 s of each tenant, asked about fifty", "no more are made", simulated(func(t *testing.T) {
		var own arrivals
		o := inProcess(t, counting(newCanned(), "/auditLogs/", &own), func(o *graph.Options) { o.Limits = graph.Limits{} })
		o.Kinds = []snapshot.Kind{snapshot.SignIns, snapshot.Audits, snapshot.CustomerSignIns}
		theirs := map[string]*arrivals{}
		ways := map[string]*http.Client{}
		for i := range 50 {
			id := fmt.Sprintf("c%d", i)
			theirs[id] = &arrivals{}
			ways[id] = within(t, counting(newCanned(), "/auditLogs/", theirs[id]))
			o.Declared.Customers = append(o.Declared.Customers, snapshot.DeclaredCustomer{Tenant: id, Collect: []snapshot.Kind{snapshot.CustomerSignIns}})
		}
		o.Customer = func(tenant string) (collectors.Client, error) {
			return clientOf(t, tenant, ways[tenant], func(o *graph.Options) { o.Limits = graph.Limits{} }), nil
		}
		took(t, o)
		if most := own.most(10 * time.Second); most != 5 || len(own.at) < 31 {
			t.Errorf("the MSP's tenant was asked %d times, %d in 10 s", len(own.at), most)
		}
		for id, a := range theirs {
			if most := a.most(10 * time.Second); most != 5 {
				t.Errorf("%s was asked %d times, %d in 10 s", id, len(a.at), most)
			}
		}
	})},
	{"T16", "a service that allows one identity protection request a second and names no wait", "no more are made", simulated(func(t *testing.T) {
		var came arrivals
		c := newCanned()
		c.page = 1
		for i := range 6 {
			row := fmt.Sprintf(`{"id":"p%d"}`, i)
			c.rows["/v1.0/identityProtection/riskyUsers"] = append(c.rows["/v1.0/identityProtection/riskyUsers"], row)
			c.rows["/v1.0/identity/conditionalAccess/policies"] = append(c.rows["/v1.0/identity/conditionalAccess/policies"], row)
		}
		o := inProcess(t, counting(c, "/v1.0/identity", &came), func(o *graph.Options) { o.Limits = graph.Limits{} })
		o.Kinds = []snapshot.Kind{snapshot.RiskyUsers, snapshot.ConditionalAccess}
		took(t, o)
		if most := came.most(time.Second); most != 1 || len(came.at) < 12 {
			t.Errorf("asked %d times, %d in a second", len(came.at), most)
		}
	})},
	{"T17", "a batch of which one part is throttled, one broken, one gone and one missing; a batch lost as a whole", "each part is judged and repeated alone; what stays away is named", simulated(func(t *testing.T) {
		r := spoiled(t, "/v1.0/$batch", []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments}, refuses(http.StatusFailedDependency, "FailedDependency"),
			alters(func(_ *http.Request, _ http.Header, body string) string {
				var batch struct {
					Responses []map[string]any `json:"responses"`
				}
				if err := json.Unmarshal([]byte(body), &batch); err != nil || len(batch.Responses) < 4 {
					panic(fmt.Sprint(err, body))
				}
				for i, status := range []int{429, 503, 404} {
					batch.Responses[i]["status"], batch.Responses[i]["body"] = status, map[string]any{"error": map[string]any{"code": "x", "message": "No."}}
				}
				batch.Responses = append(batch.Responses[:3], batch.Responses[4:]...)
				changed, _ := json.Marshal(batch)
				return string(changed)
			}))
		result := r.run()
		gone := 0
		for _, p := range parts(t, r.options.Store, result.Snapshot) {
			if p.Kind == snapshot.AccessAssignments && p.State != snapshot.Complete {
				gone++
				if !strings.Contains(p.Reason, "not found: 404") {
					t.Errorf("%+v", p)
				}
			}
		}
		if gone != 1 {
			t.Errorf("%d parts are not whole, want the one that was gone", gone)
		}
		expectConserved(t, r.options.Store, result.Snapshot)
	})},
}

// hangs answers nothing, until whoever asked has left.
func hangs(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = io.Copy(io.Discard, r.Body) // or it is not seen that the client leaves
	<-r.Context().Done()
}

// dripping is an answer that comes byte by byte, or stops after its first ones.
func dripping(every time.Duration) step {
	return func(w http.ResponseWriter, r *http.Request, h http.Handler) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"value":[`)
		w.(http.Flusher).Flush()
		for every > 0 && r.Context().Err() == nil {
			select {
			case <-time.NewTimer(every).C:
			case <-r.Context().Done():
			}
			fmt.Fprint(w, " ")
			w.(http.Flusher).Flush()
		}
		hangs(w, r, h)
	}
}

// counting notes the requests of paths that hold a text.
func counting(h http.Handler, path string, came *arrivals) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, path) {
			came.come()
		}
		h.ServeHTTP(w, r)
	})
}
