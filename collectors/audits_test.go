package collectors

import (
	"encoding/json"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"slices"
	"testing"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// Entries of PIM, of which Microsoft publishes no example: keys and order as live
// tenants write them; ids are invented.
func TestPIMEntries(t *testing.T) {
	const (
		rolePIM = `{"id":"PIM_AA1","category":"rolemanagement","correlationId":"C1","result":"Success","resultReason":"Reset the gateway","activityDisplayName":"Add member to role completed (PIM activation)",
			"activityDateTime":"2026-08-10T08:00:03.5Z","loggedByService":"Privileged Identity Management","operationType":"ActivateRole","initiatedBy":{"app":null,"user":{"id":"U1","displayName":"Ada","userPrincipalName":"ada@msp.example","ipAddress":"192.0.2.1"}},
			"targetResources":[{"id":"OBJ","displayName":"User Administrator","type":"role","modifiedProperties":[{"displayName":"RoleDefinitionOriginId","oldValue":"\"\"","newValue":"\"DEF\""},{"displayName":"TemplateId","oldValue":"\"\"","newValue":"\"FE93\""}]},
				{"id":"R0","type":"Request"},{"id":"U1","displayName":"Ada","type":"User"},{"id":"T","displayName":"Panther","type":"Directory"},{"id":null,"type":"Other"}],
			"additionalDetails":[{"key":"RoleDefinitionOriginId","value":"DEF"},{"key":"AuditType","value":"ActivateRole"},{"key":"StartTime","value":"2026-08-10T08:00:02.1234567Z"},{"key":"ExpirationTime","value":"8/10/2026 4:00:02 PM"},
				{"key":"RoleAssignmentRequestId","value":"R1"},{"key":"ticketnumber","value":"INC1"},{"key":"TicketSystem","value":"Desk"},{"key":"wids","value":"x"},{"key":null,"value":null},{"key":"Odd","value":{"a":1}}]}`
		groupPIM = `{"id":"PIM_AA2","category":"GroupManagement","result":"success","resultReason":"Agreed","activityDisplayName":"Add member to role request approved (PIM activation)","activityDateTime":"2026-08-10T09:00:00Z","loggedByService":"PIM",
			"initiatedBy":{"user":{"id":"U2","displayName":"Bo","userPrincipalName":null},"app":null},"targetResources":[{"id":"M","displayName":"Member","type":"Role"},{"id":"R2","type":"Request"},{"id":"G1","displayName":"SG","type":"Directory"},{"id":"U1","displayName":"Ada","type":"Other"}],"additionalDetails":[]}`
		removal = `{"id":"Directory_1","category":"GroupManagement","result":"success","activityDisplayName":"Remove member from group","activityDateTime":"2026-08-10T16:00:03Z","loggedByService":"core directory","operationType":"Unassign",
			"initiatedBy":{"user":null,"app":{"appId":null,"displayName":"MS-PIM","servicePrincipalId":"SP","servicePrincipalName":null}},
			"targetResources":[{"id":"G9","displayName":"Nested","type":"Group","modifiedProperties":[{"displayName":"Group.ObjectID","oldValue":"\"G1\"","newValue":null},{"displayName":"Group.DisplayName","oldValue":"\"SG\"","newValue":null}]}]}`
		role = `{"id":"Directory_2","category":"RoleManagement","result":"timeout","activityDisplayName":"Add member to role","activityDateTime":"2026-08-10T16:00:03Z","loggedByService":"Core Directory","initiatedBy":null,
			"targetResources":[{"id":"U1","type":"User","userPrincipalName":"ada@msp.example","modifiedProperties":[{"displayName":"Role.ObjectID","newValue":"\"OBJ\""},{"displayName":"Role.TemplateId","newValue":"\"FE93\""},{"displayName":"List","newValue":"[1,2]"},{"displayName":"Odd","newValue":7}]}],"additionalDetails":null}`
		bare = `{"id":"X","activityDateTime":"2026-08-10T16:00:03Z","initiatedBy":{"user":null,"app":null},"targetResources":[],"somethingNew":{"x":[1]}}`
	)
	for text, want := range map[string]snapshot.AuditEvent{
		rolePIM: {ID: "pim_aa1", At: at("2026-08-10T08:00:03.5Z"), Activity: "Add member to role completed (PIM activation)", Category: "RoleManagement", Service: "PIM", Operation: "ActivateRole", Result: "success",
			Reason: "Reset the gateway", Actor: "u1", ActorType: "user", ActorName: "ada@msp.example", IP: "192.0.2.1", Target: "obj", TargetType: "role", TargetName: "User Administrator",
			Targets: []string{"role obj", "Request r0", "User u1", "Directory t", "Other"}, Subject: "u1", Role: "fe93", Request: "r1", Justification: "Reset the gateway", Ticket: "INC1", TicketSystem: "Desk",
			Starts: at("2026-08-10T08:00:02.1234567Z"), Ends: at("2026-08-10T16:00:02Z"), Correlation: "c1"},
		groupPIM: {ID: "pim_aa2", At: at("2026-08-10T09:00:00Z"), Activity: "Add member to role request approved (PIM activation)", Category: "GroupManagement", Service: "PIM", Result: "success", Reason: "Agreed",
			Actor: "u2", ActorType: "user", ActorName: "Bo", Target: "m", TargetType: "Role", TargetName: "Member", Targets: []string{"Role m", "Request r2", "Directory g1", "Other u1"}, Group: "g1", Subject: "u1", Role: "member", Request: "r2", Justification: "Agreed"},
		removal: {ID: "directory_1", At: at("2026-08-10T16:00:03Z"), Activity: "Remove member from group", Category: "GroupManagement", Service: "Core Directory", Operation: "Unassign", Result: "success",
			Actor: "sp", ActorType: "app", ActorName: "MS-PIM", Target: "g9", TargetType: "Group", TargetName: "Nested", Targets: []string{"Group g9"}, Group: "g1", Subject: "g9"},
		role: {ID: "directory_2", At: at("2026-08-10T16:00:03Z"), Activity: "Add member to role", Category: "RoleManagement", Service: "Core Directory", Result: "timeout",
			Target: "u1", TargetType: "User", TargetName: "ada@msp.example", Targets: []string{"User u1"}, Subject: "u1", Role: "fe93"},
		bare: {ID: "x", At: at("2026-08-10T16:00:03Z"), Targets: []string{}},
	} {
		want.Tenant = "t"
		if got := decodeText(t, "audits", text).Fact; !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

// Which entries of a customer's log are kept, and which of the MSP's.
func TestAuditsConcern(t *testing.T) {
	const customer, other, user = "c0000000-0000-4000-8000-000000000001", "d0000000-0000-4000-8000-000000000001", `"activityDateTime":"2026-08-10T16:00:03Z","category":"UserManagement","targetResources":[{"id":"U9","type":"User"}]`
	by := func(upn, home string) string {
		return `{"id":"x","initiatedBy":{"user":{"id":"A1","userPrincipalName":"` + upn + `","homeTenantId":` + home + `},"app":null},` + user + `}`
	}
	app := func(id, name string) string {
		return `{"id":"x","initiatedBy":{"user":null,"app":{"appId":` + id + `,"displayName":"` + name + `"}},` + user + `}`
	}
	c := audits{kind: snapshot.CustomerAudits, msp: tenantOfMSP}
	for text, kept := range map[string]bool{
		by("ada_msp.example#EXT#@c.example", `"`+"2C0FA218-5DEC-49DB-8247-CFA457AF8116"+`"`):          true,
		by("user_0123456789abcdef@msp.example", "null"):                                               true,
		by("USER_41@msp.example", `""`):                                                               true,
		by("user_0123456789abcdef@other.example", `"`+other+`"`):                                      false,
		by("user_friendly@c.example", "null"):                                                         false,
		by("admin@c.example", `"`+customer+`"`):                                                       false,
		app(`"2832473F-EC63-45FB-976F-5D45A7D4BB91"`, ""):                                             true,
		app("null", "Partner customer delegated admin offline processor"):                             true,
		app("null", "Contoso HR"):                                                                     false,
		`{"id":"x","initiatedBy":null,` + user + `}`:                                                  false,
		`{"id":"x","activityDateTime":"2026-08-10T16:00:03Z","category":"CrossTenantAccessSettings"}`: true,
		`{"id":"x","activityDateTime":"2026-08-10T16:00:03Z","category":"DirectoryManagement","activityDisplayName":"remove partner from company"}`: true,
	} {
		item, err := c.decode(customer, json.RawMessage(text))
		if err != nil || (item.Fact != nil) != kept {
			t.Errorf("kept %v, %v, want %v: %s", item.Fact != nil, err, kept, text)
		}
	}
	for _, answered := range []string{"a1", "u9"} { // did it, or had it done to it
		c.answered = map[string]bool{answered: true}
		if item, _ := c.decode(customer, json.RawMessage(by("admin@c.example", `"`+customer+`"`))); item.Fact == nil {
			t.Errorf("what concerns %s is passed over", answered)
		}
	}
	own := audits{kind: snapshot.Audits, msp: tenantOfMSP}
	for text, kept := range map[string]bool{
		by("admin@msp.example", "null"): false,
		`{"id":"x","activityDateTime":"2026-08-10T16:00:03Z","category":"UserManagement","targetResources":[{"id":"u","type":"User"},{"id":"g","type":"Group"}]}`: true,
		`{"id":"x","activityDateTime":"2026-08-10T16:00:03Z","category":"RoleManagement","targetResources":[{"id":"u","type":"User"}]}`:                           true,
		`{"id":"x","activityDateTime":"2026-08-10T16:00:03Z","category":"UserManagement","targetResources":[]}`:                                                   true,
	} {
		if item, err := own.decode(tenantOfMSP, json.RawMessage(text)); err != nil || (item.Fact != nil) != kept {
			t.Errorf("kept %v, %v, want %v: %s", item.Fact != nil, err, kept, text)
		}
	}
}

// The MSP answers for its guests and the emergency accounts of a tenant, not for
// whoever else holds a role there.
func TestAnsweredAccounts(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "a.db"), Create: true, Entropy: rand.NewChaCha8([32]byte{7})})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	taken, _, err := st.Begin(t.Context(), at("2026-08-10T16:00:03Z"), tenantOfMSP, "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	for tenant, users := range map[string]map[string]string{"c1": {"u1": "guest", "u2": "role", "u3": "emergency", "u5": "staff"}, "c2": {"u4": "guest"}} {
		stage := taken.Stage(store.Part{Kind: string(snapshot.CustomerUsers), Scope: tenant, Object: tenant})
		for id, because := range users {
			if err == nil {
				err = stage.Put(t.Context(), []store.Item{{Fact: snapshot.CustomerUser{Tenant: tenant, ID: id, Because: []string{because}}}})
			}
		}
		if err == nil {
			err = stage.Finish(t.Context(), store.Seen{State: store.Whole, Asked: taken.At}, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	got, since, err := (&runner{Options: Options{Store: st}, taken: taken}).answered(t.Context(), "c1")
	if want := map[string]bool{"u1": true, "u3": true, "u5": true}; err != nil || since != taken.ID || !maps.Equal(got, want) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// The domain of a declared account is the MSP's own unless it is known to be a customer's.
func TestOwnNames(t *testing.T) {
	st, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "a.db"), Create: true, Entropy: rand.NewChaCha8([32]byte{7})})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	taken, _, err := st.Begin(t.Context(), at("2026-08-10T16:00:03Z"), tenantOfMSP, "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	for kind, fact := range map[snapshot.Kind]store.Row{
		snapshot.PartnerCustomers: snapshot.PartnerCustomer{Tenant: "c1", Domain: "One.example"},
		snapshot.CustomerUsers:    snapshot.CustomerUser{Tenant: "c2", ID: "u1", UPN: "boss@two.example", Because: []string{"role"}},
	} {
		stage := taken.Stage(store.Part{Kind: string(kind), Scope: "c", Object: "c"})
		err = stage.Put(t.Context(), []store.Item{{Fact: fact}})
		if err == nil {
			err = stage.Finish(t.Context(), store.Seen{State: store.Whole, Asked: taken.At}, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	r := &runner{taken: &store.Run{ID: taken.ID + 1}, Options: Options{Store: st, Domains: []string{"MSP.example"}, Declared: snapshot.Declared{
		Customers: []snapshot.DeclaredCustomer{{Tenant: "c3", EmergencyAccounts: []string{"bg@three.example"}}},
		Staff:     []snapshot.StaffAccount{{UPN: "a@one.example"}, {UPN: "a@Two.example"}, {UPN: "a@three.example"}, {UPN: "a@four.example"}, {UPN: "a@msp.example"}, {}},
	}}}
	got, err := r.ownNames(t.Context())
	if want := []string{"four.example", "msp.example"}; err != nil || !slices.Equal(got.domains, want) || len(got.staff) != 5 {
		t.Errorf("%v (%v), want %v", got, err, want)
	}
}

const tenantOfMSP = "2c0fa218-5dec-49db-8247-cfa457af8116"

func TestProviderSignIns(t *testing.T) {
	got := decodeText(t, "customer-signins", `{"id":"S","createdDateTime":"2026-08-10T16:00:03Z","crossTenantAccessType":"ServiceProvider","homeTenantId":"H","resourceTenantId":"T","userId":"U","userDisplayName":"user_41",
		"userPrincipalName":"user_41@msp.example","appDisplayName":"Azure Portal","resourceDisplayName":"Graph","signInEventTypes":["nonInteractiveUser"],"status":{"errorCode":50126},"authenticationRequirement":"singlefactorauthentication",
		"ipAddress":"192.0.2.1","location":{"countryOrRegion":"DE"},"correlationId":"C"}`).Fact
	if want := (snapshot.ProviderSignIn{Tenant: "t", ID: "s", Home: "h", Principal: "u", Name: "user_41", UPN: "user_41@msp.example", At: at("2026-08-10T16:00:03Z"), App: "Azure Portal", Resource: "Graph", ErrorCode: 50126,
		CrossTenant: "serviceProvider", Requirement: "singleFactorAuthentication", IP: "192.0.2.1", Country: "DE", Correlation: "c"}); got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if item := decodeText(t, "customer-signins", `{"id":"s","createdDateTime":"2026-08-10T16:00:03Z","crossTenantAccessType":"b2bCollaboration"}`); item.Fact != nil {
		t.Errorf("a guest's sign-in is taken for a provider's: %+v", item.Fact)
	}
}
