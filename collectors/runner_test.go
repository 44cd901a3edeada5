package collectors_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/fixtures"
)

func atOnce() time.Time { return now }

func (w *cannedWorld) run(change ...func(*collectors.Options)) collectors.Result {
	w.Helper()
	o := w.options()
	for _, c := range change {
		c(&o)
	}
	r, err := collectors.Run(context.Background(), o)
	if err != nil {
		w.Fatal(err)
	}
	expectWhole(w, w.store)
	return r
}

// column reads one text column of a sealed snapshot's view.
func (w *cannedWorld) column(r collectors.Result, query string) string {
	w.Helper()
	var out []string
	if err := w.store.Read().Select(&out, query, r.Snapshot); err != nil {
		w.Fatal(err)
	}
	return strings.Join(out, " ")
}

func (w *cannedWorld) effective(r collectors.Result, group string) string {
	return w.column(r, `SELECT principal || ':' || state || ':' || via FROM effective_membership WHERE snapshot = ? AND mapped_group = '`+group+`' ORDER BY principal`)
}

func expectState(t testing.TB, r collectors.Result, kind snapshot.Kind, state snapshot.State, reason string) {
	t.Helper()
	if c := coverageOf(r, kind); c.State != state || !strings.Contains(c.Reason, reason) {
		t.Errorf("%s is %s %q, want %s with %q", kind, c.State, c.Reason, state, reason)
	}
}

// small is one customer whose group g1 has one person.
func small() *canned {
	c := newCanned()
	c.relationship("r1", "c1", "active")
	c.assign("r1", "g1")
	c.group("g1")
	c.member("g1", "u1")
	return c
}

func TestNestedAndCyclicGroupsAreWalkedOnce(t *testing.T) {
	c := small()
	c.group("g2", "g3")
	c.member("g1", "g2")
	c.member("g2", "u2", "g3", "g2") // in itself
	c.member("g3", "u3", "g1")       // and back to the top
	w := c.start(t)
	r := w.run()
	if got, want := w.effective(r, "g1"), `u1:standing:["g1"] u2:standing:["g1","g2"] u3:standing:["g1","g2","g3"]`; got != want {
		t.Errorf("in reach of g1: %s\nwant %s", got, want)
	}
	for _, g := range []string{"g1", "g2", "g3"} {
		for _, list := range []string{"/v1.0/groups/" + g, "/v1.0/groups/" + g + "/members", "/v1.0/groups/" + g + "/owners",
			"assignmentScheduleInstances " + g, "eligibilityScheduleInstances " + g, "assignmentScheduleRequests " + g, "roleManagementPolicyAssignments " + g} {
			if n := c.count(list); n != 1 {
				t.Errorf("%s was asked %d times", list, n)
			}
		}
	}
	for _, kind := range appKinds {
		expectState(t, r, kind, snapshot.Complete, "")
	}
}

func TestOnlyRelationshipsThatMayGiveAccessAreAsked(t *testing.T) {
	c := newCanned()
	asked := []string{"active", "approved", "activating", "expiring", "terminating", "terminationRequested", "unheardOf"}
	for _, status := range append(asked, "created", "approvalPending", "expired", "Terminated") {
		c.relationship(strings.ToLower("r-"+status), "c1", status)
	}
	w := c.start(t)
	expectState(t, w.run(), snapshot.Relationships, snapshot.Complete, "")
	var got []string
	for _, k := range c.asked {
		if id, ok := strings.CutPrefix(k, gdap+"/r-"); ok {
			got = append(got, strings.TrimSuffix(id, "/accessAssignments"))
		}
	}
	slices.Sort(got)
	if want := "activating active approved expiring terminating terminationrequested unheardof"; strings.Join(got, " ") != want {
		t.Errorf("asked for %q, want %q", got, want)
	}
}

