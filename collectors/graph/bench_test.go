package graph_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jonboulle/clockwork"

	"countersign/collectors/graph"
)

// BenchmarkCollect asks 300 lists of 30 members of a server that takes 5 ms, as a
// collector does, against a bare net/http loop with as many requests in flight.
// ratio = our time by the bare one's, measured in turn in the same run.
func BenchmarkCollect(b *testing.B) {
	const lists, inFlight = 300, 8
	var row []string
	for i := range 30 {
		row = append(row, fmt.Sprintf(`{"id":"%036d","displayName":"Person %d","userPrincipalName":"p%d@msp.example","accountEnabled":true}`, i, i, i))
	}
	body := `{"value":[` + strings.Join(row, ",") + `]}`
	var calls, parts atomic.Int64
	answer := batches(b, &calls, &parts, func(string) *inner { return &inner{200, nil, body} })
	s := serve(b, func(w http.ResponseWriter, r *http.Request) {
		late := time.NewTimer(5 * time.Millisecond)
		<-late.C
		answer(w, r)
	})
	bare := func() {
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: inFlight}}
		defer client.CloseIdleConnections()
		var next atomic.Int64
		var all sync.WaitGroup
		for range inFlight {
			all.Go(func() {
				for i := next.Add(1); i <= lists; i = next.Add(1) {
					resp, err := client.Get(s.URL + member(int(i)))
					if err != nil {
						b.Error(err)
						return
					}
					io.Copy(io.Discard, resp.Body)
					resp.Body.Close()
				}
			})
		}
		all.Wait()
	}
	for _, batch := range []bool{false, true} {
		b.Run(fmt.Sprintf("batch=%v", batch), func(b *testing.B) {
			c := s.client(b, func(o *graph.Options) { o.Concurrency, o.Batch = inFlight, batch })
			var mine, theirs time.Duration
			for b.Loop() {
				b.StopTimer()
				theirs += elapsed(bare)
				b.StartTimer()
				mine += elapsed(func() {
					c.Together(b.Context(), lists, func(ctx context.Context, i int) {
						if err := c.EachPage(ctx, member(i), func(graph.Page) error { return nil }); err != nil {
							b.Error(err)
						}
					})
				})
			}
			b.ReportMetric(float64(mine)/float64(theirs), "ratio")
		})
	}
}

func elapsed(do func()) time.Duration {
	clock := clockwork.NewRealClock()
	begun := clock.Now()
	do()
	return clock.Since(begun)
}
