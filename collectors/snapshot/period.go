package snapshot

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Period is a calendar or fiscal quarter in the MSP's time zone: half open,
// [Since, Until).
type Period struct {
	Name         string // 2026-Q3
	Since, Until time.Time
}

// Quarter is the period that holds the instant, in the zone, for fiscal years
// that begin in the month start (1 to 12). A fiscal year is named after the
// calendar year in which it begins.
func Quarter(at time.Time, zone *time.Location, start int) Period {
	local := at.In(zone)
	months := (int(local.Month()) - start + 12) % 12
	first := time.Date(local.Year(), local.Month()-time.Month(months%3), 1, 0, 0, 0, 0, zone)
	year := local.Year()
	if int(local.Month()) < start {
		year--
	}
	return Period{
		Name:  fmt.Sprintf("%d-Q%d", year, months/3+1),
		Since: first,
		Until: time.Date(first.Year(), first.Month()+3, 1, 0, 0, 0, 0, zone),
	}
}

// Before is the quarter that ends where this one begins.
func (p Period) Before(start int) Period {
	return Quarter(p.Since.Add(-time.Second), p.Since.Location(), start)
}

// ParsePeriod reads a period's name, such as 2026-Q3.
func ParsePeriod(name string, zone *time.Location, start int) (Period, error) {
	year, quarter, ok := strings.Cut(strings.ToUpper(name), "-Q")
	y, errYear := strconv.Atoi(year)
	q, errQuarter := strconv.Atoi(quarter)
	if !ok || errYear != nil || errQuarter != nil || y < 2000 || y > 2200 || q < 1 || q > 4 {
		return Period{}, fmt.Errorf("period %q is not of the form 2026-Q3", name)
	}
	return Quarter(time.Date(y, time.Month(start+3*(q-1)), 15, 12, 0, 0, 0, zone), zone, start), nil
}

// Contains reports whether the instant lies in the period.
func (p Period) Contains(at time.Time) bool { return !at.Before(p.Since) && at.Before(p.Until) }
