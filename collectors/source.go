package collectors

import (
	"slices"

	"countersign/collectors/snapshot"
)

// Service is who is asked for a kind, by the name it is known by.
type Service string

const (
	MicrosoftGraph Service = "Microsoft Graph"
	Azure          Service = "Azure" // Resource Manager
	PartnerCenter  Service = "Partner Center"
	NoService      Service = "" // the MSP writes it itself
)

const azureNotAsked = string(Azure) + " is not asked: set sources.azure in the configuration"

// Source says where one kind of evidence comes from and what it takes to read it.
type Source struct {
	Kind       snapshot.Kind
	Service    Service
	Endpoint   string // paths, without host; of what no service has, the file
	Permission string // the least application permissions that allow it
	Licence    string // what the tenant that is read must have; empty: nothing beyond the service
	Without    string // what cannot be said without it

	// Documented: Microsoft publishes no machine-readable description of it that we
	// could hold our reading against, only examples in its documentation.
	Documented bool
}

// Sources lists every kind, in the order of snapshot.Kinds.
var Sources = []Source{
	{snapshot.Customers, MicrosoftGraph, "/v1.0/tenantRelationships/delegatedAdminCustomers", "DelegatedAdminRelationship.Read.All", "", "which customers have an active GDAP relationship", false},
	{snapshot.Relationships, MicrosoftGraph, "/v1.0/tenantRelationships/delegatedAdminRelationships", "DelegatedAdminRelationship.Read.All", "", "everything: what each customer allows, and until when", false},
	{snapshot.AccessAssignments, MicrosoftGraph, "/v1.0/tenantRelationships/delegatedAdminRelationships/{id}/accessAssignments", "DelegatedAdminRelationship.Read.All", "", "which group holds which role at which customer", false},
	{snapshot.Groups, MicrosoftGraph, "/v1.0/groups/{id}", "GroupMember.Read.All", "", "names and kinds of the groups that hold access", false},
	{snapshot.GroupOwners, MicrosoftGraph, "/v1.0/groups/{id}/owners", "GroupMember.Read.All", "", "who may let others into a group", false},
	{snapshot.GroupAssignments, MicrosoftGraph, "/v1.0/identityGovernance/privilegedAccess/group/assignmentScheduleInstances", "PrivilegedAssignmentSchedule.Read.AzureADGroup", "Microsoft Entra ID P2 or ID Governance", "whether a member is in a group for good or by activation", false},
	{snapshot.Memberships, MicrosoftGraph, "/v1.0/groups/{id}/members", "GroupMember.Read.All", "", "who holds access", false},
	{snapshot.GroupEligibilities, MicrosoftGraph, "/v1.0/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances", "PrivilegedEligibilitySchedule.Read.AzureADGroup", "Microsoft Entra ID P2 or ID Governance", "who may activate access", false},
	{snapshot.GroupActivations, MicrosoftGraph, "/v1.0/identityGovernance/privilegedAccess/group/assignmentScheduleRequests", "PrivilegedAssignmentSchedule.Read.AzureADGroup", "Microsoft Entra ID P2 or ID Governance", "who activated access, when and what for", false},
	{snapshot.GroupPolicies, MicrosoftGraph, "/v1.0/policies/roleManagementPolicyAssignments", "RoleManagementPolicy.Read.AzureADGroup", "Microsoft Entra ID P2 or ID Governance", "what an activation demands: MFA, purpose, ticket, approval, for how long", false},
	{snapshot.Users, MicrosoftGraph, "/v1.0/users", "User.Read.All, and AuditLog.Read.All for the last sign-in", "Microsoft Entra ID P1 or P2 for the last sign-in", "who has left, who does not use an account, who is whose manager", false},
	{snapshot.MFARegistrations, MicrosoftGraph, "/v1.0/reports/authenticationMethods/userRegistrationDetails", "AuditLog.Read.All", "Microsoft Entra ID P1 or P2", "who could be asked for a second factor", false},
	{snapshot.SignIns, MicrosoftGraph, "/beta/auditLogs/signIns", "AuditLog.Read.All", "Microsoft Entra ID P1 or P2", "whose access was used, at which customer", false},
	{snapshot.Audits, MicrosoftGraph, "/v1.0/auditLogs/directoryAudits", "AuditLog.Read.All", "P1 or P2 keeps 30 days, else 7", "who changed groups, roles and PIM settings, from what to what; approvals; activations of directory and Azure roles", false},
	{snapshot.DirectoryRoles, MicrosoftGraph, "/v1.0/roleManagement/directory/roleAssignmentScheduleInstances, roleEligibilityScheduleInstances, roleAssignments, roleDefinitions; /v1.0/groups", "RoleManagement.Read.Directory, and GroupMember.Read.All for the groups", "Microsoft Entra ID P2 for eligible roles", "who can administer the MSP itself; the agents groups of DAP; role-assignable groups", false},
	{snapshot.Licences, MicrosoftGraph, "/v1.0/subscribedSkus", "LicenseAssignment.Read.All", "", "whether PIM is licensed, and how long Microsoft keeps the logs", false},
	{snapshot.RiskyUsers, MicrosoftGraph, "/v1.0/identityProtection/riskyUsers", "IdentityRiskyUser.Read.All", "Microsoft Entra ID P2", "which accounts Microsoft holds to be compromised", true},
	{snapshot.ConditionalAccess, MicrosoftGraph, "/v1.0/identity/conditionalAccess/policies, /v1.0/policies/identitySecurityDefaultsEnforcementPolicy", "Policy.Read.All", "Microsoft Entra ID P1 or P2", "what is demanded of administrators when they sign in", true},
	{snapshot.AccessPackages, MicrosoftGraph, "/v1.0/identityGovernance/entitlementManagement/accessPackages, assignmentPolicies, assignments, assignmentRequests", "EntitlementManagement.Read.All", "Microsoft Entra ID P2 or ID Governance", "just-in-time access that Microsoft 365 Lighthouse gives by access packages", true},
	{snapshot.Lighthouse, MicrosoftGraph, "/beta/tenantRelationships/managedTenants/tenants", "ManagedTenants.Read.All, delegated only: no app can hold it", "Microsoft 365 Lighthouse", "how Microsoft 365 Lighthouse sees each customer: legacy and granular privileges", false},
	{snapshot.GDAPTemplates, NoService, "no API has them: templates.csv", "none", "", "which roles the MSP's GDAP templates are meant to give to which groups", true},
	{snapshot.PartnerCustomers, PartnerCenter, "/v1/customers, /v1/customers/{id}", "access of the app to the Partner Center API", "", "whether the legacy delegated administration (DAP) still stands at a customer", true},
	{snapshot.PartnerAudits, PartnerCenter, "/v1/auditrecords", "access of the app to the Partner Center API", "", "who of the MSP did what in Partner Center", true},
	{snapshot.CustomerLicences, MicrosoftGraph, "/v1.0/subscribedSkus", "LicenseAssignment.Read.All", "", "what the customer has bought; how long its logs are kept", false},
	{snapshot.CustomerRoles, MicrosoftGraph, "/v1.0/roleManagement/directory/roleAssignmentScheduleInstances, roleEligibilityScheduleInstances, roleAssignments, roleDefinitions; /v1.0/groups/{id}/members", "RoleManagement.Read.Directory", "Microsoft Entra ID P2 for eligible roles", "accounts of the MSP that hold roles in the customer's tenant itself; with GroupMember.Read.All also those that do through a group", false},
	{snapshot.CustomerRolePolicies, MicrosoftGraph, "/v1.0/policies/roleManagementPolicyAssignments", "RoleManagement.Read.Directory", "Microsoft Entra ID P2", "what activating a role demands in the customer's tenant", false},
	{snapshot.CustomerUsers, MicrosoftGraph, "/v1.0/users", "User.Read.All, and AuditLog.Read.All for the last sign-in", "Microsoft Entra ID P1 or P2 for the last sign-in", "guests and own accounts of the MSP, and emergency accounts, in the customer's tenant", false},
	{snapshot.CustomerAccessPolicies, MicrosoftGraph, "/v1.0/identity/conditionalAccess/policies, /v1.0/policies/crossTenantAccessPolicy, /v1.0/policies/identitySecurityDefaultsEnforcementPolicy", "Policy.Read.All", "Microsoft Entra ID P1 or P2", "what the customer demands of, and trusts from, the MSP's people", true},
	{snapshot.CustomerSignIns, MicrosoftGraph, "/beta/auditLogs/signIns", "AuditLog.Read.All", "Microsoft Entra ID P1 or P2", "the MSP's sign-ins as the customer's own log shows them", false},
	{snapshot.CustomerAudits, MicrosoftGraph, "/v1.0/auditLogs/directoryAudits", "AuditLog.Read.All", "P1 or P2 keeps 30 days, else 7", "what the MSP's people changed in the customer's directory", false},
	{snapshot.AzureDelegations, Azure, "/subscriptions, /subscriptions/{id}/providers/Microsoft.ManagedServices/registrationAssignments", "the Azure role Reader on each delegated subscription", "", "who of the MSP holds Azure roles at customers through Azure Lighthouse", true},
	{snapshot.AzureActivity, Azure, "/subscriptions/{id}/providers/Microsoft.Insights/eventtypes/management/values", "the Azure role Reader on each delegated subscription", "", "what the MSP's people did in customers' Azure subscriptions", true},
}

