package collectors_test

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/fixtures"
)

// BenchmarkRun measures a whole run against a fake Graph that answers after 5 ms,
// beside a bare client that asks the same and throws the answers away: "ratio" is
// the first by the second.
func BenchmarkRun(b *testing.B) {
	for _, m := range []struct {
		name string
		mode
	}{{"plain", mode{8, false}}, {"batch", mode{8, true}}} {
		b.Run(m.name, func(b *testing.B) {
			w := newWorld(b, fixtures.ServerOptions{PageSize: 1000, Latency: 5 * time.Millisecond})
			var collected, bare time.Duration
			for b.Loop() {
				w.store = openStore(b, filepath.Join(b.TempDir(), "evidence.db"))
				from := len(w.server.Journal())
				begin := time.Now()
				if _, err := collectors.Run(context.Background(), w.options(m.mode)); err != nil {
					b.Fatal(err)
				}
				collected += time.Since(begin)
				lists := firstPages(w.server.Journal()[from:])
				client := newClient(b, w.url, w.msp.Tenant(), m.mode)
				begin = time.Now()
				client.Together(context.Background(), len(lists), func(ctx context.Context, i int) {
					_ = client.EachPage(ctx, lists[i], func(graph.Page) error { return nil })
				})
				bare += time.Since(begin)
			}
			b.ReportMetric(collected.Seconds()/bare.Seconds(), "ratio")
		})
	}
}

// firstPages are the lists that a journal shows.
func firstPages(journal []fixtures.Request) []string {
	var out []string
	for _, r := range journal {
		for _, part := range append(r.Batch, r) {
			values, err := url.ParseQuery(part.Query)
			if err == nil && part.Method == "GET" && !values.Has("$skiptoken") {
				out = append(out, strings.TrimSuffix((&url.URL{Path: part.Path}).EscapedPath()+"?"+part.Query, "?"))
			}
		}
	}
	return out
}

// BenchmarkUnchangedDay measures a second day on which nothing changed beside the
// first day, requests included: "ratio" is the second by the first.
func BenchmarkUnchangedDay(b *testing.B) {
	w := newWorld(b, fixtures.ServerOptions{PageSize: 1000})
	var first, second time.Duration
	for b.Loop() {
		w.store = openStore(b, filepath.Join(b.TempDir(), "evidence.db"))
		begin := time.Now()
		w.run()
		first += time.Since(begin)
		begin = time.Now()
		w.run()
		second += time.Since(begin)
	}
	b.ReportMetric(second.Seconds()/first.Seconds(), "ratio")
}
