package collectors_test

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/fixtures"
)

// faultRow is one fault: what is injected, what must hold, and the test that it does.
type faultRow struct {
	id, injected, holds string
	run                 func(t *testing.T)
}

//go:embed testdata/fault-rows.txt
var faultIDs string

// TestFaultRows runs every row of the list, and fails if one is missing.
func TestFaultRows(t *testing.T) {
	rows := map[string]faultRow{}
	for _, section := range [][]faultRow{throttlingRows, transportRows, tenantRows, pagingRows, contentRows, localRows} {
		for _, row := range section {
			if _, twice := rows[row.id]; twice || row.injected == "" || row.holds == "" {
				t.Errorf("%s stands twice, or says nothing", row.id)
			}
			rows[row.id] = row
		}
	}
	ids := strings.Fields(faultIDs)
	if len(ids) != 99 || len(rows) != len(ids) {
		t.Errorf("%d faults are listed and %d have a row, want 99", len(ids), len(rows))
	}
	for _, id := range ids {
		row, ok := rows[id]
		if !ok {
			t.Errorf("%s has no row", id)
			continue
		}
		t.Run(id+" "+row.injected, func(t *testing.T) {
			t.Parallel()
			row.run(t)
		})
	}
}

// all runs several proofs of one row.
func all(proofs ...func(*testing.T)) func(*testing.T) {
	return func(t *testing.T) {
		for _, p := range proofs {
			p(t)
		}
	}
}

// spoiledRun is one run, in simulated time, over a service of which one list was spoilt.
type spoiledRun struct {
	testing.TB
	*spoiler
	server  *fixtures.Server
	way     *http.Client // to the service
	options collectors.Options
}

const relationshipsOnPages = 3 // rows a page, so that there are several

// spoiled prepares a run that asks for the kinds; the steps are for the list.
func spoiled(t testing.TB, list string, kinds []snapshot.Kind, steps ...step) *spoiledRun {
	r := &spoiledRun{TB: t}
	r.server = fixtures.NewServer(invented(), fixtures.ServerOptions{Now: atOnce, PageSize: relationshipsOnPages, Tokens: []string{"none but those given out"}})
	r.spoiler = &spoiler{Handler: r.server, list: list, steps: steps}
	r.way = within(t, r.spoiler)
	r.options.Store = openStore(t, filepath.Join(t.TempDir(), "a.db"))
	r.ask(func(o *graph.Options) { o.Batch = strings.HasSuffix(list, "/$batch") })
	r.options.Kinds = kinds
	return r
}

// ask has the run ask otherwise.
func (r *spoiledRun) ask(change ...func(*graph.Options)) {
	r.Helper()
	o := asking(r, inside, invented().Tenant(), clockwork.NewRealClock(), append([]func(*graph.Options){via(r.way)}, change...)...)
	o.Store, o.Kinds = r.options.Store, r.options.Kinds
	r.options = o
}

func (r *spoiledRun) run() collectors.Result {
	r.Helper()
	result, err := collectors.Run(context.Background(), r.options)
	if err != nil {
		r.Fatal(err)
	}
	expectReadOnly(r, r.server.Journal())
	expectWhole(r, r.options.Store)
	return result
}

// waits gives the time between the requests of the list.
func (r *spoiledRun) waits() (all []time.Duration) {
	for i := 1; i < len(r.asked); i++ {
		all = append(all, r.asked[i].at.Sub(r.asked[i-1].at))
	}
	return all
}

// expectWaits holds the time between the requests against the least of each; most is by
// how much it may be longer.
func (r *spoiledRun) expectWaits(least []float64, most float64) {
	r.Helper()
	waits := r.waits()
	for i, s := range least {
		if i >= len(waits) || waits[i].Seconds() < s || waits[i].Seconds() > s*most {
			r.Errorf("waits are %v, want about %v s", waits, least)
			return
		}
	}
}

var onlyRelationships = []snapshot.Kind{snapshot.Relationships}

