package snapshot_test

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// Random windows of several logs, in several snapshots, against a timeline of hours.
func TestHolesAgainstATimeline(t *testing.T) {
	start := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	hour := func(h int) time.Time { return start.Add(time.Duration(h) * time.Hour) }
	logs := []struct {
		kind snapshot.Kind
		log  string
		kept int // hours
	}{{snapshot.SignIns, "", 720}, {snapshot.Audits, "", 168}, {snapshot.AzureActivity, "sub-1", 2160}, {snapshot.AzureActivity, "sub-2", 2160}}
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 9))
		st := open(t)
		premium := r.IntN(2) > 0
		if premium {
			logs[1].kept = 720
		} else {
			logs[1].kept = 168
		}
		type key struct {
			kind snapshot.Kind
			log  string
		}
		const lateHours = 48
		covered, settled, first := map[key]map[int]bool{}, map[key]map[int]bool{}, map[key]int{}
		at := 0
		for range 4 {
			at += 100 + r.IntN(300)
			parts := map[snapshot.Part][]store.Row{}
			windows := map[snapshot.Part]store.Seen{}
			if premium {
				part := snapshot.Part{Kind: snapshot.Licences, Scope: msp, Object: msp}
				parts[part], windows[part] = []store.Row{snapshot.ServicePlan{Tenant: msp, SKU: "sku", Plan: snapshot.PlanP2, Status: "Success"}}, store.Seen{State: store.Whole, Asked: hour(at)}
			}
			for _, l := range logs {
				k := key{l.kind, l.log}
				for range r.IntN(5) {
					since := r.IntN(at)
					until := min(at, since+1+r.IntN(60))
					part := snapshot.Part{Kind: l.kind, Scope: msp, Object: fmt.Sprintf("%s%d", map[bool]string{true: l.log + " "}[l.log != ""], since)}
					if _, taken := windows[part]; taken {
						continue
					}
					state := store.Whole
					if r.IntN(4) == 0 {
						state = string(snapshot.Failed)
					}
					parts[part], windows[part] = nil, store.Seen{State: state, Asked: hour(at), Since: hour(since), Until: hour(until)}
					if _, ok := first[k]; !ok || since < first[k] {
						first[k] = since
					}
					for h := since; state == store.Whole && h < until; h++ {
						if covered[k] == nil {
							covered[k], settled[k] = map[int]bool{}, map[int]bool{}
						}
						covered[k][h] = true
						settled[k][h] = settled[k][h] || h+lateHours < at
					}
				}
			}
			id := sealed(t, st, hour(at), parts, func(p snapshot.Part) store.Seen { return windows[p] })
			var want []snapshot.Hole
			for _, l := range logs {
				k := key{l.kind, l.log}
				for h := first[k]; covered[k] != nil && h < at; h++ {
					hole := snapshot.Hole{Kind: l.kind, Scope: msp, Log: l.log, Since: hour(h), Until: hour(h + 1), Closable: !covered[k][h] && h >= at-l.kept, Late: covered[k][h]}
					if hole.Late && (settled[k][h] || h >= at-l.kept) {
						continue
					}
					if n := len(want) - 1; n >= 0 && want[n].Kind == l.kind && want[n].Log == l.log && want[n].Until.Equal(hour(h)) && want[n].Closable == hole.Closable && want[n].Late == hole.Late {
						want[n].Until = hole.Until
					} else {
						want = append(want, hole)
					}
				}
			}
			slices.SortStableFunc(want, func(a, b snapshot.Hole) int { return cmp.Compare(a.Kind, b.Kind) })
			got, err := snapshot.LoadHoles(t.Context(), st.Read(), id)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("seed %d, hour %d: %v\ngot  %v\nwant %v", seed, at, err, got, want)
			}
		}
	}
}

func TestHolesOfNoSnapshot(t *testing.T) {
	if got, err := snapshot.LoadHoles(t.Context(), open(t).Read(), 7); err == nil {
		t.Errorf("holes of a snapshot that is not there: %v", got)
	}
}
