package snapshot

import "time"

// PolicyRule is one of the rules of a PIM policy, for a group or a directory role,
// as Microsoft names it: Expiration_EndUser_Assignment and the like. Rules that are
// not known yet are kept too.
// https://learn.microsoft.com/graph/identity-governance-pim-rules-overview
type PolicyRule struct {
	Tenant   string `db:"tenant"`
	Subject  string `db:"subject"` // group, or role definition
	Access   string `db:"access"`  // member or owner of the group; empty for a role
	Rule     string `db:"rule"`
	Type     string `db:"type"`     // Expiration, Enablement, Approval, AuthenticationContext, Notification
	Caller   string `db:"caller"`   // Admin or EndUser
	Level    string `db:"level"`    // Eligibility or Assignment
	Demanded bool   `db:"demanded"` // expiration, approval, context or something else demanded; of a notification never
	Duration string `db:"duration"` // longest, ISO 8601
	Details  string `db:"details"`  // what is enabled, approvers by stage, recipients and their level, the context: sorted lines
}

func (PolicyRule) Table() string { return "policy_rule" }

// RolePolicy is what PIM demands for a directory role of a customer's tenant.
type RolePolicy struct {
	Tenant                string    `db:"tenant"`
	Role                  string    `db:"role"`           // definition id
	MaxActivation         string    `db:"max_activation"` // ISO 8601
	MFA                   bool      `db:"mfa"`
	AuthenticationContext string    `db:"authentication_context"`
	Justification         bool      `db:"justification"`
	Ticket                bool      `db:"ticket"`
	Approval              bool      `db:"approval"`
	Approvers             []string  `db:"approvers"` // ids, sorted
	EligibilityExpires    bool      `db:"eligibility_expires"`
	MaxEligibility        string    `db:"max_eligibility"`
	AssignmentExpires     bool      `db:"assignment_expires"`
	MaxAssignment         string    `db:"max_assignment"`
	Modified              time.Time `db:"modified"` // zero: never changed from the default
}

func (RolePolicy) Table() string { return "role_policy" }
