package standing

import (
	"fmt"
	"slices"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// A privileged role held all the time, not activated just in time through PIM.
var StandingPrivilegedAccess = rule.Rule{
	ID:       "standing-privileged-access",
	Theme:    "standing",
	Title:    "Privileged role held permanently",
	Severity: rule.High, // critical for tier 0
	Why:      "A stolen account is an administrator at once; nothing has to be activated or approved.",
	Fix:      "Make the person eligible for the group in PIM and remove the permanent membership.",
	Needs: []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships,
		snapshot.GroupAssignments, snapshot.GroupEligibilities},
	Check: rule.Ask(standingQuery, judgeStanding),
}

const standingQuery = `
	SELECT mapped_group, principal, first_seen
	FROM   standing_membership        -- in the group now, not by activation, no end
	WHERE  snapshot = :snapshot
	ORDER  BY mapped_group, principal`

type standingRow struct {
	MappedGroup string `db:"mapped_group"`
	Principal   string
	FirstSeen   store.Time `db:"first_seen"`
}

func judgeStanding(r standingRow, in rule.Input) (rule.Finding, bool) {
	reach, ok := in.Reach[r.MappedGroup]
	if !ok || !reach.Tier.Privileged() {
		return rule.Finding{}, false
	}
	through := in.Through(r.MappedGroup, r.Principal)
	if slices.ContainsFunc(through, func(group string) bool { return unexplained(in, group) }) {
		return rule.Finding{}, false
	}
	f := in.Touching(rule.Finding{
		Severity:    rule.ByTier(reach.Tier),
		Person:      in.Person(r.Principal),
		Group:       in.Group(r.MappedGroup),
		Role:        rule.Role(reach.Role),
		Fingerprint: rule.Fingerprint("standing-privileged-access", r.Principal, r.MappedGroup),
		Through:     through,
	}, reach.Privileged...)
	nested := ""
	if len(through) > 1 {
		nested = " through the group " + in.Access.GroupName(through[len(through)-1])
	}
	f.Message = fmt.Sprintf("%s is permanently in the group %s%s, which holds %s at %s; first seen there on %s, %s ago",
		in.Who(r.Principal), f.Group.Name, nested, f.Role.Name, in.Where(reach.Privileged), rule.Day(r.FirstSeen.Time()), rule.Count(in.Ago(r.FirstSeen.Time()), "day"))
	return f, true
}

// unexplained: the members of the group were read, but not who of them is there
// through PIM only, so that none may be called permanent.
func unexplained(in rule.Input, group string) bool {
	return in.Seen(snapshot.Memberships, group) && !in.Seen(snapshot.GroupAssignments, group)
}
