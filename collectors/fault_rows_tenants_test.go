package collectors_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/snapshot"
	"countersign/fixtures"
)

// tokenRequests counts those of a journal.
func tokenRequests(journal []fixtures.Request) (n int) {
	for _, r := range journal {
		if strings.HasSuffix(r.Path, "/token") {
			n++
		}
	}
	return n
}

// inToken spoils token requests. want are words of the error that ends the run, and
// calls how many tokens were asked for; without words the run is whole.
func inToken(want string, calls int, steps ...step) func(*testing.T) {
	return func(t *testing.T) {
		r := spoiled(t, "/"+invented().Tenant()+"/oauth2/v2.0/token", []snapshot.Kind{snapshot.Customers, snapshot.Relationships}, steps...)
		result, err := collectors.Run(context.Background(), r.options)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("got %v, want %q", err, want)
		case want == "":
			expectState(t, result, snapshot.Relationships, snapshot.Complete, "")
		}
		gets := 0
		for _, g := range r.server.Journal() {
			if g.Method == http.MethodGet {
				gets++
			}
		}
		if len(r.asked) != calls || want != "" && gets > 0 {
			t.Errorf("%d token requests, want %d; %d others", len(r.asked), calls, gets)
		}
	}
}

func loginRefuses(status int, code string) step {
	return answers(status, "application/json", `{"error":"invalid_client","error_description":"`+code+`: Something."}`)
}

// expires ends the tokens given out, then lets the service answer.
func expires(w http.ResponseWriter, r *http.Request, h http.Handler) {
	h.(*fixtures.Server).ExpireTokens()
	h.ServeHTTP(w, r)
}

// cannedRun collects all that an app may read from a canned Graph.
func cannedRun(t testing.TB, c *canned, change ...func(*collectors.Options)) (*cannedWorld, collectors.Result) {
	t.Helper()
	w := c.start(t)
	return w, w.run(append([]func(*collectors.Options){func(o *collectors.Options) { o.Kinds = appKinds }}, change...)...)
}

// another collects again from the same Graph into the same store, some days later.
func (w *cannedWorld) another(days int, change ...func(*collectors.Options)) collectors.Result {
	w.Helper()
	return w.run(append([]func(*collectors.Options){func(o *collectors.Options) {
		o.Kinds, o.At = appKinds, now.AddDate(0, 0, days)
		o.Now = func() time.Time { return o.At }
	}}, change...)...)
}

