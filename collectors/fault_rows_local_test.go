package collectors_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/store"
)

var localRows = []faultRow{
	{"L01", "a disk that is full, at several moments of a run", "the run ends and says so; what was sealed before is whole; with room again the run goes on",
		proven("store", "TestFullDisk", "limitPages")},
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
		if _, err := collectors.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "another program writes to the database") {
			t.Errorf("got %v", err)
		}
	}},
	{"L03", "a process killed at any request, at any writing and in the midst of sealing", "nothing half is seen, and the next run seals what it would have sealed", all(
		proven(".", "TestKill", `"request"`, `"part"`, `"commit"`), proven(".", "TestInterruptedAtAnyRequest"), proven("store", "TestKill"), proven("../cmd/countersign", "TestKilledProgram"))},
	{"L04", "SIGTERM", "it ends at once with code 130; nothing half is seen, and the next run goes on", all(
		proven("../cmd/countersign", "TestTerminated", "SIGTERM", "exitInterrupted"), proven(".", "TestInterruptedRunIsResumed"))},
	{"L05", "a second collector", "it ends with code 5 and says who holds the lock", all(proven("store", "TestLockNamesItsHolder"), func(t *testing.T) {
		path := t.TempDir() + "/a.db"
		first, err := store.TryLock(path, "collect on host one, process 1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.TryLock(path, "second"); !errors.Is(err, store.ErrLocked) || !strings.Contains(err.Error(), "collect on host one, process 1") {
			t.Error(err)
		}
		if err := first.Release(); err != nil {
			t.Fatal(err)
		}
	})},
	{"L06", "a clock that jumps back an hour and on a day while a snapshot is taken", "the snapshot has one instant; no time between two is negative; a next one before it is refused", func(t *testing.T) {
		var n atomic.Int64
		w, r := cannedRun(t, small(), func(o *collectors.Options) {
			o.Now = func() time.Time {
				return now.Add([]time.Duration{0, -time.Hour, 24 * time.Hour}[n.Add(1)%3])
			}
		})
		if got := w.column(r, `SELECT at || ' ' || (SELECT count(*) FROM part_coverage c WHERE c.snapshot = s.id AND c.since > c.until) FROM sealed_snapshot s WHERE id = ?`); got != "2026-08-18T06:00:00Z 0" {
			t.Error(got)
		}
		o := w.options()
		o.Kinds, o.At = appKinds, now.Add(-time.Hour)
		if _, err := collectors.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "the clock stands before") {
			t.Errorf("a snapshot before the last one: %v", err)
		}
	}},
}
