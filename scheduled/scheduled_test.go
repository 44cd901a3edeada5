package scheduled_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"countersign/collectors/store"
	"countersign/scheduled"

	"github.com/jonboulle/clockwork"
)

func load(t *testing.T, zone string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func parse(t *testing.T, text string, zone *time.Location) scheduled.Cron {
	t.Helper()
	c, err := scheduled.ParseCron(text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func instant(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestWindowsAcrossClockChanges(t *testing.T) {
	for _, c := range []struct{ zone, cron, after, want string }{
		{"Europe/Berlin", "0 4 * * *", "2026-03-31T02:00:00Z", "2026-04-01T02:00:00Z"},
		{"Europe/Berlin", "30 2 * * *", "2026-03-28T12:00:00Z", "2026-03-29T01:30:00Z"}, // 02:30 does not exist: 03:30 summer time
		{"Europe/Berlin", "30 2 * * *", "2026-03-29T01:30:00Z", "2026-03-30T00:30:00Z"},
		{"Europe/Berlin", "30 2 * * *", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}, // 02:30 comes twice, runs once
		{"America/New_York", "0 6 1 1,4,7,10 *", "2026-07-15T00:00:00Z", "2026-10-01T10:00:00Z"},
		{"Pacific/Apia", "0 4 * * *", "2011-12-29T20:00:00Z", "2011-12-30T14:00:00Z"}, // 30 December did not exist there
		{"UTC", "0 0 29 2 *", "2025-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
	} {
		got := parse(t, c.cron, load(t, c.zone)).Next(instant(t, c.after)).UTC().Format(time.RFC3339)
		if got != c.want {
			t.Errorf("%s in %s after %s: got %s, want %s", c.cron, c.zone, c.after, got, c.want)
		}
	}
}

func TestParseCronRefuses(t *testing.T) {
	for _, bad := range []string{"", "daily", "0 4 * *", "61 * * * *", "0 0 30 2 *", "TZ=", "TZ=UTC 0 4 * * *", "@daily"} {
		if _, err := scheduled.ParseCron(bad, time.UTC); err == nil || !strings.Contains(err.Error(), "five fields") {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func FuzzParseCron(f *testing.F) {
	for _, seed := range []string{"0 4 * * *", "*/5 1-3 1,15 * MON", "@daily", "TZ=Mars 0 0 * * *"} {
		f.Add(seed)
	}
	at := time.Date(2026, 3, 28, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		c, err := scheduled.ParseCron(text, time.UTC)
		if err == nil && !c.Next(at).After(at) {
			t.Errorf("%q: the next window is not after the instant", text)
		}
	})
}

func open(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "a.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

// diary is a set of jobs that write down when they ran.
type diary struct {
	ran  []string
	fail map[string]bool
}

func (d *diary) run(_ context.Context, w scheduled.Window) (scheduled.Result, error) {
	if d.fail[w.Job] {
		return scheduled.Result{}, errors.New("tenant not reachable")
	}
	d.ran = append(d.ran, w.Job+" "+w.Due.UTC().Format("01-02T15"))
	return scheduled.Result{Note: "fine"}, nil
}

func (d *diary) jobs(t *testing.T) []scheduled.Job {
	berlin := load(t, "Europe/Berlin")
	daily, quarterly := parse(t, "0 4 * * *", berlin), parse(t, "0 6 1 1,4,7,10 *", berlin)
	return []scheduled.Job{
		scheduled.Collect(daily, 72*time.Hour, d.run), scheduled.Check(daily, 72*time.Hour, d.run),
		scheduled.Campaign(quarterly, d.run), scheduled.Summaries(quarterly, d.run),
	}
}

func (d *diary) tick(t *testing.T, st *store.Store, at string) []scheduled.Outcome {
	t.Helper()
	d.ran = nil
	out, err := scheduled.RunDue(t.Context(), st, d.jobs(t), instant(t, at))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (d *diary) want(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(d.ran, ", "); got != want {
		t.Errorf("ran %q, want %q", got, want)
	}
}

func TestEachWindowRunsOnceInOrder(t *testing.T) {
	st, d := open(t), &diary{}
	d.tick(t, st, "2026-11-22T10:00:00Z")
	d.want(t, "collect 11-22T03, campaign 10-01T04, summaries 10-01T04, check 11-22T03")
	d.tick(t, st, "2026-11-22T10:00:01Z")
	d.want(t, "")
	d.tick(t, st, "2026-11-23T03:00:00Z")
	d.want(t, "collect 11-23T03, check 11-23T03")
	d.tick(t, st, "2026-11-23T02:00:00Z") // the clock was set back
	d.want(t, "")
}

func TestDowntimeOverAQuarter(t *testing.T) {
	st, d := open(t), &diary{}
	d.tick(t, st, "2026-11-22T10:00:00Z")
	out := d.tick(t, st, "2027-01-02T10:00:00Z") // 41 days later
	d.want(t, "collect 12-31T03, collect 01-01T03, collect 01-02T03, check 12-31T03, check 01-01T03, campaign 01-01T05, summaries 01-01T05, check 01-02T03")
	missed := 0
	for _, o := range out {
		if o.State == scheduled.Missed {
			missed++
		}
	}
	if missed != 2*38 {
		t.Errorf("%d windows are recorded as missed, want 76", missed)
	}
	d.tick(t, st, "2027-01-02T10:00:01Z")
	d.want(t, "")
}

func TestAFailedWindowIsTriedAgainAndKeepsItsPlace(t *testing.T) {
	st, d := open(t), &diary{}
	d.tick(t, st, "2026-11-22T10:00:00Z")
	d.fail = map[string]bool{"collect": true}
	out := d.tick(t, st, "2026-11-24T10:00:00Z")
	d.want(t, "check 11-23T03, check 11-24T03")
	if len(out) != 3 || out[0].State != scheduled.Failed || out[0].Note != "tenant not reachable" {
		t.Errorf("got %+v", out)
	}
	d.fail = nil
	d.tick(t, st, "2026-11-24T10:15:00Z")
	d.want(t, "collect 11-23T03, collect 11-24T03")
	var tries int
	if err := st.Read().Get(&tries, `SELECT tries FROM schedule_window WHERE job = 'collect' AND due = '2026-11-23T03:00:00Z'`); err != nil || tries != 2 {
		t.Errorf("got %d tries, %v", tries, err)
	}
}

func TestNextTellsWhatComes(t *testing.T) {
	st, d := open(t), &diary{}
	d.tick(t, st, "2026-11-22T10:00:00Z")
	next, err := scheduled.Next(t.Context(), st, d.jobs(t), instant(t, "2026-11-22T11:00:00Z"))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range next {
		got = append(got, fmt.Sprint(w.Job, " ", w.Due.UTC().Format("2006-01-02T15")))
	}
	if s := strings.Join(got, ", "); s != "collect 2026-11-23T03, check 2026-11-23T03, campaign 2027-01-01T05, summaries 2027-01-01T05" {
		t.Error(s)
	}
}

func TestDaemonTicksAtStartAtWindowsAndEnds(t *testing.T) {
	clock := clockwork.NewFakeClockAt(instant(t, "2026-11-22T02:55:00Z"))
	ctx, stop := context.WithCancel(t.Context())
	ticks, ended := make(chan time.Time, 10), make(chan error, 1)
	d := &diary{}
	go func() {
		ended <- scheduled.Serve(ctx, clock, load(t, "Europe/Berlin"), d.jobs(t)[:1], slog.New(slog.DiscardHandler), func(context.Context) { ticks <- clock.Now() })
	}()
	if at := <-ticks; !at.Equal(instant(t, "2026-11-22T02:55:00Z")) {
		t.Errorf("the first tick came at %s", at)
	}
	if err := clock.BlockUntilContext(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	clock.Advance(5 * time.Minute)
	if at := <-ticks; !at.Equal(instant(t, "2026-11-22T03:00:00Z")) {
		t.Errorf("the window's tick came at %s", at)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
