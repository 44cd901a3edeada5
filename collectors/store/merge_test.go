package store_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// model is what the store is to show as of a snapshot: by part and key, the content
// and when the key was first seen.
type model map[string]string

// days makes random days of random rows over two fact tables of one part and a log,
// and what is to be seen as of each.
type days struct {
	*rand.Rand
	now   model
	first map[string]time.Time // by part and key, for ever
}

func (d *days) row(part store.Part) (row store.Row, key, content string) {
	switch d.IntN(3) {
	case 0:
		m := member{Group: part.Object, Principal: fmt.Sprintf("p%d", d.IntN(12)), Type: "user", Name: d.word(), UPN: d.word()}
		return m, "member " + part.Object + " " + m.Principal, m.Name + "/" + m.UPN
	case 1:
		o := snapshot.GroupOwner{Group: part.Object, Principal: fmt.Sprintf("p%d", d.IntN(4)), Type: d.word()}
		return o, "owner " + part.Object + " " + o.Principal, o.Type
	}
	a := snapshot.Activation{ID: fmt.Sprintf("r%d", d.IntN(30)), Group: part.Object, Status: d.word(), Justification: d.word()}
	return a, "log " + part.Object + " " + a.ID, a.Status + "/" + a.Justification
}

func (d *days) word() string { return []string{"", "Ada", "ada", "O'Neil; --", "Zoë"}[d.IntN(5)] }

// part stages random rows, some twice, and notes the part as whole or not. Only of
// a part seen whole do facts that are missing end; a log never forgets.
func (d *days) part(t *testing.T, run *store.Run, part store.Part) {
	t.Helper()
	stage := run.Stage(part)
	got := model{}
	for range d.IntN(4) {
		var items []store.Item
		for range d.IntN(8) {
			row, key, content := d.row(part)
			got[key] = content
			items = append(items, store.Item{Fact: row})
			if d.IntN(3) == 0 {
				row, key, content := d.row(part)
				got[key] = content
				items[len(items)-1].Details = []store.Row{row}
			}
		}
		if err := stage.Put(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		if d.IntN(10) == 0 {
			if err := stage.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
			clear(got)
		}
	}
	state := []string{store.Whole, store.Whole, store.Whole, "partial", "failed", "not-permitted"}[d.IntN(6)]
	if err := stage.Finish(t.Context(), store.Seen{State: state, Asked: run.At}, nil); err != nil {
		t.Fatal(err)
	}
	if state != store.Whole {
		return
	}
	maps.DeleteFunc(d.now, func(key, _ string) bool {
		return strings.HasPrefix(key, "member "+part.Object) || strings.HasPrefix(key, "owner "+part.Object)
	})
	maps.Copy(d.now, got)
	for key := range got {
		if _, ok := d.first[key]; !ok {
			d.first[key] = run.At
		}
	}
}

// TestAsOfEverySnapshotIsWhatWasSeenThen holds the store against a map per day:
// random days on which rows come, change, go and come back, parts are not asked or
// not seen whole or finished twice, and runs are given up half way.
func TestAsOfEverySnapshotIsWhatWasSeenThen(t *testing.T) {
	for seed := range uint64(8) {
		st := open(t, filepath.Join(t.TempDir(), "a.db"))
		d := &days{Rand: rand.New(rand.NewPCG(seed, 1)), now: model{}, first: map[string]time.Time{}}
		want := map[int64]model{}
		for day := range 25 {
			run, _, err := st.Begin(t.Context(), noon.AddDate(0, 0, day), "msp", "all", 0)
			if err != nil {
				t.Fatal(err)
			}
			if seed%2 == 0 {
				run.HoldAtMost(int64(d.IntN(6))) // so that parts are spilled
			}
			now, first := maps.Clone(d.now), maps.Clone(d.first)
			for _, object := range []string{"g1", "g2", "g3"} {
				part := store.Part{Kind: "memberships", Scope: "msp", Object: object}
				switch d.IntN(6) {
				case 0:
				case 1: // twice: the second time counts
					before, known := maps.Clone(d.now), maps.Clone(d.first)
					d.part(t, run, part)
					d.now, d.first = before, known
					d.part(t, run, part)
				default:
					d.part(t, run, part)
				}
			}
			if d.IntN(5) == 0 { // given up
				d.now, d.first = now, first
				continue
			}
			if _, err := run.Seal(t.Context(), noDerive); err != nil {
				t.Fatal(err)
			}
			want[run.ID] = model{}
			for key, content := range d.now {
				want[run.ID][key] = content + " since " + store.Time(d.first[key]).String()
			}
		}
		for id, asOf := range want {
			if got := modelOf(t, st, id); !maps.Equal(got, asOf) {
				t.Errorf("seed %d, snapshot %d:\ngot  %v\nwant %v", seed, id, got, asOf)
			}
		}
		wantFaults(t, st)
	}
}

func modelOf(t *testing.T, st *store.Store, id int64) model {
	t.Helper()
	var rows []struct{ Key, Content string }
	if err := st.Read().Select(&rows, `
		SELECT 'member ' || group_id || ' ' || principal AS key, name || '/' || upn || ' since ' || first_seen AS content FROM group_member WHERE snapshot = ?1
		UNION ALL SELECT 'owner ' || group_id || ' ' || principal, type || ' since ' || first_seen FROM group_owner WHERE snapshot = ?1
		UNION ALL SELECT 'log ' || group_id || ' ' || id, status || '/' || justification || ' since ' || first_seen FROM activation WHERE snapshot = ?1`, id); err != nil {
		t.Fatal(err)
	}
	out := model{}
	for _, r := range rows {
		if _, twice := out[r.Key]; twice {
			t.Errorf("snapshot %d shows %q twice", id, r.Key)
		}
		out[r.Key] = r.Content
	}
	return out
}

// TestAPartIsDigestedWhenItChanges: not on the days on which it stays as it was, whether
// it changed the day before or not.
func TestAPartIsDigestedWhenItChanges(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	for day, rows := range [][]store.Row{{bo}, {bo}, {bo}, {bo, ada("Ada")}, {bo, ada("Ada")}, {ada("Ada")}, {}, {}} {
		take(t, st, noon.AddDate(0, 0, day), map[store.Part][]store.Row{members: rows})
	}
	var got []int64
	if err := st.Read().Select(&got, `SELECT seen_from FROM part_digest ORDER BY seen_from`); err != nil {
		t.Fatal(err)
	}
	if want := []int64{1, 4, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("digests of the snapshots %v, want %v", got, want)
	}
	wantFaults(t, st)
}
