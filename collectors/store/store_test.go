package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/collectors/store"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

var noon = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// group and member are rows of two tables of the schema; the store learns their
// shape from the schema alone.
type group struct {
	ID              string    `db:"id"`
	Name            string    `db:"name"`
	Gone            bool      `db:"gone"`
	RoleAssignable  bool      `db:"role_assignable"`
	SecurityEnabled bool      `db:"security_enabled"`
	Dynamic         bool      `db:"dynamic"`
	Synced          bool      `db:"synced"`
	Created         time.Time `db:"created"`
}

func (group) Table() string { return "directory_group" }

type member struct {
	Group     string `db:"group_id"`
	Principal string `db:"principal"`
	Type      string `db:"type"`
	Name      string `db:"name"`
	UPN       string `db:"upn"`
}

func (member) Table() string { return "group_member" }

var (
	groups  = store.Part{Kind: "groups", Scope: "msp", Object: "msp"}
	members = store.Part{Kind: "memberships", Scope: "msp", Object: "g1"}
)

func open(t testing.TB, path string) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Path: path, Create: true, Entropy: rand.NewChaCha8([32]byte{7})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func noDerive(context.Context, *sqlx.Tx, int64) (map[store.Part][]store.Row, error) { return nil, nil }

// take seals a snapshot that holds the rows of each part; a part with a nil list
// is noted as failed.
func take(t testing.TB, st *store.Store, at time.Time, parts map[store.Part][]store.Row) store.Seal {
	t.Helper()
	run, _, err := st.Begin(t.Context(), at, "MSP", "all", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for part, rows := range parts {
		stagePart(t, run, part, rows)
	}
	seal, err := run.Seal(t.Context(), noDerive)
	if err != nil {
		t.Fatal(err)
	}
	return seal
}

func stagePart(t testing.TB, run *store.Run, part store.Part, rows []store.Row) {
	t.Helper()
	stage := run.Stage(part)
	var items []store.Item
	for _, r := range rows {
		items = append(items, store.Item{Fact: r})
	}
	if err := stage.Put(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	state := store.Whole
	if rows == nil {
		state = "failed"
	}
	err := stage.Finish(t.Context(), store.Seen{State: state, Asked: run.At, Requests: 1, Pages: 1, Rows: len(rows)},
		[]store.Request{{Path: "/v1.0/Groups?$top=9", Status: 200, Asked: run.At, Rows: len(rows)}})
	if err != nil {
		t.Fatal(err)
	}
}

func membersAsOf(t testing.TB, st *store.Store, snapshot int) string {
	t.Helper()
	var names []string
	if err := st.Read().Select(&names, `SELECT principal || '=' || name FROM group_member WHERE snapshot = ? ORDER BY principal`, snapshot); err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

func ada(name string) member {
	return member{Group: "G1", Principal: "ADA", Type: "user", Name: name, UPN: "ada@msp.example"}
}

var bo = member{Group: "g1", Principal: "bo", Type: "user", Name: "Bo"}

func TestFactsAreIntervals(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	for day, rows := range [][]store.Row{
		{ada("Ada"), bo},
		{ada("Ada"), bo},    // nothing changed
		{ada("Ada L.")},     // content changed, bo gone
		nil,                 // not seen: nothing is concluded
		{ada("Ada L."), bo}, // bo came back
		{},                  // seen whole and empty
	} {
		take(t, st, noon.AddDate(0, 0, day), map[store.Part][]store.Row{members: rows})
	}
	for snapshot, want := range []string{1: "ada=Ada bo=Bo", 2: "ada=Ada bo=Bo", 3: "ada=Ada L.", 4: "ada=Ada L.", 5: "ada=Ada L. bo=Bo", 6: ""} {
		if snapshot == 0 {
			continue
		}
		if got := membersAsOf(t, st, snapshot); got != want {
			t.Errorf("snapshot %d: got %q, want %q", snapshot, got, want)
		}
	}
	var first string
	if err := st.Read().Get(&first, `SELECT first_seen FROM group_member WHERE snapshot = 5 AND principal = 'bo'`); err != nil || first != "2026-03-31T12:00:00Z" {
		t.Errorf("first seen of a key that came back: got %q, %v", first, err)
	}
	var rows int
	if err := st.Read().Get(&rows, `SELECT count(*) FROM fact_group_member`); err != nil || rows != 4 {
		t.Errorf("four intervals are kept, got %d, %v", rows, err)
	}
	var last string
	if err := st.Read().Get(&last, `SELECT last_seen FROM part_coverage WHERE snapshot = 4`); err != nil || last != "2026-04-02T12:00:00Z" {
		t.Errorf("last seen of a part that failed: got %q, %v", last, err)
	}
	wantFaults(t, st)
}

func TestRepeatedItemsAreCountedAndTheLastOneCounts(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	take(t, st, noon, map[store.Part][]store.Row{members: {ada("first"), bo, ada("second")}})
	if got := membersAsOf(t, st, 1); got != "ada=second bo=Bo" {
		t.Error(got)
	}
	var repeated int
	if err := st.Read().Get(&repeated, `SELECT repeated FROM part_coverage`); err != nil || repeated != 1 {
		t.Errorf("got %d repeated, %v", repeated, err)
	}
}

func TestUnsealedIsInvisibleAndIsResumedOrDiscarded(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	run, _, err := st.Begin(t.Context(), noon, "msp", "all", 6*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	stagePart(t, run, members, []store.Row{bo})
	stagePart(t, run, groups, nil)
	if got := membersAsOf(t, st, 1); got != "" {
		t.Errorf("an unsealed snapshot shows %q", got)
	}

	again, resumed, err := st.Begin(t.Context(), noon.Add(5*time.Hour), "MSP", "all", 6*time.Hour)
	if err != nil || !resumed || again.ID != run.ID || !again.At.Equal(noon) {
		t.Fatalf("a young run is taken up: %v %v %v", again, resumed, err)
	}
	if state, err := again.Seen(t.Context(), members); err != nil || state != store.Whole {
		t.Errorf("what was seen whole is known: %q %v", state, err)
	}
	if state, err := again.Seen(t.Context(), groups); err != nil || state != "" {
		t.Errorf("what failed is asked again: %q %v", state, err)
	}
	if _, err := again.Seal(t.Context(), noDerive); err != nil {
		t.Fatal(err)
	}
	if got := membersAsOf(t, st, 1); got != "bo=Bo" {
		t.Errorf("the resumed run sealed %q", got)
	}

	old, _, err := st.Begin(t.Context(), noon.AddDate(0, 0, 1), "msp", "all", 6*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	stagePart(t, old, members, []store.Row{ada("Ada")})
	next, resumed, err := st.Begin(t.Context(), noon.AddDate(0, 0, 2), "msp", "all", 6*time.Hour)
	if err != nil || resumed || next.ID != 3 {
		t.Fatalf("an old run is given up, its number stays taken: %v %v %v", next.ID, resumed, err)
	}
	if _, err := next.Seal(t.Context(), noDerive); err != nil {
		t.Fatal(err)
	}
	if got := membersAsOf(t, st, 3); got != "bo=Bo" {
		t.Errorf("rows of a discarded run were taken over: %q", got)
	}
	wantFaults(t, st)
}

func TestSealedEvidenceRefusesChange(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	take(t, st, noon, map[store.Part][]store.Row{members: {ada("Ada"), bo}})
	take(t, st, noon.AddDate(0, 0, 1), map[store.Part][]store.Row{members: {ada("Ada")}})
	if _, _, err := st.Begin(t.Context(), noon.AddDate(0, 0, 2), "msp", "all", 0); err != nil { // which might take back what is its own
		t.Fatal(err)
	}
	for _, statement := range []string{
		`UPDATE fact_group_member SET seen_until = 3 WHERE seen_until = 2`,
		`UPDATE fact_group_member SET seen_until = NULL WHERE seen_until = 2`,
		`INSERT INTO part_digest (part, log, seen_from, salt, digest) SELECT part, 1, 2, salt, digest FROM part_digest LIMIT 1`,
		`UPDATE fact_group_member SET type = 'x'`,
		`UPDATE fact_group_member SET seen_until = 2 WHERE seen_until IS NULL`,
		`UPDATE fact_group_member SET seen_until = NULL`,
		`DELETE FROM fact_group_member`,
		`INSERT OR REPLACE INTO fact_group_member SELECT part, group_id, principal, 'x', name, upn, seen_from, seen_until FROM fact_group_member`,
		`INSERT INTO fact_group_member SELECT part, group_id, 1, type, name, upn, 1, NULL FROM fact_group_member LIMIT 1`,
		`UPDATE answer SET rows = 9`, `DELETE FROM answer`, `UPDATE answer SET seen_until = 2`,
		`INSERT INTO answer SELECT part, 2, path, status, asked, rows, sha256, 2, NULL FROM answer LIMIT 1`,
		`UPDATE coverage SET state = 'failed'`, `DELETE FROM coverage`, `UPDATE coverage SET seen_until = 2`,
		`INSERT INTO coverage (part, state, reason, requests, pages, rows, repeated, passed_over, seen_from) SELECT part, 'failed', '', 1, 1, 0, 0, 0, 2 FROM coverage LIMIT 1`,
		`UPDATE asked SET seconds = replace(seconds, '!', ' ')`, `DELETE FROM asked`, `UPDATE asked SET snapshot = 3 WHERE snapshot = 2`,
		`INSERT INTO asked SELECT snapshot, 1, seconds FROM asked WHERE snapshot = 2`,
		`UPDATE part_digest SET digest = zeroblob(32)`, `UPDATE part_digest SET seen_from = 3`, `DELETE FROM part_digest`,
		`UPDATE seal SET body = '{}'`, `DELETE FROM seal`, `INSERT OR REPLACE INTO seal SELECT * FROM seal`,
		`UPDATE snapshot SET at = '2020-01-01T00:00:00Z'`, `DELETE FROM snapshot`,
		`UPDATE label SET text = 'Eve'`, `DELETE FROM label`,
	} {
		err := st.Tx(t.Context(), func(tx *sqlx.Tx) error { _, err := tx.Exec(statement); return err })
		if err == nil {
			t.Errorf("%s was not refused", statement)
		}
	}
	wantFaults(t, st)
}

func TestForgettingAPersonKeepsTheChain(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	take(t, st, noon, map[store.Part][]store.Row{members: {ada("Ada"), bo}})
	err := st.Tx(t.Context(), func(tx *sqlx.Tx) error {
		_, err := tx.Exec(`UPDATE label SET text = NULL, salt = NULL WHERE text = 'Ada'`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := membersAsOf(t, st, 1); got != "ada= bo=Bo" {
		t.Error(got)
	}
	wantFaults(t, st)
}

func wantFaults(t testing.TB, st *store.Store, want ...string) {
	t.Helper()
	got, err := st.Check(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range want {
		if !strings.Contains(strings.Join(got, "\n"), w) {
			t.Errorf("no fault names %q in %q", w, got)
		}
	}
	if len(want) == 0 && len(got) > 0 {
		t.Errorf("faults: %q", got)
	}
}

// TestCheckFindsForgery edits the file as somebody with the file in hand would,
// triggers dropped.
func TestCheckFindsForgery(t *testing.T) {
	for _, c := range []struct{ trigger, edit, want string }{
		{"fact_group_member_frozen", `UPDATE fact_group_member SET type = 'device'`, "rows of part"},
		{"fact_group_member_kept", `DELETE FROM fact_group_member WHERE seen_until IS NULL`, "rows of part"},
		{"fact_group_member_opened", `INSERT INTO fact_group_member SELECT part, group_id, group_id, type, name, upn, 2, NULL FROM fact_group_member LIMIT 1`, "never sealed"},
		{"fact_group_member_closed", `UPDATE fact_group_member SET seen_until = 2 WHERE seen_until IS NULL`, "never sealed"},
		{"answer_frozen", `UPDATE answer SET status = 403`, "coverage or requests"},
		{"answer_kept", `DELETE FROM answer`, "coverage or requests"},
		{"coverage_frozen", `UPDATE coverage SET reason = 'x'`, "coverage or requests"},
		{"coverage_closed", `UPDATE coverage SET seen_until = 2`, "coverage or requests"},
		{"part_digest_kept", `DELETE FROM part_digest`, "never sealed"},
		{"asked_update", `UPDATE asked SET seconds = replace(seconds, '!', '"') WHERE snapshot = 1`, "coverage or requests"},
		{"asked_delete", `DELETE FROM asked WHERE snapshot = 2`, "coverage or requests"},
		{"label_frozen", `UPDATE label SET text = 'Eve' WHERE text = 'Bo'`, "about a person"},
		{"seal_frozen", `UPDATE seal SET at = '2026-01-01T00:00:00Z' WHERE seq = 1`, "does not give its hash"},
		{"seal_kept", `DELETE FROM seal WHERE seq = 1`, "does not follow"},
	} {
		t.Run(c.trigger, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "a.db")
			st := open(t, path)
			take(t, st, noon, map[store.Part][]store.Row{members: {bo, ada("Ada")}})
			take(t, st, noon.AddDate(0, 0, 1), map[store.Part][]store.Row{members: {bo, ada("Ada")}})
			wantFaults(t, st)
			db, err := sqlx.Open("sqlite3", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec(`DROP TRIGGER ` + c.trigger); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec(c.edit); err != nil {
				t.Fatal(err)
			}
			wantFaults(t, st, c.want)
		})
	}
}

func TestEqualRunsGiveEqualSeals(t *testing.T) {
	seals := func(rows []store.Row) string {
		st := open(t, filepath.Join(t.TempDir(), "a.db"))
		take(t, st, noon, map[store.Part][]store.Row{members: rows, groups: {group{ID: "g1", Name: "Desk"}}})
		return take(t, st, noon.AddDate(0, 0, 1), map[store.Part][]store.Row{members: rows[:1]}).Hash
	}
	for range 5 { // the order of parts, and so the interned integers, are those of a map
		if a, b := seals([]store.Row{bo, ada("Ada")}), seals([]store.Row{bo, ada("Ada")}); a != b {
			t.Errorf("%s and %s differ", a, b)
		}
	}
	if a, b := seals([]store.Row{bo, ada("Ada")}), seals([]store.Row{bo, ada("Eve")}); a == b {
		t.Error("another name gives another seal")
	}
}

func TestOpenRefusesWhatIsNotOurs(t *testing.T) {
	dir := t.TempDir()
	foreign := filepath.Join(dir, "foreign.db")
	db, err := sqlx.Open("sqlite3", foreign)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(`CREATE TABLE songs (name TEXT)`); err != nil {
		t.Fatal(err)
	}
	db.Close()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("not a database "), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		foreign:                       "another program",
		text:                          "not a database",
		dir:                           "folder",
		filepath.Join(dir, "none.db"): "does not exist",
	} {
		_, err := store.Open(t.Context(), store.Options{Path: path})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: got %v", path, err)
		}
	}
	if _, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "none.db")}); !errors.Is(err, store.ErrNoDatabase) {
		t.Error(err)
	}
}

// TestAFirstOpeningThatIsCutShort: at whatever commit a database is left while it is
// made, the next opening goes on.
func TestAFirstOpeningThatIsCutShort(t *testing.T) {
	db, err := sql.Open("sqlite3", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	driver := db.Driver().(*sqlite3.SQLiteDriver)
	defer func() { driver.ConnectHook = nil }()
	for n := 1; ; n++ {
		path, left := filepath.Join(t.TempDir(), "a.db"), n
		driver.ConnectHook = func(c *sqlite3.SQLiteConn) error {
			c.RegisterCommitHook(func() int { left--; return max(0, 1-max(left, 0)) }) // which rolls back
			return nil
		}
		st, err := store.Open(t.Context(), store.Options{Path: path, Create: true})
		driver.ConnectHook = nil
		if err == nil {
			st.Close()
			if n < 5 {
				t.Errorf("a database is made in %d commits", n)
			}
			return
		}
		wantFaults(t, open(t, path))
	}
}

func TestFilesAreForTheOwnerAloneWhateverTheFolderIsCalled(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a?b#c %41")
	st := open(t, filepath.Join(dir, "evidence.db"))
	take(t, st, noon, map[store.Part][]store.Row{members: {bo}})
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) < 2 {
		t.Fatal(entries, err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", e.Name(), info.Mode(), err)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	if _, err := st.Read().Exec(`INSERT INTO ident (value) VALUES ('x')`); err == nil {
		t.Error("a reader wrote")
	}
}

func TestLockNamesItsHolder(t *testing.T) {
	path := filepath.Join(t.TempDir(), "not yet made", "a.db")
	lock, err := store.TryLock(path, "collect, process 7, since 2026-03-31T12:00:00Z")
	if err != nil {
		t.Fatal(err)
	}
	_, err = store.TryLock(path, "check")
	if !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "collect, process 7, since 2026") {
		t.Errorf("got %v", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	lock, err = store.TryLock(path, "check")
	if err != nil {
		t.Fatal(err)
	}
	lock.Release()
}

func TestTimeSortsAndRefusesOthers(t *testing.T) {
	zone := time.FixedZone("", 2*3600)
	v, err := store.Time(time.Date(2026, 3, 31, 1, 30, 0, 999, zone)).Value()
	if err != nil || v != "2026-03-30T23:30:00Z" {
		t.Errorf("got %v, %v", v, err)
	}
	var at store.Time
	for _, bad := range []any{"2026-03-31 09:00:00+02:00", 7, []byte("2026-03-31T09:00:00Z")} {
		if err := at.Scan(bad); err == nil {
			t.Errorf("%v was taken for a time", bad)
		}
	}
	if err := at.Scan(nil); err != nil || !at.IsZero() {
		t.Errorf("NULL is the zero time: %v %v", at, err)
	}
}
