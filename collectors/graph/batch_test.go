package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors/graph"
)

// inner is what a test's server says to one part of a batch.
type inner struct {
	status  int
	headers map[string]string
	body    string
}

// batches answers $batch requests part by part, and plain GETs alike. It fails the
// test when a batch breaks Graph's rules: 20 parts, GET alone, relative URLs.
func batches(t testing.TB, calls, parts *atomic.Int64, say func(url string) *inner) step {
	return func(w http.ResponseWriter, r *http.Request) {
		calls.Add(1)
		w.Header().Set("Content-Type", "application/json")
		if r.Method == http.MethodGet {
			parts.Add(1)
			a := say(r.RequestURI)
			if a == nil {
				a = &inner{status: 500}
			}
			for k, v := range a.headers {
				w.Header().Set(k, v)
			}
			w.WriteHeader(a.status)
			fmt.Fprint(w, a.body)
			return
		}
		version, found := strings.CutSuffix(r.URL.Path, "/$batch")
		var body struct {
			Requests []struct {
				ID, Method, URL string
				Headers         map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || !found || len(body.Requests) < 1 || len(body.Requests) > 20 {
			t.Errorf("batch of %d to %s: %v", len(body.Requests), r.URL, err)
		}
		var out []map[string]any
		for _, q := range slices.Backward(body.Requests) { // parts may come in any order
			if q.Method != http.MethodGet || !strings.HasPrefix(q.URL, "/") || strings.HasPrefix(q.URL, "/v1.0") || q.Headers["Prefer"] == "" {
				t.Errorf("part is %+v", q)
			}
			parts.Add(1)
			a := say(version + q.URL)
			if a == nil {
				continue
			}
			h := map[string]string{"Content-Type": "application/json"}
			for k, v := range a.headers {
				h[k] = v
			}
			out = append(out, map[string]any{"id": q.ID, "status": a.status, "headers": h, "body": json.RawMessage(a.body)})
		}
		json.NewEncoder(w).Encode(map[string]any{"responses": out})
	}
}

func page(id string) *inner { return &inner{200, nil, `{"value":[{"id":"` + id + `"}]}`} }

// batching is for a server of which it is known that its quota suffices.
func batching(o *graph.Options) {
	o.Batch, o.Concurrency = true, 4
	o.Limits.Tenants, o.Limits.Directory = 1e6, 1e6
}

// together reads n lists and gives each one's rows or error.
func together(ctx context.Context, c *graph.Client, n int, path func(i int) string) ([]string, []error) {
	got, errs := make([]string, n), make([]error, n)
	c.Together(ctx, n, func(ctx context.Context, i int) { got[i], errs[i] = list(ctx, c, path(i)) })
	return got, errs
}

func member(i int) string { return fmt.Sprintf("/v1.0/groups/g%d/members", i) }

// 1000 requests make 50 batches, whatever the timing; each part gets its own answer.
func TestCoalescing(t *testing.T) {
	var calls, parts atomic.Int64
	s := serve(t, batches(t, &calls, &parts, func(url string) *inner { return page(strings.Split(url, "/")[3]) }))
	got, errs := together(t.Context(), s.client(t, batching), 1000, member)
	for i := range got {
		if errs[i] != nil || got[i] != fmt.Sprintf("g%d", i) {
			t.Fatalf("part %d: %q, %v", i, got[i], errs[i])
		}
	}
	if calls.Load() != 50 || parts.Load() != 1000 {
		t.Errorf("%d batches of %d parts", calls.Load(), parts.Load())
	}
}

// Pages of a list go by batch too, and beta apart from v1.0; reports with a quota
// of their own go alone.
func TestBatchRoutes(t *testing.T) {
	var calls, parts atomic.Int64
	var s *server
	s = serve(t, batches(t, &calls, &parts, func(url string) *inner {
		if strings.HasSuffix(url, "/g0/members") {
			return &inner{200, nil, `{"value":[{"id":"first"}],"@odata.nextLink":"` + s.URL + url + `?$skiptoken=2"}`}
		}
		return page("last")
	}))
	c := s.client(t, batching, func(o *graph.Options) { o.Limits.Reports = 0 })
	got, errs := together(t.Context(), c, 60, func(i int) string {
		return []string{"/beta/groups/g0/members", "/v1.0/groups/g0/members", "/v1.0/auditLogs/signIns"}[i%3]
	})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if want := []string{"first last", "first last", "last"}[i%3]; got[i] != want {
			t.Errorf("%d: %q", i, got[i])
		}
	}
	if calls.Load() != 4+20 || parts.Load() != 100 {
		t.Errorf("%d calls, %d parts", calls.Load(), parts.Load())
	}
}

// T17: each part is judged alone and repeated alone, by its own Retry-After; a
// part missing from the answer is no empty list.
func TestBatchParts(t *testing.T) {
	var calls, parts atomic.Int64
	var tried [20]atomic.Int64
	var s *server
	var back [20]atomic.Int64 // seconds after start of the last try
	s = serve(t, batches(t, &calls, &parts, func(url string) *inner {
		var i int
		fmt.Sscanf(url, "/v1.0/groups/g%d/", &i)
		try := tried[i].Add(1)
		back[i].Store(int64(s.clock.Now().Sub(start) / time.Second))
		switch {
		case i == 0 && try == 1:
			return &inner{429, map[string]string{"Retry-After": "7"}, `{"error":{"code":"TooManyRequests","message":""}}`}
		case i == 1 && try == 1:
			return &inner{503, map[string]string{"Retry-After": "3"}, `{"error":{"code":"x","message":""}}`}
		case i == 2:
			return &inner{404, nil, `{"error":{"code":"Request_ResourceNotFound","message":""}}`}
		case i == 3:
			return nil
		case i == 4 && try == 1:
			return &inner{200, map[string]string{"Content-Type": "text/html"}, `"PGh0bWw+"`}
		case i == 5 && try == 1:
			return &inner{401, nil, `{"error":{"code":"InvalidAuthenticationToken","message":""}}`}
		}
		return page("x")
	}))
	got, errs := together(t.Context(), s.client(t, batching), 20, member)
	for i, want := range []struct {
		reason graph.Reason
		tries  int64
	}{{"", 2}, {"", 2}, {graph.NotFound, 1}, {graph.Broken, 3}, {"", 2}, {"", 2}, {"", 1}} {
		var e *graph.Error
		if want.reason == "" && (errs[i] != nil || got[i] != "x") || want.reason != "" && (!errors.As(errs[i], &e) || e.Reason != want.reason || e.Path != member(i)) {
			t.Errorf("part %d: %q, %v", i, got[i], errs[i])
		}
		if n := tried[i].Load(); i != 3 && n != want.tries {
			t.Errorf("part %d tried %d times", i, n)
		}
	}
	if back[0].Load() < 7 || back[1].Load() < 3 {
		t.Error("a part came back before its Retry-After")
	}
}

// T17: a batch that fails as a whole is repeated as a whole, then each part fails.
func TestBatchFails(t *testing.T) {
	for _, fault := range []step{fail(424, "x", ""), fail(503, "x", ""), cut(""), ok(`{}`), ok(`{"responses":[{"id":"0","status":200,"body":{}},{"id":"0","status":200,"body":{}}]}`),
		ok(`{"responses":[{"id":"99","status":200,"body":{}}]}`)} {
		var calls, parts atomic.Int64
		good := batches(t, &calls, &parts, func(string) *inner { return page("x") })
		s := serve(t, fault, good)
		if _, errs := together(t.Context(), s.client(t, batching), 20, member); errors.Join(errs...) != nil || len(s.requests()) != 2 {
			t.Error(errors.Join(errs...), len(s.requests()))
		}
		s = serve(t, fault)
		_, errs := together(t.Context(), s.client(t, batching), 20, member)
		for i, err := range errs {
			var e *graph.Error
			if !errors.As(err, &e) || e.Reason != graph.Broken || e.Path != member(i) {
				t.Errorf("part %d: %v", i, err)
			}
		}
		if n := len(s.requests()); n != 8 && n != 3 {
			t.Errorf("%d requests", n)
		}
	}
}

// Parts throttled together come back together, not in batches of one.
func TestThrottledPartsStayTogether(t *testing.T) {
	var calls, parts atomic.Int64
	var s *server
	s = serve(t, batches(t, &calls, &parts, func(string) *inner {
		if s.clock.Now().Sub(start) < 10*time.Second {
			return &inner{429, map[string]string{"Retry-After": "10"}, `{"error":{"code":"x"}}`}
		}
		return page("x")
	}))
	if _, errs := together(t.Context(), s.client(t, batching), 20, member); errors.Join(errs...) != nil {
		t.Fatal(errs)
	}
	if calls.Load() != 2 {
		t.Errorf("%d batches", calls.Load())
	}
}

// What pages and errors count is what the server was asked, whatever befell the
// batches.
func TestBatchedRequestsAreCounted(t *testing.T) {
	var calls, parts, counts atomic.Int64
	var tries sync.Map
	served := batches(t, &calls, &parts, func(url string) *inner {
		n, _ := tries.LoadOrStore(url, new(atomic.Int64))
		switch try := n.(*atomic.Int64).Add(1); {
		case strings.Contains(url, "/g3/"):
			return &inner{403, nil, `{"error":{"code":"Authorization_RequestDenied"}}`}
		case try == 2:
			return &inner{503, nil, `{"error":{"code":"x"}}`}
		}
		return page("x")
	})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Load() == 0 { // the batch is read, and lost as a whole
			served(httptest.NewRecorder(), r)
			fail(503, "x", "")(w, r)
			return
		}
		served(w, r)
	})
	c := s.client(t, batching)
	c.Together(t.Context(), 20, func(ctx context.Context, i int) {
		_, n, err := counted(ctx, c, member(i))
		counts.Add(int64(n))
		var e *graph.Error
		if want := map[int]int{3: 403}[i]; want == 0 && err != nil || want > 0 && (!errors.As(err, &e) || e.Status != want || e.Attempts < 2) {
			t.Errorf("%d: %v", i, err)
		}
	})
	if counts.Load() != parts.Load() || parts.Load() <= 40 {
		t.Errorf("%d requests are counted of %d", counts.Load(), parts.Load())
	}
}

