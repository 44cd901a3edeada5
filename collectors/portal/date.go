package portal

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// order is how a file writes a day and a month that are numbers both.
type order int

const (
	undecided  order = iota
	dayFirst         // 18/8/2026
	monthFirst       // 8/18/2026
)

// The portals write a time in ISO 8601, or as the browser's language does:
// "1/31/2026, 3:04:05 PM", "31.01.2026 15:04:05", "2026/01/31 15:04".
var (
	datePattern  = regexp.MustCompile(`^(\d{1,4})([-/.])(\d{1,2})([-/.])(\d{1,4})(?:[T, ]\s*(.*))?$`)
	clockPattern = regexp.MustCompile(`(?i)^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,9})?)? ?(am|pm)?$`)
)

// moment is a time as it is written: which of two numbers is the day may be open.
type moment struct {
	year, first, second int // first and second: day and month, or the other way round
	order               order
	clock               string
}

// written takes a time apart. A text that is none gives false.
func written(text string) (moment, bool) {
	text = strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) { // browsers put a narrow no-break space before PM
			return ' '
		}
		return r
	}, strings.TrimSpace(text))
	m := datePattern.FindStringSubmatch(text)
	if m == nil || m[2] != m[4] {
		return moment{}, false
	}
	a, _ := strconv.Atoi(m[1]) // digits, by the pattern
	b, _ := strconv.Atoi(m[3])
	c, _ := strconv.Atoi(m[5])
	clock := strings.TrimSpace(m[6])
	switch {
	case len(m[1]) == 4 && len(m[5]) <= 2:
		return moment{a, b, c, monthFirst, clock}, true
	case len(m[5]) != 4 || len(m[1]) > 2:
		return moment{}, false
	case m[2] == ".":
		return moment{c, a, b, dayFirst, clock}, true
	}
	return moment{c, a, b, undecided, clock}, true
}

// tells is the order that a date shows by itself.
func (m moment) tells() order {
	switch {
	case m.order != undecided:
		return undecided // nothing of the others in the file
	case m.first > 12:
		return dayFirst
	case m.second > 12:
		return monthFirst
	}
	return undecided
}

// open reports that the date means two different days.
func (m moment) open() bool {
	return m.order == undecided && m.first <= 12 && m.second <= 12 && m.first != m.second
}

// in gives the instant, by the order of the file.
func (m moment) in(file order) (time.Time, bool) {
	if m.order != undecided {
		file = m.order
	}
	month, day := m.first, m.second
	if file == dayFirst {
		month, day = day, month
	}
	date := fmt.Sprintf("%04d-%02d-%02d", m.year, month, day)
	if t, err := time.Parse(time.RFC3339Nano, date+"T"+m.clock); err == nil {
		return t.UTC(), true
	}
	hour, minute, second := 0, 0, 0
	if m.clock != "" {
		c := clockPattern.FindStringSubmatch(m.clock)
		if c == nil {
			return time.Time{}, false
		}
		hour, _ = strconv.Atoi(c[1])
		minute, _ = strconv.Atoi(c[2])
		second, _ = strconv.Atoi(c[3])
		if c[4] != "" {
			if hour < 1 || hour > 12 {
				return time.Time{}, false
			}
			hour %= 12
			if strings.EqualFold(c[4], "pm") {
				hour += 12
			}
		}
	}
	t, err := time.Parse(time.DateTime, fmt.Sprintf("%s %02d:%02d:%02d", date, hour, minute, second))
	return t, err == nil
}
