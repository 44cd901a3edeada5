package collectors_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/snapshot"
	"countersign/fixtures"
)

// The MSP's own logs: nothing is lost, and each use of PIM is one, whichever of the two
// sources tell of it.
func TestOwnLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixtures.ServerOptions{PageSize: 200, LogsKept: 30 * 24 * time.Hour})
	w.at = now.Add(5 * time.Hour)
	r := w.take(w.everything(snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.GroupActivations, snapshot.Licences, snapshot.SignIns, snapshot.Audits))
	for _, kind := range []snapshot.Kind{snapshot.SignIns, snapshot.Audits, snapshot.GroupActivations} {
		expectState(t, r, kind, snapshot.Complete, "")
	}
	expectConserved(t, w.store, r.Snapshot)
	if c := coverageOf(r, snapshot.Audits); !c.Since.Equal(w.at.Add(-snapshot.PremiumLogKept)) || !c.Until.Equal(w.at) {
		t.Errorf("window %s to %s, want thirty days: the licence says so", c.Since, c.Until)
	}
	for query, want := range map[string]bool{
		`SELECT count(*) FROM audit_event WHERE snapshot = ? AND reason LIKE '%<script>%'`:                                                                             true,
		`SELECT count(*) FROM audit_event WHERE snapshot = ? AND actor_type = '' AND actor = ''`:                                                                       true,
		`SELECT count(*) FROM audit_event WHERE snapshot = ? AND targets = '[]' AND target = ''`:                                                                       true,
		`SELECT count(*) FROM audit_event WHERE snapshot = ? AND actor_type = 'app' AND actor_name = 'MS-PIM' AND subject <> '' AND group_id <> ''`:                    true,
		`SELECT count(*) FROM audit_event WHERE snapshot = ? AND category = 'UserManagement'`:                                                                          false,
		`SELECT sum(passed_over) FROM part_coverage WHERE snapshot = ? AND kind = 'audits'`:                                                                            true,
		`SELECT count(*) FROM sign_in_context WHERE snapshot = ? AND compliant = 1 AND managed = 1 AND trust = 'Azure AD joined' AND country = 'DE' AND risk = 'none'`: true,
		`SELECT count(*) FROM sign_in_context WHERE snapshot = ? AND country = 'IS' AND risk = 'medium'`:                                                               true,
	} {
		if n := column[int](t, w.store, query, r.Snapshot)[0]; (n > 0) != want {
			t.Errorf("%d: %s", n, query)
		}
	}
	if all, context := column[int](t, w.store, `SELECT count(*) FROM sign_in WHERE snapshot = ?`, r.Snapshot)[0], column[int](t, w.store, `SELECT count(*) FROM sign_in s JOIN sign_in_context c USING (snapshot, id) WHERE s.snapshot = ?`, r.Snapshot)[0]; all == 0 || all != context {
		t.Errorf("%d sign-ins, %d with their context", all, context)
	}
	uses, err := snapshot.LoadPIMActivations(context.Background(), w.store.Read(), r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, u := range uses {
		seen[u.Provider+" "+u.Source]++
		recent := u.At.After(w.at.Add(-6*24*time.Hour)) && u.At.Before(w.at.Add(-time.Hour))
		if u.Provider == snapshot.PIMGroup && recent && (u.Event == "" || u.Request == "") {
			t.Errorf("of the last days, and the log does not tell of it: %+v", u)
		}
		if u.Approver != "" {
			seen["decided"]++
			if u.Approver == u.Principal || u.Decided.IsZero() {
				t.Errorf("decided on one's own request: %+v", u)
			}
		}
	}
	requests := column[int](t, w.store, `SELECT count(*) FROM activation WHERE snapshot = ? AND action = 'selfActivate'`, r.Snapshot)[0]
	if requests == 0 || seen["group request"] != requests || seen["group audit"] != 0 || seen["role audit"] != 3 || seen["azure audit"] != 1 || seen["decided"] == 0 {
		t.Errorf("%d requests; activations by source: %v", requests, seen)
	}
}