// Without Batch at most Concurrency requests are on the wire; all indices run.
func TestTogetherUnbatched(t *testing.T) {
	var now, most, all atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		n := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		all.Add(1)
		rows("", "x")(w, r)
	})
	_, errs := together(t.Context(), s.client(t, func(o *graph.Options) { o.Concurrency = 3 }), 100, member)
	if errors.Join(errs...) != nil || all.Load() != 100 || most.Load() > 3 {
		t.Error(errors.Join(errs...), all.Load(), most.Load())
	}
}

// A cancelled run ends, each index with the context's error.
func TestTogetherCancelled(t *testing.T) {
	for _, batch := range []bool{true, false} {
		s := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		ctx, cancel := context.WithCancel(t.Context())
		c := s.client(t, func(o *graph.Options) { o.Batch, o.Concurrency = batch, 2 })
		var begun atomic.Int64
		var errs [50]error
		c.Together(ctx, 50, func(ctx context.Context, i int) {
			if begun.Add(1) == 2 {
				cancel()
			}
			_, errs[i] = list(ctx, c, member(i))
		})
		for i, err := range errs {
			if !errors.Is(err, context.Canceled) {
				t.Errorf("batch %v, %d: %v", batch, i, err)
			}
		}
	}
}

// A Together within a Together keeps no batch of the outer one waiting.
func TestTogetherNested(t *testing.T) {
	var calls, parts atomic.Int64
	s := serve(t, batches(t, &calls, &parts, func(string) *inner { return page("x") }))
	c := s.client(t, batching)
	c.Together(t.Context(), 10, func(ctx context.Context, i int) {
		if i%2 == 0 {
			c.Together(ctx, 5, func(ctx context.Context, j int) { list(ctx, c, member(j)) })
		}
		list(ctx, c, member(i))
	})
	if parts.Load() != 35 {
		t.Errorf("%d parts", parts.Load())
	}
}

// Logs have pages of a thousand events: even without a quota they leave one by one,
// and few of the lists are read at once, so that few pages are held.
func TestLargeLists(t *testing.T) {
	var calls, parts atomic.Int64
	var open, most atomic.Int64
	var s *server
	s = serve(t, batches(t, &calls, &parts, func(url string) *inner {
		if !strings.Contains(url, "$skiptoken") {
			if n := open.Add(1); n > most.Load() {
				most.Store(n)
			}
			return &inner{200, nil, `{"value":[{"id":"first"}],"@odata.nextLink":"` + s.URL + url + `&$skiptoken=2"}`}
		}
		open.Add(-1)
		return page("last")
	}))
	_, errs := together(t.Context(), s.client(t, batching), 40, func(i int) string { return fmt.Sprint("/beta/auditLogs/signIns?i=", i) })
	if err := errors.Join(errs...); err != nil || calls.Load() != 80 || most.Load() > 2 {
		t.Errorf("%d requests, %d lists at once, %v", calls.Load(), most.Load(), err)
	}
}
