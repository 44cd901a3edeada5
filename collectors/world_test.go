package collectors_test

import (
	"context"
	"encoding/csv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
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

// openTenants is an invented MSP of whose customers some let it read their tenants.
var openTenants = sync.OnceValue(func() *fixtures.MSP {
	return fixtures.NewMSP(fixtures.Options{Customers: 7, Seed: 5, At: now})
})

// newOpenWorld is a world in which each tenant gives the app its own token.
func newOpenWorld(t testing.TB) *world {
	w := newWorld(t, fixtures.ServerOptions{})
	w.msp = openTenants()
	w.server = fixtures.NewServer(w.msp, fixtures.ServerOptions{Now: func() time.Time { return w.at }})
	s := httptest.NewServer(w.server)
	t.Cleanup(s.Close)
	w.url = s.URL
	return w
}

// tenantOptions ask for the kinds with customers' tenants as customers.csv declares them.
func (w *world) tenantOptions(kinds ...snapshot.Kind) collectors.Options {
	w.Helper()
	o := w.options(mode{8, true})
	o.Kinds, o.Domains = kinds, []string{w.msp.Domain()}
	o.Customer = func(tenant string) (collectors.Client, error) {
		credential, err := graph.NewCredential(graph.CredentialOptions{Kind: "secret", Tenant: tenant, ClientID: "app", Secret: "secret", Login: w.url})
		if err != nil {
			return nil, err
		}
		return graph.New(graph.Options{Endpoints: graph.Endpoints{Graph: w.url, Login: w.url}, Tenant: tenant, Credential: credential, Concurrency: 4, Batch: true,
			HTTP: &http.Client{Transport: &http.Transport{}}, Limits: graph.Limits{Tries: 1, Reports: -1, Protection: -1}})
	}
	rows, err := csv.NewReader(strings.NewReader(string(w.msp.CustomersCSV()))).ReadAll()
	if err != nil {
		w.Fatal(err)
	}
	column := func(name string) int { return slices.Index(rows[0], name) }
	for _, row := range rows[1:] {
		c := snapshot.DeclaredCustomer{Tenant: row[column("tenant_id")], EmergencyAccounts: strings.FieldsFunc(row[column("emergency_accounts")], func(r rune) bool { return r == ';' })}
		switch collect := row[column("collect")]; collect {
		case "":
		case "yes":
			c.Collect = snapshot.TenantKinds
		default:
			for kind := range strings.SplitSeq(collect, ";") {
				c.Collect = append(c.Collect, snapshot.Kind(kind))
			}
		}
		o.Declared.Customers = append(o.Declared.Customers, c)
	}
	return o
}

func (w *world) collectTenants(kinds ...snapshot.Kind) collectors.Result {
	w.Helper()
	return w.take(w.tenantOptions(kinds...))
}

// take takes a snapshot that must hold together, by requests that Microsoft describes.
func (w *world) take(o collectors.Options) collectors.Result {
	w.Helper()
	r, err := collectors.Run(context.Background(), o)
	if err != nil {
		w.Fatal(err)
	}
	expectWhole(w, w.store)
	for _, asked := range w.server.Journal() {
		if err := fixtures.CheckRequest(asked); err != nil {
			w.Error(err)
		}
	}
	return r
}
