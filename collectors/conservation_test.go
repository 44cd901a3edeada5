package collectors_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/fixtures"
)

// mainTables is where the main fact of each kind is merged to.
var mainTables = map[snapshot.Kind][]string{
	snapshot.Customers: {"fact_customer"}, snapshot.Relationships: {"fact_relationship"}, snapshot.AccessAssignments: {"fact_access_assignment"},
	snapshot.Groups: {"fact_directory_group"}, snapshot.GroupOwners: {"fact_group_owner"}, snapshot.Memberships: {"fact_group_member"},
	snapshot.GroupEligibilities: {"fact_group_eligibility"}, snapshot.GroupAssignments: {"fact_group_assignment"}, snapshot.GroupActivations: {"log_activation"},
	snapshot.GroupPolicies: {"fact_group_policy"}, snapshot.Users: {"fact_directory_user"}, snapshot.MFARegistrations: {"fact_mfa_registration"},
	snapshot.SignIns: {"log_sign_in"}, snapshot.Audits: {"log_audit_event"}, snapshot.Licences: {"fact_subscribed_sku"}, snapshot.RiskyUsers: {"fact_risky_user"},
	snapshot.DirectoryRoles:    {"fact_role_instance", "fact_role_definition", "fact_role_group"},
	snapshot.ConditionalAccess: {"fact_access_policy", "fact_security_defaults"},
	snapshot.GDAPTemplates:     {"fact_gdap_template"},
	snapshot.Lighthouse:        {"fact_lighthouse_tenant"}, snapshot.PartnerCustomers: {"fact_partner_customer"}, snapshot.PartnerAudits: {"log_partner_audit"},
	snapshot.CustomerLicences: {"fact_subscribed_sku"}, snapshot.CustomerRoles: {"fact_role_instance", "fact_role_definition"},
	snapshot.CustomerRolePolicies: {"fact_role_policy"}, snapshot.CustomerUsers: {"fact_customer_user"}, snapshot.CustomerSignIns: {"log_provider_sign_in"},
	snapshot.CustomerAudits: {"log_audit_event"}, snapshot.CustomerAccessPolicies: {"fact_access_policy", "fact_security_defaults", "fact_cross_tenant_access"},
	snapshot.AzureDelegations: {"fact_azure_subscription", "fact_azure_delegation"}, snapshot.AzureActivity: {"log_azure_event"},
	snapshot.AccessPackages: {"fact_access_package", "fact_access_package_policy", "fact_access_package_assignment", "log_access_package_request"},
}

// meddler stands before the fake service: rows come twice, one cannot be read, an
// answer does not come. What it does follows from the seed and from what is asked.
type meddler struct {
	http.Handler
	seed uint64

	mu     sync.Mutex
	served int                         // rows
	rows   map[string][]map[string]any // by tenant and path
}

// note keeps what was served, as the client gets it.
func (m *meddler) note(q *http.Request, rows []json.RawMessage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.served += len(rows)
	claims := struct{ Tid string }{}
	_, token, _ := strings.Cut(q.Header.Get("Authorization"), ".")
	token, _, _ = strings.Cut(token, ".")
	if raw, err := base64.RawURLEncoding.DecodeString(token); err != nil || json.Unmarshal(raw, &claims) != nil {
		panic("whose token is " + token)
	}
	if m.rows == nil {
		m.rows = map[string][]map[string]any{}
	}
	of := claims.Tid + " " + q.URL.Path
	if strings.Contains(q.URL.RawQuery, "visibility") {
		of += " visibility"
	}
	for _, raw := range rows {
		var row map[string]any
		_ = json.Unmarshal(raw, &row) // one object is nil
		m.rows[of] = append(m.rows[of], row)
	}
}

// passable says which rows of a kind may be passed over: those of paths, of the MSP's
// tenant or a customer's, of which outside holds. No row of any other kind may be.
type passable struct {
	words   string
	paths   *regexp.Regexp // after the tenant: own or other
	outside func(row map[string]any, inReach map[string]bool) bool
}

// ofProvider is what makes an entry of a customer's log one about its MSP, whoever did it.
var ofProvider = regexp.MustCompile(`(?i)Partner Customer Delegated|EntraGDAP|partner (to|from) company|Set Partnership|CrossTenantAccessSettings|DelegatedAdminServiceProviderConstraints`)

func anyRow(map[string]any, map[string]bool) bool { return true }

func notInReach(row map[string]any, inReach map[string]bool) bool {
	return !inReach[fmt.Sprint(row["id"])]
}