// KindsOf lists the kinds that a service is asked for with a token of the MSP's own
// tenant.
func KindsOf(service Service) (kinds []snapshot.Kind) {
	for _, s := range Sources {
		if s.Service == service && !slices.Contains(snapshot.TenantKinds, s.Kind) {
			kinds = append(kinds, s.Kind)
		}
	}
	return kinds
}

// SourceOf finds the source of a kind.
func SourceOf(kind snapshot.Kind) Source {
	for _, s := range Sources {
		if s.Kind == kind {
			return s
		}
	}
	return Source{Kind: kind}
}

// cure says what an administrator does about a refusal.
func (s Source) cure() string {
	switch {
	case s.Kind == snapshot.Lighthouse:
		return "no app can hold ManagedTenants.Read.All: sign in as a person who has a role in Microsoft 365 Lighthouse, with a credential that may use this delegated permission"
	case s.Service == Azure:
		return "the app needs " + s.Permission + ": name its service principal in the authorisations of the Azure Lighthouse offer, and let the customer deploy it again"
	case s.Service == PartnerCenter:
		return "it takes " + s.Permission + ": add the API under App registrations, API permissions, and register the app in Partner Center under Account settings, App management"
	}
	return "the app needs the application permission " + s.Permission + ": add it in Microsoft Entra under App registrations, API permissions, and grant admin consent"
}