// refused counts the requests for paths that end so which were forbidden.
func (w *world) refused(path string) (n int) {
	for _, r := range single(w.server.Journal()) {
		if strings.HasSuffix(r.Path, path) && r.Status == 403 {
			n++
		}
	}
	return n
}

// A log that the app may not read is asked once, not once for each day; all of its days
// say why. One that breaks off is asked on.
func TestARefusedLogIsAskedOnce(t *testing.T) {
	const signIns, audits = "/beta/auditLogs/signIns", "/v1.0/auditLogs/directoryAudits"
	c := small()
	c.refuse[signIns], c.refuse[audits] = 403, 500
	w := c.start(t)
	r := w.run()
	if n := c.count(signIns); n != 1 {
		t.Errorf("asked %d times for the sign-ins", n)
	}
	if n := c.count(audits); n < 7 {
		t.Errorf("asked %d times for the audits", n)
	}
	expectState(t, r, snapshot.SignIns, snapshot.NotPermitted, "31 of 31 not seen whole: not permitted: 403 Authorization_RequestDenied; the app needs the application permission AuditLog.Read.All")
	if got := w.column(r, `SELECT DISTINCT state || ' ' || (reason LIKE '%AuditLog.Read.All%') || ' ' || (since < until) FROM part_coverage WHERE snapshot = ? AND kind = 'signins'`); got != "not-permitted 1 1" {
		t.Errorf("the days say %s", got)
	}
	if c := coverageOf(r, snapshot.SignIns); !c.Since.Equal(now.Add(-snapshot.PremiumLogKept)) || !c.Until.Equal(now) {
		t.Errorf("of %s to %s", c.Since, c.Until)
	}
	delete(c.refuse, signIns)
	expectState(t, w.run(), snapshot.SignIns, snapshot.Complete, "")
}

// Customers' own logs, each opened or closed as that customer has it.
func TestCustomersLogs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixtures.ServerOptions{PageSize: 200, LogsKept: 30 * 24 * time.Hour})
	w.at = now.Add(5 * time.Hour)
	o := w.everything(snapshot.SignIns, snapshot.CustomerLicences, snapshot.CustomerSignIns, snapshot.CustomerAudits)
	r := w.take(o)
	parts, err := snapshot.LoadParts(context.Background(), w.store.Read(), r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]snapshot.Coverage{}
	for _, c := range parts.Tenants() {
		got[c.Scope+" "+string(c.Kind)] = c
	}
	for i, want := range []struct {
		signIns, audits snapshot.State
		words           string
	}{
		{snapshot.Complete, snapshot.Complete, ""},
		{snapshot.NotPermitted, snapshot.NotPermitted, "consent to the app"},
		{snapshot.NotPermitted, snapshot.NotPermitted, "AuditLog.Read.All"},
		{snapshot.NotLicensed, snapshot.Complete, "Microsoft Entra ID P1 or P2"},
	} {
		tenant := o.Declared.Customers[i].Tenant
		signIns, audits := got[tenant+" customer-signins"], got[tenant+" customer-audits"]
		if signIns.State != want.signIns || audits.State != want.audits || !strings.Contains(signIns.Reason, want.words) {
			t.Errorf("customer %d: sign-ins %s %q, audits %s %q", i, signIns.State, signIns.Reason, audits.State, audits.Reason)
		}
	}
	for path, want := range map[string]int{"/beta/auditLogs/signIns": 2, "/v1.0/auditLogs/directoryAudits": 1} { // one for each customer that refuses
		if n := w.refused(path); n != want {
			t.Errorf("%s was refused %d times, want %d", path, n, want)
		}
	}
	expectConserved(t, w.store, r.Snapshot)
	for query, want := range map[string]int{
		`SELECT count(*) FROM provider_sign_in p WHERE p.snapshot = ? AND NOT EXISTS (SELECT 1 FROM sign_in s WHERE s.snapshot = p.snapshot AND s.correlation = p.correlation AND s.customer = p.tenant)`:                                                                      1, // whom nobody knows
		`SELECT count(*) FROM sign_in s WHERE s.snapshot = ? AND s.customer IN (SELECT tenant FROM provider_sign_in) AND s.cross_tenant = 'serviceProvider' AND NOT EXISTS (SELECT 1 FROM provider_sign_in p WHERE p.snapshot = s.snapshot AND p.correlation = s.correlation)`: 0,
		`SELECT count(*) FROM provider_sign_in WHERE snapshot = ? AND (upn NOT LIKE 'user\_%' ESCAPE '\' OR cross_tenant <> 'serviceProvider' OR home <> '` + w.msp.Tenant() + `')`:                                                                                            0,
		`SELECT sum(passed_over) FROM part_coverage WHERE snapshot = ? AND kind = 'customer-signins'`:                                                                                                                                                                          0,
		`SELECT count(*) FROM audit_event WHERE snapshot = ? AND actor_name NOT LIKE 'user\_%northgate-msp.example' ESCAPE '\' AND actor_name NOT LIKE 'Partner Customer Delegated%'`:                                                                                          0,
	} {
		if n := column[int](t, w.store, query, r.Snapshot)[0]; n != want {
			t.Errorf("%d, want %d: %s", n, want, query)
		}
	}
	for _, query := range []string{
		`SELECT count(*) FROM provider_sign_in WHERE snapshot = ? AND interactive = 0`,
		`SELECT count(*) FROM audit_event WHERE snapshot = ? AND actor_home = '` + w.msp.Tenant() + `'`,
		`SELECT count(*) FROM audit_event WHERE snapshot = ? AND actor_type = 'user' AND actor_home = ''`,
		`SELECT sum(passed_over) FROM part_coverage WHERE snapshot = ? AND kind = 'customer-audits'`,
	} {
		if column[int](t, w.store, query, r.Snapshot)[0] == 0 {
			t.Errorf("none: %s", query)
		}
	}
}