func TestForbiddenGroup(t *testing.T) {
	c := small()
	c.assign("r1", "g2")
	c.group("g2")
	c.member("g2", "u2")
	w := c.start(t)
	w.run()
	c.refuse["/v1.0/groups/g2/members"] = 403
	c.member("g1", "u3")
	r := w.run()
	expectState(t, r, snapshot.Memberships, snapshot.NotPermitted, "1 of 2 not seen whole: not permitted: 403 Authorization_RequestDenied; the app needs the application permission GroupMember.Read.All")
	expectState(t, r, snapshot.GroupAssignments, snapshot.Complete, "")
	if got := w.effective(r, "g1") + " " + w.effective(r, "g2"); got != `u1:standing:["g1"] u3:standing:["g1"] u2:standing:["g2"]` {
		t.Errorf("what was known of g2 does not stand: %s", got)
	}
	c.refuse["/v1.0/groups/g1"] = 403
	expectState(t, w.run(), snapshot.Groups, snapshot.NotPermitted, "403")
}

func TestDeletedGroup(t *testing.T) {
	c := small()
	c.assign("r1", "g2") // which the directory does not have
	for _, list := range []string{"/v1.0/groups/g2/members", "/v1.0/groups/g2/owners", "roleManagementPolicyAssignments g2"} {
		c.refuse[list] = 404
	}
	w := c.start(t)
	r := w.run()
	for _, kind := range appKinds {
		expectState(t, r, kind, snapshot.Complete, "")
	}
	if got := w.column(r, `SELECT id || ' ' || gone FROM directory_group WHERE snapshot = ? ORDER BY id`); got != "g1 0 g2 1" {
		t.Errorf("groups: %s", got)
	}
	if got := w.column(r, `SELECT p.kind || ' ' || e.status FROM evidence e JOIN part p ON p.id = e.part WHERE e.snapshot = ? AND p.kind IN ('groups', 'memberships') ORDER BY p.kind, e.status`); got != "groups 200 groups 404 memberships 200 memberships 404" {
		t.Errorf("evidence: %s", got)
	}
	c.refuse["/v1.0/groups/g1/members"] = 404 // though the group is there
	r = w.run()
	expectState(t, r, snapshot.Memberships, snapshot.Partial, "not found: 404")
	if got := w.effective(r, "g1"); got != `u1:standing:["g1"]` {
		t.Errorf("after a 404 of an existing group: %s", got)
	}
}

func TestHalfAListIsNeverStored(t *testing.T) {
	for name, spoil := range map[string]func(c *canned){
		"row without id":   func(c *canned) { c.rows["/v1.0/groups/g1/members"][2] = `{"@odata.type":"#microsoft.graph.user"}` },
		"row without type": func(c *canned) { c.rows["/v1.0/groups/g1/members"][2] = `{"id":"u3"}` },
		"foreign group": func(c *canned) {
			c.rows["assignmentScheduleInstances g1"] = []string{`{"id":"i","groupId":"g9","principalId":"u1","accessId":"member"}`}
		},
		"time without zone": func(c *canned) {
			c.rows[gdap+"/r1/accessAssignments"][0] = `{"id":"a","createdDateTime":"2026-01-01T00:00:00"}`
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := small()
			c.page = 1
			c.member("g1", "u2", "u3")
			w := c.start(t)
			w.run()
			c.member("g1", "u4")
			spoil(c)
			r := w.run()
			partial := slices.IndexFunc(r.Coverage, func(c snapshot.Coverage) bool { return c.State == snapshot.Partial })
			if partial < 0 || !strings.Contains(r.Coverage[partial].Reason, "a row cannot be read: page ") {
				t.Fatalf("coverage: %+v", r.Coverage)
			}
			want := "u1 u2 u3"
			if k := r.Coverage[partial].Kind; k != snapshot.Memberships {
				want = "u1 u2 u3 u4"
			}
			if got := w.column(r, `SELECT principal FROM group_member WHERE snapshot = ? ORDER BY principal`); got != want {
				t.Errorf("members: %s, want %s", got, want)
			}
		})
	}
}

