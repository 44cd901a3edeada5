package snapshot_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

var monday = time.Date(2026, 8, 17, 8, 0, 0, 0, time.UTC)

// requested is a request of ada's to be a member of g1, some minutes after eight.
func requested(id string, minute int, status string) snapshot.Activation {
	at := monday.Add(time.Duration(minute) * time.Minute)
	a := snapshot.Activation{ID: id, Group: "g1", Principal: "ada", Access: "member", Action: "selfActivate", Status: status, Created: at, Starts: at, Justification: "asked for " + id}
	if status == "provisioned" {
		a.Completed, a.Ends = at.Add(5*time.Minute), at.Add(65*time.Minute)
	}
	return a
}

// entry is an audit entry about ada and g1, or the role r1.
func entry(id, category, activity, request string, minute int) snapshot.AuditEvent {
	e := snapshot.AuditEvent{Tenant: msp, ID: id, At: monday.Add(time.Duration(minute) * time.Minute), Activity: activity, Category: category, Service: "PIM", Result: "success", Actor: "ada", Subject: "ada", Request: request}
	if category == "GroupManagement" {
		e.Group = "g1"
	} else {
		e.Role = "r1"
	}
	return e
}

const (
	completed = "Add member to role completed (PIM activation)"
	denied    = "Add member to role request denied (PIM activation)"
	approved  = "Add member to role request approved (PIM activation)"
	askedFor  = "Add member to role requested (PIM activation)"
	inGroup   = "GroupManagement"
	inRole    = "RoleManagement"
)

// brief words an activation: source, request, status, event, minute after eight, approver.
func brief(all []snapshot.PIMActivation) (out []string) {
	for _, a := range all {
		out = append(out, fmt.Sprintf("%s %s/%s of %s: %s %q at %d by %q", a.Source, a.Provider, a.Object, a.Request, a.Status, a.Event, int(a.At.Sub(monday).Minutes()), a.Approver))
	}
	return out
}

