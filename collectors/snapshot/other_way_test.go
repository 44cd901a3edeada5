package snapshot_test

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// takeRows seals a snapshot of rows, each in the part of its kind.
func takeRows(t *testing.T, st *store.Store, rows map[snapshot.Kind][]store.Row) int64 {
	t.Helper()
	run, _, err := st.Begin(t.Context(), asked, msp, "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	for kind, of := range rows {
		stage := run.Stage(store.Part{Kind: string(kind), Scope: msp, Object: msp})
		var items []store.Item
		for _, row := range of {
			items = append(items, store.Item{Fact: row})
		}
		if err := stage.Put(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		if err := stage.Finish(t.Context(), store.Seen{State: store.Whole, Asked: asked}, nil); err != nil {
			t.Fatal(err)
		}
	}
	nothing := func(context.Context, *sqlx.Tx, int64) (map[store.Part][]store.Row, error) { return nil, nil }
	if _, err := run.Seal(t.Context(), nothing); err != nil {
		t.Fatal(err)
	}
	return run.ID
}

func wayWords(ways []snapshot.OtherWay) string {
	var out []string
	for _, w := range ways {
		out = append(out, strings.TrimSpace(fmt.Sprintf("%s %s %s %s %s", w.Kind, cmp.Or(w.Principal.ID, w.Principal.Name), w.Role, w.State, w.SubscriptionName)))
	}
	return strings.Join(out, "; ")
}

func TestLoadOtherWays(t *testing.T) {
	yes, no := true, false
	delegation := func(id, subscription, customer, state string) store.Row {
		return snapshot.AzureDelegation{ID: id, Subscription: subscription, Customer: customer, Managing: msp, State: state}
	}
	authorisation := func(delegation, principal, role string, eligible bool) store.Row {
		return snapshot.AzureAuthorisation{Delegation: delegation, Principal: principal, Role: role, Eligible: eligible, DelegatedRoles: []string{}, Approvers: []string{}}
	}
	rows := map[snapshot.Kind][]store.Row{
		snapshot.AzureDelegations: {
			snapshot.AzureSubscription{ID: "s1", Customer: "c1", Name: "Shop", State: "Enabled"}, snapshot.AzureSubscription{ID: "s2", Customer: "c2", Name: "Old", State: "Deleted"},
			delegation("d1", "s1", "c1", "Succeeded"), delegation("d2", "s1", "c1", "Failed"), delegation("d3", "s2", "c2", "Succeeded"),
			delegation("d4", "s4", "c4", "Succeeded"), delegation("d5", "s1", "c1", "HeldByTheMoon"),
			authorisation("d1", "g1", "r1", false), authorisation("d1", "g1", "r1", true), authorisation("d1", "u1", "r1", true), authorisation("d1", "app", "r0", false),
			authorisation("d2", "g1", "r1", false), authorisation("d3", "g1", "r1", false), authorisation("d4", "g1", "r1", false), authorisation("d5", "u1", "r1", false),
		},
		snapshot.Groups:           {snapshot.Group{ID: "g1", Name: "Azure team"}},
		snapshot.Users:            {snapshot.User{ID: "u1", Name: "Ada", UPN: "ada@msp.example", Licences: []string{}}},
		snapshot.PartnerCustomers: {snapshot.PartnerCustomer{Tenant: "c1", Delegated: &yes}, snapshot.PartnerCustomer{Tenant: "c3", Delegated: &no}, snapshot.PartnerCustomer{Tenant: "c5"}},
		snapshot.Lighthouse:       {snapshot.LighthouseTenant{Tenant: "c3", Privilege: "delegatedAdminPrivileges"}, snapshot.LighthouseTenant{Tenant: "c1", Privilege: "delegatedAdminPrivileges"}},
		snapshot.DirectoryRoles:   {snapshot.RoleGroup{Group: "g9", Agents: "AdminAgents"}, snapshot.RoleGroup{Group: "g8", RoleAssignable: true}},
	}
	st := open(t)
	ways, err := snapshot.LoadOtherWays(t.Context(), st.Read(), takeRows(t, st, rows))
	if err != nil {
		t.Fatal(err)
	}
	const global, desk = "62e90394-69f5-4237-9190-012177145e10", helpdesk
	dap := "dap HelpdeskAgents " + desk + " standing; dap g9 " + global + " standing" // the desk's group was not seen: it is named
	for customer, want := range map[string]string{
		"c1": "azure-lighthouse app r0 standing Shop; azure-lighthouse g1 r1 standing Shop; azure-lighthouse g1 r1 eligible Shop; azure-lighthouse u1 r1 eligible Shop; azure-lighthouse u1 r1 standing Shop; " + dap,
		"c2": "", "c3": dap, "c4": "azure-lighthouse g1 r1 standing", "c5": "",
	} {
		if got := wayWords(ways[customer]); got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", customer, got, want)
		}
	}
	w := ways["c1"]
	if p := w[0].Principal; p.Type != "" || p.ID != "app" {
		t.Errorf("of the app something is known: %+v", p)
	}
	if p := w[1].Principal; p.Type != snapshot.TypeGroup || p.Name != "Azure team" {
		t.Errorf("%+v", p)
	}
	if x := w[3]; x.Principal.UPN != "ada@msp.example" || x.Subscription != "s1" || x.Delegation != "d1" {
		t.Errorf("%+v", x)
	}
}
