package collectors_test

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"countersign/collectors"
	"countersign/collectors/store"
	"countersign/fixtures"
)

// breaking ends a run when the n-th request arrives, which gets no answer.
type breaking struct {
	http.Handler
	asked atomic.Int64
	at    int64
	stop  context.CancelFunc
}

func (b *breaking) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if b.asked.Add(1) == b.at {
		b.stop()
		panic(http.ErrAbortHandler) // which ends the connection
	}
	b.Handler.ServeHTTP(w, r)
}

// breakable is a world of which all there is can be collected, in simulated time, until
// a request comes.
func breakable(t testing.TB, m mode) (*world, *breaking) {
	w := &world{TB: t, at: now, mode: m, store: openStore(t, filepath.Join(t.TempDir(), "a.db"))}
	w.simulated(openTenants(), fixtures.ServerOptions{PageSize: 500})
	b := &breaking{Handler: w.server}
	w.way = within(t, b)
	return w, b
}

// TestInterruptedAtAnyRequest ends a run over all there is when its n-th request arrives,
// which gets no answer. The next run goes on: it asks nothing again of what was seen
// whole, and seals what an undisturbed run seals. (Row L03 does the same to processes.)
func TestInterruptedAtAnyRequest(t *testing.T) {
	t.Parallel()
	for _, m := range []mode{{1, false}, {4, true}} {
		var want collectors.Result
		var truth map[store.Part][]string
		var total int64
		alone := map[string]bool{} // what is asked of one tenant alone
		simulated(func(t *testing.T) {
			w, b := breakable(t, m)
			want = w.take(w.everything())
			truth, total = facts(t, w.store, want.Snapshot, "fact", "log", "derived"), b.asked.Load()
			for _, path := range column[string](t, w.store, `SELECT i.value FROM evidence e JOIN ident i ON i.id = e.path JOIN part p ON p.id = e.part GROUP BY e.path HAVING count(DISTINCT p.scope) = 1`) {
				alone[path] = true
			}
		})(t)
		if m.batch && total < 100 || !m.batch && total < 300 {
			t.Fatalf("a whole run makes only %d requests", total)
		}
		last := total
		if m.batch {
			last -= total / 4 // how many requests share a batch is chance
		}
		for n := int64(1); n <= last; n += max(1, total/9) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				simulated(func(t *testing.T) {
					w, b := breakable(t, m)
					ctx, cancel := context.WithCancel(context.Background())
					defer cancel()
					b.at, b.stop = n, cancel
					_, err := collectors.Run(ctx, w.everything())
					if b.asked.Load() < n { // batches are not always as many
						return
					}
					if !errors.Is(err, context.Canceled) {
						t.Fatalf("interrupted at request %d: %v", n, err)
					}
					done := map[string]bool{} // of parts that were seen whole
					for _, path := range column[string](t, w.store, `SELECT i.value FROM evidence e JOIN ident i ON i.id = e.path JOIN part_seen s ON s.part = e.part AND s.state = 'complete'`) {
						done[path] = alone[path]
					}
					before := len(w.server.Journal())
					r := w.take(w.everything())
					if !r.Resumed || r.Snapshot != want.Snapshot || r.Seal != want.Seal {
						t.Errorf("resumed after request %d: %+v, want the seal %s", n, r, want.Seal)
					}
					if !equalFacts(facts(t, w.store, r.Snapshot, "fact", "log", "derived"), truth) {
						t.Errorf("resumed after request %d: other facts", n)
					}
					for _, one := range single(w.server.Journal()[before:]) {
						if done[one.Path+"?"+one.Query] {
							t.Errorf("interrupted at request %d: %s was asked again, though it had been seen whole", n, one.Path)
						}
					}
					if n > 4 && len(done) == 0 && !m.batch {
						t.Errorf("interrupted at request %d: nothing had been seen whole", n)
					}
				})(t)
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
