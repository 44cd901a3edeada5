package collectors_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"countersign/collectors"
	"countersign/fixtures"
)

// TestInterruptedAtAnyRequest ends a run when its n-th request arrives, which gets
// no answer. The next run goes on: it asks nothing again of what was seen whole, and
// seals what an undisturbed run seals. (Row L03 does the same to processes.)
func TestInterruptedAtAnyRequest(t *testing.T) {
	type service struct {
		*fixtures.Server
		url   string
		count atomic.Int64
		at    int64
		stop  context.CancelFunc
	}
	start := func(t *testing.T) *service {
		s := &service{Server: fixtures.NewServer(invented(), fixtures.ServerOptions{Now: atOnce, PageSize: 200})}
		listener := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if s.count.Add(1) == s.at {
				s.stop()
				panic(http.ErrAbortHandler) // which ends the connection
			}
			s.ServeHTTP(w, r)
		}))
		t.Cleanup(listener.Close)
		s.url = listener.URL
		return s
	}
	options := func(t *testing.T, s *service, path string, m mode) collectors.Options {
		return collectors.Options{Tenant: invented().Tenant(), Client: newClient(t, s.url, invented().Tenant(), m), Store: openStore(t, path), At: now, Now: atOnce, Kinds: appKinds}
	}
	for _, m := range []mode{{1, false}, {4, true}} {
		whole := start(t)
		o := options(t, whole, filepath.Join(t.TempDir(), "whole.db"), m)
		want, err := collectors.Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		truth := facts(t, o.Store, want.Snapshot, "fact", "log", "derived")
		total := whole.count.Load()
		if m.batch && total < 20 || !m.batch && total < 150 {
			t.Fatalf("a whole run makes only %d requests", total)
		}
		last := total
		if m.batch {
			last -= total / 4 // how many requests share a batch is chance
		}
		for n := int64(1); n <= last; n += max(1, total/9) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				s := start(t)
				ctx, cancel := context.WithCancel(context.Background())
				s.at, s.stop = n, cancel
				path := filepath.Join(t.TempDir(), "a.db")
				o := options(t, s, path, m)
				_, err := collectors.Run(ctx, o)
				if s.count.Load() < n { // batches are not always as many
					return
				}
				if !errors.Is(err, context.Canceled) {
					t.Fatalf("interrupted at request %d: %v", n, err)
				}
				var asked []string // of parts that were seen whole
				if err := o.Store.Read().Select(&asked, `SELECT i.value FROM evidence e JOIN ident i ON i.id = e.path JOIN part_seen s ON s.part = e.part AND s.state = 'complete'`); err != nil {
					t.Fatal(err)
				}
				done := map[string]bool{}
				for _, path := range asked {
					done[path] = true
				}
				before := len(s.Journal())
				r, err := collectors.Run(context.Background(), o)
				if err != nil || !r.Resumed || r.Snapshot != want.Snapshot || r.Seal != want.Seal {
					t.Errorf("resumed after request %d: %+v (%v), want the seal %s", n, r, err, want.Seal)
				}
				if !equalFacts(facts(t, o.Store, r.Snapshot, "fact", "log", "derived"), truth) {
					t.Errorf("resumed after request %d: other facts", n)
				}
				for _, one := range single(s.Journal()[before:]) {
					if done[one.Path+"?"+one.Query] {
						t.Errorf("interrupted at request %d: %s was asked again, though it had been seen whole", n, one.Path)
					}
				}
				if n > 2 && len(done) == 0 && !m.batch {
					t.Errorf("interrupted at request %d: nothing had been seen whole", n)
				}
				expectWhole(t, o.Store)
			})
		}
	}
}

// single lists GETs, the parts of a batch one by one.
func single(journal []fixtures.Request) (all []fixtures.Request) {
	for _, r := range journal {
		if strings.HasSuffix(r.Path, "/$batch") {
			all = append(all, r.Batch...)
		} else {
			all = append(all, r)
		}
	}
	return all
}
