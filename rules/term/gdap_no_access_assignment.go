package term

import (
	"fmt"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// A relationship under which no group of the MSP was given anything.
var NoAccessAssignment = rule.Rule{
	ID:       "gdap-no-access-assignment",
	Theme:    "term",
	Title:    "Relationship gives nobody access",
	Severity: rule.Low,
	Why:      "The customer has agreed to access that nobody uses; it waits to be given to somebody unnoticed.",
	Fix:      "Map the groups that need it, or end the relationship.",
	Needs:    []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments},
	Check:    rule.Ask(relationshipQuery, judgeUnassigned),
}

func judgeUnassigned(r relationshipRow, in rule.Input) (rule.Finding, bool) {
	active := r.Status == "active" || r.Status == "expiring"
	since := r.Activated
	if since.IsZero() {
		since = r.FirstSeen
	}
	if !active || in.At.Sub(since.Time()) < rule.Days(in.Thresholds.AssignmentGraceDays) || !in.Seen(snapshot.AccessAssignments, r.ID) {
		return rule.Finding{}, false
	}
	for _, g := range in.Access.Grants(r.Customer) {
		if g.Relationship.ID == r.ID {
			return rule.Finding{}, false
		}
	}
	f := r.finding(in, "gdap-no-access-assignment")
	f.Message = fmt.Sprintf("%s has been active since %s, and no group of ours has access through it", r.named(in), rule.Day(since.Time()))
	return f, true
}
