package collectors

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

const (
	theMSP   = "83abe5cd-bcc3-441a-bd86-e6a75360cecc" // that of the documented delegation
	customer = "01c0bcd5-4f47-4e4b-b492-418b7e2a8854"
)

var delegated = snapshot.Part{Kind: snapshot.AzureDelegations, Scope: customer, Object: "0afefe50-734e-4610-8c82-a144aff49dea"}

func decodeDelegation(raw json.RawMessage) (store.Item, error) {
	return azureDelegations{tenant: theMSP}.decode(delegated, raw)
}

// neighbours are the decoders of Azure's and Partner Center's rows.
var neighbours = map[string]func(json.RawMessage) (store.Item, error){
	"subscriptions":     azureSubscriptions{tenant: theMSP}.decode,
	"delegations":       decodeDelegation,
	"activity":          azureActivity{tenant: "1114444b-7467-4144-a616-e3a5d63e147b", subscription: "s1"}.decode,
	"partner-customers": fact(decodePartnerCustomer),
	"partner-audits":    fact(decodePartnerAudit),
}

// neighbourRows reads the rows of a documented payload.
func neighbourRows(t testing.TB, file string) []json.RawMessage {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("testdata/neighbour-doc-examples", file+".json"))
	if errors.Is(err, os.ErrNotExist) {
		raw, err = os.ReadFile(filepath.Join("graph/testdata", file+".json"))
	}
	var list struct{ Value, Items []json.RawMessage }
	if err == nil {
		err = json.Unmarshal(raw, &list)
	}
	if err != nil {
		t.Fatal(err)
	}
	if rows := append(list.Value, list.Items...); rows != nil {
		return rows
	}
	return []json.RawMessage{raw}
}

