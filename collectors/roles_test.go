package collectors_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/snapshot"
	"countersign/fixtures"
)

func expectLines(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s: got\n%s\nwant\n%s", what, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var roleKinds = []snapshot.Kind{snapshot.Licences, snapshot.DirectoryRoles, snapshot.CustomerLicences, snapshot.CustomerRoles, snapshot.CustomerRolePolicies, snapshot.CustomerUsers}

// What the invented MSP and its customers have, as the story tells it; on a Wednesday
// at nine, when those who may activate a role have done so.
func TestRolesOfEveryTenant(t *testing.T) {
	t.Parallel()
	w := worldOf(t, openTenants(), fixtures.ServerOptions{})
	w.at = now.AddDate(0, 0, 1).Add(3 * time.Hour)
	r := w.take(w.everything(roleKinds...))
	tenants := lines(t, w.store, `SELECT object FROM part_coverage WHERE snapshot = ? AND kind = 'customer-licences' ORDER BY object`, r.Snapshot)
	if len(tenants) != 6 {
		t.Fatalf("%d tenants of customers were asked", len(tenants))
	}
	customer := func(i int) string { return w.declared()[i].Tenant }

	const held = `SELECT state || ' ' || r.principal_type || ' ' || r.principal_name || ' ' || coalesce(d.name, r.role) FROM role_instance r
		LEFT JOIN role_definition d ON d.snapshot = r.snapshot AND d.tenant = r.tenant AND d.id = r.role
		WHERE r.snapshot = ? AND r.tenant = ? ORDER BY 1`
	const global, user, exchange, helpdesk = "62e90394-69f5-4237-9190-012177145e10", "fe930be7-5e62-47db-91af-98c3a49a38b1", "29232cdf-9323-42fd-ade2-1d097af3e4de",
		"729827e3-9c14-49f7-bb1b-9608f156bbb8"
	expectLines(t, "the MSP's roles", lines(t, w.store, held, r.Snapshot, w.msp.Tenant()),
		"activated user Saga Lindqvist (admin) "+global,
		"assigned group SG-Entra-Operators "+user,
		`assigned servicePrincipal Northgate enrolment automation =HYPERLINK("http://collect.example","Device reader")`,
		"assigned user Adaeze Okafor (admin) "+global,
		"assigned user Emergency access "+global,
		"assigned user Emergency access "+global,
		"eligible user Jonas Hale (admin) "+helpdesk,
		"eligible user Saga Lindqvist (admin) "+global)
	expectLines(t, "a customer with PIM", lines(t, w.store, held, r.Snapshot, customer(0)),
		"activated user IT "+user, "assigned user Administrator "+global, "assigned user Emergency access "+global, "assigned user Emergency access "+global,
		"assigned user Marek Kowalski "+exchange, "eligible user IT "+user)
	expectLines(t, "a customer without PIM", lines(t, w.store, held, r.Snapshot, customer(3)),
		"plain user Administrator "+global, "plain user Emergency access "+global, "plain user IT "+user, "plain user Northgate administration "+global)
	expectLines(t, "an app of the MSP", lines(t, w.store, `SELECT principal_name FROM role_instance WHERE snapshot = ? AND tenant = ? AND principal_home = ?`, r.Snapshot, customer(6), w.msp.Tenant()),
		"Northgate backup")
	expectLines(t, "groups that stand for rights", lines(t, w.store, `SELECT name || ' ' || agents || ' ' || role_assignable FROM role_group WHERE snapshot = ? ORDER BY name`, r.Snapshot),
		"AdminAgents AdminAgents 0", "HelpdeskAgents HelpdeskAgents 0", "SG-Entra-Operators  1")

	const policy = `SELECT max_activation || ' mfa ' || mfa || ' approval ' || approval || ' ticket ' || ticket || ' context ' || authentication_context FROM role_policy WHERE snapshot = ? AND tenant = ? AND role = ?`
	expectLines(t, "a guarded role", lines(t, w.store, policy, r.Snapshot, customer(0), global), "PT1H mfa 0 approval 1 ticket 1 context c1")
	expectLines(t, "an open role", lines(t, w.store, policy, r.Snapshot, customer(6), global), "PT24H mfa 0 approval 0 ticket 0 context ")
	expectLines(t, "rules of a role", lines(t, w.store, `SELECT count(*) || ' ' || sum(demanded) || ' ' || max(details) FROM policy_rule WHERE snapshot = ? AND tenant = ? AND subject = ?`, r.Snapshot, customer(0), global),
		"17 7 default recipients\nlevel All\nsecurity@alderfinch.example") // all but what an administrator must give to make somebody eligible

	const who = `SELECT name || ' ' || type || ' ' || invitation || ' ' || synced || ' ' || because FROM customer_user WHERE snapshot = ? AND tenant = ? ORDER BY upn`
	expectLines(t, "accounts at a customer", lines(t, w.store, who, r.Snapshot, customer(0)),
		`Administrator Member  0 ["role"]`, `Emergency access Member  0 ["emergency","role"]`, `Emergency access Member  0 ["emergency","role"]`, `IT Member  0 ["role"]`, `Marek Kowalski Guest Accepted 0 ["guest","role"]`)
	expectLines(t, "a declared account that is not there", lines(t, w.store, `SELECT upn || ' ' || because FROM customer_user WHERE snapshot = ? AND tenant = ? AND because LIKE '%missing%'`, r.Snapshot, customer(3)),
		`emergency-2@aigaiou.onmicrosoft.example ["emergency","missing"]`)
	expectLines(t, "an invitation", lines(t, w.store, who+" DESC LIMIT 1", r.Snapshot, customer(5)), `João da Silva Guest PendingAcceptance 0 ["guest"]`)
	const seen = `SELECT count(*) FROM customer_user_activity WHERE snapshot = ? AND tenant = ?`
	expectLines(t, "who signed in", lines(t, w.store, seen, r.Snapshot, customer(0)), "3") // the emergency accounts never did
	expectLines(t, "who signed in, not licensed", lines(t, w.store, seen, r.Snapshot, customer(3)), "0")

	expectLines(t, "licences", lines(t, w.store, `SELECT s.part_number || ' ' || s.status || ' ' || s.enabled || ' ' || s.consumed || ' ' || group_concat(p.name, ' ' ORDER BY p.name) FROM subscribed_sku s
		JOIN service_plan p ON p.snapshot = s.snapshot AND p.tenant = s.tenant AND p.sku = s.sku WHERE s.snapshot = ? AND s.tenant IN (?, ?) GROUP BY s.tenant, s.part_number ORDER BY 1`, r.Snapshot, customer(6), w.msp.Tenant()),
		"AAD_PREMIUM_P2 Enabled 35 35 AAD_PREMIUM_P2", "AAD_PREMIUM_P2 Warning 8 8 AAD_PREMIUM_P2", "ENTERPRISEPACK Enabled 60 52 EXCHANGE_S_ENTERPRISE",
		"SPE_E5 Enabled 45 41 AAD_PREMIUM AAD_PREMIUM_P2 EXCHANGE_S_ENTERPRISE INTUNE_A")

	for _, c := range []struct {
		scope  string
		kind   snapshot.Kind
		state  snapshot.State
		reason string
	}{
		{w.msp.Tenant(), snapshot.DirectoryRoles, snapshot.Complete, ""},
		{w.msp.Tenant(), snapshot.Licences, snapshot.Complete, ""},
		{customer(0), snapshot.CustomerUsers, snapshot.Complete, ""},
		{customer(1), snapshot.CustomerRoles, snapshot.NotPermitted, "must consent to the app"},
		{customer(2), snapshot.CustomerRoles, snapshot.Complete, ""},
		{customer(2), snapshot.CustomerUsers, snapshot.NotPermitted, "AuditLog.Read.All"},
		{customer(3), snapshot.CustomerRoles, snapshot.Complete, "the tenant lacks the licence for it, Microsoft Entra ID P2"},
		{customer(3), snapshot.CustomerUsers, snapshot.Complete, ""},
		{customer(3), snapshot.CustomerRolePolicies, snapshot.NotLicensed, "Microsoft Entra ID P2"},
	} {
		if got := w.stateOf(r, c.scope, c.kind); got.State != c.state || !strings.Contains(got.Reason, c.reason) {
			t.Errorf("%s of %s: %s, %q", c.kind, c.scope, got.State, got.Reason)
		}
	}
	expectConserved(t, w.store, r.Snapshot)
	// Where there is no PIM the evidence says so: it was refused, then asked plainly.
	expectLines(t, "the fallback in the evidence", lines(t, w.store, `SELECT e.status || ' ' || substr(q.value, 1, instr(q.value, '?') - 1) FROM evidence e JOIN ident q ON q.id = e.path
		JOIN part p ON p.id = e.part JOIN ident s ON s.id = p.scope WHERE e.snapshot = ? AND p.kind = 'customer-roles' AND s.value = ? ORDER BY e.seq`, r.Snapshot, customer(3)),
		"400 /v1.0/roleManagement/directory/roleAssignmentScheduleInstances", "200 /v1.0/roleManagement/directory/roleAssignments")
	// Two requests a tenant tell who is there, and two who holds roles.
	expectLines(t, "requests at a customer", lines(t, w.store, `SELECT kind || ' ' || requests FROM part_coverage WHERE snapshot = ? AND scope = ? AND kind IN ('customer-roles', 'customer-users') ORDER BY kind`, r.Snapshot, customer(0)),
		"customer-roles 2", "customer-users 2")
}

// Accounts follow from roles: unless the same run saw those, it is not told who is asked
// for, and what is known of accounts from before stands.
func TestAccountsNeedRoles(t *testing.T) {
	t.Parallel()
	w := worldOf(t, openTenants(), fixtures.ServerOptions{})
	first := w.declared()[0].Tenant
	if got := w.stateOf(w.take(w.everything(snapshot.CustomerUsers)), first, snapshot.CustomerUsers); got.State != snapshot.Failed || !strings.Contains(got.Reason, "customer roles were not seen whole") {
		t.Errorf("without roles: %s, %q", got.State, got.Reason)
	}
	w.take(w.everything(snapshot.CustomerRoles, snapshot.CustomerUsers))
	r := w.take(w.everything(snapshot.CustomerUsers))
	if got := w.stateOf(r, first, snapshot.CustomerUsers); got.State != snapshot.Failed {
		t.Errorf("with the roles of an earlier run: %s, %q", got.State, got.Reason)
	}
	expectLines(t, "holders", lines(t, w.store, `SELECT count(*) FROM customer_user WHERE snapshot = ? AND tenant = ? AND because LIKE '%role%'`, r.Snapshot, first), "5")

	o := w.everything(snapshot.CustomerRoles, snapshot.CustomerUsers)
	o.Domains = nil
	if got := w.stateOf(w.take(o), first, snapshot.CustomerUsers); got.State != snapshot.Failed || !strings.Contains(got.Reason, "msp.domains") {
		t.Errorf("without the MSP's domains: %s, %q", got.State, got.Reason)
	}
	o.Declared.Staff = []snapshot.StaffAccount{{UPN: "Ada@" + strings.ToUpper(w.msp.Domain())}}
	r = w.take(o)
	expectLines(t, "guests by the domain of a declared account", lines(t, w.store, `SELECT name FROM customer_user WHERE snapshot = ? AND tenant = ? AND because LIKE '%guest%'`, r.Snapshot, first), "Marek Kowalski")
}

// Who is in a group that holds a role in a customer's tenant holds it too; where that is
// not told, the coverage says so.
func TestRolesThroughAGroup(t *testing.T) {
	c := small()
	c.rows["/v1.0/roleManagement/directory/roleAssignmentScheduleInstances"] = []string{
		`{"id":"i1","principalId":"rg","roleDefinitionId":"` + snapshot.GlobalAdministrator + `","principal":{"@odata.type":"#microsoft.graph.group","id":"rg","displayName":"Admins"}}`,
		`{"id":"i2","principalId":"rg","roleDefinitionId":"fe930be7-5e62-47db-91af-98c3a49a38b1","principal":{"@odata.type":"#microsoft.graph.group","id":"rg","displayName":"Admins"}}`,
	}
	c.rows["/v1.0/groups/rg/members"] = []string{
		`{"@odata.type":"#microsoft.graph.user","id":"ada","displayName":"Ada","userPrincipalName":"ada_msp.example#EXT#@c.example"}`,
		`{"@odata.type":"#microsoft.graph.user","id":"bo","displayName":"Bo","userPrincipalName":"bo@c.example"}`,
	}
	c.rows["/v1.0/users"] = []string{`{"id":"ada","userPrincipalName":"ada_msp.example#EXT#@c.example","userType":"Guest"}`}
	w := c.start(t)
	run := func() collectors.Result {
		return w.run(func(o *collectors.Options) {
			o.Kinds = []snapshot.Kind{snapshot.CustomerRoles, snapshot.CustomerUsers}
			o.Domains = []string{"msp.example"}
			o.Customer = func(string) (collectors.Client, error) { return o.Client, nil }
			o.Declared.Customers = []snapshot.DeclaredCustomer{{Tenant: "c", Collect: o.Kinds}}
		})
	}
	const held = `SELECT principal || ' ' || principal_type || ' ' || member_type || ' ' || count(*) FROM role_instance WHERE snapshot = ? GROUP BY principal, principal_type, member_type ORDER BY 1`
	r := run()
	expectLines(t, "holders", lines(t, w.store, held, r.Snapshot), "ada user Group 2", "bo user Group 2", "rg group  2")
	expectLines(t, "accounts", lines(t, w.store, `SELECT id || ' ' || because FROM customer_user WHERE snapshot = ?`, r.Snapshot), `ada ["guest","role"]`)
	expectState(t, r, snapshot.CustomerRoles, snapshot.Complete, "who may become a member of it by PIM is not asked")
	expectConserved(t, w.store, r.Snapshot)
	c.refuse["/v1.0/groups/rg/members"] = 403
	r = run()
	expectLines(t, "holders", lines(t, w.store, held, r.Snapshot), "ada user Group 2", "bo user Group 2", "rg group  2")
	expectState(t, r, snapshot.CustomerRoles, snapshot.Complete, "who is in it is not told, and stays as last seen: that needs the application permission GroupMember.Read.All")
}

// An MSP's person may live in a customer's tenant: as a guest whom only the invitation's
// name tells, or by a declared account there. Its domain is the customer's, not the MSP's.
func TestAccountsByName(t *testing.T) {
	c := small()
	c.rows["/v1.0/users"] = []string{
		`{"id":"g1","userPrincipalName":"ada_msp.example#EXT#@c.onmicrosoft.example","mail":"ada@home.example","userType":"Guest"}`,
		`{"id":"g2","userPrincipalName":"eve_other.example#EXT#@c.onmicrosoft.example","mail":"eve@other.example","userType":"Guest"}`,
		`{"id":"s1","userPrincipalName":"msp.admin@c.example","mail":"msp.admin@c.example","userType":"Member"}`,
		`{"id":"c1","userPrincipalName":"boss@c.example","mail":"boss@c.example","userType":"Member"}`,
	}
	w := c.start(t)
	var domains []string
	for n := range 16 {
		domains = append(domains, fmt.Sprintf("msp-%d.example", n))
	}
	r := w.run(func(o *collectors.Options) {
		o.Kinds = []snapshot.Kind{snapshot.CustomerRoles, snapshot.CustomerUsers}
		o.Domains = append(domains, "msp.example")
		o.Customer = func(string) (collectors.Client, error) { return o.Client, nil }
		o.Declared = snapshot.Declared{
			Customers: []snapshot.DeclaredCustomer{{Tenant: "c", Collect: o.Kinds}},
			Staff:     []snapshot.StaffAccount{{UPN: "Msp.Admin@c.example"}, {UPN: "ada@msp.example"}},
		}
	})
	expectLines(t, "accounts", lines(t, w.store, `SELECT id || ' ' || because FROM customer_user WHERE snapshot = ? ORDER BY id`, r.Snapshot), `g1 ["guest"]`, `s1 ["staff"]`)
	filters := lines(t, w.store, `SELECT q.value FROM evidence e JOIN ident q ON q.id = e.path JOIN part p ON p.id = e.part WHERE e.snapshot = ? AND p.kind = 'customer-users' ORDER BY e.seq`, r.Snapshot)
	for i, want := range []string{"userPrincipalName%20eq%20%27msp.admin%40c.example%27", "userType%20eq%20%27Guest%27", "endsWith"} {
		if i >= len(filters) || !strings.Contains(strings.ToLower(filters[i]), strings.ToLower(want)) {
			t.Errorf("request %d of %q does not ask for %s", i, filters, want)
		}
	}
	for _, f := range filters {
		if strings.Count(f, "%20or%20") >= 15 {
			t.Errorf("more than 15 values in one filter: %s", f)
		}
	}
}

var chainKinds = []snapshot.Kind{snapshot.Customers, snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships,
	snapshot.GroupAssignments, snapshot.GroupEligibilities, snapshot.GroupPolicies}

// The shift on call is only eligible for a mapped group: no members list shows it, and
// the people in it may become user administrators.
func TestPeopleOfAnEligibleGroup(t *testing.T) {
	w := worldOf(t, openTenants(), fixtures.ServerOptions{})
	r := w.take(w.everything(chainKinds...))
	access, err := snapshot.LoadAccess(context.Background(), w.store.Read(), r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	mapped, shift := w.msp.GroupID("SG-GDAP-UserAdmin"), w.msp.GroupID("SG-Oncall-Weekend")
	var found []string
	for _, m := range access.Members(mapped) {
		if len(m.Via) == 2 && m.Via[1] == shift {
			found = append(found, access.Principal(m.Principal).UPN+" "+string(m.State))
		}
	}
	slices.Sort(found)
	expectLines(t, "people of the shift", found, "emre.yilmaz.admin@northgate-msp.example eligible", "noa.cohen.admin@northgate-msp.example eligible")
	if got := access.Principal(shift); got.Type != snapshot.TypeGroup || got.Name != "SG-Oncall-Weekend" {
		t.Errorf("the shift: %+v", got)
	}
	expectLines(t, "rules of a group's policy", lines(t, w.store, `SELECT access || ' ' || count(*) FROM policy_rule WHERE snapshot = ? AND subject = ? AND tenant = ? GROUP BY access`, r.Snapshot, mapped, w.msp.Tenant()),
		"member 17", "owner 17")
}

// A service that refuses $expand gives the lists without it, and one that wants role
// assignments filtered is asked role by role.
func TestAskedOtherwise(t *testing.T) {
	const roles = "/v1.0/roleManagement/directory/"
	answers := map[string]string{
		gdap:                            `{"id":"rel","displayName":"x","customer":{"tenantId":"c"},"status":"active","duration":"P1D"}`,
		gdap + "/rel/accessAssignments": `{"id":"a","status":"active","accessContainer":{"accessContainerId":"g1","accessContainerType":"securityGroup"},"accessDetails":{"unifiedRoles":[{"roleDefinitionId":"r1"}]}}`,
		"/v1.0/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances": `{"id":"e","groupId":"g1","principalId":"ada","accessId":"member"}`,
		roles + "roleDefinitions":                          `{"id":"r1","displayName":"one"},{"id":"r2","displayName":"two"}`,
		roles + "roleAssignments roleDefinitionId eq 'r1'": `{"id":"h1","principalId":"ada","roleDefinitionId":"r1","principalOrganizationId":"elsewhere"}`,
		roles + "roleAssignments roleDefinitionId eq 'r2'": `{"id":"h2","principalId":"bo","roleDefinitionId":"r2"}`,
	}
	var mu sync.Mutex
	var refused []string
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		filter := q.URL.Query().Get("$filter")
		code := ""
		switch {
		case strings.Contains(q.URL.Path, "/privilegedAccess/") && q.URL.Query().Get("$expand") != "":
			code = "BadRequest"
		case strings.HasSuffix(q.URL.Path, "Instances") && strings.HasPrefix(q.URL.Path, roles):
			code = "AadPremiumLicenseRequired"
		case q.URL.Path == roles+"roleAssignments" && filter == "":
			code = "Request_BadRequest"
		}
		rw.Header().Set("Content-Type", "application/json")
		if code != "" {
			mu.Lock()
			refused = append(refused, code)
			mu.Unlock()
			rw.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(rw, `{"error":{"code":%q,"message":"no"}}`, code)
			return
		}
		if groupPath.MatchString(q.URL.Path) {
			if !strings.HasSuffix(q.URL.Path, "/g1") {
				rw.WriteHeader(http.StatusNotFound)
			}
			fmt.Fprint(rw, `{"id":"g1","displayName":"group"}`)
			return
		}
		rows, ok := answers[q.URL.Path+" "+filter]
		if !ok {
			rows = answers[q.URL.Path]
		}
		fmt.Fprintf(rw, `{"value":[%s]}`, rows)
	}))
	t.Cleanup(server.Close)
	s := openStore(t, filepath.Join(t.TempDir(), "evidence.db"))
	r, err := collectors.Run(context.Background(), collectors.Options{Tenant: tenant, Client: newClient(t, server.URL, tenant, mode{4, false}), Store: s, At: now, Now: atOnce,
		Kinds: append(slices.Clone(chainKinds), snapshot.DirectoryRoles)})
	if err != nil {
		t.Fatal(err)
	}
	expectWhole(t, s)
	for _, kind := range []snapshot.Kind{snapshot.GroupEligibilities, snapshot.GroupAssignments, snapshot.DirectoryRoles} {
		if got := coverageOf(r, kind); got.State != snapshot.Complete {
			t.Errorf("%s: %s, %q", kind, got.State, got.Reason)
		}
	}
	slices.Sort(refused)
	expectLines(t, "refusals", refused, "AadPremiumLicenseRequired", "BadRequest", "BadRequest", "Request_BadRequest")
	expectLines(t, "eligible", lines(t, s, `SELECT principal || ' ' || type || ' ' || state FROM membership WHERE snapshot = ?`, r.Snapshot), "ada user eligible")
	expectLines(t, "roles", lines(t, s, `SELECT i.state || ' ' || i.principal || ' ' || d.name || ' ' || i.principal_home FROM role_instance i
		JOIN role_definition d ON d.snapshot = i.snapshot AND d.id = i.role WHERE i.snapshot = ? ORDER BY 1`, r.Snapshot), "plain ada one elsewhere", "plain bo two ")
}

