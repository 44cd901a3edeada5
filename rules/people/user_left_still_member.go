package people

import (
	"context"
	"fmt"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// Somebody who left, or whose account is disabled or deleted, still in a group
// that reaches customers, or still eligible for it.
var UserLeftStillMember = rule.Rule{
	ID:       "user-left-still-member",
	Theme:    "people",
	Title:    "Leaver still has access",
	Severity: rule.Critical,
	Why:      "Who has left must not reach a customer; an account that is enabled or restored again has everything back at once.",
	Fix:      "Remove the person from the group, and the eligibility in PIM.",
	Needs: []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships,
		snapshot.GroupAssignments, snapshot.GroupEligibilities, snapshot.Users},
	Check: checkLeavers,
}

func checkLeavers(ctx context.Context, in rule.Input) (rule.Answer, error) {
	known, err := accounts(ctx, in)
	if err != nil {
		return rule.Answer{}, err
	}
	left := leavers(in.Declared)
	var answer rule.Answer
	for _, m := range in.Held() {
		why := gone(in, m, known, left)
		if why == "" {
			continue
		}
		reach := in.Reach[m.Group]
		f := in.Touching(rule.Finding{
			Person:      in.Person(m.Principal),
			Group:       in.Group(m.Group),
			Fingerprint: rule.Fingerprint("user-left-still-member", m.Principal, m.Group),
		}, reach.Customers...)
		holds := "is still in"
		if m.State == snapshot.Eligible {
			holds = "may still activate"
		}
		f.Message = fmt.Sprintf("%s %s, but %s the group %s, which reaches %s", in.Who(m.Principal), why, holds, f.Group.Name, in.Where(reach.Customers))
		answer.Findings = append(answer.Findings, withRole(f, reach))
	}
	return answer, nil
}

// leavers gives by address, folded, when somebody leaves: one row of a person
// with a date counts for all accounts of that person.
func leavers(d snapshot.Declared) map[string]time.Time {
	leaves := map[string]time.Time{}
	for _, s := range d.Staff {
		key := strings.ToLower(s.Person)
		if first, ok := leaves[key]; !s.LeftOn.IsZero() && (!ok || s.LeftOn.Before(first)) {
			leaves[key] = s.LeftOn
		}
	}
	out := map[string]time.Time{}
	for _, s := range d.Staff {
		if on, ok := leaves[strings.ToLower(s.Person)]; ok {
			out[strings.ToLower(s.UPN)] = on
		}
	}
	return out
}

// gone words why somebody should no longer be there, empty when nothing says so.
func gone(in rule.Input, m snapshot.Membership, known map[string]accountRow, left map[string]time.Time) string {
	if on, ok := left[strings.ToLower(in.Access.Principal(m.Principal).UPN)]; ok && !in.At.Before(on) {
		return "left on " + rule.Day(on)
	}
	account, ok := known[m.Principal]
	switch {
	case ok && account.disabled():
		return "has a disabled account"
	case !ok && m.Type == snapshot.TypeUser && in.Coverage.Of(snapshot.Users).State == snapshot.Complete && edgeSeen(in, m):
		return "no longer has an account"
	}
	return ""
}

// edgeSeen: accounts are read for those whom this run found in the groups, so
// that an account may be called deleted only if this run saw the membership.
func edgeSeen(in rule.Input, m snapshot.Membership) bool {
	if m.State == snapshot.Eligible {
		return in.Seen(snapshot.GroupEligibilities, m.Group)
	}
	return in.Seen(snapshot.Memberships, m.Group)
}