func TestMatchPIM(t *testing.T) {
	by := func(actor string, e snapshot.AuditEvent) snapshot.AuditEvent {
		e.Actor = actor
		return e
	}
	twin := entry("d1", inGroup, "Add member to group", "", 6)
	twin.Service = "Core Directory"
	copied := entry("d2", inGroup, completed, "", 30)
	copied.Service = "Core Directory"
	failed := entry("e1", inRole, completed, "q1", 0)
	failed.Result = "failure"
	for _, c := range []struct {
		name     string
		requests []snapshot.Activation
		events   []snapshot.AuditEvent
		want     []string
	}{
		{"a request alone", []snapshot.Activation{requested("q1", 0, "provisioned")}, nil, []string{`request group/g1 of q1: provisioned "" at 5 by ""`}},
		{"the entry names its request, however late it comes", []snapshot.Activation{requested("q1", 0, "provisioned")},
			[]snapshot.AuditEvent{entry("e1", inGroup, completed, "q1", 300)}, []string{`request group/g1 of q1: provisioned "e1" at 5 by ""`}},
		{"the entry is near the request", []snapshot.Activation{requested("q1", 0, "provisioned")},
			[]snapshot.AuditEvent{entry("e1", inGroup, completed, "", 14)}, []string{`request group/g1 of q1: provisioned "e1" at 5 by ""`}},
		{"the entry is too far from the request", []snapshot.Activation{requested("q1", 0, "provisioned")},
			[]snapshot.AuditEvent{entry("e1", inGroup, completed, "", 16)}, []string{`request group/g1 of q1: provisioned "" at 5 by ""`, `audit group/g1 of : provisioned "e1" at 16 by ""`}},
		{"two of a person within minutes, one request", []snapshot.Activation{requested("q1", 0, "provisioned")},
			[]snapshot.AuditEvent{entry("e2", inGroup, completed, "", 7), entry("e1", inGroup, completed, "q1", 9)},
			[]string{`request group/g1 of q1: provisioned "e1" at 5 by ""`, `audit group/g1 of : provisioned "e2" at 7 by ""`}},
		{"each entry goes to the nearest", []snapshot.Activation{requested("q1", 0, "provisioned"), requested("q2", 12, "provisioned")},
			[]snapshot.AuditEvent{entry("e2", inGroup, completed, "", 17), entry("e1", inGroup, completed, "", 5)},
			[]string{`request group/g1 of q1: provisioned "e1" at 5 by ""`, `request group/g1 of q2: provisioned "e2" at 17 by ""`}},
		{"another person's, another group's, another provider's", []snapshot.Activation{requested("q1", 0, "provisioned")}, []snapshot.AuditEvent{entry("e1", inRole, completed, "", 5)},
			[]string{`request group/g1 of q1: provisioned "" at 5 by ""`, `audit role/r1 of : provisioned "e1" at 5 by ""`}},
		{"approval is joined by name and by time", []snapshot.Activation{requested("q1", 0, "provisioned"), requested("q2", 60, "provisioned")},
			[]snapshot.AuditEvent{by("bo", entry("e1", inGroup, approved, "q1", 4)), by("cy", entry("e2", inGroup, approved, "", 63))},
			[]string{`request group/g1 of q1: provisioned "" at 5 by "bo"`, `request group/g1 of q2: provisioned "" at 65 by "cy"`}},
		{"denied", []snapshot.Activation{requested("q1", 0, "denied")}, []snapshot.AuditEvent{by("bo", entry("e1", inGroup, denied, "q1", 40))}, []string{`request group/g1 of q1: denied "e1" at 0 by "bo"`}},
		{"roles are known from the log alone; a request without an end is none", nil,
			[]snapshot.AuditEvent{entry("e1", inRole, askedFor, "q1", 0), by("bo", entry("e2", inRole, approved, "q1", 2)), entry("e3", inRole, completed, "q1", 3),
				entry("e4", inRole, askedFor, "q2", 10), entry("e5", inRole, "PIM activation request expired", "q2", 99), by("bo", entry("e6", "ResourceManagement", denied, "q3", 100)), entry("e7", inRole, askedFor, "q4", 110)},
			[]string{`audit role/r1 of q1: provisioned "e3" at 3 by "bo"`, `audit role/r1 of q2: timedout "e5" at 10 by ""`, `audit azure/r1 of q3: denied "e6" at 100 by "bo"`}},
		{"two requests of the log within minutes are two", nil, []snapshot.AuditEvent{entry("e1", inRole, completed, "q1", 0), entry("e2", inRole, completed, "q2", 1)},
			[]string{`audit role/r1 of q1: provisioned "e1" at 0 by ""`, `audit role/r1 of q2: provisioned "e2" at 1 by ""`}},
		{"failed, canceled, in any spelling", nil, []snapshot.AuditEvent{failed, entry("e2", inRole, "ADD MEMBER TO ROLE CANCELED (pim activation) v2", "q2", 3)},
			[]string{`audit role/r1 of q1: failed "e1" at 0 by ""`, `audit role/r1 of q2: canceled "e2" at 3 by ""`}},
		{"the directory's own record and the end of an activation are none", []snapshot.Activation{requested("q1", 0, "provisioned")},
			[]snapshot.AuditEvent{twin, copied, entry("e1", inGroup, "Remove member from role (PIM activation expired)", "q1", 65), entry("e2", inGroup, "Add member to role in PIM completed (timebound)", "q5", 3)},
			[]string{`request group/g1 of q1: provisioned "" at 5 by ""`}},
		{"what administrators assign is none", []snapshot.Activation{{ID: "q1", Group: "g1", Principal: "ada", Action: "adminAssign"}, {ID: "q2", Group: "g1", Principal: "ada", Action: "selfActivate", ValidationOnly: true}}, nil, nil},
	} {
		if got := brief(snapshot.MatchPIM(msp, c.requests, c.events)); !slices.Equal(got, c.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", c.name, got, c.want)
		}
	}
	told := entry("e1", inRole, completed, "q1", 0)
	told.Justification, told.Ticket, told.TicketSystem, told.Ends = "fix", "INC1", "Desk", monday.Add(time.Hour)
	reason := by("bo", entry("e2", inRole, approved, "q1", -1))
	reason.Justification = "go on"
	if got := snapshot.MatchPIM(msp, nil, []snapshot.AuditEvent{told, reason})[0]; got.Justification != "fix" || got.Ticket != "INC1" || got.TicketSystem != "Desk" || !got.Until.Equal(told.Ends) || !got.Decided.Equal(reason.At) {
		t.Errorf("%+v", got)
	}
}

