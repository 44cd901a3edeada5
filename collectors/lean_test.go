package collectors_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"countersign/collectors/snapshot"
)

// lean is a Graph of a given size that computes its answers, so that a run can be
// measured beside it: a fixed time for each HTTP request, documented page sizes, and
// quotas if it has any.
type lean struct {
	customers, assigned int // a relationship each, with so many access assignments
	groups, members     int // all of them mapped, with so many members each
	users               int
	events              int // over the days that are kept: so many sign-ins, and so many audits
	latency             time.Duration
	tenants, directory  *quota        // of tenantRelationships, and resource units of the rest
	arrived             func(n int64) // a request, by its number

	mu       sync.Mutex
	requests int64 // parts of a batch, each, and plain ones
	calls    int64 // HTTP requests
	refused  int64
}

// leanKinds are those that lean has, so that a run asks for nothing else: all of the
// MSP's own tenant that an app may read.
var leanKinds = []snapshot.Kind{snapshot.Customers, snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.GroupOwners,
	snapshot.Memberships, snapshot.GroupEligibilities, snapshot.GroupAssignments, snapshot.GroupActivations, snapshot.GroupPolicies,
	snapshot.Users, snapshot.MFARegistrations, snapshot.SignIns, snapshot.Audits, snapshot.DirectoryRoles, snapshot.Licences, snapshot.RiskyUsers,
	snapshot.ConditionalAccess, snapshot.AccessPackages}

// largest is the most rows that a page of a list may have, by the last segment of its
// path: as documented for $top, or as they come where no $top is documented.
var largest = map[string]int{"delegatedAdminCustomers": 300, "delegatedAdminRelationships": 300, "accessAssignments": 300, "members": 999, "owners": 999, "groups": 999,
	"users": 120, "riskyUsers": 500, "signIns": 1000, "directoryAudits": 999, "customers": 500, "auditrecords": 500}

// Of a list whose page size may be asked for, who does not ask gets no more.
const unasked = 100

// pageSize is how many rows come at once to who asks for a list so.
func pageSize(list string, asked url.Values) int {
	most, ok := largest[list]
	if !ok {
		return 1000
	}
	if top, err := strconv.Atoi(asked.Get("$top") + asked.Get("size")); err == nil {
		return min(top, most)
	}
	return unasked
}

func smallMSP() *lean {
	return &lean{customers: 500, assigned: 5, groups: 300, members: 30, users: 2000, events: 3000, latency: 50 * time.Millisecond}
}

func bigMSP() *lean {
	return &lean{customers: 5000, assigned: 4, groups: 300, members: 30, users: 2000, events: 500_000}
}

// minimum is how many requests Microsoft's documentation makes necessary: a page of
// 300 customers or relationships, the access assignments of each relationship (there
// is no $expand), each mapped group and its six lists (PIM for Groups lists nothing
// without naming one group), 120 users with their sign-in activity, 500 risky users,
// 1,000 sign-ins or 999 audits of a day: as many days as the logs are kept, the first of
// them and the last in part. One request each: roles held, roles that may be activated,
// the groups that hold roles, licences, Conditional Access policies, security defaults,
// and four lists of access packages.
//
// No delta query is counted. There is none of relationships, access assignments, PIM and
// logs; those of users and groups tell of the whole directory without sign-in activity,
// their tokens end after 7 days, and what does not come is no proof that it is still
// there: each snapshot must hold against an auditor by itself.
// https://learn.microsoft.com/graph/delta-query-overview
func (l *lean) minimum() int {
	return 2*pages(l.customers, 300) + l.customers*pages(l.assigned, 300) + l.groups*(6+pages(l.members, 999)) + pages(l.users, 120) + 9 + l.alone()
}

func pages(rows, size int) int { return max(1, (rows+size-1)/size) }

// alone is how many of them leave by themselves even when batched, as their quotas are
// small and their pages large: logs, registrations, risky users, Conditional Access.
func (l *lean) alone() int {
	days := len(leanDays)
	return days*(pages(l.events/days, 1000)+pages(l.events/days, 999)) + pages(l.users, 1000) + pages(l.users/2, 500) + 1
}

// leanDays are the days of the log, from 30 days back to the instant.
var leanDays = func() (all []time.Time) {
	for d := now.AddDate(0, 0, -30).Truncate(24 * time.Hour); d.Before(now); d = d.AddDate(0, 0, 1) {
		all = append(all, d)
	}
	return all
}()

func leanID(kind byte, n int) string { return fmt.Sprintf("%02x000000-0000-4000-8000-%012x", kind, n) }

func leanNumber(id string) int {
	n, _ := strconv.ParseInt(id[strings.LastIndexByte(id, '-')+1:], 16, 32)
	return int(n)
}

// quota is a bucket of units that fills up at a rate a second.
type quota struct {
	size, rate float64
	gone       float64
	last       time.Time
}

// take gives 0, or after how many seconds to come back.
func (q *quota) take(units float64) float64 {
	at := time.Now()
	q.gone, q.last = max(0, q.gone-q.rate*at.Sub(q.last).Seconds()), at
	if q.gone+units > q.size {
		return math.Ceil((q.gone + units - q.size) / q.rate)
	}
	q.gone += units
	return 0
}

