package rules

import (
	"bytes"
	_ "embed"
	"encoding/csv"

	"countersign/rules/leastprivilege"
	"countersign/rules/monitoring"
	"countersign/rules/people"
	"countersign/rules/rule"
	"countersign/rules/standing"
	"countersign/rules/term"
)

// Catalog lists every rule, by theme; each with the controls it relates to.
var Catalog = withControls([]rule.Rule{
	term.GlobalAdminIncluded,
	term.EscalationRoleIncluded,
	term.ExpiringSoon,
	term.TermTooLong,
	term.NoAccessAssignment,
	term.AssignmentGroupMissing,
	term.PendingStale,

	leastprivilege.RoleRedundant,

	standing.StandingPrivilegedAccess,
	standing.EligibilityPermanent,
	standing.GroupNotPIMEnabled,

	people.UserLeftStillMember,
	people.UserStale,
	people.GroupMemberGuest,

	monitoring.ActivationNoPurpose,
})

// Find returns the rule of an id.
func Find(id string) (rule.Rule, bool) {
	for _, r := range Catalog {
		if r.ID == id {
			return r, true
		}
	}
	return rule.Rule{}, false
}

// The controls each rule relates to: rule, framework, control id, our own title.
// data/README.md names the source.
//
//go:embed data/control-map.csv
var controlMap []byte

func withControls(catalog []rule.Rule) []rule.Rule {
	rows, err := csv.NewReader(bytes.NewReader(controlMap)).ReadAll()
	if err != nil {
		panic("embedded control map: " + err.Error()) // a build that cannot work: TestControls guards it
	}
	for i := range catalog {
		catalog[i].Controls = []rule.Control{}
		for _, row := range rows[1:] {
			if row[0] == catalog[i].ID {
				catalog[i].Controls = append(catalog[i].Controls, rule.Control{Framework: row[1], ID: row[2], Title: row[3]})
			}
		}
	}
	return catalog
}
