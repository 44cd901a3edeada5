package graph_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors/graph"
)

// T06: a server that counts each call within the window as a new offence. One
// worker's 429 holds all; only what was on the wire already may come after it.
func TestGateHoldsAllWorkers(t *testing.T) {
	var s *server
	var until, early atomic.Int64
	until.Store(1)
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		now := int64(s.clock.Now().Sub(start))
		switch {
		case until.CompareAndSwap(1, int64(20*time.Second)):
			fail(429, "x", "", "Retry-After", "20")(w, r)
		case now < until.Load():
			early.Add(1)
			fail(429, "x", "", "Retry-After", "20")(w, r)
		default:
			rows("", "x")(w, r)
		}
	})
	_, errs := together(t.Context(), s.client(t), 200, member)
	if err := errors.Join(errs...); err != nil || early.Load() > 7 {
		t.Error(err, early.Load())
	}
}

// T07: an Application wide 429 holds the app's other tenants, a tenant's does not.
func TestGateScope(t *testing.T) {
	for scope, held := range map[string]bool{"Application/ReadWrite/app": true, "Tenant_Application/ReadWrite/app/tenant": false} {
		a := serve(t, fail(429, "x", "", "Retry-After", "60", "x-ms-throttle-scope", scope), rows(""))
		b := serve(t, rows(""))
		b.clock = a.clock
		app := &graph.Gate{}
		share := func(o *graph.Options) { o.App = app }
		other := b.client(t, share)
		var err error
		first := a.client(t, share, func(o *graph.Options) {
			o.OnWait = func(string, time.Duration) {
				if len(b.requests()) == 0 && !held {
					_, err = list(t.Context(), other, groups) // must not wait
				}
			}
		})
		if _, err := list(t.Context(), first, groups); err != nil {
			t.Fatal(err)
		}
		if held {
			_, err = list(t.Context(), other, groups)
		}
		if err != nil {
			t.Fatal(err)
		}
		if waited := b.requests()[0].at.Sub(start) >= time.Minute; waited != held {
			t.Errorf("%s: the other tenant waited: %v", scope, waited)
		}
	}
}

// T08: a quota nearly used lowers concurrency before any 429.
func TestNearLimitSlowsDown(t *testing.T) {
	var now, most atomic.Int64
	var n atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		running := now.Add(1)
		defer now.Add(-1)
		if n.Add(1) > 50 && running > most.Load() {
			most.Store(running)
		}
		w.Header().Set("x-ms-throttle-limit-percentage", "0.9")
		rows("", "x")(w, r)
	})
	_, errs := together(t.Context(), s.client(t), 200, member)
	if errors.Join(errs...) != nil || most.Load() != 1 {
		t.Errorf("%d at once after 50 warnings, %v", most.Load(), errors.Join(errs...))
	}
}

// T15: at most 5 report requests in any 10 s. T16: at most 1 in a second.
func TestQuotas(t *testing.T) {
	for path, every := range map[string]time.Duration{
		"/v1.0/auditLogs/directoryAudits": 2 * time.Second, "/beta/reports/x": 2 * time.Second,
		"/v1.0/identityProtection/riskyUsers": time.Second, "/v1.0/identity/conditionalAccess/policies": time.Second,
		"/v1.0/groups": 0,
	} {
		s := serve(t, rows("", "x"))
		c := s.client(t, func(o *graph.Options) { o.Limits = graph.Limits{} })
		for i := range 12 { // in turn, so that the clock stands while a request is on its way
			if _, err := list(t.Context(), c, fmt.Sprint(path, "?i=", i)); err != nil {
				t.Fatal(err)
			}
		}
		all := s.requests()
		for i := 1; i < len(all); i++ {
			if gap := all[i].at.Sub(all[i-1].at); gap < every {
				t.Errorf("%s: %v after the one before", path, gap)
			}
		}
		if span := all[11].at.Sub(start); span < 11*every {
			t.Errorf("%s: 12 requests in %v", path, span)
		}
	}
}

// Partner Center: at most 500 requests in a minute, whatever their path.
func TestPartnerCenterQuota(t *testing.T) {
	var waits []time.Duration
	c := serve(t, answer(`{"items":[]}`)).client(t, partner, func(o *graph.Options) {
		o.Limits = graph.Limits{}
		o.OnWait = func(_ string, wait time.Duration) { waits = append(waits, wait) }
	})
	for _, path := range []string{"/v1/customers?size=500", "/v1/auditrecords?startDate=2026-05-01"} {
		if _, err := list(t.Context(), c, path); err != nil {
			t.Fatal(err)
		}
	}
	if len(waits) != 1 || waits[0] != time.Minute/500 {
		t.Errorf("waited %v", waits)
	}
}

// T05: a tenant that throttles forever uses up its time once, not once a list; and
// a Retry-After beyond the budget keeps later requests from being sent at all.
func TestBudgets(t *testing.T) {
	s := serve(t, fail(429, "x", "", "Retry-After", "300"))
	c := s.client(t)
	for range 20 {
		if _, err := list(t.Context(), c, groups); err == nil {
			t.Fatal("a throttled list is complete")
		}
	}
	if waited := s.clock.Now().Sub(start); waited > 37*time.Minute {
		t.Errorf("waited %v", waited)
	}
	s = serve(t, fail(429, "x", "", "Retry-After", "86400"))
	c = s.client(t)
	for range 20 {
		var e *graph.Error
		if _, err := list(t.Context(), c, groups); !errors.As(err, &e) || e.Reason != graph.Throttled {
			t.Fatal(err)
		}
	}
	if n := len(s.requests()); n != 1 {
		t.Errorf("%d requests in a closed window", n)
	}
}

// Promise 1: whatever a client is asked, the server sees GETs and batches of GETs.
func TestMethodAudit(t *testing.T) {
	var calls, parts atomic.Int64
	s := serve(t, batches(t, &calls, &parts, func(string) *inner { return page("x") }))
	c := s.client(t, batching)
	together(t.Context(), c, 100, member)
	c.Get(t.Context(), "/v1.0/organization")
	for _, r := range s.requests() {
		if r.method != http.MethodGet && !(r.method == http.MethodPost && strings.HasSuffix(r.uri, "/$batch")) {
			t.Errorf("server saw %s %s", r.method, r.uri)
		}
	}
}