func TestListThatBeginsAnew(t *testing.T) {
	c := small()
	c.page = 1
	c.member("g1", "u2", "u3")
	c.expire = "/v1.0/groups/g1/members"
	w := c.start(t)
	r := w.run()
	expectState(t, r, snapshot.Memberships, snapshot.Complete, "")
	if got := w.column(r, `SELECT principal FROM group_member WHERE snapshot = ? ORDER BY principal`); got != "u1 u2 u3" {
		t.Errorf("members: %s", got)
	}
	if got := coverageOf(r, snapshot.Memberships); got.Rows != 3 || got.Pages != 3 {
		t.Errorf("%d rows on %d pages, want those of the second reading alone", got.Rows, got.Pages)
	}
}

func TestRelationshipsThatVanishAreNotBelieved(t *testing.T) {
	c := small()
	for i := range 6 {
		c.relationship(fmt.Sprintf("x%d", i), "c2", "terminated")
	}
	w := c.start(t)
	w.run()
	all := c.rows[gdap]
	for _, left := range []int{0, 3, 4} {
		c.rows[gdap] = all[:left]
		r := w.run()
		expectState(t, r, snapshot.Relationships, snapshot.Partial, fmt.Sprintf("%d relationships came where 7 were known", left))
		if got := w.column(r, `SELECT id FROM relationship WHERE snapshot = ? ORDER BY id`); got != "r1 x0 x1 x2 x3 x4 x5" {
			t.Errorf("relationships after %d came: %s", left, got)
		}
	}
	c.rows[gdap] = all[:5]
	r := w.run()
	expectState(t, r, snapshot.Relationships, snapshot.Complete, "")
	if got := w.column(r, `SELECT id FROM relationship WHERE snapshot = ? ORDER BY id`); got != "r1 x0 x1 x2 x3" {
		t.Errorf("relationships: %s", got)
	}
}

func TestStatesByReason(t *testing.T) {
	c := small()
	c.refuse[gdap] = 403
	w := c.start(t)
	r := w.run()
	expectState(t, r, snapshot.Relationships, snapshot.NotPermitted, "DelegatedAdminRelationship.Read.All")
	expectState(t, r, snapshot.AccessAssignments, snapshot.Failed, "no relationship is known, because relationships were not seen whole")
	for _, kind := range []snapshot.Kind{snapshot.Groups, snapshot.Memberships, snapshot.GroupPolicies} {
		expectState(t, r, kind, snapshot.Failed, "no mapped group is known, because relationships were not seen whole")
	}
	c.refuse[gdap] = 500
	expectState(t, w.run(), snapshot.Relationships, snapshot.Failed, "broken: 500")
	delete(c.refuse, gdap)
	c.refuse["assignmentScheduleRequests g1"] = 500
	c.refuse["/v1.0/reports/authenticationMethods/userRegistrationDetails"] = 400
	r = w.run()
	expectState(t, r, snapshot.GroupActivations, snapshot.Failed, "broken: 500")
	expectState(t, r, snapshot.MFARegistrations, snapshot.Failed, "rejected: 400")
	if reason := coverageOf(r, snapshot.MFARegistrations).Reason; strings.Contains(reason, "2026") {
		t.Errorf("a reason that is sealed holds the server's time: %s", reason)
	}
}

