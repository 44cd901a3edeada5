package collectors_test

import (
	"encoding/json"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"sync"
	"testing"

	"countersign/collectors/snapshot"
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
	served int // rows
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
		m.mu.Lock()
		m.served += len(rows)
		m.mu.Unlock()
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
