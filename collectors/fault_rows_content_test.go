package collectors_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
)

const members1 = "/v1.0/groups/g1/members"

// related collects relationships as they are written, and tells a column of them, or
// why they were not seen whole.
func related(t *testing.T, column string, rows ...string) string {
	t.Helper()
	c := newCanned()
	c.rows[gdap] = rows
	w, r := cannedRun(t, c, func(o *collectors.Options) { o.Kinds = onlyRelationships })
	if got := coverageOf(r, snapshot.Relationships); got.State != snapshot.Complete {
		return string(got.State) + ": " + got.Reason
	}
	return w.column(r, `SELECT coalesce(`+column+`, '-') FROM relationship WHERE snapshot = ? ORDER BY id`)
}

// spoiledCanned is a canned Graph of which one list is spoilt first; its client
// waits as it does against the real one.
func spoiledCanned(t *testing.T, c *canned, list string, steps ...step) (*cannedWorld, *spoiler, func(*collectors.Options)) {
	w, clock := c.start(t), passing(t)
	s := &spoiler{Handler: c, list: list, clock: clock, steps: steps}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return w, s, func(o *collectors.Options) {
		o.Kinds = appKinds
		o.Client = asking(t, server.URL, tenant, clock, unbatched, func(g *graph.Options) { g.Credential = anyToken(t) }).Client
	}
}