// refusing answers 400 with a code in place of what was told, where there is one.
func (w *cannedWorld) refusing(code func(q *http.Request) string) {
	front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		code := code(q)
		if code == "" {
			w.ServeHTTP(rw, q)
			return
		}
		rw.Header().Set("Content-Type", "application/json")
		rw.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(rw, `{"error":{"code":%q,"message":"no"}}`, code)
	}))
	w.Cleanup(front.Close)
	w.url = front.URL
}

// unlicensed refuses the lists of these names as Graph does where the licence is missing.
func (w *cannedWorld) unlicensed(lists ...string) {
	w.refusing(func(q *http.Request) string {
		if slices.Contains(lists, q.URL.Path[strings.LastIndex(q.URL.Path, "/")+1:]) {
			return "AadPremiumLicenseRequired"
		}
		return ""
	})
}

// Where it is not told who stands behind a PIM instance, one that is a group is walked.
func TestAnEligibleGroupOfUnknownType(t *testing.T) {
	c := small()
	c.group("g2")
	c.member("g2", "cy")
	c.rows["eligibilityScheduleInstances g1"] = []string{`{"id":"e","groupId":"g1","principalId":"ada","accessId":"member"}`, `{"id":"f","groupId":"g1","principalId":"g2","accessId":"member"}`}
	w := c.start(t)
	w.refusing(func(q *http.Request) string {
		if q.URL.Query().Get("$expand") == "principal" && strings.Contains(q.URL.Path, "/privilegedAccess/") {
			return "BadRequest"
		}
		return ""
	})
	r := w.run()
	for _, kind := range []snapshot.Kind{snapshot.Groups, snapshot.Memberships, snapshot.GroupEligibilities} {
		expectState(t, r, kind, snapshot.Complete, "")
	}
	expectLines(t, "people of the mapped group", lines(t, w.store, `SELECT principal || ' ' || type || ' ' || state || ' ' || via FROM effective_membership WHERE snapshot = ? AND mapped_group = 'g1' ORDER BY 1`, r.Snapshot),
		`ada user eligible ["g1"]`, `cy user eligible ["g1","g2"]`, `u1 user standing ["g1"]`)
}

