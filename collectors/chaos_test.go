package collectors_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/fixtures"
)

// resting are kinds whose rows are picked by what other kinds brought: where those
// were not seen whole, there may be fewer.
var resting = []snapshot.Kind{snapshot.Groups, snapshot.Users, snapshot.MFARegistrations, snapshot.RiskyUsers, snapshot.CustomerUsers, snapshot.CustomerAudits}

// disturbed collects all there is, in simulated time, from a service that takes no
// token but those it gave out.
func disturbed(t testing.TB, st *store.Store, o fixtures.ServerOptions, change func(*graph.Options)) (*world, collectors.Options) {
	t.Helper()
	w := &world{TB: t, at: now, mode: mode{8, true}, store: st, change: change}
	o.Tokens, o.LogsKept = []string{"none but those given out"}, snapshot.PremiumLogKept
	w.simulated(openTenants(), o)
	return w, w.everything()
}

// observed is what a snapshot holds.
type observed struct {
	coverage      map[string]snapshot.State // by scope and kind
	parts         []seenPart
	told, derived map[store.Part][]string
}

func observe(t testing.TB, st *store.Store, r collectors.Result) observed {
	t.Helper()
	expectConserved(t, st, r.Snapshot)
	o := observed{coverage: map[string]snapshot.State{}, parts: parts(t, st, r.Snapshot), told: facts(t, st, r.Snapshot, "fact", "log"), derived: facts(t, st, r.Snapshot, "derived")}
	for _, c := range append(loadParts(t, st, r).Tenants(), r.Coverage...) {
		o.coverage[c.Scope+" "+string(c.Kind)] = c.State
		if c.State != snapshot.Complete && c.Reason == "" {
			t.Errorf("%s of %s is %s and nobody says why", c.Kind, c.Scope, c.State)
		}
	}
	return o
}

// TestChaos takes a whole snapshot of all there is from services that misbehave at
// random. Of every part that is called complete the facts are those of a service that
// does not; of every other the coverage says how much is missing and why. Nothing is
// lost in silence. The next snapshot, from services that have recovered, is whole.
func TestChaos(t *testing.T) {
	t.Parallel()
	var calm observed
	simulated(func(t *testing.T) {
		w, o := disturbed(t, openStore(t, filepath.Join(t.TempDir(), "calm.db")), fixtures.ServerOptions{}, nil)
		calm = observe(t, w.store, w.take(o))
	})(t)
	kinds := map[snapshot.Kind]bool{}
	for _, p := range calm.parts {
		kinds[p.Kind] = kinds[p.Kind] || p.State == snapshot.Complete && p.Rows > 0
	}
	for _, kind := range snapshot.Kinds {
		if !kinds[kind] && kind != snapshot.Lighthouse { // which no app may read
			t.Errorf("the calm run has nothing of %s", kind)
		}
	}

	var whole, partial, nothing atomic.Int64
	t.Run("seeds", func(t *testing.T) {
		for seed := range uint64(12) {
			chaos := fixtures.Chaos{Seed: seed, Rate: []float64{0.01, 0.1, 0.4}[seed%3], Ill: []float64{0, 0.03, 0, 0}[seed/3]}
			tries := []int{8, 8, 8, 3}[seed/3]
			t.Run(fmt.Sprintf("%d rate %.2f ill %.2f tries %d", seed, chaos.Rate, chaos.Ill, tries), func(t *testing.T) {
				t.Parallel()
				simulated(func(t *testing.T) {
					st := openStore(t, filepath.Join(t.TempDir(), "a.db"))
					w, o := disturbed(t, st, fixtures.ServerOptions{Chaos: &chaos}, func(o *graph.Options) { o.Limits.Tries, o.Batch = tries, seed%2 == 0 })
					r, err := collectors.Run(context.Background(), o)
					expectReadOnly(t, w.server.Journal())
					expectWhole(t, st)
					switch {
					case err != nil:
						nothing.Add(1)
						if !strings.Contains(err.Error(), "nothing can be read from tenant") {
							t.Error(err)
						}
						if sealed := column[int](t, st, `SELECT count(*) FROM sealed_snapshot`)[0]; sealed > 0 {
							t.Errorf("%d snapshots were sealed", sealed)
						}
					case expectTruth(t, calm, observe(t, st, r)):
						whole.Add(1)
					default:
						partial.Add(1)
					}
					w, o = disturbed(t, st, fixtures.ServerOptions{}, nil)
					o.At = now.Add(time.Minute) // when logs begin where they did
					if r := w.take(o); !expectTruth(t, calm, observe(t, st, r)) {
						t.Errorf("from the service that recovered, not everything came: %+v", r.Coverage)
					}
				})(t)
			})
		}
	})
	if whole.Load() < 3 || partial.Load() < 3 {
		t.Errorf("of the seeds %d gave a whole snapshot, %d one with gaps and %d none: that proves too little", whole.Load(), partial.Load(), nothing.Load())
	}
}

// expectTruth holds a snapshot against what a calm run saw, and tells whether all
// of it is there.
func expectTruth(t testing.TB, calm, got observed) bool {
	t.Helper()
	whole, seen, states := true, map[store.Part]bool{}, map[store.Part]snapshot.State{}
	for of, state := range calm.coverage {
		whole = whole && got.coverage[of] == state
	}
	for _, p := range calm.parts {
		states[p.part()] = p.State
	}
	for _, p := range got.parts {
		seen[p.part()] = true
		rows, want := got.told[p.part()], calm.told[p.part()]
		state, known := states[p.part()]
		switch {
		case p.State != snapshot.Complete:
		case known && state != snapshot.Complete:
			t.Errorf("%s of %s is complete, and %s where all is calm", p.Kind, p.Object, state)
		case whole || !slices.Contains(resting, p.Kind):
			if !slices.Equal(rows, want) {
				t.Errorf("%s of %s is complete with %d rows, the calm run has %d\n%q\n%q", p.Kind, p.Object, len(rows), len(want), rows, want)
			}
		default:
			for _, row := range rows {
				if !slices.Contains(want, row) {
					t.Errorf("%s has a row that is not true: %s", p.Kind, row)
				}
			}
		}
	}
	for _, p := range calm.parts {
		if whole && !seen[p.part()] && !p.Kind.IsLog() {
			t.Errorf("%s of %s was not asked, and the coverage does not say so", p.Kind, p.Object)
		}
	}
	if whole && !equalFacts(got.derived, calm.derived) {
		t.Errorf("all is complete, but what follows from it differs")
	}
	return whole
}

func equalFacts(a, b map[store.Part][]string) bool {
	if len(a) != len(b) {
		return false
	}
	for part, rows := range a {
		if !slices.Equal(rows, b[part]) {
			return false
		}
	}
	return true
}