// honestly are the facts of the relationships as an honest service tells them.
var honestly = sync.OnceValue(func() func(testing.TB) []string {
	var once sync.Once
	var rows []string
	return func(t testing.TB) []string {
		once.Do(func() { // in the simulated time of whoever asks first
			r := spoiled(t, gdap, onlyRelationships)
			result := r.run()
			rows = relationshipFacts(t, r.options.Store, result)
			if len(r.asked) < 3 || len(rows) < 2*relationshipsOnPages {
				t.Fatalf("%d relationships on %d pages", len(rows), len(r.asked))
			}
		})
		return rows
	}
})

func relationshipFacts(t testing.TB, st *store.Store, r collectors.Result) []string {
	tenant := invented().Tenant()
	return facts(t, st, r.Snapshot, "fact")[store.Part{Kind: string(snapshot.Relationships), Scope: tenant, Object: tenant}]
}

// ending is how the list of relationships must end: whole, with the facts of an
// honest service, or with a state and a reason, and then with nothing stored.
type ending struct {
	state    snapshot.State // empty: complete
	reason   string         // words of it
	requests int            // of the list; 0: as many as it takes
	waits    []float64      // least seconds between its requests, of which the server said nothing: they may be twice as long
	told     []float64      // seconds between its requests, as the server wants them: they may be a twentieth longer
	facts    func(t *testing.T, rows, honest []string)
}

// inList spoils requests of the list of relationships, from the first on.
func inList(end ending, steps ...step) func(*testing.T) {
	return simulated(func(t *testing.T) {
		r := spoiled(t, gdap, onlyRelationships, steps...)
		result := r.run()
		got := coverageOf(result, snapshot.Relationships)
		rows, honest := relationshipFacts(t, r.options.Store, result), honestly()(t)
		switch want := end.state; {
		case want != "" && (got.State != want || len(rows) > 0):
			t.Errorf("relationships are %s with %d facts stored, want %s with none: %s", got.State, len(rows), want, got.Reason)
		case want == "" && got.State != snapshot.Complete:
			t.Errorf("relationships are %s: %s", got.State, got.Reason)
		case end.facts != nil:
			end.facts(t, rows, honest)
		case want == "" && !slices.Equal(rows, honest):
			t.Errorf("relationships are\n%q\nwant\n%q", rows, honest)
		}
		if !strings.Contains(got.Reason, end.reason) {
			t.Errorf("the reason is %q, want %q in it", got.Reason, end.reason)
		}
		if end.requests > 0 && len(r.asked) != end.requests {
			t.Errorf("%d requests, want %d", len(r.asked), end.requests)
		}
		r.expectWaits(end.waits, 2)
		r.expectWaits(end.told, 1.05)
		for _, p := range parts(t, r.options.Store, result.Snapshot) {
			var evidence int
			if err := r.options.Store.Read().Get(&evidence, `SELECT count(*) FROM evidence WHERE snapshot = ? AND part = ?`, result.Snapshot, p.ID); err != nil || evidence == 0 {
				t.Errorf("of %s no request is kept as evidence (%v)", p.Kind, err)
			}
		}
	})
}

// forEach makes one proof of many steps, each followed by honest answers.
func forEach(end ending, steps map[string]step) func(*testing.T) {
	return func(t *testing.T) {
		for name, s := range steps {
			t.Run(name, inList(end, s))
		}
	}
}

// always repeats a step for as long as anybody may ask.
func always(s step) []step { return slices.Repeat([]step{s}, 20) }

// after puts honest answers before a step.
func after(pages int, s ...step) []step { return append(slices.Repeat([]step{honest}, pages), s...) }

// replacing changes the service's words: old, new, ... {host} is the server.
func replacing(pairs ...string) step {
	return alters(func(r *http.Request, _ http.Header, body string) string {
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(body, strings.ReplaceAll(pairs[i], "{host}", r.Host)) {
				panic(fmt.Sprintf("the service no longer says %q", pairs[i]))
			}
			body = strings.ReplaceAll(body, strings.ReplaceAll(pairs[i], "{host}", r.Host), strings.ReplaceAll(pairs[i+1], "{host}", r.Host))
		}
		return body
	})
}