var tenantRows = []faultRow{
	{"A01", "401 for a token that has expired; 401 for the fresh one too", "a new token once, then all is there; the second time it is the end", all(
		func(t *testing.T) {
			r := spoiled(t, gdap, onlyRelationships, after(1, expires)...)
			expectState(t, r.run(), snapshot.Relationships, snapshot.Complete, "")
			if n := tokenRequests(r.server.Journal()); n != 2 {
				t.Errorf("%d tokens were asked for", n)
			}
		}, inList(ending{state: snapshot.Partial, reason: "unauthorized: page 2: 401", requests: 3}, after(1, always(refuses(401, "InvalidAuthenticationToken"))...)...))},
	{"A02", "401 with a claims challenge", "the claims are handed to the credential, once", proven("graph", "TestClaimsChallenge", "insufficient_claims")},
	{"A03", "a token that runs out between two pages", "it is replaced five minutes before", func(t *testing.T) {
		var r *spoiledRun
		r = spoiled(t, gdap, onlyRelationships, func(w http.ResponseWriter, q *http.Request, h http.Handler) {
			r.clock.Advance(56 * time.Minute)
			h.ServeHTTP(w, q)
		})
		expectState(t, r.run(), snapshot.Relationships, snapshot.Complete, "")
		if n := tokenRequests(r.server.Journal()); n != 2 {
			t.Errorf("%d tokens were asked for", n)
		}
		for _, q := range r.server.Journal() {
			if q.Status != http.StatusOK {
				t.Errorf("%s was answered %d", q.Path, q.Status)
			}
		}
	}},
	{"A04", "a token that is for another tenant", "it is never sent", inToken("the token is for tenant 22222222-2222-2222-2222-222222222222", 1, says(fmt.Sprintf(`{"token_type":"Bearer","expires_in":3599,"access_token":"e30.%s.x"}`,
		base64.RawURLEncoding.EncodeToString([]byte(`{"tid":"22222222-2222-2222-2222-222222222222"}`)))))},
	{"A05", "403 for one customer alone", "that customer is not permitted, with the permission named; the others are whole", func(t *testing.T) {
		c := small()
		c.relationship("r2", "c2", "active")
		c.assign("r2", "g1")
		c.refuse[gdap+"/r2/accessAssignments"] = 403
		w, r := cannedRun(t, c)
		expectState(t, r, snapshot.AccessAssignments, snapshot.NotPermitted, "1 of 2 not seen whole: not permitted: 403 Authorization_RequestDenied; the app needs the application permission DelegatedAdminRelationship.Read.All")
		seen, err := snapshot.LoadParts(context.Background(), w.store.Read(), r.Snapshot)
		access, err2 := snapshot.LoadAccess(context.Background(), w.store.Read(), r.Snapshot)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		for customer, want := range map[string]snapshot.State{"c1": snapshot.Complete, "c2": snapshot.NotPermitted} {
			if got := seen.Customer(access, customer)[2]; got.Kind != snapshot.AccessAssignments || got.State != want {
				t.Errorf("%s: %+v, want %s", customer, got, want)
			}
		}
	}},
	{"A06", "a tenant without the licence that PIM needs", "not licensed, and the licence is named; rules that need it are not assessed", all(
		proven("../rules", "TestUnseenIsNeverClear", "NotAssessed"), func(t *testing.T) {
			r := spoiled(t, "/v1.0/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances",
				[]snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.GroupEligibilities, snapshot.Memberships}, slices.Repeat([]step{refuses(400, "AadPremiumLicenseRequired")}, 200)...)
			r.options.Client = asking(t, r.url, r.options.Tenant, r.clock, unbatched).Client
			result := r.run()
			expectState(t, result, snapshot.GroupEligibilities, snapshot.NotLicensed, "not licensed: 400 AadPremiumLicenseRequired; the tenant lacks the licence that Microsoft asks for here: Microsoft Entra ID P2 or ID Governance")
			expectState(t, result, snapshot.Memberships, snapshot.Complete, "")
		})},
	{"A07", "an app unknown to the tenant, an expired secret, no such tenant, a blocking policy, no consent", "one token request, words that an administrator can act on, and the run ends early", func(t *testing.T) {
		for code, words := range map[string]string{"AADSTS700016": "the app is unknown in this tenant", "AADSTS7000222": "the client secret has expired", "AADSTS90002": "there is no such tenant",
			"AADSTS53003": "a Conditional Access policy of this tenant blocks the app", "AADSTS65001": "consent is missing"} {
			t.Run(code, inToken(words, 1, always(loginRefuses(400, code))...))
		}
	}},
	{"A08", "a token service that is busy, broken, cut off, silent, or a portal", "asked again, all is there",
		inToken("", 7, loginRefuses(429, "x"), loginRefuses(503, "x"), raw(""), raw(jsonHead+"Content-Length: 900\r\n\r\n{"), answers(200, "text/html", "<title>Sign in</title>"), says(`{"access_token":"ey`))},
	{"A09", "a certificate that cannot be read", "it ends before anything is asked, and names the file and not what is in it", all(
		proven("graph", "TestCredentialRefused", "not a certificate"), proven("../cmd/countersign", "TestCertificateFiles", "is named"))},
	{"A10", "a relationship that ends between the list and its access assignments", "partial, in words; the next run shows it as ended", func(t *testing.T) {
		c := small()
		c.relationship("r2", "c2", "active")
		c.refuse[gdap+"/r2/accessAssignments"] = 404
		w, r := cannedRun(t, c)
		expectState(t, r, snapshot.AccessAssignments, snapshot.Partial, "not found: 404 Request_ResourceNotFound; it went away while the snapshot was taken")
		c.rows[gdap][1] = strings.Replace(c.rows[gdap][1], "active", "terminated", 1)
		r = w.another(1)
		expectState(t, r, snapshot.AccessAssignments, snapshot.Complete, "")
		if got := w.column(r, `SELECT id || ' ' || status FROM relationship WHERE snapshot = ? ORDER BY id`); got != "r1 active r2 terminated" {
			t.Errorf("relationships: %s", got)
		}
	}},
	{"A11", "two customers of one name; a tenant id in capitals", "ids in lower case are the keys, names never", func(t *testing.T) {
		c := small()
		c.rows["/v1.0/tenantRelationships/delegatedAdminCustomers"] = []string{`{"id":"C1","tenantId":"C1","displayName":"Same"}`, `{"id":"c2","tenantId":"c2","displayName":"Same"}`}
		c.relationship("r2", "C1", "active")
		w, r := cannedRun(t, c)
		if got := w.column(r, `SELECT tenant || ' ' || name FROM customer WHERE snapshot = ? ORDER BY tenant`); got != "c1 Same c2 Same" {
			t.Errorf("customers: %s", got)
		}
		if got := w.column(r, `SELECT id || ' ' || customer FROM relationship WHERE snapshot = ? ORDER BY id`); got != "r1 c1 r2 c1" {
			t.Errorf("relationships: %s", got)
		}
	}},
	{"A12", "a relationship nobody has accepted yet, without a customer", "it is kept, and no tenant is asked for it", func(t *testing.T) {
		c := small()
		c.rows[gdap] = append(c.rows[gdap], `{"id":"r2","displayName":"offer","customer":null,"status":"approvalPending"}`)
		w, r := cannedRun(t, c)
		expectState(t, r, snapshot.Relationships, snapshot.Complete, "")
		if got := w.column(r, `SELECT id || ' ' || status FROM relationship WHERE snapshot = ? ORDER BY id`); got != "r1 active r2 approvalpending" {
			t.Errorf("relationships: %s", got)
		}
		for _, path := range c.asked {
			if strings.Contains(path, "null") || strings.Contains(path, "r2") || strings.Contains(path, "//") {
				t.Errorf("asked %s", path)
			}
		}
	}},
}
