package snapshot

import (
	"strings"
	"time"
)

// The facts below are named and shaped as the store's views; the `db` tags are
// their columns. Ids are folded to lower case. A zero time means that the source
// gave none, or one of its sentinels for never.

// Customer is a tenant that has, or had while it was seen, an active GDAP
// relationship with the MSP.
type Customer struct {
	Tenant string `db:"tenant"`
	Name   string `db:"name"`
}

// Relationship is a customer's GDAP grant to the MSP. Status, Duration and
// AutoExtend are kept as Microsoft writes them, folded to lower case for the
// status. Customer is empty until an open invitation is approved.
type Relationship struct {
	ID               string    `db:"id"`
	Name             string    `db:"name"`
	Customer         string    `db:"customer"`
	Duration         string    `db:"duration"`    // ISO 8601, P1D to P2Y
	AutoExtend       string    `db:"auto_extend"` // PT0S, P0D or empty: off; P180D: on
	Status           string    `db:"status"`
	Created          time.Time `db:"created"`
	Activated        time.Time `db:"activated"`
	Ends             time.Time `db:"ends"`
	Reseller         bool      `db:"reseller"` // made through an indirect provider
	IndirectProvider string    `db:"indirect_provider"`
	ConsentPending   bool      `db:"consent_pending"`
}

// RelationshipRole is an Entra role, by template id, that a relationship allows
// to be assigned. Who holds it is another matter.
type RelationshipRole struct {
	Relationship string `db:"relationship"`
	Role         string `db:"role"`
}

// RelationshipUpdate is when a relationship was last touched; it moves without
// the relationship changing.
type RelationshipUpdate struct {
	Relationship string    `db:"relationship"`
	Modified     time.Time `db:"modified"`
}

// AccessAssignment gives one security group of the MSP roles under a relationship.
type AccessAssignment struct {
	ID            string    `db:"id"`
	Relationship  string    `db:"relationship"`
	MappedGroup   string    `db:"mapped_group"`
	ContainerType string    `db:"container_type"`
	Status        string    `db:"status"`
	Created       time.Time `db:"created"`
}

// AccessAssignmentRole is one role of an access assignment, by template id.
type AccessAssignmentRole struct {
	AccessAssignment string `db:"access_assignment"`
	Role             string `db:"role"`
}

// Group is a mapped group or one nested in it. Gone: the access assignment names
// it, but the directory no longer has it.
type Group struct {
	ID              string    `db:"id"`
	Name            string    `db:"name"`
	Gone            bool      `db:"gone"`
	RoleAssignable  bool      `db:"role_assignable"`
	SecurityEnabled bool      `db:"security_enabled"`
	Dynamic         bool      `db:"dynamic"`
	Synced          bool      `db:"synced"`
	Created         time.Time `db:"created"`
}

// GroupOwner may add members to the group.
type GroupOwner struct {
	Group     string `db:"group_id"`
	Principal string `db:"principal"`
	Type      string `db:"type"`
	Name      string `db:"name"`
	UPN       string `db:"upn"`
}

// The types of principals that Countersign tells apart; any other is kept as the
// source wrote it.
const (
	TypeUser             = "user"
	TypeGroup            = "group"
	TypeServicePrincipal = "servicePrincipal"
	TypeDevice           = "device"
)

// GroupMember is one direct member as the members list shows it, activated ones
// included.
type GroupMember struct {
	Group     string `db:"group_id"`
	Principal string `db:"principal"`
	Type      string `db:"type"`
	Name      string `db:"name"`
	UPN       string `db:"upn"`
}

// GroupEligibility is a PIM-for-Groups eligibility schedule instance: may
// activate, holds nothing now.
type GroupEligibility struct {
	ID         string    `db:"id"`
	Group      string    `db:"group_id"`
	Principal  string    `db:"principal"`
	Access     string    `db:"access"` // member or owner
	MemberType string    `db:"member_type"`
	Starts     time.Time `db:"starts"`
	Ends       time.Time `db:"ends"` // zero: permanent
}

// GroupAssignment is a PIM-for-Groups assignment schedule instance: in the group
// now, assigned or activated.
type GroupAssignment struct {
	ID             string    `db:"id"`
	Group          string    `db:"group_id"`
	Principal      string    `db:"principal"`
	Access         string    `db:"access"`
	MemberType     string    `db:"member_type"`
	AssignmentType string    `db:"assignment_type"` // assigned or activated
	Starts         time.Time `db:"starts"`
	Ends           time.Time `db:"ends"` // zero: without an end
}

