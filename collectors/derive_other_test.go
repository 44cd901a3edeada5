package collectors

import (
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// The agents groups count while DAP stands somewhere, whoever says so; a group of an
// Azure authorisation counts always, a person in its place never.
func TestGroupsMappedBesideGDAP(t *testing.T) {
	yes, no := true, false
	dap := func(delegated *bool) store.Row { return snapshot.PartnerCustomer{Tenant: "c1", Delegated: delegated} }
	for name, c := range map[string]struct {
		says store.Row
		want string
	}{
		"no DAP":                         {dap(&no), "azure:ivan"},
		"not told":                       {dap(nil), "azure:ivan"},
		"Partner Center":                 {dap(&yes), "agents:ada azure:ivan"},
		"Lighthouse":                     {snapshot.LighthouseTenant{Tenant: "c1", Privilege: "DelegatedAdminPrivileges"}, "agents:ada azure:ivan"},
		"both, in Lighthouse's spelling": {snapshot.LighthouseTenant{Tenant: "c1", Privilege: "delegatedAndGranularDelegetedAdminPrivileges"}, "agents:ada azure:ivan"},
		"GDAP alone":                     {snapshot.LighthouseTenant{Tenant: "c1", Privilege: "granularDelegatedAdminPrivileges"}, "azure:ivan"},
	} {
		t.Run(name, func(t *testing.T) {
			st, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "a.db"), Create: true, Entropy: rand.NewChaCha8([32]byte{7})})
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			run, _, err := st.Begin(t.Context(), time.Date(2026, 5, 1, 4, 0, 0, 0, time.UTC), "msp", "all", 0)
			if err != nil {
				t.Fatal(err)
			}
			put := func(kind snapshot.Kind, object string, rows ...store.Row) {
				t.Helper()
				stage := run.Stage(store.Part{Kind: string(kind), Scope: "msp", Object: object})
				var items []store.Item
				for _, row := range rows {
					items = append(items, store.Item{Fact: row})
				}
				if err := stage.Put(t.Context(), items); err != nil {
					t.Fatal(err)
				}
				if err := stage.Finish(t.Context(), store.Seen{State: store.Whole, Asked: run.At}, nil); err != nil {
					t.Fatal(err)
				}
			}
			authorisation := func(principal string) store.Row {
				return snapshot.AzureAuthorisation{Delegation: "d1", Principal: principal, Role: "r1", DelegatedRoles: []string{}, Approvers: []string{}}
			}
			put(snapshot.Groups, "msp", snapshot.Group{ID: "azure"}, snapshot.Group{ID: "agents"}, snapshot.Group{ID: "other"})
			put(snapshot.DirectoryRoles, "msp", snapshot.RoleGroup{Group: "agents", Agents: "AdminAgents"}, snapshot.RoleGroup{Group: "other", RoleAssignable: true})
			put(snapshot.AzureDelegations, "s1", authorisation("azure"), authorisation("person"))
			put(snapshot.PartnerCustomers, "msp", c.says)
			for group, member := range map[string]string{"azure": "ivan", "agents": "ada", "other": "bo"} {
				put(snapshot.Memberships, group, snapshot.GroupMember{Group: group, Principal: member, Type: snapshot.TypeUser})
			}
			if _, err := run.Seal(t.Context(), derive); err != nil {
				t.Fatal(err)
			}
			var got []string
			if err := st.Read().Select(&got, `SELECT mapped_group || ':' || principal FROM effective_membership`); err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			if strings.Join(got, " ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
