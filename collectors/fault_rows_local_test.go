package collectors_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/store"
)

var localRows = []faultRow{
	{"L01", "a disk that is full, at several moments of a run", "the run ends and says so; what was sealed before is whole; with room again the run goes on", func(t *testing.T) {
		c := small()
		k := newKilled(t, c)
		pages := func() (n int) {
			s := openStore(t, k.path)
			defer s.Close()
			return column[int](t, s, `SELECT page_count FROM pragma_page_count()`)[0]
		}
		before := k.run(now)
		least := pages()
		raw, err := os.ReadFile(k.path)
		if err != nil {
			t.Fatal(err)
		}
		c.rows[members1] = nil
		for i := range 3000 {
			c.member("g1", fmt.Sprintf("user-%d", i))
		}
		want := k.run(tomorrow())
		for step, most := 0, pages(); step < 4; step++ {
			if err := os.WriteFile(k.path, raw, 0o600); err != nil {
				t.Fatal(err)
			}
			room := least + (most-least)*step/4
			if step == 3 {
				room = most - 1
			}
			out, err := k.child("full", room).CombinedOutput()
			if err == nil || !strings.Contains(string(out), "database or disk is full") || strings.Contains(string(out), "goroutine ") {
				t.Errorf("with %d pages where %d are needed: %v\n%s", room, most, err, out)
			}
			k.expectLast(before)
			if r := k.run(tomorrow()); r.Seal != want.Seal {
				t.Errorf("with room again: %+v, want the seal %s", r, want.Seal)
			}
		}
	}},
	{"L02", "another process that has the database locked", "it is waited for, then the run ends and says what to do", func(t *testing.T) {
		w, _ := cannedRun(t, small())
		hasty, err := store.Open(t.Context(), store.Options{Path: w.store.Path(), Patience: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		defer hasty.Close()
		other, err := sql.Open("sqlite3", "file:"+w.store.Path()+"?_txlock=immediate")
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		held, err := other.Begin()
		if err != nil {
			t.Fatal(err)
		}
		defer held.Rollback()
		o := w.options()
		o.Kinds, o.At = appKinds, tomorrow()
		o.Store = hasty
		if _, err := collectors.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "another program writes to the database and did not end in time: close what has it open, then start again: ") {
			t.Errorf("got %v", err)
		}
		if got := column[int](t, w.store, `PRAGMA busy_timeout`)[0]; got != 10_000 {
			t.Errorf("without being told it waits %d ms, want 10 s", got)
		}
		if err := held.Rollback(); err != nil {
			t.Fatal(err)
		}
		took(t, o)
	}},
	{"L03", "a process killed at 200 moments: at any request, at any writing, at any statement and in the midst of sealing", "nothing half is seen, and the next run seals what it would have sealed", killedAnywhere},
	{"L04", "SIGTERM", "no further request; it ends within 10 s with code 130; nothing half is seen, and the next run goes on", func(t *testing.T) {
		c := small()
		m := newMSP(t, c)
		m.expectRun(now, 0, "relationships", "collect")
		for _, n := range []int{1, 3, 12} {
			child := m.command(tomorrow(), "collect")
			begun := time.Now()
			signalAt(t, child, c, func(asked int) bool { return asked == n }, syscall.SIGTERM)
			if code := child.ProcessState.ExitCode(); code != 130 || time.Since(begun) > 10*time.Second {
				t.Errorf("at request %d: exit code %d after %v", n, code, time.Since(begun))
			}
			out, _ := m.run(tomorrow(), "snapshot", "list", "--format", "csv")
			if strings.Count(out, "\n") != 2 {
				t.Errorf("at request %d: sealed are\n%s", n, out)
			}
		}
		m.expectRun(tomorrow(), 0, "A run that was interrupted was taken up", "collect")
		m.expectRun(tomorrow(), 0, "", "db", "check")
	}},
	{"L05", "a second collector", "it ends with code 5 and says who holds the lock; there is one run", func(t *testing.T) {
		c := small()
		m := newMSP(t, c)
		child := m.command(now, "collect")
		checked := false
		signalAt(t, child, c, func(asked int) bool {
			if asked == 2 {
				m.expectRun(now, 5, fmt.Sprintf("process %d", child.Process.Pid), "collect")
				checked = true
			}
			return asked == 2
		}, os.Kill)
		if !checked || len(c.asked) > 3 {
			t.Errorf("%d requests, second collector tried: %v", len(c.asked), checked)
		}
		s := openStore(t, filepath.Join(m.dir, "countersign.db"))
		expectLines(t, "runs", lines(t, s, `SELECT count(*) FROM snapshot`), "1")
	}},
	{"L06", "a clock that jumps back an hour and on a day while a snapshot is taken", "the snapshot has one instant; no time between two is negative; a next one before it is refused; runs stay in their order", func(t *testing.T) {
		var n atomic.Int64
		jumps := func(at time.Time) func(*collectors.Options) {
			return func(o *collectors.Options) {
				o.At, o.Now = at, func() time.Time {
					return at.Add([]time.Duration{0, -time.Hour, 24 * time.Hour}[n.Add(1)%3])
				}
			}
		}
		w, first := cannedRun(t, small(), jumps(now))
		o := w.options()
		o.Kinds, o.At = appKinds, now.Add(-time.Hour)
		if _, err := collectors.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "set the clock right, or leave out --at") {
			t.Errorf("a snapshot before the last one: %v", err)
		}
		second := w.another(1, jumps(tomorrow()))
		expectLines(t, "snapshots", lines(t, w.store, `SELECT id, at FROM sealed_snapshot ORDER BY id`), fmt.Sprint(first.Snapshot, " 2026-08-18T06:00:00Z"), fmt.Sprint(second.Snapshot, " 2026-08-19T06:00:00Z"))
		expectLines(t, "intervals that end before they begin", lines(t, w.store, `SELECT count(*) FROM part_seen WHERE since > until`), "0")
		expectLines(t, "relationships", lines(t, w.store, `SELECT seen_from, coalesce(seen_until, '-') FROM fact_relationship`), fmt.Sprint(first.Snapshot, " -"))
	}},
}
