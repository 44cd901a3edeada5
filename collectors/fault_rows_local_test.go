package collectors_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors"
	"countersign/collectors/store"
)

// pragma sets something of the one connection that writes.
func pragma(t testing.TB, st *store.Store, setting string) {
	t.Helper()
	if err := st.Tx(context.Background(), func(tx *sqlx.Tx) error { _, err := tx.Exec(`PRAGMA ` + setting); return err }); err != nil {
		t.Fatal(err)
	}
}

var localRows = []faultRow{
	{"L01", "a disk that is full, at several moments of a run", "the run ends and says so; what was sealed before is whole; with room again the run goes on", all(
		proven("store", "TestFullDisk", "limitPages"), func(t *testing.T) {
			c := small()
			w, _ := cannedRun(t, c)
			for i := range 400 {
				c.member("g1", fmt.Sprintf("u-%d-%s", i, strings.Repeat("x", 200)))
			}
			var pages int
			if err := w.store.Read().Get(&pages, `PRAGMA page_count`); err != nil {
				t.Fatal(err)
			}
			tomorrow := func(o *collectors.Options) {
				o.Client, o.Store, o.At, o.Now, o.Kinds = newClient(t, w.url, tenant, mode{4, false}), w.store, tomorrow(), tomorrow, appKinds
			}
			var full []error
			for room := 0; room < 120; room += 20 {
				pragma(t, w.store, fmt.Sprintf("max_page_count = %d", pages+room))
				o := w.options()
				tomorrow(&o)
				_, err := collectors.Run(context.Background(), o)
				if err == nil {
					break
				}
				full = append(full, err)
				if !strings.HasSuffix(err.Error(), "database or disk is full") {
					t.Errorf("with room for %d pages: %v", room, err)
				}
				expectWhole(t, w.store)
				var sealed int
				if err := w.store.Read().Get(&sealed, `SELECT count(*) FROM sealed_snapshot`); err != nil || sealed != 1 {
					t.Errorf("%d snapshots are sealed (%v)", sealed, err)
				}
			}
			if len(full) < 2 {
				t.Errorf("the disk was full %d times: %v", len(full), full)
			}
			pragma(t, w.store, "max_page_count = 1073741823")
			w.run(tomorrow)
		})},
	{"L02", "another process that has the database locked", "it is waited for, then the run ends and says what to do", func(t *testing.T) {
		w, _ := cannedRun(t, small())
		pragma(t, w.store, "busy_timeout = 20") // ms, in place of 10 s
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
		if _, err := collectors.Run(context.Background(), o); err == nil || !strings.Contains(err.Error(), "another program writes to "+w.store.Path()) {
			t.Errorf("got %v", err)
		}
	}},
	{"L03", "a process killed at any request, at any writing and in the midst of sealing", "nothing half is seen, and the next run seals what it would have sealed", all(
		proven(".", "TestKill", `"request"`, `"part"`, `"seal"`), proven(".", "TestInterruptedAtAnyRequest"), proven("store", "TestKill"), proven("../cmd/countersign", "TestKilledProgram"))},
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
