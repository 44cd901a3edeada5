package snapshot_test

import (
	"testing"
	"time"
	_ "time/tzdata"

	"countersign/collectors/snapshot"
)

func TestQuartersInEveryZone(t *testing.T) {
	for _, c := range []struct {
		zone, at     string
		start        int
		name         string
		since, until string
	}{
		{"UTC", "2024-02-29T12:00:00Z", 1, "2024-Q1", "2024-01-01T00:00:00Z", "2024-04-01T00:00:00Z"},
		{"Europe/Berlin", "2026-03-31T21:59:59Z", 1, "2026-Q1", "2025-12-31T23:00:00Z", "2026-03-31T22:00:00Z"},
		{"Europe/Berlin", "2026-03-31T22:00:00Z", 1, "2026-Q2", "2026-03-31T22:00:00Z", "2026-06-30T22:00:00Z"},
		{"America/New_York", "2026-01-01T04:59:59Z", 1, "2025-Q4", "2025-10-01T04:00:00Z", "2026-01-01T05:00:00Z"},
		{"Australia/Lord_Howe", "2026-05-01T00:00:00Z", 1, "2026-Q2", "2026-03-31T13:00:00Z", "2026-06-30T13:30:00Z"},
		{"Pacific/Apia", "2011-12-31T12:00:00Z", 1, "2012-Q1", "2011-12-31T10:00:00Z", "2012-03-31T10:00:00Z"},
		{"UTC", "2026-02-15T00:00:00Z", 7, "2025-Q3", "2026-01-01T00:00:00Z", "2026-04-01T00:00:00Z"},
		{"UTC", "2026-01-15T00:00:00Z", 2, "2025-Q4", "2025-11-01T00:00:00Z", "2026-02-01T00:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		at, err := time.Parse(time.RFC3339, c.at)
		if err != nil {
			t.Fatal(err)
		}
		p := snapshot.Quarter(at, zone, c.start)
		since, until := p.Since.UTC().Format(time.RFC3339), p.Until.UTC().Format(time.RFC3339)
		if p.Name != c.name || since != c.since || until != c.until {
			t.Errorf("%s at %s: got %s [%s, %s), want %s [%s, %s)", c.zone, c.at, p.Name, since, until, c.name, c.since, c.until)
		}
		again, err := snapshot.ParsePeriod(p.Name, zone, c.start)
		if err != nil || again.Name != p.Name || !again.Since.Equal(p.Since) || !again.Until.Equal(p.Until) {
			t.Errorf("%s read back: %v, %v", p.Name, again, err)
		}
	}
}

// TestQuartersTileTime: no gap, no overlap, whatever the zone and the fiscal year.
func TestQuartersTileTime(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for start := 1; start <= 12; start++ {
			p := snapshot.Quarter(time.Date(2027, 1, 1, 0, 0, 0, 0, zone), zone, start)
			for range 80 {
				q := p.Before(start)
				if !q.Until.Equal(p.Since) || q.Name == p.Name || !q.Contains(p.Since.Add(-time.Second)) || q.Contains(p.Since) {
					t.Fatalf("%s, year from month %d: %v is followed by %v", name, start, q, p)
				}
				p = q
			}
		}
	}
}

func TestParsePeriodRefuses(t *testing.T) {
	for _, bad := range []string{"", "2026", "2026-Q5", "2026-Q0", "26-Q1", "Q1-2026", "2026-Q1x"} {
		if p, err := snapshot.ParsePeriod(bad, time.UTC, 1); err == nil {
			t.Errorf("%q was read as %v", bad, p)
		}
	}
}
