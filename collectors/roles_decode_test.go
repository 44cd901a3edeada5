package collectors

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// documentedRules are the 17 rules of Microsoft's example policy, in its order.
func documentedRules(subject, access string) []store.Row {
	rule := func(id, kind, caller, level string, demanded bool, duration, details string) store.Row {
		return snapshot.PolicyRule{Tenant: tenantOne, Subject: subject, Access: access, Rule: id, Type: kind, Caller: caller, Level: level,
			Demanded: demanded, Duration: duration, Details: details}
	}
	return []store.Row{
		rule("Expiration_Admin_Eligibility", "Expiration", "Admin", "Eligibility", false, "P365D", ""),
		rule("Enablement_Admin_Eligibility", "Enablement", "Admin", "Eligibility", false, "", ""),
		rule("Notification_Admin_Admin_Eligibility", "Notification", "Admin", "Eligibility", false, "", "default recipients\nlevel All"),
		rule("Notification_Requestor_Admin_Eligibility", "Notification", "Admin", "Eligibility", false, "", "default recipients\nlevel All"),
		rule("Notification_Approver_Admin_Eligibility", "Notification", "Admin", "Eligibility", false, "", "default recipients\nlevel All"),
		rule("Expiration_Admin_Assignment", "Expiration", "Admin", "Assignment", false, "P180D", ""),
		rule("Enablement_Admin_Assignment", "Enablement", "Admin", "Assignment", true, "", "Justification"),
		rule("Notification_Admin_Admin_Assignment", "Notification", "Admin", "Assignment", false, "", "default recipients\nlevel All"),
		rule("Notification_Requestor_Admin_Assignment", "Notification", "Admin", "Assignment", false, "", "default recipients\nlevel All"),
		rule("Notification_Approver_Admin_Assignment", "Notification", "Admin", "Assignment", false, "", "default recipients\nlevel All"),
		rule("Expiration_EndUser_Assignment", "Expiration", "EndUser", "Assignment", true, "PT8H", ""),
		rule("Enablement_EndUser_Assignment", "Enablement", "EndUser", "Assignment", true, "", "Justification\nMultiFactorAuthentication"),
		rule("Approval_EndUser_Assignment", "Approval", "EndUser", "Assignment", false, "", ""),
		rule("AuthenticationContext_EndUser_Assignment", "AuthenticationContext", "EndUser", "Assignment", false, "", ""),
		rule("Notification_Admin_EndUser_Assignment", "Notification", "EndUser", "Assignment", false, "", "default recipients\nlevel All"),
		rule("Notification_Requestor_EndUser_Assignment", "Notification", "EndUser", "Assignment", false, "", "default recipients\nlevel All"),
		rule("Notification_Approver_EndUser_Assignment", "Notification", "EndUser", "Assignment", false, "", "default recipients\nlevel All"),
	}
}

