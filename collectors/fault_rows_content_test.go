package collectors_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/snapshot"
	"countersign/rules"
	"countersign/rules/rule"
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

// spoiledCanned is a canned Graph, in simulated time, of which one list is spoilt
// first; its client waits as it does against the real one.
func spoiledCanned(t *testing.T, c *canned, list string, steps ...step) (*cannedWorld, *spoiler, func(*collectors.Options)) {
	s := &spoiler{Handler: c, list: list, steps: steps}
	client := clientOf(t, tenant, within(t, s))
	w := &cannedWorld{t, c, inside, openStore(t, filepath.Join(t.TempDir(), "a.db"))}
	return w, s, func(o *collectors.Options) { o.Kinds, o.Client = appKinds, client }
}

var contentRows = []faultRow{
	{"C01", "a status nobody has heard of, of a relationship, an access assignment and a request", "it is kept as it is, and taken for one that may give access: rules find what it allows", func(t *testing.T) {
		c := small()
		c.rows[gdap][0] = strings.Replace(c.rows[gdap][0], `"active"`, `"unknownFutureValue"`, 1)
		c.rows[gdap][0] = strings.Replace(c.rows[gdap][0], "{", `{"accessDetails":{"unifiedRoles":[{"roleDefinitionId":"62e90394-69f5-4237-9190-012177145e10"}]},`, 1)
		k := gdap + "/r1/accessAssignments"
		c.rows[k][0] = strings.Replace(c.rows[k][0], `"active"`, `"brandNewWord"`, 1)
		c.rows["assignmentScheduleRequests g1"] = []string{`{"id":"q1","groupId":"g1","principalId":"u1","action":"neverHeardOf","status":"unheardOf"}`}
		w, r := cannedRun(t, c)
		for _, kind := range appKinds {
			expectState(t, r, kind, snapshot.Complete, "")
		}
		if got := w.column(r, `SELECT status FROM relationship WHERE snapshot = ?`) + " " + w.effective(r, "g1"); got != `unknownfuturevalue u1:standing:["g1"]` {
			t.Error(got)
		}
		if got := w.column(r, `SELECT status FROM access_assignment WHERE snapshot = ?`) + " " + w.column(r, `SELECT action || ':' || status FROM activation WHERE snapshot = ?`); got != "brandnewword neverHeardOf:unheardof" {
			t.Error(got)
		}
		report := judged(t, w.store, r)
		for _, id := range []string{"gdap-global-admin-included", "standing-privileged-access"} {
			if report.Outcomes[id] != rule.Found {
				t.Errorf("%s is %s", id, report.Outcomes[id])
			}
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
			read := "a row cannot be read: page 1, row 1: "
			if got := related(t, "ends", `{"id":"r1","endDateTime":`+text+`}`); got != want && !(want == "!" && strings.HasPrefix(got, "partial: "+read)) {
				t.Errorf("%s is read as %q, want %q", text, got, want)
			}
			c := small()
			c.member("g1", "u2")
			c.rows["assignmentScheduleInstances g1"] = []string{`{"id":"i1","groupId":"g1","principalId":"u2","accessId":"member","assignmentType":"Assigned","endDateTime":` + text + `}`}
			c.rows["/beta/auditLogs/signIns"] = []string{`{"id":"s1","createdDateTime":` + text + `}`}
			w, r := cannedRun(t, c)
			if want == "!" {
				expectState(t, r, snapshot.GroupAssignments, snapshot.Partial, read)
			} else if got, ends := w.column(r, `SELECT state || ' ' || coalesce(ends, '-') FROM membership WHERE snapshot = ? AND principal = 'u2'`), map[bool]string{true: "standing -", false: "time-bound " + want}[want == "-"]; got != ends {
				t.Errorf("an assignment until %s is %s, want %s", text, got, ends)
			}
			if want == "!" || want == "-" { // an event without a time
				expectState(t, r, snapshot.SignIns, snapshot.Partial, read)
			} else if got := w.column(r, `SELECT DISTINCT at FROM sign_in WHERE snapshot = ?`); got != want {
				t.Errorf("a sign-in at %s is at %s", text, got)
			}
		}
	}},
	{"C06", "durations of every form, and such that are none", "kept as they are and judged by the rules; where an end follows from one, nonsense is a row that cannot be read", func(t *testing.T) {
		for text, long := range map[string]bool{"P730D": true, "P2Y": true, "P180D": false, "PT0S": false, "P0D": false, "P366D": true, "PT8H30M": false} {
			c := newCanned()
			c.rows[gdap] = []string{`{"id":"r1","displayName":"x","customer":{"tenantId":"c1"},"status":"active","duration":"` + text + `","autoExtendDuration":"PT0S","endDateTime":"2026-08-20T00:00:00Z"}`}
			w, r := cannedRun(t, c)
			expectLines(t, "duration", lines(t, w.store, `SELECT duration, auto_extend FROM relationship WHERE snapshot = ?`, r.Snapshot), text+" PT0S")
			report := judged(t, w.store, r)
			if want := map[bool]rule.Outcome{true: rule.Found, false: rule.Clear}[long]; report.Outcomes["gdap-term-too-long"] != want {
				t.Errorf("a term of %s: %s", text, report.Outcomes["gdap-term-too-long"])
			}
			if report.Outcomes["gdap-expiring-soon"] != rule.Found { // PT0S is no extension
				t.Errorf("the end in two days: %s", report.Outcomes["gdap-expiring-soon"])
			}
		}
		if got := related(t, "duration", `{"id":"r1","duration":"two years"}`); got != "two years" {
			t.Errorf("nonsense is kept as %q", got)
		}
		for text, ends := range map[string]string{"PT8H30M": "2026-08-17T18:30:00Z", "P1D": "2026-08-18T10:00:00Z", "8 hours": "!", "P": "!", "": "-"} {
			c := small()
			c.rows["assignmentScheduleRequests g1"] = []string{`{"id":"q1","groupId":"g1","principalId":"u1","action":"selfActivate","status":"Provisioned","scheduleInfo":{"startDateTime":"2026-08-17T10:00:00Z","expiration":{"type":"afterDuration","duration":"` + text + `"}}}`}
			w, r := cannedRun(t, c)
			if ends == "!" {
				expectState(t, r, snapshot.GroupActivations, snapshot.Partial, "a row cannot be read: page 1, row 1: ")
			} else if got := w.column(r, `SELECT coalesce(ends, '-') FROM activation WHERE snapshot = ?`); got != ends {
				t.Errorf("an activation of %q ends at %s, want %s", text, got, ends)
			}
		}
	}},
	{"C07", "ids in capitals and in braces, of 73 characters, and such that are no GUID", "they join", func(t *testing.T) {
		const group, id = "0f5b3a8e-7a52-4c4e-9e0b-3a3c7b1d2e4f", "5d7f6a1e-0b3c-4c8f-9a52-0f1e2d3c4b5a-9e8d7c6b-5a4f-4e3d-8c2b-1a0f9e8d7c6b"
		c := newCanned()
		c.relationship(strings.ToUpper(id), "{C1}", "active")
		c.rows[gdap] = append(c.rows[gdap], `{"id":"not a GUID","customer":{"tenantId":"C1"},"status":"terminated"}`)
		c.rows["/v1.0/tenantRelationships/delegatedAdminCustomers"] = []string{`{"id":"C1","tenantId":"C1","displayName":"One"}`}
		c.assign(id, "{"+strings.ToUpper(group)+"}")
		c.group(group)
		c.rows["/v1.0/groups/"+group] = []string{`{"id":"` + strings.ToUpper(group) + `","displayName":"x"}`}
		c.member(group, "U1", "U2")
		c.rows["assignmentScheduleInstances "+group] = []string{`{"id":"I1","groupId":"` + strings.ToUpper(group) + `","principalId":"{u2}","accessId":"member","assignmentType":"Activated"}`}
		c.rows["/v1.0/users"] = []string{`{"id":"{U1}","displayName":"Ada"}`}
		w, r := cannedRun(t, c)
		for _, kind := range appKinds {
			expectState(t, r, kind, snapshot.Complete, "")
		}
		if got := w.effective(r, group); got != `u1:standing:["`+group+`"] u2:activated:["`+group+`"]` {
			t.Error(got)
		}
		expectLines(t, "relationships", lines(t, w.store, `SELECT id, r.customer, name FROM (SELECT id, customer, snapshot FROM relationship) r JOIN (SELECT tenant, name, snapshot FROM customer) c ON c.tenant = r.customer AND c.snapshot = r.snapshot WHERE r.snapshot = ? ORDER BY id`, r.Snapshot),
			id+" c1 One", "not a guid c1 One")
		if got := loadAccess(t, w.store, r).Principal("u1").Label(); got != "Ada" {
			t.Errorf("u1 is called %s", got)
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
	{"C09", "members of which only id and type come, for want of a permission", "they are kept and shown by their id, never as a blank; the coverage says what the app may not read, and which permission it needs", func(t *testing.T) {
		c := small()
		c.rows[members1] = []string{`{"@odata.type":"#microsoft.graph.user","id":"u1","displayName":null,"userPrincipalName":null}`, `{"@odata.type":"#microsoft.graph.device","id":"d1","displayName":null}`,
			`{"@odata.type":"#microsoft.graph.user","id":"u2","displayName":"Ada"}`, `{"@odata.type":"#microsoft.graph.servicePrincipal","id":"s1"}`, `{"@odata.type":"#microsoft.graph.agentIdentity","id":"a1"}`}
		w, r := cannedRun(t, c)
		for kind, permission := range map[string]string{"user": "User.Read.All", "device": "Device.Read.All", "servicePrincipal": "Application.Read.All", "agentIdentity": "Directory.Read.All"} {
			expectState(t, r, snapshot.Memberships, snapshot.Complete, "objects of type "+kind+" came with their id alone: the app may not read their names; it needs the application permission "+permission)
		}
		expectConserved(t, w.store, r.Snapshot)
		if got := w.effective(r, "g1"); strings.Count(got, ":standing:") != 5 {
			t.Errorf("in reach of g1: %s", got)
		}
		access := loadAccess(t, w.store, r)
		for id, want := range map[string]string{"u1": "u1", "d1": "d1", "u2": "Ada", "s1": "s1", "a1": "a1"} {
			if got := access.Principal(id).Label(); got != want {
				t.Errorf("%s is shown as %q", id, got)
			}
		}
		for _, f := range judged(t, w.store, r).Findings {
			if f.Person.ID != "" && f.Person.Name == "" {
				t.Errorf("a finding about nobody: %+v", f)
			}
		}
	}},
	{"C10", "a group that the directory has no more, at once or between it and its members; a deleted user who is still a member; a role without definition", "what is gone is recorded as gone, not as empty; what went between is not seen whole, and what was known of it stands; the member and the role are kept", all(
		TestDeletedGroup, simulated(func(t *testing.T) {
			c := small() // u1 is a member, and /users has nobody
			w, s, late := spoiledCanned(t, c, members1)
			r := w.run(late)
			if got := w.effective(r, "g1"); got != `u1:standing:["g1"]` {
				t.Error(got)
			}
			s.steps = always(refuses(404, "Request_ResourceNotFound"))
			r = w.another(1, late)
			expectState(t, r, snapshot.Groups, snapshot.Complete, "")
			expectState(t, r, snapshot.Memberships, snapshot.Partial, "not found: 404 Request_ResourceNotFound; it went away while the snapshot was taken")
			if got := w.effective(r, "g1"); got != `u1:standing:["g1"]` {
				t.Errorf("after it went: %s", got)
			}
			c.rows["/v1.0/roleManagement/directory/roleAssignmentScheduleInstances"] = []string{`{"id":"i","principalId":"u1","roleDefinitionId":"gone","directoryScopeId":"/"}`}
			s.steps = nil
			r = w.another(2, late)
			expectState(t, r, snapshot.DirectoryRoles, snapshot.Complete, "")
			if got := w.column(r, `SELECT principal || ' ' || role FROM role_instance WHERE snapshot = ?`); got != "u1 gone" {
				t.Errorf("roles held: %s", got)
			}
		}))},
	{"C11", "a group too new for the replica that answers", "asked once more after 30 s; what is gone is not waited for a second time", simulated(func(t *testing.T) {
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
	})},
	{"C12", "groups in a circle, within themselves, 60 deep; one of 200,000 members; a list without end", "each is walked once, to the bottom, and all are there; the list is not called whole", all(
		TestNestedAndCyclicGroupsAreWalkedOnce, func(t *testing.T) {
			c := small()
			for i := 1; i < 60; i++ {
				c.group(fmt.Sprintf("g%d", i+1))
				c.member(fmt.Sprintf("g%d", i), fmt.Sprintf("g%d", i+1))
			}
			c.member("g60", "deep", "g1")
			c.page = 999
			for i := range 200_000 {
				c.member("g2", fmt.Sprintf("u-%d", i))
			}
			membersOnly := func(o *collectors.Options) {
				o.Kinds = []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships}
			}
			w, r := cannedRun(t, c, membersOnly)
			expectState(t, r, snapshot.Memberships, snapshot.Complete, "")
			const reached = `SELECT count(*), min(via), max(json_array_length(via)) FROM effective_membership WHERE snapshot = ? AND mapped_group = 'g1' AND principal `
			expectLines(t, "members of the great group", lines(t, w.store, reached+`LIKE 'u-%'`, r.Snapshot), `200000 ["g1","g2"] 2`)
			if got := lines(t, w.store, reached+`= 'deep'`, r.Snapshot)[0]; !strings.HasPrefix(got, `1 ["g1","g2",`) || !strings.HasSuffix(got, `"g60"] 60`) {
				t.Errorf("at the bottom is %s", got)
			}
		}, simulated(func(t *testing.T) {
			n := 0
			w, _, endless := spoiledCanned(t, small(), members1, slices.Repeat([]step{func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
				n++
				says(fmt.Sprintf(`{"value":[{"@odata.type":"#microsoft.graph.user","id":"n%d"}],"@odata.nextLink":"http://%s%s?$skiptoken=%d"}`, n, r.Host, r.URL.Path, n))(rw, r, nil)
			}}, 10_001)...)
			r := w.run(endless)
			expectState(t, r, snapshot.Memberships, snapshot.Partial, "list has more than 10000 pages")
			if got := w.column(r, `SELECT principal FROM group_member WHERE snapshot = ?`); n != 10_000 || got != "" {
				t.Errorf("%d pages were read, and of them there is %.60s", n, got)
			}
		}))},
	{"C13", "Microsoft's own transitive list", "it is not asked: the closure is ours, and agrees with all ways there are", func(t *testing.T) {
		for seed := range uint64(4) {
			r := rand.New(rand.NewPCG(seed, 0))
			c, in := small(), map[string][]string{"g1": {"u1"}}
			for g := 1; g <= 7; g++ {
				group := fmt.Sprintf("g%d", g)
				c.group(group)
				for range 3 {
					member := fmt.Sprintf("%c%d", "gu"[r.IntN(2)], 1+r.IntN(7))
					if !slices.Contains(in[group], member) {
						c.member(group, member)
						in[group] = append(in[group], member)
					}
				}
			}
			var walk func(group string)
			reached, been := map[string]bool{}, map[string]bool{}
			walk = func(group string) {
				been[group] = true
				for _, member := range in[group] {
					if member[0] == 'u' {
						reached[member] = true
					} else if !been[member] {
						walk(member)
					}
				}
			}
			walk("g1")
			w, result := cannedRun(t, c)
			expectLines(t, "in reach of g1", lines(t, w.store, `SELECT principal FROM effective_membership WHERE snapshot = ? AND mapped_group = 'g1' ORDER BY principal`, result.Snapshot), slices.Sorted(maps.Keys(reached))...)
			if slices.ContainsFunc(c.asked, func(path string) bool { return strings.Contains(path, "transitive") }) {
				t.Error(c.asked)
			}
		}
	}},
	{"C14", "a group whose membership is hidden: its members are refused, or come as an empty list; a dynamic group, one that may hold roles", "not permitted, never nobody; a group that is empty is whole; what kind of group it is is kept", func(t *testing.T) {
		hidden := `{"id":"g1","visibility":"HiddenMembership","groupTypes":["DynamicMembership"],"isAssignableToRole":true}`
		for want, spoil := range map[snapshot.State]func(*canned){
			snapshot.NotPermitted: func(c *canned) { c.rows["/v1.0/groups/g1"] = []string{hidden} },
			snapshot.Complete:     func(*canned) {},
		} {
			c := small()
			w, _ := cannedRun(t, c)
			c.rows[members1] = nil
			spoil(c)
			r := w.another(1)
			words, who, flags := "", "", "0 0"
			if want == snapshot.NotPermitted {
				words, who, flags = "the members of this group are hidden: the list comes empty; the app needs the application permission Member.Read.Hidden", `u1:standing:["g1"]`, "1 1"
				expectNotAssessed(t, w.store, r, "standing-privileged-access", "memberships")
			}
			expectState(t, r, snapshot.Memberships, want, words)
			if got := w.effective(r, "g1"); got != who {
				t.Errorf("%s: in reach of g1: %s", want, got)
			}
			if got := w.column(r, `SELECT dynamic || ' ' || role_assignable FROM directory_group WHERE snapshot = ?`); got != flags {
				t.Errorf("%s: dynamic and role-assignable: %s", want, got)
			}
		}
		c := small()
		c.refuse[members1] = 403
		w, r := cannedRun(t, c)
		expectState(t, r, snapshot.Memberships, snapshot.NotPermitted, "403")
		expectNotAssessed(t, w.store, r, "standing-privileged-access", "memberships")
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
	{"C17", "PIM's schedule and instance for one grant; an activation beside an assignment", "an activation is not standing access, and each is there once; rules find the assignment alone", all(TestActivatedIsNotStanding, func(t *testing.T) {
		c := small()
		c.member("g1", "u2")
		c.rows["assignmentScheduleInstances g1"] = []string{
			`{"id":"i1","groupId":"g1","principalId":"u1","accessId":"member","assignmentType":"Assigned"}`,
			`{"id":"i2","groupId":"g1","principalId":"u2","accessId":"member","assignmentType":"Activated","assignmentScheduleId":"s2","endDateTime":"2026-08-18T08:00:00Z"}`}
		c.rows["eligibilityScheduleInstances g1"] = []string{`{"id":"e2","groupId":"g1","principalId":"u2","accessId":"member","eligibilityScheduleId":"s3","endDateTime":"2026-12-31T00:00:00Z"}`}
		w, r := cannedRun(t, c)
		if got := w.column(r, `SELECT principal || ':' || state FROM membership WHERE snapshot = ? ORDER BY principal, state`); got != "u1:standing u2:activated u2:eligible" {
			t.Error(got)
		}
		var who []string
		for _, f := range judged(t, w.store, r).Findings {
			if f.Rule == "standing-privileged-access" {
				who = append(who, f.Person.ID)
			}
		}
		expectLines(t, "standing", who, "u1")
	})},
	{"C18", "an activation without purpose and ticket, and one that only validates", "they are kept; the one is a finding, the other no use", func(t *testing.T) {
		c := small()
		c.rows["assignmentScheduleRequests g1"] = []string{`{"id":"q1","groupId":"g1","principalId":"u1","action":"selfActivate","status":"Provisioned","createdDateTime":"2026-08-17T10:00:00Z","justification":null,"ticketInfo":null}`,
			`{"id":"q2","groupId":"g1","principalId":"u2","action":"selfActivate","status":"Provisioned","createdDateTime":"2026-08-17T10:00:00Z","isValidationOnly":true}`}
		w, r := cannedRun(t, c)
		if got := w.column(r, `SELECT id || ':' || justification || ':' || ticket || ':' || validation_only FROM activation WHERE snapshot = ? ORDER BY id`); got != "q1:::0 q2:::1" {
			t.Error(got)
		}
		var who []string
		for _, f := range judged(t, w.store, r).Findings {
			if f.Rule == "activation-no-purpose" {
				who = append(who, f.Person.ID)
			}
		}
		expectLines(t, "activated without a purpose", who, "u1")
	}},
	{"C19", "an entry that an app made, or of which nobody is named, or that is about nothing", "it is kept, with the app's name and id, or as nobody's", func(t *testing.T) {
		c := small()
		for i, by := range []string{`{"user":{"id":"U9"}}`, `{"user":null,"application":{"id":"APP"}}`, `{"user":null,"application":null}`, `null`} {
			c.rows["assignmentScheduleRequests g1"] = append(c.rows["assignmentScheduleRequests g1"], fmt.Sprintf(`{"id":"q%d","groupId":"g1","principalId":"u1","action":"adminAssign","createdBy":%s}`, i, by))
		}
		for i, entry := range []string{`"initiatedBy":{"user":{"id":"U9","displayName":"Ada"},"app":null},"targetResources":[{"id":"T","type":"Group","displayName":"x"}]`,
			`"initiatedBy":{"app":{"appId":"A","servicePrincipalId":"SP","displayName":"Robot"},"user":null},"targetResources":[]`,
			`"initiatedBy":{"app":{"appId":"A2","servicePrincipalId":null,"displayName":null,"servicePrincipalName":"robot2"}},"targetResources":null`, `"initiatedBy":{"app":null,"user":null}`, `"initiatedBy":null`} {
			c.rows["/v1.0/auditLogs/directoryAudits"] = append(c.rows["/v1.0/auditLogs/directoryAudits"], fmt.Sprintf(`{"id":"a%d","activityDateTime":"2026-08-17T10:00:00Z","category":"GroupManagement","loggedByService":"Core Directory",%s}`, i, entry))
		}
		w, r := cannedRun(t, c)
		expectConserved(t, w.store, r.Snapshot)
		if got := w.column(r, `SELECT id || ':' || coalesce(created_by, '') FROM activation WHERE snapshot = ? ORDER BY id`); got != "q0:u9 q1:app q2: q3:" {
			t.Error(got)
		}
		expectState(t, r, snapshot.Audits, snapshot.Complete, "")
		expectLines(t, "audits", lines(t, w.store, `SELECT DISTINCT id, actor_type || '|' || actor || '|' || actor_name || '|' || target || '|' || targets FROM audit_event WHERE snapshot = ? ORDER BY id`, r.Snapshot),
			`a0 user|u9|Ada|t|["Group t"]`, "a1 app|sp|Robot||[]", "a2 app|a2|robot2||[]", "a3 ||||[]", "a4 ||||[]")
	}},
	{"C20", "events that come hours late and out of order", "their window is read again, and each is there once", simulated(func(t *testing.T) {
		for day, late := range []string{"2026-08-17T03:00:00Z", "2026-08-16T03:00:00Z"} { // of the day before, and of that before it
			events := `{"id":"s2","createdDateTime":"2026-08-17T22:00:00Z"},{"id":"s1","createdDateTime":"2026-08-17T09:00:00Z"}`
			w, _, logged := spoiledCanned(t, small(), "/beta/auditLogs/signIns", slices.Repeat([]step{func(rw http.ResponseWriter, r *http.Request, h http.Handler) {
				var in []string
				for event := range strings.SplitSeq(events, "},") {
					if _, at, _ := strings.Cut(event, `DateTime":"`); strings.Contains(r.URL.Query().Get("$filter"), "ge "+at[:len("2026-08-17")]+"T00:00:00Z") {
						in = append(in, strings.TrimSuffix(event, "}")+"}")
					}
				}
				says(`{"value":[`+strings.Join(in, ",")+`]}`)(rw, r, h)
			}}, 100)...)
			r := w.another(0, logged)
			if got := w.column(r, `SELECT id FROM sign_in WHERE snapshot = ? ORDER BY id`); got != "s1 s2" {
				t.Error(got)
			}
			events += `,{"id":"late","createdDateTime":"` + late + `"}`
			r = w.another(1, logged)
			if got := w.column(r, `SELECT id FROM sign_in WHERE snapshot = ? ORDER BY id`); got != "late s1 s2" {
				t.Errorf("day %d: %s", day, got)
			}
			expectLines(t, "sign-ins in the log", lines(t, w.store, `SELECT count(*) FROM log_sign_in`), "3")
		}
	})},
	{"C21", "45 days between two runs, of a log that is kept for 30", "the hole is named from when to when, and stays named", func(t *testing.T) {
		w, first := cannedRun(t, small())
		r := w.another(45)
		for _, kind := range []snapshot.Kind{snapshot.SignIns, snapshot.Audits} {
			holes, err := snapshot.LoadHoles(context.Background(), w.store.Read(), r.Snapshot)
			kept := map[snapshot.Kind]time.Duration{snapshot.SignIns: snapshot.PremiumLogKept, snapshot.Audits: snapshot.FreeLogKept}[kind]
			want := snapshot.Hole{Kind: kind, Scope: tenant, Since: now, Until: now.AddDate(0, 0, 45).Add(-kept)}
			if err != nil || !slices.Contains(holes, want) {
				t.Errorf("holes are %v (%v), want %v", holes, err, want)
			}
		}
		holes, err := snapshot.LoadHoles(context.Background(), w.store.Read(), first.Snapshot)
		if err != nil || len(holes) > 0 {
			t.Errorf("the first snapshot has holes: %v (%v)", holes, err)
		}
		later := w.another(46)
		if holes, err = snapshot.LoadHoles(context.Background(), w.store.Read(), later.Snapshot); err != nil || len(holes) < 2 {
			t.Errorf("a day later holes are %v (%v)", holes, err)
		}
	}},
	{"C22", "a server whose clock differs by ten minutes", "the snapshot says by how much, and the log warns; two minutes are no matter; a run that is taken up by a clock that was set still says it", simulated(func(t *testing.T) {
		for ahead, want := range map[time.Duration]time.Duration{10 * time.Minute: -10 * time.Minute, -3 * time.Minute: 3 * time.Minute, 90 * time.Second: 0, -90 * time.Second: 0} {
			date, c, log := now.Add(ahead).Format(http.TimeFormat), small(), &bytes.Buffer{}
			o := inProcess(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				rw.Header().Set("Date", date)
				c.ServeHTTP(rw, r)
			}))
			o.Log = slog.New(slog.NewTextHandler(log, nil))
			took(t, o)
			if s, err := snapshot.LastTimed(context.Background(), o.Store.Read()); err != nil || s.Skew != want || strings.Contains(log.String(), "clock and the service's differ") != (want != 0) {
				t.Errorf("a server %v ahead: our clock is called %v ahead (%v)\n%s", ahead, s.Skew, err, log)
			}
		}
		ctx, stop := context.WithCancel(context.Background())
		c := small()
		c.onAsked = func(n int) {
			if n == 3 {
				stop()
			}
		}
		var set atomic.Bool
		o := inProcess(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if !set.Load() {
				rw.Header().Set("Date", now.Add(time.Hour).Format(http.TimeFormat))
			}
			c.ServeHTTP(rw, r)
		}))
		if _, err := collectors.Run(ctx, o); !errors.Is(err, context.Canceled) {
			t.Errorf("the run ended with %v", err)
		}
		set.Store(true)
		if r := took(t, o); !r.Resumed {
			t.Error("it was not taken up")
		}
		if s, err := snapshot.LastTimed(context.Background(), o.Store.Read()); err != nil || s.Skew != -time.Hour {
			t.Errorf("of a run that was taken up the clock is called %v ahead (%v)", s.Skew, err)
		}
	})},
	{"C23", "runs over midnight, quarters in other zones, summer time, leap days", "one instant per run, periods half open, in the zone that was set", func(t *testing.T) {
		berlin, err := time.LoadLocation("Europe/Berlin")
		if err != nil {
			t.Fatal(err)
		}
		for at, want := range map[string]struct {
			zone    *time.Location
			quarter string
		}{
			"2025-12-31T23:30:00Z": {berlin, "2026-Q1 2025-12-31T23:00:00Z 2026-03-31T22:00:00Z"}, // half past midnight there; summer time begins within
			"2025-12-31T22:59:59Z": {berlin, "2025-Q4 2025-09-30T22:00:00Z 2025-12-31T23:00:00Z"},
			"2026-01-01T00:00:00Z": {time.UTC, "2026-Q1 2026-01-01T00:00:00Z 2026-04-01T00:00:00Z"},
			"2025-12-31T23:30:01Z": {time.UTC, "2025-Q4 2025-10-01T00:00:00Z 2026-01-01T00:00:00Z"},
			"2024-02-29T12:00:00Z": {berlin, "2024-Q1 2023-12-31T23:00:00Z 2024-03-31T22:00:00Z"},
			"2026-03-29T01:00:00Z": {berlin, "2026-Q1 2025-12-31T23:00:00Z 2026-03-31T22:00:00Z"}, // the hour that is left out
			"2026-10-25T01:00:00Z": {berlin, "2026-Q4 2026-09-30T22:00:00Z 2026-12-31T23:00:00Z"}, // the hour that comes twice
		} {
			instant, err := time.Parse(time.RFC3339, at)
			if err != nil {
				t.Fatal(err)
			}
			q := snapshot.Quarter(instant, want.zone, 1)
			if got := q.Name + " " + q.Since.UTC().Format(time.RFC3339) + " " + q.Until.UTC().Format(time.RFC3339); got != want.quarter || !q.Contains(q.Since) || q.Contains(q.Until) {
				t.Errorf("%s in %s is in %s, want %s", at, want.zone, got, want.quarter)
			}
		}
		c, midnight := small(), time.Date(2026, 8, 18, 23, 59, 59, 0, time.UTC)
		c.rows[gdap][0] = strings.Replace(c.rows[gdap][0], "{", `{"endDateTime":"2026-08-19T00:00:00Z",`, 1)
		var n atomic.Int64
		w, r := cannedRun(t, c, func(o *collectors.Options) {
			o.At, o.Now = midnight, func() time.Time { return midnight.Add(time.Duration(n.Add(1)) * time.Second) }
		})
		expectLines(t, "the instant", lines(t, w.store, `SELECT at, (SELECT max(until) FROM part_coverage c WHERE c.snapshot = s.id) FROM sealed_snapshot s WHERE id = ?`, r.Snapshot), "2026-08-18T23:59:59Z 2026-08-18T23:59:59Z")
		if access := loadAccess(t, w.store, r); !access.At.Equal(midnight) || len(access.Grants("c1")) != 1 {
			t.Errorf("as of %s the customer is reached by %d grants", access.At, len(access.Grants("c1")))
		}
	}},
	{"C24", "lists of customers and relationships that shrink by more than a fifth", "not believed, unless the run is told to", func(t *testing.T) {
		const customers = "/v1.0/tenantRelationships/delegatedAdminCustomers"
		c := newCanned()
		for i := range 7 {
			c.relationship(fmt.Sprintf("r%d", i), fmt.Sprintf("c%d", i), "active")
			c.assign(fmt.Sprintf("r%d", i), "g1")
			c.rows[customers] = append(c.rows[customers], fmt.Sprintf(`{"id":"c%d","tenantId":"c%d","displayName":"x"}`, i, i))
		}
		w, _ := cannedRun(t, c)
		c.rows[gdap], c.rows[customers] = c.rows[gdap][:2], c.rows[customers][:4]
		r := w.another(1)
		expectState(t, r, snapshot.Relationships, snapshot.Partial, "2 relationships came where 7 were known: that many do not end at once, so the list is not believed; look in the portal, and collect with --accept-shrink if it is so")
		expectState(t, r, snapshot.Customers, snapshot.Partial, "4 customers came where 7 were known")
		access := loadAccess(t, w.store, r)
		for i := range 7 { // nobody's access is called removed
			if got := access.Grants(fmt.Sprintf("c%d", i)); len(got) != 1 {
				t.Errorf("c%d is reached by %d grants", i, len(got))
			}
		}
		expectNotAssessed(t, w.store, r, "gdap-no-access-assignment", "relationships")
		expectLines(t, "intervals that end", lines(t, w.store, `SELECT count(*) FROM fact_relationship WHERE seen_until IS NOT NULL`), "0")
		count := `SELECT (SELECT count(*) FROM relationship r WHERE r.snapshot = s.id) || ' ' || (SELECT count(*) FROM customer c WHERE c.snapshot = s.id) FROM snapshot s WHERE s.id = ?`
		if got := w.column(r, count); got != "7 7" {
			t.Errorf("relationships and customers: %s", got)
		}
		r = w.another(2, func(o *collectors.Options) { o.AcceptShrink = true })
		expectState(t, r, snapshot.Relationships, snapshot.Complete, "")
		if got := w.column(r, count); got != "2 4" {
			t.Errorf("relationships and customers, accepted: %s", got)
		}
	}},
	{"C25", "no relationships at all, with 200, where some were known", "not believed, and never all is well: rules do not judge, the program ends with 4", func(t *testing.T) {
		c := small()
		w, _ := cannedRun(t, c)
		m := newMSP(t, c)
		m.expectRun(now, 0, "relationships", "collect")
		c.rows[gdap] = nil
		r := w.another(1)
		expectState(t, r, snapshot.Relationships, snapshot.Partial, "0 relationships came where 1 were known")
		if got := w.effective(r, "g1"); got != `u1:standing:["g1"]` {
			t.Error(got)
		}
		for id, outcome := range judged(t, w.store, r).Outcomes {
			if q, _ := rules.Find(id); slices.Contains(q.Needs, snapshot.Relationships) && outcome == rule.Clear {
				t.Errorf("%s is clear", id)
			}
		}
		m.expectRun(tomorrow(), 4, "0 relationships came where 1 were known", "collect")
	}},
	{"C26", "one relationship listed twice with different status; two relationships of one customer", "the last word counts; both relationships stand, each with its roles", func(t *testing.T) {
		const other = "f2ef992c-3afb-46b9-b7cf-a126ee74c451"
		c := small()
		c.relationship("r1", "c1", "terminating")
		c.relationship("r2", "c1", "active")
		c.assign("r2", "g1")
		k := gdap + "/r2/accessAssignments"
		c.rows[k][0] = strings.Replace(c.rows[k][0], "62e90394-69f5-4237-9190-012177145e10", other, 1)
		w, r := cannedRun(t, c)
		expectState(t, r, snapshot.Relationships, snapshot.Complete, remarked)
		if got := w.column(r, `SELECT id || ':' || status FROM relationship WHERE snapshot = ? ORDER BY id`); got != "r1:terminating r2:active" {
			t.Error(got)
		}
		var paths []string
		for p := range loadAccess(t, w.store, r).Paths("c1") {
			paths = append(paths, p.Member.Principal+" "+p.Grant.Relationship.ID+" "+p.Role)
		}
		slices.Sort(paths)
		expectLines(t, "paths", paths, "u1 r1 62e90394-69f5-4237-9190-012177145e10", "u1 r2 "+other)
		var found []string
		for _, f := range judged(t, w.store, r).Findings {
			if f.Rule == "gdap-term-too-long" {
				found = append(found, f.Relationship.ID)
			}
		}
		slices.Sort(found)
		expectLines(t, "relationships that run too long", found, "r1", "r2")
	}},
	{"C27", "a role that nobody has heard of", "it is kept by its id and held for privileged", func(t *testing.T) {
		c := small()
		c.rows[gdap+"/r1/accessAssignments"][0] = strings.Replace(c.rows[gdap+"/r1/accessAssignments"][0], "62e90394-69f5-4237-9190-012177145e10", "99999999-69f5-4237-9190-012177145e10", 1)
		w, r := cannedRun(t, c)
		if got := w.column(r, `SELECT role FROM access_assignment_role WHERE snapshot = ?`); got != "99999999-69f5-4237-9190-012177145e10" || snapshot.RoleByID(got).Tier != 1 {
			t.Errorf("%s of tier %d", got, snapshot.RoleByID(got).Tier)
		}
	}},
	{"C28", "a service that changes while the snapshot is taken", "each part keeps when it was asked, and so do its requests; the coverage tells the first of them", func(t *testing.T) {
		var n atomic.Int64
		c := small()
		w, r := cannedRun(t, c, func(o *collectors.Options) {
			o.Now = func() time.Time { return now.Add(time.Duration(n.Add(1)) * time.Second) }
		})
		if got := w.column(r, `SELECT (count(DISTINCT asked) = count(*)) || ' ' || (min(asked) > '2026-08-18T06:00:00Z') FROM part_coverage WHERE snapshot = ? AND state = 'complete'`); got != "1 1" {
			t.Errorf("each part has its instant, all after the beginning: %s", got)
		}
		if got := w.column(r, `SELECT count(*) || ' ' || sum(e.asked = s.asked) FROM evidence e JOIN part_seen s USING (snapshot, part) WHERE e.snapshot = ?`); got != fmt.Sprintf("%d %d", len(c.asked), len(c.asked)) {
			t.Errorf("requests, and those of the instant of their part: %s, want %d", got, len(c.asked))
		}
		for _, got := range r.Coverage {
			if slices.Contains(appKinds, got.Kind) && (!got.Asked.After(now) || got.Asked.After(now.Add(time.Duration(n.Load())*time.Second))) {
				t.Errorf("%s was asked at %s", got.Kind, got.Asked)
			}
		}
	}},
}