var contentRows = []faultRow{
	{"C01", "a status nobody has heard of", "it is kept as it is, and taken for one that may give access", func(t *testing.T) {
		c := small()
		c.rows[gdap][0] = strings.Replace(c.rows[gdap][0], `"active"`, `"unknownFutureValue"`, 1)
		w, r := cannedRun(t, c)
		if got := w.column(r, `SELECT status FROM relationship WHERE snapshot = ?`) + " " + w.effective(r, "g1"); got != `unknownfuturevalue u1:standing:["g1"]` {
			t.Error(got)
		}
	}},
	{"C02", "nulls where there should be names, ends, roles and principals", "they are kept as none; an assignment without an end is standing", func(t *testing.T) {
		c := small()
		c.rows[gdap][0] = `{"id":"r1","displayName":null,"customer":{"tenantId":"c1"},"status":"active","duration":null,"autoExtendDuration":null,"endDateTime":null,"accessDetails":null}`
		c.rows["assignmentScheduleInstances g1"] = []string{`{"id":"i1","groupId":"g1","principalId":"u1","accessId":"member","assignmentType":"assigned","startDateTime":null,"endDateTime":null,"principal":null}`}
		w, r := cannedRun(t, c)
		expectState(t, r, snapshot.Relationships, snapshot.Complete, "")
		if got := w.effective(r, "g1"); got != `u1:standing:["g1"]` {
			t.Error(got)
		}
	}},
	{"C03", "fields that are missing; a missing id", "as null; without an id the part is not whole, and the row is named", func(t *testing.T) {
		if got := related(t, "status", `{"id":"r1"}`); got != "" {
			t.Error(got)
		}
		if got := related(t, "id", `{"id":"r1"}`, `{"displayName":"x"}`); !strings.HasPrefix(got, "partial: a row cannot be read: page 1, row 2: has no id;") {
			t.Error(got)
		}
	}},
	{"C04", "new fields and a new type", "no matter", func(t *testing.T) {
		if got := related(t, "status", `{"@odata.type":"#microsoft.graph.somethingNew","id":"r1","status":"active","brandNew":{"deep":[1,{"id":"x"}]}}`); got != "active" {
			t.Error(got)
		}
	}},
	{"C05", "times with 7 digits, with an offset, in the years 1 and 9999, on leap days; without a zone, or on no day", "kept in UTC, none and never as none; the last ones are rows that cannot be read", func(t *testing.T) {
		for text, want := range map[string]string{
			`"2026-03-31T10:20:30.1234567Z"`: "2026-03-31T10:20:30Z", `"2026-03-29T01:30:00+02:00"`: "2026-03-28T23:30:00Z", `"2024-02-29T23:59:59Z"`: "2024-02-29T23:59:59Z",
			`"0001-01-01T00:00:00Z"`: "-", `"9999-12-31T23:59:59.9999999Z"`: "-", `null`: "-", `""`: "-",
			`"2026-03-31T10:20:30"`: "!", `"2026-02-29T00:00:00Z"`: "!", `"2026-03-31T24:00:00Z"`: "!", `"2026-06-30T23:59:60Z"`: "!", `"soon"`: "!", `7`: "!",
		} {
			got := related(t, "ends", `{"id":"r1","endDateTime":`+text+`}`)
			if got != want && !(want == "!" && strings.HasPrefix(got, "partial: a row cannot be read: page 1, row 1: ")) {
				t.Errorf("%s is read as %q, want %q", text, got, want)
			}
		}
	}},
	{"C06", "durations of every form, and such that are none", "kept as they are and judged by the rules; where an end follows from one, nonsense is a row that cannot be read", all(
		proven("../rules/term", "TestDaysOf", "P730D"), proven(".", "TestActivationEnds", "PT8H30M", "8 hours"), func(t *testing.T) {
			for _, text := range []string{"P730D", "P2Y", "PT0S", "P0D", "two years"} {
				if got := related(t, "duration", `{"id":"r1","duration":"`+text+`"}`); got != text {
					t.Errorf("%s is kept as %q", text, got)
				}
			}
		})},
	{"C07", "ids in capitals and in braces, and such that are no GUID", "they join", func(t *testing.T) {
		const group = "0f5b3a8e-7a52-4c4e-9e0b-3a3c7b1d2e4f"
		c := newCanned()
		c.relationship("AAAA-bbbb", "{C1}", "active")
		c.assign("aaaa-bbbb", "{"+strings.ToUpper(group)+"}")
		c.group(group)
		c.rows["/v1.0/groups/"+group] = []string{`{"id":"` + strings.ToUpper(group) + `","displayName":"x"}`}
		c.member(group, "U1")
		w, r := cannedRun(t, c)
		for _, kind := range appKinds {
			expectState(t, r, kind, snapshot.Complete, "")
		}
		if got := w.effective(r, group) + w.column(r, `SELECT customer FROM relationship WHERE snapshot = ?`); got != `u1:standing:["`+group+`"]c1` {
			t.Error(got)
		}
	}},
	{"C08", "members of every type, and of one nobody has heard of", "all are kept", func(t *testing.T) {
		c := small()
		c.rows[members1] = nil
		for i, kind := range []string{"user", "group", "servicePrincipal", "device", "orgContact", "agentIdentity"} {
			c.rows[members1] = append(c.rows[members1], fmt.Sprintf(`{"@odata.type":"#microsoft.graph.%s","id":"p%d","displayName":"x"}`, kind, i))
		}
		w, r := cannedRun(t, c)
		if got := w.column(r, `SELECT principal || ':' || type FROM group_member WHERE snapshot = ? AND group_id = 'g1' ORDER BY principal`); got != "p0:user p1:group p2:servicePrincipal p3:device p4:orgContact p5:agentIdentity" {
			t.Error(got)
		}
	}},
	{"C09", "members of which only id and type come, for want of a permission", "they are kept and shown by their id; the coverage says what the app may not read, and which permission it needs", func(t *testing.T) {
		c := small()
		c.rows[members1] = []string{`{"@odata.type":"#microsoft.graph.user","id":"u1","displayName":null,"userPrincipalName":null}`, `{"@odata.type":"#microsoft.graph.device","id":"d1","displayName":null}`,
			`{"@odata.type":"#microsoft.graph.user","id":"u2","displayName":"Ada"}`}
		w, r := cannedRun(t, c)
		expectState(t, r, snapshot.Memberships, snapshot.Complete, "objects of type device came with their id alone: the app may not read their names; it needs the application permission Device.Read.All; objects of type user came")
		access, err := snapshot.LoadAccess(context.Background(), w.store.Read(), r.Snapshot)
		if err != nil {
			t.Fatal(err)
		}
		for id, want := range map[string]string{"u1": "u1", "d1": "d1", "u2": "Ada"} {
			if got := access.Principal(id).Label(); got != want {
				t.Errorf("%s is shown as %q", id, got)
			}
		}
	}},
	{"C10", "a group that an assignment names and the directory has no more; a deleted user who is still a member", "the group is recorded as gone, not as empty; the member is kept", all(
		proven(".", "TestDeletedGroup", "g1 0 g2 1"), func(t *testing.T) {
			c := small() // u1 is a member, and /users has nobody
			w, r := cannedRun(t, c)
			if got := w.effective(r, "g1"); got != `u1:standing:["g1"]` {
				t.Error(got)
			}
		})},
	{"C11", "a group too new for the replica that answers", "asked once more after 30 s; what is gone is not waited for a second time", func(t *testing.T) {
		const path = "/v1.0/groups/g1"
		w, s, late := spoiledCanned(t, small(), path, refuses(404, "Request_ResourceNotFound"))
		r := w.run(late)
		if got := w.column(r, `SELECT id || ' ' || gone FROM directory_group WHERE snapshot = ?`); got != "g1 0" {
			t.Error(got)
		}
		if wait := s.asked[1].at.Sub(s.asked[0].at); len(s.asked) != 2 || wait < 30*time.Second || wait > time.Minute {
			t.Errorf("asked %v", s.asked)
		}
		w, s, late = spoiledCanned(t, small(), path, always(refuses(404, "Request_ResourceNotFound"))...)
		for day := range 2 {
			r = w.another(day, late)
			expectState(t, r, snapshot.Groups, snapshot.Complete, "")
			if got := w.column(r, `SELECT id || ' ' || gone FROM directory_group WHERE snapshot = ?`); got != "g1 1" || len(s.asked) != 2+day {
				t.Errorf("on day %d: %s, asked %v", day, got, s.asked)
			}
		}
	}},
	{"C12", "groups in a circle, within themselves, 60 deep; a list without end", "each is walked once, to the bottom; the list is not called whole", all(
		proven(".", "TestNestedAndCyclicGroupsAreWalkedOnce", "in itself"), proven("graph", "TestPageCap", "Limits.Pages"), func(t *testing.T) {
			c := small()
			for i := 1; i < 60; i++ {
				c.group(fmt.Sprintf("g%d", i+1))
				c.member(fmt.Sprintf("g%d", i), fmt.Sprintf("g%d", i+1))
			}
			c.member("g60", "deep", "g1")
			w, r := cannedRun(t, c, func(o *collectors.Options) {
				o.Kinds = []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships}
			})
			if got := w.effective(r, "g1"); !strings.Contains(got, `deep:standing:["g1","g2",`) || !strings.Contains(got, `"g60"]`) {
				t.Error(got)
			}
		})},
	{"C13", "Microsoft's own transitive list", "it is not asked: the closure is ours, and agrees with all ways there are", all(
		proven("snapshot", "TestCloseAgreesWithAllSimpleWays", "expectAllSimpleWays"), func(t *testing.T) {
			c := small()
			cannedRun(t, c)
			if slices.ContainsFunc(c.asked, func(path string) bool { return strings.Contains(path, "transitive") }) {
				t.Error(c.asked)
			}
		})},
	{"C14", "a group whose membership is hidden: its members are refused, or come as an empty list", "not permitted, never nobody; a group that is empty is whole", func(t *testing.T) {
		hidden := `{"id":"g1","visibility":"HiddenMembership"}`
		for want, spoil := range map[snapshot.State]func(*canned){
			snapshot.NotPermitted: func(c *canned) { c.rows["/v1.0/groups/g1"] = []string{hidden} },
			snapshot.Complete:     func(*canned) {},
		} {
			c := small()
			w, _ := cannedRun(t, c)
			c.rows[members1] = nil
			spoil(c)
			r := w.another(1)
			words, who := "", ""
			if want == snapshot.NotPermitted {
				words, who = "the members of this group are hidden: the list comes empty; the app needs the application permission Member.Read.Hidden", `u1:standing:["g1"]`
			}
			expectState(t, r, snapshot.Memberships, want, words)
			if got := w.effective(r, "g1"); got != who {
				t.Errorf("%s: in reach of g1: %s", want, got)
			}
		}
		c := small()
		c.refuse[members1] = 403
		_, r := cannedRun(t, c)
		expectState(t, r, snapshot.Memberships, snapshot.NotPermitted, "403")
	}},
	{"C15", "guests, no user type, disabled accounts, a name used again after deletion", "persons are told apart by their object ids", func(t *testing.T) {
		c := small()
		c.member("g1", "u2")
		c.rows["/v1.0/users"] = []string{`{"id":"u1","userPrincipalName":"ada@example.org","userType":null,"accountEnabled":false}`, `{"id":"u2","userPrincipalName":"ada@example.org","userType":"Guest","accountEnabled":true}`}
		w, r := cannedRun(t, c)
		if got := w.column(r, `SELECT id || ':' || upn || ':' || type || ':' || enabled FROM directory_user WHERE snapshot = ? ORDER BY id`); got != "u1:ada@example.org::0 u2:ada@example.org:Guest:1" {
			t.Error(got)
		}
	}},
	{"C16", "names with line breaks, NUL, 10,000 letters, writing turned around, formulas", "stored as they came; each document makes them safe", func(t *testing.T) {
		for _, name := range []string{"a\r\nb", "a\x00b", strings.Repeat("x", 10_000), "a\u202eb", `=HYPERLINK("http://x","y")`, `'; DROP TABLE part; --`} {
			quoted, _ := json.Marshal(name)
			c := newCanned()
			c.rows[gdap] = []string{`{"id":"r1","displayName":` + string(quoted) + `}`}
			w, r := cannedRun(t, c, func(o *collectors.Options) { o.Kinds = onlyRelationships })
			var got []string
			if err := w.store.Read().Select(&got, `SELECT name FROM relationship WHERE snapshot = ?`, r.Snapshot); err != nil || len(got) != 1 || got[0] != name {
				t.Errorf("%.30q came back as %.60q (%v)", name, got, err)
			}
		}
	}},
	{"C17", "PIM's schedule and instance for one grant; an activation beside an assignment", "an activation is not standing access, and each is there once", proven(".", "TestActivatedIsNotStanding", "u2:activated:i2 u2:eligible:e2")},
	{"C18", "an activation without purpose and ticket, and one that only validates", "they are kept; the one is a finding, the other no use", func(t *testing.T) {
		c := small()
		c.rows["assignmentScheduleRequests g1"] = []string{`{"id":"q1","groupId":"g1","principalId":"u1","action":"selfActivate","status":"Provisioned","justification":null,"ticketInfo":null}`,
			`{"id":"q2","groupId":"g1","principalId":"u1","action":"selfActivate","status":"Provisioned","isValidationOnly":true}`}
		w, r := cannedRun(t, c)
		if got := w.column(r, `SELECT id || ':' || justification || ':' || ticket || ':' || validation_only FROM activation WHERE snapshot = ? ORDER BY id`); got != "q1:::0 q2:::1" {
			t.Error(got)
		}
		proven("../rules/monitoring", "TestPurposes")(t)
	}},
	{"C19", "an entry that an app made, or of which nobody is named", "it is kept", func(t *testing.T) {
		c := small()
		for i, by := range []string{`{"user":{"id":"U9"}}`, `{"user":null,"application":{"id":"APP"}}`, `{"user":null,"application":null}`, `null`} {
			c.rows["assignmentScheduleRequests g1"] = append(c.rows["assignmentScheduleRequests g1"], fmt.Sprintf(`{"id":"q%d","groupId":"g1","principalId":"u1","action":"adminAssign","createdBy":%s}`, i, by))
		}
		w, r := cannedRun(t, c)
		if got := w.column(r, `SELECT id || ':' || coalesce(created_by, '') FROM activation WHERE snapshot = ? ORDER BY id`); got != "q0:u9 q1:app q2: q3:" {
			t.Error(got)
		}
	}},
	{"C20", "events that come hours late and out of order", "their window is read again, and each is there once", func(t *testing.T) {
		events := `{"id":"s2","createdDateTime":"2026-08-17T22:00:00Z"},{"id":"s1","createdDateTime":"2026-08-17T09:00:00Z"}`
		w, _, logged := spoiledCanned(t, small(), "/beta/auditLogs/signIns", slices.Repeat([]step{func(rw http.ResponseWriter, r *http.Request, h http.Handler) {
			if strings.Contains(r.URL.Query().Get("$filter"), "ge 2026-08-17T00:00:00Z") {
				says(`{"value":[`+events+`]}`)(rw, r, h)
				return
			}
			h.ServeHTTP(rw, r)
		}}, 100)...)
		w.another(0, logged)
		events += `,{"id":"late","createdDateTime":"2026-08-17T03:00:00Z"}`
		r := w.another(1, logged)
		if got := w.column(r, `SELECT id FROM sign_in WHERE snapshot = ? ORDER BY id`); got != "late s1 s2" {
			t.Error(got)
		}
	}},
	{"C21", "45 days between two runs, of a log that is kept for 30", "the windows that are lost are not among those read", func(t *testing.T) {
		w, _ := cannedRun(t, small())
		r := w.another(45)
		got := coverageOf(r, snapshot.SignIns)
		if gap := got.Since.Sub(now); gap != 15*24*time.Hour {
			t.Errorf("the log is read from %s on, %v after the last run", got.Since, gap)
		}
		proven("../reviews", "TestWindowsMustCoverThePeriod")(t)
	}},
	{"C22", "a server whose clock differs by ten minutes", "the result says by how much; two minutes are no matter", func(t *testing.T) {
		for ahead, want := range map[time.Duration]time.Duration{10 * time.Minute: -10 * time.Minute, -3 * time.Minute: 3 * time.Minute, 90 * time.Second: 0} {
			date := now.Add(ahead).Format(http.TimeFormat)
			w, _, skewed := spoiledCanned(t, small(), gdap)
			s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Date", date)
				w.canned.ServeHTTP(rw, r)
			}))
			t.Cleanup(s.Close)
			r := w.run(skewed, func(o *collectors.Options) {
				o.Client = asking(t, s.URL, tenant, passing(t), unbatched, func(g *graph.Options) { g.Credential = anyToken(t) }).Client
			})
			if r.Skew != want {
				t.Errorf("a server %v ahead: our clock is called %v ahead", ahead, r.Skew)
			}
		}
	}},
	{"C23", "runs over midnight, quarters in other zones, summer time, leap days", "one instant per run, periods half open, in the zone that was set", all(
		proven("snapshot", "TestQuartersInEveryZone"), proven("snapshot", "TestQuartersTileTime"))},
	{"C24", "lists of customers and relationships that shrink to less than half", "not believed, unless the run is told to", func(t *testing.T) {
		const customers = "/v1.0/tenantRelationships/delegatedAdminCustomers"
		c := newCanned()
		for i := range 7 {
			c.relationship(fmt.Sprintf("r%d", i), fmt.Sprintf("c%d", i), "active")
			c.rows[customers] = append(c.rows[customers], fmt.Sprintf(`{"id":"c%d","tenantId":"c%d","displayName":"x"}`, i, i))
		}
		w, _ := cannedRun(t, c)
		c.rows[gdap], c.rows[customers] = c.rows[gdap][:2], c.rows[customers][:3]
		r := w.another(1)
		expectState(t, r, snapshot.Relationships, snapshot.Partial, "2 relationships came where 7 were known: that many do not end at once, so the list is not believed; look in the portal, and collect with --accept-shrink if it is so")
		expectState(t, r, snapshot.Customers, snapshot.Partial, "3 customers came where 7 were known")
		count := `SELECT (SELECT count(*) FROM relationship r WHERE r.snapshot = s.id) || ' ' || (SELECT count(*) FROM customer c WHERE c.snapshot = s.id) FROM snapshot s WHERE s.id = ?`
		if got := w.column(r, count); got != "7 7" {
			t.Errorf("relationships and customers: %s", got)
		}
		r = w.another(2, func(o *collectors.Options) { o.AcceptShrink = true })
		expectState(t, r, snapshot.Relationships, snapshot.Complete, "")
		if got := w.column(r, count); got != "2 3" {
			t.Errorf("relationships and customers, accepted: %s", got)
		}
	}},
	{"C25", "no relationships at all, with 200, where some were known", "not believed", func(t *testing.T) {
		c := small()
		w, _ := cannedRun(t, c)
		c.rows[gdap] = nil
		r := w.another(1)
		expectState(t, r, snapshot.Relationships, snapshot.Partial, "0 relationships came where 1 were known")
		if got := w.effective(r, "g1"); got != `u1:standing:["g1"]` {
			t.Error(got)
		}
	}},
	{"C26", "one relationship listed twice with different status; two relationships of one customer", "the last word counts; both relationships stand, each with its roles", func(t *testing.T) {
		c := small()
		c.relationship("r1", "c1", "terminating")
		c.relationship("r2", "c1", "active")
		c.assign("r2", "g1")
		w, r := cannedRun(t, c)
		expectState(t, r, snapshot.Relationships, snapshot.Complete, remarked)
		if got := w.column(r, `SELECT id || ':' || status FROM relationship WHERE snapshot = ? ORDER BY id`); got != "r1:terminating r2:active" {
			t.Error(got)
		}
		if got := w.column(r, `SELECT relationship FROM access_assignment WHERE snapshot = ? ORDER BY relationship`); got != "r1 r2" {
			t.Error(got)
		}
	}},
	{"C27", "a role that nobody has heard of", "it is kept by its id and held for privileged", func(t *testing.T) {
		c := small()
		c.rows[gdap+"/r1/accessAssignments"][0] = strings.Replace(c.rows[gdap+"/r1/accessAssignments"][0], "62e90394-69f5-4237-9190-012177145e10", "99999999-69f5-4237-9190-012177145e10", 1)
		w, r := cannedRun(t, c)
		if got := w.column(r, `SELECT role FROM access_assignment_role WHERE snapshot = ?`); got != "99999999-69f5-4237-9190-012177145e10" || snapshot.RoleByID(got).Tier != 1 {
			t.Errorf("%s of tier %d", got, snapshot.RoleByID(got).Tier)
		}
	}},
	{"C28", "a service that changes while the snapshot is taken", "each part keeps when it was asked", func(t *testing.T) {
		var n atomic.Int64
		w, r := cannedRun(t, small(), func(o *collectors.Options) {
			o.Now = func() time.Time { return now.Add(time.Duration(n.Add(1)) * time.Second) }
		})
		if got := w.column(r, `SELECT (count(DISTINCT asked) = count(*)) || ' ' || (min(asked) > '2026-08-18T06:00:00Z') FROM part_coverage WHERE snapshot = ? AND state = 'complete'`); got != "1 1" {
			t.Errorf("each part has its instant, all after the beginning: %s", got)
		}
	}},
}
