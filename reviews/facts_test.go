package reviews

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

const msp = "msp-tenant"

// Roles by short name, of the tiers 0 to 3.
var roleIDs = map[string]string{
	"GA":     snapshot.GlobalAdministrator,
	"EXO":    "29232cdf-9323-42fd-ade2-1d097af3e4de", // Exchange Administrator, tier 2
	"USER":   "fe930be7-5e62-47db-91af-98c3a49a38b1", // User Administrator, tier 1
	"HELP":   "729827e3-9c14-49f7-bb1b-9608f156bbb8", // Helpdesk Administrator, tier 1
	"TEAMS":  "69091246-20e8-4a56-aa4d-066075b2a7a8", // Teams Administrator, tier 2
	"READ":   "88d8e3e3-8f55-4a1e-953a-9b9898b8876b", // Directory Readers
	"REPORT": "4a5d8f65-41da-4de4-8968-e035b65339cf", // Reports Reader, tier 3
}

// template is an empty database: its schema is migrated once, not for every test.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "reviews")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	st, err := store.Open(context.Background(), store.Options{Path: path, Create: true, Entropy: seeded()})
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func seeded() *rand.ChaCha8 { return rand.NewChaCha8([32]byte{7}) }

func openStore(t testing.TB) *store.Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	empty, err := template()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Options{Path: path, Entropy: seeded()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// fields is one line of facts: positional words and key=value settings.
type fields struct {
	words []string
	set   map[string]string
}

func (f fields) word(i int) string {
	if i < len(f.words) {
		return f.words[i]
	}
	return ""
}

func (f fields) date(t testing.TB, key string) time.Time {
	t.Helper()
	if f.set[key] == "" {
		return time.Time{}
	}
	return instant(t, f.set[key])
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	layout := time.DateOnly
	if strings.Contains(text, "T") {
		layout = time.RFC3339
	}
	at, err := time.Parse(layout, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func roles(list string) []string {
	var out []string
	for name := range strings.SplitSeq(list, ",") {
		if name != "" {
			out = append(out, roleIDs[name])
		}
	}
	return out
}

// gather collects the staged rows of each part.
type gather struct {
	rows  map[snapshot.Part][]store.Item
	users map[string]snapshot.User
}

func (g gather) put(kind snapshot.Kind, object string, fact store.Row, details ...store.Row) {
	part := snapshot.Part{Kind: kind, Scope: msp, Object: object}
	g.rows[part] = append(g.rows[part], store.Item{Fact: fact, Details: details})
}

func (g gather) open(kind snapshot.Kind, object string) {
	part := snapshot.Part{Kind: kind, Scope: msp, Object: object}
	g.rows[part] = append(g.rows[part], []store.Item{}...)
}

func (g gather) user(id string) snapshot.User {
	u, ok := g.users[id]
	if !ok {
		on := true
		u = snapshot.User{ID: id, Name: "Name of " + id, UPN: id + "@msp.example", Enabled: &on, Type: "Member"}
		g.users[id] = u
	}
	return u
}

// read turns lines of facts into parts. See the tests for the language; "unseen
// KIND OBJECT" makes a part fail, "unasked KIND OBJECT" leaves it out.
func read(t testing.TB, text string) (gather, map[snapshot.Part]string) {
	t.Helper()
	g := gather{map[snapshot.Part][]store.Item{}, map[string]snapshot.User{}}
	states := map[snapshot.Part]string{}
	for _, kind := range []snapshot.Kind{snapshot.Customers, snapshot.Relationships, snapshot.Groups, snapshot.Users} {
		g.open(kind, msp)
	}
	for line := range strings.Lines(text) {
		f := fields{set: map[string]string{}}
		for _, word := range strings.Fields(line) {
			if k, v, ok := strings.Cut(word, "="); ok {
				f.set[k] = v
			} else {
				f.words = append(f.words, word)
			}
		}
		if len(f.words) > 0 {
			g.line(t, f, states)
		}
	}
	for _, u := range g.users {
		g.put(snapshot.Users, msp, u)
	}
	return g, states
}

func (g gather) line(t testing.TB, f fields, states map[snapshot.Part]string) {
	t.Helper()
	a, b, id := f.word(1), f.word(2), f.set["id"]
	if id == "" {
		id = f.words[0] + "-" + a + "-" + b
	}
	switch f.words[0] {
	case "customer":
		g.put(snapshot.Customers, msp, snapshot.Customer{Tenant: a, Name: "The " + a})
	case "group":
		g.put(snapshot.Groups, msp, snapshot.Group{ID: a, Name: "Group " + a, Gone: f.set["gone"] != ""})
		for _, kind := range append([]snapshot.Kind{snapshot.GroupActivations}, memberKinds...) {
			g.open(kind, a)
		}
	case "relationship":
		status := f.set["status"]
		if status == "" {
			status = "active"
		}
		var details []store.Row
		for _, r := range roles(f.set["roles"]) {
			details = append(details, snapshot.RelationshipRole{Relationship: a, Role: r})
		}
		g.put(snapshot.Relationships, msp, snapshot.Relationship{ID: a, Name: "Agreement " + a, Customer: f.set["customer"], Status: status,
			Ends: f.date(t, "ends"), AutoExtend: f.set["auto"]}, details...)
		g.open(snapshot.AccessAssignments, a)
	case "assignment":
		var details []store.Row
		for _, r := range roles(f.set["roles"]) {
			details = append(details, snapshot.AccessAssignmentRole{AccessAssignment: a, Role: r})
		}
		g.put(snapshot.AccessAssignments, f.set["under"], snapshot.AccessAssignment{ID: a, Relationship: f.set["under"], MappedGroup: f.set["group"], Status: "active"}, details...)
	case "member":
		kind := f.set["type"]
		if kind == "" {
			kind = snapshot.TypeUser
			g.user(b)
		}
		g.put(snapshot.Memberships, a, snapshot.GroupMember{Group: a, Principal: b, Type: kind, Name: "Name of " + b})
	case "nested":
		g.put(snapshot.Memberships, a, snapshot.GroupMember{Group: a, Principal: b, Type: snapshot.TypeGroup, Name: "Group " + b})
	case "eligible":
		g.user(b)
		g.put(snapshot.GroupEligibilities, a, snapshot.GroupEligibility{ID: id, Group: a, Principal: b, Access: "member", Ends: f.date(t, "until")})
	case "assigned", "activated":
		g.user(b)
		g.put(snapshot.GroupAssignments, a, snapshot.GroupAssignment{ID: id, Group: a, Principal: b, Access: "member", AssignmentType: f.words[0], Ends: f.date(t, "until")})
	case "user":
		u := g.user(a)
		u.Manager, u.Type = f.set["manager"], f.set["type"]
		if f.set["disabled"] != "" {
			off := false
			u.Enabled = &off
		}
		g.users[a] = u
	case "activation":
		at := f.date(t, "at")
		action, by := f.set["action"], f.set["by"]
		if action == "" {
			action, by = "selfActivate", b
		}
		g.put(snapshot.GroupActivations, a, snapshot.Activation{ID: id + f.set["at"], Group: a, Principal: b, Access: "member", Action: action, Status: "Provisioned",
			Created: at, Starts: at, Ends: at.Add(time.Hour), CreatedBy: by})
	case "signin":
		at := f.date(t, "at")
		g.put(snapshot.SignIns, msp, snapshot.SignIn{ID: id + f.set["at"], Principal: a, Customer: b, At: at})
	case "signins-read":
		g.open(snapshot.SignIns, msp)
	case "unseen", "unasked":
		states[snapshot.Part{Kind: snapshot.Kind(a), Scope: msp, Object: b}] = f.words[0]
	default:
		t.Fatalf("facts: unknown line %q", f.words)
	}
}

// take seals a snapshot of the facts at the instant and returns its id.
func take(t testing.TB, st *store.Store, at string, text string) int64 {
	t.Helper()
	g, states := read(t, text)
	run, _, err := st.Begin(t.Context(), instant(t, at), msp, "all", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for part, items := range g.rows {
		seen := store.Seen{State: store.Whole, Asked: run.At, Requests: 1, Pages: 1, Rows: len(items)}
		if part.Kind == snapshot.SignIns || part.Kind == snapshot.GroupActivations {
			seen.Since, seen.Until = run.At.AddDate(-1, 0, 0), run.At
		}
		switch states[part] {
		case "unasked":
			continue
		case "unseen":
			seen.State, seen.Reason = "not-permitted", "403 Forbidden"
		}
		stage := run.Stage(store.Part{Kind: string(part.Kind), Scope: part.Scope, Object: part.Object})
		if err := stage.Put(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		if err := stage.Finish(t.Context(), seen, nil); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run.Seal(t.Context(), derive); err != nil {
		t.Fatal(err)
	}
	return run.ID
}

// derive computes memberships from the views, as the runner of the collectors does.
func derive(ctx context.Context, tx *sqlx.Tx, id int64) (map[store.Part][]store.Row, error) {
	members, assignments, eligibilities := map[string][]snapshot.GroupMember{}, map[string][]snapshot.GroupAssignment{}, map[string][]snapshot.GroupEligibility{}
	groups := map[string]bool{}
	each := func(query string, scan func(*sqlx.Rows) error) error {
		rows, err := tx.QueryxContext(ctx, query, id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			if err := scan(rows); err != nil {
				return err
			}
		}
		return rows.Err()
	}
	var at store.Time
	if err := tx.GetContext(ctx, &at, `SELECT at FROM snapshot WHERE id = ?`, id); err != nil {
		return nil, err
	}
	err := each(`SELECT group_id, principal, type FROM group_member WHERE snapshot = ?`, func(r *sqlx.Rows) error {
		var m snapshot.GroupMember
		err := r.Scan(&m.Group, &m.Principal, &m.Type)
		members[m.Group], groups[m.Group] = append(members[m.Group], m), true
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each(`SELECT id, group_id, principal, access, assignment_type, ends FROM group_assignment WHERE snapshot = ?`, func(r *sqlx.Rows) error {
		var a snapshot.GroupAssignment
		err := r.Scan(&a.ID, &a.Group, &a.Principal, &a.Access, &a.AssignmentType, (*store.Time)(&a.Ends))
		assignments[a.Group], groups[a.Group] = append(assignments[a.Group], a), true
		return err
	})
	if err != nil {
		return nil, err
	}
	err = each(`SELECT id, group_id, principal, access, ends FROM group_eligibility WHERE snapshot = ?`, func(r *sqlx.Rows) error {
		var e snapshot.GroupEligibility
		err := r.Scan(&e.ID, &e.Group, &e.Principal, &e.Access, (*store.Time)(&e.Ends))
		eligibilities[e.Group], groups[e.Group] = append(eligibilities[e.Group], e), true
		return err
	})
	if err != nil {
		return nil, err
	}
	var mapped []string
	if err := tx.SelectContext(ctx, &mapped, `SELECT DISTINCT mapped_group FROM access_assignment WHERE snapshot = ? ORDER BY 1`, id); err != nil {
		return nil, err
	}
	var edges []snapshot.Membership
	for _, group := range sortedKeys(groups) {
		edges = append(edges, snapshot.DirectMemberships(members[group], assignments[group], eligibilities[group], nil, nil, at.Time())...)
	}
	var rows []store.Row
	for _, e := range edges {
		rows = append(rows, e)
	}
	for _, e := range snapshot.Close(mapped, edges) {
		rows = append(rows, e)
	}
	return map[store.Part][]store.Row{{Kind: "derived", Scope: msp, Object: msp}: rows}, nil
}
