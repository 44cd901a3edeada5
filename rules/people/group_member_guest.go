package people

import (
	"context"
	"fmt"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// An account from outside the MSP's tenant in a group that reaches customers.
var GroupMemberGuest = rule.Rule{
	ID:       "group-member-guest",
	Theme:    "people",
	Title:    "Guest in a group that reaches customers",
	Severity: rule.High,
	Why:      "A guest's account is kept, protected and removed by another organisation, and guests cannot use delegated access as Microsoft means it.",
	Fix:      "Remove the guest from the group; who works for you gets an account of your own tenant.",
	Needs: []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships,
		snapshot.GroupAssignments, snapshot.GroupEligibilities, snapshot.Users},
	Check: checkGuests,
}

func checkGuests(ctx context.Context, in rule.Input) (rule.Answer, error) {
	known, err := accounts(ctx, in)
	if err != nil {
		return rule.Answer{}, err
	}
	var answer rule.Answer
	for _, m := range in.Held() {
		if !guest(known[m.Principal], in.Access.Principal(m.Principal)) {
			continue
		}
		reach := in.Reach[m.Group]
		f := in.Touching(rule.Finding{
			Person:      in.Person(m.Principal),
			Group:       in.Group(m.Group),
			Fingerprint: rule.Fingerprint("group-member-guest", m.Principal, m.Group),
		}, reach.Customers...)
		holds := "is in"
		if m.State == snapshot.Eligible {
			holds = "may activate"
		}
		f.Message = fmt.Sprintf("%s is a guest of our tenant and %s the group %s, which reaches %s", in.Who(m.Principal), holds, f.Group.Name, in.Where(reach.Customers))
		answer.Findings = append(answer.Findings, withRole(f, reach))
	}
	return answer, nil
}

// guest goes by the account's type and by the mark that Entra puts into the
// address of every account from outside, which stays when the type is changed.
func guest(account accountRow, p snapshot.Principal) bool {
	return strings.EqualFold(account.Type, "guest") || strings.Contains(strings.ToUpper(p.UPN), "#EXT#")
}
