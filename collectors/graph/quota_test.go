package graph_test

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors/graph"
)

// bucket is a server's quota: it holds so many requests and fills up at a rate. A
// refusal says, in whole seconds, when one more fits in.
type bucket struct {
	size, rate float64 // rate: a second
	warns      bool    // from 0.8 on

	mu       sync.Mutex
	gone     float64
	last     time.Time
	refusals int
}

func (b *bucket) take() *inner {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	b.gone, b.last = max(0, b.gone-b.rate*now.Sub(b.last).Seconds()), now
	if b.gone+1 > b.size {
		b.refusals++
		return &inner{429, map[string]string{"Retry-After": fmt.Sprint(math.Ceil((b.gone + 1 - b.size) / b.rate))}, `{"error":{"code":"TooManyRequests"}}`}
	}
	b.gone++
	a := page("x")
	if used := b.gone / b.size; b.warns && used >= 0.8 {
		a.headers = map[string]string{"x-ms-throttle-limit-percentage": fmt.Sprint(used)}
	}
	return a
}

// P7: of a quota that the client does not know, at most 2 % of the requests are
// refused and the whole takes at most 1.15 times as long as quota and latency need
// by themselves, at 50 ms and 8 requests at once.
func TestQuotaIsLearned(t *testing.T) {
	for _, f := range []struct {
		name       string
		size, rate float64
		n          int
	}{{"500 in 10 s", 500, 50, 6000}, {"1000 in 20 s", 1000, 50, 6000}, {"120 a minute", 120, 2, 2000}} {
		for mode := range 4 {
			batch, warns := mode&1 > 0, mode&2 > 0
			t.Run(fmt.Sprintf("%s batch=%v warns=%v", f.name, batch, warns), func(t *testing.T) {
				t.Parallel()
				var calls, parts atomic.Int64
				b := &bucket{size: f.size, rate: f.rate, warns: warns}
				const latency = 50 * time.Millisecond
				simulated(t, latency, batches(t, &calls, &parts, func(string) *inner { return b.take() }), func(t *testing.T, c *graph.Client) {
					begun := time.Now()
					_, errs := together(t.Context(), c, f.n, member)
					if err := errors.Join(errs...); err != nil {
						t.Fatal(err)
					}
					least := (float64(f.n)-f.size)/f.rate + float64(f.n)/8*latency.Seconds()
					if batch {
						least -= float64(f.n) / 8 * latency.Seconds() * 19 / 20
					}
					refused, took := float64(b.refusals)/float64(f.n), time.Since(begun).Seconds()/least
					t.Logf("%.1f %% refused, %.2f of the least time, %d calls", refused*100, took, calls.Load())
					if refused > 0.02 || took > 1.15 {
						t.Error("more than 2 % refused, or more than 1.15 of the least time")
					}
				}, func(o *graph.Options) { o.Batch = batch })
			})
		}
	}
}

// Refusals that do not come from asking too fast cost what the server says, and no
// more: a tenth of it at most.
func TestRefusalsOfAnotherCause(t *testing.T) {
	for _, batch := range []bool{false, true} {
		var n, calls, parts atomic.Int64
		say := batches(t, &calls, &parts, func(string) *inner {
			if n.Add(1)%20 == 0 {
				return &inner{429, map[string]string{"Retry-After": "10"}, `{"error":{"code":"x"}}`}
			}
			return page("x")
		})
		simulated(t, 50*time.Millisecond, say, func(t *testing.T, c *graph.Client) {
			begun := time.Now()
			_, errs := together(t.Context(), c, 1000, member)
			took, events := time.Since(begun).Seconds(), float64(n.Load()/20)
			if err := errors.Join(errs...); err != nil || took > 1.1*10*events {
				t.Errorf("%.0f s for %.0f refusals of 10 s, %v", took, events, err)
			}
		}, func(o *graph.Options) { o.Batch = batch })
	}
}

// The published quotas are kept however the server counts: here no more than so many
// units in any period, and nothing is refused.
func TestPublishedQuotas(t *testing.T) {
	for _, f := range []struct {
		path    string
		service graph.Service
		units   int
		most    int
		period  time.Duration
	}{
		{"/v1.0/tenantRelationships/delegatedAdminRelationships/%d/accessAssignments", graph.MicrosoftGraph, 1, 1000, 20 * time.Second},
		{"/v1.0/groups/%d/members", graph.MicrosoftGraph, 3, 3500, 10 * time.Second},
		{"/v1.0/groups/%d/members?$select=id", graph.MicrosoftGraph, 2, 3500, 10 * time.Second},
		{"/v1/customers/%d/x", graph.PartnerCenter, 1, 500, time.Minute},
	} {
		t.Run(f.path, func(t *testing.T) {
			t.Parallel()
			var calls, parts atomic.Int64
			var mu sync.Mutex
			var at []time.Time
			say := batches(t, &calls, &parts, func(string) *inner {
				mu.Lock()
				defer mu.Unlock()
				at = append(at, time.Now())
				return &inner{200, nil, `{"value":[],"items":[]}`}
			})
			simulated(t, 50*time.Millisecond, say, func(t *testing.T, c *graph.Client) {
				begun := time.Now()
				_, errs := together(t.Context(), c, 3*f.most/f.units, func(i int) string { return fmt.Sprintf(f.path, i) })
				if err := errors.Join(errs...); err != nil {
					t.Fatal(err)
				}
				in := f.most/f.units + 1
				for i := in - 1; i < len(at); i++ {
					if gap := at[i].Sub(at[i-in+1]); gap < f.period {
						t.Fatalf("%d units in %v", in*f.units, gap)
					}
				}
				if took := time.Since(begun); took > 4*f.period || took < 2*f.period {
					t.Errorf("took %v", took)
				}
			}, func(o *graph.Options) {
				o.Batch, o.Limits, o.Service = true, graph.Limits{}, f.service
				o.Endpoints.PartnerCenter = o.Endpoints.Graph
			})
		})
	}
}

func (s step) ServeHTTP(w http.ResponseWriter, r *http.Request) { s(w, r) }
