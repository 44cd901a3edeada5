package collectors_test

import (
	"context"
	"database/sql"
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"countersign/collectors"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// tomorrow is when the run that is killed takes place, a day after the first one.
func tomorrow() time.Time { return now.AddDate(0, 0, 1) }

// atCommits calls do when a transaction of any database is about to be committed:
// all is written, and nothing of it counts yet.
func atCommits(t *testing.T, do func()) {
	db, err := sql.Open("sqlite3", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.Driver().(*sqlite3.SQLiteDriver).ConnectHook = func(c *sqlite3.SQLiteConn) error {
		c.RegisterCommitHook(func() int { do(); return 0 })
		return nil
	}
}

// onDisksOf gives every database no more than so many pages, as a disk that is full does.
func onDisksOf(t *testing.T, pages int) {
	db, err := sql.Open("sqlite3", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.Driver().(*sqlite3.SQLiteDriver).ConnectHook = func(c *sqlite3.SQLiteConn) error {
		_, err := c.Exec("PRAGMA max_page_count = "+strconv.Itoa(pages), nil)
		return err
	}
}

func killSelf() {
	self, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = self.Kill()
	}
	if err != nil {
		panic(err)
	}
	select {} // the signal is on its way
}

// TestKilledChild is the process that others kill: with arguments it collects
// until the given moment comes. Without, there is nothing to test.
func TestKilledChild(t *testing.T) {
	if flag.NArg() != 4 {
		return
	}
	n, err := strconv.Atoi(flag.Arg(3))
	if err != nil {
		t.Fatal(err)
	}
	o := collectors.Options{Tenant: tenant, Client: newClient(t, flag.Arg(0), tenant, mode{4, false}), At: tomorrow(), Now: tomorrow}
	switch flag.Arg(2) {
	case "part":
		o.Progress = func(collectors.Progress) {
			if n--; n == 0 {
				killSelf()
			}
		}
	case "commit":
		atCommits(t, func() {
			if o.Store == nil { // it is being opened
				return
			}
			if n--; n == 0 {
				killSelf()
			}
		})
	case "full":
		onDisksOf(t, n)
	}
	o.Store, err = store.Open(context.Background(), store.Options{Path: flag.Arg(1), Entropy: newEntropy()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := collectors.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if err := o.Store.Close(); err != nil {
		t.Fatal(err)
	}
}

// killed is a store into which processes collect from a canned Graph, and are killed.
type killed struct {
	testing.TB
	*canned
	url, path string
}

func newKilled(t testing.TB, c *canned) *killed {
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return &killed{t, c, s.URL, filepath.Join(t.TempDir(), "a.db")}
}

// run takes a snapshot that nobody disturbs.
func (k *killed) run(at time.Time) collectors.Result {
	k.Helper()
	s := openStore(k, k.path)
	defer s.Close() // which leaves the whole database in one file
	return took(k, collectors.Options{Tenant: tenant, Client: newClient(k, k.url, tenant, mode{4, false}), Store: s, At: at, Now: func() time.Time { return at }})
}

// child is a process that collects a day later until the n-th moment of a kind comes.
func (k *killed) child(kind string, n int) *exec.Cmd {
	return exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "--", k.url, k.path, kind, strconv.Itoa(n))
}

// killAt kills a process that collects when a request comes.
func (k *killed) killAt(now func(path string) bool) {
	k.Helper()
	signalAt(k, k.child("request", 0), k.canned, func(int) bool { return now(k.asked[len(k.asked)-1]) }, os.Kill)
}

// lines reads the store.
func (k *killed) lines(query string, args ...any) []string {
	k.Helper()
	s := openStore(k, k.path)
	defer s.Close()
	return lines(k, s, query, args...)
}

// expectLast: the store is whole, and its last sealed snapshot is this one.
func (k *killed) expectLast(want collectors.Result) {
	k.Helper()
	s := openStore(k, k.path)
	defer s.Close()
	expectWhole(k, s)
	if last, err := snapshot.LastAt(context.Background(), s.Read(), tomorrow()); err != nil || last.ID != want.Snapshot || last.Seal != want.Seal {
		k.Errorf("the last snapshot is %+v (%v), want %d", last, err, want.Snapshot)
	}
}

// killedAnywhere kills a collecting process when its n-th request arrives, when its n-th
// part is written, and in the midst of its n-th transaction: that which begins, those
// that merge a part, that which seals. What was sealed before stays whole,
// what was not is invisible, and the next run seals what it would have sealed.
func killedAnywhere(t *testing.T) {
	c := small()
	c.relationship("r2", "c2", "active")
	c.assign("r2", "g2")
	c.group("g2", "g3")
	c.member("g2", "u2", "g3")
	c.member("g3", "u3")
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)

	base := filepath.Join(t.TempDir(), "base.db")
	first := openStore(t, base)
	o := collectors.Options{Tenant: tenant, Client: newClient(t, server.URL, tenant, mode{4, false}), Store: first, At: now, Now: atOnce}
	before, err := collectors.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil { // which leaves the whole database in one file
		t.Fatal(err)
	}
	c.member("g1", "u4")
	c.rows["/v1.0/groups/g3/members"] = nil
	c.rows["eligibilityScheduleInstances g3"] = []string{`{"id":"e","groupId":"g3","principalId":"u3","accessId":"member"}`}

	// finish goes on with a database and gives the seal.
	steps := 0 // of progress
	finish := func(t *testing.T, path string) collectors.Result {
		s := openStore(t, path)
		defer s.Close()
		expectWhole(t, s)
		var sealed []string
		if err := s.Read().Select(&sealed, `SELECT hash FROM sealed_snapshot ORDER BY id`); err != nil {
			t.Fatal(err)
		}
		if len(sealed) != 1 || sealed[0] != before.Seal {
			t.Errorf("sealed snapshots are %v, want that of the first run alone", sealed)
		}
		o.Store, o.At, o.Now = s, tomorrow(), tomorrow
		o.Progress = func(collectors.Progress) { steps++ }
		r, err := collectors.Run(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		expectWhole(t, s)
		return r
	}
	copied := func(t *testing.T) string {
		raw, err := os.ReadFile(base)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "evidence.db")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	c.watch(nil)
	undisturbed := copied(t)
	want := finish(t, undisturbed)
	requests, noted := len(c.asked), steps
	var commits int // one for each part, the first and the last
	if err := openStore(t, undisturbed).Read().Get(&commits, `SELECT count(*) + 2 FROM part_seen WHERE snapshot = ?`, want.Snapshot); err != nil {
		t.Fatal(err)
	}

	type moment struct {
		kind string
		n    int
	}
	var points []moment
	add := func(kind string, from, to, step int) {
		for n := from; n <= to; n += step {
			points = append(points, moment{kind, n})
		}
	}
	add("request", 1, requests, 1)
	add("part", 1, noted, 3)
	add("commit", commits%3+3, commits, 3)
	add("commit", 1, 1, 1)
	if len(points) < 40 {
		t.Fatalf("only %d moments to kill at", len(points))
	}
	for _, point := range points {
		kind, n := point.kind, point.n
		t.Run(kind+" "+strconv.Itoa(n), func(t *testing.T) {
			path := copied(t)
			child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "--", server.URL, path, kind, strconv.Itoa(n))
			out := signalAt(t, child, c, func(asked int) bool { return kind == "request" && asked == n }, os.Kill)
			if child.ProcessState.Exited() {
				t.Fatalf("the child was not killed\n%s", out)
			}
			r := finish(t, path)
			if r.Seal != want.Seal || r.Snapshot != want.Snapshot {
				t.Errorf("snapshot %d with seal %s, want %d with %s", r.Snapshot, r.Seal, want.Snapshot, want.Seal)
			}
			if kind == "commit" && n == commits && len(c.asked) > 0 {
				t.Errorf("%q were asked again, though all parts had been seen", c.asked)
			}
		})
	}
}