// However the sources come and in whatever order, one use is one activation.
func TestMatchPIMNeverDoubles(t *testing.T) {
	for seed := range uint64(50) {
		r := rand.New(rand.NewPCG(seed, 3))
		var requests []snapshot.Activation
		var events []snapshot.AuditEvent
		n := 1 + r.IntN(6)
		for i := range n {
			id, minute := fmt.Sprint("q", i), i*45+r.IntN(10)
			told := requested(id, minute, "provisioned")
			known, names := r.IntN(3) > 0, r.IntN(2) > 0
			if known {
				requests = append(requests, told)
			}
			request := id
			if !names {
				request = ""
			}
			if !known || r.IntN(2) > 0 {
				events = append(events, entry("c"+id, inGroup, completed, request, minute+5+r.IntN(3)))
			}
			events = append(events, entry("a"+id, inGroup, askedFor, request, minute))
		}
		r.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		if got := snapshot.MatchPIM(msp, requests, events); len(got) != n {
			t.Errorf("seed %d: %d activations, want %d: %q", seed, len(got), n, brief(got))
		}
	}
}

// put seals a snapshot of one part for each kind.
func sealed(t *testing.T, st *store.Store, at time.Time, parts map[snapshot.Part][]store.Row, seen func(snapshot.Part) store.Seen) int64 {
	t.Helper()
	run, _, err := st.Begin(t.Context(), at, msp, "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	for part, facts := range parts {
		stage := run.Stage(store.Part{Kind: string(part.Kind), Scope: part.Scope, Object: part.Object})
		err := stage.Put(t.Context(), items(facts))
		if err == nil {
			err = stage.Finish(t.Context(), seen(part), nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run.Seal(t.Context(), (&world{}).derive); err != nil {
		t.Fatal(err)
	}
	return run.ID
}

func items(facts []store.Row) []store.Item {
	var out []store.Item
	for _, f := range facts {
		out = append(out, store.Item{Fact: f})
	}
	return out
}

func TestLoadPIMActivations(t *testing.T) {
	st := open(t)
	pending := requested("q2", 30, "pendingapproval")
	decision := entry("e3", inGroup, approved, "q2", 33)
	decision.Actor, decision.ActorName = "bo", "Bo"
	guest := entry("e4", inRole, completed, "q9", 90)
	guest.Tenant = "customer"
	whole := func(snapshot.Part) store.Seen {
		return store.Seen{State: store.Whole, Requests: 1, Pages: 1, Asked: monday}
	}
	group, log := snapshot.Part{Kind: snapshot.GroupActivations, Scope: msp, Object: "g1"}, snapshot.Part{Kind: snapshot.Audits, Scope: msp, Object: "2026-08-17"}
	first := sealed(t, st, monday, map[snapshot.Part][]store.Row{group: {requested("q1", 0, "provisioned"), pending}, log: {entry("e1", inGroup, completed, "q1", 5)},
		{Kind: snapshot.CustomerAudits, Scope: "customer", Object: "2026-08-17"}: {guest}}, whole)
	second := sealed(t, st, monday.Add(time.Hour), map[snapshot.Part][]store.Row{group: {requested("q1", 0, "provisioned"), requested("q2", 30, "provisioned")},
		log: {entry("e1", inGroup, completed, "q1", 5), decision}}, whole)
	for id, want := range map[int64][]string{
		first:  {`request group/g1 of q1: provisioned "e1" at 5 by ""`, `request group/g1 of q2: pendingapproval "" at 30 by ""`, `audit role/r1 of q9: provisioned "e4" at 90 by ""`},
		second: {`request group/g1 of q1: provisioned "e1" at 5 by ""`, `request group/g1 of q2: provisioned "" at 35 by "bo"`, `audit role/r1 of q9: provisioned "e4" at 90 by ""`},
	} {
		got, err := snapshot.LoadPIMActivations(t.Context(), st.Read(), id)
		if err != nil || !slices.Equal(brief(got), want) {
			t.Errorf("snapshot %d: %v\ngot  %q\nwant %q", id, err, brief(got), want)
		}
	}
}
