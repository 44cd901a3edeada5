package snapshot

// Kind names one kind of evidence. The texts are a contract: they stand in the
// store, in seals and in exports, and never change.
type Kind string

// The kinds that are collected in the MSP's own tenant.
const (
	Customers          Kind = "customers"
	Relationships      Kind = "relationships"
	AccessAssignments  Kind = "access-assignments"
	Groups             Kind = "groups"
	GroupOwners        Kind = "group-owners"
	Memberships        Kind = "memberships"
	GroupEligibilities Kind = "group-eligibilities"
	GroupAssignments   Kind = "group-assignments"
	GroupActivations   Kind = "group-activations"
	GroupPolicies      Kind = "group-policies"
	Users              Kind = "users"
	MFARegistrations   Kind = "mfa-registrations"
	SignIns            Kind = "signins"
)

// Kinds lists every kind in the order it is collected and shown.
var Kinds = []Kind{
	Customers, Relationships, AccessAssignments, Groups, GroupOwners, GroupAssignments, Memberships,
	GroupEligibilities, GroupActivations, GroupPolicies, Users, MFARegistrations, SignIns,
}

// Population is the kinds that review items are made of: a campaign over a
// snapshot that did not see all of them whole refuses to open unless forced.
var Population = []Kind{Relationships, AccessAssignments, Groups, Memberships, GroupEligibilities, GroupAssignments}

// Part names the unit that is asked, merged, sealed and resumed: a kind, the
// tenant it is about, and the object that was asked (a relationship, a group, a
// day of a log, else the tenant itself).
type Part struct {
	Kind   Kind
	Scope  string
	Object string
}

// State says how much of a part, or of a kind in a scope, a snapshot saw.
type State string

// The states of coverage. Only Complete allows a conclusion from absence.
const (
	Complete      State = "complete"
	Partial       State = "partial"
	Failed        State = "failed"
	NotPermitted  State = "not-permitted"
	NotLicensed   State = "not-licensed"
	NotConfigured State = "not-configured"
	NotAsked      State = "not-asked"
)
