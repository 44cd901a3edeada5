package collectors_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/snapshot"
	"countersign/fixtures"
)

// population is what the groups and people follow from.
var population = []snapshot.Kind{snapshot.Customers, snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.GroupAssignments,
	snapshot.Memberships, snapshot.GroupEligibilities, snapshot.GroupActivations, snapshot.Users}

func TestPoliciesOfTheMSP(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixtures.ServerOptions{PageSize: 3, Delegated: true}) // several pages of each list
	kinds := append(slices.Clone(population), snapshot.RiskyUsers, snapshot.ConditionalAccess, snapshot.AccessPackages, snapshot.Lighthouse)
	o := w.everything(kinds...)
	o.Delegated = true
	r := w.take(o)
	for _, kind := range kinds {
		if c := coverageOf(r, kind); c.State != snapshot.Complete || c.Pages == 0 {
			t.Errorf("%+v", c)
		}
	}
	same := func(what string, got []string, want ...string) {
		t.Helper()
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	// The reception's dismissed risk is nobody's in reach.
	same("risk", lines(t, w.store, `SELECT upn || ' ' || level || ' ' || state FROM risky_user WHERE snapshot = ? ORDER BY upn`, r.Snapshot),
		"ken.sato.admin@northgate-msp.example high atRisk", "kwame.osei.admin@northgate-msp.example none remediated")
	same("policies", lines(t, w.store, `SELECT substr(name, 1, 5) || ' ' || state || ' ' || grants || ' ' || strength || ' ' || json_array_length(include_roles) || ' ' || json_array_length(exclude_users)
		FROM access_policy WHERE snapshot = ? AND tenant = ? ORDER BY name`, r.Snapshot, w.msp.Tenant()),
		"CA001 enabled [] Phishing-resistant MFA 5 2", `CA002 enabled ["mfa"]  0 2`, `CA003 enabled ["block"]  0 2`, `CA004 enabledForReportingButNotEnforced ["compliantDevice","domainJoinedDevice"]  0 2`)
	same("security defaults", lines(t, w.store, `SELECT tenant || ' ' || enabled FROM security_defaults WHERE snapshot = ?`, r.Snapshot), w.msp.Tenant()+" 0")
	same("Lighthouse", lines(t, w.store, `SELECT privilege || ' ' || onboarding || ' ' || eligibility || ' ' || contract || ' ' || count(*) FROM lighthouse_tenant WHERE snapshot = ? GROUP BY privilege, onboarding, eligibility, contract ORDER BY privilege, onboarding`, r.Snapshot),
		"delegatedAndGranularDelegetedAdminPrivileges active none 2 1", "granularDelegatedAdminPrivileges active none 2 3", "granularDelegatedAdminPrivileges ineligible license 2 1")

	jit, tickets := w.msp.GroupID("SG-GDAP-JIT-Licences"), w.msp.GroupID("SG-GDAP-JIT-ServiceRequests")
	same("packages", lines(t, w.store, `SELECT p.name || ' > ' || coalesce(g.group_id || ' ' || g.access, '') FROM access_package p LEFT JOIN access_package_group g ON g.snapshot = p.snapshot AND g.package = p.id
		WHERE p.snapshot = ? ORDER BY p.name DESC`, r.Snapshot), "JIT: service requests > "+tickets+" member", "JIT: licence changes > "+jit+" member", `<img src=x onerror=alert(1)>=cmd|' /C calc'!A0 > `)
	same("how they are requested", lines(t, w.store, `SELECT name || ' ' || requestors || ' ' || approval || ' ' || json_array_length(approvers) || ' ' || justification || ' ' || duration || ' ' || reviewed || ' ' || (SELECT count(*) FROM access_package_target t WHERE t.snapshot = p.snapshot AND t.policy = p.id) || ' ' || self_request
		FROM access_package_policy p WHERE snapshot = ? ORDER BY name`, r.Snapshot), "Everybody allMemberUsers 0 0 0  0 0 1", "JIT agents specificDirectoryUsers 1 2 1 PT8H 1 4 1", "Site visitors allDirectoryUsers 0 0 0 P365D 0 0 1")
	if got := lines(t, w.store, `SELECT type || ' ' || state FROM access_package_request WHERE snapshot = ? GROUP BY type, state ORDER BY type, state`, r.Snapshot); !slices.Contains(got, "userAdd denied") ||
		!slices.Contains(got, "systemRemove delivered") || !slices.Contains(got, "adminAdd delivered") {
		t.Errorf("requests: %q", got)
	}
	if got := lines(t, w.store, `SELECT justification FROM access_package_request WHERE snapshot = ? AND justification LIKE '%REQ%' AND justification LIKE '%HYPERLINK%'`, r.Snapshot); len(got) == 0 {
		t.Error("the hostile purpose, with the answer to the question, is not kept")
	}
	if got := lines(t, w.store, `SELECT a.upn FROM access_package_request q JOIN access_package_assignment a ON a.snapshot = q.snapshot AND a.id = q.assignment AND a.principal = q.principal
		WHERE q.snapshot = ? AND q.type = 'userAdd' AND q.state = 'delivered'`, r.Snapshot); len(got) < 10 {
		t.Errorf("%d requests lead to an assignment", len(got))
	}

	// Whoever has a package until an end is in its group until then; who stayed behind is
	// there for good.
	same("in the just-in-time group", lines(t, w.store, `SELECT u.upn || ' ' || m.state || ' ' || (m.instance = a.id) || ' ' || (m.ends = a.ends)
		FROM membership m JOIN directory_user u ON u.snapshot = m.snapshot AND u.id = m.principal
		LEFT JOIN access_package_assignment a ON a.snapshot = m.snapshot AND a.principal = m.principal AND a.state = 'delivered' WHERE m.snapshot = ? AND m.group_id = ? AND m.state <> 'eligible'`, r.Snapshot, jit),
		"leila.haddad.admin@northgate-msp.example time-bound 1 1")
	same("who may ask for it", lines(t, w.store, `SELECT u.upn || ' ' || p.name FROM membership m JOIN directory_user u ON u.snapshot = m.snapshot AND u.id = m.principal
		JOIN access_package_policy p ON p.snapshot = m.snapshot AND p.id = m.instance WHERE m.snapshot = ? AND m.group_id = ? AND m.state = 'eligible' ORDER BY u.upn`, r.Snapshot, jit),
		"aoife.murphy.admin@northgate-msp.example JIT agents", "nikos.papadakis.admin@northgate-msp.example JIT agents", "tunde.adeyemi.admin@northgate-msp.example JIT agents", "zofia.nowak.admin@northgate-msp.example JIT agents")
	same("in the other", lines(t, w.store, `SELECT u.upn || ' ' || m.state || ' ' || m.instance FROM membership m JOIN directory_user u ON u.snapshot = m.snapshot AND u.id = m.principal
		WHERE m.snapshot = ? AND m.group_id = ? ORDER BY u.upn`, r.Snapshot, tickets),
		"anton.weber.admin@northgate-msp.example standing ", "marek.kowalski.admin@northgate-msp.example standing ")
}

