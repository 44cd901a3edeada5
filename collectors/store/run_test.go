package store_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"

	"github.com/jmoiron/sqlx"
)

// TestPartsAreStagedTogether: eight at once stage the parts of one run, page by
// page, while others read the snapshot before.
func TestPartsAreStagedTogether(t *testing.T) {
	const workers, parts, pages = 8, 6, 4
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	take(t, st, noon, map[store.Part][]store.Row{members: {bo}})
	run, _, err := st.Begin(t.Context(), noon.AddDate(0, 0, 1), "msp", "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for w := range workers {
		all.Go(func() {
			for p := range parts {
				part := store.Part{Kind: "memberships", Scope: "msp", Object: fmt.Sprintf("g%d-%d", w, p)}
				if err := stagePages(t, run, part, pages); err != nil {
					t.Error(err)
				}
				if state, err := run.Seen(t.Context(), part); state != store.Whole || err != nil {
					t.Errorf("part %v: %q %v", part, state, err)
				}
				if got := membersAsOf(t, st, 1); got != "bo=Bo" {
					t.Errorf("beside a run, the snapshot before holds %q", got)
				}
			}
		})
	}
	all.Wait()
	if _, err := run.Seal(t.Context(), noDerive); err != nil {
		t.Fatal(err)
	}
	var got struct{ Groups, Rows, People, Repeated, Requests int }
	if err := st.Read().Get(&got, `
		SELECT count(DISTINCT group_id) AS groups, count(*) AS rows, count(DISTINCT principal || name || upn) AS people,
			(SELECT sum(repeated) FROM part_coverage WHERE snapshot = 2) AS repeated, (SELECT count(*) FROM evidence WHERE snapshot = 2) AS requests
		FROM group_member WHERE snapshot = 2 AND principal <> 'bo'`); err != nil {
		t.Fatal(err)
	}
	const lists = workers * parts
	if want := (struct{ Groups, Rows, People, Repeated, Requests int }{lists, lists * pages * 5, pages * 5, lists * (pages - 1), lists * pages}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	wantFaults(t, st)
}

// stagePages puts pages of five members each, all but the first with a row of the
// page before again.
func stagePages(t testing.TB, run *store.Run, part store.Part, pages int) error {
	stage := run.Stage(part)
	person := func(n int) store.Item {
		return store.Item{Fact: member{Group: part.Object, Principal: fmt.Sprintf("P%d", n), Type: "user", Name: fmt.Sprintf("N%d", n), UPN: "p@msp.example"}}
	}
	var requests []store.Request
	for page := range pages {
		var items []store.Item
		for n := max(page*5-1, 0); n < page*5+5; n++ {
			items = append(items, person(n))
		}
		if err := stage.Put(t.Context(), items); err != nil {
			return err
		}
		requests = append(requests, store.Request{Path: fmt.Sprintf("/v1.0/groups/%s/members?$skiptoken=%d", part.Object, page), Status: 200, Asked: run.At, Rows: len(items)})
	}
	return stage.Finish(t.Context(), store.Seen{State: store.Whole, Asked: run.At, Requests: pages, Pages: pages, Rows: pages * 5}, requests)
}

// stray is a row of a table that the schema does not have.
type stray struct{}

func (stray) Table() string { return "stray" }

// spoilt is a row of which a column takes another type.
type spoilt struct {
	Relationship string `db:"relationship"`
	Modified     string `db:"modified"`
}

func (spoilt) Table() string { return "relationship_update" }

// TestARefusedPageLeavesNothing: neither its rows nor its count of repeated rows. A
// part that SQLite refuses leaves neither rows nor the ids and texts that it brought,
// which it brings again.
func TestARefusedPageLeavesNothing(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	run, _, err := st.Begin(t.Context(), noon, "msp", "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	stage := run.Stage(members)
	put := func(rows []store.Row, want string) {
		var items []store.Item
		for _, r := range rows {
			items = append(items, store.Item{Fact: r})
		}
		if err := stage.Put(t.Context(), items); err == nil != (want == "") || err != nil && err.Error() != want {
			t.Fatalf("%v: got %v, want %q", rows, err, want)
		}
	}
	cy := member{Group: "g1", Principal: "cy", Type: "user", Name: "Cy", UPN: "cy@msp.example"}
	for _, page := range []struct {
		rows []store.Row
		want string
	}{
		{[]store.Row{bo}, ""},
		{[]store.Row{ada("Ada"), bo, stray{}}, "there is no table for stray"},
		{[]store.Row{ada("Ada"), bo, spoilt{"r1", "today"}}, "relationship_update.modified: the column does not take a string"},
		{[]store.Row{ada("Ada"), snapshot.RelationshipUpdate{Relationship: "r1", Modified: time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}}, ""},
	} {
		put(page.rows, page.want)
	}
	whole := store.Seen{State: store.Whole, Asked: noon}
	if err := stage.Finish(t.Context(), whole, nil); err == nil || !strings.HasSuffix(err.Error(), "CHECK constraint failed: modified GLOB '????-??-??T??:??:??Z'") {
		t.Fatalf("a year of five digits: got %v", err)
	}
	if state, err := run.Seen(t.Context(), members); state != "" || err != nil {
		t.Errorf("the refused part was seen: %q, %v", state, err)
	}
	if err := stage.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	put([]store.Row{bo, cy}, "")
	put([]store.Row{ada("Ada")}, "")
	if err := stage.Finish(t.Context(), whole, nil); err != nil {
		t.Fatal(err)
	}

	if _, err := run.Seal(t.Context(), noDerive); err != nil {
		t.Fatal(err)
	}
	if got := membersAsOf(t, st, 1); got != "ada=Ada bo=Bo cy=Cy" {
		t.Error(got)
	}
	var repeated int
	if err := st.Read().Get(&repeated, `SELECT repeated FROM part_coverage`); err != nil || repeated != 0 {
		t.Errorf("%d repeated, %v", repeated, err)
	}
	wantFaults(t, st)
}

// last is a row upon which the run is cancelled.
type last struct {
	Tenant string `db:"tenant"`
	Name   string `db:"name"`
	cancel func()
}

func (l last) Table() string { l.cancel(); return "customer" }

// TestACancelledPageLeavesNothing: the error says so, and the run goes on with another
// context.
func TestACancelledPageLeavesNothing(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	run, _, err := st.Begin(t.Context(), noon, "msp", "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	stage := run.Stage(members)
	ctx, cancel := context.WithCancel(t.Context())
	if err := stage.Put(ctx, []store.Item{{Fact: ada("Ada")}, {Fact: last{Tenant: "c1", cancel: cancel}}}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if err := stage.Put(t.Context(), []store.Item{{Fact: bo}}); err != nil {
		t.Fatal(err)
	}
	if err := stage.Finish(t.Context(), store.Seen{State: store.Whole, Asked: noon}, nil); err != nil {
		t.Fatal(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	if _, err := run.Seal(ctx, func(context.Context, *sqlx.Tx, int64) (map[store.Part][]store.Row, error) { cancel(); return nil, nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if _, err := run.Seal(t.Context(), noDerive); err != nil {
		t.Fatal(err)
	}
	if got := membersAsOf(t, st, 1); got != "bo=Bo" {
		t.Error(got)
	}
	wantFaults(t, st)
}

// ending is a context that ends while its err is asked for the n-th time, and says so
// some times later.
type ending struct {
	context.Context
	cancel func()
	left   int
}

func (e *ending) Err() error {
	const later = 3
	if e.left--; e.left == 0 {
		e.cancel()
	}
	if e.left < -later {
		return e.Context.Err()
	}
	return nil
}

// TestACancelledMergeLeavesNothing cancels the merge of a part after ever more of its
// rows. None of them stays, and the run takes the same part from the start.
func TestACancelledMergeLeavesNothing(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	run, _, err := st.Begin(t.Context(), noon, "msp", "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	var items []store.Item
	for n := range 2000 {
		items = append(items, store.Item{Fact: member{Group: "g1", Principal: fmt.Sprintf("p%04d", n), Type: "user", Name: "N", UPN: "u"}})
	}
	stage := run.Stage(members)
	if err := stage.Put(t.Context(), items); err != nil {
		t.Fatal(err)
	}
	whole := store.Seen{State: store.Whole, Asked: noon}
	for left := 1; left < 60; left++ {
		ctx, cancel := context.WithCancel(t.Context())
		if err := stage.Finish(&ending{ctx, cancel, left}, whole, nil); !errors.Is(err, context.Canceled) {
			t.Fatalf("ended at its call %d: %v", left, err)
		}
		for _, table := range []string{"fact_group_member", "ident WHERE value LIKE 'p%'", "label", "part"} {
			var rows int
			if err := st.Read().Get(&rows, `SELECT count(*) FROM `+table); err != nil || rows != 0 {
				t.Fatalf("ended at its call %d: %d rows of %s stay, %v", left, rows, table, err)
			}
		}
	}
	if err := stage.Finish(t.Context(), whole, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := run.Seal(t.Context(), noDerive); err != nil {
		t.Fatal(err)
	}
	var rows int
	if err := st.Read().Get(&rows, `SELECT count(*) FROM group_member WHERE snapshot = 1`); err != nil || rows != len(items) {
		t.Errorf("%d rows, %v", rows, err)
	}
	wantFaults(t, st)
}

// limitPages asks how many pages the database has; with a limit other than 0 it may grow
// to that many and no more.
func limitPages(t *testing.T, st *store.Store, limit int) (have int) {
	t.Helper()
	err := st.RunTx(t.Context(), func(tx *sqlx.Tx) error {
		if _, err := tx.Exec(fmt.Sprintf(`PRAGMA max_page_count = %d`, limit)); err != nil {
			return err
		}
		return tx.Get(&have, `PRAGMA page_count`)
	})
	if err != nil {
		t.Fatal(err)
	}
	return have
}

// steps are those of a run that stages 300 rows in six pages, most of which it spills,
// and that was asked for at such length that its record needs room.
func steps(t *testing.T, st *store.Store, day int) []func() error {
	var run *store.Run
	var stage *store.Stage
	put := func() error {
		for page := range 6 {
			var items []store.Item
			for i := page * 50; i < page*50+50; i++ {
				items = append(items, store.Item{Fact: member{Group: "g1", Principal: fmt.Sprintf("p-%060d", i), Type: "user", Name: fmt.Sprintf("Person %060d", i)}})
			}
			if err := stage.Put(t.Context(), items); err != nil {
				return err
			}
		}
		return nil
	}
	return []func() error{
		func() (err error) {
			run, _, err = st.Begin(t.Context(), noon.AddDate(0, 0, day), "msp", strings.Repeat("all ", 50_000), 0)
			if err == nil {
				run.HoldAtMost(100)
			}
			return err
		},
		func() error { stage = run.Stage(members); return nil },
		put,
		func() error {
			return stage.Finish(t.Context(), store.Seen{State: store.Whole, Asked: run.At, Rows: 300},
				[]store.Request{{Path: "/v1.0/" + strings.Repeat("long", 5000), Status: 200, Asked: run.At}})
		},
		func() error { _, err := run.Seal(t.Context(), noDerive); return err },
	}
}

// TestFullDisk lets the database fill up while rows are put, while a part is noted
// and while its snapshot is sealed. The error says so, the snapshot before stays
// whole and readable, and once there is room the next run goes through.
func TestFullDisk(t *testing.T) {
	const put, finish, seal = 2, 3, 4
	base := filepath.Join(t.TempDir(), "base.db")
	st := open(t, base)
	take(t, st, noon, map[store.Part][]store.Row{members: {ada("Ada"), bo}})
	if err := st.Close(); err != nil { // which leaves the whole database in one file
		t.Fatal(err)
	}
	raw, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	fresh := func() *store.Store {
		path := filepath.Join(t.TempDir(), "a.db")
		if err := os.WriteFile(path, raw, 0o600); err != nil {
			t.Fatal(err)
		}
		return open(t, path)
	}
	var after []int // pages after each step, where nothing is in the way
	st = fresh()
	for _, step := range steps(t, st, 1) {
		if err := step(); err != nil {
			t.Fatal(err)
		}
		after = append(after, limitPages(t, st, 0))
	}
	for _, c := range []struct{ limit, at int }{
		{after[put-1], put}, {(after[put-1] + after[put]) / 2, put}, {after[put] - 1, put},
		{after[put], finish}, {after[finish] - 1, finish},
		{after[finish], seal}, {(after[finish] + after[seal]) / 2, seal}, {after[seal] - 2, seal}, {after[seal] - 1, seal},
	} {
		st := fresh()
		limitPages(t, st, c.limit)
		var err error
		at := -1
		for i, step := range steps(t, st, 1) {
			if err = step(); err != nil {
				at = i
				break
			}
		}
		if at != c.at {
			t.Errorf("with %d pages of %v: step %d broke, want %d: %v", c.limit, after, at, c.at, err)
		}
		if err == nil || !strings.HasSuffix(err.Error(), "database or disk is full") {
			t.Errorf("with %d pages: %v does not say plainly that the disk is full", c.limit, err)
		}
		if got := membersAsOf(t, st, 1); got != "ada=Ada bo=Bo" {
			t.Errorf("with %d pages: the snapshot before holds %q", c.limit, got)
		}
		var sealed int
		if err := st.Read().Get(&sealed, `SELECT count(*) FROM sealed_snapshot`); err != nil || sealed != 1 {
			t.Errorf("with %d pages: %d snapshots are sealed, %v", c.limit, sealed, err)
		}
		wantFaults(t, st)
		limitPages(t, st, 1<<30)
		for _, step := range steps(t, st, 2) {
			if err := step(); err != nil {
				t.Errorf("with room again: %v", err)
			}
		}
		wantFaults(t, st)
	}
}

// TestSealsAreOnDisk: a run may be taken back by a power cut, a seal of anything may
// not, whatever became of the run before it.
func TestSealsAreOnDisk(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	run, _, err := st.Begin(t.Context(), noon, "msp", "all", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(where string, tx *sqlx.Tx, want int) {
		var level int
		if err := tx.Get(&level, `PRAGMA synchronous`); err != nil || level != want {
			t.Errorf("%s synchronous = %d, want %d, %v", where, level, want, err)
		}
	}
	const normal, full = 1, 2
	if err := st.Tx(t.Context(), func(tx *sqlx.Tx) error { expect("beside an unfinished run", tx, full); return nil }); err != nil {
		t.Error(err)
	}
	ofRun := func(tx *sqlx.Tx) error { expect("within a run", tx, normal); return nil }
	if err := st.RunTx(t.Context(), ofRun); err != nil {
		t.Error(err)
	}
	if _, err := run.Seal(t.Context(), func(_ context.Context, tx *sqlx.Tx, _ int64) (map[store.Part][]store.Row, error) {
		expect("where it is sealed", tx, full)
		return nil, nil
	}); err != nil {
		t.Error(err)
	}
	if err := st.RunTx(t.Context(), ofRun); err != nil {
		t.Error(err)
	}
}

// The clock of a snapshot stands in its record where it matters, the largest that was
// noted; else the record is as it was before clocks were kept, so that older ones give
// their hashes still.
func TestAClockIsSealedWhereItMatters(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	for i, c := range []struct {
		noted []time.Duration
		want  string
	}{
		{nil, "at coverage evidence parts request snapshot tenant"},
		{[]time.Duration{0}, "at coverage evidence parts request snapshot tenant"},
		{[]time.Duration{3 * time.Minute, -12*time.Minute - 400*time.Millisecond, 0}, "at coverage evidence parts request skew=-720 snapshot tenant"},
	} {
		run, _, err := st.Begin(t.Context(), noon.AddDate(0, 0, i), "msp", "all", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		for _, ahead := range c.noted {
			if err := run.Skewed(t.Context(), ahead); err != nil {
				t.Fatal(err)
			}
		}
		seal, err := run.Seal(t.Context(), noDerive)
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		if err := json.Unmarshal([]byte(seal.Body), &body); err != nil {
			t.Fatal(err)
		}
		keys := slices.Sorted(maps.Keys(body))
		for i, k := range keys {
			if k == "skew" {
				keys[i] += fmt.Sprintf("=%v", body[k])
			}
		}
		if got := strings.Join(keys, " "); got != c.want {
			t.Errorf("noted %v: the record says %s, want %s", c.noted, got, c.want)
		}
		if err := run.Skewed(t.Context(), time.Hour); err == nil {
			t.Error("a sealed snapshot took a clock")
		}
	}
	wantFaults(t, st)
}

// TestTextsThatOthersAddDuringARun: an import of decisions interns texts between two
// parts of a run.
func TestTextsThatOthersAddDuringARun(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	run, _, err := st.Begin(t.Context(), noon, "msp", "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	for pages, object := range []string{"g0", "g1", "g2"} {
		if err := stagePages(t, run, store.Part{Kind: "memberships", Scope: "msp", Object: object}, pages+1); err != nil {
			t.Fatal(err)
		}
		err := st.Tx(t.Context(), func(tx *sqlx.Tx) error {
			if _, err := st.Label(t.Context(), tx, "said of "+object); err != nil {
				return err
			}
			_, err := store.Ident(t.Context(), tx, "decided on "+object)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := run.Seal(t.Context(), noDerive); err != nil {
		t.Fatal(err)
	}
	wantFaults(t, st)
}