var passables = map[snapshot.Kind]passable{
	snapshot.Memberships:      {"a group without members, asked whether they are hidden", regexp.MustCompile(`^own /v1\.0/groups/[^/]+ visibility$`), anyRow},
	snapshot.Users:            {"accounts that are in no group, own none and hold no role", regexp.MustCompile(`^own /v1\.0/users$`), notInReach},
	snapshot.MFARegistrations: {"such accounts' registrations", regexp.MustCompile(`^own /v1\.0/reports/`), notInReach},
	snapshot.RiskyUsers:       {"such accounts' risks", regexp.MustCompile(`^own /v1\.0/identityProtection/`), notInReach},
	snapshot.Audits: {"what the directory wrote of users and devices alone", regexp.MustCompile(`^own /v1\.0/auditLogs/`), func(row map[string]any, _ map[string]bool) bool {
		return slices.Contains([]any{"UserManagement", "Device", "Contact"}, row["category"]) && !strings.Contains(fmt.Sprint(row["targetResources"]), "Group") && !strings.Contains(fmt.Sprint(row["targetResources"]), "Role")
	}},
	snapshot.CustomerAudits: {"what was done neither by the MSP's people, masked ones too, nor by the services of GDAP, nor to partners", regexp.MustCompile(`^other /v1\.0/auditLogs/`), func(row map[string]any, _ map[string]bool) bool {
		by, _ := row["initiatedBy"].(map[string]any)
		user, _ := by["user"].(map[string]any)
		home, _ := user["homeTenantId"].(string)
		masked := home == "" && strings.HasPrefix(fmt.Sprint(user["userPrincipalName"]), "user_")
		return home != openTenants().Tenant() && !masked && !ofProvider.MatchString(fmt.Sprint(row))
	}},
	snapshot.CustomerUsers: {"accounts that are neither guests nor hold a role", regexp.MustCompile(`^other /v1\.0/users$`), func(row map[string]any, _ map[string]bool) bool { return row["userType"] != "Guest" }},
	snapshot.DirectoryRoles: {"groups that may hold no role and are no agents'", regexp.MustCompile(`^own /v1\.0/groups$`), func(row map[string]any, _ map[string]bool) bool {
		return row["isAssignableToRole"] != true && !strings.Contains(fmt.Sprint(row["displayName"]), "agents")
	}},
	snapshot.AzureDelegations: {"the MSP's own subscriptions, and delegations to others", regexp.MustCompile(`^own /subscriptions(/[^/]+/providers/Microsoft\.ManagedServices/.*)?$`), func(row map[string]any, _ map[string]bool) bool {
		return row["tenantId"] == openTenants().Tenant() || row["tenantId"] == nil && !strings.Contains(fmt.Sprint(row), "managedByTenantId:"+openTenants().Tenant())
	}},
	snapshot.AzureActivity: {"what others did, but for changes of delegations", regexp.MustCompile(`^own /subscriptions/[^/]+/providers/Microsoft\.Insights/`), func(row map[string]any, _ map[string]bool) bool {
		said := fmt.Sprint(row)
		return !strings.Contains(said, "claims/tenantid:"+openTenants().Tenant()) && !strings.Contains(said, "value:Microsoft.ManagedServices/registrationAssignments/")
	}},
	snapshot.PartnerCustomers: {"the list, whose customers are then asked for one by one", regexp.MustCompile(`^own /v1/customers$`), anyRow},
}

