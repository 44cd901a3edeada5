package reviews

import (
	"strings"
	"time"

	"countersign/rules/rule"
)

// Verdict is what was decided on an item.
type Verdict string

// The verdicts. NotSure hands the item to the next in line and decides nothing.
const (
	Approve Verdict = "approve"
	Revoke  Verdict = "revoke"
	Change  Verdict = "change"
	NotSure Verdict = "not-sure"
)

// ParseVerdict reads a verdict as the workbook words it ("Not sure") or as it is
// stored ("not-sure").
func ParseVerdict(text string) (Verdict, bool) {
	switch v := Verdict(strings.ReplaceAll(strings.ToLower(strings.TrimSpace(text)), " ", "-")); v {
	case Approve, Revoke, Change, NotSure:
		return v, true
	}
	return "", false
}

// Decision is one verdict on one item. The newest of an item counts; all are kept.
type Decision struct {
	Verdict    Verdict
	ChangeTo   string // ToEligible, NoRenewal, an ISO date, or role names joined by "; "
	Reason     string
	Reaffirmed bool
	Reviewer   rule.Ref // person under whose token the workbook was returned
	At         time.Time
	Import     int64
}
