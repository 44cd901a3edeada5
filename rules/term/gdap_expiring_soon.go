package term

import (
	"fmt"
	"slices"
	"time"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// A relationship that is about to end and will not extend itself.
var ExpiringSoon = rule.Rule{
	ID:       "gdap-expiring-soon",
	Theme:    "term",
	Title:    "Relationship ends soon",
	Severity: rule.Medium, // high from the third step on (7 days), critical from the fourth (1 day)
	Why:      "When it ends everybody loses access to the customer at once; an ended relationship cannot be brought back.",
	Fix:      "Agree with the customer whether the work goes on; then request a new relationship, or switch on automatic extension where no Global Administrator is included. If the work is over, let it end.",
	Needs:    []snapshot.Kind{snapshot.Relationships},
	Check:    rule.Ask(relationshipQuery, judgeExpiring),
}

func judgeExpiring(r relationshipRow, in rule.Input) (rule.Finding, bool) {
	ending := r.Status == "terminationrequested" || r.Status == "terminating" // somebody has decided
	if !snapshot.GivesAccess(r.Status) || ending || r.extends() || r.Ends.IsZero() {
		return rule.Finding{}, false
	}
	left := r.Ends.Time().Sub(in.At)
	severity := urgency(left, in.Thresholds.ExpiryWarnDays)
	if severity == 0 {
		return rule.Finding{}, false
	}
	f := r.finding(in, "gdap-expiring-soon")
	f.Severity = severity
	f.Message = fmt.Sprintf("%s ends on %s, %s, and does not extend itself", r.named(in), rule.Day(r.Ends.Time()), remaining(left))
	return f, true
}

// urgency counts how many of the warning steps are reached: the first two are
// medium, the third is high, the fourth critical; none is zero. What should have
// ended already is critical.
func urgency(left time.Duration, steps []int) rule.Severity {
	reached := 0
	for _, days := range slices.Backward(slices.Sorted(slices.Values(steps))) {
		if left <= rule.Days(days) {
			reached++
		}
	}
	switch {
	case reached == 0:
		return 0
	case reached > 3 || left <= 0:
		return rule.Critical
	case reached == 3:
		return rule.High
	}
	return rule.Medium
}

func remaining(left time.Duration) string {
	switch {
	case left <= 0:
		return "a date that has passed"
	case left < rule.Days(1):
		return "in less than a day"
	}
	return "in " + rule.Count(int(left/rule.Days(1)), "day")
}