// expectPassedOver: of each kind no more rows were passed over than may be.
func (m *meddler) expectPassedOver(t testing.TB, st *store.Store, id int64) {
	t.Helper()
	inReach := map[string]bool{}
	for _, who := range column[string](t, st, `SELECT principal FROM membership WHERE snapshot = ?1 UNION SELECT principal FROM group_owner WHERE snapshot = ?1 UNION SELECT id FROM directory_user WHERE snapshot = ?1
		UNION SELECT principal FROM role_instance WHERE snapshot = ?1 AND tenant = ?2`, id, openTenants().Tenant()) {
		inReach[who] = true
	}
	passed, none := map[snapshot.Kind]int{}, 0 // none: answers that there is none such group
	for _, p := range parts(t, st, id) {
		passed[p.Kind] += p.PassedOver
		if p.Kind == snapshot.Groups {
			if none += p.PassedOver; p.PassedOver > 1 {
				t.Errorf("%+v", p)
			}
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for kind, n := range passed {
		may, most := passables[kind], 0
		for of, rows := range m.rows {
			tenant, path, _ := strings.Cut(of, " ")
			if may.paths == nil || !may.paths.MatchString(map[bool]string{true: "own ", false: "other "}[tenant == openTenants().Tenant()]+path) {
				continue
			}
			for _, row := range rows {
				if may.outside(row, inReach) {
					most++
				}
			}
		}
		if kind == snapshot.Groups {
			most = len(column[string](t, st, `SELECT principal FROM (SELECT snapshot, principal FROM azure_authorisation UNION
				SELECT snapshot, principal FROM (SELECT snapshot, principal FROM group_assignment UNION SELECT snapshot, principal FROM group_eligibility) WHERE principal NOT IN (SELECT principal FROM pim_principal))
				WHERE snapshot = ?1 AND principal NOT IN (SELECT id FROM directory_group)`, id))
		}
		if n > most {
			t.Errorf("of %s %d rows were passed over, and %d may be: %s", kind, n, most, may.words)
		}
	}
}

func (m *meddler) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.Method != http.MethodGet {
		m.Handler.ServeHTTP(w, q)
		return
	}
	hash := fnv.New64a()
	_, _ = io.WriteString(hash, q.RequestURI)
	r := rand.New(rand.NewPCG(m.seed, hash.Sum64()))
	alters(func(_ *http.Request, _ http.Header, text string) string {
		var body map[string]json.RawMessage
		if err := json.Unmarshal([]byte(text), &body); err != nil {
			panic(err)
		}
		var rows []json.RawMessage
		name := "value"
		if body["items"] != nil {
			name = "items"
		}
		switch err := json.Unmarshal(body[name], &rows); {
		case body["error"] != nil:
			return text
		case err != nil:
			rows = []json.RawMessage{nil} // one object
		case len(rows) > 0:
			if r.IntN(4) == 0 {
				rows = slices.Insert(rows, r.IntN(len(rows)+1), rows[r.IntN(len(rows))])
			}
			if r.IntN(60) == 0 {
				rows[r.IntN(len(rows))] = json.RawMessage(`{"id":{}}`)
			}
			body[name], _ = json.Marshal(rows)
			raw, _ := json.Marshal(body)
			text = string(raw)
		}
		if r.IntN(60) == 0 {
			return "{" // which breaks off
		}
		m.note(q, rows)
		return text
	})(w, q, m.Handler)
}

// Every row that came was stored, came twice, or was passed over as outside of what
// was asked; or it came with a list of which it is said why it was not finished: an
// answer that did not come whole, or one row that cannot be read, named by its place.
func TestNoRowIsLost(t *testing.T) {
	t.Parallel()
	rejected := regexp.MustCompile(`^(a row cannot be read: page \d+, row \d+: .+|broken: .*200: .+)`)
	received, spoilt := map[snapshot.Kind]int{}, 0
	for seed := range uint64(3) {
		w := worldOf(t, openTenants(), fixtures.ServerOptions{PageSize: []int{40, 7, 200}[seed], Delegated: true})
		m := &meddler{Handler: w.server, seed: seed}
		front := httptest.NewServer(m)
		t.Cleanup(front.Close)
		w.url, w.mode.batch = front.URL, false
		o := w.everything()
		o.Delegated = true
		r := w.take(o)
		expectConserved(t, w.store, r.Snapshot)
		m.expectPassedOver(t, w.store, r.Snapshot)
		sum := 0
		for _, p := range parts(t, w.store, r.Snapshot) {
			if p.Kind != snapshot.GDAPTemplates { // from a file
				sum += p.Rows
			}
			received[p.Kind] += p.Rows
			if p.Requests > 0 && (p.State == snapshot.Partial || p.State == snapshot.Failed) {
				spoilt++
				if !rejected.MatchString(p.Reason) {
					t.Errorf("seed %d: %+v", seed, p)
				}
			}
		}
		m.mu.Lock()
		served := m.served
		m.mu.Unlock()
		const none = `SELECT (SELECT count(*) FROM directory_group WHERE snapshot = ?1 AND gone) + (SELECT count(*) FROM customer_user WHERE snapshot = ?1 AND because LIKE '%missing%') +
			(SELECT sum(passed_over) FROM part_coverage WHERE snapshot = ?1 AND kind = 'groups')` // the last: principals that are no groups
		if answers := column[int](t, w.store, none, r.Snapshot)[0]; sum != served+answers {
			t.Errorf("seed %d: %d rows and %d answers that there is none were served, %d are accounted for", seed, served, answers, sum)
		}
	}
	for _, kind := range snapshot.Kinds {
		if received[kind] == 0 || len(mainTables[kind]) == 0 {
			t.Errorf("of %s %d rows came, for the tables %q", kind, received[kind], mainTables[kind])
		}
	}
	if spoilt < 6 {
		t.Errorf("only %d parts were not seen whole", spoilt)
	}
}