// GroupPolicy is what PIM demands for becoming member or owner of a group.
type GroupPolicy struct {
	Group                 string    `db:"group_id"`
	Access                string    `db:"access"`
	MaxActivation         string    `db:"max_activation"` // ISO 8601
	MFA                   bool      `db:"mfa"`
	AuthenticationContext string    `db:"authentication_context"`
	Justification         bool      `db:"justification"`
	Ticket                bool      `db:"ticket"`
	Approval              bool      `db:"approval"`
	Approvers             []string  `db:"approvers"`
	EligibilityExpires    bool      `db:"eligibility_expires"`
	MaxEligibility        string    `db:"max_eligibility"`
	AssignmentExpires     bool      `db:"assignment_expires"`
	MaxAssignment         string    `db:"max_assignment"`
	Modified              time.Time `db:"modified"` // zero: never changed from the default
}

// User is an account of the MSP's tenant that is in reach of a mapped group, or
// the manager of one.
type User struct {
	ID       string    `db:"id"`
	Name     string    `db:"name"`
	UPN      string    `db:"upn"`
	Mail     string    `db:"mail"`
	Job      string    `db:"job"`
	Enabled  *bool     `db:"enabled"` // nil: not told
	Type     string    `db:"type"`    // Member, Guest or empty
	Synced   bool      `db:"synced"`
	Created  time.Time `db:"created"`
	Manager  string    `db:"manager"`
	Licences []string  `db:"licences"` // ids of service plans that work, sorted
}

// UserActivity is when an account last signed in; it moves daily.
type UserActivity struct {
	Principal          string    `db:"principal"`
	LastSignIn         time.Time `db:"last_sign_in"` // interactive, failed tries included
	LastNonInteractive time.Time `db:"last_non_interactive"`
	LastSuccessful     time.Time `db:"last_successful"` // recorded since December 2023
}

// MFARegistration is what a user has registered for multifactor authentication;
// it says registered, not used.
type MFARegistration struct {
	Principal    string   `db:"principal"`
	Registered   bool     `db:"registered"`
	Capable      bool     `db:"capable"`
	Passwordless bool     `db:"passwordless"`
	Methods      []string `db:"methods"`
}

// Activation is a PIM-for-Groups assignment request: for the actions
// selfActivate, one use of an eligibility with its purpose.
type Activation struct {
	ID             string    `db:"id"`
	Group          string    `db:"group_id"`
	Principal      string    `db:"principal"`
	Access         string    `db:"access"`
	Action         string    `db:"action"`
	Status         string    `db:"status"`
	Created        time.Time `db:"created"`
	Completed      time.Time `db:"completed"`
	Starts         time.Time `db:"starts"`
	Ends           time.Time `db:"ends"` // as granted; ended earlier if deactivated
	Justification  string    `db:"justification"`
	Ticket         string    `db:"ticket"`
	TicketSystem   string    `db:"ticket_system"`
	Approval       string    `db:"approval"`
	CreatedBy      string    `db:"created_by"`
	ValidationOnly bool      `db:"validation_only"`
}

// SignIn is one sign-in of a person of the MSP to a customer's tenant.
type SignIn struct {
	ID          string    `db:"id"`
	Principal   string    `db:"principal"`
	UPN         string    `db:"upn"`
	Name        string    `db:"name"`
	Customer    string    `db:"customer"` // tenant that was signed in to
	At          time.Time `db:"at"`
	App         string    `db:"app"`
	Resource    string    `db:"resource"`
	Interactive bool      `db:"interactive"`
	ErrorCode   int       `db:"error_code"` // 0: success
	CrossTenant string    `db:"cross_tenant"`
	Requirement string    `db:"requirement"` // singleFactorAuthentication, multiFactorAuthentication
	Correlation string    `db:"correlation"`
}

// Table names the store's table of each fact.

func (Customer) Table() string             { return "customer" }
func (Relationship) Table() string         { return "relationship" }
func (RelationshipRole) Table() string     { return "relationship_role" }
func (RelationshipUpdate) Table() string   { return "relationship_update" }
func (AccessAssignment) Table() string     { return "access_assignment" }
func (AccessAssignmentRole) Table() string { return "access_assignment_role" }
func (Group) Table() string                { return "directory_group" }
func (GroupOwner) Table() string           { return "group_owner" }
func (GroupMember) Table() string          { return "group_member" }
func (GroupEligibility) Table() string     { return "group_eligibility" }
func (GroupAssignment) Table() string      { return "group_assignment" }
func (GroupPolicy) Table() string          { return "group_policy" }
func (User) Table() string                 { return "directory_user" }
func (UserActivity) Table() string         { return "user_activity" }
func (MFARegistration) Table() string      { return "mfa_registration" }
func (Activation) Table() string           { return "activation" }
func (SignIn) Table() string               { return "sign_in" }
func (Membership) Table() string           { return "membership" }
func (EffectiveMembership) Table() string  { return "effective_membership" }

// Extends reports whether the relationship extends itself at its end. A word that
// is not known is taken for off, so that an end is never overlooked.
func (r Relationship) Extends() bool { return strings.EqualFold(r.AutoExtend, "P180D") }
