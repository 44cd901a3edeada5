package snapshot_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"

	"github.com/jmoiron/sqlx"
)

// mspOf is an MSP of 5,000 people and 300 groups, nested three deep with 30 people
// each, of which five serve each customer with two roles.
func mspOf(customers int) *world {
	const groups, people = 300, 5000
	guid := func(kind, n int) string { return fmt.Sprintf("%08d-0000-4000-8000-%012d", kind, n) }
	w := &world{}
	for g := range groups {
		w.groups = append(w.groups, snapshot.Group{ID: guid(1, g)})
		for n := range 30 {
			w.members = append(w.members, snapshot.GroupMember{Group: guid(1, g), Principal: guid(2, (g*17+n*131)%people), Type: snapshot.TypeUser})
		}
		if g%3 < 2 { // the third is the deepest
			w.members = append(w.members, snapshot.GroupMember{Group: guid(1, g), Principal: guid(1, g+1), Type: snapshot.TypeGroup})
		}
	}
	for c := range customers {
		id := guid(3, c)
		w.relationships = append(w.relationships, snapshot.Relationship{ID: id, Customer: guid(4, c), Status: "active"})
		for n := range 5 {
			assignment := guid(5+n, c)
			w.assignments = append(w.assignments, snapshot.AccessAssignment{ID: assignment, Relationship: id, MappedGroup: guid(1, (c*7+n*61)%groups), Status: "active"})
			for r := range 2 {
				w.roles = append(w.roles, snapshot.AccessAssignmentRole{AccessAssignment: assignment, Role: guid(9, (n+r)%4)})
			}
		}
	}
	return w
}

// effective counts who can do what where: person x role x customer, each once.
func effective(a *snapshot.Access, customers []snapshot.Customer) (rows int) {
	type row struct{ principal, role string }
	seen := map[row]struct{}{}
	for _, c := range customers {
		clear(seen)
		for p := range a.Paths(c.Tenant) {
			seen[row{p.Member.Principal, p.Role}] = struct{}{}
		}
		rows += len(seen)
	}
	return rows
}

// textTables holds the edges of some customers as a plain program would: text ids
// and one index for each join.
func textTables(b *testing.B, a *snapshot.Access, customers []snapshot.Customer) *sqlx.DB {
	b.Helper()
	db, err := sqlx.Open("sqlite3", filepath.Join(b.TempDir(), "text.db"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	db.MustExec(`
		CREATE TABLE member (mapped_group TEXT, principal TEXT, PRIMARY KEY (mapped_group, principal));
		CREATE TABLE assignment (id TEXT PRIMARY KEY, customer TEXT, mapped_group TEXT);
		CREATE TABLE assignment_role (assignment TEXT, role TEXT, PRIMARY KEY (assignment, role))`)
	tx := db.MustBegin()
	for _, g := range a.MappedGroups() {
		for _, m := range a.Members(g) {
			tx.MustExec(`INSERT INTO member VALUES (?, ?)`, g, m.Principal)
		}
	}
	for _, c := range customers {
		for _, g := range a.Grants(c.Tenant) {
			tx.MustExec(`INSERT INTO assignment VALUES (?, ?, ?)`, g.ID, c.Tenant, g.Group)
			for _, r := range g.Roles {
				tx.MustExec(`INSERT INTO assignment_role VALUES (?, ?)`, g.ID, r)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	return db
}

// BenchmarkEffectiveAccess expands the access of 5,000 customers, in turn with the
// SELECT DISTINCT over text ids that does the same for 500 of them. "times-faster"
// compares rows a second, which favours SQL: its cost grows faster than the rows.
// At least 10 is promised. "load-s" is the reading of the edges from the store.
func BenchmarkEffectiveAccess(b *testing.B) {
	const customers, scaled = 5000, 500
	w := mspOf(customers)
	st := open(b)
	id := w.takeAtOnce(b, st)
	var load, expand, query time.Duration
	var rows, rowsSQL int
	for b.Loop() {
		start := b.Elapsed()
		a, err := snapshot.LoadAccess(b.Context(), st.Read(), id)
		if err != nil {
			b.Fatal(err)
		}
		loaded := b.Elapsed()
		rows = effective(a, a.Customers)
		load, expand = load+loaded-start, expand+b.Elapsed()-loaded

		db := textTables(b, a, a.Customers[:scaled])
		start = b.Elapsed()
		err = db.Get(&rowsSQL, `
			SELECT count(*) FROM (
				SELECT DISTINCT m.principal, r.role, g.customer
				FROM   assignment g JOIN assignment_role r ON r.assignment = g.id JOIN member m ON m.mapped_group = g.mapped_group)`)
		query += b.Elapsed() - start
		if want := effective(a, a.Customers[:scaled]); err != nil || rowsSQL != want {
			b.Fatalf("SQL counts %d rows, we %d, %v", rowsSQL, want, err)
		}
	}
	rate := func(rows int, took time.Duration) float64 { return float64(rows*b.N) / took.Seconds() }
	b.ReportMetric(rate(rows, expand)/rate(rowsSQL, query), "times-faster")
	b.ReportMetric(float64(rows), "rows")
	b.ReportMetric(rate(rows, expand), "rows/s")
	b.ReportMetric(load.Seconds()/float64(b.N), "load-s")
}

// takeAtOnce seals a snapshot of the world in which each kind is one part.
func (w *world) takeAtOnce(b *testing.B, st *store.Store) int64 {
	b.Helper()
	run, _, err := st.Begin(b.Context(), asked, msp, "all", 0)
	if err != nil {
		b.Fatal(err)
	}
	for kind, facts := range map[snapshot.Kind][]store.Row{
		snapshot.Relationships: rows(w.relationships), snapshot.Groups: rows(w.groups), snapshot.Memberships: rows(w.members),
		snapshot.AccessAssignments: append(rows(w.assignments), rows(w.roles)...),
	} {
		stage := run.Stage(store.Part{Kind: string(kind), Scope: msp, Object: msp})
		var items []store.Item
		for _, f := range facts {
			items = append(items, store.Item{Fact: f})
		}
		if err := stage.Put(b.Context(), items); err != nil {
			b.Fatal(err)
		}
		if err := stage.Finish(b.Context(), store.Seen{State: store.Whole, Asked: asked}, nil); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := run.Seal(b.Context(), w.derive); err != nil {
		b.Fatal(err)
	}
	return run.ID
}
