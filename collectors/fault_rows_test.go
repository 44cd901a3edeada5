package collectors_test

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
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

// proven names a test of another place that holds the row: the folder, the test,
// and words of it, so that nobody can remove it unseen.
func proven(dir, test string, words ...string) func(*testing.T) {
	return func(t *testing.T) {
		files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, body, ok := strings.Cut(string(raw), "\nfunc "+test+"(")
			if !ok {
				continue
			}
			body, _, _ = strings.Cut(body, "\n}\n")
			for _, w := range words {
				if !strings.Contains(body, w) {
					t.Errorf("%s of %s no longer holds %q", test, file, w)
				}
			}
			return
		}
		t.Errorf("%s has no %s", dir, test)
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

// spoiledRun is one run over a service of which one list was spoilt.
type spoiledRun struct {
	testing.TB
	*spoiler
	server  *fixtures.Server
	url     string
	clock   *clockwork.FakeClock
	options collectors.Options
}

const relationshipsOnPages = 3 // rows a page, so that there are several

// spoiled prepares a run that asks for the kinds; the steps are for the list.
func spoiled(t testing.TB, list string, kinds []snapshot.Kind, steps ...step) *spoiledRun {
	r := &spoiledRun{TB: t, clock: passing(t)}
	r.server = fixtures.NewServer(invented(), fixtures.ServerOptions{Now: atOnce, PageSize: relationshipsOnPages, Tokens: []string{"none but those given out"}})
	r.spoiler = &spoiler{Handler: r.server, list: list, clock: r.clock, steps: steps}
	s := httptest.NewServer(r.spoiler)
	t.Cleanup(s.Close)
	r.url = s.URL
	r.options = asking(t, r.url, invented().Tenant(), r.clock, func(o *graph.Options) { o.Batch = strings.HasSuffix(list, "/$batch") })
	r.options.Kinds, r.options.Store = kinds, openStore(t, filepath.Join(t.TempDir(), "a.db"))
	return r
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

var onlyRelationships = []snapshot.Kind{snapshot.Relationships}

// honestly are the facts of the relationships as an honest service tells them.
var honestly = sync.OnceValue(func() func(testing.TB) []string {
	var once sync.Once
	var rows []string
	return func(t testing.TB) []string {
		once.Do(func() {
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
	hangs    bool           // the service does, for a while
	waits    []int          // least seconds between its requests; the last may be twice as long and a little more
	facts    func(t *testing.T, rows, honest []string)
}

// inList spoils requests of the list of relationships, from the first on.
func inList(end ending, steps ...step) func(*testing.T) {
	return func(t *testing.T) {
		r := spoiled(t, gdap, onlyRelationships, steps...)
		if end.hangs {
			r.options.Client = asking(t, r.url, r.options.Tenant, r.clock, hanging).Client
		}
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
		waits := r.waits()
		for i, least := range end.waits {
			if i >= len(waits) || waits[i] < time.Duration(least)*time.Second || waits[i] > time.Duration(2*least+3)*time.Second {
				t.Errorf("waits are %v, want about %v s", waits, end.waits)
				break
			}
		}
		for _, p := range parts(t, r.options.Store, result.Snapshot) {
			var evidence int
			if err := r.options.Store.Read().Get(&evidence, `SELECT count(*) FROM evidence WHERE snapshot = ? AND part = ?`, result.Snapshot, p.ID); err != nil || evidence == 0 {
				t.Errorf("of %s no request is kept as evidence (%v)", p.Kind, err)
			}
		}
	}
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
