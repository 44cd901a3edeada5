package term

import (
	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// A relationship that allows Global Administrator allows everything.
var GlobalAdminIncluded = rule.Rule{
	ID:       "gdap-global-admin-included",
	Theme:    "term",
	Title:    "Relationship allows Global Administrator",
	Severity: rule.Critical,
	Why:      "Global Administrator can do anything in the customer's tenant, and a relationship that allows it cannot be extended automatically.",
	Fix:      "Request a new relationship with the narrower roles that the work needs, move the groups over, then end this one.",
	Needs:    []snapshot.Kind{snapshot.Relationships},
	Check:    allowed("gdap-global-admin-included", snapshot.GlobalAdministrator),
}
