package collectors_test

import (
	"context"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/fixtures"
	"countersign/rules"
	"countersign/rules/rule"
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
	return simulated(func(t *testing.T) {
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
	})
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
		simulated(func(t *testing.T) {
			r := spoiled(t, gdap, onlyRelationships, after(1, expires)...)
			expectState(t, r.run(), snapshot.Relationships, snapshot.Complete, "")
			if n := tokenRequests(r.server.Journal()); n != 2 {
				t.Errorf("%d tokens were asked for", n)
			}
		}), inList(ending{state: snapshot.Partial, reason: "unauthorized: page 2: 401", requests: 3}, after(1, always(refuses(401, "InvalidAuthenticationToken"))...)...))},
	{"A02", "401 with a claims challenge", "the claims are handed to the credential, once; challenged again it is the end", simulated(func(t *testing.T) {
		const claims = `{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`
		challenged := refuses(401, "InvalidAuthenticationToken", "WWW-Authenticate", `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="`+
			base64.StdEncoding.EncodeToString([]byte(claims))+`"`)
		for times, state := range map[int]snapshot.State{1: snapshot.Complete, 2: snapshot.Failed} {
			var given challenges
			s := &spoiler{Handler: small(), list: gdap, steps: slices.Repeat([]step{challenged}, times)}
			o := inProcess(t, s, func(o *graph.Options) { o.Credential = &given })
			o.Kinds = onlyRelationships
			expectState(t, took(t, o), snapshot.Relationships, state, "")
			if len(s.asked) != 2 || !slices.Equal(given, challenges{"", claims}) {
				t.Errorf("challenged %d times: %d requests, tokens for %q", times, len(s.asked), given)
			}
		}
	})},
	{"A03", "a token that runs out between two pages", "it is replaced five minutes before", simulated(func(t *testing.T) {
		r := spoiled(t, gdap, onlyRelationships, later(55*time.Minute))
		r.ask(func(o *graph.Options) { o.Limits.Stall, o.Limits.Answer = 2*time.Hour, 2*time.Hour })
		expectState(t, r.run(), snapshot.Relationships, snapshot.Complete, "")
		if n := tokenRequests(r.server.Journal()); n != 2 {
			t.Errorf("%d tokens were asked for", n)
		}
		for _, q := range r.server.Journal() {
			if q.Status != http.StatusOK {
				t.Errorf("%s was answered %d", q.Path, q.Status)
			}
		}
	})},
	{"A04", "a token that is for another tenant", "it is never sent", inToken("the token is for tenant "+otherTenant, 1, says(fmt.Sprintf(`{"token_type":"Bearer","expires_in":3599,"access_token":"e30.%s.x"}`,
		base64.RawURLEncoding.EncodeToString([]byte(`{"tid":"`+otherTenant+`"}`)))))},
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
		expectNotAssessed(t, w.store, r, "gdap-no-access-assignment", "access-assignments")
		newMSP(t, c).expectRun(now, 4, "access-assignments", "collect")
	}},
	{"A06", "a tenant without the licence that PIM needs, said by a code or in words", "not licensed, and the licence is named; rules that need it are not assessed, and never say that nobody is eligible", simulated(func(t *testing.T) {
		for _, refusal := range []step{refuses(400, "AadPremiumLicenseRequired"),
			answers(403, "application/json", `{"error":{"code":"Forbidden","message":"The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license."}}`)} {
			r := spoiled(t, "/v1.0/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances", appKinds, slices.Repeat([]step{refusal}, 200)...)
			r.ask(unbatched)
			result := r.run()
			expectState(t, result, snapshot.GroupEligibilities, snapshot.NotLicensed, "; the tenant lacks the licence that Microsoft asks for here: Microsoft Entra ID P2 or ID Governance")
			expectState(t, result, snapshot.Memberships, snapshot.Complete, "")
			expectNotAssessed(t, r.options.Store, result, "eligibility-permanent", "group-eligibilities")

			r = spoiled(t, "/v1.0/identityGovernance/privilegedAccess/group/assignmentScheduleInstances", appKinds, slices.Repeat([]step{refusal}, 200)...)
			r.ask(unbatched)
			result = r.run()
			expectState(t, result, snapshot.GroupAssignments, snapshot.NotLicensed, "")
			expectNotAssessed(t, r.options.Store, result, "standing-privileged-access", "group-assignments")
		}
	})},
	{"A07", "an app unknown to the tenant, an expired secret, no such tenant, a blocking policy, no consent", "one token request, words that an administrator can act on, and the run ends early", func(t *testing.T) {
		for code, words := range map[string]string{"AADSTS700016": "the app is unknown in this tenant", "AADSTS7000222": "the client secret has expired", "AADSTS90002": "there is no such tenant",
			"AADSTS53003": "a Conditional Access policy of this tenant blocks the app", "AADSTS65001": "consent is missing"} {
			t.Run(code, inToken(words, 1, always(loginRefuses(400, code))...))
		}
	}},
	{"A08", "a token service that is busy, broken, cut off, silent, or a portal", "asked again later and later, all is there", all(
		inToken("", 8, loginRefuses(429, "x"), loginRefuses(503, "x"), raw(""), raw(jsonHead+"Content-Length: 900\r\n\r\n{"), answers(200, "text/html", "<title>Sign in</title>"), says(`{"access_token":"ey`), hangs),
		simulated(func(t *testing.T) {
			r := spoiled(t, "/"+invented().Tenant()+"/oauth2/v2.0/token", onlyRelationships, loginRefuses(503, "x"), loginRefuses(429, "x"), hangs, loginRefuses(504, "x"))
			expectState(t, r.run(), snapshot.Relationships, snapshot.Complete, "")
			r.expectWaits([]float64{1.5, 3, 60 + 6, 12}, 2)
		}))},
	{"A09", "a certificate file that is missing, is none, has expired, or has another key", "it ends before anything is asked, and names the file and not what is in it", func(t *testing.T) {
		_, other, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		expired, wrong := certificate(t, now.AddDate(-20, 0, 0)), certificate(t, now.AddDate(100, 0, 0))
		wrong.PrivateKey = other
		for name, c := range map[string]struct {
			content, want string
			code          int
		}{
			"missing":     {"", "no such file", 2}, // which is the configuration's fault
			"none":        {"canary-in-the-file", "it must be PEM or PKCS#12", 1},
			"expired":     {written(t, expired), "the certificate expired on", 1},
			"another key": {written(t, wrong), "key", 1},
		} {
			c1 := small()
			m := newMSP(t, c1)
			text, err := os.ReadFile(filepath.Join(m.dir, "countersign.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			m.write("countersign.yaml", strings.Replace(string(text), "{kind: token, token: {env: COUNTERSIGN_TOKEN}}", "{kind: certificate, client_id: 66666666-7777-8888-9999-000000000000, certificate: {file: app.pem}}", 1))
			if c.content != "" {
				m.write("app.pem", c.content)
			}
			out, code := m.run(now, "collect")
			if code != c.code || !strings.Contains(out, c.want) || !strings.Contains(out, "app.pem") || strings.Contains(out, "canary") || strings.Contains(out, "PRIVATE") || len(c1.asked) > 0 {
				t.Errorf("%s: exit code %d, %d requests, said %s", name, code, len(c1.asked), out)
			}
		}
	}},
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

// challenges is a credential that keeps the claims it was asked with.
type challenges []string

func (c *challenges) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	*c = append(*c, o.Claims)
	return azcore.AccessToken{Token: fmt.Sprint("t", len(*c)), ExpiresOn: now.Add(time.Hour)}, nil
}

// judged asks the rules of a snapshot.
func judged(t testing.TB, st *store.Store, r collectors.Result) rules.Report {
	t.Helper()
	report, err := rules.Run(context.Background(), st, rules.Options{Snapshot: r.Snapshot, At: now})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// expectNotAssessed: the rule says that it cannot judge all, and names what was not seen.
func expectNotAssessed(t testing.TB, st *store.Store, r collectors.Result, id, unseen string) {
	t.Helper()
	report := judged(t, st, r)
	said := slices.ContainsFunc(report.NotAssessed, func(n rules.NotAssessed) bool { return n.Rule == id && strings.Contains(n.Reason, unseen) })
	if report.Outcomes[id] == rule.Clear || !said {
		t.Errorf("%s is %s, not assessed are %q", id, report.Outcomes[id], report.NotAssessed)
	}
}

// certificate is one of this address that is good until then.
func certificate(t testing.TB, until time.Time) tls.Certificate {
	t.Helper()
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "canary"}, NotBefore: until.AddDate(-10, 0, 0), NotAfter: until, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	raw, err := x509.CreateCertificate(nil, c, c, public, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}
}

// written is a certificate and its key as a PEM file holds them.
func written(t testing.TB, c tls.Certificate) string {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...))
}
