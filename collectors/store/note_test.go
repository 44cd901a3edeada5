package store_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"countersign/collectors/store"
)

// TestWhatIsSaidOfPartsComesBack: on every day as it was said, be the same said for days,
// a request be gone, or a part be asked late, long before the run or not at all.
func TestWhatIsSaidOfPartsComesBack(t *testing.T) {
	const parts, days = 270, 5 // more than one row of the table asked
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	type line struct {
		Snapshot, Rows, Requests int
		Object, State, Asked     string
	}
	var want []line
	for day := range days {
		run, _, err := st.Begin(t.Context(), noon.AddDate(0, 0, day), "msp", "all", 0)
		if err != nil {
			t.Fatal(err)
		}
		for n := parts - 1; n >= 0; n-- {
			if (n+day)%9 == 0 {
				continue
			}
			object := fmt.Sprint(n)
			part := store.Part{Kind: "groups", Scope: "msp", Object: object}
			after := time.Duration(n*n) * time.Second // more than a character says in the end
			if n == 5 {
				after = -400 * 24 * time.Hour
			}
			asked := run.At.Add(after)
			seen := store.Seen{State: store.Whole, Asked: asked, Rows: n * (day / 2), Requests: 1 + (n+day/2)%3}
			if n%11 == day {
				seen.State = "failed"
			}
			var requests []store.Request
			for i := range seen.Requests {
				requests = append(requests, store.Request{Path: object, Status: 200 + day/3, Asked: asked.Add(time.Duration(i*(n%2)) * time.Second), Rows: i})
			}
			for _, noted := range []store.Seen{{State: "failed", Asked: asked.Add(time.Hour)}, seen}[min(n%5, 1):] { // what is said last counts
				stage := run.Stage(part)
				if err := stage.Finish(t.Context(), noted, requests[:min(noted.Requests, len(requests))]); err != nil {
					t.Fatal(err)
				}
			}
			want = append(want, line{day + 1, seen.Rows, seen.Requests, object, seen.State, asked.Format(time.RFC3339)})
			var got []string
			if err := st.Read().Select(&got, `
				SELECT e.asked FROM evidence e JOIN part p ON p.id = e.part JOIN ident i ON i.id = p.object WHERE e.snapshot = ? AND i.value = ? AND e.rows = e.seq - 1 AND e.status = ? ORDER BY e.seq`,
				day+1, object, 200+day/3); err != nil || len(got) != len(requests) {
				t.Fatalf("%v of %d requests, %v", got, len(requests), err)
			}
			for i := range got {
				if want := requests[i].Asked.Format(time.RFC3339); got[i] != want {
					t.Errorf("day %d, request %d of %s: asked %s, want %s", day+1, i+1, object, got[i], want)
				}
			}
		}
		if _, err := run.Seal(t.Context(), noDerive); err != nil {
			t.Fatal(err)
		}
	}
	var got []line
	if err := st.Read().Select(&got, `SELECT snapshot, rows, requests, object, state, asked FROM part_coverage`); err != nil {
		t.Fatal(err)
	}
	if len(got) != len(want) {
		t.Fatalf("%d parts were seen, want %d", len(got), len(want))
	}
	said := map[line]bool{}
	for _, l := range got {
		said[l] = true
	}
	for _, l := range want {
		if !said[l] {
			t.Errorf("it is not said any more: %+v", l)
		}
	}
	wantFaults(t, st)
	run, _, err := st.Begin(t.Context(), noon.AddDate(0, 1, 0), "msp", "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	stage := run.Stage(groups)
	if stage.Finish(t.Context(), store.Seen{State: store.Whole}, nil) == nil {
		t.Error("a part that was asked at no instant was noted")
	}
}