// count notes a request and says whether a quota refuses it.
func (l *lean) count(path string) float64 {
	l.mu.Lock()
	l.requests++
	n, wait := l.requests, 0.
	switch {
	case strings.HasPrefix(path, "/v1.0/tenantRelationships/") && l.tenants != nil:
		wait = l.tenants.take(1)
	case !strings.HasPrefix(path, "/v1.0/tenantRelationships/") && l.directory != nil:
		units := 1.
		if strings.HasSuffix(path, "/members") || strings.HasSuffix(path, "/users") {
			units = 2 // 3 without $select, and 2 with it as $expand weighs as much
		}
		wait = l.directory.take(units)
	}
	if wait > 0 {
		l.refused++
	}
	l.mu.Unlock()
	if l.arrived != nil {
		l.arrived(n)
	}
	return wait
}

func (l *lean) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.mu.Lock()
	l.calls++
	l.mu.Unlock()
	if l.latency > 0 {
		late := time.NewTimer(l.latency)
		<-late.C
	}
	w.Header().Set("Content-Type", "application/json")
	var out bytes.Buffer
	if r.Method == http.MethodGet {
		if wait := l.count(r.URL.Path); wait > 0 {
			w.Header().Set("Retry-After", fmt.Sprint(wait))
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		l.answer(&out, r.Host, r)
		w.Write(out.Bytes())
		return
	}
	var batch struct{ Requests []struct{ ID, URL string } }
	if err := json.NewDecoder(r.Body).Decode(&batch); err != nil {
		panic(err)
	}
	version := strings.TrimSuffix(r.URL.Path, "/$batch")
	out.WriteString(`{"responses":[`)
	for i, part := range batch.Requests {
		if i > 0 {
			out.WriteByte(',')
		}
		inner, err := http.NewRequest(http.MethodGet, version+part.URL, nil)
		if err != nil {
			panic(err)
		}
		if wait := l.count(inner.URL.Path); wait > 0 {
			fmt.Fprintf(&out, `{"id":%q,"status":429,"headers":{"Retry-After":"%v"},"body":{"error":{"code":"TooManyRequests"}}}`, part.ID, wait)
			continue
		}
		fmt.Fprintf(&out, `{"id":%q,"status":200,"headers":{"Content-Type":"application/json"},"body":`, part.ID)
		l.answer(&out, r.Host, inner)
		out.WriteByte('}')
	}
	out.WriteString(`]}`)
	w.Write(out.Bytes())
}

