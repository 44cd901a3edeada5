package config

import (
	"errors"
	"regexp"
	"strconv"
	"time"
)

// Span is a length of calendar or clock time as people write it: 7y, 18mo, 4w,
// 90d, 72h, 30m. The zero value means none.
type Span struct {
	Years, Months, Days int
	Clock               time.Duration
}

var spanForm = regexp.MustCompile(`^([1-9]\d{0,4})(y|mo|w|d|h|m)$`)

// UnmarshalText reads one number with one unit.
func (s *Span) UnmarshalText(text []byte) error {
	m := spanForm.FindStringSubmatch(string(text))
	if m == nil {
		return errors.New("is not a length of time; write a number and a unit, such as 72h, 90d, 4w, 18mo or 7y")
	}
	n, _ := strconv.Atoi(m[1]) // the pattern holds digits only
	switch m[2] {
	case "y":
		*s = Span{Years: n}
	case "mo":
		*s = Span{Months: n}
	case "w":
		*s = Span{Days: 7 * n}
	case "d":
		*s = Span{Days: n}
	case "h":
		*s = Span{Clock: time.Duration(n) * time.Hour}
	case "m":
		*s = Span{Clock: time.Duration(n) * time.Minute}
	}
	return nil
}

// String writes the span as UnmarshalText reads it.
func (s Span) String() string {
	switch {
	case s.Years != 0:
		return strconv.Itoa(s.Years) + "y"
	case s.Months != 0:
		return strconv.Itoa(s.Months) + "mo"
	case s.Clock != 0 && s.Clock%time.Hour == 0:
		return strconv.Itoa(int(s.Clock/time.Hour)) + "h"
	case s.Clock != 0:
		return strconv.Itoa(int(s.Clock/time.Minute)) + "m"
	}
	return strconv.Itoa(s.Days) + "d"
}

// MarshalText writes the span for Print and JSON.
func (s Span) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Before is the instant that lies the span before at, by at's calendar.
func (s Span) Before(at time.Time) time.Time {
	return at.AddDate(-s.Years, -s.Months, -s.Days).Add(-s.Clock)
}