func TestActivatedIsNotStanding(t *testing.T) {
	c := small()
	c.member("g1", "u2", "u3", "u4", "u5")
	c.rows["assignmentScheduleInstances g1"] = []string{
		`{"id":"i2","groupId":"g1","principalId":"u2","accessId":"member","assignmentType":"Activated","endDateTime":"2026-08-18T08:00:00Z"}`,
		`{"id":"i3","groupId":"g1","principalId":"u3","accessId":"member","assignmentType":"Assigned","endDateTime":"2026-12-31T00:00:00Z"}`,
		`{"id":"i5","groupId":"g1","principalId":"u5","accessId":"owner","assignmentType":"Assigned"}`,
	}
	c.rows["eligibilityScheduleInstances g1"] = []string{`{"id":"e2","groupId":"g1","principalId":"u2","accessId":"member"}`, `{"id":"e6","groupId":"g1","principalId":"u6","accessId":"member"}`}
	// u4's activation ended ten minutes before the list was read, which lags behind.
	c.rows["assignmentScheduleRequests g1"] = []string{`{"id":"q4","groupId":"g1","principalId":"u4","accessId":"member","action":"selfActivate","status":"Provisioned",
		"scheduleInfo":{"startDateTime":"2026-08-18T04:50:00Z","expiration":{"type":"afterDuration","duration":"PT1H"}},"justification":"ticket 7"}`}
	w := c.start(t)
	r := w.run()
	const edges = `SELECT principal || ':' || state || ':' || instance FROM membership WHERE snapshot = ? ORDER BY principal, state`
	if got, want := w.column(r, edges), "u1:standing: u2:activated:i2 u2:eligible:e2 u3:time-bound:i3 u4:activated:q4 u5:standing: u6:eligible:e6"; got != want {
		t.Errorf("edges %s\nwant  %s", got, want)
	}
	// A day later the members cannot be read, and u2's activation is over: what was
	// known of them stands, and nobody becomes standing by that.
	c.refuse["/v1.0/groups/g1/members"] = 403
	c.rows["assignmentScheduleInstances g1"] = nil
	c.rows["eligibilityScheduleInstances g1"] = nil
	next := func(o *collectors.Options) { o.At = now.AddDate(0, 0, 1); o.Now = func() time.Time { return o.At } }
	if got, want := w.column(w.run(next), edges), "u1:standing: u2:activated:i2 u3:time-bound:i3 u4:activated:q4 u5:standing:"; got != want {
		t.Errorf("edges %s\nwant  %s", got, want)
	}
	if got := w.column(r, `SELECT justification FROM activation WHERE snapshot = ?`); got != "ticket 7" {
		t.Errorf("justification: %s", got)
	}
}

func TestUsersInReach(t *testing.T) {
	c := small() // u1 is a member
	c.page = 2
	c.rows["/v1.0/groups/g1/owners"] = []string{`{"@odata.type":"#microsoft.graph.user","id":"U2"}`}
	c.rows["eligibilityScheduleInstances g1"] = []string{`{"id":"e","groupId":"g1","principalId":"u3","accessId":"member","principal":{"@odata.type":"#microsoft.graph.user","id":"u3"}}`}
	for _, u := range []string{`"boss"`, `"U1","manager":{"id":"boss"}`, `"u2"`, `"u3","manager":{"id":"late"}`, `"other","manager":{"id":"chief"}`, `"chief"`,
		`"daily","userPrincipalName":"Ada@Example.org"`, `"late"`} {
		c.rows["/v1.0/users"] = append(c.rows["/v1.0/users"], `{"id":`+u+`}`)
	}
	for _, id := range []string{"u1", "boss", "other", "daily"} {
		c.rows["/v1.0/reports/authenticationMethods/userRegistrationDetails"] = append(c.rows["/v1.0/reports/authenticationMethods/userRegistrationDetails"], `{"id":"`+id+`"}`)
	}
	w := c.start(t)
	r := w.run(func(o *collectors.Options) {
		o.Declared.Staff = []snapshot.StaffAccount{{Person: "ada", UPN: "ada@example.org"}}
	})
	if got := w.column(r, `SELECT id FROM directory_user WHERE snapshot = ? ORDER BY id`); got != "boss daily late u1 u2 u3" {
		t.Errorf("users: %s", got)
	}
	if got := w.column(r, `SELECT principal FROM mfa_registration WHERE snapshot = ? ORDER BY principal`); got != "boss daily u1" {
		t.Errorf("registrations: %s", got)
	}
	if got := w.column(r, `SELECT kind || ' ' || rows || ' ' || passed_over FROM part_coverage WHERE snapshot = ? AND passed_over > 0 ORDER BY kind`); got != "mfa-registrations 4 1 users 8 2" {
		t.Errorf("passed over: %s", got)
	}
	var labels int
	if err := w.store.Read().Get(&labels, `SELECT count(*) FROM label`); err != nil || labels != 2 { // u1's name as a member, the declared account's address
		t.Errorf("%d texts about persons, of whom some are not in reach (%v)", labels, err)
	}
}