// answer writes one page or object.
func (l *lean) answer(out *bytes.Buffer, host string, r *http.Request) {
	segments := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	last := segments[len(segments)-1]
	query := r.URL.Query()
	group := 0
	if m := filterGroup.FindStringSubmatch(query.Get("$filter")); m != nil {
		group = leanNumber(m[1])
	} else if len(segments) > 2 && segments[1] == "groups" {
		group = leanNumber(segments[2])
	}
	rows, size := 0, pageSize(last, query)
	var row func(i int)
	switch last {
	case "delegatedAdminCustomers":
		rows = l.customers
		row = func(i int) {
			fmt.Fprintf(out, `{"id":%q,"tenantId":%q,"displayName":"Customer %d"}`, leanID('c', i), leanID('c', i), i)
		}
	case "delegatedAdminRelationships":
		rows = l.customers
		row = func(i int) {
			fmt.Fprintf(out, `{"id":%q,"displayName":"GDAP of %d","duration":"P730D","customer":{"tenantId":%q,"displayName":"Customer %d"},"autoExtendDuration":"P180D",
				"accessDetails":{"unifiedRoles":[{"roleDefinitionId":"62e90394-69f5-4237-9190-012177145e10"},{"roleDefinitionId":"f2ef992c-3afb-46b9-b7cf-a126ee74c451"}]},
				"status":"active","createdDateTime":"2026-01-10T15:29:43.2104417Z","activatedDateTime":"2026-01-11T15:29:43.2104417Z","endDateTime":"2028-01-11T15:29:43.2104417Z"}`,
				leanID('b', i), i, leanID('c', i), i)
		}
	case "accessAssignments":
		relationship := leanNumber(segments[len(segments)-2])
		rows = l.assigned
		row = func(i int) {
			fmt.Fprintf(out, `{"id":%q,"status":"active","createdDateTime":"2026-01-12T15:29:43Z","lastModifiedDateTime":"2026-01-12T15:29:43Z",
				"accessContainer":{"accessContainerId":%q,"accessContainerType":"securityGroup"},"accessDetails":{"unifiedRoles":[{"roleDefinitionId":"f2ef992c-3afb-46b9-b7cf-a126ee74c451"}]}}`,
				leanID('a', relationship*100+i), leanID('d', (relationship*l.assigned+i)%l.groups))
		}
	case "members", "owners":
		rows = l.members
		if last == "owners" {
			rows = 1
		}
		row = func(i int) {
			user := (group*l.members + i) % l.users
			fmt.Fprintf(out, `{"@odata.type":"#microsoft.graph.user","id":%q,"displayName":"Person %d","userPrincipalName":"p%d@msp.example"}`, leanID('e', user), user, user)
		}
	case "assignmentScheduleInstances", "eligibilityScheduleInstances", "assignmentScheduleRequests":
		rows = 1
		row = func(i int) {
			fmt.Fprintf(out, `{"id":%q,"groupId":%q,"principalId":%q,"accessId":"member","memberType":"direct","assignmentType":"assigned","action":"selfActivate","status":"Provisioned",
				"justification":"Ticket %d","startDateTime":"2026-08-01T08:00:00Z","createdDateTime":"2026-08-01T08:00:00Z"}`, leanID(last[0], group), leanID('d', group), leanID('e', group%l.users), group)
		}
	case "users":
		rows = l.users
		row = func(i int) {
			fmt.Fprintf(out, `{"id":%q,"displayName":"Person %d","userPrincipalName":"p%d@msp.example","mail":"p%d@msp.example","jobTitle":"Engineer","accountEnabled":true,"userType":"Member",
				"createdDateTime":"2024-01-01T00:00:00Z","assignedPlans":[{"servicePlanId":"eec0eb4f-6444-4f95-aba0-50c24d67f998","capabilityStatus":"Enabled"}],
				"signInActivity":{"lastSignInDateTime":"2026-08-17T06:00:00Z"},"manager":{"id":%q}}`, leanID('e', i), i, i, i, leanID('e', i/10))
		}
	case "userRegistrationDetails":
		rows = l.users
		row = func(i int) {
			fmt.Fprintf(out, `{"id":%q,"isMfaRegistered":true,"isMfaCapable":true,"methodsRegistered":["microsoftAuthenticatorPush","fido2SecurityKey"]}`, leanID('e', i))
		}
	case "signIns", "directoryAudits":
		rows = l.events / len(leanDays)
		since := strings.Fields(query.Get("$filter"))[2]
		begin, err := time.Parse(time.RFC3339, since)
		if err != nil {
			panic(err)
		}
		day := int(begin.Sub(leanDays[0]).Hours() / 24)
		row = func(i int) {
			n := day*rows + i
			fmt.Fprintf(out, `{"id":%q,"createdDateTime":%q,"userId":%q,"userPrincipalName":"p%d@msp.example","userDisplayName":"Person %d","resourceTenantId":%q,"homeTenantId":%q,
				"appDisplayName":"Microsoft 365 admin center","resourceDisplayName":"Windows Azure Active Directory","crossTenantAccessType":"serviceProvider","authenticationRequirement":"multiFactorAuthentication",
				"signInEventTypes":["nonInteractiveUser"],"correlationId":%q,"status":{"errorCode":0},"activityDateTime":%[2]q,"category":"GroupManagement","loggedByService":"PIM"}`,
				leanID('f', n), begin.Add(time.Duration(i)*time.Millisecond).Format(time.RFC3339Nano), leanID('e', n%l.users), n%l.users, n%l.users, leanID('c', n%l.customers), tenant, leanID('9', n))
		}
	case "riskyUsers":
		rows = l.users / 2
		row = func(i int) { fmt.Fprintf(out, `{"id":%q,"riskLevel":"low","riskState":"atRisk"}`, leanID('e', i)) }
	case "subscribedSkus": // by which the logs are kept for 30 days
		rows = 1
		row = func(int) {
			fmt.Fprintf(out, `{"id":"x","skuId":"x","capabilityStatus":"Enabled","servicePlans":[{"servicePlanId":%q,"provisioningStatus":"Success","appliesTo":"User"}]}`, snapshot.PlanP2)
		}
	case "identitySecurityDefaultsEnforcementPolicy":
		fmt.Fprint(out, `{"id":"defaults","isEnabled":false}`)
		return
	case "policies", "roleAssignmentScheduleInstances", "roleEligibilityScheduleInstances", "accessPackages", "assignmentPolicies", "assignments", "assignmentRequests", "groups",
		"roleManagementPolicyAssignments": // none: as of a group that PIM does not know
	default: // a group itself
		fmt.Fprintf(out, `{"id":%q,"displayName":"SG-GDAP-%d","securityEnabled":true,"groupTypes":[],"createdDateTime":"2024-01-01T00:00:00Z"}`, leanID('d', group), group)
		return
	}
	from, _ := strconv.Atoi(query.Get("$skiptoken"))
	to := min(from+size, rows)
	out.WriteString(`{"value":[`)
	for i := from; i < to; i++ {
		if i > from {
			out.WriteByte(',')
		}
		row(i)
	}
	out.WriteByte(']')
	if to < rows {
		query.Set("$skiptoken", strconv.Itoa(to))
		fmt.Fprintf(out, `,"@odata.nextLink":"http://%s%s?%s"`, host, r.URL.EscapedPath(), query.Encode())
	}
	out.WriteByte('}')
}

// counted gives the counters and begins them anew.
func (l *lean) counted() (requests, calls, refused float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	requests, calls, refused = float64(l.requests), float64(l.calls), float64(l.refused)
	l.requests, l.calls, l.refused = 0, 0, 0
	return requests, calls, refused
}
