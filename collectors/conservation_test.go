package collectors_test

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/collectors"
	"countersign/collectors/snapshot"
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
	snapshot.AccessPackages:    {"fact_access_package", "fact_access_package_policy", "fact_access_package_assignment", "log_access_package_request"},
}

// random fills a Graph with lists in which rows come twice, on pages of any size.
func random(r *rand.Rand) *canned {
	c := newCanned()
	c.page = 1 + r.IntN(4)
	add := func(list string, n int, row func(i int) string) {
		for range r.IntN(n + 1) {
			c.rows[list] = append(c.rows[list], row(r.IntN(n)))
		}
	}
	pim := func(i int, group string) string {
		return fmt.Sprintf(`{"id":"%s_%d","groupId":%q,"principalId":"u%d","accessId":"member"}`, group, i, group, i)
	}
	person := func(i int) string { return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.user","id":"u%d"}`, i) }
	for i := range 3 {
		relationship, group := fmt.Sprintf("r%d", i), fmt.Sprintf("g%d", i)
		c.relationship(relationship, "c", "active")
		c.assign(relationship, group)
		c.assign(relationship, group) // twice the same
		c.group(group)
		add("/v1.0/groups/"+group+"/members", 9, person)
		add("/v1.0/groups/"+group+"/owners", 3, person)
		for _, list := range []string{"assignmentScheduleInstances ", "eligibilityScheduleInstances ", "assignmentScheduleRequests "} {
			add(list+group, 6, func(i int) string { return pim(i, group) })
		}
	}
	add("/v1.0/users", 20, func(i int) string { return fmt.Sprintf(`{"id":"u%d","manager":{"id":"u%d"}}`, i, i+3) })
	add("/v1.0/reports/authenticationMethods/userRegistrationDetails", 20, func(i int) string { return fmt.Sprintf(`{"id":"u%d"}`, i) })
	add("/beta/auditLogs/signIns", 8, func(i int) string { return fmt.Sprintf(`{"id":"s%d","createdDateTime":"2026-08-01T00:00:00Z"}`, i) })
	return c
}

// Every row that came was stored, came twice, or was passed over as outside of what
// was asked; or it came with a list of which it is said why it was not finished: an
// answer that did not come, or one row that cannot be read, named by its place.
func TestNoRowIsLost(t *testing.T) {
	rejected := regexp.MustCompile(`^a row cannot be read: page \d+, row \d+: .+`)
	spoilt := 0
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 1))
		c := random(r)
		var lists []string
		for list, rows := range c.rows {
			if len(rows) > 0 && list != gdap {
				lists = append(lists, list)
			}
		}
		slices.Sort(lists)
		if seed > 3 {
			list := lists[r.IntN(len(lists))]
			c.rows[list][r.IntN(len(c.rows[list]))] = `{"id":7}`
			c.refuse[lists[r.IntN(len(lists))]] = 500
		}
		w := c.start(t)
		result := w.run(func(o *collectors.Options) { o.Kinds = appKinds })
		expectConserved(t, w.store, result.Snapshot)
		received := 0
		for _, p := range parts(t, w.store, result.Snapshot) {
			received += p.Rows
			if p.State != snapshot.Complete {
				spoilt++
				if !rejected.MatchString(p.Reason) && !strings.Contains(p.Reason, "500") {
					t.Errorf("seed %d: %+v", seed, p)
				}
			}
		}
		if received != c.served {
			t.Errorf("seed %d: %d rows were served, %d are accounted for", seed, c.served, received)
		}
	}
	if spoilt < 6 {
		t.Errorf("only %d parts were not seen whole", spoilt)
	}
}
