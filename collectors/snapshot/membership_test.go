package snapshot_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors/snapshot"
)

var asked = time.Date(2026, 3, 31, 4, 0, 0, 0, time.UTC)

func words(edges []snapshot.Membership) string {
	var out []string
	for _, e := range edges {
		out = append(out, e.Principal+":"+string(e.State))
	}
	return strings.Join(out, " ")
}

func member(principal string) snapshot.GroupMember {
	return snapshot.GroupMember{Group: "g", Principal: principal, Type: snapshot.TypeUser}
}

func TestDirectMemberships(t *testing.T) {
	hour := func(h int) time.Time { return asked.Add(time.Duration(h) * time.Hour) }
	use := func(starts, ends time.Time, status string) []snapshot.Activation {
		return []snapshot.Activation{{ID: "r", Group: "g", Principal: "ada", Action: "selfActivate", Status: status, Starts: starts, Ends: ends}}
	}
	eligible := []snapshot.GroupEligibility{{ID: "e", Group: "g", Principal: "ada", Access: "member"}}
	for name, c := range map[string]struct {
		members     []snapshot.GroupMember
		assignments []snapshot.GroupAssignment
		eligible    []snapshot.GroupEligibility
		principals  []snapshot.PIMPrincipal
		activations []snapshot.Activation
		want        string
	}{
		"a plain member is standing":   {members: []snapshot.GroupMember{member("ada")}, want: "ada:standing"},
		"eligible alone holds nothing": {eligible: eligible, want: "ada:eligible"},
		"an activated member is not called standing": {
			members: []snapshot.GroupMember{member("ada")}, eligible: eligible,
			assignments: []snapshot.GroupAssignment{{ID: "a", Group: "g", Principal: "ada", Access: "member", AssignmentType: "Activated", Ends: hour(1)}},
			want:        "ada:activated ada:eligible",
		},
		"assigned with an end is time-bound": {
			members:     []snapshot.GroupMember{member("ada")},
			assignments: []snapshot.GroupAssignment{{ID: "a", Group: "g", Principal: "ada", Access: "member", AssignmentType: "assigned", Ends: hour(48)}},
			want:        "ada:time-bound",
		},
		"assigned without an end is standing": {
			members:     []snapshot.GroupMember{member("ada")},
			assignments: []snapshot.GroupAssignment{{ID: "a", Group: "g", Principal: "ada", Access: "member", AssignmentType: "Assigned"}},
			want:        "ada:standing",
		},
		"owners are not members": {
			assignments: []snapshot.GroupAssignment{{ID: "a", Group: "g", Principal: "ada", Access: "owner", AssignmentType: "assigned"}},
			eligible:    []snapshot.GroupEligibility{{ID: "e", Group: "g", Principal: "ada", Access: "owner"}},
		},
		"an activation that ended while the lists were read": {
			members: []snapshot.GroupMember{member("ada")}, eligible: eligible,
			activations: use(hour(-2), asked.Add(-time.Minute), "Provisioned"), want: "ada:activated ada:eligible",
		},
		"an activation that began while the lists were read": {
			members: []snapshot.GroupMember{member("ada")}, eligible: eligible,
			activations: use(asked.Add(time.Minute), hour(2), "Provisioned"), want: "ada:activated ada:eligible",
		},
		"of whom nothing is told is a person": {eligible: eligible, principals: []snapshot.PIMPrincipal{{Group: "g", Principal: "bo", Type: snapshot.TypeGroup}}, want: "ada:eligible"},
		"yesterday's activation explains nothing": {
			members: []snapshot.GroupMember{member("ada")}, eligible: eligible,
			activations: use(hour(-26), hour(-24), "Provisioned"), want: "ada:standing ada:eligible",
		},
		"a denied activation explains nothing": {
			members:     []snapshot.GroupMember{member("ada")},
			activations: use(hour(-1), hour(1), "Denied"), want: "ada:standing",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := words(snapshot.DirectMemberships(c.members, c.assignments, c.eligible, c.principals, c.activations, asked)); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func edge(group, principal string, state snapshot.MembershipState) snapshot.Membership {
	e := snapshot.Membership{Group: group, Principal: principal, State: state, Type: snapshot.TypeUser}
	if strings.HasPrefix(principal, "g") {
		e.Type = snapshot.TypeGroup
	}
	return e
}

func reached(edges ...snapshot.Membership) string {
	var out []string
	for _, m := range snapshot.Close([]string{"g0"}, edges) {
		out = append(out, fmt.Sprintf("%s:%s via %s", m.Principal, m.State, strings.Join(m.Via, ">")))
	}
	return strings.Join(out, ", ")
}

func TestCloseWalksNestedGroups(t *testing.T) {
	s, e := snapshot.Standing, snapshot.Eligible
	for name, c := range map[string]struct {
		edges []snapshot.Membership
		want  string
	}{
		"two deep":                     {[]snapshot.Membership{edge("g0", "g1", s), edge("g1", "g2", s), edge("g2", "ada", s)}, "ada:standing via g0>g1>g2"},
		"as strong as the weakest":     {[]snapshot.Membership{edge("g0", "g1", e), edge("g1", "ada", s)}, "ada:eligible via g0>g1"},
		"a diamond is one":             {[]snapshot.Membership{edge("g0", "g1", s), edge("g0", "g2", s), edge("g1", "ada", s), edge("g2", "ada", s)}, "ada:standing via g0>g1"},
		"the strongest way counts":     {[]snapshot.Membership{edge("g0", "ada", e), edge("g0", "g1", s), edge("g1", "ada", s)}, "ada:standing via g0>g1"},
		"a cycle ends":                 {[]snapshot.Membership{edge("g0", "g1", s), edge("g1", "g0", s), edge("g1", "g1", s), edge("g1", "ada", s)}, "ada:standing via g0>g1"},
		"a group outside is not asked": {[]snapshot.Membership{edge("g7", "ada", s)}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			if got := reached(c.edges...); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

var states = []snapshot.MembershipState{snapshot.Standing, snapshot.TimeBound, snapshot.Activated, snapshot.Eligible}

// TestCloseAgreesWithAllSimpleWays holds the closure against the definition: the
// strongest of all ways without a cycle, found by trying every one of them.
func TestCloseAgreesWithAllSimpleWays(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var edges []snapshot.Membership
		for range rng.IntN(14) {
			to := []string{"g0", "g1", "g2", "g3", "ada", "bo"}[rng.IntN(6)]
			edges = append(edges, edge(fmt.Sprintf("g%d", rng.IntN(4)), to, states[rng.IntN(4)]))
		}
		expectAllSimpleWays(t, edges)
	}
}

// expectAllSimpleWays fails when the closure of g0 is another than the strongest of
// all ways that go by edges which say in their name whether they lead to a group.
func expectAllSimpleWays(t *testing.T, edges []snapshot.Membership) {
	t.Helper()
	want := map[string]int{}
	var walk func(group string, seen []string, weakest int)
	walk = func(group string, seen []string, weakest int) {
		for _, e := range edges {
			if e.Group != group {
				continue
			}
			at := max(weakest, slices.Index(states, e.State))
			if !strings.HasPrefix(e.Principal, "g") {
				if old, ok := want[e.Principal]; !ok || at < old {
					want[e.Principal] = at
				}
			} else if !slices.Contains(seen, e.Principal) {
				walk(e.Principal, append(slices.Clone(seen), e.Principal), at)
			}
		}
	}
	walk("g0", []string{"g0"}, 0)
	got := map[string]int{}
	for _, m := range snapshot.Close([]string{"g0"}, edges) {
		got[m.Principal] = slices.Index(states, m.State)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("edges %s: got %v, want %v", words(edges), got, want)
	}
}

// TestEligibleGroupsAreFollowed holds the same for what the lists of PIM bring: a
// group that is only eligible stands in no members list, and the people in it may
// come to be in the other group all the same.
func TestEligibleGroupsAreFollowed(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		var edges []snapshot.Membership
		for i := range 4 {
			group := fmt.Sprintf("g%d", i)
			var members []snapshot.GroupMember
			var eligible []snapshot.GroupEligibility
			var assigned []snapshot.GroupAssignment
			var principals []snapshot.PIMPrincipal
			for _, p := range []string{"g0", "g1", "g2", "g3", "ada", "bo"} {
				kind := edge(group, p, "").Type
				switch rng.IntN(9) {
				case 0:
					members = append(members, snapshot.GroupMember{Group: group, Principal: p, Type: kind})
				case 1, 2:
					eligible = append(eligible, snapshot.GroupEligibility{ID: "e" + p, Group: group, Principal: p, Access: "member"})
					principals = append(principals, snapshot.PIMPrincipal{Group: group, Principal: p, Type: kind})
				case 3:
					assigned = append(assigned, snapshot.GroupAssignment{ID: "a" + p, Group: group, Principal: p, Access: "member", AssignmentType: "activated"})
					principals = append(principals, snapshot.PIMPrincipal{Group: group, Principal: p, Type: kind})
				}
			}
			edges = append(edges, snapshot.DirectMemberships(members, assigned, eligible, principals, nil, asked)...)
		}
		expectAllSimpleWays(t, edges)
	}
}

func TestDeliveredExplainsMembers(t *testing.T) {
	hour := func(h int) time.Time { return asked.Add(time.Duration(h) * time.Hour) }
	has := func(id string, starts, ends time.Time, state string) snapshot.AccessPackageAssignment {
		return snapshot.AccessPackageAssignment{ID: id, Package: "p", Principal: "ada", State: state, Starts: starts, Ends: ends}
	}
	plain := []snapshot.GroupMember{member("ada")}
	for name, c := range map[string]struct {
		members     []snapshot.GroupMember
		pim         []snapshot.GroupAssignment
		assignments []snapshot.AccessPackageAssignment
		want        string // state and instance
	}{
		"until an end":                        {members: plain, assignments: []snapshot.AccessPackageAssignment{has("a", hour(-1), hour(3), "delivered")}, want: "ada:time-bound a"},
		"being delivered":                     {members: plain, assignments: []snapshot.AccessPackageAssignment{has("a", time.Time{}, hour(3), "Delivering")}, want: "ada:time-bound a"},
		"without an end":                      {members: plain, assignments: []snapshot.AccessPackageAssignment{has("a", hour(-1), time.Time{}, "delivered")}, want: "ada:standing "},
		"ended while the lists were read":     {members: plain, assignments: []snapshot.AccessPackageAssignment{has("a", hour(-4), asked.Add(-time.Minute), "expired")}, want: "ada:time-bound a"},
		"ended yesterday, and still a member": {members: plain, assignments: []snapshot.AccessPackageAssignment{has("a", hour(-28), hour(-24), "expired")}, want: "ada:standing "},
		"not yet begun":                       {members: plain, assignments: []snapshot.AccessPackageAssignment{has("a", hour(24), hour(48), "delivering")}, want: "ada:standing "},
		"never delivered":                     {members: plain, assignments: []snapshot.AccessPackageAssignment{has("a", hour(-1), hour(3), "deliveryFailed")}, want: "ada:standing "},
		"the last of two to end counts":       {members: plain, assignments: []snapshot.AccessPackageAssignment{has("b", hour(-1), hour(5), "delivered"), has("a", hour(-1), hour(3), "delivered")}, want: "ada:time-bound b"},
		"what PIM explains stays":             {members: plain, pim: []snapshot.GroupAssignment{{ID: "i", Group: "g", Principal: "ada", Access: "member", AssignmentType: "assigned"}}, assignments: []snapshot.AccessPackageAssignment{has("a", hour(-1), hour(3), "delivered")}, want: "ada:standing i"},
		"somebody else's":                     {members: []snapshot.GroupMember{member("bo")}, assignments: []snapshot.AccessPackageAssignment{has("a", hour(-1), hour(3), "delivered")}, want: "bo:standing "},
		"who is not in the list is no member": {assignments: []snapshot.AccessPackageAssignment{has("a", hour(-1), hour(3), "delivered")}},
	} {
		t.Run(name, func(t *testing.T) {
			edges := snapshot.Delivered(snapshot.DirectMemberships(c.members, c.pim, nil, nil, nil, asked), c.assignments, asked)
			got := words(edges)
			for _, e := range edges {
				got += " " + e.Instance
				if e.State == snapshot.TimeBound && e.Ends.IsZero() {
					t.Error("time-bound without an end")
				}
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