// That eligible roles cannot be read any more is said, and ends none of them.
func TestEligibleRolesWithoutALicence(t *testing.T) {
	const roles, eligible, words = "/v1.0/roleManagement/directory/", "roleEligibilityScheduleInstances", "the tenant lacks the licence for it, Microsoft Entra ID P2"
	for _, refused := range [][]string{{eligible}, {eligible, "roleAssignmentScheduleInstances"}} {
		c := newCanned()
		c.rows[roles+eligible] = []string{`{"id":"e","principalId":"ada","roleDefinitionId":"` + snapshot.GlobalAdministrator + `","startDateTime":"2026-01-01T00:00:00Z","principal":{"@odata.type":"#microsoft.graph.user","displayName":"Ada"}}`}
		for _, list := range []string{"roleAssignmentScheduleInstances", "roleAssignments"} {
			c.rows[roles+list] = []string{`{"id":"h","principalId":"bo","roleDefinitionId":"` + snapshot.GlobalAdministrator + `"}`}
		}
		w := c.start(t)
		only := func(o *collectors.Options) { o.Kinds = []snapshot.Kind{snapshot.DirectoryRoles} }
		before := w.run(only)
		expectState(t, before, snapshot.DirectoryRoles, snapshot.Complete, "")
		const known = `SELECT id || principal_name || starts FROM role_instance WHERE snapshot = ? AND state = 'eligible'`
		want := w.column(before, known)
		w.unlicensed(refused...)
		for range 2 {
			r := w.run(only)
			expectState(t, r, snapshot.DirectoryRoles, snapshot.Complete, words)
			expectState(t, r, snapshot.DirectoryRoles, snapshot.Complete, "the eligible roles known from before (1) stay as last seen")
			if got := w.column(r, known); got != want || want == "" {
				t.Errorf("%s refused: eligible %q, before %q", refused, got, want)
			}
		}
		w.store = openStore(t, filepath.Join(t.TempDir(), "evidence.db"))
		expectState(t, w.run(only), snapshot.DirectoryRoles, snapshot.Complete, words)
	}
}

