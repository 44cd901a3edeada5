package collectors_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/fixtures"
)

// neighbour is a client of Azure or Partner Center, at the address of the fake Graph.
func (w *world) neighbour(service graph.Service) *graph.Client {
	w.Helper()
	credential, err := graph.NewCredential(graph.CredentialOptions{Kind: "token", Token: "any"})
	if err != nil {
		w.Fatal(err)
	}
	c, err := graph.New(graph.Options{Service: service, Endpoints: graph.Endpoints{ARM: w.url, PartnerCenter: w.url}, Tenant: w.msp.Tenant(), Credential: credential,
		Concurrency: 4, HTTP: &http.Client{Transport: &http.Transport{}}, Limits: graph.Limits{Tries: 1, Partner: -1}})
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// collect takes a snapshot of kinds, Azure and Partner Center configured.
func (w *world) collect(change func(*collectors.Options), kinds ...snapshot.Kind) (collectors.Result, *snapshot.Parts) {
	w.Helper()
	o := w.options(mode{4, true})
	o.Azure, o.Partner, o.Kinds = w.neighbour(graph.ResourceManager), w.neighbour(graph.PartnerCenter), kinds
	if change != nil {
		change(&o)
	}
	r, err := collectors.Run(context.Background(), o)
	if err != nil {
		w.Fatal(err)
	}
	p, err := snapshot.LoadParts(context.Background(), w.store.Read(), r.Snapshot)
	if err != nil {
		w.Fatal(err)
	}
	return r, p
}

// column reads one column of a query.
func column[T any](w *world, query string, args ...any) []T {
	w.Helper()
	var out []T
	if err := w.store.Read().Select(&out, query, args...); err != nil {
		w.Fatal(err)
	}
	return out
}

// asked counts the requests for paths that hold a text, each known by Microsoft's
// documentation and a GET.
func (w *world) asked(path string) (n int) {
	w.Helper()
	for _, r := range w.server.Journal() {
		if err := fixtures.CheckRequest(r); err != nil {
			w.Error(err)
		}
		if strings.Contains(r.Path, path) {
			n++
		}
	}
	return n
}

func TestAzureIsSeen(t *testing.T) {
	w := newWorld(t, fixtures.ServerOptions{PageSize: 5}) // a longer log begins with an empty page
	r, parts := w.collect(nil, snapshot.AzureDelegations, snapshot.AzureActivity)
	shut := 0
	for _, c := range parts.Tenants() {
		switch {
		case c.State == snapshot.Complete && c.Requests > 0:
		case c.State == snapshot.NotPermitted && strings.Contains(c.Reason, "not permitted: 403 AuthorizationFailed; the app needs the Azure role Reader"):
			shut++
		default:
			t.Errorf("%+v", c)
		}
	}
	if shut != 2 || len(parts.Tenants()) != 6 {
		t.Errorf("%d kinds are shut: %+v", shut, parts.Tenants())
	}
	for _, c := range parts.Customer(&snapshot.Access{}, "a customer without Azure") {
		if (c.Kind == snapshot.AzureDelegations || c.Kind == snapshot.AzureActivity) && c.State != snapshot.Complete {
			t.Errorf("%+v", c)
		}
	}
	expectWhole(t, w.store)
	if n := w.asked("/subscriptions"); n < 5+2 || w.asked("registrationAssignments") != 5 {
		t.Errorf("%d requests", n)
	}
	if n := w.refused("/Microsoft.Insights/eventtypes/management/values"); n != 1 { // of 14 weeks
		t.Errorf("a log that is refused was asked %d times", n)
	}
	count := func(want int, query string) {
		t.Helper()
		if got := column[int](w, query, r.Snapshot, w.msp.Tenant())[0]; got != want {
			t.Errorf("%d, want %d: %s", got, want, query)
		}
	}
	count(5, `SELECT count(*) FROM azure_subscription WHERE snapshot = ?1 AND customer <> ?2`)
	count(5, `SELECT count(*) FROM azure_subscription WHERE snapshot = ?1 AND ?2 <> ''`)
	count(5, `SELECT count(*) FROM azure_delegation WHERE snapshot = ?1 AND managing = ?2`) // the other provider's is not kept
	count(5, `SELECT count(*) FROM azure_delegation WHERE snapshot = ?1 AND ?2 <> ''`)
	count(2, `SELECT count(*) FROM azure_authorisation WHERE snapshot = ?1 AND eligible AND ?2 <> ''`)
	count(0, `SELECT count(*) FROM azure_event WHERE snapshot = ?1 AND caller_home <> ?2 AND lower(operation) NOT LIKE 'microsoft.managedservices/%'`)
	count(1, `SELECT count(*) > 0 FROM azure_event WHERE snapshot = ?1 AND caller_home <> ?2`) // the customer delegated
	count(1, `SELECT count(*) > 20 FROM azure_event WHERE snapshot = ?1 AND caller_home = ?2 AND status = 'Succeeded' AND category = 'Administrative' AND ip <> ''`)
	count(1, `SELECT count(*) > 0 FROM azure_event WHERE snapshot = ?1 AND ?2 <> '' AND justification <> ''`)
	count(1, `SELECT count(*) > 0 FROM part_seen WHERE snapshot = ?1 AND passed_over > 0 AND ?2 <> ''`)
	activity := coverageOf(r, snapshot.AzureActivity)
	if want := w.at.AddDate(0, 0, -89); !activity.Since.Equal(want) || !activity.Until.Equal(w.at) {
		t.Errorf("the log was read from %v to %v", activity.Since, activity.Until)
	}

	expectConserved(t, w.store, r.Snapshot)

	// The next day only the windows that may still grow are asked again.
	before := w.asked("eventtypes")
	w.at = w.at.AddDate(0, 0, 1)
	if w.collect(nil, snapshot.AzureDelegations, snapshot.AzureActivity); w.asked("eventtypes")-before > before/3 {
		t.Errorf("%d requests for the log after %d the day before", w.asked("eventtypes")-before, before)
	}
}

func TestAzureOfSomeCustomers(t *testing.T) {
	w := newWorld(t, fixtures.ServerOptions{})
	whole, _ := w.collect(nil, snapshot.AzureDelegations)
	only := column[string](w, `SELECT customer FROM azure_subscription WHERE snapshot = ? ORDER BY name DESC LIMIT 1`, whole.Snapshot)[0]
	w.at = w.at.Add(time.Hour)
	before := w.asked("registrationAssignments")
	_, parts := w.collect(func(o *collectors.Options) { o.Customers = []string{strings.ToUpper(only)} }, snapshot.AzureDelegations, snapshot.AzureActivity)
	for _, c := range parts.Tenants() {
		if left := c.State == snapshot.NotAsked && strings.Contains(c.Reason, "left out by --customer"); left == (c.Scope == only) {
			t.Errorf("%+v", c)
		}
	}
	if w.asked("registrationAssignments")-before >= before {
		t.Error("subscriptions of others were asked")
	}
	r, _ := w.collect(nil, snapshot.AzureActivity)
	if c := coverageOf(r, snapshot.AzureDelegations); c.State != snapshot.NotAsked || c.Reason != "left out by --kind" {
		t.Errorf("%+v", c)
	}
	r, _ = w.collect(func(o *collectors.Options) { o.Azure, o.Partner = nil, nil }, snapshot.AzureDelegations, snapshot.AzureActivity, snapshot.PartnerCustomers, snapshot.PartnerAudits)
	for _, kind := range []snapshot.Kind{snapshot.AzureDelegations, snapshot.AzureActivity, snapshot.PartnerCustomers, snapshot.PartnerAudits} {
		if c := coverageOf(r, kind); c.State != snapshot.NotConfigured || !strings.Contains(c.Reason, "set sources.") {
			t.Errorf("%+v", c)
		}
	}
}

func TestPartnerCenterIsSeen(t *testing.T) {
	w := newWorld(t, fixtures.ServerOptions{PageSize: 3})
	r, _ := w.collect(nil, snapshot.PartnerCustomers, snapshot.PartnerAudits)
	for _, kind := range []snapshot.Kind{snapshot.PartnerCustomers, snapshot.PartnerAudits} {
		if c := coverageOf(r, kind); c.State != snapshot.Complete || c.Pages == 0 {
			t.Errorf("%+v", c)
		}
	}
	expectWhole(t, w.store)
	if n := w.asked("/v1/customers"); n != 2+5 { // two pages, five customers
		t.Errorf("%d requests for customers", n)
	}
	delegated := column[*bool](w, `SELECT delegated FROM partner_customer WHERE snapshot = ?`, r.Snapshot)
	if dap := slices.DeleteFunc(slices.Clone(delegated), func(d *bool) bool { return d == nil || !*d }); len(delegated) != 5 || len(dap) != 1 {
		t.Errorf("%d customers, %d with DAP", len(delegated), len(dap))
	}
	if seen := column[int](w, `SELECT count(*) FROM part_seen WHERE snapshot = ? AND repeated > 0`, r.Snapshot)[0]; seen == 0 {
		t.Error("no record came twice")
	}
	if ended := column[int](w, `SELECT count(*) FROM partner_audit WHERE snapshot = ? AND operation = 'dap_admin_relationship_terminated'`, r.Snapshot)[0]; ended != 1 {
		t.Errorf("DAP ended %d times", ended)
	}
	for _, details := range column[string](w, `SELECT text FROM label`) {
		if strings.Contains(details, "Sommer2026") || strings.Contains(details, "\r") {
			t.Errorf("%q is kept", details)
		}
	}
	expectConserved(t, w.store, r.Snapshot)
	before := w.asked("auditrecords")
	w.at = w.at.AddDate(0, 0, 1)
	again, _ := w.collect(nil, snapshot.PartnerAudits)
	if n := w.asked("auditrecords") - before; n > 12 {
		t.Errorf("%d requests the next day", n)
	}
	if twice := column[string](w, `SELECT id FROM partner_audit WHERE snapshot = ? GROUP BY id HAVING count(*) > 1`, again.Snapshot); len(twice) > 0 {
		t.Errorf("%d records are there twice", len(twice))
	}
}

// Partner Center is asked by the day and answers whole days; of the first and the
// last one only what lies in the window is kept.
func TestPartnerAuditsKeepToTheirWindow(t *testing.T) {
	w := newWorld(t, fixtures.ServerOptions{})
	r, _ := w.collect(nil, snapshot.PartnerAudits)
	event := column[store.Time](w, `SELECT at FROM partner_audit WHERE snapshot = ? ORDER BY at LIMIT 1`, r.Snapshot)[0].Time()
	for _, request := range w.server.Journal() {
		if q := request.Query; strings.Contains(request.Path, "auditrecords") && q[len("startDate="):][:10] != q[strings.Index(q, "endDate=")+8:][:10] {
			t.Errorf("asked for more than a day: %s", q)
		}
	}
	for taken, kept := range map[time.Time]bool{
		event: false, event.Add(time.Second): true, event.AddDate(0, 0, 89): true, event.AddDate(0, 0, 89).Add(time.Second): false,
	} {
		w := newWorld(t, fixtures.ServerOptions{})
		w.at = taken.Add(time.Hour)
		r, _ := w.collect(func(o *collectors.Options) { o.At = taken }, snapshot.PartnerAudits)
		if n := column[int](w, `SELECT count(*) FROM partner_audit WHERE snapshot = ? AND at = ?`, r.Snapshot, store.Time(event))[0]; n > 0 != kept {
			t.Errorf("taken at %v: %d records of %v", taken, n, event)
		}
	}
}

// A GDAP relationship that ends is told by the log as well.
func TestPartnerCenterTellsOfTerminations(t *testing.T) {
	w := newWorld(t, fixtures.ServerOptions{})
	w.msp = fixtures.NewMSP(fixtures.Options{Customers: 5, Seed: 6, At: now})
	w.server = fixtures.NewServer(w.msp, fixtures.ServerOptions{Now: func() time.Time { return w.at }})
	w.url = w.serve()
	r, _ := w.collect(nil, snapshot.Relationships)
	id := column[string](w, `SELECT id FROM relationship WHERE snapshot = ? AND status = 'active' ORDER BY id`, r.Snapshot)[0]
	if err := w.msp.TerminateRelationship(id, w.at.Add(90*time.Minute)); err != nil {
		t.Fatal(err)
	}
	w.at = w.at.Add(3 * time.Hour)
	r, _ = w.collect(nil, snapshot.PartnerAudits)
	told := column[string](w, `SELECT operation FROM partner_audit WHERE snapshot = ? AND details LIKE '%' || ? || '%' AND at > ? ORDER BY at`, r.Snapshot, id, store.Time(now))
	if strings.Join(told, " ") != "granular_admin_relationship_termination_requested granular_admin_relationship_terminated" {
		t.Errorf("%q", told)
	}
}

func TestPartnerCenterRefuses(t *testing.T) {
	w := newWorld(t, fixtures.ServerOptions{Permissions: []string{"DelegatedAdminRelationship.Read.All"}})
	r, _ := w.collect(nil, snapshot.PartnerCustomers, snapshot.PartnerAudits)
	for _, kind := range []snapshot.Kind{snapshot.PartnerCustomers, snapshot.PartnerAudits} {
		if c := coverageOf(r, kind); c.State != snapshot.NotPermitted || !strings.Contains(c.Reason, "it takes access of the app to the Partner Center API") {
			t.Errorf("%+v", c)
		}
	}
	w = newWorld(t, fixtures.ServerOptions{Permissions: []string{fixtures.PartnerCenterAccess}, Faults: []fixtures.Fault{{Path: "/v1/customers/", Every: 4, Times: 1, Kind: fixtures.Unavailable}}})
	r, _ = w.collect(nil, snapshot.PartnerCustomers)
	if c := coverageOf(r, snapshot.PartnerCustomers); c.State != snapshot.Partial || !strings.Contains(c.Reason, "503") {
		t.Errorf("%+v", c)
	}
	if n := column[int](w, `SELECT count(*) FROM partner_customer`)[0]; n != 0 {
		t.Errorf("%d customers of a population that is not whole", n)
	}
}

// Groups that Azure authorisations name are walked and closed, people are not
// taken for groups, and each way to a customer is told.
func TestWaysBesideGDAP(t *testing.T) {
	w := newWorld(t, fixtures.ServerOptions{})
	r, _ := w.collect(nil, snapshot.Customers, snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships, snapshot.Users,
		snapshot.AzureDelegations, snapshot.PartnerCustomers)
	expectWhole(t, w.store)
	ways, err := snapshot.LoadOtherWays(context.Background(), w.store.Read(), r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	access, err := snapshot.LoadAccess(context.Background(), w.store.Read(), r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	migration, people, dap := 0, 0, 0
	for customer, of := range ways {
		for _, way := range of {
			switch {
			case way.Customer != customer:
				t.Errorf("%+v of %s", way, customer)
			case way.Kind == snapshot.LegacyDAP:
				dap++
			case way.Principal.ID == w.msp.GroupID("SG-Azure-Migration"):
				if migration++; way.State != snapshot.Standing || way.Principal.Type != snapshot.TypeGroup || len(access.Members(way.Principal.ID)) != 2 {
					t.Errorf("%+v with %v", way, access.Members(way.Principal.ID))
				}
			case way.Principal.Type == snapshot.TypeUser:
				if people++; way.SaidToBe != "Northgate support desk" || way.Principal.UPN == "" || (way.State == snapshot.Eligible) != (way.MFA == "None" && way.MaxActivation == "PT8H") {
					t.Errorf("%+v", way)
				}
			}
		}
	}
	if migration != 1 || people != 2 || dap != 2 {
		t.Errorf("%d by the migration group, %d by a person, %d by DAP", migration, people, dap)
	}
	if n := len(access.Members(w.msp.GroupID("SG-Azure-Operations"))); n < 4 {
		t.Errorf("%d members of the Azure operations", n)
	}
}
