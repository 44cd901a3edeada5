package rules_test

import (
	"cmp"
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

const msp = "msp" // the tenant of every test

// fact is one line: date, word, what it is about, options. Facts stand from their
// date on; "without WORD ARGS" takes one back, "unseen KIND [OBJECT]" hides a part
// from the snapshot of that date alone.
//
//	2026-01-01 customer     contoso name="Contoso Ltd"
//	2026-01-01 relationship contoso-2026 customer=contoso ends=2026-12-31 roles="Global Administrator"
//	2026-01-01 assignment   contoso-2026 tier3 roles="Global Administrator"
//	2026-01-01 member       tier3 bo@msp.example
//	2026-01-01 eligible     tier3 ada@msp.example until=2026-06-30
//
// Ids are the names themselves: people are known by their address.
type fact struct {
	date, word string
	about      []string
	options    map[string]string
}

func (f fact) key() string { return f.word + " " + strings.Join(f.about, " ") }

func (f fact) object(i int) string {
	if i < len(f.about) {
		return f.about[i]
	}
	return ""
}

func (f fact) time(name string) time.Time {
	text := f.options[name]
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04Z"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	panic("fact " + f.key() + ": " + text + " is no time")
}

// readFacts reads lines of facts; blank lines and those after # are passed over.
func readFacts(t testing.TB, text string) []fact {
	t.Helper()
	var out []fact
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := split(line)
		if len(words) < 2 {
			t.Fatalf("fact %q: want date, word", line)
		}
		f := fact{date: words[0], word: words[1], options: map[string]string{}}
		for _, w := range words[2:] {
			if name, value, ok := strings.Cut(w, "="); ok {
				f.options[name] = value
			} else {
				f.about = append(f.about, w)
			}
		}
		out = append(out, f)
	}
	return out
}

// split parts a line at blanks outside quotes, which it drops.
func split(line string) []string {
	quoted := false
	words := strings.FieldsFunc(line, func(r rune) bool {
		if r == '"' {
			quoted = !quoted
		}
		return !quoted && (r == ' ' || r == '\t')
	})
	for i := range words {
		words[i] = strings.ReplaceAll(words[i], `"`, "")
	}
	return words
}

// world takes the facts through the store, one snapshot a date.
type world struct {
	t        testing.TB
	store    *store.Store
	standing []fact
	edges    map[string][]snapshot.Membership // by group, of the last snapshot
	last     int64
	declared snapshot.Declared
}

