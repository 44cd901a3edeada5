package collectors_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"countersign/collectors"
	"countersign/collectors/store"
)

const (
	tenant = "11111111-0000-4000-8000-000000000001"
	gdap   = "/v1.0/tenantRelationships/delegatedAdminRelationships"
)

// canned is a Graph that gives out what it was told: by path, and by the group that
// the filter names. What it was not told is an empty list, or a group that is not found.
type canned struct {
	mu      sync.Mutex
	rows    map[string][]string // JSON rows of a list, or the one object
	refuse  map[string]int      // status in place of an answer
	page    int                 // rows a page; 0: all
	expire  string              // a list of which the second page's token expires, once
	asked   []string
	served  int         // rows
	onAsked func(n int) // with the number of the request
}

var filterGroup = regexp.MustCompile(`(?:groupId|scopeId) eq '([^']*)'`)

// key is how a list is named: its path, and the group its filter names.
func key(r *http.Request) string {
	if m := filterGroup.FindStringSubmatch(r.URL.Query().Get("$filter")); m != nil {
		return r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:] + " " + m[1]
	}
	return r.URL.Path
}

var groupPath = regexp.MustCompile(`^/v1\.0/groups/[^/]+$`)

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := key(r)
	c.asked = append(c.asked, k)
	if c.onAsked != nil {
		c.onAsked(len(c.asked))
	}
	w.Header().Set("Content-Type", "application/json")
	fault := func(status int, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, `{"error":{"code":%q,"message":"at 2026-08-01 no"}}`, code)
	}
	rows := c.rows[k]
	offset, _ := strconv.Atoi(r.URL.Query().Get("$skiptoken"))
	switch {
	case c.refuse[k] != 0:
		fault(c.refuse[k], map[int]string{403: "Authorization_RequestDenied", 404: "Request_ResourceNotFound"}[c.refuse[k]])
	case strings.HasSuffix(k, "/identitySecurityDefaultsEnforcementPolicy"):
		c.served++
		fmt.Fprint(w, `{"id":"defaults","isEnabled":true}`)
	case groupPath.MatchString(k) && rows == nil:
		fault(404, "Request_ResourceNotFound")
	case groupPath.MatchString(k):
		c.served++
		fmt.Fprint(w, rows[0])
	case c.expire == k && offset > 0:
		c.expire = ""
		fault(400, "Directory_ExpiredPageToken")
	default:
		end := len(rows)
		if c.page > 0 {
			end = min(offset+c.page, end)
		}
		c.served += end - offset
		body := map[string]any{"value": json.RawMessage("[" + strings.Join(rows[offset:end], ",") + "]")}
		if end < len(rows) {
			query := r.URL.Query()
			query.Set("$skiptoken", strconv.Itoa(end))
			body["@odata.nextLink"] = map[bool]string{false: "http://", true: "https://"}[r.TLS != nil] + r.Host + r.URL.Path + "?" + query.Encode()
		}
		if err := json.NewEncoder(w).Encode(body); err != nil {
			panic(err)
		}
	}
}

// watch counts requests anew and tells each number.
func (c *canned) watch(asked func(n int)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked, c.onAsked = nil, asked
}

// count tells how often a list was asked.
func (c *canned) count(k string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, a := range c.asked {
		if a == k {
			n++
		}
	}
	return n
}

func newCanned() *canned { return &canned{rows: map[string][]string{}, refuse: map[string]int{}} }

func (c *canned) relationship(id, customer, status string) {
	c.rows[gdap] = append(c.rows[gdap], fmt.Sprintf(`{"id":%q,"displayName":"of %s","customer":{"tenantId":%q},"status":%q,"duration":"P730D"}`, id, customer, customer, status))
}

// assign maps a group under a relationship, with one role.
func (c *canned) assign(relationship, group string) {
	k := gdap + "/" + relationship + "/accessAssignments"
	c.rows[k] = append(c.rows[k], fmt.Sprintf(`{"id":"a-%s-%s","status":"active","accessContainer":{"accessContainerId":%q,"accessContainerType":"securityGroup"},
		"accessDetails":{"unifiedRoles":[{"roleDefinitionId":"62e90394-69f5-4237-9190-012177145e10"}]}}`, relationship, group, group))
}

// group makes groups that exist.
func (c *canned) group(ids ...string) {
	for _, id := range ids {
		c.rows["/v1.0/groups/"+id] = []string{fmt.Sprintf(`{"id":%q,"displayName":"group %s","securityEnabled":true}`, id, id)}
	}
}

// member adds members to a group: users, unless the id begins with g.
func (c *canned) member(group string, ids ...string) {
	for _, id := range ids {
		kind := "user"
		if strings.HasPrefix(id, "g") {
			kind = "group"
		}
		k := "/v1.0/groups/" + group + "/members"
		c.rows[k] = append(c.rows[k], fmt.Sprintf(`{"@odata.type":"#microsoft.graph.%s","id":%q,"displayName":"name of %s"}`, kind, id, id))
	}
}

// cannedWorld collects from a canned Graph.
type cannedWorld struct {
	testing.TB
	*canned
	url   string
	store *store.Store
}

func (c *canned) start(t testing.TB) *cannedWorld {
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	return &cannedWorld{t, c, s.URL, openStore(t, filepath.Join(t.TempDir(), "evidence.db"))}
}

func (w *cannedWorld) options() collectors.Options {
	return collectors.Options{Tenant: tenant, Client: newClient(w, w.url, tenant, mode{4, false}), Store: w.store, At: now, Now: atOnce}
}
