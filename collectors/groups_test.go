package collectors_test

import (
	"context"
	"errors"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/fixtures"
)

// mixed has a group, one that is gone, and an Azure authorisation of a group and of
// what is none.
func mixed() *canned {
	c := small()
	c.assign("r1", "g2")
	c.group("g3")
	c.member("g3", "u3")
	for _, id := range []string{"g2", "p1"} {
		for _, list := range []string{"/v1.0/groups/" + id + "/members", "/v1.0/groups/" + id + "/owners"} {
			c.refuse[list] = 404
		}
	}
	c.rows["/subscriptions"] = []string{`{"subscriptionId":"s1","tenantId":"c1","displayName":"One","state":"Enabled"}`}
	c.rows["/subscriptions/s1/providers/Microsoft.ManagedServices/registrationAssignments"] = []string{`{"id":"/subscriptions/s1/x/1","properties":{"registrationDefinition":{"properties":{
		"managedByTenantId":"` + tenant + `","authorizations":[{"principalId":"g3","roleDefinitionId":"r"},{"principalId":"p1","roleDefinitionId":"r"}]}}}}`}
	return c
}

var ofGroups = regexp.MustCompile(`^/v1\.0/groups/| g\d$`)

func azureClient(t testing.TB, url string) *graph.Client {
	t.Helper()
	credential, err := graph.NewCredential(graph.CredentialOptions{Kind: "token", Token: "any"})
	if err != nil {
		t.Fatal(err)
	}
	c, err := graph.New(graph.Options{Service: graph.ResourceManager, Endpoints: graph.Endpoints{ARM: url}, Tenant: tenant, Credential: credential, Limits: graph.Limits{Tries: 1}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNoGroupIsAskedTwice ends a run at each request and goes on: what was answered is
// not asked again, and of what is gone or no group nothing more is asked than at first.
func TestNoGroupIsAskedTwice(t *testing.T) {
	c := mixed()
	run := func(w *cannedWorld, ctx context.Context) (collectors.Result, error) {
		o := w.options()
		o.Azure = azureClient(t, w.url)
		return collectors.Run(ctx, o)
	}
	w := c.start(t)
	want, err := run(w, t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := w.column(want, `SELECT id || ' ' || gone FROM directory_group WHERE snapshot = ? ORDER BY id`); got != "g1 0 g2 1 g3 0" {
		t.Errorf("groups: %s", got)
	}
	if got := w.column(want, `SELECT object || ' ' || state || ' ' || rows || ' ' || passed_over FROM part_coverage WHERE snapshot = ? AND kind = 'groups' ORDER BY object`); got != "g1 complete 1 0 g2 complete 1 0 g3 complete 1 0 p1 complete 1 1" {
		t.Errorf("parts: %s", got)
	}
	for _, kind := range []snapshot.Kind{snapshot.Groups, snapshot.Memberships, snapshot.GroupOwners, snapshot.GroupAssignments} {
		expectState(t, want, kind, snapshot.Complete, "")
	}
	if n := c.count("/v1.0/groups/p1/members") + c.count("assignmentScheduleInstances p1"); n > 0 {
		t.Errorf("%d lists were asked of what is no group", n)
	}
	whole := len(c.asked)
	for n := whole % 4; n < whole; n += 4 {
		w.store = openStore(t, filepath.Join(t.TempDir(), "evidence.db"))
		ctx, stop := context.WithCancel(t.Context())
		c.watch(func(asked int) {
			if asked == n {
				stop()
			}
		})
		if _, err := run(w, ctx); !errors.Is(err, context.Canceled) {
			t.Fatalf("interrupted at request %d: %v", n, err)
		}
		c.mu.Lock()
		first := slices.DeleteFunc(slices.Clone(c.asked), func(k string) bool { return !ofGroups.MatchString(k) })
		c.mu.Unlock()
		c.watch(nil)
		r, err := run(w, t.Context())
		if err != nil || r.Seal != want.Seal {
			t.Errorf("resumed after request %d: seal %s, want %s (%v)", n, r.Seal, want.Seal, err)
		}
		twice := slices.DeleteFunc(first, func(k string) bool { return c.count(k) == 0 })
		if len(twice) > 4 { // which were under way
			t.Errorf("interrupted at request %d: %q were asked twice", n, twice)
		}
	}
}

// TestFilesAndAPIFillTheSameGroups: after exports were read into what the API brought,
// each group stands once.
func TestFilesAndAPIFillTheSameGroups(t *testing.T) {
	w := newWorld(t, fixtures.ServerOptions{})
	w.run()
	r, err := w.portal(w.exported(), w.store)
	if err != nil {
		t.Fatal(err)
	}
	groups := lines(t, w.store, `SELECT id FROM directory_group WHERE snapshot = ? AND gone = 0 ORDER BY id`, r.Snapshot)
	if len(groups) == 0 || len(slices.Compact(slices.Clone(groups))) != len(groups) {
		t.Errorf("groups stand twice: %s", strings.Join(groups, " "))
	}
	expectWhole(t, w.store)
}
