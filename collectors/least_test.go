package collectors_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
)

// beside is what a run reads beside Graph's lists of the MSP's own tenant: customers'
// tenants, all alike, Azure, Partner Center and Microsoft 365 Lighthouse, in pages as
// large as documented. It counts the requests by their last segment.
type beside struct {
	tenants       int // customers that let their tenants be read
	holders       int // of a role in each, beside a group
	members       int // of that group
	guests        int // in each
	events        int // of a customer's log in each week, and of Partner Center's on the last day
	subscriptions int
	customers     int // of Partner Center

	mu    sync.Mutex
	asked map[string]int
}

// least is how many requests Microsoft's documentation makes necessary, by what is asked.
//
// Of a customer's tenant: one each for licences, which have no pages, roles held, roles
// that may be activated, role settings, Conditional Access policies, security defaults
// and trust in other tenants, by default and by partner; definitions of 15 roles that
// are nobody's own; 999 members of a group that holds a role; accounts, 15 by name, as
// many as a filter may name, and 120 guests by their mail, an advanced query, whose
// index lags behind; 1,000 sign-ins and 999 audits of a week: as many weeks as they are
// kept, the first and the last in part. Of Azure, the subscriptions, the delegations of
// each and its activities of a week. Of Partner Center, 500 customers, each by itself,
// as only that tells of DAP, and 500 records of a day. Of Lighthouse, its tenants. Where
// no page size is documented a list is one page.
//
// A log could be asked for as one stretch. That it is cut makes a first run dear and
// each further one cheap: what lies in a finished window is never asked again.
// https://learn.microsoft.com/graph/known-issues
// https://learn.microsoft.com/graph/aad-advanced-queries
// https://learn.microsoft.com/partner-center/developer/get-a-customer-by-id
func (b *beside) least() map[string]int {
	month, quarter := slots(30, 7), slots(89, 7)
	out := map[string]int{"roleDefinitions": 1, "members": pages(b.members, 999), "users": pages(b.holders+b.members+emergencies, 15) + pages(b.guests, 120),
		"signIns": month * pages(b.events, 1000), "directoryAudits": month * pages(b.events, 999)}
	for _, one := range []string{"subscribedSkus", "roleAssignmentScheduleInstances", "roleEligibilityScheduleInstances", "roleManagementPolicyAssignments",
		"policies", "identitySecurityDefaultsEnforcementPolicy", "default", "partners"} {
		out[one] = 1
	}
	for asked := range out {
		out[asked] *= b.tenants
	}
	maps.Copy(out, map[string]int{"subscriptions": 1, "registrationAssignments": b.subscriptions, "values": b.subscriptions * quarter,
		"customers": pages(b.customers, 500), "a customer": b.customers, "auditrecords": slots(89, 1) - 1 + pages(b.events, 500), "tenants": 1})
	return out
}

// slots counts the stretches of so many days, cut alike for every run, in which the last
// days lie.
func slots(days, width int) int {
	slot := func(at time.Time) time.Time { return at.Truncate(time.Duration(width) * 24 * time.Hour) }
	return 1 + int(slot(now.Add(-time.Second)).Sub(slot(now.AddDate(0, 0, -days))).Hours())/(24*width)
}

// emergencies are the emergency accounts that each customer declares.
const emergencies = 2

var aCustomer = regexp.MustCompile(`^/v1/customers/.`)