// An MSP without a premium plan is seen as far as Microsoft shows it: accounts without
// their last sign-in, and its security defaults. Policies that were known stand.
func TestAnMSPWithoutAPremiumPlan(t *testing.T) {
	kinds := append(slices.Clone(population), snapshot.Users, snapshot.ConditionalAccess)
	free, paid := worldOf(t, fixtures.NewMSP(fixtures.Options{Customers: 5, Seed: 5, At: now, NoPremium: true}), fixtures.ServerOptions{PageSize: 1000}), newWorld(t, fixtures.ServerOptions{})
	r, whole := free.take(free.everything(kinds...)), paid.take(paid.everything(kinds...))
	expectState(t, r, snapshot.Users, snapshot.Complete, "when the accounts last signed in was not told")
	expectState(t, r, snapshot.ConditionalAccess, snapshot.Complete, "Conditional Access policies cannot be read")
	const managed = `SELECT upn FROM directory_user WHERE snapshot = ? AND manager <> '' AND enabled = 1 ORDER BY upn`
	all := lines(t, paid.store, managed, whole.Snapshot)
	for _, upn := range lines(t, free.store, managed, r.Snapshot) {
		if !slices.Contains(all, upn) {
			t.Errorf("%s is not among those of the MSP that has the plan", upn)
		}
	}
	for query, want := range map[string]bool{managed: true, `SELECT principal FROM user_activity WHERE snapshot = ?`: false, `SELECT tenant FROM security_defaults WHERE snapshot = ?`: true} {
		if got := lines(t, free.store, query, r.Snapshot); len(got) > 0 != want {
			t.Errorf("%s: %q", query, got)
		}
	}
	paid.serve(free.msp, fixtures.ServerOptions{})
	lapsed := paid.take(paid.everything(kinds...))
	expectState(t, lapsed, snapshot.ConditionalAccess, snapshot.NotLicensed, "Microsoft Entra ID P1 or P2")
	if len(lines(t, paid.store, `SELECT id FROM access_policy WHERE snapshot = ?`, lapsed.Snapshot)) == 0 {
		t.Error("the policies known from before are gone")
	}
}