// Whoever holds a role of the MSP's own tenant, has an access package or approves for
// others is no member of any group, and is a user of whom everything must be known.
func TestUsersInReachBesideGroups(t *testing.T) {
	const packages, roles = "/v1.0/identityGovernance/entitlementManagement/", "/v1.0/roleManagement/directory/"
	c := small()
	c.rows[roles+"roleAssignmentScheduleInstances"] = []string{`{"id":"h","principalId":"emergency","roleDefinitionId":"62e90394-69f5-4237-9190-012177145e10"}`}
	c.rows[roles+"roleEligibilityScheduleInstances"] = []string{`{"id":"e","principalId":"helpdesk","roleDefinitionId":"729827e3-9c14-49f7-bb1b-9608f156bbb8"}`}
	c.rows[packages+"assignments"] = []string{`{"id":"x","state":"delivered","target":{"objectId":"deputy"},"accessPackage":{"id":"p"}}`}
	c.rows[packages+"assignmentPolicies"] = []string{`{"id":"y","accessPackage":{"id":"p"},"requestApprovalSettings":{"stages":[{"primaryApprovers":[{"@odata.type":"#microsoft.graph.singleUser","userId":"approver"}]}]}}`}
	for _, user := range []string{"u1", "emergency", "helpdesk", "deputy", "approver", "other"} {
		for _, list := range []string{"/v1.0/users", "/v1.0/reports/authenticationMethods/userRegistrationDetails", "/v1.0/identityProtection/riskyUsers"} {
			c.rows[list] = append(c.rows[list], `{"id":"`+user+`"}`)
		}
	}
	w := c.start(t)
	r := w.run(func(*collectors.Options) {})
	for _, column := range []string{"id FROM directory_user", "principal FROM mfa_registration", "principal FROM risky_user"} {
		if got := w.column(r, "SELECT "+column+" WHERE snapshot = ? ORDER BY 1"); got != "approver deputy emergency helpdesk u1" {
			t.Errorf("%s: %s", column, got)
		}
	}
}

func TestKindsAndCustomersLeftOut(t *testing.T) {
	c := small()
	c.relationship("r2", "c2", "active")
	c.assign("r2", "g1")
	w := c.start(t)
	w.run()
	r := w.run(func(o *collectors.Options) {
		o.Kinds = []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Memberships}
		o.Customers = []string{"C1"}
	})
	for _, kind := range appKinds {
		switch kind {
		case snapshot.Relationships, snapshot.Memberships:
			expectState(t, r, kind, snapshot.Complete, "")
		case snapshot.AccessAssignments:
			expectState(t, r, kind, snapshot.NotAsked, "1 of 2 not seen whole: left out by --customer")
		default:
			expectState(t, r, kind, snapshot.NotAsked, "left out by --kind")
		}
	}
	if got := w.effective(r, "g1"); got != `u1:standing:["g1"]` {
		t.Errorf("in reach of g1: %s", got)
	}
}

