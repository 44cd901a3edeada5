package term

import (
	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

const (
	privilegedRoleAdministrator           = "e8611ab8-c189-46e8-94e1-60213ab1f814"
	privilegedAuthenticationAdministrator = "7be44c8a-adaf-4e2a-84d6-ab2649e08a13"
)

// A role with which its holder can make itself Global Administrator. Microsoft's
// default relationship has both, so that this is common and not always wrong:
// what is wanted is waived with a reason and an end.
var EscalationRoleIncluded = rule.Rule{
	ID:       "gdap-escalation-role-included",
	Theme:    "term",
	Title:    "Relationship allows a role that leads to Global Administrator",
	Severity: rule.High,
	Why:      "Who holds it can assign any role, or reset the password of a Global Administrator, and so gain full control.",
	Fix:      "Leave the role out of the next relationship, or accept it for a stated purpose with a waiver that ends.",
	Needs:    []snapshot.Kind{snapshot.Relationships},
	Check:    allowed("gdap-escalation-role-included", privilegedRoleAdministrator, privilegedAuthenticationAdministrator),
}
