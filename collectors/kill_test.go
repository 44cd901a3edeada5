package collectors_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"countersign/collectors"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// tomorrow is when the run that is killed takes place, a day after the first one.
func tomorrow() time.Time { return now.AddDate(0, 0, 1) }

// onConnect has something done with every connection to any database.
func onConnect(t *testing.T, do func(*sqlite3.SQLiteConn) error) {
	db, err := sql.Open("sqlite3", "")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.Driver().(*sqlite3.SQLiteDriver).ConnectHook = do
}

// atCommits calls do when a transaction is about to be committed: all is written, and
// nothing of it counts yet.
func atCommits(do func()) func(*sqlite3.SQLiteConn) error {
	return func(c *sqlite3.SQLiteConn) error {
		c.RegisterCommitHook(func() int { do(); return 0 })
		return nil
	}
}

// atStatements calls do in the midst of transactions: when a statement that writes is
// prepared, which is before its first execution, and when it has written a row.
func atStatements(do func()) func(*sqlite3.SQLiteConn) error {
	return func(c *sqlite3.SQLiteConn) error {
		c.RegisterAuthorizer(func(op int, _, _, _ string) int {
			switch op {
			case sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE, sqlite3.SQLITE_TRANSACTION:
				do()
			}
			return sqlite3.SQLITE_OK
		})
		c.RegisterUpdateHook(func(int, string, string, int64) { do() })
		return nil
	}
}

// atSeal calls do when the transaction that seals is about to be committed.
func atSeal(do func()) func(*sqlite3.SQLiteConn) error {
	return func(c *sqlite3.SQLiteConn) error {
		sealing := false
		c.RegisterUpdateHook(func(_ int, _, table string, _ int64) { sealing = sealing || table == "seal" })
		c.RegisterCommitHook(func() int {
			if sealing {
				do()
			}
			return 0
		})
		return nil
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
	var open, come atomic.Int64
	moment := func() {
		if open.Load() > 0 && come.Add(1) == int64(n) {
			killSelf()
		}
	}
	switch flag.Arg(2) {
	case "part":
		o.Progress = func(collectors.Progress) { moment() }
	case "commit":
		onConnect(t, atCommits(moment))
	case "seal":
		onConnect(t, atSeal(moment))
	case "statement":
		onConnect(t, atStatements(moment))
	case "full": // every database has no more than so many pages, as on a disk that is full
		onConnect(t, func(c *sqlite3.SQLiteConn) error {
			_, err := c.Exec("PRAGMA max_page_count = "+strconv.Itoa(n), nil)
			return err
		})
	}
	o.Store, err = store.Open(context.Background(), store.Options{Path: flag.Arg(1), Entropy: newEntropy()})
	if err != nil {
		t.Fatal(err)
	}
	open.Add(1)
	if _, err := collectors.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	fmt.Printf("moments: %d\n", come.Load())
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
	return k.runIn(s, at)
}

func (k *killed) runIn(s *store.Store, at time.Time) collectors.Result {
	k.Helper()
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
	k.expectLastIn(s, want)
}

func (k *killed) expectLastIn(s *store.Store, want collectors.Result) {
	k.Helper()
	expectWhole(k, s)
	if last, err := snapshot.LastAt(context.Background(), s.Read(), tomorrow()); err != nil || last.ID != want.Snapshot || last.Seal != want.Seal {
		k.Errorf("the last snapshot is %+v (%v), want %d", last, err, want.Snapshot)
	}
}

// killedAnywhere kills a collecting process at 200 moments: when its n-th request
// arrives, when its n-th part is written, in the midst of its n-th transaction, be it
// that which begins or one that merges parts, in the midst of that which seals, and at
// its n-th statement. What was sealed before stays whole, what was not is invisible, and
// the next run seals what it would have sealed.
func killedAnywhere(t *testing.T) {
	first := small()
	first.relationship("r2", "c2", "active")
	first.assign("r2", "g2")
	first.group("g2", "g3")
	first.member("g2", "u2", "g3")
	first.member("g3", "u3")
	base := newKilled(t, first)
	before := base.run(now)
	first.member("g1", "u4")
	first.rows["/v1.0/groups/g3/members"] = nil
	first.rows["eligibilityScheduleInstances g3"] = []string{`{"id":"e","groupId":"g3","principalId":"u3","accessId":"member"}`}
	raw, err := os.ReadFile(base.path)
	if err != nil {
		t.Fatal(err)
	}
	again := func(t *testing.T) *killed {
		c := newCanned()
		c.rows = first.rows // which change no more
		k := newKilled(t, c)
		if err := os.WriteFile(k.path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return k
	}
	undisturbed := again(t)
	want := undisturbed.run(tomorrow())
	// count tells how many moments of a kind there are.
	count := func(kind string) (n int) {
		out, err := again(t).child(kind, 0).CombinedOutput()
		if _, told, ok := strings.Cut(string(out), "moments: "); err != nil || !ok {
			t.Fatalf("%v\n%s", err, out)
		} else if _, err := fmt.Sscan(told, &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	type moment struct {
		kind string
		n    int
	}
	requests, statements := len(undisturbed.asked), count("statement")
	var points []moment
	add := func(kind string, from, to, step int) {
		for n := from; n <= to; n += step {
			points = append(points, moment{kind, n})
		}
	}
	add("request", 1, requests, 1)
	add("part", 1, count("part"), 3)
	add("commit", 1, count("commit")/4, 1) // parts that wait for each other, up to four, may have one together
	add("seal", 1, 1, 1)
	for i, more := 0, 200-len(points); i < more; i++ {
		points = append(points, moment{"statement", 1 + i*statements*4/5/more}) // their number varies with that of transactions
	}
	for _, point := range points {
		t.Run(fmt.Sprint(point.kind, " ", point.n), func(t *testing.T) {
			t.Parallel()
			k := again(t)
			child := k.child(point.kind, point.n)
			out := signalAt(t, child, k.canned, func(asked int) bool { return point.kind == "request" && asked == point.n }, os.Kill)
			if child.ProcessState.Exited() {
				t.Fatalf("the child was not killed\n%s", out)
			}
			s := openStore(t, k.path)
			defer s.Close()
			k.expectLastIn(s, before)
			if r := k.runIn(s, tomorrow()); r.Seal != want.Seal || r.Snapshot != want.Snapshot {
				t.Errorf("snapshot %d with seal %s, want %d with %s", r.Snapshot, r.Seal, want.Snapshot, want.Seal)
			}
			if point.kind == "seal" && len(k.asked) > 0 {
				t.Errorf("%q were asked again, though all parts had been seen", k.asked)
			}
		})
	}
}