func TestCoverageOfACustomer(t *testing.T) {
	c := small()
	c.relationship("r2", "c2", "active")
	c.assign("r2", "g2")
	c.member("g2", "g3")
	c.group("g2", "g3")
	w := c.start(t)
	w.run()
	c.refuse["/v1.0/groups/g3/members"] = 403 // nested in the group of c2
	c.refuse[gdap+"/r2/accessAssignments"] = 500
	r := w.run(func(o *collectors.Options) { o.At = now.AddDate(0, 0, 1) })
	ctx := context.Background()
	parts, err := snapshot.LoadParts(ctx, w.store.Read(), r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	access, err := snapshot.LoadAccess(ctx, w.store.Read(), r.Snapshot)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range parts.Customer(access, "c1") {
		if !slices.Contains(appKinds, got.Kind) {
			continue
		}
		if got.State != snapshot.Complete || got.Scope != "c1" {
			t.Errorf("c1: %+v", got)
		}
	}
	for _, got := range parts.Customer(access, "c2") {
		if !slices.Contains(appKinds, got.Kind) {
			continue
		}
		want, seen := snapshot.Complete, now.AddDate(0, 0, 1)
		switch got.Kind {
		case snapshot.Memberships:
			want, seen = snapshot.NotPermitted, now
		case snapshot.AccessAssignments:
			want, seen = snapshot.Failed, now
		}
		if got.State != want || !got.LastSeen.Equal(seen) {
			t.Errorf("c2: %s is %s, last seen %s; want %s, %s", got.Kind, got.State, got.LastSeen, want, seen)
		}
	}
	text, err := json.Marshal(parts.Customer(access, "c2")[12])
	if want := `{"scope":"c2","kind":"signins","state":"complete","reason":"","requests":4,"pages":4,"rows":0,"from":"2026-08-16T00:00:00Z","to":"2026-08-19T06:00:00Z",` +
		`"asked":"2026-08-18T06:00:00Z","last_seen":"2026-08-19T06:00:00Z"}`; err != nil || string(text) != want {
		t.Errorf("as JSON %s (%v)\nwant    %s", text, err, want)
	}
	if got := parts.Customer(access, "nobody"); got[2].State != snapshot.Complete {
		t.Errorf("a customer without relationships: %+v", got[2])
	}
}

func TestSignInDays(t *testing.T) {
	c := small()
	w := c.start(t)
	days := func(r collectors.Result) string {
		return w.column(r, `SELECT object || ' ' || since || ' ' || until FROM part_coverage WHERE snapshot = ? AND kind = 'signins' ORDER BY object`)
	}
	first := strings.Split(days(w.run()), " ")
	if n := len(first) / 3; n != 31 || first[0] != "2026-07-19" || first[1] != "2026-07-19T06:00:00Z" || first[2] != "2026-07-20T00:00:00Z" ||
		first[3*30] != "2026-08-18" || first[3*30+2] != "2026-08-18T06:00:00Z" {
		t.Errorf("first run read %d days: %v", n, first)
	}
	next := func(o *collectors.Options) { o.At = now.AddDate(0, 0, 1); o.Now = func() time.Time { return o.At } }
	if got, want := days(w.run(next)), "2026-08-16 2026-08-16T00:00:00Z 2026-08-17T00:00:00Z 2026-08-17 2026-08-17T00:00:00Z 2026-08-18T00:00:00Z "+
		"2026-08-18 2026-08-18T00:00:00Z 2026-08-19T00:00:00Z 2026-08-19 2026-08-19T00:00:00Z 2026-08-19T06:00:00Z"; got != want {
		t.Errorf("a day later: %s\nwant %s", got, want)
	}
}

func TestInterruptedRunIsResumed(t *testing.T) {
	t.Parallel()
	reference := newWorld(t, fixtures.ServerOptions{PageSize: 200})
	want := reference.run()
	full := requests(reference.server.Journal())
	var parts int
	if err := reference.store.Read().Get(&parts, `SELECT count(*) FROM part_coverage`); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{1, parts / 2, parts} {
		w := newWorld(t, fixtures.ServerOptions{PageSize: 200})
		ctx, cancel := context.WithCancel(context.Background())
		o := w.options(mode{4, false})
		var asked atomic.Int64
		o.Now = func() time.Time { // each part takes the time once
			if asked.Add(1) == int64(n) {
				cancel()
			}
			return now
		}
		if _, err := collectors.Run(ctx, o); !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted at part %d: %v", n, err)
		}
		r, err := collectors.Run(context.Background(), w.options(mode{8, true}))
		if err != nil || !r.Resumed || r.Snapshot != want.Snapshot || r.Seal != want.Seal {
			t.Errorf("resumed after part %d: %+v (%v), want the seal %s", n, r, err, want.Seal)
		}
		if asked := requests(w.server.Journal()); n > 1 && asked > full*5/4 {
			t.Errorf("interrupted at part %d of %d, both runs made %d requests, a whole one makes %d", n, parts, asked, full)
		}
	}
}

