package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"

	"github.com/jmoiron/sqlx"
)

const (
	benchGroups  = 400
	benchMembers = 500 // of each group, out of 5,000 people
	benchRows    = benchGroups * benchMembers
	benchPage    = 100
)

// benchRow is member n of a group on a day; each day one row in 200 has changed.
func benchRow(g, n, day int) snapshot.GroupMember {
	person := (g*37 + n) % 5000
	row := snapshot.GroupMember{
		Group:     fmt.Sprintf("00000000-0000-4000-8000-%012d", g),
		Principal: fmt.Sprintf("10000000-0000-4000-8000-%012d", person),
		Type:      snapshot.TypeUser,
		Name:      fmt.Sprintf("Person %d", person),
		UPN:       fmt.Sprintf("person.%d@msp.example", person),
	}
	if (g*benchMembers+n)%200 < day {
		row.Type = snapshot.TypeServicePrincipal
	}
	return row
}

// benchDay is the rows of a day, by group.
func benchDay(groups, day int) [][]store.Item {
	all := make([][]store.Item, groups)
	for g := range all {
		for n := range benchMembers {
			all[g] = append(all[g], store.Item{Fact: benchRow(g, n, day)})
		}
	}
	return all
}

func ingest(b *testing.B, st *store.Store, at time.Time, all [][]store.Item) {
	b.Helper()
	run, _, err := st.Begin(b.Context(), at, "msp", "all", 0)
	if err != nil {
		b.Fatal(err)
	}
	for g, items := range all {
		stage, err := run.Stage(b.Context(), store.Part{Kind: "memberships", Scope: "msp", Object: fmt.Sprint(g)})
		if err != nil {
			b.Fatal(err)
		}
		for page := 0; page < len(items); page += benchPage {
			if err := stage.Put(b.Context(), items[page:page+benchPage]); err != nil {
				b.Fatal(err)
			}
		}
		if err := stage.Finish(b.Context(), store.Seen{State: store.Whole, Asked: at, Rows: len(items)}, nil); err != nil {
			b.Fatal(err)
		}
	}
	if _, err := run.Seal(b.Context(), noDerive); err != nil {
		b.Fatal(err)
	}
}

// bareTable makes a table without index or constraint and fills it by one prepared
// INSERT in one transaction.
func bareTable(b *testing.B, all [][]store.Item) *sqlx.DB {
	b.Helper()
	db, err := sqlx.Open("sqlite3", "file:"+filepath.Join(b.TempDir(), "bare.db")+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := db.Exec(`CREATE TABLE member (part TEXT, group_id TEXT, principal TEXT, type TEXT, name TEXT, upn TEXT)`); err != nil {
		b.Fatal(err)
	}
	tx := db.MustBegin()
	insert, err := tx.Prepare(`INSERT INTO member VALUES (?, ?, ?, ?, ?, ?)`)
	if err != nil {
		b.Fatal(err)
	}
	for g, items := range all {
		for _, item := range items {
			m := item.Fact.(snapshot.GroupMember)
			if _, err := insert.Exec(g, m.Group, m.Principal, m.Type, m.Name, m.UPN); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	return db
}

// BenchmarkIngest stages, merges and seals 200,000 memberships, then the same again
// a day later, in turn with a bare INSERT loop. "of-bare" is the rate of the first
// day as a share of the bare one; "unchanged/first" is the time of a day on which
// nothing changed by that of the first.
func BenchmarkIngest(b *testing.B) {
	all := benchDay(benchGroups, 0)
	var bare, first, unchanged time.Duration
	for b.Loop() {
		st := open(b, filepath.Join(b.TempDir(), "a.db"))
		start := b.Elapsed()
		bareTable(b, all)
		filled := b.Elapsed()
		ingest(b, st, noon, all)
		sealed := b.Elapsed()
		ingest(b, st, noon.AddDate(0, 0, 1), all)
		bare, first, unchanged = bare+filled-start, first+sealed-filled, unchanged+b.Elapsed()-sealed
	}
	b.ReportMetric(float64(bare)/float64(first), "of-bare")
	b.ReportMetric(float64(unchanged)/float64(first), "unchanged/first")
	b.ReportMetric(float64(b.N)*benchRows/first.Seconds(), "rows/s")
}

// BenchmarkAsOf reads 20,000 memberships as of the first of 30 days, on each of
// which one row in 200 changed, in turn with those of the last day and with a scan
// of a bare table of as many rows; and one group's likewise.
func BenchmarkAsOf(b *testing.B) {
	const groups, days = 40, 30
	st := open(b, filepath.Join(b.TempDir(), "a.db"))
	for day := range days {
		ingest(b, st, noon.AddDate(0, 0, day), benchDay(groups, day))
	}
	bare := bareTable(b, benchDay(groups, 0))
	read := func(db *sqlx.DB, query string, want int, bound ...any) time.Duration {
		start := b.Elapsed()
		var got []snapshot.GroupMember
		if err := db.Select(&got, query, bound...); err != nil || len(got) != want {
			b.Fatalf("%d rows, want %d, %v", len(got), want, err)
		}
		return b.Elapsed() - start
	}
	const columns = `SELECT group_id, principal, type, name, upn FROM `
	one := benchRow(7, 0, 0).Group
	var past, current, scan, onePast, oneCurrent time.Duration
	for b.Loop() {
		past += read(st.Read(), columns+`group_member WHERE snapshot = ?`, groups*benchMembers, 1)
		current += read(st.Read(), columns+`group_member WHERE snapshot = ?`, groups*benchMembers, days)
		scan += read(bare, columns+`member`, groups*benchMembers)
		onePast += read(st.Read(), columns+`group_member WHERE snapshot = ? AND group_id = ?`, benchMembers, 1, one)
		oneCurrent += read(st.Read(), columns+`group_member WHERE snapshot = ? AND group_id = ?`, benchMembers, days, one)
	}
	b.ReportMetric(float64(past)/float64(current), "past/current")
	b.ReportMetric(float64(past)/float64(scan), "past/bare-scan")
	b.ReportMetric(float64(onePast)/float64(oneCurrent), "one-past/one-current")
	b.ReportMetric(float64(onePast)/float64(past), "one/whole")
}
