package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"countersign/collectors/graph"
)

// start is when every test's clock begins.
var start = time.Date(2026, 3, 31, 9, 0, 0, 0, time.UTC)

const (
	tenant = "11111111-1111-1111-1111-111111111111"
	canary = "canary-token-7f3a9c"
)

// step answers one request.
type step func(w http.ResponseWriter, r *http.Request)

// seen is one request as the server saw it.
type seen struct {
	method, uri, auth, consistency string
	at                             time.Time
}

// server answers its n-th request with the n-th step and the last one ever after.
type server struct {
	*httptest.Server
	clock *clockwork.FakeClock
	mu    sync.Mutex
	log   []seen
	steps []step
}

func serve(t testing.TB, steps ...step) *server {
	t.Helper()
	s := &server{clock: clockwork.NewFakeClockAt(start), steps: steps}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.log = append(s.log, seen{r.Method, r.RequestURI, r.Header.Get("Authorization"), r.Header.Get("ConsistencyLevel"), s.clock.Now()})
	do := s.steps[min(len(s.log), len(s.steps))-1]
	s.mu.Unlock()
	do(w, r)
}

func (s *server) requests() []seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]seen(nil), s.log...)
}

// gaps gives the time between the server's requests, in whole seconds.
func (s *server) gaps() []int {
	var gaps []int
	for i, r := range s.requests() {
		if i > 0 {
			gaps = append(gaps, int(r.at.Sub(s.log[i-1].at)/time.Second))
		}
	}
	return gaps
}

// client makes a client of s whose waits pass at once, in steps of fake time.
func (s *server) client(t testing.TB, change ...func(*graph.Options)) *graph.Client {
	t.Helper()
	credential, err := graph.NewCredential(graph.CredentialOptions{Kind: "token", Token: canary})
	if err != nil {
		t.Fatal(err)
	}
	o := graph.Options{Endpoints: graph.Endpoints{Graph: s.URL}, Tenant: tenant, Credential: credential,
		Clock: s.clock, Jitter: func() float64 { return 0 }, Limits: graph.NoQuotas()}
	for _, f := range change {
		f(&o)
	}
	c, err := graph.New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s.clock.BlockUntilContext(ctx, 1) == nil {
			s.clock.Advance(250 * time.Millisecond)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	return c
}

func raw(status int, contentType, body string, headers ...string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.Header().Set("request-id", "rid-1")
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

func ok(body string) step {
	return raw(200, "application/json;odata.metadata=minimal;charset=utf-8", body)
}

func fail(status int, code, message string, headers ...string) step {
	body, _ := json.Marshal(map[string]any{"error": map[string]any{"code": code, "message": message}})
	return raw(status, "application/json", string(body), headers...)
}

// rows answers a page; next, when not "", is a nextLink in which {host} is the server.
func rows(next string, ids ...string) step {
	return func(w http.ResponseWriter, r *http.Request) {
		page := map[string]any{"value": []any{}}
		var value []any
		for _, id := range ids {
			value = append(value, map[string]string{"id": id})
		}
		if value != nil {
			page["value"] = value
		}
		if next != "" {
			page["@odata.nextLink"] = strings.ReplaceAll(next, "{host}", r.Host)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(page)
	}
}

// cut ends the connection after what is written, as a reset.
func cut(written string) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		buffered.WriteString(written)
		buffered.Flush()
		conn.Close()
	}
}

// list reads a whole list as a consumer does: rows by id, dropped on a restart.
func list(ctx context.Context, c *graph.Client, path string) (string, error) {
	rows, _, err := counted(ctx, c, path)
	return rows, err
}

// counted is list, and tells how many requests pages and error count.
func counted(ctx context.Context, c *graph.Client, path string) (rows string, requests int, err error) {
	ids, order := map[string]bool{}, []string{}
	err = c.EachPage(ctx, path, func(p graph.Page) error {
		requests += p.Requests
		if p.Restart {
			ids, order = map[string]bool{}, nil
		}
		for _, row := range p.Rows {
			var r struct{ ID string }
			if err := json.Unmarshal(row, &r); err != nil {
				return err
			}
			if !ids[r.ID] {
				ids[r.ID] = true
				order = append(order, r.ID)
			}
		}
		return nil
	})
	if e := (*graph.Error)(nil); errors.As(err, &e) {
		requests += e.Attempts
	}
	return strings.Join(order, " "), requests, err
}
