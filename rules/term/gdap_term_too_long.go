package term

import (
	"fmt"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// A relationship that was agreed for longer than the policy allows.
var TermTooLong = rule.Rule{
	ID:       "gdap-term-too-long",
	Theme:    "term",
	Title:    "Relationship runs longer than the policy allows",
	Severity: rule.Medium,
	Why:      "The term is the one moment at which a customer is asked again; the longer it is, the longer forgotten access stays.",
	Fix:      "Replace it by a relationship of at most the policy's term, renewed when the work goes on.",
	Needs:    []snapshot.Kind{snapshot.Relationships},
	Check:    rule.Ask(relationshipQuery, judgeTerm),
}

func judgeTerm(r relationshipRow, in rule.Input) (rule.Finding, bool) {
	days, ok := daysOf(r.Duration)
	if !ok && !r.Activated.IsZero() && !r.Ends.IsZero() {
		days, ok = int(r.Ends.Time().Sub(r.Activated.Time())/rule.Days(1)), true
	}
	if over(r.Status) || ok && days <= in.Thresholds.PolicyMaxDays {
		return rule.Finding{}, false
	}
	f := r.finding(in, "gdap-term-too-long")
	if !ok {
		f.Message = fmt.Sprintf("%s was agreed for a term that cannot be read, %q; the policy allows %s", r.named(in), r.Duration, rule.Count(in.Thresholds.PolicyMaxDays, "day"))
		return f, true
	}
	f.Message = fmt.Sprintf("%s was agreed for %s; the policy allows %d", r.named(in), rule.Count(days, "day"), in.Thresholds.PolicyMaxDays)
	if r.extends() {
		f.Message += ", and it extends itself"
	}
	return f, true
}
