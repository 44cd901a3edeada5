package collectors_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
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

// blank is the file of an empty store, made once: that is most of the work of opening one.
var blank = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "countersign")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "blank.db")
	st, err := store.Open(context.Background(), store.Options{Path: path, Create: true, Entropy: newEntropy()})
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// openStore opens the store of the path, a new one where there is none.
func openStore(t testing.TB, path string) *store.Store {
	t.Helper()
	raw, err := blank()
	if _, missing := os.Stat(path); err == nil && missing != nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(context.Background(), store.Options{Path: path, Entropy: newEntropy()})
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

func newClient(t testing.TB, url, tenant string, m mode, change ...func(*graph.Options)) *graph.Client {
	t.Helper()
	limits := graph.NoQuotas()
	limits.Tries = 1
	return newPatientClient(t, url, tenant, m, limits, change...)
}

// newPatientClient makes a client that keeps to these limits.
func newPatientClient(t testing.TB, url, tenant string, m mode, limits graph.Limits, change ...func(*graph.Options)) *graph.Client {
	t.Helper()
	credential, err := graph.NewCredential(graph.CredentialOptions{Kind: "token", Token: "any"})
	if err != nil {
		t.Fatal(err)
	}
	limits.Lag = -1
	o := graph.Options{Endpoints: graph.Endpoints{Graph: url}, Tenant: tenant, Credential: credential,
		Concurrency: m.concurrency, Batch: m.batch, HTTP: &http.Client{Transport: &http.Transport{}},
		Limits: limits}
	for _, c := range change {
		c(&o)
	}
	c, err := graph.New(o)
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
	mode   mode

	way    *http.Client         // to the service; nil: the network's
	change func(*graph.Options) // of each client; nil: nothing
}

// invented is the MSP of all these tests; nobody changes it.
var invented = sync.OnceValue(func() *fixtures.MSP {
	return fixtures.NewMSP(fixtures.Options{Customers: 5, Seed: 5, At: now})
})

func newWorld(t testing.TB, o fixtures.ServerOptions) *world { return worldOf(t, invented(), o) }

func worldOf(t testing.TB, msp *fixtures.MSP, o fixtures.ServerOptions) *world {
	w := &world{TB: t, at: now, mode: mode{8, true}, store: openStore(t, filepath.Join(t.TempDir(), "evidence.db"))}
	w.serve(msp, o)
	return w
}

// serve puts an MSP, or the same one otherwise, in the place of what was served.
func (w *world) serve(msp *fixtures.MSP, o fixtures.ServerOptions) {
	o.Now = func() time.Time { return w.at }
	w.msp, w.server = msp, fixtures.NewServer(msp, o)
	s := httptest.NewServer(w.server)
	w.Cleanup(s.Close)
	w.url = s.URL
}

// simulated puts an MSP behind a service within the process, for a test in simulated time.
func (w *world) simulated(msp *fixtures.MSP, o fixtures.ServerOptions) {
	o.Now = func() time.Time { return w.at }
	w.msp, w.server, w.url = msp, fixtures.NewServer(msp, o), inside
	w.way = within(w, w.server)
}

// options ask the MSP's own tenant, with any token.
func (w *world) options(m mode) collectors.Options {
	today := func() time.Time { return w.at } // what the service's clock shows too
	return collectors.Options{Tenant: w.msp.Tenant(), Client: newClient(w, w.url, w.msp.Tenant(), m, func(o *graph.Options) { o.Now = today }), Store: w.store, At: w.at, Now: today}
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
	t.Parallel()
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

// TestEverythingIsSeen takes snapshots of two days of all there is: what cannot be had
// is what the story keeps back, no row is lost, the second day asks for less, and the
// way of asking leaves no trace in the seals.
func TestEverythingIsSeen(t *testing.T) {
	t.Parallel()
	var seals []string
	for _, m := range []mode{{8, true}, {1, false}} {
		w := worldOf(t, openTenants(), fixtures.ServerOptions{PageSize: 500, Delegated: true, LogsKept: 30 * 24 * time.Hour})
		w.mode = m
		take := func() (collectors.Result, int) {
			before := requests(w.server.Journal())
			o := w.everything()
			o.Delegated = true
			r := w.take(o)
			expectConserved(t, w.store, r.Snapshot)
			seals = append(seals, r.Seal)
			return r, requests(w.server.Journal()) - before
		}
		r, first := take()
		customers := w.declared()
		for _, kind := range snapshot.Kinds {
			if !kind.OfCustomer() {
				expectState(t, r, kind, snapshot.Complete, "")
			}
		}
		tenants := w.seen(r).Tenants()
		if n := len(tenants); n != 5*len(snapshot.TenantKinds)+3+2*4 {
			t.Errorf("%d kinds of customers", n)
		}
		for _, c := range tenants {
			i := slices.IndexFunc(customers, func(d snapshot.DeclaredCustomer) bool { return d.Tenant == c.Scope })
			want, words := snapshot.Complete, ""
			azure := c.Kind == snapshot.AzureDelegations || c.Kind == snapshot.AzureActivity
			switch {
			case azure:
			case i == 1:
				want, words = snapshot.NotPermitted, "must consent"
			case i == 2 && strings.Contains(collectors.SourceOf(c.Kind).Permission, "AuditLog"):
				want, words = snapshot.NotPermitted, "AuditLog.Read.All"
			case i == 3 && slices.Contains(refusable, c.Kind):
				want, words = snapshot.NotLicensed, "Microsoft Entra ID P"
			}
			if c.State != want || !strings.Contains(c.Reason, words) {
				t.Errorf("customer %d: %s is %s, want %s: %q", i, c.Kind, c.State, want, c.Reason)
			}
		}
		w.at = w.at.AddDate(0, 0, 1)
		if _, second := take(); second*10 > first*7 {
			t.Errorf("%d requests on the second day, %d on the first", second, first)
		}
	}
	if !slices.Equal(seals[:2], seals[2:]) {
		t.Errorf("asked otherwise, it seals otherwise: %q", seals)
	}
}

// openTenants is an invented MSP of whose customers some let it read their tenants.
var openTenants = sync.OnceValue(func() *fixtures.MSP {
	return fixtures.NewMSP(fixtures.Options{Customers: 7, Seed: 5, At: now})
})

// client asks a service as the app, with a token of the tenant.
func (w *world) client(service graph.Service, tenant string) (collectors.Client, error) {
	limits := graph.NoQuotas()
	limits.Tries, limits.Lag = 1, -1
	o := graph.Options{Service: service, Endpoints: graph.Endpoints{Graph: w.url, ARM: w.url, PartnerCenter: w.url, Login: w.url}, Tenant: tenant,
		Concurrency: w.mode.concurrency, Batch: w.mode.batch, HTTP: w.way, Limits: limits, Now: func() time.Time { return w.at }}
	if o.HTTP == nil {
		o.HTTP = &http.Client{Transport: &http.Transport{}}
	}
	if w.change != nil {
		w.change(&o)
	}
	var err error
	o.Credential, err = graph.NewCredential(graph.CredentialOptions{Kind: "secret", Tenant: tenant, ClientID: "app", Secret: "secret", Login: w.url,
		HTTP: &http.Client{Transport: o.HTTP.Transport, Timeout: time.Minute}})
	if err != nil {
		return nil, err
	}
	return graph.New(o)
}

// everything are options of a run for the kinds, or all, to which all is configured:
// Azure, Partner Center, and customers' tenants as customers.csv declares them.
func (w *world) everything(kinds ...snapshot.Kind) collectors.Options {
	w.Helper()
	client := func(service graph.Service) collectors.Client {
		c, err := w.client(service, w.msp.Tenant())
		if err != nil {
			w.Fatal(err)
		}
		return c
	}
	o := w.options(w.mode)
	o.Client, o.Azure, o.Partner = client(graph.MicrosoftGraph), client(graph.ResourceManager), client(graph.PartnerCenter)
	o.Customer = func(tenant string) (collectors.Client, error) { return w.client(graph.MicrosoftGraph, tenant) }
	o.Kinds, o.Domains, o.Declared.Customers = kinds, []string{w.msp.Domain()}, w.declared()
	o.Declared.Templates, o.Declared.TemplatesSHA256 = []snapshot.DeclaredTemplate{{Name: "standard", Group: "g", Role: "Global Reader"}}, sha256.Sum256([]byte("templates"))
	return o
}

// declared are the customers as customers.csv has them.
func (w *world) declared() (all []snapshot.DeclaredCustomer) {
	w.Helper()
	rows, err := csv.NewReader(bytes.NewReader(w.msp.CustomersCSV())).ReadAll()
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
		all = append(all, c)
	}
	return all
}

// take takes a snapshot that must hold together, by requests that Microsoft describes.
func (w *world) take(o collectors.Options) collectors.Result {
	w.Helper()
	before := len(w.server.Journal())
	r, err := collectors.Run(context.Background(), o)
	if err != nil {
		w.Fatal(err)
	}
	expectWhole(w, w.store)
	journal := w.server.Journal()[before:]
	expectReadOnly(w, journal)
	if r.Snapshot == 1 && !r.Resumed { // a later one keeps what is said of logs that were read before
		asked := len(slices.DeleteFunc(single(journal), func(r fixtures.Request) bool { return r.Method != http.MethodGet }))
		if counted := column[int](w, w.store, `SELECT sum(requests) FROM part_coverage WHERE snapshot = ?`, r.Snapshot)[0]; counted != asked {
			w.Errorf("the coverage counts %d requests, the service %d", counted, asked)
		}
	}
	return r
}

// asked counts the requests for paths that hold a text.
func (w *world) asked(path string) (n int) {
	for _, r := range single(w.server.Journal()) {
		if strings.Contains(r.Path, path) {
			n++
		}
	}
	return n
}

// seen are the parts of a snapshot.
func (w *world) seen(r collectors.Result) *snapshot.Parts {
	w.Helper()
	return loadParts(w, w.store, r)
}

func loadParts(t testing.TB, s *store.Store, r collectors.Result) *snapshot.Parts {
	t.Helper()
	p, err := snapshot.LoadParts(context.Background(), s.Read(), r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func loadAccess(t testing.TB, s *store.Store, r collectors.Result) *snapshot.Access {
	t.Helper()
	access, err := snapshot.LoadAccess(context.Background(), s.Read(), r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	return access
}

// stateOf is the coverage of a kind in the MSP's tenant or a customer's.
func (w *world) stateOf(r collectors.Result, scope string, kind snapshot.Kind) (found snapshot.Coverage) {
	w.Helper()
	for _, c := range append(w.seen(r).Tenants(), r.Coverage...) {
		if c.Scope == scope && c.Kind == kind {
			found = c
		}
	}
	return found
}

// column reads one column of a query.
func column[T any](t testing.TB, s *store.Store, query string, args ...any) []T {
	t.Helper()
	var out []T
	if err := s.Read().Select(&out, query, args...); err != nil {
		t.Fatal(err)
	}
	return out
}

// lines reads the rows of a query as text, columns separated by a space.
func lines(t testing.TB, s *store.Store, query string, args ...any) (all []string) {
	t.Helper()
	rows, err := s.Read().QueryxContext(context.Background(), query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		row, err := rows.SliceScan()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, strings.TrimSuffix(fmt.Sprintln(row...), "\n"))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}