// requests counts those of a journal, the parts of a batch one by one.
func requests(journal []fixtures.Request) int {
	n := 0
	for _, r := range journal {
		n += max(1, len(r.Batch))
	}
	return n
}

func TestPartsSeenWholeAreAskedOnce(t *testing.T) {
	c := small()
	c.assign("r1", "g2")
	c.group("g2")
	c.member("g2", "u2")
	w := c.start(t)
	ctx, cancel := context.WithCancel(context.Background())
	c.onAsked = func(int) {
		if c.asked[len(c.asked)-1] == "/v1.0/users" {
			cancel()
		}
	}
	if _, err := collectors.Run(ctx, w.options()); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	w.run()
	for _, list := range []string{gdap, gdap + "/r1/accessAssignments", "/v1.0/groups/g1/members", "/v1.0/groups/g2", "assignmentScheduleRequests g2"} {
		if n := c.count(list); n != 1 {
			t.Errorf("%s was asked %d times", list, n)
		}
	}
	if n := c.count("/v1.0/users"); n != 2 {
		t.Errorf("the interrupted list was asked %d times", n)
	}
}

func TestASilentTenantEndsTheRunAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		fault *graph.Error
		want  string
	}{
		"no answer": {&graph.Error{Reason: graph.Broken, Message: "connection refused"}, "connection refused"},
		"no token":  {&graph.Error{Reason: graph.Unauthorized, Status: 401, Message: "the secret has expired"}, "the secret has expired"},
	} {
		t.Run(name, func(t *testing.T) {
			asked := 0
			st := openStore(t, filepath.Join(t.TempDir(), "a.db"))
			_, err := collectors.Run(t.Context(), collectors.Options{Tenant: "11111111-0000-4000-8000-000000000001", Client: silent{c.fault, &asked}, Store: st, At: now, Now: atOnce})
			if err == nil || !strings.Contains(err.Error(), "nothing can be read from tenant") || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v", err)
			}
			if asked != 2 {
				t.Errorf("%d lists were asked after all", asked)
			}
			if _, err := snapshot.LastAt(t.Context(), st.Read(), now); !errors.Is(err, snapshot.ErrNoSnapshot) {
				t.Errorf("something was sealed: %v", err)
			}
		})
	}
}

// silent is a tenant that never answers.
type silent struct {
	fault *graph.Error
	asked *int
}

func (s silent) EachPage(context.Context, string, func(graph.Page) error) error {
	*s.asked++
	return s.fault
}
func (s silent) Get(context.Context, string) (graph.Page, error) {
	*s.asked++
	return graph.Page{}, s.fault
}
func (s silent) Together(ctx context.Context, n int, do func(context.Context, int)) {
	for i := range n {
		do(ctx, i)
	}
}

// Trouble after the seal does not unsay it.
func TestASealedSnapshotWhoseCoverageCannotBeRead(t *testing.T) {
	w := small().start(t)
	ctx, stop := context.WithCancel(t.Context())
	o := w.options()
	o.Client, o.Log = skewed{o.Client}, slog.New(slog.NewTextHandler(stopping{stop}, nil))
	r, err := collectors.Run(ctx, o)
	if err == nil || !strings.Contains(err.Error(), "snapshot 1 is sealed, but its coverage cannot be read: ") || r.Seal == "" {
		t.Errorf("%+v: %v", r, err)
	}
	if last, err := snapshot.LastAt(t.Context(), w.store.Read(), now); err != nil || last.Seal != r.Seal {
		t.Errorf("sealed was %+v (%v)", last, err)
	}
}

// skewed is a client of a service behind whose clock ours is by an hour.
type skewed struct{ collectors.Client }

func (skewed) Skew() (time.Duration, bool) { return -time.Hour, true }

