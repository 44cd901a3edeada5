package standing

import (
	"context"
	"fmt"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// An eligibility that never has to be renewed.
var EligibilityPermanent = rule.Rule{
	ID:       "eligibility-permanent",
	Theme:    "standing",
	Title:    "Eligibility without an end",
	Severity: rule.Medium,
	Why:      "Who changes team or leaves keeps the right to activate until somebody remembers it.",
	Fix:      "Give the eligibility in PIM an end of at most a year and renew it after a review.",
	Needs:    []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships, snapshot.GroupEligibilities},
	Check:    checkEligibilities,
}

// An inherited eligibility (member type group) is mended where it comes from.
const eligibilityQuery = `
	SELECT group_id, principal, access, starts, ends
	FROM   group_eligibility
	WHERE  snapshot = :snapshot AND lower(member_type) <> 'group'
	ORDER  BY group_id, principal, access, ends IS NOT NULL, ends DESC, id`

type eligibilityRow struct {
	Group             string `db:"group_id"`
	Principal, Access string
	Starts, Ends      store.Time
}

// checkEligibilities takes of several eligibilities of one person for one group
// the one that lasts longest.
func checkEligibilities(ctx context.Context, in rule.Input) (rule.Answer, error) {
	rows, err := rule.Rows[eligibilityRow](ctx, in, eligibilityQuery)
	if err != nil {
		return rule.Answer{}, err
	}
	var answer rule.Answer
	seen := map[string]bool{}
	for _, r := range rows {
		reach, opens := in.Reach[r.Group]
		id := rule.Fingerprint("eligibility-permanent", r.Principal, r.Group, r.Access)
		if !opens || seen[id] {
			continue
		}
		seen[id] = true
		if f, found := judgeEligibility(r, in); found {
			f.Fingerprint = id
			answer.Findings = append(answer.Findings, in.Touching(f, reach.Customers...))
		}
	}
	return answer, nil
}

func judgeEligibility(r eligibilityRow, in rule.Input) (rule.Finding, bool) {
	f := rule.Finding{Person: in.Person(r.Principal), Group: in.Group(r.Group)}
	if role := in.Reach[r.Group].Role; role != "" {
		f.Role = rule.Role(role)
	}
	what := "membership in"
	if strings.EqualFold(r.Access, "owner") {
		what = "ownership of"
	}
	f.Message = fmt.Sprintf("%s may activate %s the group %s", in.Who(r.Principal), what, f.Group.Name)
	if r.Ends.IsZero() {
		f.Message += " for ever: the eligibility has no end"
		return f, true
	}
	starts := r.Starts.Time()
	if r.Starts.IsZero() {
		starts = in.At
	}
	length := r.Ends.Time().Sub(starts)
	if length < rule.Days(in.Thresholds.EligibilityMaxDays+1)+time.Second { // a year over a leap day is a year
		return rule.Finding{}, false
	}
	f.Message += fmt.Sprintf(" until %s: the eligibility runs for %s, the policy allows %d", rule.Day(r.Ends.Time()), rule.Count(int(length/rule.Days(1)), "day"), in.Thresholds.EligibilityMaxDays)
	return f, true
}
