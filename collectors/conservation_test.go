package collectors_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"countersign/collectors/snapshot"
)

// mainTable is where the main fact of each kind is merged to.
var mainTable = map[snapshot.Kind]string{
	snapshot.Customers: "fact_customer", snapshot.Relationships: "fact_relationship", snapshot.AccessAssignments: "fact_access_assignment",
	snapshot.Groups: "fact_directory_group", snapshot.GroupOwners: "fact_group_owner", snapshot.Memberships: "fact_group_member",
	snapshot.GroupEligibilities: "fact_group_eligibility", snapshot.GroupAssignments: "fact_group_assignment", snapshot.GroupActivations: "log_activation",
	snapshot.GroupPolicies: "fact_group_policy", snapshot.Users: "fact_directory_user", snapshot.MFARegistrations: "fact_mfa_registration", snapshot.SignIns: "log_sign_in",
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

// Of every part that was seen whole, each row that came was stored, came twice, or
// was passed over as outside of what was asked.
func TestNoRowIsLost(t *testing.T) {
	for seed := range uint64(4) {
		w := random(rand.New(rand.NewPCG(seed, 1))).start(t)
		r := w.run()
		var parts []struct {
			ID                         int64
			Kind                       snapshot.Kind
			State                      snapshot.State
			Rows, Repeated, PassedOver int
		}
		err := w.store.Read().Select(&parts, `
			SELECT p.id, p.kind, s.state, s.rows, s.repeated, s.passed_over AS passedover FROM part_seen s JOIN part p ON p.id = s.part WHERE s.snapshot = ? ORDER BY p.id`, r.Snapshot)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range parts {
			var stored int
			if err := w.store.Read().GetContext(context.Background(), &stored, `SELECT count(*) FROM `+mainTable[p.Kind]+` WHERE part = ?`, p.ID); err != nil {
				t.Fatal(err)
			}
			if p.State != snapshot.Complete || p.Rows != stored+p.Repeated+p.PassedOver {
				t.Errorf("seed %d: %+v, but %d stored", seed, p, stored)
			}
		}
	}
}
