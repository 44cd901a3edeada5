package snapshot_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

func of(coverage []snapshot.Coverage, kind snapshot.Kind) snapshot.Coverage {
	return coverage[slices.IndexFunc(coverage, func(c snapshot.Coverage) bool { return c.Kind == kind })]
}

func stated(c snapshot.Coverage) string {
	if c.Reason == "" {
		return string(c.State)
	}
	return string(c.State) + ": " + c.Reason
}

func memberships(object string) snapshot.Part {
	return snapshot.Part{Kind: snapshot.Memberships, Scope: msp, Object: object}
}

// saw notes parts that were not seen whole, or in other numbers.
func (w *world) saw(part snapshot.Part, state snapshot.State, reason string) {
	if w.seen == nil {
		w.seen = map[snapshot.Part]store.Seen{}
	}
	w.seen[part] = store.Seen{State: string(state), Reason: reason, Requests: 1}
}

// TestAKindIsAsWellSeenAsItsParts: complete when all are; the gravest state stands
// for it, with its reason and how many are short.
func TestAKindIsAsWellSeenAsItsParts(t *testing.T) {
	const whole, partial, failed, denied, unlicensed, unset, left = snapshot.Complete, snapshot.Partial, snapshot.Failed, snapshot.NotPermitted, snapshot.NotLicensed, snapshot.NotConfigured, snapshot.NotAsked
	st := open(t)
	for i, c := range []struct {
		parts []snapshot.State
		want  string
	}{
		{nil, "not-asked: was not asked by this snapshot"},
		{[]snapshot.State{whole}, "complete"},
		{[]snapshot.State{whole, whole, whole}, "complete"},
		{[]snapshot.State{failed}, "failed: reason 0"},
		{[]snapshot.State{failed, failed}, "failed: 2 of 2 not seen whole, 1 of them: reason 0"},
		{[]snapshot.State{whole, failed, whole}, "partial: 1 of 3 not seen whole: reason 1"},
		{[]snapshot.State{partial}, "partial: reason 0"},
		{[]snapshot.State{partial, failed}, "partial: 2 of 2 not seen whole, 1 of them: reason 1"},
		{[]snapshot.State{whole, denied}, "not-permitted: 1 of 2 not seen whole: reason 1"},
		{[]snapshot.State{denied, failed}, "failed: 2 of 2 not seen whole, 1 of them: reason 1"},
		{[]snapshot.State{unlicensed, unset, left, partial}, "not-licensed: 4 of 4 not seen whole, 1 of them: reason 0"},
		{[]snapshot.State{left}, "not-asked: reason 0"},
		{[]snapshot.State{whole, left}, "not-asked: 1 of 2 not seen whole: reason 1"},
	} {
		w := &world{}
		for n, state := range c.parts {
			reason := fmt.Sprintf("reason %d", n)
			if state == whole {
				reason = ""
			}
			w.saw(memberships(fmt.Sprintf("g%d", n)), state, reason)
		}
		all, err := snapshot.LoadCoverage(t.Context(), st.Read(), w.take(t, st, asked.AddDate(0, 0, i)))
		if err != nil {
			t.Fatal(err)
		}
		if got := stated(of(all, snapshot.Memberships)); got != c.want {
			t.Errorf("%v: got %q, want %q", c.parts, got, c.want)
		}
		for n, kind := range snapshot.Kinds {
			if all[n].Kind != kind || all[n].Scope != msp {
				t.Errorf("entry %d is %+v, want %s of %s", n, all[n], kind, msp)
			}
		}
	}
}