// The values below were written down from the payloads.
func TestDocumentedRolesAndLicences(t *testing.T) {
	const global, custom = "62e90394-69f5-4237-9190-012177145e10", "8424c6f0-a189-499e-bbd0-26c1753c96d4"
	held := func(state, id, principal, role, kind, name string) store.Item {
		r := snapshot.RoleInstance{Tenant: tenantOne, State: state, ID: strings.ToLower(id), Principal: principal, Role: role, Scope: "/", PrincipalType: kind, PrincipalName: name}
		if state != "plain" {
			r.MemberType = "Direct"
		}
		return store.Item{Fact: r}
	}
	eligible := held("eligible", "8MYkhImhnkm70CbBdTyW1BbHHAdHgZdDpbqyEFlRzAs-1-e", "071cc716-8147-4397-a5ba-b2105951cc0b", custom, "", "").Fact.(snapshot.RoleInstance)
	eligible.Starts, eligible.Ends = at("2022-04-12T14:44:50.287Z"), at("2024-04-10T00:00:00Z")
	sku := func(id, part, status string, enabled int, plan snapshot.ServicePlan) store.Item {
		plan.Tenant, plan.SKU, plan.AppliesTo = tenantOne, id, "User"
		return store.Item{Fact: snapshot.SubscribedSKU{Tenant: tenantOne, SKU: id, PartNumber: part, Status: status, AppliesTo: "User", Enabled: enabled, Consumed: 14}, Details: []store.Row{plan}}
	}
	definition := func(id, name string, actions ...string) store.Item {
		return store.Item{Fact: snapshot.RoleDefinition{Tenant: tenantOne, ID: id, Template: id, Name: name, BuiltIn: true, Enabled: true, Actions: actions}}
	}
	const health, tickets, serviceHealth, serviceTickets, portal = "microsoft.azure.serviceHealth/allEntities/allTasks", "microsoft.azure.supportTickets/allEntities/allTasks",
		"microsoft.office365.serviceHealth/allEntities/allTasks", "microsoft.office365.supportTickets/allEntities/allTasks", "microsoft.office365.webPortal/allEntities/standard/read"
	for _, c := range []struct {
		file, kind string
		want       []store.Item
	}{
		{"GET-roleManagement-directory-roleAssignmentScheduleInstances", "held roles", []store.Item{
			held("assigned", "lAPpYvVpN0KRkAEhdxReEAWz5Gtet_xOv8wxvTtTpfg-1", "6be4b305-b75e-4efc-bfcc-31bd3b53a5f8", global, "", ""),
			held("assigned", "lAPpYvVpN0KRkAEhdxReEBLS8lac5ONCgpgBiOW-8JQ-1", "56f2d212-e49c-42e3-8298-0188e5bef094", global, "", "")}},
		{"GET-roleManagement-directory-roleEligibilityScheduleInstances", "eligible roles", []store.Item{{Fact: eligible}}},
		{"GET-roleManagement-directory-roleAssignments-expand-principal", "plain roles", []store.Item{
			held("plain", "lAPpYvVpN0KRkAEhdxReEMmO4KwRqtpKkUWt3wOYIz4-1", "ace08ec9-aa11-4ada-9145-addf0398233e", global, "user", "Joey Cruz"),
			held("plain", "lAPpYvVpN0KRkAEhdxReEC6Xh29-LklLmYDrOIi9z-E-1", "6f87972e-2e7e-4b49-9980-eb3888bdcfe1", global, "user", "Kalyan Krishna"),
			held("plain", "lAPpYvVpN0KRkAEhdxReEMgc_BA2rIZBuZsM-BSqLdU-1", "10fc1cc8-ac36-4186-b99b-0cf814aa2dd5", global, "user", "Markie Downing")}},
		{"GET-roleManagement-directory-roleAssignments-by-principal", "plain roles", []store.Item{
			held("plain", "lAPpYvVpN0KRkAEhdxReEHJ1hPGqSKpHlqMuxhkE9B8-1", "f1847572-48aa-47aa-96a3-2ec61904f41f", global, "", ""),
			held("plain", "LJnv8vs6uUa3z6Em7nTEUXJ1hPGqSKpHlqMuxhkE9B8-1", "f1847572-48aa-47aa-96a3-2ec61904f41f", "f2ef992c-3afb-46b9-b7cf-a126ee74c451", "", "")}},
		{"GET-roleManagement-directory-roleDefinitions", "role definitions", []store.Item{
			definition("729827e3-9c14-49f7-bb1b-9608f156bbb8", "Helpdesk Administrator", health, tickets, "microsoft.directory/users/bitLockerRecoveryKeys/read",
				"microsoft.directory/users/invalidateAllRefreshTokens", "microsoft.directory/users/password/update", serviceHealth, serviceTickets, portal),
			definition("f023fd81-a637-4b56-95fd-791ac0226033", "Service Support Administrator", health, tickets, serviceHealth, serviceTickets, portal),
			definition("b0f54661-2d74-4c50-afa3-1ec803f12efe", "Billing Administrator", health, tickets, "microsoft.commerce.billing/allEntities/allTasks",
				"microsoft.directory/organization/basic/update", serviceHealth, serviceTickets, portal)}},
		{"GET-groups-filter-select", "role groups", []store.Item{{}, {}}}, // neither agents nor role-assignable
		{"GET-policies-roleManagementPolicyAssignments-expand", "role policies", []store.Item{{
			Fact:    snapshot.RolePolicy{Tenant: tenantOne, Role: global, MaxActivation: "PT8H", MFA: true, Justification: true, MaxEligibility: "P365D", MaxAssignment: "P180D"},
			Details: documentedRules(global, "")}}},
		{"GET-subscribedSkus", "licences", []store.Item{
			sku("c7df2760-2c81-4ef7-b578-5b5392b571df", "ENTERPRISEPREMIUM", "Enabled", 25, snapshot.ServicePlan{Plan: "8c098270-9dd4-4350-9b30-ba4703f3b36b", Name: "ADALLOM_S_O365", Status: "Success"}),
			sku("d17b27af-3f49-4822-99f9-56a661538792", "CRMSTANDARD", "Suspended", 0, snapshot.ServicePlan{Plan: "f9646fb2-e3b2-4309-95de-dc4833737456", Name: "CRMSTANDARD", Status: "Disabled"})}},
		{"GET-users-select-signInActivity", "customer users", []store.Item{{}, {}}}, // nobody the MSP answers for
	} {
		t.Run(c.file, func(t *testing.T) {
			for i, raw := range documented(t, c.file) {
				if got, err := decoders[c.kind](raw); err != nil || !reflect.DeepEqual(got, c.want[i]) {
					t.Errorf("got  %+v, %v\nwant %+v", got, err, c.want[i])
				}
			}
		})
	}
}