func newWorld(t testing.TB, facts []fact) *world {
	t.Helper()
	path := filepath.Join(t.TempDir(), "test.db")
	empty, err := emptyDatabase()
	if err == nil {
		err = os.WriteFile(path, empty, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(context.Background(), store.Options{Path: path, Entropy: rand.NewChaCha8([32]byte{1})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	w := &world{t: t, store: st, edges: map[string][]snapshot.Membership{}}
	dates := map[string][]fact{}
	for _, f := range facts {
		dates[f.date] = append(dates[f.date], f)
	}
	for _, date := range slices.Sorted(maps.Keys(dates)) {
		w.take(date, dates[date])
	}
	return w
}

// emptyDatabase is the file of a new database, made once: most of the time of a
// small case would go into its schema.
var emptyDatabase = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "rules")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "empty.db")
	st, err := store.Open(context.Background(), store.Options{Path: path, Create: true})
	if err != nil {
		return nil, err
	}
	if err := st.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// take applies the facts of a date and seals their snapshot.
func (w *world) take(date string, facts []fact) {
	w.t.Helper()
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		w.t.Fatal(err)
	}
	unseen := map[string]fact{}
	for _, f := range facts {
		switch f.word {
		case "snapshot":
		case "without":
			f.word, f.about = f.about[0], f.about[1:]
			w.standing = slices.DeleteFunc(w.standing, func(old fact) bool { return old.key() == f.key() })
		case "unseen":
			unseen[f.key()] = f
		case "staff":
			w.declared.Staff = append(w.declared.Staff, snapshot.StaffAccount{Person: f.about[0], UPN: cmp.Or(f.options["upn"], f.about[0]), LeftOn: f.time("left")})
		default:
			w.standing = slices.DeleteFunc(w.standing, func(old fact) bool { return old.key() == f.key() })
			w.standing = append(w.standing, f)
		}
	}
	ctx := context.Background()
	run, _, err := w.store.Begin(ctx, at, msp, "facts", 0)
	if err != nil {
		w.t.Fatal(err)
	}
	hidden := map[string]bool{} // groups whose members were not seen
	for part, items := range w.parts() {
		seen := store.Seen{State: store.Whole, Asked: at, Requests: 1, Pages: 1, Rows: len(items)}
		f, ok := unseen["unseen "+part.Kind+" "+part.Object]
		if !ok {
			f, ok = unseen["unseen "+part.Kind]
		}
		if ok {
			seen.State, seen.Reason = cmp.Or(f.options["state"], string(snapshot.NotPermitted)), cmp.Or(f.options["reason"], "the permission is missing")
			if part.Kind == string(snapshot.Memberships) {
				hidden[part.Object] = true
			}
		}
		stage := run.Stage(part)
		err := stage.Put(ctx, items)
		if err == nil {
			err = stage.Finish(ctx, seen, nil)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	if _, err := run.Seal(ctx, func(context.Context, *sqlx.Tx, int64) (map[store.Part][]store.Row, error) {
		return w.derive(at, hidden), nil
	}); err != nil {
		w.t.Fatal(err)
	}
	w.last = run.ID
}

// parts sorts the facts that stand into the parts they would be collected by.
func (w *world) parts() map[store.Part][]store.Item {
	out := map[store.Part][]store.Item{}
	add := func(kind snapshot.Kind, object string, items ...store.Item) {
		part := store.Part{Kind: string(kind), Scope: msp, Object: object}
		out[part] = append(out[part], items...)
	}
	group := func(id string) {
		for _, kind := range []snapshot.Kind{snapshot.Memberships, snapshot.GroupEligibilities, snapshot.GroupAssignments, snapshot.GroupActivations, snapshot.GroupPolicies} {
			add(kind, id)
		}
	}
	for _, kind := range []snapshot.Kind{snapshot.Customers, snapshot.Relationships, snapshot.Groups, snapshot.Users} {
		add(kind, msp)
	}
	for _, f := range w.standing {
		id := f.object(0)
		switch f.word {
		case "customer":
			add(snapshot.Customers, msp, store.Item{Fact: snapshot.Customer{Tenant: id, Name: f.options["name"]}})
		case "relationship":
			add(snapshot.AccessAssignments, id)
			add(snapshot.Relationships, msp, relationship(w.t, f))
		case "assignment":
			assignment := id + "/" + f.object(1)
			item := store.Item{Fact: snapshot.AccessAssignment{ID: assignment, Relationship: id, MappedGroup: f.object(1), Status: cmp.Or(f.options["status"], "active")}}
			for _, role := range roleIDs(w.t, f) {
				item.Details = append(item.Details, snapshot.AccessAssignmentRole{AccessAssignment: assignment, Role: role})
			}
			add(snapshot.AccessAssignments, id, item)
			group(f.object(1))
		case "group":
			add(snapshot.Groups, msp, store.Item{Fact: snapshot.Group{ID: id, Name: f.options["name"], Gone: f.options["gone"] == "yes", SecurityEnabled: true}})
		case "member":
			group(id)
			add(snapshot.Memberships, id, store.Item{Fact: member(f)})
		case "eligible":
			group(id)
			add(snapshot.GroupEligibilities, id, store.Item{Fact: eligibility(f)})
		case "assigned", "activated":
			group(id)
			add(snapshot.GroupAssignments, id, store.Item{Fact: assigned(f)})
			add(snapshot.Memberships, id, store.Item{Fact: member(f)})
		case "policy":
			add(snapshot.GroupPolicies, id, store.Item{Fact: snapshot.GroupPolicy{Group: id, Access: "member", Modified: f.time("modified")}})
		case "activation":
			group(id)
			add(snapshot.GroupActivations, id, store.Item{Fact: activation(f)})
		case "user":
			add(snapshot.Users, msp, user(f))
		default:
			w.t.Fatalf("there is no fact called %q", f.word)
		}
	}
	return out
}

func relationship(t testing.TB, f fact) store.Item {
	id := f.object(0)
	item := store.Item{Fact: snapshot.Relationship{
		ID: id, Name: cmp.Or(f.options["name"], id), Customer: f.options["customer"], Duration: cmp.Or(f.options["duration"], "P365D"), AutoExtend: cmp.Or(f.options["extend"], "PT0S"),
		Status: cmp.Or(f.options["status"], "active"), Created: f.time("created"), Activated: f.time("activated"), Ends: f.time("ends"),
	}}
	for _, role := range roleIDs(t, f) {
		item.Details = append(item.Details, snapshot.RelationshipRole{Relationship: id, Role: role})
	}
	return item
}

func member(f fact) snapshot.GroupMember {
	m := snapshot.GroupMember{Group: f.object(0), Principal: f.object(1), Type: cmp.Or(f.options["type"], snapshot.TypeUser), Name: f.options["name"]}
	if m.Type == snapshot.TypeUser {
		m.UPN = f.object(1)
	}
	return m
}

func eligibility(f fact) snapshot.GroupEligibility {
	access := cmp.Or(f.options["access"], "member")
	return snapshot.GroupEligibility{ID: strings.Join(f.about, "/") + "/eligible/" + access, Group: f.object(0), Principal: f.object(1), Access: access,
		MemberType: cmp.Or(f.options["through"], "direct"), Starts: f.time("from"), Ends: f.time("until")}
}

func assigned(f fact) snapshot.GroupAssignment {
	return snapshot.GroupAssignment{ID: strings.Join(f.about, "/") + "/" + f.word, Group: f.object(0), Principal: f.object(1), Access: "member", MemberType: "direct",
		AssignmentType: f.word, Starts: f.time("from"), Ends: f.time("until")}
}

func activation(f fact) snapshot.Activation {
	return snapshot.Activation{ID: f.object(2), Group: f.object(0), Principal: f.object(1), Access: "member", Action: cmp.Or(f.options["action"], "selfActivate"),
		Status: cmp.Or(f.options["status"], "Provisioned"), Created: f.time("from"), Starts: f.time("from"), Ends: f.time("until"),
		Justification: f.options["for"], Ticket: f.options["ticket"], ValidationOnly: f.options["validation"] == "yes"}
}

func user(f fact) store.Item {
	u := snapshot.User{ID: f.object(0), UPN: f.object(0), Name: f.options["name"], Type: cmp.Or(f.options["type"], "Member"), Created: f.time("created")}
	if enabled := f.options["enabled"]; enabled != "" {
		on := enabled == "yes"
		u.Enabled = &on
	}
	item := store.Item{Fact: u}
	if f.options["signin"] != "" {
		a := snapshot.UserActivity{Principal: u.ID}
		if f.options["signin"] != "never" {
			a.LastSignIn, a.LastNonInteractive, a.LastSuccessful = f.time("signin"), f.time("background"), f.time("success")
		}
		item.Details = append(item.Details, a)
	}
	return item
}

// derive follows the edges from the facts. Of a group that was not seen, those
// known before stand.
func (w *world) derive(at time.Time, hidden map[string]bool) map[store.Part][]store.Row {
	var members = map[string][]snapshot.GroupMember{}
	var assignments = map[string][]snapshot.GroupAssignment{}
	var eligibilities = map[string][]snapshot.GroupEligibility{}
	groups := map[string]bool{}
	mapped := map[string]bool{}
	for _, f := range w.standing {
		g := f.object(0)
		switch f.word {
		case "assignment":
			mapped[f.object(1)] = true
			continue
		case "member":
			members[g] = append(members[g], member(f))
		case "eligible":
			eligibilities[g] = append(eligibilities[g], eligibility(f))
		case "assigned", "activated":
			members[g] = append(members[g], member(f))
			assignments[g] = append(assignments[g], assigned(f))
		default:
			continue
		}
		groups[g] = true
	}
	for g := range w.edges {
		groups[g] = true
	}
	out := map[store.Part][]store.Row{}
	part := func(group string) store.Part {
		return store.Part{Kind: string(snapshot.Memberships), Scope: msp, Object: group}
	}
	var all []snapshot.Membership
	for g := range groups {
		if !hidden[g] {
			w.edges[g] = snapshot.DirectMemberships(members[g], assignments[g], eligibilities[g], nil, nil, at)
		}
		for _, e := range w.edges[g] {
			all = append(all, e)
			out[part(g)] = append(out[part(g)], e)
		}
	}
	for _, e := range snapshot.Close(slices.Sorted(maps.Keys(mapped)), all) {
		out[part(e.MappedGroup)] = append(out[part(e.MappedGroup)], e)
	}
	return out
}

// roleIDs turns the names of the option roles, parted by semicolons, into ids; what
// is no name is taken for an id.
func roleIDs(t testing.TB, f fact) []string {
	t.Helper()
	ids, err := roleByName()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for name := range strings.SplitSeq(f.options["roles"], ";") {
		if name = strings.TrimSpace(name); name != "" {
			out = append(out, cmp.Or(ids[name], name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// roleByName gives the template ids of roles; read once, by tests that run in parallel.
var roleByName = sync.OnceValues(func() (map[string]string, error) {
	f, err := os.Open("../collectors/snapshot/data/entra-roles.csv")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	ids := map[string]string{}
	for _, row := range rows[1:] {
		ids[row[1]] = row[0]
	}
	return ids, nil
})

// count makes many lines of facts.
func count(n int, format string, args func(i int) []any) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format+"\n", args(i)...)
	}
	return b.String()
}