func (b *beside) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, query := r.URL.Path, r.URL.Query()
	last := path[strings.LastIndexByte(path, '/')+1:]
	if aCustomer.MatchString(path) {
		last = "a customer"
	}
	b.mu.Lock()
	b.asked[last]++
	b.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	rows, row := 0, func(int) string { return "" }
	filter := strings.Fields(strings.NewReplacer("'", "", "Z", "").Replace(query.Get("$filter")) + " x x x")
	event := func(i int) string {
		return fmt.Sprintf(`{"id":"%s %s %d","createdDateTime":"%[2]sZ","activityDateTime":"%[2]sZ","crossTenantAccessType":"serviceProvider","signInEventTypes":["interactiveUser"],
			"category":"CrossTenantAccessSettings","loggedByService":"Core Directory"}`, last, filter[2], i)
	}
	switch last {
	case "subscribedSkus":
		rows, row = 1, func(int) string { return premiumSKU }
	case "roleAssignmentScheduleInstances": // each holder has the same role, which is the tenant's own
		rows, row = b.holders+1, func(i int) string {
			kind := map[bool]string{false: "user", true: "group"}[i == b.holders]
			return fmt.Sprintf(`{"id":"x%d","principalId":"%s%[1]d","roleDefinitionId":"own","directoryScopeId":"/","principal":{"@odata.type":"#microsoft.graph.%[2]s"}}`, i, kind)
		}
	case "members":
		rows, row = b.members, func(i int) string { return fmt.Sprintf(`{"@odata.type":"#microsoft.graph.user","id":"m%d"}`, i) }
	case "users":
		if strings.Contains(query.Get("$filter"), "Guest") {
			rows, row = b.guests, func(i int) string {
				return fmt.Sprintf(`{"id":"guest%d","userType":"Guest","mail":"g%[1]d@msp.example","userPrincipalName":"g%[1]d_msp.example#EXT#@c.example"}`, i)
			}
		}
	case "signIns", "directoryAudits":
		rows, row = b.events, event
	case "identitySecurityDefaultsEnforcementPolicy", "default":
		fmt.Fprint(w, `{"id":"one","isEnabled":false}`)
		return
	case "subscriptions":
		rows, row = b.subscriptions, func(i int) string {
			return fmt.Sprintf(`{"subscriptionId":"s%d","tenantId":"c%[1]d","displayName":"S","state":"Enabled"}`, i)
		}
	case "customers":
		rows, row = b.customers, func(i int) string { return fmt.Sprintf(`{"id":"c%d"}`, i) }
	case "a customer":
		fmt.Fprintf(w, `{"id":%q,"allowDelegatedAccess":false}`, path[len("/v1/customers/"):])
		return
	case "auditrecords":
		day := query.Get("startDate")
		rows, row = 1, func(i int) string {
			return fmt.Sprintf(`{"id":"%s %d","operationDate":"%[1]sT05:59:59Z","operationType":"add_user"}`, day, i)
		}
		if day == now.Format(time.DateOnly) {
			rows = b.events
		}
	}
	from, _ := strconv.Atoi(query.Get("$skiptoken") + r.Header.Get("MS-ContinuationToken"))
	until := min(from+pageSize(last, query), rows)
	page := map[string]any{}
	if until < rows {
		next := *r.URL
		if strings.HasPrefix(path, "/v1/") {
			page["links"] = map[string]any{"next": map[string]any{"uri": r.RequestURI, "headers": []map[string]string{{"key": "MS-ContinuationToken", "value": strconv.Itoa(until)}}}}
		} else {
			query.Set("$skiptoken", strconv.Itoa(until))
			next.Scheme, next.Host, next.RawQuery = "http", r.Host, query.Encode()
			page["@odata.nextLink"] = next.String()
		}
	}
	values := make([]json.RawMessage, 0, until-from)
	for i := from; i < until; i++ {
		values = append(values, json.RawMessage(row(i)))
	}
	page["value"], page["items"] = values, values
	if err := json.NewEncoder(w).Encode(page); err != nil {
		panic(err)
	}
}

// P3 beside the MSP's own tenant: each list takes the requests that the
// documentation makes necessary and no more, in batches or not.
func TestRequestsBesideAreTheLeast(t *testing.T) {
	t.Parallel()
	for _, batch := range []bool{false, true} {
		simulated(func(t *testing.T) {
			b := &beside{tenants: 2, holders: 16, members: 1000, guests: 240, events: 3, subscriptions: 3, customers: 510, asked: map[string]int{}}
			if !batch { // each page of a log leaves by itself in either case
				b.events = 1001
			}
			way := within(t, batched(b))
			client := func(tenant string, change ...func(*graph.Options)) collectors.Client {
				return clientOf(t, tenant, way, append(change, func(o *graph.Options) { o.Batch = batch })...)
			}
			o := collectors.Options{Tenant: tenant, Client: client(tenant), Delegated: true, At: now, Now: atOnce, Domains: []string{"msp.example"},
				Kinds:    append([]snapshot.Kind{snapshot.Lighthouse}, slices.Concat(snapshot.TenantKinds, collectors.KindsOf(collectors.Azure), collectors.KindsOf(collectors.PartnerCenter))...),
				Customer: func(id string) (collectors.Client, error) { return client(id), nil },
				Azure:    client(tenant, func(o *graph.Options) { o.Service, o.Endpoints.ARM = graph.ResourceManager, inside }),
				Partner:  client(tenant, func(o *graph.Options) { o.Service, o.Endpoints.PartnerCenter = graph.PartnerCenter, inside }),
				Store:    openStore(t, filepath.Join(t.TempDir(), "evidence.db"))}
			for i := range b.tenants {
				o.Declared.Customers = append(o.Declared.Customers, snapshot.DeclaredCustomer{Tenant: fmt.Sprintf("c%d", i), Collect: snapshot.TenantKinds,
					EmergencyAccounts: []string{"glass1@c.example", "glass2@c.example"}})
			}
			for _, c := range took(t, o).Coverage {
				if slices.Contains(o.Kinds, c.Kind) && c.State != snapshot.Complete {
					t.Errorf("%s is %s: %s", c.Kind, c.State, c.Reason)
				}
			}
			for asked, n := range b.least() {
				if b.asked[asked] != n {
					t.Errorf("batch %v: %d requests for %s, the least are %d", batch, b.asked[asked], asked, n)
				}
				delete(b.asked, asked)
			}
			if len(b.asked) > 0 {
				t.Errorf("batch %v: needless requests: %v", batch, b.asked)
			}
		})(t)
	}
}
