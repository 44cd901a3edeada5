package snapshot_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"

	"github.com/jmoiron/sqlx"
)

const msp = "msp"

// world is what one snapshot sees, put into a real store part by part.
type world struct {
	customers     []snapshot.Customer
	relationships []snapshot.Relationship
	assignments   []snapshot.AccessAssignment
	roles         []snapshot.AccessAssignmentRole
	groups        []snapshot.Group
	users         []snapshot.User
	members       []snapshot.GroupMember
	eligible      []snapshot.GroupEligibility
	instances     []snapshot.GroupAssignment
	seen          map[snapshot.Part]store.Seen // parts not to be noted as whole with one request, page and row
}

// relationship adds an agreement with a customer.
func (w *world) relationship(id, customer, status string) {
	w.relationships = append(w.relationships, snapshot.Relationship{ID: id, Name: "GDAP " + id, Customer: customer, Status: status})
}

// assign gives a group roles under a relationship.
func (w *world) assign(relationship, group, status string, roles ...string) {
	id := relationship + "-" + group
	w.assignments = append(w.assignments, snapshot.AccessAssignment{ID: id, Relationship: relationship, MappedGroup: group, Status: status})
	for _, r := range roles {
		w.roles = append(w.roles, snapshot.AccessAssignmentRole{AccessAssignment: id, Role: r})
	}
}

// put adds direct members of a group; a name that begins with g is a group's.
func (w *world) put(group string, members ...string) {
	w.groups = append(w.groups, snapshot.Group{ID: group})
	for _, m := range members {
		w.members = append(w.members, snapshot.GroupMember{Group: group, Principal: m, Type: edge(group, m, "").Type})
	}
}

// edges are the direct memberships that follow.
func (w *world) edges() []snapshot.Membership {
	var out []snapshot.Membership
	for _, g := range w.groups {
		out = append(out, snapshot.DirectMemberships(
			only(w.members, func(m snapshot.GroupMember) bool { return m.Group == g.ID }),
			only(w.instances, func(a snapshot.GroupAssignment) bool { return a.Group == g.ID }),
			only(w.eligible, func(e snapshot.GroupEligibility) bool { return e.Group == g.ID }), nil, nil, asked)...)
	}
	return out
}

func (w *world) mapped() []string {
	var out []string
	for _, a := range w.assignments {
		if len(only(w.assignments, func(b snapshot.AccessAssignment) bool { return b.MappedGroup == a.MappedGroup && b.ID < a.ID })) == 0 {
			out = append(out, a.MappedGroup)
		}
	}
	return out
}

func only[T any](all []T, fits func(T) bool) []T {
	var out []T
	for _, v := range all {
		if fits(v) {
			out = append(out, v)
		}
	}
	return out
}

// parts sorts the facts to the parts they are asked in.
func (w *world) parts() map[snapshot.Part][]store.Item {
	out := map[snapshot.Part][]store.Item{}
	ask := func(kind snapshot.Kind, object string, rows ...store.Row) {
		part := snapshot.Part{Kind: kind, Scope: msp, Object: object}
		out[part] = append(out[part], []store.Item{}...)
		for _, r := range rows {
			out[part] = append(out[part], store.Item{Fact: r})
		}
	}
	ask(snapshot.Customers, msp, rows(w.customers)...)
	ask(snapshot.Relationships, msp, rows(w.relationships)...)
	for _, r := range w.relationships {
		ask(snapshot.AccessAssignments, r.ID)
	}
	for _, a := range w.assignments {
		ask(snapshot.AccessAssignments, a.Relationship, a)
		for _, r := range w.roles {
			if r.AccessAssignment == a.ID {
				ask(snapshot.AccessAssignments, a.Relationship, r)
			}
		}
	}
	ask(snapshot.Users, msp, rows(w.users)...)
	for _, g := range w.groups {
		ask(snapshot.Groups, g.ID, g)
		ask(snapshot.Memberships, g.ID)
		ask(snapshot.GroupEligibilities, g.ID)
		ask(snapshot.GroupAssignments, g.ID)
	}
	for _, m := range w.members {
		ask(snapshot.Memberships, m.Group, m)
	}
	for _, e := range w.eligible {
		ask(snapshot.GroupEligibilities, e.Group, e)
	}
	for _, a := range w.instances {
		ask(snapshot.GroupAssignments, a.Group, a)
	}
	return out
}

func rows[T store.Row](facts []T) []store.Row {
	out := make([]store.Row, len(facts))
	for i, f := range facts {
		out[i] = f
	}
	return out
}

func open(t testing.TB) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "a.db"), Create: true, Entropy: rand.NewChaCha8([32]byte{7})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// take seals a snapshot of the world and gives its number.
func (w *world) take(t testing.TB, st *store.Store, at time.Time) int64 {
	t.Helper()
	run, _, err := st.Begin(t.Context(), at, msp, "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	parts := w.parts()
	for part := range w.seen {
		parts[part] = append(parts[part], []store.Item{}...)
	}
	for part, items := range parts {
		stage := run.Stage(store.Part{Kind: string(part.Kind), Scope: part.Scope, Object: part.Object})
		if err := stage.Put(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		seen, ok := w.seen[part]
		if !ok {
			seen = store.Seen{State: store.Whole, Requests: 1, Pages: 1, Rows: 1}
		}
		if seen.Asked.IsZero() {
			seen.Asked = at
		}
		if err := stage.Finish(t.Context(), seen, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run.Seal(t.Context(), w.derive); err != nil {
		t.Fatal(err)
	}
	return run.ID
}

func (w *world) derive(context.Context, *sqlx.Tx, int64) (map[store.Part][]store.Row, error) {
	out := map[store.Part][]store.Row{}
	part := func(group string) store.Part {
		return store.Part{Kind: string(snapshot.Memberships), Scope: msp, Object: group}
	}
	for _, e := range w.edges() {
		out[part(e.Group)] = append(out[part(e.Group)], e)
	}
	for _, e := range snapshot.Close(w.mapped(), w.edges()) {
		out[part(e.MappedGroup)] = append(out[part(e.MappedGroup)], e)
	}
	return out, nil
}

func load(t testing.TB, st *store.Store, id int64) *snapshot.Access {
	t.Helper()
	a, err := snapshot.LoadAccess(t.Context(), st.Read(), id)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