// A list of a part that begins anew drops nothing of the part's other lists, and what
// it brought before is not counted twice. One that begins anew for ever is given up.
func TestOneOfSeveralListsBeginsAnew(t *testing.T) {
	var expires atomic.Int64
	expires.Store(1)
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		row := func(id string) string {
			return fmt.Sprintf(`{"id":%q,"principalId":"ada","roleDefinitionId":%q}`, id, snapshot.GlobalAdministrator)
		}
		switch eligible := strings.HasSuffix(q.URL.Path, "roleEligibilityScheduleInstances"); {
		case eligible && q.URL.Query().Get("$skiptoken") == "":
			fmt.Fprintf(rw, `{"value":[%s],"@odata.nextLink":"http://%s%s?$skiptoken=2"}`, row("e1"), q.Host, q.URL.Path)
		case eligible:
			if expires.Add(-1) >= 0 {
				rw.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(rw, `{"error":{"code":"Directory_ExpiredPageToken","message":"no"}}`)
				return
			}
			fmt.Fprintf(rw, `{"value":[%s]}`, row("e2"))
		case strings.HasSuffix(q.URL.Path, "roleAssignmentScheduleInstances"):
			fmt.Fprintf(rw, `{"value":[%s]}`, row("a1"))
		default:
			fmt.Fprint(rw, `{"value":[]}`)
		}
	}))
	t.Cleanup(server.Close)
	s := openStore(t, filepath.Join(t.TempDir(), "evidence.db"))
	o := collectors.Options{Tenant: tenant, Client: newClient(t, server.URL, tenant, mode{4, false}), Store: s, At: now, Now: atOnce, Kinds: []snapshot.Kind{snapshot.DirectoryRoles}}
	r, err := collectors.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	expectLines(t, "roles", lines(t, s, `SELECT state || ' ' || id FROM role_instance WHERE snapshot = ? ORDER BY 1`, r.Snapshot), "assigned a1", "eligible e1", "eligible e2")
	expectConserved(t, s, r.Snapshot)
	if c := coverageOf(r, snapshot.DirectoryRoles); c.State != snapshot.Complete || c.Rows != 3 || c.Pages != 4 {
		t.Errorf("%+v", c)
	}
	expires.Store(100)
	if r, err = collectors.Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	expectState(t, r, snapshot.DirectoryRoles, snapshot.Partial, "one of several lists began anew each time they were read")
	expectConserved(t, s, r.Snapshot)
}