// What Microsoft has dropped before it was read is a hole that stays; entries that are
// read again are not doubled.
func TestHolesOfALog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixtures.ServerOptions{PageSize: 200, LogsKept: 7 * 24 * time.Hour})
	kinds := []snapshot.Kind{snapshot.Audits, snapshot.SignIns}
	first := w.take(w.everything(kinds...))
	w.at = w.at.Add(24 * time.Hour)
	second := w.take(w.everything(kinds...))
	if n := column[int](t, w.store, `SELECT count(*) - count(DISTINCT tenant || id) FROM audit_event WHERE snapshot = ?`, second.Snapshot)[0]; n != 0 {
		t.Errorf("%d entries are there twice", n)
	}
	holes, err := snapshot.LoadHoles(context.Background(), w.store.Read(), second.Snapshot)
	if err != nil || len(holes) != 0 {
		t.Errorf("daily runs leave %v, %v", holes, err)
	}
	before := w.at
	w.at = w.at.Add(19 * 24 * time.Hour)
	third := w.take(w.everything(kinds...))
	holes, err = snapshot.LoadHoles(context.Background(), w.store.Read(), third.Snapshot)
	want := []snapshot.Hole{
		{Kind: snapshot.Audits, Scope: w.msp.Tenant(), Since: before.Add(-48 * time.Hour), Until: before, Late: true},
		{Kind: snapshot.Audits, Scope: w.msp.Tenant(), Since: before, Until: w.at.Add(-7 * 24 * time.Hour)},
	}
	if err != nil || !slices.Equal(holes, want) {
		t.Errorf("holes %v, %v, want %v", holes, err, want)
	}
	if holes, err = snapshot.LoadHoles(context.Background(), w.store.Read(), first.Snapshot); err != nil || len(holes) != 0 {
		t.Errorf("the first snapshot has holes: %v, %v", holes, err)
	}
}

const premiumSKU = `{"skuId":"s","skuPartNumber":"S","capabilityStatus":"Enabled","servicePlans":[{"servicePlanId":"` + snapshot.PlanP1 + `","servicePlanName":"P","provisioningStatus":"Success","appliesTo":"User"}]}`

