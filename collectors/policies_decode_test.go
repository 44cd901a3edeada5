package collectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// The values below were written down from the payloads.
func TestDocumentedPolicies(t *testing.T) {
	none, never := []string{}, []string(nil)
	simple := func(id, name, grant string) snapshot.AccessPolicy {
		return snapshot.AccessPolicy{Tenant: "t", ID: id, Name: name, State: "disabled", IncludeUsers: []string{"None"}, ExcludeUsers: none, IncludeGroups: none, ExcludeGroups: none,
			IncludeRoles: none, ExcludeRoles: none, IncludeGuests: none, ExcludeGuests: none, IncludeApps: []string{"None"}, ExcludeApps: none, ClientApps: []string{"all"},
			SignInRisks: none, UserRisks: none, Operator: "OR", Grants: []string{grant}, Narrowed: none}
	}
	demo := simple("6b5e999b-0ba8-4186-a106-e0296c1c4358", "Demo app for documentation", "")
	demo.Created, demo.Modified = at("2019-09-26T23:12:16.0792706Z"), at("2019-09-27T00:12:12.5986473Z")
	demo.IncludeUsers, demo.ExcludeUsers = []string{"a702a13d-a437-4a07-8a7e-8c052de62dfd"}, []string{"124c5b6a-ffa5-483a-9b88-04c3fce5574a", "GuestsOrExternalUsers"}
	demo.IncludeRoles = []string{"9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3", "c4e39bd9-1100-46d3-8c65-fb160da0071f", "cf1c38e5-3621-4004-a7cb-879624dced7c"}
	demo.ExcludeRoles = []string{"b0f54661-2d74-4c50-afa3-1ec803f12efe"}
	demo.IncludeApps = []string{"All"}
	demo.ExcludeApps = []string{"00000007-0000-0000-c000-000000000000", "00000012-0000-0000-c000-000000000000", "05a65629-4c1b-48c1-a78b-804c4abdd4af", "499b84ac-1321-427f-aa17-267ca6975798",
		"797f4846-ba00-4fd7-ba43-dac1f8f63013", "7df0a125-d3be-4c96-aa54-591f83ff541c", "de8bc8b5-d9f9-48b1-a8ad-b748da725064"}
	demo.ClientApps, demo.SignInRisks = []string{"exchangeActiveSync", "mobileAppsAndDesktopClients", "other"}, []string{"low", "medium"}
	demo.Grants = []string{"approvedApplication", "compliantApplication", "compliantDevice", "domainJoinedDevice", "mfa", "termsOfUse"}
	demo.Narrowed = []string{"locations", "platforms"}
	no := false
	coffee := snapshot.LighthouseTenant{Tenant: "34298981-4fc8-4974-9486-c8909ed1521b", Name: "Fourth Coffee", Privilege: "delegatedAdminPrivileges", Contract: "2",
		Onboarding: "ineligible", Created: at("2012-02-20T00:00:00Z")}

	for _, c := range []struct {
		file, kind string
		want       []store.Item
	}{
		{"GET-beta-riskyUsers", "risky-users", []store.Item{{Fact: snapshot.RiskyUser{Principal: "c2b6c2b9-dddc-acd0-2b39-d519d803dbc3", Name: "Jon Doe", UPN: "jon@contoso.com",
			Level: "medium", State: "atRisk", Detail: "none", Updated: at("2018-09-22T00:04:49.1195968Z")}}}},
		{"GET-identity-conditionalAccess-policies", "access-policies", []store.Item{
			{Fact: simple("ad8d2b4a-8d30-413f-88b8-144c6c8d98d9", "SimplePolicy1", "block")}, {Fact: simple("c558e346-969d-40a7-a64e-2df6c2c88490", "SimplePolicy2", "mfa")}}},
		{"GET-identity-conditionalAccess-policy", "access-policies", []store.Item{{Fact: demo}}},
		{"GET-policies-identitySecurityDefaultsEnforcementPolicy", "security-defaults", []store.Item{{Fact: snapshot.SecurityDefaults{Tenant: "t", Enabled: true}}}},
		{"GET-policies-crossTenantAccessPolicy-default", "cross-default", []store.Item{{Fact: snapshot.CrossTenantAccess{Tenant: "t", Partner: "default",
			TrustsMFA: &no, TrustsCompliant: &no, TrustsHybrid: &no, Guests: "allowed"}}}},
		{"GET-policies-crossTenantAccessPolicy-partners", "cross-tenant", []store.Item{{Fact: snapshot.CrossTenantAccess{Tenant: "t", Partner: "123f4846-ba00-4fd7-ba43-dac1f8f63013"}}}},
		{"GET-entitlement-accessPackages", "packages", []store.Item{{Fact: snapshot.AccessPackage{ID: "114d3459-3459-114d-5934-4d1159344d11", Name: "Access package for testing",
			Created: at("2019-01-27T18:19:50.74Z"), Modified: at("2019-01-27T18:19:50.74Z")}}}},
		{"GET-entitlement-accessPackage-resourceRoleScopes", "packages", []store.Item{{
			Fact:    snapshot.AccessPackage{ID: "933a4822-aed1-445b-9623-62116cd07a39", Name: "Test Package 9-9", Catalog: "32efb28c-9a7a-446c-986b-ca6528c6669d"},
			Details: []store.Row{snapshot.AccessPackageGroup{Package: "933a4822-aed1-445b-9623-62116cd07a39", Group: "7b56ede0-9b58-40bd-b11e-b3d18fc32698", Access: "owner"}}}}},
		{"GET-entitlement-assignmentPolicy", "package-policies", []store.Item{{Fact: snapshot.AccessPackagePolicy{ID: "87e1c7f7-c7f7-87e1-f7c7-e187f7c7e187", Name: "All Users",
			Requestors: "allDirectoryUsers", SelfRequest: true, Approvers: never, Duration: "P365D"}}}},
		{"POST-entitlement-assignmentPolicies-stages", "package-policies", []store.Item{{Fact: snapshot.AccessPackagePolicy{ID: "9d8f2361-39be-482e-b267-34ad6baef4d3",
			Package: "a2e1ca1e-4e56-47d2-9daa-e2ba8d12a82b", Name: "policy for external access requests", Requestors: "allConfiguredConnectedOrganizationUsers", SelfRequest: true, Approval: true, Reviewed: true,
			Approvers: []string{"1623f912-5e86-41c2-af47-39dd67582b66", "46184453-e63b-4f20-86c2-c557ed5d5df9", "7deff43e-1f17-44ef-9e5f-d516b0ba11d4", "internalSponsors"}}}}},
		{"GET-entitlement-assignments", "package-assignments", []store.Item{{Fact: snapshot.AccessPackageAssignment{ID: "2a353749-3749-2a35-4937-352a4937352a", State: "delivered", Ends: at("2019-04-25T23:45:40.42Z")}}}},
		{"GET-entitlement-assignment", "package-assignments", []store.Item{{Fact: snapshot.AccessPackageAssignment{ID: "a0134a12-ef14-42ff-adac-6fef258e720a", State: "expired", Ends: at("2022-07-27T21:55:19.69Z")}}}},
		{"GET-entitlement-assignmentRequests", "package-requests", []store.Item{{Fact: snapshot.AccessPackageRequest{ID: "7999249e-249e-7999-9e24-99799e249979", Type: "userAdd", State: "delivered", Status: "Delivered",
			Created: at("2019-10-25T22:55:11.623Z"), Completed: at("2019-10-26T22:55:11.623Z")}}}},
		{"POST-entitlement-assignmentRequest-answers", "package-requests", []store.Item{{Fact: snapshot.AccessPackageRequest{ID: "7a6ab703-0780-4b37-8445-81f679b2d75c", Type: "userAdd", State: "submitted", Status: "Accepted",
			Justification: "This is the answer to a multiple choice question\nThis is my answer."}}}},
		{"POST-entitlement-assignmentRequest-justification", "package-requests", []store.Item{{Fact: snapshot.AccessPackageRequest{ID: "9c1e258d-7723-43b1-ae21-e6eeeb324fe5", Type: "userAdd",
			Justification: "Need access to New Hire access package"}}}},
		{"GET-beta-managedTenants-tenants", "lighthouse", []store.Item{{Fact: coffee}}},
		{"GET-beta-managedTenants-tenant", "lighthouse", []store.Item{{Fact: coffee}}},
	} {
		t.Run(c.file, func(t *testing.T) {
			var got []store.Item
			for _, raw := range documented(t, c.file) {
				item, err := decoders[c.kind](raw)
				if err != nil {
					t.Fatalf("%v in %s", err, raw)
				}
				got = append(got, item)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
}

// A policy must never look wider than it is, whatever Microsoft adds to it.
func TestAccessPolicyConditions(t *testing.T) {
	for _, c := range []struct{ conditions, want string }{
		{`{"platforms":{"includePlatforms":["all"],"excludePlatforms":[]},"locations":{"includeLocations":["All"]},"devices":{"includeDevices":[],"deviceFilter":null},"authenticationFlows":{"transferMethods":"none"}}`, ``},
		{`{"locations":{"includeLocations":["All"],"excludeLocations":["AllTrusted"]}}`, `locations`},
		{`{"devices":{"deviceFilter":{"mode":"exclude","rule":"device.isCompliant -eq True"}},"moonPhase":{"phase":"full"}}`, `devices moonPhase`},
		{`{"clientApplications":{"includeServicePrincipals":["ServicePrincipalsInMyTenant"]},"insiderRiskLevels":"elevated"}`, `clientApplications insiderRiskLevels`},
		{`{"applications":{"includeApplications":["All"],"includeUserActions":["urn:user:registersecurityinfo"],"includeAuthenticationContextClassReferences":[]}}`, `includeUserActions`},
		{`{"users":{"includeUsers":["All"],"excludeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"serviceProvider","externalTenants":{"@odata.type":"#microsoft.graph.conditionalAccessEnumeratedExternalTenants","membershipKind":"enumerated","members":["A0000000-0000-0000-0000-000000000001"]}}}}`,
			`excludeExternalTenants a0000000-0000-0000-0000-000000000001`},
		{`{"users":{"includeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"serviceProvider","externalTenants":{"@odata.type":"#microsoft.graph.conditionalAccessAllExternalTenants","membershipKind":"all"}},"includeMartians":["x"]}}`, `includeMartians`},
		{`{"Locations":{"excludeLocations":["x"]},"USERS":{"includeUsers":["All"]}}`, `Locations`},
		{`null`, ``},
	} {
		got := decodeText(t, "access-policies", `{"id":"p","conditions":`+c.conditions+`}`).Fact.(snapshot.AccessPolicy)
		if strings.Join(got.Narrowed, " ") != c.want {
			t.Errorf("%s: narrowed by %q, want %q", c.conditions, got.Narrowed, c.want)
		}
	}
	got := decodeText(t, "access-policies", `{"id":"P","state":"EnabledForReportingButNotEnforced","conditions":{"users":{"includeUsers":["all","5D3B0000-0000-0000-0000-00000000000F"],
		"excludeGuestsOrExternalUsers":{"guestOrExternalUserTypes":"internalGuest, ServiceProvider,futureGuest"}}},
		"grantControls":{"operator":"and","builtInControls":["MFA"],"customAuthenticationFactors":["RequireDuoMfa"],"authenticationStrength":{"id":"00000000-0000-0000-0000-000000000004","displayName":"Phishing-resistant MFA"}}}`).Fact.(snapshot.AccessPolicy)
	if fmt.Sprintln(got.ID, got.State, got.IncludeUsers, got.ExcludeGuests, got.Operator, got.Grants, got.Strength) !=
		"p enabledForReportingButNotEnforced [5d3b0000-0000-0000-0000-00000000000f All] [futureGuest internalGuest serviceProvider] AND [customAuthenticationFactors mfa] Phishing-resistant MFA\n" {
		t.Errorf("%+v", got)
	}
	for strength, want := range map[string]string{`null`: "", `"strong"`: "strong", `{"id":"S"}`: "S", `7`: "", `{}`: ""} {
		if got := decodeText(t, "access-policies", `{"id":"p","grantControls":{"authenticationStrength":`+strength+`}}`).Fact.(snapshot.AccessPolicy); got.Strength != want {
			t.Errorf("strength %s: %q", strength, got.Strength)
		}
	}
}

func TestCrossTenantTrust(t *testing.T) {
	got := decodeText(t, "cross-tenant", `{"tenantId":"A","isServiceProvider":true,"inboundTrust":{"isMfaAccepted":true,"isCompliantDeviceAccepted":false,"isHybridAzureADJoinedDeviceAccepted":null},
		"b2bCollaborationInbound":{"usersAndGroups":{"accessType":"Blocked"}}}`).Fact.(snapshot.CrossTenantAccess)
	if got.Partner != "a" || !*got.ServiceProvider || !*got.TrustsMFA || *got.TrustsCompliant || got.TrustsHybrid != nil || got.Guests != "blocked" {
		t.Errorf("%+v", got)
	}
}

func TestAccessPackageDetails(t *testing.T) {
	got := decodeText(t, "packages", `{"id":"P","catalog":{"id":"C"},"isHidden":true,"resourceRoleScopes":[
		{"role":{"originSystem":"AadGroup","originId":"Member_G1"}},{"role":{"originSystem":"aadgroup","originId":"Owner_G2"}},{"role":{"originSystem":"AadGroup","originId":"member_g1"}},
		{"role":{"originSystem":"AadGroup","originId":"EligibleMember_G3"}},{"role":{"originSystem":"SharePointOnline","originId":"4"}},{"role":{"originSystem":"AadApplication","originId":"a_b"}},{"role":null}]}`)
	want := store.Item{Fact: snapshot.AccessPackage{ID: "p", Catalog: "c", Hidden: true}, Details: []store.Row{
		snapshot.AccessPackageGroup{Package: "p", Group: "g1", Access: "member"}, snapshot.AccessPackageGroup{Package: "p", Group: "g2", Access: "owner"},
		snapshot.AccessPackageGroup{Package: "p", Group: "g3", Access: "eligiblemember"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	item := decodeText(t, "package-policies", `{"id":"X","allowedTargetScope":"SpecificDirectoryUsers","expiration":{"type":"AfterDateTime","endDateTime":"2026-12-31T00:00:00Z","duration":null},
		"questions":[{"isRequired":false},{"isRequired":true}],"accessPackage":{"id":"P"},"specificAllowedTargets":[{"@odata.type":"#microsoft.graph.groupMembers","groupId":"G7"},
		{"@odata.type":"#microsoft.graph.attributeRuleMembers","membershipRule":"x"},{"@odata.type":"#microsoft.graph.singleUser","userId":"A1"}]}`)
	policy := item.Fact.(snapshot.AccessPackagePolicy)
	if policy.Requestors != "specificDirectoryUsers" || !policy.Until.Equal(at("2026-12-31T00:00:00Z")) || policy.Duration != "" || !policy.Justification || policy.Approval || policy.Reviewed ||
		policy.SelfRequest || !reflect.DeepEqual(item.Details, []store.Row{snapshot.AccessPackageTarget{Policy: "x", Principal: "g7", Type: "group"}, snapshot.AccessPackageTarget{Policy: "x", Principal: "a1", Type: "user"}}) {
		t.Errorf("%+v", item)
	}
	if early := decodeText(t, "package-assignments", `{"id":"A","state":"Expired","schedule":{"startDateTime":"2026-03-01T08:00:00Z","expiration":{"type":"afterDuration","duration":"PT8H"}},
		"expiredDateTime":"2026-03-01T09:30:00Z","target":{"objectId":"U","displayName":"Una","principalName":"una@msp.example"},"accessPackage":{"id":"P"},"assignmentPolicy":{"id":"X"}}`).Fact; !reflect.DeepEqual(early,
		snapshot.AccessPackageAssignment{ID: "a", Package: "p", Policy: "x", Principal: "u", Name: "Una", UPN: "una@msp.example", State: "expired", Starts: at("2026-03-01T08:00:00Z"), Ends: at("2026-03-01T09:30:00Z")}) {
		t.Errorf("%+v", early)
	}
	late := decodeText(t, "package-requests", `{"id":"R","requestType":"UserAdd","state":"Delivered","completedDateTime":"2026-03-01T08:20:00Z","justification":"Ticket INC1",
		"schedule":{"startDateTime":null,"expiration":{"type":"afterDuration","duration":"PT4H"}},"answers":[{"value":"Mailbox repair"}],"requestor":{"objectId":"U"},"assignment":{"id":"A"}}`).Fact.(snapshot.AccessPackageRequest)
	if late.Justification != "Ticket INC1\nMailbox repair" || !late.Ends.Equal(at("2026-03-01T12:20:00Z")) || late.Assignment != "a" || late.Principal != "u" {
		t.Errorf("%+v", late)
	}
	waiting := decodeText(t, "package-requests", `{"id":"R","state":"pendingApproval","schedule":{"expiration":{"type":"afterDuration","duration":"PT4H"}}}`).Fact.(snapshot.AccessPackageRequest)
	if !waiting.Ends.IsZero() {
		t.Errorf("a request that has not begun ends %s", waiting.Ends)
	}
}

func TestLighthouseOddities(t *testing.T) {
	for contract, want := range map[string]string{`2`: "2", `"ResellerPartnerContract"`: "ResellerPartnerContract", `null`: ""} {
		got := decodeText(t, "lighthouse", `{"ID":"T","DisplayName":"Own name","Contract":{"displayname":"x","contracttype":`+contract+`},
			"tenantStatusInformation":{"DelegatedPrivilegeStatus":"DelegatedAndGranularDelegetedAdminPrivileges","OnboardingStatus":"InProcess","tenantOnboardingEligibilityReason":"License"}}`).Fact.(snapshot.LighthouseTenant)
		if got != (snapshot.LighthouseTenant{Tenant: "t", Name: "Own name", Contract: want, Privilege: "delegatedAndGranularDelegetedAdminPrivileges", Onboarding: "inProcess", Eligibility: "license"}) {
			t.Errorf("%+v", got)
		}
	}
}

func TestPoliciesThatCannotBeRead(t *testing.T) {
	for kind, rows := range map[string][]string{
		"risky-users":         {`{"riskLevel":"high"}`, `{"id":"u","riskLastUpdatedDateTime":"yesterday"}`},
		"access-policies":     {`{"displayName":"p"}`, `{"id":"p","conditions":{"users":{"includeUsers":"All"}}}`, `[]`},
		"security-defaults":   {`{"id":"d"}`, `{"isEnabled":null}`, `{"isEnabled":"true"}`},
		"cross-tenant":        {`{}`, `{"tenantId":"t","inboundTrust":{"isMfaAccepted":"yes"}}`},
		"cross-default":       {`{"inboundTrust":[]}`},
		"packages":            {`{"displayName":"x"}`, `{"id":"p","resourceRoleScopes":{}}`},
		"package-policies":    {`{}`},
		"package-assignments": {`{"state":"delivered"}`, `{"id":"a","schedule":{"startDateTime":"2026-01-01T00:00:00Z","expiration":{"type":"afterDuration","duration":"8 hours"}}}`},
		"package-requests":    {`{"state":"delivered"}`},
		"lighthouse":          {`{"displayName":"x"}`, `{"id":"t","contract":{"contractType":{}}}`},
	} {
		for _, row := range rows {
			if item, err := decoders[kind](json.RawMessage(row)); err == nil {
				t.Errorf("%s %s: read as %+v", kind, row, item.Fact)
			}
		}
	}
	if _, err := decodeSecurityDefaults("t", json.RawMessage(`{}`)); !errors.Is(err, errNotTold) {
		t.Errorf("security defaults without a word: %v", err)
	}
}
