package snapshot_test

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors/snapshot"
)

const (
	exchange = "29232cdf-9323-42fd-ade2-1d097af3e4de" // Exchange Administrator
	helpdesk = "729827e3-9c14-49f7-bb1b-9608f156bbb8" // Helpdesk Administrator
)

// pathWords shows the paths into a customer, in their order.
func pathWords(a *snapshot.Access, customer string) string {
	var out []string
	for p := range a.Paths(customer) {
		out = append(out, fmt.Sprintf("%s %s %s %s", p.Member.Principal, p.State(), p.Grant.ID, snapshot.RoleByID(p.Role).Name))
	}
	return strings.Join(out, "; ")
}

func TestCustomersAreThoseListedAndThoseReached(t *testing.T) {
	w := &world{customers: []snapshot.Customer{{Tenant: "c3", Name: "Fabrikam"}, {Tenant: "c1", Name: "Contoso"}}}
	w.put("g0", "ada")
	w.relationship("r1", "c1", "active")
	w.relationship("r2", "c2", "active") // reached, but not in the list
	w.relationship("r4", "c4", "expired")
	for _, r := range []string{"r1", "r2", "r4"} {
		w.assign(r, "g0", "active", helpdesk)
	}
	st := open(t)
	a := load(t, st, w.take(t, st, asked))
	if want := []snapshot.Customer{{Tenant: "c1", Name: "Contoso"}, {Tenant: "c2", Name: "c2"}, {Tenant: "c3", Name: "Fabrikam"}}; !slices.Equal(a.Customers, want) {
		t.Errorf("got %v, want %v", a.Customers, want)
	}
	for customer, want := range map[string]string{
		"c1": "ada standing r1-g0 Helpdesk Administrator", "c2": "ada standing r2-g0 Helpdesk Administrator", "c3": "", "c4": "",
	} {
		if got := pathWords(a, customer); got != want {
			t.Errorf("%s: got %q, want %q", customer, got, want)
		}
	}
	if !a.At.Equal(asked) || len(a.Seal) != 64 {
		t.Errorf("as of %v, seal %q", a.At, a.Seal)
	}
}

// TestStatusesThatGiveAccess: the words are the members of Microsoft Graph's enums
// delegatedAdminRelationshipStatus and delegatedAdminAccessAssignmentStatus. Access
// ends with the end, not with the wish for it; a word nobody knows is held to.
func TestStatusesThatGiveAccess(t *testing.T) {
	relationships := map[string]bool{
		"created": false, "approvalPending": false, "approved": false, "activating": false, "active": true, "expiring": true, "expired": false,
		"terminationRequested": true, "terminating": true, "terminated": false, "unknownFutureValue": true, "paused": true, "": true,
	}
	assignments := map[string]bool{
		"pending": false, "active": true, "deleting": true, "deleted": false, "error": false, "unknownFutureValue": true, "paused": true, "": true,
	}
	w, want := &world{}, map[string]bool{}
	w.put("g0", "ada")
	for status, gives := range relationships {
		if snapshot.GivesAccess(status) != gives || snapshot.GivesAccess(strings.ToLower(status)) != gives {
			t.Errorf("a relationship that is %q: want %v", status, gives)
		}
		for under, grants := range assignments {
			id := strings.ToLower("r-" + status + "-" + under)
			w.relationship(id, "c-"+id, status)
			w.assign(id, "g0", under, helpdesk)
			want["c-"+id] = gives && grants
		}
	}
	w.relationship("open", "", "created") // an invitation without a customer yet
	w.assign("gone", "g0", "active", helpdesk)
	st := open(t)
	a := load(t, st, w.take(t, st, asked))
	for customer, gives := range want {
		if got := len(a.Grants(customer)) == 1; got != gives {
			t.Errorf("%s: access is %v, want %v", customer, got, gives)
		}
	}
	if n := len(only(slices.Collect(maps.Values(want)), func(gives bool) bool { return gives })); len(a.Customers) != n {
		t.Errorf("%d customers are reached, want %d", len(a.Customers), n)
	}
	if got := a.MappedGroups(); !slices.Equal(got, []string{"g0"}) {
		t.Errorf("mapped groups %v", got)
	}
}