// A tenant that bought a premium plan sees a week back at first: what lies before that
// Microsoft never kept, so nobody reads it whole, and its holes stay.
// https://learn.microsoft.com/entra/identity/monitoring-health/reports-faq
func TestLogsOfATenantThatBoughtPremium(t *testing.T) {
	w := newCanned().start(t)
	on := func(days int) collectors.Result {
		return w.run(func(o *collectors.Options) {
			o.Kinds, o.At = []snapshot.Kind{snapshot.Licences, snapshot.SignIns, snapshot.Audits}, now.AddDate(0, 0, days)
			o.Now = func() time.Time { return o.At }
		})
	}
	w.rows["/v1.0/subscribedSkus"] = []string{strings.Replace(premiumSKU, snapshot.PlanP1, "free", 1)}
	if c := coverageOf(on(0), snapshot.Audits); c.State != snapshot.Complete || !c.Since.Equal(now.AddDate(0, 0, -7)) {
		t.Errorf("without a plan: %+v", c)
	}
	w.rows["/v1.0/subscribedSkus"] = []string{premiumSKU}
	for _, days := range []int{10, 11} {
		r := on(days)
		for _, kind := range []snapshot.Kind{snapshot.SignIns, snapshot.Audits} {
			expectState(t, r, kind, snapshot.Partial, "Microsoft did not keep this part of the log")
			if c := coverageOf(r, kind); c.Since.Before(now.AddDate(0, 0, 3)) {
				t.Errorf("%s on day %d: read from %s on", kind, days, c.Since)
			}
		}
		holes, err := snapshot.LoadHoles(t.Context(), w.store.Read(), r.Snapshot)
		var want []snapshot.Hole
		for _, kind := range []snapshot.Kind{snapshot.Audits, snapshot.SignIns} {
			want = append(want, snapshot.Hole{Kind: kind, Scope: tenant, Since: now.AddDate(0, 0, -2), Until: now, Late: true},
				snapshot.Hole{Kind: kind, Scope: tenant, Since: now, Until: now.AddDate(0, 0, 3)})
		}
		if err != nil || !slices.Equal(holes, want) {
			t.Errorf("holes on day %d: %v, %v, want %v", days, holes, err, want)
		}
	}
	r := on(40)
	expectState(t, r, snapshot.SignIns, snapshot.Complete, "")
	expectState(t, r, snapshot.Audits, snapshot.Complete, "")
}

// What a weekly run reads of a log that is kept for a week is never read again: entries
// that came late are lost, and said to be.
func TestRetentionThatLeavesNoOverlap(t *testing.T) {
	w := newCanned().start(t)
	var r collectors.Result
	for days := range 3 {
		r = w.run(func(o *collectors.Options) {
			o.Kinds, o.At = []snapshot.Kind{snapshot.Licences, snapshot.Audits}, now.AddDate(0, 0, 7*days)
			o.Now = func() time.Time { return o.At }
		})
	}
	holes, err := snapshot.LoadHoles(t.Context(), w.store.Read(), r.Snapshot)
	late := func(until time.Time) snapshot.Hole {
		return snapshot.Hole{Kind: snapshot.Audits, Scope: tenant, Since: until.Add(-snapshot.LateEvents), Until: until, Late: true}
	}
	if want := []snapshot.Hole{late(now), late(now.AddDate(0, 0, 7))}; err != nil || !slices.Equal(holes, want) {
		t.Errorf("holes %v, %v, want %v", holes, err, want)
	}
}

// A slot of which the beginning was not read is read again when Microsoft is known to keep it.
func TestASlotReadInPartIsOpen(t *testing.T) {
	const licences = "/v1.0/subscribedSkus"
	c := newCanned()
	c.rows[licences], c.refuse[licences] = []string{premiumSKU}, 403
	w := c.start(t)
	only := func(o *collectors.Options) { o.Kinds = []snapshot.Kind{snapshot.Licences, snapshot.Audits} }
	expectState(t, w.run(only), snapshot.Audits, snapshot.Partial, "it is not known whether Microsoft still keeps this part of the log")
	delete(c.refuse, licences)
	r := w.run(only)
	expectState(t, r, snapshot.Audits, snapshot.Complete, "")
	if holes, err := snapshot.LoadHoles(t.Context(), w.store.Read(), r.Snapshot); err != nil || len(holes) != 0 {
		t.Errorf("holes %v, %v", holes, err)
	}
}