func TestRoleOdditiesAreKept(t *testing.T) {
	app := decodeText(t, "held roles", `{"id":"I","principalId":"P","roleDefinitionId":"R","directoryScopeId":null,"appScopeId":"/AccessPackageCatalog/x","assignmentType":"ACTIVATED","memberType":"inherited",
		"principal":{"@odata.type":"#microsoft.graph.servicePrincipal","id":"P","displayName":"Backup","appOwnerOrganizationId":"AB"},"startDateTime":"0001-01-01T00:00:00Z"}`).Fact
	if want := (snapshot.RoleInstance{Tenant: tenantOne, State: "activated", ID: "i", Principal: "p", PrincipalType: "servicePrincipal", PrincipalName: "Backup", PrincipalHome: "ab",
		Role: "r", Scope: "/AccessPackageCatalog/x", MemberType: "Inherited"}); app != want {
		t.Errorf("an app of another tenant: %+v", app)
	}
	gone := decodeText(t, "held roles", `{"id":"i","principalId":"p","roleDefinitionId":"r","principal":null,"assignmentType":"lent"}`).Fact.(snapshot.RoleInstance)
	if gone.PrincipalType != "" || gone.State != "lent" {
		t.Errorf("a deleted principal, an unknown type of assignment: %+v", gone)
	}
	if home := decodeText(t, "plain roles", `{"id":"i","principalId":"p","roleDefinitionId":"r","principalOrganizationId":"T"}`).Fact.(snapshot.RoleInstance).PrincipalHome; home != "t" {
		t.Errorf("home of a foreign principal: %q", home)
	}
	agents := decodeText(t, "role groups", `{"id":"G","displayName":"adminagents","isAssignableToRole":null}`).Fact
	if want := (snapshot.RoleGroup{Group: "g", Name: "adminagents", Agents: "AdminAgents"}); agents != want {
		t.Errorf("agents in an odd spelling: %+v", agents)
	}
	grace := decodeText(t, "licences", `{"skuId":"S","capabilityStatus":"warning","appliesTo":"COMPANY","prepaidUnits":{"enabled":0,"warning":5,"suspended":0,"lockedOut":0}}`).Fact
	if want := (snapshot.SubscribedSKU{Tenant: tenantOne, SKU: "s", Status: "Warning", AppliesTo: "Company", Enabled: 5}); grace != want {
		t.Errorf("a product in grace: %+v", grace)
	}
	nested := decodeText(t, "group-eligibilities", `{"id":"i","groupId":"`+asked+`","principalId":"G","accessId":"member","principal":{"@odata.type":"#microsoft.graph.group","id":"g","displayName":"Night shift"}}`)
	if want := []store.Row{snapshot.PIMPrincipal{Group: asked, Principal: "g", Type: "group", Name: "Night shift"}}; !reflect.DeepEqual(nested.Details, want) {
		t.Errorf("an eligible group: %+v", nested.Details)
	}
}

