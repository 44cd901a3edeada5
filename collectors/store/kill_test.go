package store_test

import (
	"bufio"
	"context"
	"database/sql"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/collectors/store"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3"
)

// crew is who is in the group as of a snapshot: it changes with each one, and can
// be told from its number.
func crew(snapshot int64) (rows []store.Row, shown string) {
	var all []string
	for i := range int64(20) {
		if (snapshot+i)%4 == 0 {
			continue
		}
		m := member{Group: "g1", Principal: fmt.Sprintf("p%02d", i), Type: "user", Name: fmt.Sprintf("n%d", (snapshot+i)/5)}
		rows, all = append(rows, m), append(all, m.Principal+"="+m.Name)
	}
	return rows, strings.Join(all, " ")
}

// tellCommits prints a line whenever a transaction is about to be committed: all is
// written, and nothing of it counts yet.
func tellCommits(t *testing.T) {
	db, err := sql.Open("sqlite3", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.Driver().(*sqlite3.SQLiteDriver).ConnectHook = func(c *sqlite3.SQLiteConn) error {
		c.RegisterCommitHook(func() int { fmt.Println("commit"); return 0 })
		return nil
	}
}

// TestKilledChild is the process that TestKill kills: with arguments it takes
// snapshots for ever and prints each step. Without, there is nothing to test.
func TestKilledChild(t *testing.T) {
	if flag.NArg() != 2 {
		return
	}
	day, err := strconv.Atoi(flag.Arg(1))
	if err != nil {
		t.Fatal(err)
	}
	tellCommits(t)
	st, err := store.Open(t.Context(), store.Options{Path: flag.Arg(0), Entropy: rand.NewChaCha8([32]byte{7})})
	if err != nil {
		t.Fatal(err)
	}
	for at := noon.AddDate(0, 0, day); ; at = at.Add(time.Minute) {
		takeTelling(t, os.Stdout, st, at, time.Duration(day%2)*48*time.Hour) // every other day the unfinished run is given up
	}
}

func takeTelling(t testing.TB, w io.Writer, st *store.Store, at time.Time, resumeWithin time.Duration) {
	run, _, err := st.Begin(t.Context(), at, "msp", "all", resumeWithin)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(w, "begun")
	rows, _ := crew(run.ID)
	stagePart(t, run, groups, []store.Row{group{ID: "g1", Name: "Desk"}})
	fmt.Fprintln(w, "first part")
	stagePart(t, run, members, rows)
	fmt.Fprintln(w, "second part")
	if _, err := run.Seal(t.Context(), func(context.Context, *sqlx.Tx, int64) (map[store.Part][]store.Row, error) {
		fmt.Fprintln(w, "deriving")
		return nil, nil
	}); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(w, "sealed", run.ID)
}

// TestKill kills a process that takes snapshots when it has printed its first line,
// when its second, and so on, each time on the same database: in every step of a
// run, and within each of its transactions. Each snapshot that was told sealed is
// there and whole, whatever else is sealed is whole, and the next run goes on.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := open(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	told := map[int64]bool{}
	for n := 1; n <= 42; n++ {
		for _, id := range killAtLine(t, path, n) {
			told[id] = true
		}
		st := open(t, path)
		var sealed []int64
		if err := st.Read().Select(&sealed, `SELECT id FROM sealed_snapshot ORDER BY id`); err != nil {
			t.Fatal(err)
		}
		whole := map[int64]bool{}
		for _, id := range sealed {
			_, want := crew(id)
			got := membersAsOf(t, st, int(id))
			if whole[id] = got == want; !whole[id] {
				t.Errorf("killed at line %d: snapshot %d holds %q, want %q", n, id, got, want)
			}
		}
		for id := range told {
			if !whole[id] {
				t.Errorf("killed at line %d: snapshot %d was told sealed and is not whole", n, id)
			}
		}
		wantFaults(t, st)
		if err := st.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(told) < 42 {
		t.Errorf("only %d snapshots were sealed by processes that were killed", len(told))
	}
	st := open(t, path)
	takeTelling(t, io.Discard, st, noon.AddDate(1, 0, 0), time.Hour)
	wantFaults(t, st)
}

// killAtLine runs the child until its n-th line, and returns the snapshots that it
// told sealed before it died.
func killAtLine(t *testing.T, path string, n int) (sealed []int64) {
	t.Helper()
	child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "--", path, strconv.Itoa(n))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said = append(said, lines.Text())
		var id int64
		if _, err := fmt.Sscanf(lines.Text(), "sealed %d", &id); err == nil {
			sealed = append(sealed, id)
		}
		if len(said) == n {
			_ = child.Process.Kill() // waited for below
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.Exited() {
		t.Fatalf("the child was not killed at line %d: %v\n%s", n, err, strings.Join(said, "\n"))
	}
	return sealed
}
