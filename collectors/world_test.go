package collectors_test

import (
	"context"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/fixtures"
)

var now = time.Date(2026, 8, 18, 6, 0, 0, 0, time.UTC)

// entropy gives the same salts to every store of a test.
type entropy struct{ *rand.ChaCha8 }

func newEntropy() io.Reader { return entropy{rand.NewChaCha8([32]byte{7})} }

func openStore(t testing.TB, path string) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Path: path, Create: true, Entropy: newEntropy()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// mode is how a client asks.
type mode struct {
	concurrency int
	batch       bool
}

func newClient(t testing.TB, url, tenant string, m mode) *graph.Client {
	t.Helper()
	return newPatientClient(t, url, tenant, m, 1)
}

// newPatientClient makes a client that tries so often; 0: as often as by default.
func newPatientClient(t testing.TB, url, tenant string, m mode, tries int) *graph.Client {
	t.Helper()
	credential, err := graph.NewCredential(graph.CredentialOptions{Kind: "token", Token: "any"})
	if err != nil {
		t.Fatal(err)
	}
	limits := graph.NoQuotas()
	limits.Tries, limits.Lag = tries, -1
	c, err := graph.New(graph.Options{Endpoints: graph.Endpoints{Graph: url}, Tenant: tenant, Credential: credential,
		Concurrency: m.concurrency, Batch: m.batch, HTTP: &http.Client{Transport: &http.Transport{}},
		Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// world is an invented MSP behind a fake Graph, and a store to collect into.
type world struct {
	testing.TB
	msp    *fixtures.MSP
	server *fixtures.Server
	url    string
	at     time.Time
	store  *store.Store
}

// invented is the MSP of all these tests; nobody changes it.
var invented = sync.OnceValue(func() *fixtures.MSP {
	return fixtures.NewMSP(fixtures.Options{Customers: 5, Seed: 5, At: now})
})

func newWorld(t testing.TB, o fixtures.ServerOptions) *world {
	w := &world{TB: t, at: now, msp: invented()}
	o.Now = func() time.Time { return w.at }
	w.server = fixtures.NewServer(w.msp, o)
	w.url = w.serve()
	w.store = openStore(t, filepath.Join(t.TempDir(), "evidence.db"))
	return w
}

func (w *world) serve() (url string) {
	s := httptest.NewServer(w.server)
	w.Cleanup(s.Close)
	return s.URL
}

func (w *world) options(m mode) collectors.Options {
	return collectors.Options{Tenant: w.msp.Tenant(), Client: newClient(w, w.url, w.msp.Tenant(), m), Store: w.store, At: w.at, Now: func() time.Time { return w.at }}
}

func (w *world) run() collectors.Result {
	w.Helper()
	r, err := collectors.Run(context.Background(), w.options(mode{8, true}))
	if err != nil {
		w.Fatal(err)
	}
	return r
}

// expectWhole fails on anything that the store finds wrong with itself.
func expectWhole(t testing.TB, s *store.Store) {
	t.Helper()
	faults, err := s.Check(context.Background())
	if err != nil || len(faults) > 0 {
		t.Errorf("store is not whole: %v %q", err, faults)
	}
}

func coverageOf(r collectors.Result, kind snapshot.Kind) snapshot.Coverage {
	i := slices.IndexFunc(r.Coverage, func(c snapshot.Coverage) bool { return c.Kind == kind })
	return r.Coverage[i]
}

// In the working hours some of the people who may activate have done so.
func TestRunSeesTheWholeWorld(t *testing.T) {
	w := newWorld(t, fixtures.ServerOptions{})
	w.at = now.Add(5 * time.Hour)
	r := w.run()
	for _, c := range r.Coverage {
		if !slices.Contains(appKinds, c.Kind) {
			continue
		}
		if c.State != snapshot.Complete || c.Scope != w.msp.Tenant() || c.Pages == 0 || !c.LastSeen.Equal(w.at) {
			t.Errorf("%+v", c)
		}
	}
	expectWhole(t, w.store)
	access, err := snapshot.LoadAccess(context.Background(), w.store.Read(), r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	states := map[snapshot.MembershipState]int{}
	for _, e := range access.Direct {
		states[e.State]++
	}
	if len(access.Customers) != 5 || states[snapshot.Standing] == 0 || states[snapshot.Eligible] == 0 || states[snapshot.Activated] == 0 {
		t.Errorf("%d customers, memberships by state: %v", len(access.Customers), states)
	}
	everybody, projects := w.msp.GroupID("SG-GDAP-AlderFinch-GlobalAdmins"), w.msp.GroupID("SG-GDAP-Projects")
	if everybody == "" || len(access.Members(everybody)) == 0 {
		t.Error("nobody is in the group of everybody")
	}
	nested := slices.IndexFunc(access.Members(projects), func(m snapshot.EffectiveMembership) bool { return len(m.Via) == 3 })
	if nested < 0 {
		t.Error("nobody is reached through two nested groups of the projects")
	}
}
