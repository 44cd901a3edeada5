package term

import (
	"fmt"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// An invitation that the customer has not answered.
var PendingStale = rule.Rule{
	ID:       "gdap-pending-stale",
	Theme:    "term",
	Title:    "Relationship request is not answered",
	Severity: rule.Low, // medium in the last days before it lapses
	Why:      "A request that is not approved within 90 days lapses, and an old link can still be approved by somebody who no longer knows why.",
	Fix:      "Ask the customer to approve it, or withdraw the request.",
	Needs:    []snapshot.Kind{snapshot.Relationships},
	Check:    rule.Ask(relationshipQuery, judgePending),
}

// judgePending warns once the request is old, and again as many days before it
// lapses.
func judgePending(r relationshipRow, in rule.Input) (rule.Finding, bool) {
	since := r.Created
	if since.IsZero() {
		since = r.FirstSeen
	}
	t := in.Thresholds
	age := in.Ago(since.Time())
	if r.Status != "approvalpending" || age < t.PendingWarnDays {
		return rule.Finding{}, false
	}
	f := r.finding(in, "gdap-pending-stale")
	if age >= t.PendingDeadDays-t.PendingWarnDays {
		f.Severity = rule.Medium
	}
	lapses := since.Time().Add(rule.Days(t.PendingDeadDays))
	f.Message = fmt.Sprintf("%s has waited for approval for %s, since %s; it lapses on %s", r.named(in), rule.Count(age, "day"), rule.Day(since.Time()), rule.Day(lapses))
	if !in.At.Before(lapses) {
		f.Message = fmt.Sprintf("%s has waited for approval since %s and should have lapsed on %s", r.named(in), rule.Day(since.Time()), rule.Day(lapses))
	}
	return f, true
}
