package collectors_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"countersign/collectors"
	"countersign/collectors/snapshot"
)

// turns makes a list lose all its rows for others when its second page is asked for,
// by a token that has expired.
func (c *canned) turns(list string, rows ...string) {
	c.page, c.expire = 1, list
	asked := 0
	c.watch(func(int) {
		if c.asked[len(c.asked)-1] == list {
			if asked++; asked == 2 {
				c.rows[list] = rows
			}
		}
	})
}

// What came before a list began anew is not counted among what it lists.
func TestAListThatShrinksAsItBeginsAnewIsNotBelieved(t *testing.T) {
	c := newCanned()
	for i := range 8 {
		c.relationship(fmt.Sprintf("r%d", i), "c1", "terminated")
	}
	w := c.start(t)
	w.run()
	all := c.rows[gdap]
	c.rows[gdap] = all[:4]
	c.turns(gdap, all[5:]...)
	expectState(t, w.run(), snapshot.Relationships, snapshot.Partial, "3 relationships came where 8 were known")
}

// An emergency account that only the dropped reading showed is missing.
func TestAnEmergencyAccountOfADroppedReadingIsMissing(t *testing.T) {
	user := func(id string) string {
		return fmt.Sprintf(`{"id":%q,"displayName":%q,"userPrincipalName":"%s@c1.example","userType":"Member"}`, id, id, id)
	}
	c := newCanned()
	c.rows["/v1.0/users"] = []string{user("emergency"), user("other")}
	c.turns("/v1.0/users", user("other"))
	w := c.start(t)
	r := w.run(func(o *collectors.Options) {
		o.Kinds = []snapshot.Kind{snapshot.CustomerRoles, snapshot.CustomerUsers}
		o.Domains = []string{"msp.example"}
		o.Declared.Customers = []snapshot.DeclaredCustomer{{Tenant: "c1", Collect: o.Kinds, EmergencyAccounts: []string{"emergency@c1.example"}}}
		o.Customer = func(string) (collectors.Client, error) { return o.Client, nil }
	})
	if got := w.column(r, `SELECT upn || ' ' || because FROM customer_user WHERE snapshot = ?`); got != `emergency@c1.example ["emergency","missing"]` {
		t.Errorf("accounts: %s", got)
	}
}

// Roles are asked for once each, though their list began anew.
func TestRolesAreAskedForOnce(t *testing.T) {
	const roles = "/v1.0/roleManagement/directory/"
	c := newCanned()
	c.rows[roles+"roleDefinitions"] = []string{`{"id":"r1"}`, `{"id":"r2"}`}
	c.turns(roles+"roleDefinitions", `{"id":"r1"}`, `{"id":"r2"}`)
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		filter, code := q.URL.Query().Get("$filter"), ""
		switch {
		case strings.HasSuffix(q.URL.Path, "ScheduleInstances"):
			code = "AadPremiumLicenseRequired"
		case q.URL.Path == roles+"roleAssignments" && filter == "":
			code = "Request_BadRequest"
		case q.URL.Path == roles+"roleAssignments":
			asked = append(asked, filter)
		}
		if code == "" {
			c.ServeHTTP(rw, q)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(rw, `{"error":{"code":%q,"message":"no"}}`, code)
	}))
	t.Cleanup(server.Close)
	w := c.start(t)
	w.url = server.URL
	expectState(t, w.run(func(o *collectors.Options) { o.Kinds = []snapshot.Kind{snapshot.DirectoryRoles} }), snapshot.DirectoryRoles, snapshot.Complete, "")
	slices.Sort(asked)
	expectLines(t, "role by role", asked, "roleDefinitionId eq 'r1'", "roleDefinitionId eq 'r2'")
}
