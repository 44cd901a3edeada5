package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

var scheduleWords = []string{"daily", "weekly", "monthly", "quarterly"}

// cronFields are the five fields with their bounds and the names allowed for numbers.
var cronFields = []struct {
	name     string
	min, max int
	words    []string // of min, min+1, ...
}{
	{"minute", 0, 59, nil},
	{"hour", 0, 23, nil},
	{"day of the month", 1, 31, nil},
	{"month", 1, 12, strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec")},
	{"day of the week", 0, 6, strings.Fields("sun mon tue wed thu fri sat")},
}

// checkSchedule accepts the words and cron expressions of five fields: numbers,
// names, *, ranges with -, steps with /, lists with commas.
func checkSchedule(text string) error {
	if slices.Contains(scheduleWords, text) {
		return nil
	}
	fields := strings.Fields(text)
	if len(fields) != len(cronFields) {
		return errors.New(`is not daily, weekly, monthly, quarterly or five cron fields such as "0 4 * * *"`)
	}
	for i, f := range cronFields {
		number := func(s string) (int, bool) {
			if at := slices.Index(f.words, strings.ToLower(s)); at >= 0 {
				return f.min + at, true
			}
			n, err := strconv.ParseUint(s, 10, 8)
			return int(n), err == nil && int(n) >= f.min && int(n) <= f.max
		}
		for part := range strings.SplitSeq(fields[i], ",") {
			span, step, stepped := strings.Cut(part, "/")
			from, to, ranged := strings.Cut(span, "-")
			low, good := number(from)
			good = good || span == "*"
			if ranged {
				high, ok := number(to)
				good = good && ok && low <= high
			}
			if stepped {
				n, err := strconv.ParseUint(step, 10, 8)
				good = good && err == nil && n >= 1 && int(n) <= f.max
			}
			if !good {
				return fmt.Errorf("is not a schedule: its %s %s is not within %d to %d", f.name, quote(fields[i]), f.min, f.max)
			}
		}
	}
	return nil
}
