package standing

import (
	"context"
	"fmt"
	"slices"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// A group with a privileged role that PIM does not govern. PIM answers about any
// group, so an untouched default policy proves nothing: what counts is that
// somebody is eligible, was assigned or activated through PIM, in the group or in
// one nested in it, or that its policy was changed.
var GroupNotPIMEnabled = rule.Rule{
	ID:       "group-not-pim-enabled",
	Theme:    "standing",
	Title:    "Group with a privileged role is not governed by PIM",
	Severity: rule.High,
	Why:      "Without PIM nobody activates, justifies or approves: whoever is in the group has the role all the time.",
	Fix:      "Bring the group under PIM for Groups, make its members eligible, and demand MFA, a justification and approval.",
	Needs: []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships, snapshot.GroupEligibilities,
		snapshot.GroupAssignments, snapshot.GroupPolicies},
	Check: checkPIM,
}

const governedQuery = `
	SELECT group_id FROM group_eligibility WHERE snapshot = :snapshot
	UNION
	SELECT group_id FROM group_assignment WHERE snapshot = :snapshot
	UNION
	SELECT group_id FROM group_policy WHERE snapshot = :snapshot AND modified IS NOT NULL
	ORDER  BY group_id`

func checkPIM(ctx context.Context, in rule.Input) (rule.Answer, error) {
	governed, err := rule.Rows[string](ctx, in, governedQuery)
	if err != nil {
		return rule.Answer{}, err
	}
	var answer rule.Answer
	for _, group := range in.Access.MappedGroups() {
		reach := in.Reach[group]
		if !reach.Tier.Privileged() || in.Access.Groups[group].Gone || slices.Contains(governed, group) || justInTime(in, group) || !seenWhole(in, group) {
			continue
		}
		f := in.Touching(rule.Finding{
			Group:       in.Group(group),
			Role:        rule.Role(reach.Role),
			Fingerprint: rule.Fingerprint("group-not-pim-enabled", group),
		}, reach.Privileged...)
		f.Message = fmt.Sprintf("The group %s holds %s at %s, but PIM does not govern it: nobody is eligible or assigned through PIM, and no policy was set",
			f.Group.Name, f.Role.Name, in.Where(reach.Privileged))
		answer.Findings = append(answer.Findings, f)
	}
	return answer, nil
}

// justInTime reports whether somebody comes into the group through PIM, be it by
// a nested group.
func justInTime(in rule.Input, group string) bool {
	return slices.ContainsFunc(in.Access.Members(group), func(m snapshot.EffectiveMembership) bool {
		return m.State == snapshot.Eligible || m.State == snapshot.Activated
	})
}

func seenWhole(in rule.Input, group string) bool {
	for _, kind := range []snapshot.Kind{snapshot.GroupEligibilities, snapshot.GroupAssignments, snapshot.GroupPolicies} {
		if !in.Seen(kind, group) {
			return false
		}
	}
	return true
}
