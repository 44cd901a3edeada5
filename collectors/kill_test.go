package collectors_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/store"
)

// tomorrow is when the run that is killed takes place, a day after the first one.
func tomorrow() time.Time { return now.AddDate(0, 0, 1) }

// dying reads entropy until its n-th read, which kills the process.
type dying struct {
	io.Reader
	left int
}

func (d *dying) Read(p []byte) (int, error) {
	if d.left--; d.left == 0 {
		killSelf()
	}
	return d.Reader.Read(p)
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

// TestKilledChild is the process that TestKill kills: with arguments it collects
// until the given moment comes. Without, there is nothing to test.
func TestKilledChild(t *testing.T) {
	if flag.NArg() != 4 {
		return
	}
	n, err := strconv.Atoi(flag.Arg(3))
	if err != nil {
		t.Fatal(err)
	}
	entropy := newEntropy()
	o := collectors.Options{Tenant: tenant, Client: newClient(t, flag.Arg(0), tenant, mode{4, false}), At: tomorrow(), Now: tomorrow}
	switch flag.Arg(2) {
	case "part":
		o.Progress = func(collectors.Progress) {
			if n--; n == 0 {
				killSelf()
			}
		}
	case "seal": // salts are drawn in the transaction that seals
		entropy = &dying{entropy, n}
	}
	o.Store, err = store.Open(context.Background(), store.Options{Path: flag.Arg(1), Entropy: entropy})
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

// TestKill kills a collecting process when its n-th request arrives, when its n-th
// part is written, and in the midst of sealing. What was sealed before stays whole,
// what was not is invisible, and the next run seals what it would have sealed.
func TestKill(t *testing.T) {
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
	want := finish(t, copied(t))
	requests, noted := len(c.asked), steps

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
	add("seal", 1, 4, 1) // of one new name and three changed parts
	if len(points) < 40 {
		t.Fatalf("only %d moments to kill at", len(points))
	}
	for _, point := range points {
		kind, n := point.kind, point.n
		t.Run(kind+" "+strconv.Itoa(n), func(t *testing.T) {
			path := copied(t)
			child := exec.Command(os.Args[0], "-test.run=^TestKilledChild$", "--", server.URL, path, kind, strconv.Itoa(n))
			arrived, dead := make(chan struct{}), make(chan struct{})
			c.watch(func(asked int) {
				if kind == "request" && asked == n {
					close(arrived)
					<-dead // it gets no answer
				}
			})
			var out bytes.Buffer
			child.Stdout, child.Stderr = &out, &out
			if err := child.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error)
			go func() { ended <- child.Wait() }()
			select {
			case <-arrived:
				err = errors.Join(child.Process.Kill(), <-ended)
			case err = <-ended:
			}
			close(dead)
			if err == nil || child.ProcessState.Exited() {
				t.Fatalf("the child was not killed: %v\n%s", err, &out)
			}
			c.watch(nil)
			r := finish(t, path)
			if r.Seal != want.Seal || r.Snapshot != want.Snapshot {
				t.Errorf("snapshot %d with seal %s, want %d with %s", r.Snapshot, r.Seal, want.Snapshot, want.Seal)
			}
			if kind == "seal" && len(c.asked) > 0 {
				t.Errorf("%q were asked again, though all parts had been seen", c.asked)
			}
		})
	}
}
