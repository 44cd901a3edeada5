package collectors_test

import (
	"bytes"
	"context"
	"flag"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// Measures of whole runs, against the bars that the README states. Each compares two
// things in one run: absolute figures of a shared machine wander.

func (l *lean) collect(t testing.TB, url, path string, m mode) collectors.Result {
	t.Helper()
	s, limits := openStore(t, path), graph.NoQuotas()
	if l.tenants == nil { // it is known that there is enough
		limits.Tenants, limits.Directory = 1e6, 1e6
	}
	r, err := collectors.Run(context.Background(), collectors.Options{Tenant: tenant, Client: newPatientClient(t, url, tenant, m, limits), Store: s,
		At: now, Now: atOnce, Kinds: leanKinds})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range r.Coverage {
		if c.State != snapshot.Complete && c.Reason != "left out by --kind" {
			t.Fatalf("%s is %s: %s", c.Kind, c.State, c.Reason)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return r
}

func (l *lean) start(t testing.TB) string {
	s := httptest.NewServer(l)
	t.Cleanup(s.Close)
	return s.URL
}

// P3: a snapshot makes at most 1.02 times the requests that the documentation makes
// necessary, in batches or not, where lists have more rows than one page holds.
func TestRequestsAreTheLeast(t *testing.T) {
	t.Parallel()
	l := &lean{customers: 350, assigned: 2, groups: 5, members: 1100, users: 1250}
	url := l.start(t)
	for _, batch := range []bool{false, true} {
		l.events = map[bool]int{false: 1001 * len(leanDays), true: len(leanDays)}[batch] // which leave one by one in either case
		l.collect(t, url, filepath.Join(t.TempDir(), "evidence.db"), mode{8, batch})
		if n, _, _ := l.counted(); n < float64(l.minimum()) || n > 1.02*float64(l.minimum()) {
			t.Errorf("batch %v: %v requests, the least are %d", batch, n, l.minimum())
		}
	}
}

// BenchmarkWall: P1, P2 and P3 over 500 customers, 300 groups of 30 and 2,000 users,
// at 50 ms and 8 requests at once, SQLite included.
//
//	P1-wall      time unbatched / (requests / 8 x 50 ms)           at most 1.3
//	P2-batch     time batched / time unbatched                     at most 0.25
//	P2-floor     time batched / (HTTP requests / 8 x 50 ms)        at most 2.5
//	P3-requests  requests / the least that the documentation lets  at most 1.02
//	P3-calls     HTTP requests of batches x 14 / that least of them      at most 1
func BenchmarkWall(b *testing.B) {
	l := smallMSP()
	url := l.start(b)
	var plain, batched, floor, requests, calls, least, alone float64
	const atOnce = 8
	for b.Loop() {
		begun := time.Now()
		l.collect(b, url, filepath.Join(b.TempDir(), "evidence.db"), mode{8, false})
		plain += time.Since(begun).Seconds()
		n, _, _ := l.counted()
		floor += n / atOnce * l.latency.Seconds()
		requests += n
		begun = time.Now()
		l.collect(b, url, filepath.Join(b.TempDir(), "evidence.db"), mode{8, true})
		batched += time.Since(begun).Seconds()
		n, http, _ := l.counted()
		requests, calls, least, alone = requests+n, calls+http, least+float64(l.minimum()), alone+float64(l.alone())
	}
	b.ReportMetric(plain/floor, "P1-wall")
	b.ReportMetric(batched/plain, "P2-batch")
	b.ReportMetric(batched/(calls/atOnce*l.latency.Seconds()), "P2-floor")
	b.ReportMetric(requests/2/least, "P3-requests")
	b.ReportMetric((calls-alone)*14/(least-alone), "P3-calls")
}

// TestCollectingChild is the process that the measures of memory and of resuming
// watch: with arguments it takes a snapshot. Without, there is nothing to test.
func TestCollectingChild(t *testing.T) {
	if flag.NArg() != 3 {
		return
	}
	batch, err := strconv.ParseBool(flag.Arg(2))
	if err != nil {
		t.Fatal(err)
	}
	(&lean{}).collect(t, flag.Arg(0), flag.Arg(1), mode{8, batch})
	sayHighWater(t)
}

func sayHighWater(t *testing.T) {
	if status, err := os.ReadFile("/proc/self/status"); err == nil {
		t.Logf("%s", highWater.Find(status))
	}
}

// highWater is where Linux says the most memory of a process. What its parent is told
// counts what the parent itself had when it made the process.
var highWater = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

func child(url, path string, batch bool) *exec.Cmd {
	return exec.Command(os.Args[0], "-test.v", "-test.run=^TestCollectingChild$", "-test.timeout=30m", "--", url, path, strconv.FormatBool(batch))
}

// finish runs a child to its end and gives the most memory that it had in use, in MB.
func finish(t testing.TB, c *exec.Cmd) float64 {
	t.Helper()
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, bytes.TrimSpace(out))
	}
	if said := highWater.FindSubmatch(out); said != nil {
		most, err := strconv.ParseFloat(string(said[1]), 64)
		if err != nil {
			t.Fatal(err)
		}
		return most * 1024 / 1e6
	}
	return peak(c.ProcessState)
}

// BenchmarkMemory: P5, the most memory of a process that takes a whole snapshot.
//
//	P5-growth  5,000 customers / 500 customers, all else equal   at most 1.5
//	P5-big-MB  5,000 customers, 20,000 access assignments, 2,000
//	           people, 1 million events                          under 300
func BenchmarkMemory(b *testing.B) {
	peakOf := func(l *lean) float64 {
		return finish(b, child(l.start(b), filepath.Join(b.TempDir(), "evidence.db"), true))
	}
	var growth, big float64
	for b.Loop() {
		few, many := smallMSP(), smallMSP()
		few.latency, many.latency = 0, 0
		many.customers = 5000
		growth += peakOf(many) / peakOf(few)
		big += peakOf(bigMSP())
	}
	b.ReportMetric(growth/float64(b.N), "P5-growth")
	b.ReportMetric(big/float64(b.N), "P5-big-MB")
}

// BenchmarkQuota: P7, a server with quotas that the client was not told of and that
// come without warning: buckets of requests for relationships that fill up by 50 a
// second, as Microsoft's of 1,000 does, and of 500 resource units that fill up by 100.
//
//	P7-wall     time / what quota and latency need   at most 1.15
//	P7-refused  refused of all requests              at most 0.02
func BenchmarkQuota(b *testing.B) {
	for _, m := range []struct {
		name string
		mode
		tenants float64
	}{{"plain", mode{8, false}, 1000}, {"batch", mode{8, true}, 1000}, {"plain-of-100", mode{8, false}, 100}, {"batch-of-100", mode{8, true}, 100}} {
		b.Run(m.name, func(b *testing.B) {
			l := smallMSP()
			url := l.start(b)
			var took, least, refusals, requests float64
			for b.Loop() {
				l.tenants, l.directory = &quota{size: m.tenants, rate: 50}, &quota{size: 500, rate: 100}
				begun := time.Now()
				l.collect(b, url, filepath.Join(b.TempDir(), "evidence.db"), m.mode)
				took += time.Since(begun).Seconds()
				n, calls, refused := l.counted()
				tenants := float64(l.customers + 2*((l.customers+299)/300))
				units := n - refused - tenants + float64(l.groups+(l.users+119)/120) // 2 of members and users
				least += max(0, tenants-l.tenants.size)/l.tenants.rate + max(0, units-l.directory.size)/l.directory.rate + calls/8*l.latency.Seconds()
				refusals, requests = refusals+refused, requests+n
			}
			b.ReportMetric(took/least, "P7-wall")
			b.ReportMetric(refusals/requests, "P7-refused")
		})
	}
}

// held is what the one snapshot of a database holds, with its seal.
func held(t testing.TB, path string) (string, map[store.Part][]string) {
	t.Helper()
	s := openStore(t, path)
	defer s.Close()
	expectWhole(t, s)
	return column[string](t, s, `SELECT hash FROM sealed_snapshot`)[0], facts(t, s, 1, "fact", "log", "derived")
}

// BenchmarkResume: P8, a process killed when half of the requests have been made, and
// the next one that goes on. It seals the same facts as one that nobody disturbed.
//
//	P8-again  requests of the second / of a run that nobody disturbed   at most 0.6
func BenchmarkResume(b *testing.B) {
	for _, batch := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "batch"}[batch], func(b *testing.B) {
			l := smallMSP()
			l.latency = 5 * time.Millisecond
			url := l.start(b)
			var whole, again float64
			for b.Loop() {
				undisturbed, path := filepath.Join(b.TempDir(), "evidence.db"), filepath.Join(b.TempDir(), "evidence.db")
				finish(b, child(url, undisturbed, batch))
				n, _, _ := l.counted()
				whole += n
				half := make(chan struct{})
				l.arrived = func(i int64) {
					if i == int64(n/2) {
						close(half)
					}
				}
				c := child(url, path, batch)
				if err := c.Start(); err != nil {
					b.Fatal(err)
				}
				<-half
				if err := c.Process.Kill(); err != nil {
					b.Fatal(err)
				}
				if err := c.Wait(); err == nil {
					b.Fatal("the child ended before it was killed")
				}
				l.arrived = nil
				l.counted()
				finish(b, child(url, path, batch))
				n, _, _ = l.counted()
				again += n
				want, truth := held(b, undisturbed)
				if seal, got := held(b, path); seal != want || !equalFacts(got, truth) {
					b.Errorf("the resumed run sealed %s, the undisturbed one %s", seal, want)
				}
			}
			b.ReportMetric(again/whole, "P8-again")
		})
	}
}
