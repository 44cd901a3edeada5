package collectors

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
)

// nobody is whom probes ask for: of an id that no object has a list is empty, an object is
// not found, and both say that the question was allowed.
const nobody = snapshot.NoGUID

// objects are the probes that ask one object, not a list.
var objects = []string{"/v1.0/groups/" + nobody, "/v1.0/policies/crossTenantAccessPolicy/default"}

// probes are the cheapest requests that tell whether a kind can be read: one for each
// permission it takes. The activity log of Azure has none: it is asked by subscription.
func probes(kind snapshot.Kind, at time.Time) []string {
	const relationships = "/v1.0/tenantRelationships/delegatedAdminRelationships"
	lately := at.Add(-time.Hour).UTC().Format(time.RFC3339)
	switch kind {
	case snapshot.Customers:
		return []string{"/v1.0/tenantRelationships/delegatedAdminCustomers" + query("$select", "id", "$top", "1")}
	case snapshot.Relationships, snapshot.AccessAssignments:
		return []string{relationships + query("$select", "id", "$top", "1")}
	case snapshot.Groups:
		return []string{"/v1.0/groups/" + nobody + query("$select", "id")}
	case snapshot.GroupOwners:
		return []string{principalsPath(nobody, "owners")}
	case snapshot.Memberships:
		return []string{principalsPath(nobody, "members")}
	case snapshot.GroupAssignments:
		return []string{pimPath("assignmentScheduleInstances", nobody)}
	case snapshot.GroupEligibilities:
		return []string{pimPath("eligibilityScheduleInstances", nobody)}
	case snapshot.GroupActivations:
		return []string{pimPath("assignmentScheduleRequests", nobody)}
	case snapshot.GroupPolicies:
		return []string{"/v1.0/policies/roleManagementPolicyAssignments" + query("$filter", "scopeId eq "+quoted(nobody)+" and scopeType eq 'Group'")}
	case snapshot.Users, snapshot.CustomerUsers:
		return []string{"/v1.0/users" + query("$select", "id,signInActivity", "$top", "1")}
	case snapshot.MFARegistrations:
		return []string{"/v1.0/reports/authenticationMethods/userRegistrationDetails" + query("$filter", "id eq "+quoted(nobody))}
	case snapshot.SignIns, snapshot.CustomerSignIns:
		return []string{"/beta/auditLogs/signIns" + query("$filter", "createdDateTime ge "+lately+" and userId eq "+quoted(nobody), "$top", "1")}
	case snapshot.Audits, snapshot.CustomerAudits:
		return []string{"/v1.0/auditLogs/directoryAudits" + query("$filter", "activityDateTime ge "+lately, "$top", "1")}
	case snapshot.DirectoryRoles, snapshot.CustomerRoles:
		return []string{"/v1.0/roleManagement/directory/roleAssignments" + query("$filter", "principalId eq "+quoted(nobody))}
	case snapshot.CustomerRolePolicies:
		return []string{"/v1.0/policies/roleManagementPolicyAssignments" + query("$filter", "scopeId eq '/' and scopeType eq 'DirectoryRole' and roleDefinitionId eq "+quoted(snapshot.GlobalAdministrator))}
	case snapshot.Licences, snapshot.CustomerLicences:
		return []string{"/v1.0/subscribedSkus" + query("$select", "skuId")}
	case snapshot.RiskyUsers:
		return []string{"/v1.0/identityProtection/riskyUsers" + query("$top", "1")}
	case snapshot.ConditionalAccess:
		return []string{"/v1.0/identity/conditionalAccess/policies" + query("$select", "id")}
	case snapshot.CustomerAccessPolicies:
		return []string{"/v1.0/identity/conditionalAccess/policies" + query("$select", "id"), "/v1.0/policies/crossTenantAccessPolicy/default"}
	case snapshot.AccessPackages:
		return []string{"/v1.0/identityGovernance/entitlementManagement/accessPackages" + query("$select", "id")}
	case snapshot.Lighthouse:
		return []string{"/beta/tenantRelationships/managedTenants/tenants" + query("$top", "1")}
	case snapshot.PartnerCustomers:
		return []string{"/v1/customers" + query("size", "1")}
	case snapshot.PartnerAudits:
		return []string{"/v1/auditrecords" + query("startDate", at.AddDate(0, 0, -1).UTC().Format(time.DateOnly), "endDate", at.UTC().Format(time.DateOnly), "size", "500")}
	case snapshot.AzureDelegations:
		return []string{"/subscriptions" + query("api-version", "2022-12-01")}
	}
	return nil
}

// Reading is whether a kind can be read, and if not why and what to do about it.
type Reading struct {
	Kind   snapshot.Kind
	State  snapshot.State // complete: it can be read
	Reason string
}

// Probe asks once whether a kind of the client's tenant can be read, without keeping anything.
// Of a kind that is asked object by object it tells what can be told without one.
func Probe(ctx context.Context, client Pager, kind snapshot.Kind, at time.Time) (Reading, error) {
	paths := probes(kind, at)
	if len(paths) == 0 {
		return Reading{kind, snapshot.NotAsked, "nothing can be tried before it is collected"}, nil
	}
	for _, path := range paths {
		err := try(ctx, client, path)
		if err == nil || notFound(err) {
			continue
		}
		if errors.Is(err, errNoneDelegated) {
			return Reading{kind, snapshot.NotConfigured, err.Error()}, nil
		}
		state, reason, ours := judge(err, SourceOf(kind), false)
		if ours {
			return Reading{}, err
		}
		return Reading{kind, state, reason}, nil
	}
	return Reading{Kind: kind, State: snapshot.Complete}, nil
}

var (
	errEnough        = errors.New("one page is enough")
	errNoneDelegated = errors.New("no delegated subscription is listed: no customer delegates one, or no offer names the app; Azure lists only those in which the app has a role, so name it as Reader in every Azure Lighthouse offer")
)

// try asks for an object, for the first page of a list or, of subscriptions, for the
// first that is delegated: an empty list is no permission.
func try(ctx context.Context, client Pager, path string) error {
	before, _, _ := strings.Cut(path, "?")
	if slices.Contains(objects, before) {
		_, err := client.Get(ctx, path)
		return err
	}
	subscriptions := before == "/subscriptions"
	err := client.EachPage(ctx, path, func(p graph.Page) error {
		if subscriptions && !slices.ContainsFunc(p.Rows, isDelegated) {
			return nil
		}
		return errEnough
	})
	switch {
	case errors.Is(err, errEnough):
		return nil
	case err == nil && subscriptions:
		return errNoneDelegated
	}
	return err
}

// isDelegated tells a subscription that is managed by another tenant too.
func isDelegated(raw json.RawMessage) bool {
	var w struct{ ManagedByTenants []json.RawMessage }
	return json.Unmarshal(raw, &w) == nil && len(w.ManagedByTenants) > 0
}
