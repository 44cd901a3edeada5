package store_test

import (
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"

	"github.com/jmoiron/sqlx"
)

// benchRows is how many rows the benchmarks take in on a day; 1,000,000 for the
// figures of the README.
var benchRows = flag.Int("rows", 100_000, "rows of a day in benchmarks")

const (
	benchPart = 1000 // rows of a part
	benchPage = 500  // rows of a page
)

// uuid is the n-th id of a kind, in no order.
func uuid(kind, n int) string {
	r := rand.New(rand.NewPCG(uint64(kind), uint64(n)))
	a, b := r.Uint64(), r.Uint64()
	return fmt.Sprintf("%08x-%04x-4%03x-%04x-%012x", uint32(a), uint16(a>>32), a>>52, b>>48|0x8000, b&(1<<48-1))
}

// benchAssignment is row n of a part, of which one in 200 changes each day: an id of
// its own, in the form that Microsoft gives it, a group, and one of 5,000 people.
func benchAssignment(part, n, day int) snapshot.GroupAssignment {
	group := uuid(1, part)
	row := snapshot.GroupAssignment{
		ID: group + "_member_" + uuid(2, part*benchPart+n), Group: group, Principal: uuid(3, (part*37+n)%5000),
		Access: "member", MemberType: "Direct", AssignmentType: "Assigned", Starts: noon.AddDate(-1, 0, n%300), Ends: noon.AddDate(1, 0, n%300),
	}
	if (part*benchPart+n)*7919%200 < day%200 {
		row.Ends = row.Ends.AddDate(0, 6, 0)
	}
	return row
}

// benchDay is the rows of a day, by part.
func benchDay(rows, day int) [][]store.Item {
	all := make([][]store.Item, rows/benchPart)
	for part := range all {
		for n := range benchPart {
			all[part] = append(all[part], store.Item{Fact: benchAssignment(part, n, day)})
		}
	}
	return all
}

// ingest takes and seals a snapshot of all rows.
func ingest(b *testing.B, st *store.Store, at time.Time, all [][]store.Item) {
	b.Helper()
	run, _, err := st.Begin(b.Context(), at, "msp", "all", 0)
	if err != nil {
		b.Fatal(err)
	}
	for part, items := range all {
		stage, err := run.Stage(b.Context(), store.Part{Kind: "group-assignments", Scope: "msp", Object: uuid(1, part)})
		if err != nil {
			b.Fatal(err)
		}
		for page := 0; page < len(items); page += benchPage {
			if err := stage.Put(b.Context(), items[page:min(page+benchPage, len(items))]); err != nil {
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

var reference = regexp.MustCompile(`INTEGER( NOT NULL)? REFERENCES (?:ident|label|part)`)

// bareTable is the definition of a table of the schema as somebody would make it who
// keeps the texts: the same columns, checks and key, with text for what is interned,
// no interval's end and no reference.
func bareTable(b *testing.B, st *store.Store, full string) string {
	b.Helper()
	var sql string
	if err := st.Read().Get(&sql, `SELECT sql FROM sqlite_schema WHERE name = ?`, full); err != nil {
		b.Fatal(err)
	}
	sql = reference.ReplaceAllString(sql, "TEXT$1")
	sql = regexp.MustCompile(`\n\s*seen_until[^\n]*`).ReplaceAllString(sql, "")
	return strings.ReplaceAll(sql, " REFERENCES snapshot", "")
}

// texts is a row as a line of text, as the bare table has it.
func texts(part int, a snapshot.GroupAssignment) []string {
	return []string{uuid(1, part), a.ID, a.Group, a.Principal, a.Access, a.MemberType, a.AssignmentType, store.Time(a.Starts).String(), store.Time(a.Ends).String(), "1"}
}

// BenchmarkIngest takes in and seals a first day of assignments of ten columns, in turn
// with the same rows as text brought into the same table, with the same checks and
// key, by the sqlite3 program's .import where it is installed, and by one prepared INSERT
// in one transaction. Both get their rows ready made: the program reads a file, as
// it must, the others values in memory. Neither checks references nor has triggers; ours
// interns, checks, digests and seals, a transaction a part. "of-import" and "of-insert" are
// our rate as a share of theirs; "unchanged/first" is the time of a second
// day without changes by that of the first.
func BenchmarkIngest(b *testing.B) {
	all := benchDay(*benchRows, 0)
	file := filepath.Join(b.TempDir(), "rows.csv")
	writeCSV(b, file, all)
	var imported, inserted, first, unchanged time.Duration
	for b.Loop() {
		dir := b.TempDir()
		st := open(b, filepath.Join(dir, "a.db"))
		table := bareTable(b, st, "fact_group_assignment")
		imported += bareImport(b, filepath.Join(dir, "import.db"), table, file)
		inserted += bareInsert(b, filepath.Join(dir, "insert.db"), table, all)
		start := b.Elapsed()
		ingest(b, st, noon, all)
		sealed := b.Elapsed()
		ingest(b, st, noon.AddDate(0, 0, 1), all)
		first, unchanged = first+sealed-start, unchanged+b.Elapsed()-sealed
	}
	if imported > 0 {
		b.ReportMetric(float64(imported)/float64(first), "of-import")
	}
	b.ReportMetric(float64(inserted)/float64(first), "of-insert")
	b.ReportMetric(float64(unchanged)/float64(first), "unchanged/first")
	b.ReportMetric(float64(b.N**benchRows)/first.Seconds(), "rows/s")
}

func writeCSV(b *testing.B, path string, all [][]store.Item) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	for part, items := range all {
		for _, item := range items {
			if err := w.Write(texts(part, item.Fact.(snapshot.GroupAssignment))); err != nil {
				b.Fatal(err)
			}
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		b.Fatal(err)
	}
}

// bareImport is how long the sqlite3 program takes; 0 where it is missing.
func bareImport(b *testing.B, path, table, file string) time.Duration {
	b.Helper()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		return 0
	}
	start := b.Elapsed()
	cmd := exec.Command(program, "-bail", path)
	cmd.Stdin = strings.NewReader(table + ";\n.mode csv\n.import '" + file + "' fact_group_assignment\nSELECT count(*) FROM fact_group_assignment;\n")
	out, err := cmd.CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != strconv.Itoa(*benchRows) {
		b.Fatal(err, got)
	}
	return b.Elapsed() - start
}

// bareInsert is how long one prepared INSERT in one transaction takes.
func bareInsert(b *testing.B, path, table string, all [][]store.Item) time.Duration {
	b.Helper()
	db, err := sqlx.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	start := b.Elapsed()
	db.MustExec(table)
	tx := db.MustBegin()
	insert, err := tx.PrepareContext(context.Background(), `INSERT INTO fact_group_assignment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		b.Fatal(err)
	}
	for part, items := range all {
		object := uuid(1, part)
		for _, item := range items {
			a := item.Fact.(snapshot.GroupAssignment)
			if _, err := insert.Exec(object, a.ID, a.Group, a.Principal, a.Access, a.MemberType, a.AssignmentType, store.Time(a.Starts), store.Time(a.Ends), 1); err != nil {
				b.Fatal(err)
			}
		}
	}
	if err := tx.Commit(); err != nil {
		b.Fatal(err)
	}
	return b.Elapsed() - start
}