// The id of an instance is base64url of its role and its principal, and how it is held.
// Folded to lower case, two of them could only become one if the 122 random bits of their
// principals differed in nothing but the case of letters.
func TestAnInstanceIDNamesRoleAndPrincipal(t *testing.T) {
	id := func(raw []byte) string { // a GUID's bytes: its first three numbers are little-endian
		return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(raw), binary.LittleEndian.Uint16(raw[4:]), binary.LittleEndian.Uint16(raw[6:]), raw[8:10], raw[10:16])
	}
	for _, list := range []string{"roleAssignmentScheduleInstances", "roleEligibilityScheduleInstances", "roleAssignments-expand-principal"} {
		for _, row := range documented(t, "GET-roleManagement-directory-"+list) {
			var w struct{ ID, PrincipalID, RoleDefinitionID string }
			if err := json.Unmarshal(row, &w); err != nil {
				t.Fatal(err)
			}
			raw, err := base64.RawURLEncoding.DecodeString(w.ID[:43])
			if err != nil || id(raw) != w.RoleDefinitionID || id(raw[16:]) != w.PrincipalID {
				t.Errorf("%+v: %x, %v", w, raw, err)
			}
		}
	}
}

func TestPolicyRulesAreKept(t *testing.T) {
	got := decodeText(t, "role policies", `{"scopeId":"/","scopeType":"DirectoryRole","roleDefinitionId":"R","policy":{"lastModifiedDateTime":"2026-01-02T03:04:05Z","rules":[
		{"@odata.type":"#microsoft.graph.unifiedRoleManagementPolicyNotificationRule","id":"Notification_Admin_EndUser_Assignment","notificationLevel":"Critical","isDefaultRecipientsEnabled":false,"notificationRecipients":["z@msp.example","a@msp.example"],"target":{"caller":"enduser","level":"assignment"}},
		{"@odata.type":"#microsoft.graph.unifiedRoleManagementPolicyAuthenticationContextRule","id":"AuthenticationContext_EndUser_Assignment","isEnabled":true,"claimValue":"c2"},
		{"@odata.type":"#microsoft.graph.unifiedRoleManagementPolicyApprovalRule","id":"Approval_EndUser_Assignment","setting":{"isApprovalRequired":true,"approvalMode":"Serial","approvalStages":[
			{"approvalStageTimeOutInDays":1,"isApproverJustificationRequired":true,"escalationTimeInMinutes":90,"isEscalationEnabled":true,
			"primaryApprovers":[{"@odata.type":"#microsoft.graph.singleUser","userId":"U2"}],"escalationApprovers":[{"@odata.type":"#microsoft.graph.requestorManager"}]},
			{"isEscalationEnabled":false,"primaryApprovers":[{"@odata.type":"#microsoft.graph.groupMembers","groupId":"G1"}],"escalationApprovers":[{"userId":"U9"}]}]}},
		{"@odata.type":"#microsoft.graph.unifiedRoleManagementPolicyApprovalRule","id":"Approval_Admin_Assignment","setting":{"isApprovalRequired":false,"approvalMode":"SingleStage","approvalStages":[{"isApproverJustificationRequired":true,"primaryApprovers":[{"userId":"U2"}]}]}},
		{"@odata.type":"#microsoft.graph.somethingNew","id":"Moon_Phase","maximumDuration":"P1D"}]}}`)
	rule := snapshot.PolicyRule{Tenant: tenantOne, Subject: "r"}
	notified, context, approval, none, unknown := rule, rule, rule, rule, rule
	notified.Rule, notified.Type, notified.Caller, notified.Level, notified.Details = "Notification_Admin_EndUser_Assignment", "Notification", "EndUser", "Assignment", "a@msp.example\nlevel Critical\nz@msp.example"
	context.Rule, context.Type, context.Demanded, context.Details = "AuthenticationContext_EndUser_Assignment", "AuthenticationContext", true, "c2"
	approval.Rule, approval.Type, approval.Demanded, approval.Details = "Approval_EndUser_Assignment", "Approval", true,
		"mode Serial\nstage 1: approver justification\nstage 1: requestorManager after PT90M\nstage 1: time-out P1D\nstage 1: u2\nstage 2: g1"
	none.Rule, none.Type = "Approval_Admin_Assignment", "Approval"
	unknown.Rule, unknown.Type, unknown.Duration = "Moon_Phase", "somethingNew", "P1D"
	want := store.Item{Fact: snapshot.RolePolicy{Tenant: tenantOne, Role: "r", AuthenticationContext: "c2", Approval: true, Approvers: []string{"g1", "requestorManager", "u2"}, Modified: at("2026-01-02T03:04:05Z")},
		Details: []store.Row{notified, context, approval, none, unknown}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestWhoTheMSPAnswersFor(t *testing.T) {
	for text, want := range map[string]string{
		`{"id":"U","userPrincipalName":"admin@contoso.com"}`:                                                               "role",
		`{"id":"x","userPrincipalName":"BG@Contoso.com"}`:                                                                  "emergency",
		`{"id":"u","userPrincipalName":"bg@contoso.com","mail":"ada@FABRIKAM.com"}`:                                        "emergency guest role",
		`{"id":"x","userPrincipalName":"contosoadmin1_fabrikam.com#EXT#@microsoft.onmicrosoft.com"}`:                       "guest", // of Microsoft's example
		`{"id":"x","userPrincipalName":"ada_notfabrikam.com#EXT#@contoso.com","mail":"ada@notfabrikam.com"}`:               "",
		`{"id":"x","userPrincipalName":"ada@contoso.com","mail":"ada@fabrikam.com.evil.example","externalUserState":null}`: "",
	} {
		got := ""
		if fact := decodeText(t, "customer users", text).Fact; fact != nil {
			got = strings.Join(fact.(snapshot.CustomerUser).Because, " ")
		}
		if got != want {
			t.Errorf("%s: because of %q, want %q", text, got, want)
		}
	}
	item := decodeText(t, "customer users", `{"id":"u","mail":null,"userType":"guest","externalUserState":"pendingAcceptance","accountEnabled":true,"onPremisesSyncEnabled":true,
		"createdDateTime":"2026-01-02T03:04:05Z","signInActivity":{"lastSignInDateTime":"2026-02-03T04:05:06Z","lastSuccessfulSignInDateTime":"0001-01-01T00:00:00Z"}}`)
	enabled := true
	want := store.Item{Fact: snapshot.CustomerUser{Tenant: tenantOne, ID: "u", Enabled: &enabled, Type: "Guest", Invitation: "PendingAcceptance", Synced: true, Created: at("2026-01-02T03:04:05Z"), Because: []string{"role"}},
		Details: []store.Row{snapshot.CustomerUserActivity{Tenant: tenantOne, Principal: "u", LastSignIn: at("2026-02-03T04:05:06Z")}}}
	if !reflect.DeepEqual(item, want) {
		t.Errorf("got  %+v\nwant %+v", item, want)
	}
}