// The values below were written down from the payloads; the digests were computed
// with another program.
func TestDocumentedNeighbours(t *testing.T) {
	const registered = "/subscriptions/0afefe50-734e-4610-8c82-a144aff49dea/providers/microsoft.managedservices/registrationassignments/484a7d5f-9729-4b87-bc9b-26610985a013"
	yes := true
	for _, c := range []struct {
		file, kind string
		want       []store.Item
	}{
		{"ARM-GET-subscriptions", "subscriptions", []store.Item{
			{Fact: snapshot.AzureSubscription{ID: "291bba3f-e0a5-47bc-a099-3bdcb2a50a05", Customer: "31c75423-32d6-4322-88b7-c478bdde4858", Name: "Example Subscription", State: "Enabled"}},
			{Fact: snapshot.AzureSubscription{ID: "72ac930a-f34e-42d8-b06d-dc2a9e12ed71", Customer: "2a0ff0de-96b2-4859-bb7c-a430d07a3e0c", Name: "Example Subscription2", State: "Enabled"}}}},
		{"ARM-GET-registrationAssignments", "delegations", []store.Item{{
			Fact: snapshot.AzureDelegation{ID: registered, Subscription: delegated.Object, Customer: customer, Managing: theMSP,
				Definition: "/subscriptions/0afefe50-734e-4610-8c82-a144aff49dea/providers/microsoft.managedservices/registrationdefinitions/26c128c2-fefa-4340-9bb1-8e081c90ada2",
				Name:       "DefinitionName", Plan: "marketplace-test/test/addesai-plan", State: "Succeeded"},
			Details: []store.Row{
				snapshot.AzureAuthorisation{Delegation: registered, Principal: "f98d86a2-4cc4-4e9d-ad47-b3e80a1bcdfc", Role: "acdd72a7-3385-48ef-bd42-f606fba81ae7", PrincipalName: "Support User"},
				snapshot.AzureAuthorisation{Delegation: registered, Principal: "f98d86a2-4cc4-4e9d-ad47-b3e80a1bcdfc", Role: "18d7d88d-d35e-4fb5-a5c3-7773c20a72d9", PrincipalName: "User Access Administrator",
					DelegatedRoles: []string{"b24988ac-6180-42a0-ab88-20f7382dd24c"}},
				snapshot.AzureAuthorisation{Delegation: registered, Principal: "700bddf4-2c3b-4cd1-bb02-6a2c622524f4", Role: "8e3af657-a8ff-443c-a75c-2fe8c4bcb635", Eligible: true, MFA: "Azure", MaxActivation: "PT8H"},
			}}}},
		{"ARM-ActivityLog-Administrative-event", "activity", []store.Item{{Fact: snapshot.AzureEvent{Subscription: "s1", ID: "d0d36f97-b29c-4cd9-9d3d-ea2b92af3e9d", At: at("2018-01-29T20:42:31.3810679Z"),
			Caller: "rob@contoso.com", CallerID: "f409edeb-4d29-44b5-9763-ee9348ad91bb", CallerHome: "1114444b-7467-4144-a616-e3a5d63e147b", Operation: "Microsoft.Network/networkSecurityGroups/write",
			Category: "Administrative", Event: "EndRequest", Status: "Succeeded", Resource: "/subscriptions/<subscription id>/resourcegroups/myresourcegroup/providers/microsoft.network/networksecuritygroups/mynsg",
			Correlation: "b5768deb-836b-41cc-803e-3f4de2f9e40b", IP: "111.111.1.111"}}}},
		{"ARM-GET-activityLog", "activity", []store.Item{{}}}, // of another tenant: nothing is kept
		{"PartnerCenter-GET-customer", "partner-customers", []store.Item{{Fact: snapshot.PartnerCustomer{Tenant: "eebd1b55-5360-4438-a11d-5c06918c3014", Name: "1kl as kjk", Domain: "abcdefgh1234.ccsctp.net",
			Relationship: "reseller", Delegated: &yes}}}},
		{"PartnerCenter-GET-customers", "partner-customers", []store.Item{ // the list does not tell of DAP
			{Fact: snapshot.PartnerCustomer{Tenant: "b44bb1fb-c595-45b0-9e09-d657365580bf", Name: "companyName", Domain: "domain", Relationship: "reseller"}},
			{Fact: snapshot.PartnerCustomer{Tenant: "45c44870-ef77-4fdd-b6fe-3dacb075cff2", Name: "companyName", Domain: "domain", Relationship: "reseller"}}}},
		{"PartnerCenter-GET-auditrecords", "partner-audits", []store.Item{
			{Fact: snapshot.PartnerAudit{ID: "4c6fb6c31e99d417b7f34366960946d73a8e7d02c445145e5d25399c8240171e", At: at("2017-06-15T22:56:05.0589308Z"), Customer: "0c39d6d5-c70d-4c55-bc02-f620844f3fd1",
				CustomerName: "Relecloud", Actor: "admin@domain.onmicrosoft.com", Resource: "order", Operation: "create_order", Status: "succeeded",
				Details: "BillingCycle=None\nOfferId-0=C0BD2E08-11AC-4836-BDC7-3712E744922F\nOrderId=d51a052e-043c-4a2a-aa37-2bb938cef6c1\nPartnerOnRecord-0=\nQuantity-0=25\n" +
					"SubscriptionId-0=488745B5-2086-4912-802C-6ABB9F7C3638\nSubscriptionName-0=Office 365 Business Premium Trial"}},
			{Fact: snapshot.PartnerAudit{ID: "a0c5fea8c49f318fadc90ba756a1d9921957a3dd7597ee56f143622985bddad7", At: at("2017-06-01T20:09:07.0450483Z"), Customer: "0c39d6d5-c70d-4c55-bc02-f620844f3fd1",
				CustomerName: "Relecloud", Actor: "admin@domain.onmicrosoft.com", App: "Partner Center Native App", Resource: "license", Operation: "update_customer_user_licenses", Status: "succeeded",
				Details: "AddedLicenseSkuId=efccb6f7-5641-4e0e-bd10-b4976e1bf68e\nCustomerUserId=482e2152-4b49-48ec-b715-823365ce3d4c"}}}},
		{"PartnerCenter-GET-auditrecords-of-a-day", "partner-audits", []store.Item{ // newer records have an id
			{Fact: snapshot.PartnerAudit{ID: "9daaeb1c-4195-4db5-9f1d-509eb70c8c2d_e905b566-4779-4e57-944c-7b1b5312705b_updatecustomeruserlicenses_637346859797753934", At: at("2020-09-02T23:26:19.7753934Z"),
				Customer: "e905b566-4779-4e57-944c-7b1b5312705b", Actor: "admin@testsw09.onmicrosoft.com", App: "FulfillmentService", Resource: "license", Operation: "update_customer_user_licenses", Status: "succeeded",
				Details: "CustomerUserId=933808c7-b165-496c-a24e-1a4b7846fab4"}},
			{Fact: snapshot.PartnerAudit{ID: "9daaeb1c-4195-4db5-9f1d-509eb70c8c2d_86bddccf-9a53-40c6-907c-08067a3f8da7_86bddccf-9a53-40c6-907c-08067a3f8da7_addcustomer_637346648528069005", At: at("2020-09-02T17:34:12.8069005Z"),
				Customer: "86bddccf-9a53-40c6-907c-08067a3f8da7", CustomerName: "CustomMetersStagingTest", Actor: "admin@testsw09.onmicrosoft.com", App: "4990cffe-04e8-4e8b-808a-1175604b879f", Resource: "customer",
				Operation: "add_customer", Status: "succeeded", Details: "PrimaryDomainName=CustomMetersStagingTest.onmicrosoft.com\nRelationship=Reseller"}}}},
	} {
		t.Run(c.file, func(t *testing.T) {
			var got []store.Item
			for _, raw := range neighbourRows(t, c.file) {
				item, err := neighbours[c.kind](raw)
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

func neighbour(t *testing.T, kind, text string) store.Item {
	t.Helper()
	item, err := neighbours[kind](json.RawMessage(text))
	if err != nil {
		t.Fatalf("%s: %v of %s", kind, err, text)
	}
	return item
}

// delegationWith is the documented delegation, changed.
func delegationWith(t *testing.T, old, with string) string {
	t.Helper()
	text := string(neighbourRows(t, "ARM-GET-registrationAssignments")[0])
	if !strings.Contains(text, old) {
		t.Fatalf("no %s in %s", old, text)
	}
	return strings.ReplaceAll(text, old, with)
}

// The approvers stand in the documented definition; its GUIDs are none, and are kept.
func TestDelegationPolicies(t *testing.T) {
	approved := strings.Replace(delegationWith(t, `"maximumActivationDuration": "PT8H"`, `"maximumActivationDuration": "PT2H",
		"managedByTenantApprovers":[{"principalId":"Z9B22CD6-6407-43cc-8c60-07c56df0b51a"},{"principalId":"a1","principalIdDisplayName":"Approver Group"}]`), `"Azure"`, `"NONE"`, 1)
	eligible := neighbour(t, "delegations", approved).Details[2].(snapshot.AzureAuthorisation)
	if strings.Join(eligible.Approvers, " ") != "a1 z9b22cd6-6407-43cc-8c60-07c56df0b51a" || eligible.MFA != "None" || eligible.MaxActivation != "PT2H" {
		t.Errorf("%+v", eligible)
	}
	silent := delegationWith(t, `"justInTimeAccessPolicy"`, `"somethingElse"`) // then the documented defaults hold
	if got := neighbour(t, "delegations", silent).Details[2].(snapshot.AzureAuthorisation); got.MFA != "None" || got.MaxActivation != "PT8H" {
		t.Errorf("%+v", got)
	}
	unsorted := delegationWith(t, `"delegatedRoleDefinitionIds": [`, `"delegatedRoleDefinitionIds": ["C0",`)
	if got := neighbour(t, "delegations", unsorted).Details[1].(snapshot.AzureAuthorisation); strings.Join(got.DelegatedRoles, " ") != "b24988ac-6180-42a0-ab88-20f7382dd24c c0" {
		t.Errorf("%+v", got)
	}
	bare := delegationWith(t, `"roleDefinitionId": "`, `"roleDefinitionId": "/providers/Microsoft.Authorization/roleDefinitions/`)
	if got := neighbour(t, "delegations", bare).Details[0].(snapshot.AzureAuthorisation); got.Role != "acdd72a7-3385-48ef-bd42-f606fba81ae7" {
		t.Errorf("%+v", got)
	}
	if got := neighbour(t, "delegations", delegationWith(t, theMSP, "d6ad82f3-42af-4a15-ac1e-49e6c08f624e")); got.Fact != nil {
		t.Errorf("a delegation to another was kept: %+v", got)
	}
	if got := neighbour(t, "subscriptions", `{"subscriptionId":"s","tenantId":"`+strings.ToUpper(theMSP)+`"}`); got.Fact != nil {
		t.Errorf("the MSP's own subscription was kept: %+v", got)
	}
}

func TestEventsThatAreKept(t *testing.T) {
	const claims = `"claims":{"http://schemas.microsoft.com/identity/claims/tenantid":"1114444B-7467-4144-a616-e3a5d63e147b"`
	event := func(more string) *snapshot.AzureEvent {
		got, _ := neighbour(t, "activity", `{"eventDataId":"E1","eventTimestamp":"2026-05-01T10:00:00Z",`+more+`}`).Fact.(snapshot.AzureEvent)
		return &got
	}
	pim := event(claims + `,"appid":"app-1"},"properties":{"Justification":"Restart\nafter patching","eventCategory":"Administrative","ActionType":"Activate"},"resourceId":"/Subscriptions/S1"`)
	if pim.Justification != "Restart\nafter patching" || pim.Category != "Administrative" || pim.Caller != "app-1" || pim.Resource != "/subscriptions/s1" {
		t.Errorf("%+v", pim)
	}
	if odd := event(claims + `},"properties":"{\"text\":1}","httpRequest":null,"category":null`); odd.ID != "e1" || odd.Category != "" {
		t.Errorf("%+v", odd)
	}
	for operation, kept := range map[string]bool{
		"Microsoft.ManagedServices/registrationAssignments/delete": true, "MICROSOFT.RESOURCES/TENANTS/UNREGISTER/ACTION": true, "Microsoft.Resources/tenants/register/action": true,
		"Microsoft.ManagedServices/register/action": false, "Microsoft.Compute/virtualMachines/write": false,
	} {
		if got := event(`"claims":null,"operationName":{"value":"` + operation + `"}`); (got.ID != "") != kept {
			t.Errorf("%s by the customer: kept is %v", operation, got.ID != "")
		}
	}
}

func TestPartnerAuditsWithoutIDs(t *testing.T) {
	const record = `"operationDate":"2026-05-01T10:00:00.5Z","operationType":"reset_customer_user_password","customizedData":[{"key":"TemporaryPassword","value":"hunter2"},
		{"key":"Note","value":"a\r\nb"},{"key":"Count","value":2},{"key":"clientSecret","value":"hunter2"},{"key":"Nothing"}]`
	got := neighbour(t, "partner-audits", `{`+record+`}`).Fact.(snapshot.PartnerAudit)
	if got.Details != "Count=2\nNote=a b\nNothing=\nTemporaryPassword=(left out)\nclientSecret=(left out)" {
		t.Errorf("%q", got.Details)
	}
	plain := neighbour(t, "partner-audits", `{"customerName": "\u00c4 & <B>", "operationDate": "2026-05-01T10:00:00Z"}`).Fact.(snapshot.PartnerAudit)
	if plain.ID != "54f3b897d3b624e44b52822379943bc72ad68e5de859610278b607d669b432eb" {
		t.Errorf("digest %s", plain.ID)
	}
	for other, same := range map[string]bool{
		`{"attributes":{"etag":"7"},` + record + `}`:                                       true,  // the answer's, not the record's
		`{` + record + `,"resourceNewValue":"{\"password\":\"hunter2\"}"}`:                 false, // another record
		strings.Replace(`{`+record+`}`, "10:00:00.5Z", "10:00:00.6Z", 1):                   false,
		strings.Replace(`{`+record+`}`, `"operationType"`, ` "x":null,"operationType"`, 1): false,
	} {
		if id := neighbour(t, "partner-audits", other).Fact.(snapshot.PartnerAudit).ID; (id == got.ID) != same {
			t.Errorf("%s: the same is %v", other, id == got.ID)
		}
	}
}

func TestNeighbourRowsThatCannotBeRead(t *testing.T) {
	for kind, rows := range map[string][]string{
		"subscriptions":     {`{}`, `{"tenantId":"t"}`, `{"subscriptionId":"s"}`, `[]`},
		"delegations":       {`{}`, `{"id":"/subscriptions/other/x"}`, `{"id":"/subscriptions/0afefe50-734e-4610-8c82-a144aff49dea/x"}`, delegationWith(t, `"principalId"`, `"principal"`), delegationWith(t, `"roleDefinitionId"`, `"role"`)},
		"activity":          {`{}`, `{"eventDataId":"e"}`, `{"eventDataId":"e","eventTimestamp":"yesterday"}`},
		"partner-customers": {`{}`, `{"companyProfile":null}`},
		"partner-audits":    {`{}`, `{"operationDate":"0001-01-01T00:00:00Z"}`, `{"operationDate":"2026-05-01T10:00:00Z","customizedData":{}}`},
	} {
		for _, row := range rows {
			if item, err := neighbours[kind](json.RawMessage(row)); err == nil {
				t.Errorf("%s %s: read as %+v", kind, row, item.Fact)
			}
		}
	}
}