// TestPaths: one path for a principal, an access assignment and a role, however many
// ways lead into the mapped group, and of the state of the strongest.
func TestPaths(t *testing.T) {
	in := func(days int) time.Time { return asked.AddDate(0, 0, days) }
	st := open(t)
	for name, c := range map[string]struct {
		build func(w *world)
		want  string
	}{
		"a diamond does not multiply": {func(w *world) {
			w.put("g0", "g1", "g2", "ada")
			w.put("g1", "g3", "ada")
			w.put("g2", "g3")
			w.put("g3", "ada")
		}, "ada standing r-g0 Exchange Administrator; ada standing r-g0 Helpdesk Administrator"},
		"a cycle ends": {func(w *world) {
			w.put("g0", "g1")
			w.put("g1", "g2", "g1")
			w.put("g2", "g0", "bo")
		}, "bo standing r-g0 Exchange Administrator; bo standing r-g0 Helpdesk Administrator"},
		"eligible beside activated is activated": {func(w *world) {
			w.put("g0", "ada")
			w.eligible = []snapshot.GroupEligibility{{ID: "e1", Group: "g0", Principal: "ada", Access: "member"}, {ID: "e2", Group: "g0", Principal: "bo", Access: "member"}}
			w.instances = []snapshot.GroupAssignment{{ID: "a1", Group: "g0", Principal: "ada", Access: "member", AssignmentType: "activated", Ends: in(1)}}
		}, "ada activated r-g0 Exchange Administrator; ada activated r-g0 Helpdesk Administrator; bo eligible r-g0 Exchange Administrator; bo eligible r-g0 Helpdesk Administrator"},
		"standing below an end is time-bound": {func(w *world) {
			w.put("g0", "g1")
			w.put("g1", "ada")
			w.instances = []snapshot.GroupAssignment{{ID: "a1", Group: "g0", Principal: "g1", Access: "member", AssignmentType: "assigned", Ends: in(9)}}
		}, "ada time-bound r-g0 Exchange Administrator; ada time-bound r-g0 Helpdesk Administrator"},
		"an empty group lets nobody in": {func(w *world) { w.put("g0", "g1") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{}
			w.relationship("r", "c", "active")
			w.assign("r", "g0", "active", helpdesk, exchange)
			c.build(w)
			a := load(t, st, w.take(t, st, asked))
			if got := pathWords(a, "c"); got != c.want {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func TestUntilIsTheEarliestEnd(t *testing.T) {
	day := func(n int) time.Time {
		if n == 0 {
			return time.Time{}
		}
		return asked.AddDate(0, 0, n)
	}
	st := open(t)
	for _, c := range []struct{ group, person, relationship, want int }{
		{0, 0, 0, 0}, {0, 0, 30, 30}, {0, 9, 30, 9}, {0, 60, 30, 30}, {5, 9, 30, 5}, {9, 5, 0, 5}, {7, 0, 0, 7},
	} {
		w := &world{relationships: []snapshot.Relationship{{ID: "r", Customer: "c", Status: "active", Ends: day(c.relationship)}}}
		w.assign("r", "g0", "active", helpdesk)
		w.put("g0", "g1")
		w.put("g1", "ada")
		w.instances = []snapshot.GroupAssignment{
			{ID: "a0", Group: "g0", Principal: "g1", Access: "member", AssignmentType: "assigned", Ends: day(c.group)},
			{ID: "a1", Group: "g1", Principal: "ada", Access: "member", AssignmentType: "assigned", Ends: day(c.person)},
		}
		paths := slices.Collect(load(t, st, w.take(t, st, asked)).Paths("c"))
		if len(paths) != 1 || !paths[0].Until().Equal(day(c.want)) || paths[0].Grant.Relationship.Customer != "c" {
			t.Errorf("%+v: got %+v", c, paths)
		}
	}
}

// TestEdgesAndPathsAgreeWithAllWays holds both against the definition, found by
// trying every walk that enters a group at most twice: the edges of a person into a
// mapped group are those on some walk to it, and who has a path is who has a walk.
func TestEdgesAndPathsAgreeWithAllWays(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	st := open(t)
	for n := range 40 {
		w := &world{}
		for i := range 4 {
			var members []string
			for _, m := range []string{"g0", "g1", "g2", "g3", "ada", "bo", "cy"} {
				if rng.IntN(3) == 0 {
					members = append(members, m)
				}
			}
			group := fmt.Sprintf("g%d", i)
			w.put(group, members...)
			if rng.IntN(2) == 0 {
				w.eligible = append(w.eligible, snapshot.GroupEligibility{ID: "e" + group, Group: group, Principal: []string{"ada", "bo", "cy"}[rng.IntN(3)], Access: "member"})
			}
		}
		mapped := []string{"g0", "g2"}
		for _, g := range mapped {
			w.relationship("r-"+g, "c-"+g, "active")
			w.assign("r-"+g, g, "active", helpdesk)
		}
		a := load(t, st, w.take(t, st, asked.AddDate(0, 0, n)))
		for _, m := range mapped {
			want := waysInto(m, w.edges())
			var got []string
			for p := range a.Paths("c-" + m) {
				got = append(got, p.Member.Principal)
			}
			if reached := slices.DeleteFunc([]string{"ada", "bo", "cy"}, func(p string) bool { return want[p] == nil }); !slices.Equal(got, reached) {
				t.Errorf("world %d: %v reach %s, want %v, of %s", n, got, m, reached, groupWords(w.edges()))
			}
			for _, p := range []string{"ada", "bo", "cy"} {
				got := slices.Sorted(slices.Values(strings.Fields(groupWords(a.Edges(m, p)))))
				if edges := slices.Sorted(maps.Keys(want[p])); !slices.Equal(got, edges) {
					t.Errorf("world %d: edges of %s into %s are %v, want %v, of %s", n, p, m, got, edges, groupWords(w.edges()))
				}
			}
		}
	}
}

func groupWords(edges []snapshot.Membership) string {
	var out []string
	for _, e := range edges {
		out = append(out, fmt.Sprintf("%s<%s:%s", e.Group, e.Principal, e.State))
	}
	return strings.Join(out, " ")
}

// waysInto gives, by person, the edges that lie on some walk from the mapped group
// to it.
func waysInto(mapped string, edges []snapshot.Membership) map[string]map[string]bool {
	on := map[string]map[string]bool{}
	entered := map[string]int{mapped: 1}
	var walk func(group string, way []snapshot.Membership)
	walk = func(group string, way []snapshot.Membership) {
		for _, e := range edges {
			if e.Group != group {
				continue
			}
			here := append(slices.Clone(way), e)
			switch {
			case e.Type != snapshot.TypeGroup:
				if on[e.Principal] == nil {
					on[e.Principal] = map[string]bool{}
				}
				for _, step := range here {
					on[e.Principal][groupWords([]snapshot.Membership{step})] = true
				}
			case entered[e.Principal] < 2:
				entered[e.Principal]++
				walk(e.Principal, here)
				entered[e.Principal]--
			}
		}
	}
	walk(mapped, nil)
	return on
}

func TestChainIsWordedFromThePersonToTheCustomer(t *testing.T) {
	w := &world{users: []snapshot.User{{ID: "ada", Name: "Ada Lovelace", UPN: "ada@msp.example"}}}
	w.relationship("r", "c", "active")
	w.assign("r", "g0", "active", helpdesk)
	w.assign("r", "g2", "active", "00000000-0000-0000-0000-00000000abcd")
	w.put("g0", "g1")
	w.put("g1", "g2")
	w.put("g2", "ada", "bo", "cy")
	w.groups[0].Name, w.groups[1].Name = "Tier 1", "Desk"
	w.members[2].Name = "Ada in the list"  // the directory's own word wins
	w.members[3].UPN = "bo@guests.example" // no name
	st := open(t)
	a := load(t, st, w.take(t, st, asked))
	var got []string
	for p := range a.Paths("c") {
		got = append(got, a.Chain(p))
	}
	want := []string{
		"Ada Lovelace > g2 > Desk > Tier 1 > GDAP r > Helpdesk Administrator",
		"bo@guests.example > g2 > Desk > Tier 1 > GDAP r > Helpdesk Administrator",
		"cy > g2 > Desk > Tier 1 > GDAP r > Helpdesk Administrator",
		"Ada Lovelace > g2 > GDAP r > Unknown role 00000000-0000-0000-0000-00000000abcd",
		"bo@guests.example > g2 > GDAP r > Unknown role 00000000-0000-0000-0000-00000000abcd",
		"cy > g2 > GDAP r > Unknown role 00000000-0000-0000-0000-00000000abcd",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if p := a.Principal("nobody"); p != (snapshot.Principal{ID: "nobody", Type: snapshot.TypeUser}) || p.Label() != "nobody" {
		t.Errorf("a principal nobody named is %+v", p)
	}
	if p := a.Principal("g1"); p.Type != snapshot.TypeGroup || p.Label() != "Desk" {
		t.Errorf("a nested group is %+v", p)
	}
}

// TestAccessAsOfAnOlderSnapshot: names, members, grants and roles are those of then.
func TestAccessAsOfAnOlderSnapshot(t *testing.T) {
	st := open(t)
	var ids []int64
	for day, c := range []struct {
		status, group, name string
		roles, people       []string
	}{
		{"active", "Desk", "Ada", []string{helpdesk}, []string{"ada"}},
		{"active", "Service Desk", "Ada L.", []string{exchange}, []string{"ada", "bo"}},
		{"terminated", "Service Desk", "Ada L.", []string{exchange}, []string{"ada", "bo"}},
	} {
		w := &world{users: []snapshot.User{{ID: "ada", Name: c.name}}}
		w.relationship("r", "c", c.status)
		w.assign("r", "g0", "active", c.roles...)
		w.put("g0", c.people...)
		w.groups[0].Name = c.group
		ids = append(ids, w.take(t, st, asked.AddDate(0, 0, day)))
	}
	for i, want := range []string{
		"Ada > Desk > GDAP r > Helpdesk Administrator",
		"Ada L. > Service Desk > GDAP r > Exchange Administrator; bo > Service Desk > GDAP r > Exchange Administrator",
		"",
	} {
		a := load(t, st, ids[i])
		var got []string
		for p := range a.Paths("c") {
			got = append(got, a.Chain(p))
		}
		if strings.Join(got, "; ") != want || !a.At.Equal(asked.AddDate(0, 0, i)) {
			t.Errorf("snapshot %d, %v: got %q, want %q", ids[i], a.At, got, want)
		}
	}
}

func TestLoadAccessSaysWhatIsMissing(t *testing.T) {
	st := open(t)
	if _, _, err := st.Begin(t.Context(), asked, msp, "all", 0); err != nil { // 1, never sealed
		t.Fatal(err)
	}
	for _, id := range []int64{0, 1, 7} {
		_, err := snapshot.LoadAccess(t.Context(), st.Read(), id)
		if want := fmt.Sprintf("load access of snapshot %d: there is no sealed snapshot %d", id, id); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := snapshot.LoadAccess(ctx, st.Read(), 1); err == nil || err.Error() != "load access of snapshot 1: context canceled" {
		t.Errorf("got %v", err)
	}
}
