package store_test

import (
	"context"
	"crypto/sha256"
	"encoding/csv"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
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

// benchParts are the rows of some parts on a day, by part.
func benchParts(from, to, day int) [][]store.Item {
	all := make([][]store.Item, to-from)
	for i := range all {
		for n := range benchPart {
			all[i] = append(all[i], store.Item{Fact: benchAssignment(from+i, n, day)})
		}
	}
	return all
}

// madeTogether is how many parts are made before they are taken in: few enough that
// they weigh little beside the rows in the database.
const madeTogether = 25

// cost is time by the clock and time of the processors, which other programs on the
// machine disturb less.
type cost struct{ wall, cpu time.Duration }

// of adds what do takes.
func (c *cost) of(b *testing.B, do func()) {
	wall, cpu := b.Elapsed(), cpuTime()
	do()
	c.add(cost{b.Elapsed() - wall, cpuTime() - cpu})
}

func (c *cost) add(more cost) { c.wall, c.cpu = c.wall+more.wall, c.cpu+more.cpu }

// report says what share of others' cost this is.
func (c cost) report(b *testing.B, others cost, unit string) {
	if c.wall > 0 {
		b.ReportMetric(float64(c.wall)/float64(others.wall), unit)
	}
	if c.cpu > 0 && others.cpu > 0 {
		b.ReportMetric(float64(c.cpu)/float64(others.cpu), unit+"-cpu")
	}
}

// eachParts makes all rows of a day and adds up what do takes with them.
func eachParts(b *testing.B, rows, day int, do func(from int, parts [][]store.Item)) (took cost) {
	for from := 0; from < rows/benchPart; from += madeTogether {
		parts := benchParts(from, min(from+madeTogether, rows/benchPart), day)
		took.of(b, func() { do(from, parts) })
	}
	return took
}

// ingest takes and seals a snapshot of all rows, with so many parts at once.
func ingest(b *testing.B, st *store.Store, rows, day, atOnce int) (took cost) {
	b.Helper()
	var run *store.Run
	took.of(b, func() { run = begin(b, st, day) })
	took.add(eachParts(b, rows, day, func(from int, parts [][]store.Item) {
		var all sync.WaitGroup
		for worker := range atOnce {
			all.Go(func() {
				for i := worker; i < len(parts); i += atOnce {
					part := store.Part{Kind: string(snapshot.GroupAssignments), Scope: "msp", Object: uuid(1, from+i)}
					if err := ingestPart(b.Context(), run, part, from+i, day, parts[i]); err != nil {
						b.Error(err)
					}
				}
			})
		}
		all.Wait()
	}))
	took.of(b, func() { seal(b, run) })
	return took
}

func begin(b *testing.B, st *store.Store, day int) *store.Run {
	b.Helper()
	run, _, err := st.Begin(b.Context(), noon.AddDate(0, 0, day), "msp", "all", 0)
	if err != nil {
		b.Fatal(err)
	}
	return run
}

func seal(b *testing.B, run *store.Run) {
	b.Helper()
	if _, err := run.Seal(b.Context(), noDerive); err != nil {
		b.Fatal(err)
	}
}

// ingestPart takes in a part by its number, asked at some twenty a second, of which the
// rows moved last on a day.
func ingestPart(ctx context.Context, run *store.Run, part store.Part, number, moved int, items []store.Item) error {
	stage := run.Stage(part)
	for page := range slices.Chunk(items, benchPage) {
		if err := stage.Put(ctx, page); err != nil {
			return err
		}
	}
	asked := run.At.Add(time.Duration(number) * 50 * time.Millisecond)
	return stage.Finish(ctx, store.Seen{State: store.Whole, Asked: asked, Requests: 2, Pages: 2, Rows: len(items)}, []store.Request{
		{Path: "/v1.0/" + part.Kind + "/" + part.Object, Status: 200, Asked: asked, Rows: len(items), SHA256: sha256.Sum256(fmt.Append(nil, part, moved))},
	})
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

// BenchmarkIngest takes in and seals a first day of assignments of ten columns, eight
// parts at once as the collectors do and then one at a time, in turn with the same
// rows as text brought into the same table, with the same checks and key, by
// the sqlite3 program's .import where it is installed, and by one prepared INSERT in one
// transaction. All get their rows ready made: the program reads a file, as it must,
// the others values in memory. The bare ones check no references and have no triggers;
// ours interns, checks, digests and seals, with a transaction for each part.
// "of-import" and "of-insert" are our rate as a share of theirs, "one-of-import" that
// of one part at a time; "unchanged/first" is the time of a second
// day without changes by that of the first.
func BenchmarkIngest(b *testing.B) {
	file := filepath.Join(b.TempDir(), "rows.csv")
	writeCSV(b, file)
	var imported, inserted, first, single, unchanged cost
	for b.Loop() {
		dir := b.TempDir()
		st, alone := open(b, filepath.Join(dir, "a.db")), open(b, filepath.Join(dir, "b.db"))
		table := bareTable(b, st, "fact_group_assignment")
		imported.add(bareImport(b, filepath.Join(dir, "import.db"), table, file))
		first.add(ingest(b, st, *benchRows, 0, 8))
		inserted.add(bareInsert(b, filepath.Join(dir, "insert.db"), table, *benchRows))
		single.add(ingest(b, alone, *benchRows, 0, 1))
		unchanged.add(ingest(b, alone, *benchRows, 0, 1))
	}
	imported.report(b, first, "of-import")
	imported.report(b, single, "one-of-import")
	inserted.report(b, first, "of-insert")
	unchanged.report(b, single, "unchanged/first")
	b.ReportMetric(float64(b.N**benchRows)/first.wall.Seconds(), "rows/s")
	b.ReportMetric(first.cpu.Seconds()*1e6/float64(b.N**benchRows), "cpu-us/row")
}

// texts is a row as a line of text, as the bare table has it.
func texts(part string, a snapshot.GroupAssignment) []string {
	return []string{part, a.ID, a.Group, a.Principal, a.Access, a.MemberType, a.AssignmentType, store.Time(a.Starts).String(), store.Time(a.Ends).String(), "1"}
}

func writeCSV(b *testing.B, path string) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	w := csv.NewWriter(f)
	eachParts(b, *benchRows, 0, func(from int, parts [][]store.Item) {
		for i, items := range parts {
			for _, item := range items {
				if err := w.Write(texts(uuid(1, from+i), item.Fact.(snapshot.GroupAssignment))); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	w.Flush()
	if err := w.Error(); err != nil {
		b.Fatal(err)
	}
}

// bareImport is what the sqlite3 program takes; 0 where it is missing.
func bareImport(b *testing.B, path, table, file string) cost {
	b.Helper()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		return cost{}
	}
	start := b.Elapsed()
	cmd := exec.Command(program, "-bail", path)
	cmd.Stdin = strings.NewReader(table + ";\n.mode csv\n.import '" + file + "' fact_group_assignment\nSELECT max(rowid) FROM sqlite_schema;\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatal(err, string(out))
	}
	return cost{b.Elapsed() - start, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

// bareInsert is what one prepared INSERT in one transaction takes.
func bareInsert(b *testing.B, path, table string, rows int) cost {
	b.Helper()
	db, err := sqlx.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	db.MustExec(table)
	tx := db.MustBegin()
	insert, err := tx.PrepareContext(b.Context(), `INSERT INTO fact_group_assignment VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
	if err != nil {
		b.Fatal(err)
	}
	took := eachParts(b, rows, 0, func(from int, parts [][]store.Item) {
		for i, items := range parts {
			part := uuid(1, from+i)
			for _, item := range items {
				a := item.Fact.(snapshot.GroupAssignment)
				if _, err := insert.Exec(part, a.ID, a.Group, a.Principal, a.Access, a.MemberType, a.AssignmentType, store.Time(a.Starts), store.Time(a.Ends), 1); err != nil {
					b.Fatal(err)
				}
			}
		}
	})
	took.of(b, func() {
		if err := tx.Commit(); err != nil {
			b.Fatal(err)
		}
	})
	return took
}

// BenchmarkNinetyDays takes a snapshot a day of half the rows, of which one in 200
// changes each day, spread over all parts. "size" is the file after the last day by that
// after the first; "second/first" and "last/second" are times of days, three each but of
// the first, as one is soon over. Then it reads as of the first and the last day, in
// turn: "one-past/one-current" is one group's rows, "past/current" all of a day,
// "past/scan" the same by a scan of the bare table of as many rows.
func BenchmarkNinetyDays(b *testing.B) {
	const days = 90
	rows := *benchRows / 2
	var sizes, took [days + 1]float64
	var past, current, scan, onePast, oneCurrent time.Duration
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "a.db")
		for day := 1; day <= days; day++ {
			st := open(b, path)
			took[day] += ingest(b, st, rows, day, 1).wall.Seconds()
			if err := st.Close(); err != nil { // which leaves the whole database in one file
				b.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			sizes[day] = float64(info.Size())
		}
		st, bare := open(b, path), filepath.Join(b.TempDir(), "bare.db")
		bareInsert(b, bare, bareTable(b, st, "fact_group_assignment"), rows)
		plain, err := sqlx.Open("sqlite3", "file:"+bare)
		if err != nil {
			b.Fatal(err)
		}
		const columns = `SELECT id, group_id, principal, access, member_type, assignment_type, starts, ends FROM `
		for range 5 {
			past += read(b, st.Read(), columns+`group_assignment WHERE snapshot = ?`, rows, 1)
			current += read(b, st.Read(), columns+`group_assignment WHERE snapshot = ?`, rows, days)
			scan += read(b, plain, columns+`fact_group_assignment`, rows)
			onePast += read(b, st.Read(), columns+`group_assignment WHERE snapshot = ? AND group_id = ?`, benchPart, 1, uuid(1, 7))
			oneCurrent += read(b, st.Read(), columns+`group_assignment WHERE snapshot = ? AND group_id = ?`, benchPart, days, uuid(1, 7))
		}
		if err := plain.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(sizes[days]/sizes[1], "size")
	b.ReportMetric((took[2]+took[3]+took[4])/3/took[1], "second/first")
	b.ReportMetric((took[days]+took[days-1]+took[days-2])/(took[2]+took[3]+took[4]), "last/second")
	b.ReportMetric(float64(past)/float64(current), "past/current")
	b.ReportMetric(float64(past)/float64(scan), "past/scan")
	b.ReportMetric(float64(onePast)/float64(oneCurrent), "one-past/one-current")
}

// BenchmarkNinetyDaysOfSmallParts takes a snapshot a day of an MSP of 500 customers: five
// access assignments of two roles each for every one of them; of 300 groups the members,
// owners, eligibilities, assignments and activations, thirty rows each, and two policies;
// 2,000 people. That is 2,301 parts, of which all are asked every day and one row in 200
// changes each day. "size" is the file after the last day by that after the first;
// "bytes/part-day" is how much more it is for each part and day.
func BenchmarkNinetyDaysOfSmallParts(b *testing.B) {
	const days = 90
	var took [days + 1]float64
	var first, last, parts float64
	for b.Loop() {
		path := filepath.Join(b.TempDir(), "a.db")
		for day := 1; day <= days; day++ {
			all := smallParts(day)
			st := open(b, path)
			var c cost
			c.of(b, func() {
				run := begin(b, st, day)
				for number, p := range all {
					if err := ingestPart(b.Context(), run, p.part, number, p.moved, p.items); err != nil {
						b.Fatal(err)
					}
				}
				seal(b, run)
			})
			took[day] += c.wall.Seconds()
			if err := st.Close(); err != nil {
				b.Fatal(err)
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			if last = float64(info.Size()); day == 1 {
				first = last
			}
			parts = float64(len(all))
		}
	}
	b.ReportMetric(last/first, "size")
	b.ReportMetric(first/1e6, "first-MB")
	b.ReportMetric((last-first)/parts/(days-1), "bytes/part-day")
	b.ReportMetric((took[2]+took[3]+took[4])/3/took[1], "second/first")
	b.ReportMetric((took[days]+took[days-1]+took[days-2])/(took[2]+took[3]+took[4]), "last/second")
}

// smallPart is one of many, of which a row changed last on the day moved.
type smallPart struct {
	part  store.Part
	items []store.Item
	moved int
}

// smallParts are all parts of a day. A row changes once in 200 days, each on a day of
// its own.
func smallParts(day int) []smallPart {
	var all []smallPart
	rows := 0
	add := func(kind snapshot.Kind, object string, n int, row func(i, version int) store.Item) {
		p := smallPart{part: store.Part{Kind: string(kind), Scope: "msp", Object: object}}
		for i := range n {
			version := 0
			if changes := rows * 7919 % 200; changes < day {
				version, p.moved = 1, max(p.moved, changes)
			}
			p.items = append(p.items, row(i, version))
			rows++
		}
		all = append(all, p)
	}
	year := func(version int) time.Time { return noon.AddDate(1, 6*version, 0) }
	statuses := [...]string{"active", "terminated"}
	for c := range 500 {
		add(snapshot.AccessAssignments, uuid(7, c), 5, func(i, version int) store.Item {
			id := uuid(8, 5*c+i)
			return store.Item{
				Fact:    snapshot.AccessAssignment{ID: id, Relationship: uuid(7, c), MappedGroup: uuid(1, (c+i)%300), ContainerType: "securityGroup", Status: statuses[version], Created: noon},
				Details: []store.Row{snapshot.AccessAssignmentRole{AccessAssignment: id, Role: uuid(9, i)}, snapshot.AccessAssignmentRole{AccessAssignment: id, Role: uuid(9, i+1)}},
			}
		})
	}
	for g := range 300 {
		group := uuid(1, g)
		who := func(i int) (id, name, upn string) {
			n := (g*37 + i) % 2000
			return uuid(3, n), fmt.Sprintf("Person %d", n), fmt.Sprintf("person.%d@msp.example", n)
		}
		kinds := [...]string{"user", "guest"}
		id := func(i int) string { return group + "_member_" + uuid(2, g*30+i) }
		add(snapshot.Memberships, group, 30, func(i, version int) store.Item {
			person, name, upn := who(i)
			return store.Item{Fact: snapshot.GroupMember{Group: group, Principal: person, Type: kinds[version], Name: name, UPN: upn}}
		})
		add(snapshot.GroupOwners, group, 30, func(i, version int) store.Item {
			person, name, upn := who(i)
			return store.Item{Fact: snapshot.GroupOwner{Group: group, Principal: person, Type: kinds[version], Name: name, UPN: upn}}
		})
		add(snapshot.GroupEligibilities, group, 30, func(i, version int) store.Item {
			person, _, _ := who(i)
			return store.Item{Fact: snapshot.GroupEligibility{ID: id(i), Group: group, Principal: person, Access: "member", MemberType: "Direct", Starts: noon, Ends: year(version)}}
		})
		add(snapshot.GroupAssignments, group, 30, func(i, version int) store.Item {
			person, _, _ := who(i)
			return store.Item{Fact: snapshot.GroupAssignment{ID: id(i), Group: group, Principal: person, Access: "member", MemberType: "Direct", AssignmentType: "Assigned", Starts: noon, Ends: year(version)}}
		})
		add(snapshot.GroupActivations, group, 30, func(i, version int) store.Item {
			person, _, _ := who(i)
			return store.Item{Fact: snapshot.Activation{
				ID: uuid(10, g*30+i), Group: group, Principal: person, Access: "member", Action: "selfActivate", Status: [...]string{"PendingApproval", "Provisioned"}[version], Created: noon, Completed: noon,
				Starts: noon, Ends: year(version), Justification: fmt.Sprintf("Ticket %d", g*30+i), Approval: uuid(11, g*30+i), CreatedBy: person,
			}}
		})
		add(snapshot.GroupPolicies, group, 2, func(i, version int) store.Item {
			return store.Item{Fact: snapshot.GroupPolicy{Group: group, Access: [...]string{"member", "owner"}[i], MaxActivation: "PT8H", MFA: version == 0, MaxEligibility: "P365D", MaxAssignment: "P180D"}}
		})
	}
	add(snapshot.Users, "msp", 2000, func(n, version int) store.Item {
		enabled := version == 0
		return store.Item{Fact: snapshot.User{ID: uuid(3, n), Name: fmt.Sprintf("Person %d", n), UPN: fmt.Sprintf("person.%d@msp.example", n), Mail: fmt.Sprintf("person.%d@msp.example", n), Job: fmt.Sprintf("Engineer %d", n%50), Enabled: &enabled, Type: "Member", Created: noon, Manager: uuid(3, n/10), Licences: []string{uuid(12, n%3)}}}
	})
	return all
}

// read is how long a query takes, its rows read into structs.
func read(b *testing.B, db *sqlx.DB, query string, want int, bound ...any) time.Duration {
	b.Helper()
	start := b.Elapsed()
	var got []struct {
		ID, Access, Starts, Ends string
		Group                    string `db:"group_id"`
		Principal                string
		MemberType               string `db:"member_type"`
		AssignmentType           string `db:"assignment_type"`
	}
	if err := db.Select(&got, query, bound...); err != nil || len(got) != want {
		b.Fatalf("%d rows, want %d, %v", len(got), want, err)
	}
	return b.Elapsed() - start
}

// BenchmarkLog takes in sign-ins, of which every second page goes to a day of its own and
// the others to one that does not fit in memory. "heap-MB" is the most that was held
// after a page; it does not grow with the rows.
func BenchmarkLog(b *testing.B) {
	var most uint64
	for b.Loop() {
		st := open(b, filepath.Join(b.TempDir(), "a.db"))
		run, _, err := st.Begin(b.Context(), noon, "msp", "all", 0)
		if err != nil {
			b.Fatal(err)
		}
		long := run.Stage(store.Part{Kind: "signins", Scope: "msp", Object: "long"})
		for page := range *benchRows / benchPart {
			items := signIns(page)
			if page%2 == 0 {
				err = long.Put(b.Context(), items)
			} else {
				err = logPart(b.Context(), run, fmt.Sprint(page), items)
			}
			if err != nil {
				b.Fatal(err)
			}
			if page%20 == 0 {
				runtime.GC()
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
		if err := long.Finish(b.Context(), store.Seen{State: store.Whole, Asked: noon}, nil); err != nil {
			b.Fatal(err)
		}
		if _, err := run.Seal(b.Context(), noDerive); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(most)/1e6, "heap-MB")
	b.ReportMetric(float64(b.N**benchRows)/b.Elapsed().Seconds(), "rows/s")
}

func logPart(ctx context.Context, run *store.Run, object string, items []store.Item) error {
	stage := run.Stage(store.Part{Kind: "signins", Scope: "msp", Object: object})
	if err := stage.Put(ctx, items); err != nil {
		return err
	}
	return stage.Finish(ctx, store.Seen{State: store.Whole, Asked: run.At, Rows: len(items)}, nil)
}

// signIns are those of a page, each with ids of its own.
func signIns(page int) []store.Item {
	var out []store.Item
	for n := range benchPart {
		person := (page*37 + n) % 2000
		out = append(out, store.Item{Fact: snapshot.SignIn{
			ID: uuid(4, page*benchPart+n), Principal: uuid(3, person), UPN: fmt.Sprintf("person.%d@msp.example", person), Name: fmt.Sprintf("Person %d", person),
			Customer: uuid(5, n%500), At: noon, App: "Azure Portal", Resource: "Windows Azure Service Management API", Interactive: n%3 == 0,
			CrossTenant: "serviceProvider", Requirement: "multiFactorAuthentication", Correlation: uuid(6, page*benchPart+n),
		}})
	}
	return out
}
