package snapshot

import "slices"

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
	Audits             Kind = "audits"
	DirectoryRoles     Kind = "directory-roles"
	Licences           Kind = "licences"
	RiskyUsers         Kind = "risky-users"
	ConditionalAccess  Kind = "conditional-access"
	AccessPackages     Kind = "access-packages"
	Lighthouse         Kind = "lighthouse"
	GDAPTemplates      Kind = "gdap-templates" // from the MSP's own file
	PartnerCustomers   Kind = "partner-customers"
	PartnerAudits      Kind = "partner-audits"
)

// The kinds that are collected of a customer: in its own tenant, or of its Azure
// subscriptions.
const (
	CustomerSignIns        Kind = "customer-signins"
	CustomerRoles          Kind = "customer-roles"
	CustomerRolePolicies   Kind = "customer-role-policies"
	CustomerUsers          Kind = "customer-users"
	CustomerLicences       Kind = "customer-licences"
	CustomerAudits         Kind = "customer-audits"
	CustomerAccessPolicies Kind = "customer-access-policies"
	AzureDelegations       Kind = "azure-delegations"
	AzureActivity          Kind = "azure-activity"
)

// Kinds lists every kind in the order it is shown.
var Kinds = []Kind{
	Customers, Relationships, AccessAssignments, Groups, GroupOwners, GroupAssignments, Memberships,
	GroupEligibilities, GroupActivations, GroupPolicies, Users, MFARegistrations, SignIns,
	Audits, DirectoryRoles, Licences, RiskyUsers, ConditionalAccess, AccessPackages, Lighthouse, GDAPTemplates, PartnerCustomers, PartnerAudits,
	CustomerLicences, CustomerRoles, CustomerRolePolicies, CustomerUsers, CustomerAccessPolicies, CustomerSignIns, CustomerAudits,
	AzureDelegations, AzureActivity,
}

// TenantKinds are those that are asked in a customer's own tenant, in the order
// they are asked: what a tenant has bought decides how long its logs are kept.
var TenantKinds = []Kind{CustomerLicences, CustomerRoles, CustomerRolePolicies, CustomerUsers, CustomerAccessPolicies, CustomerSignIns, CustomerAudits}

// OfCustomer reports whether the scope of the kind is a customer, not the MSP.
func (k Kind) OfCustomer() bool {
	return slices.Contains(TenantKinds, k) || k == AzureDelegations || k == AzureActivity
}

// IsLog reports whether the kind is a log: read by time, kept by Microsoft for a
// while, never ended by absence.
func (k Kind) IsLog() bool {
	return slices.Contains([]Kind{SignIns, Audits, PartnerAudits, CustomerSignIns, CustomerAudits, AzureActivity}, k)
}

// Limits say of a kind what Microsoft shows to no app that only reads: the coverage
// repeats it however whole the kind was seen.
var Limits = map[Kind]string{
	GroupActivations: "who approved a request is shown to its approvers alone: it stands in the audit log while Microsoft keeps that",
	DirectoryRoles:   requestsUnseen,
	CustomerRoles:    requestsUnseen,
	AzureDelegations: listedAlone + "; that the delegations of a subscription include those of single resource groups is not documented",
	AzureActivity:    listedAlone,
}

const (
	requestsUnseen = "the history of PIM requests is shown only to who may also write, so it is not asked for: activations stand in the audit log while Microsoft keeps that"
	listedAlone    = "Azure lists the subscriptions in which the app has a role, and no others"
)

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

// The states of coverage. Only Complete allows a conclusion from absence. NotAsked is
// what somebody left out, NotConfigured what nobody set up: both are meant. What was
// meant to be asked and could not be is Failed, as is what was asked in vain.
const (
	Complete      State = "complete"
	Partial       State = "partial"
	Failed        State = "failed"
	NotPermitted  State = "not-permitted"
	NotLicensed   State = "not-licensed"
	NotConfigured State = "not-configured"
	NotAsked      State = "not-asked"
)