// A package's group is walked and closed even where no access assignment names it.
func TestPackagesMapGroups(t *testing.T) {
	c := small()
	c.group("g9", "g8", "g7")
	c.member("g9", "u9", "g8")
	c.member("g8", "u8")
	c.member("g7", "u7")
	const em = "/v1.0/identityGovernance/entitlementManagement/"
	c.rows[em+"accessPackages"] = []string{`{"id":"p","resourceRoleScopes":[{"role":{"originSystem":"AadGroup","originId":"Member_G9"}}]}`}
	target := `"allowedTargetScope":"specificDirectoryUsers","specificAllowedTargets":[{"@odata.type":"#microsoft.graph.groupMembers","groupId":"G7"},{"@odata.type":"#microsoft.graph.singleUser","userId":"U6"}]`
	c.rows[em+"assignmentPolicies"] = []string{`{"id":"asked","accessPackage":{"id":"p"},"requestorSettings":{"enableTargetsToSelfAddAccess":true},` + target + `}`,
		`{"id":"direct","accessPackage":{"id":"p"},"requestorSettings":{"enableTargetsToSelfAddAccess":false},` + strings.ReplaceAll(target, "U6", "U5") + `}`}
	c.rows[em+"assignments"] = []string{`{"id":"a","state":"delivered","accessPackage":{"id":"p"},"target":{"objectId":"U9"},
		"schedule":{"startDateTime":"2026-08-18T01:00:00Z","expiration":{"type":"afterDuration","duration":"PT8H"}}}`}
	w := c.start(t)
	r := w.run(func(o *collectors.Options) { o.Kinds = append(slices.Clone(population), snapshot.AccessPackages) })
	if got, want := w.effective(r, "g9"), `u6:eligible:["g9"] u7:eligible:["g9","g7"] u8:standing:["g9","g8"] u9:time-bound:["g9"]`; got != want {
		t.Errorf("in reach of g9: %s\nwant %s", got, want)
	}

	// A list that has to be read anew takes the lists before it along, not away.
	c.page, c.expire = 1, em+"assignments"
	c.rows[em+"assignments"] = append(c.rows[em+"assignments"], `{"id":"b","state":"expired","accessPackage":{"id":"p"},"target":{"objectId":"U1"}}`)
	c.watch(nil)
	r = w.run(func(o *collectors.Options) {
		o.At, o.Kinds = now.Add(time.Hour), []snapshot.Kind{snapshot.AccessPackages}
	})
	if got := w.column(r, `SELECT id FROM access_package WHERE snapshot = ?1 UNION ALL SELECT id FROM access_package_assignment WHERE snapshot = ?1 ORDER BY id`); got != "a b p" {
		t.Errorf("after a list was read anew: %s", got)
	}
	if c.count(em+"accessPackages") != 2 {
		t.Errorf("packages were asked %d times", c.count(em+"accessPackages"))
	}

	// What one list warns of is not forgotten over the next.
	c.rows[em+"accessPackages"] = append(c.rows[em+"accessPackages"], c.rows[em+"accessPackages"]...)
	r = w.run(func(o *collectors.Options) {
		o.At, o.Kinds = now.Add(2*time.Hour), []snapshot.Kind{snapshot.AccessPackages}
	})
	expectState(t, r, snapshot.AccessPackages, snapshot.Complete, "the list moved while it was read")
}

