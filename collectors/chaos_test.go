package collectors_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/fixtures"
)

// serviceOf puts a fake service before the invented MSP. Only tokens that it gave
// out itself are good for anything.
func serviceOf(t testing.TB, o fixtures.ServerOptions) (*fixtures.Server, string) {
	o.Now, o.Tokens = atOnce, []string{"none but those given out"}
	server := fixtures.NewServer(invented(), o)
	s := httptest.NewServer(server)
	t.Cleanup(s.Close)
	return server, s.URL
}

// resting are kinds whose rows are picked by what other kinds brought: where those
// were not seen whole, there may be fewer.
var resting = []snapshot.Kind{snapshot.Groups, snapshot.Users, snapshot.MFARegistrations, snapshot.RiskyUsers, snapshot.CustomerUsers}

// TestChaos takes a whole snapshot from a service that misbehaves at random. Of
// every part that is called complete the facts are those of a service that does not;
// of every other the coverage says how much is missing and why. Nothing is lost in
// silence. The next snapshot, from a service that has recovered, is whole.
func TestChaos(t *testing.T) {
	calm, url := serviceOf(t, fixtures.ServerOptions{})
	o := asking(t, url, invented().Tenant(), passing(t))
	o.Store = openStore(t, filepath.Join(t.TempDir(), "calm.db"))
	r, err := collectors.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	truth, derived := facts(t, o.Store, r.Snapshot, "fact", "log"), facts(t, o.Store, r.Snapshot, "derived")
	all := parts(t, o.Store, r.Snapshot)
	expectReadOnly(t, calm.Journal())
	expectConserved(t, o.Store, r.Snapshot)
	if len(all) < 100 || len(truth) < 60 || len(derived) == 0 {
		t.Fatalf("the calm run has %d parts, %d of them with facts", len(all), len(truth))
	}

	var whole, partial, nothing atomic.Int64
	t.Run("seeds", func(t *testing.T) {
		for seed := range uint64(12) {
			chaos := fixtures.Chaos{Seed: seed, Rate: []float64{0.01, 0.1, 0.4}[seed%3], Ill: []float64{0, 0.03, 0, 0}[seed/3]}
			tries := []int{8, 8, 8, 3}[seed/3]
			t.Run(fmt.Sprintf("%d rate %.2f ill %.2f tries %d", seed, chaos.Rate, chaos.Ill, tries), func(t *testing.T) {
				t.Parallel()
				server, url := serviceOf(t, fixtures.ServerOptions{Chaos: &chaos})
				o := asking(t, url, invented().Tenant(), passing(t), hanging, func(o *graph.Options) { o.Limits.Tries, o.Batch = tries, seed%2 == 0 })
				st := openStore(t, filepath.Join(t.TempDir(), "a.db"))
				o.Store = st
				r, err := collectors.Run(context.Background(), o)
				expectReadOnly(t, server.Journal())
				expectWhole(t, st)
				switch {
				case err != nil:
					nothing.Add(1)
					var sealed int
					if !strings.Contains(err.Error(), "nothing can be read from tenant") {
						t.Error(err)
					}
					if err := st.Read().Get(&sealed, `SELECT count(*) FROM sealed_snapshot`); err != nil || sealed > 0 {
						t.Errorf("%d snapshots were sealed (%v)", sealed, err)
					}
				case expectTruth(t, st, r, all, truth, derived):
					whole.Add(1)
				default:
					partial.Add(1)
				}
				_, url = serviceOf(t, fixtures.ServerOptions{})
				o = asking(t, url, invented().Tenant(), passing(t))
				o.Store, o.At = st, tomorrow()
				if r, err = collectors.Run(context.Background(), o); err != nil || !expectTruth(t, st, r, all, truth, derived) {
					t.Errorf("from the service that recovered, not everything came: %v %+v", err, r.Coverage)
				}
			})
		}
	})
	if whole.Load() < 3 || partial.Load() < 3 {
		t.Errorf("of the seeds %d gave a whole snapshot, %d one with gaps and %d none: that proves too little", whole.Load(), partial.Load(), nothing.Load())
	}
}

// expectTruth holds a snapshot against what a calm run saw, and tells whether all
// of it is there.
func expectTruth(t testing.TB, st *store.Store, r collectors.Result, calm []seenPart, truth, derived map[store.Part][]string) bool {
	t.Helper()
	expectConserved(t, st, r.Snapshot)
	got, seen := facts(t, st, r.Snapshot, "fact", "log"), map[store.Part]seenPart{}
	whole := true
	for _, c := range r.Coverage {
		if slices.Contains(appKinds, c.Kind) && c.State != snapshot.Complete {
			whole = false
			if c.Reason == "" {
				t.Errorf("%s is %s and nobody says why", c.Kind, c.State)
			}
		}
	}
	for _, p := range parts(t, st, r.Snapshot) {
		seen[p.part()] = p
		rows, want := got[p.part()], truth[p.part()]
		switch {
		case p.State != snapshot.Complete:
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
	for _, p := range calm {
		if _, asked := seen[p.part()]; !asked && whole && !p.Kind.IsLog() {
			t.Errorf("%s of %s was not asked, and the coverage does not say so", p.Kind, p.Object)
		}
	}
	if again := facts(t, st, r.Snapshot, "derived"); whole && !equalFacts(again, derived) {
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
