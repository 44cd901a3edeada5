package scheduled

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/go-co-op/gocron/v2"
)

// Cron is a cron expression of five fields, by the wall clock of a time zone. It
// is computed on the wall clock and placed in the zone afterwards: a time that
// the clock skips in spring runs right after the gap, one that comes twice in
// autumn runs once.
type Cron struct {
	text string
	zone *time.Location
	wall gocron.Cron
}

// fiveFields is what a cron expression may be written in. The library takes zones
// and words beside it, and breaks off on some of them.
var fiveFields = regexp.MustCompile(`^[0-9A-Za-z*/,-]+( [0-9A-Za-z*/,-]+){4}$`)

// ParseCron reads a cron expression.
func ParseCron(text string, zone *time.Location) (Cron, error) {
	c := Cron{text: strings.Join(strings.Fields(text), " "), zone: zone, wall: gocron.NewDefaultCron(false)}
	err := errors.New("it has other fields or signs")
	if fiveFields.MatchString(c.text) {
		err = c.wall.IsValid(c.text, time.UTC, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
	}
	if err != nil {
		return Cron{}, fmt.Errorf("schedule %q is not a cron expression of five fields, such as \"0 4 * * *\": %w", text, err)
	}
	return c, nil
}

// Next is the first window after the instant.
func (c Cron) Next(after time.Time) time.Time {
	l := after.In(c.zone)
	wall := time.Date(l.Year(), l.Month(), l.Day(), l.Hour(), l.Minute(), l.Second(), l.Nanosecond(), time.UTC)
	for {
		wall = c.wall.Next(wall)
		at := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), 0, 0, c.zone)
		if at.After(after) {
			return at
		}
	}
}

// IsValid makes a Cron what gocron takes as its own cron implementation; it was
// parsed already.
func (c Cron) IsValid(string, *time.Location, time.Time) error { return nil }

// Latest is the last window at or before the instant, within the last five
// years; the zero time when there is none.
func (c Cron) Latest(at time.Time) time.Time {
	const day = 24 * time.Hour
	for _, back := range []time.Duration{time.Hour, day, 8 * day, 32 * day, 100 * day, 400 * day, 5 * 366 * day} {
		var latest time.Time
		for next := c.Next(at.Add(-back)); !next.After(at); next = c.Next(next) {
			latest = next
		}
		if !latest.IsZero() {
			return latest
		}
	}
	return time.Time{}
}