// What Microsoft shows to no app that only reads is said of a kind that was seen whole,
// beside other remarks.
func TestLimitsAreSaid(t *testing.T) {
	st := open(t)
	w := &world{}
	w.saw(snapshot.Part{Kind: snapshot.GroupActivations, Scope: msp, Object: "g1"}, snapshot.Complete, "")
	w.saw(snapshot.Part{Kind: snapshot.DirectoryRoles, Scope: msp, Object: msp}, snapshot.Complete, "it moved")
	w.saw(snapshot.Part{Kind: snapshot.CustomerRoles, Scope: "c1", Object: "c1"}, snapshot.Failed, "500")
	all, err := snapshot.LoadCoverage(t.Context(), st.Read(), w.take(t, st, asked))
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[snapshot.Kind]string{
		snapshot.GroupActivations: "complete: who approved a request is shown to its approvers alone: it stands in the audit log while Microsoft keeps that",
		snapshot.DirectoryRoles:   "complete: it moved; the history of PIM requests is shown only to who may also write, so it is not asked for: activations stand in the audit log while Microsoft keeps that",
		snapshot.CustomerRoles:    "failed: 500",
	} {
		if got := stated(of(all, kind)); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
}

// TestCoverageSumsUpItsParts: what was received is added, the windows of a log are
// framed, and the first asking counts.
func TestCoverageSumsUpItsParts(t *testing.T) {
	in := func(h int) time.Time { return asked.Add(time.Duration(h) * time.Hour) }
	slice := func(object string) snapshot.Part {
		return snapshot.Part{Kind: snapshot.SignIns, Scope: msp, Object: object}
	}
	w := &world{seen: map[snapshot.Part]store.Seen{
		slice("day 1"): {State: store.Whole, Asked: in(2), Requests: 2, Pages: 3, Rows: 100, Since: in(-48), Until: in(-24)},
		slice("day 2"): {State: store.Whole, Asked: in(1), Requests: 4, Pages: 5, Rows: 1000, Since: in(-24), Until: in(0)},
		slice("day 0"): {State: "failed", Reason: "500", Asked: in(3), Requests: 6},
	}}
	st := open(t)
	all, err := snapshot.LoadCoverage(t.Context(), st.Read(), w.take(t, st, asked))
	if err != nil {
		t.Fatal(err)
	}
	want := snapshot.Coverage{Scope: msp, Kind: snapshot.SignIns, State: snapshot.Partial, Reason: "1 of 3 not seen whole: 500",
		Requests: 12, Pages: 8, Rows: 1100, Since: in(-48), Until: in(0), Asked: in(1)}
	if got := of(all, snapshot.SignIns); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if _, err := snapshot.LoadCoverage(t.Context(), st.Read(), 9); err == nil || err.Error() != "load coverage: there is no sealed snapshot 9" {
		t.Errorf("got %v", err)
	}
}

// TestACustomerRestsOnItsOwnParts: what failed for another customer's group or
// relationship does not make this one's chains less seen.
func TestACustomerRestsOnItsOwnParts(t *testing.T) {
	w := &world{}
	for _, c := range []struct{ relationship, customer, status, group string }{
		{"r1", "c1", "active", "g1"}, {"r2", "c2", "active", "g2"}, {"r3", "c3", "active", "g3"}, {"r4", "c3", "approved", "g4"}, {"r5", "c1", "terminated", "g5"},
	} {
		w.relationship(c.relationship, c.customer, c.status)
		w.assign(c.relationship, c.group, "active", helpdesk)
	}
	w.put("g1", "g6", "ada")
	w.put("g2", "g7", "ada")
	w.put("g3", "ada")
	w.put("g6", "bo")
	w.put("g7", "g1", "cy")
	st := open(t)
	coverage := func(day int) func(customer string, kind snapshot.Kind) snapshot.Coverage {
		t.Helper()
		id := w.take(t, st, asked.AddDate(0, 0, day))
		parts, err := snapshot.LoadParts(t.Context(), st.Read(), id)
		if err != nil {
			t.Fatal(err)
		}
		return func(customer string, kind snapshot.Kind) snapshot.Coverage {
			if customer == msp {
				return of(parts.Kinds(), kind)
			}
			return of(parts.Customer(load(t, st, id), customer), kind)
		}
	}

	first := coverage(0)
	w.saw(memberships("g7"), snapshot.Failed, "gateway timeout")
	w.saw(snapshot.Part{Kind: snapshot.Groups, Scope: msp, Object: "g7"}, snapshot.Failed, "gateway timeout")
	w.saw(snapshot.Part{Kind: snapshot.AccessAssignments, Scope: msp, Object: "r4"}, snapshot.NotPermitted, "no permission")
	w.saw(snapshot.Part{Kind: snapshot.AccessAssignments, Scope: msp, Object: "r5"}, snapshot.Failed, "long over")
	w.saw(snapshot.Part{Kind: snapshot.GroupOwners, Scope: msp, Object: msp}, snapshot.NotAsked, "left out by --kind")
	w.saw(snapshot.Part{Kind: snapshot.Users, Scope: msp, Object: msp}, snapshot.Partial, "page 2 did not come")
	second := coverage(1)
	w.saw(snapshot.Part{Kind: snapshot.Groups, Scope: msp, Object: snapshot.Exports}, snapshot.Partial, "groups.csv does not tell all")
	third := coverage(2)
	for _, c := range []struct {
		customer string
		kind     snapshot.Kind
		want     string
	}{
		{"c1", snapshot.Memberships, "complete"},                                        // g1 and g6, though g7 failed
		{"c2", snapshot.Memberships, "partial: 1 of 4 not seen whole: gateway timeout"}, // g2, g7 and, nested in it, g1 and g6
		{"c3", snapshot.Memberships, "complete"},
		{msp, snapshot.Memberships, "partial: 1 of 5 not seen whole: gateway timeout"},
		{"c1", snapshot.AccessAssignments, "complete"}, // a relationship that is over is not needed
		{"c2", snapshot.AccessAssignments, "complete"},
		{"c3", snapshot.AccessAssignments, "not-permitted: 1 of 2 not seen whole: no permission"}, // about to give access
		{"c1", snapshot.Relationships, "complete"},
		{"c9", snapshot.AccessAssignments, "complete"}, // nothing to ask
		{"c1", snapshot.GroupOwners, "not-asked: left out by --kind"},
		{"c3", snapshot.GroupPolicies, "not-asked: was not asked by this snapshot"},
		{"c1", snapshot.Users, "partial: page 2 did not come"}, // asked for the tenant, so of every customer
		{"c2", snapshot.SignIns, "not-asked: was not asked by this snapshot"},
	} {
		got := second(c.customer, c.kind)
		if stated(got) != c.want || got.Scope != c.customer {
			t.Errorf("%s of %s: got %q of %s, want %q", c.kind, c.customer, stated(got), got.Scope, c.want)
		}
	}

	for want, got := range map[string]snapshot.Coverage{
		"complete": first("c1", snapshot.Groups),
		"partial: 1 of 4 not seen whole: gateway timeout": second("c2", snapshot.Groups),
		"partial: groups.csv does not tell all":           third("c1", snapshot.Groups),
	} {
		if stated(got) != want {
			t.Errorf("got %q, want %q", stated(got), want)
		}
	}
	if got := second("c1", snapshot.Groups); stated(got) != "complete" {
		t.Errorf("the groups of c1: %q", stated(got))
	}

	day := func(n int) time.Time { return asked.AddDate(0, 0, n) }
	for name, c := range map[string]struct {
		got  snapshot.Coverage
		want time.Time
	}{
		"seen whole":                           {second("c1", snapshot.Memberships), day(1)},
		"one part short":                       {second("c2", snapshot.Memberships), day(0)},
		"of the tenant, before":                {second(msp, snapshot.Users), day(0)},
		"the first":                            {first("c2", snapshot.Memberships), day(0)},
		"never":                                {second("c1", snapshot.GroupOwners), time.Time{}},
		"of groups that failed from the first": {second("c3", snapshot.GroupPolicies), time.Time{}},
	} {
		if !c.got.LastSeen.Equal(c.want) {
			t.Errorf("%s: last seen %v, want %v", name, c.got.LastSeen, c.want)
		}
	}
}