// stopping is a log that ends the run when it warns of the clock, which is after the seal.
type stopping struct{ stop context.CancelFunc }

func (s stopping) Write(line []byte) (int, error) {
	if bytes.Contains(line, []byte("clock")) {
		s.stop()
	}
	return len(line), nil
}

// A list without any relationship is not taken for a partner with nothing to review,
// also when none was known before.
func TestNoRelationshipsAtAll(t *testing.T) {
	w := newCanned().start(t)
	expectState(t, w.run(), snapshot.Relationships, snapshot.Partial, "no relationships came and none are known")
	expectState(t, w.run(func(o *collectors.Options) { o.AcceptShrink = true }), snapshot.Relationships, snapshot.Complete, "")
}

// Each page that was answered is kept as evidence, in its order, with the SHA-256 of the
// rows that the server sent: each ended by a line feed.
func TestEveryPageIsEvidence(t *testing.T) {
	c := small()
	c.page = 1
	c.relationship("r2", "c2", "terminated")
	c.relationship("r3", "c3", "terminated")
	c.member("g1", "u2", "u3", "u4")
	c.rows["/beta/auditLogs/signIns"] = []string{`{"id":"s1","createdDateTime":"2026-08-17T10:00:00Z"}`, `{"id":"s2","createdDateTime":"2026-08-17T11:00:00Z"}`}
	w := c.start(t)
	r := w.run(func(o *collectors.Options) { o.Kinds = appKinds })
	for path, kind := range map[string]snapshot.Kind{gdap: snapshot.Relationships, gdap + "/r1/accessAssignments": snapshot.AccessAssignments, "/v1.0/groups/g1": snapshot.Groups,
		members1: snapshot.Memberships, "/v1.0/groups/g1/owners": snapshot.GroupOwners, "/beta/auditLogs/signIns": snapshot.SignIns} {
		var want []string
		for _, row := range c.rows[path] {
			var plain bytes.Buffer // without blanks between its words
			if err := json.Compact(&plain, []byte(row)); err != nil {
				t.Fatal(err)
			}
			plain.WriteByte('\n')
			want = append(want, fmt.Sprintf("200 1 %X", sha256.Sum256(plain.Bytes())))
		}
		if want == nil {
			want = []string{fmt.Sprintf("200 0 %X", sha256.Sum256(nil))}
		}
		got := lines(t, w.store, `SELECT e.status, e.rows, hex(e.sha256) FROM evidence e JOIN part p ON p.id = e.part JOIN ident i ON i.id = p.object
			WHERE e.snapshot = ? AND p.kind = ? AND i.value IN ('g1', 'r1', '2026-08-17', ?) ORDER BY e.part, e.seq`, r.Snapshot, string(kind), tenant)
		expectLines(t, path, got, want...)
	}
	expectLines(t, "parts that have more pages or fewer than requests are kept", lines(t, w.store, `SELECT count(*) FROM part_seen s WHERE s.snapshot = ?1 AND s.state = 'complete'
		AND s.pages <> (SELECT count(*) FROM evidence e WHERE e.snapshot = s.snapshot AND e.part = s.part)`, r.Snapshot), "0")
}

// Owners of every type may add members, so all are kept.
func TestOwnersOfEveryType(t *testing.T) {
	c := small()
	for i, kind := range []string{"user", "servicePrincipal", "agentIdentity"} {
		c.rows["/v1.0/groups/g1/owners"] = append(c.rows["/v1.0/groups/g1/owners"], fmt.Sprintf(`{"@odata.type":"#microsoft.graph.%s","id":"p%d","displayName":"x"}`, kind, i))
	}
	w := c.start(t)
	r := w.run(func(o *collectors.Options) { o.Kinds = appKinds })
	expectLines(t, "owners", lines(t, w.store, `SELECT principal, type FROM group_owner WHERE snapshot = ? ORDER BY principal`, r.Snapshot), "p0 user", "p1 servicePrincipal", "p2 agentIdentity")
	expectConserved(t, w.store, r.Snapshot)
}