// Of a package that people may get who cannot be listed, the coverage says so.
func TestPackagesForEverybody(t *testing.T) {
	const em = "/v1.0/identityGovernance/entitlementManagement/"
	for _, x := range []struct {
		policy string
		said   bool
	}{
		{`"allowedTargetScope":"specificDirectoryUsers","specificAllowedTargets":[{"groupId":"G7"}],"requestorSettings":{"enableTargetsToSelfAddAccess":true}`, false},
		{`"allowedTargetScope":"notSpecified","requestorSettings":{"enableTargetsToSelfAddAccess":true}`, false},
		{`"allowedTargetScope":"allMemberUsers","requestorSettings":{"enableTargetsToSelfAddAccess":false}`, false},
		{`"allowedTargetScope":"allMemberUsers","requestorSettings":{"enableTargetsToSelfAddAccess":true}`, true},
		{`"allowedTargetScope":"allDirectoryUsers","requestorSettings":{"enableTargetsToSelfAddAccess":true}`, true},
		{`"allowedTargetScope":"specificDirectoryUsers","specificAllowedTargets":[{"groupId":"G7"},{"@odata.type":"#microsoft.graph.attributeRuleMembers","membershipRule":"x"}],"requestorSettings":{"enableTargetsToSelfAddAccess":true}`, true},
		{`"allowedTargetScope":"specificDirectoryUsers","specificAllowedTargets":[{"groupId":"G7"}],"requestorSettings":{"enableOnBehalfRequestorsToAddAccess":true}`, true},
	} {
		c := newCanned()
		c.rows[em+"accessPackages"] = []string{`{"id":"site"}`, `{"id":"p","resourceRoleScopes":[{"role":{"originSystem":"AadGroup","originId":"Member_G9"}}]}`}
		for _, p := range []string{"site", "p"} {
			c.rows[em+"assignmentPolicies"] = append(c.rows[em+"assignmentPolicies"], `{"id":"of `+p+`","accessPackage":{"id":"`+p+`"},`+x.policy+`}`)
		}
		r := c.start(t).run(func(o *collectors.Options) { o.Kinds = []snapshot.Kind{snapshot.AccessPackages} })
		got := coverageOf(r, snapshot.AccessPackages)
		if got.State != snapshot.Complete || strings.HasSuffix(got.Reason, "or lets others ask for them: p") != x.said || !x.said && got.Reason != "" {
			t.Errorf("%s: %s %q", x.policy, got.State, got.Reason)
		}
	}
}

func TestPoliciesOfCustomers(t *testing.T) {
	w := newWorld(t, fixtures.ServerOptions{})
	r := w.take(w.everything(snapshot.CustomerAccessPolicies))
	tenants := w.declared()
	for i, want := range []struct {
		state  snapshot.State
		reason string
	}{
		{snapshot.Complete, ""}, {snapshot.NotPermitted, "must consent to the app"}, {snapshot.Complete, ""}, {snapshot.Complete, "the tenant lacks the licence for them, Microsoft Entra ID P1 or P2"},
	} {
		if c := w.stateOf(r, tenants[i].Tenant, snapshot.CustomerAccessPolicies); c.State != want.state || !strings.Contains(c.Reason, want.reason) || want.state == snapshot.Complete && c.Requests != 4 {
			t.Errorf("customer %d: %+v", i, c)
		}
	}
	if got := lines(t, w.store, `SELECT name || ' ' || exclude_guests FROM access_policy WHERE snapshot = ? ORDER BY name`, r.Snapshot); !slices.Equal(got,
		[]string{`MFA for all but our IT ["b2bDirectConnectUser","serviceProvider"]`, `Require MFA []`}) {
		t.Errorf("policies: %q", got)
	}
	trust := func(tenant, partner string) string {
		return strings.Join(lines(t, w.store, `SELECT coalesce(service_provider, '-') || trusts_mfa || trusts_compliant || trusts_hybrid || guests FROM cross_tenant_access WHERE snapshot = ? AND tenant = ? AND partner = ?`, r.Snapshot, tenant, partner), " ")
	}
	if a, b, c := trust(tenants[0].Tenant, w.msp.Tenant()), trust(tenants[2].Tenant, w.msp.Tenant()), trust(tenants[2].Tenant, "default"); a != "1110" || b != "1000" || c != "-000allowed" {
		t.Errorf("trust: %q, %q, by default %q", a, b, c)
	}
}
