package graph_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"

	"countersign/collectors/graph"
)

func token(text string, seconds int) step {
	return ok(fmt.Sprintf(`{"token_type":"Bearer","expires_in":%d,"access_token":"%s"}`, seconds, text))
}

// refusal is an answer of the token service, worded as in Microsoft's reference.
func refusal(status int, code string) step {
	return raw(status, "application/json", `{"error":"invalid_client","error_description":"`+code+`: Something. Trace ID: 1 Secret: `+canary+`","error_codes":[1]}`)
}

func login(t testing.TB, s *server, kind string) azcore.TokenCredential {
	t.Helper()
	c, err := graph.NewCredential(graph.CredentialOptions{Kind: kind, Tenant: tenant, ClientID: "app", Secret: canary, Login: s.URL, Clock: s.clock})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func jwt(tid string) string {
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"tid":"`+tid+`"}`)) + ".sig"
}

// The token request is the documented one; the token is kept until 5 minutes
// before it expires (A03) and replaced once when refused (A01).
func TestLoopbackLogin(t *testing.T) {
	var form string
	tokens := serve(t, func(w http.ResponseWriter, r *http.Request) {
		r.ParseForm()
		form = r.Form.Encode()
		token("t1", 3600)(w, r)
	}, token("t2", 3600), token("t3", 3600))
	s := serve(t, rows(link("2"), "a"), rows(link("3"), "b"), fail(401, "InvalidAuthenticationToken", ""), rows("", "c"))
	tokens.clock = s.clock
	c := s.client(t, func(o *graph.Options) { o.Credential = login(t, tokens, "secret") })
	n := 0
	err := c.EachPage(t.Context(), groups, func(p graph.Page) error {
		if n++; n == 1 {
			s.clock.Advance(55*time.Minute + time.Second)
		}
		return nil
	})
	if err != nil || n != 3 {
		t.Fatal(n, err)
	}
	var used []string
	for _, r := range s.requests() {
		used = append(used, strings.TrimPrefix(r.auth, "Bearer "))
	}
	if got := strings.Join(used, " "); got != "t1 t2 t2 t3" {
		t.Errorf("tokens were %s", got)
	}
	if r := tokens.requests(); len(r) != 3 || r[0].method != "POST" || r[0].uri != "/"+tenant+"/oauth2/v2.0/token" {
		t.Errorf("token requests were %+v", r)
	}
	if want := "client_id=app&client_secret=" + canary + "&grant_type=client_credentials&scope=" + strings.NewReplacer(":", "%3A", "/", "%2F").Replace(s.URL+"/.default"); form != want {
		t.Errorf("form was %s", form)
	}
}

// A07: refusals are final, asked once however many lists follow. A08: a busy token
// service is asked again.
func TestTokenFaults(t *testing.T) {
	for _, f := range []struct {
		steps  []step
		reason graph.Reason
		code   string
		calls  int
	}{
		{[]step{refusal(400, "AADSTS700016")}, graph.NoConsent, "AADSTS700016", 1},
		{[]step{refusal(400, "AADSTS65001")}, graph.NoConsent, "AADSTS65001", 1},
		{[]step{refusal(401, "AADSTS7000222")}, graph.Unauthorized, "AADSTS7000222", 1},
		{[]step{refusal(400, "AADSTS90002")}, graph.Unauthorized, "AADSTS90002", 1},
		{[]step{refusal(400, "AADSTS53003")}, graph.Unauthorized, "AADSTS53003", 1},
		{[]step{token(jwt("22222222-2222-2222-2222-222222222222"), 3600)}, graph.Refused, "", 1}, // A04
		{[]step{token("a\\nb", 3600)}, graph.Unauthorized, "", 1},
		{[]step{redirect(307, "http://{host}/elsewhere")}, graph.Unauthorized, "", 1},
		{[]step{raw(200, "text/html", "<title>sign in</title>"), ok(`{"access_token":"ey`), cut("HTTP/1.1 200 OK\r\nContent-Length: 90\r\n\r\n{"), token("t", 3600)}, "", "", 4},
		{[]step{refusal(503, "AADSTS90033"), fail(429, "x", ""), cut(""), token(jwt(strings.ToUpper(tenant)), 3600)}, "", "", 4},
	} {
		tokens, s := serve(t, f.steps...), serve(t, rows("", "a"))
		tokens.clock = s.clock
		c := s.client(t, func(o *graph.Options) { o.Credential = login(t, tokens, "secret") })
		for range 3 {
			_, err := list(t.Context(), c, groups)
			var e *graph.Error
			if f.reason == "" && err != nil || f.reason != "" && (!errors.As(err, &e) || e.Reason != f.reason || e.Code != f.code || strings.Contains(err.Error(), canary)) {
				t.Errorf("%s: %v", f.code, err)
			}
		}
		if n := len(tokens.requests()); n != f.calls {
			t.Errorf("%s %s: %d token requests", f.code, f.reason, n)
		}
		if n := len(s.requests()); f.reason != "" && n != 0 {
			t.Errorf("%d requests with a refused token", n)
		}
	}
}

// secureLogin is the credential of kind secret at a token service over https, whose
// certificate the HTTP client trusts or not.
func secureLogin(t *testing.T, trusted bool, token step) (c azcore.TokenCredential, trips *atomic.Int64) {
	t.Helper()
	var login *httptest.Server
	login = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			token(w, r)
			return
		}
		at := login.URL + "/" + tenant
		ok(`{"issuer":"`+at+`/v2.0","authorization_endpoint":"`+at+`/oauth2/v2.0/authorize","token_endpoint":"`+at+`/oauth2/v2.0/token"}`)(w, r)
	}))
	login.Config.ErrorLog = log.New(io.Discard, "", 0)
	t.Cleanup(login.Close)
	own := &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	if trusted {
		own = login.Client()
	}
	trips = &atomic.Int64{}
	next := own.Transport
	own.Transport = tripper(func(r *http.Request) (*http.Response, error) { trips.Add(1); return next.RoundTrip(r) })
	c, err := graph.NewCredential(graph.CredentialOptions{Kind: "secret", Tenant: tenant, ClientID: "app", Secret: canary, Login: login.URL, HTTP: own})
	if err != nil {
		t.Fatal(err)
	}
	return c, trips
}

type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The secret goes to the token service alone, wherever that redirects.
func TestLoginFollowsNoRedirect(t *testing.T) {
	evil := serve(t, token("t", 3600))
	for _, status := range []int{302, 307, 308} {
		for _, to := range []string{evil.URL, "https://{host}/elsewhere"} {
			credential, trips := secureLogin(t, true, redirect(status, to))
			s := serve(t, rows("", "a"))
			_, err := list(t.Context(), s.client(t, func(o *graph.Options) { o.Credential = credential }), groups)
			if e := (*graph.Error)(nil); !errors.As(err, &e) || e.Reason != graph.Unauthorized || len(s.requests()) > 0 || trips.Load() > 2 {
				t.Errorf("%d to %s: %v, %d requests to the token service", status, to, err, trips.Load())
			}
		}
	}
	if got := evil.requests(); len(got) > 0 {
		t.Errorf("the other server saw %+v", got)
	}
	credential, _ := secureLogin(t, true, token("t", 3600))
	s := serve(t, rows("", "a"))
	if got, err := list(t.Context(), s.client(t, func(o *graph.Options) { o.Credential = credential }), groups); err != nil || got != "a" || s.requests()[0].auth != "Bearer t" {
		t.Errorf("without a redirect: %s, %v", got, err)
	}
}

// A token service that cannot prove who it is is asked once.
func TestLoginWithAWrongCertificate(t *testing.T) {
	credential, trips := secureLogin(t, false, token("t", 3600))
	s := serve(t, rows("", "a"))
	c := s.client(t, func(o *graph.Options) { o.Credential = credential })
	for range 3 {
		_, err := list(t.Context(), c, groups)
		if e := (*graph.Error)(nil); !errors.As(err, &e) || e.Reason != graph.Untrusted || !strings.Contains(err.Error(), "certificate") || e.Attempts > 0 {
			t.Error(err)
		}
	}
	if trips.Load() != 1 || len(s.requests()) > 0 {
		t.Errorf("%d requests to the token service", trips.Load())
	}
}

// askedFor records how a credential is asked.
type askedFor []policy.TokenRequestOptions

func (a *askedFor) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	*a = append(*a, o)
	return azcore.AccessToken{Token: fmt.Sprint("t", len(*a)), ExpiresOn: start.Add(time.Hour)}, nil
}

// A02: the claims of a challenge are passed to the credential, once.
func TestClaimsChallenge(t *testing.T) {
	claims := `{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}`
	challenge := `Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(claims)) + `"`
	var asked askedFor
	s := serve(t, fail(401, "InvalidAuthenticationToken", "", "WWW-Authenticate", challenge), rows("", "a"))
	if _, err := list(t.Context(), s.client(t, func(o *graph.Options) { o.Credential = &asked }), groups); err != nil {
		t.Fatal(err)
	}
	if len(asked) != 2 || asked[0].Claims != "" || asked[1].Claims != claims || !asked[1].EnableCAE {
		t.Errorf("asked %+v", asked)
	}
	if r := s.requests(); r[1].auth != "Bearer t2" {
		t.Errorf("repeated with %s", r[1].auth)
	}
}

// A09 and the kinds: what cannot work is said before anything is sent.
func TestCredentialRefused(t *testing.T) {
	for _, o := range []graph.CredentialOptions{
		{Kind: "password"},
		{Kind: "token"},
		{Kind: "certificate", Tenant: tenant, ClientID: "app", Certificate: "not a certificate " + canary},
		{Kind: "certificate", Tenant: tenant, ClientID: "app", Login: "http://127.0.0.1:1"},
		{Kind: "secret", Tenant: tenant, ClientID: "app", Secret: canary, Login: "http://login.example"},
		{Kind: "secret", Tenant: tenant, ClientID: "app", Secret: canary, Login: "https://user@login.example"},
	} {
		if _, err := graph.NewCredential(o); err == nil || strings.Contains(err.Error(), canary) {
			t.Errorf("%s: %v", o.Kind, err)
		}
	}
	for _, o := range []graph.CredentialOptions{
		{Kind: "secret", Secret: canary}, {Kind: "workload-identity", TokenFile: "token"}, {Kind: "managed-identity"}, {Kind: "azure-cli"},
	} {
		o.Tenant, o.ClientID = tenant, "app"
		if _, err := graph.NewCredential(o); err != nil {
			t.Errorf("%s: %v", o.Kind, err)
		}
	}
}

// Threat 31: no way of printing shows a secret; neither errors nor logs hold one,
// even if the server echoes it.
func TestSecretsHidden(t *testing.T) {
	var out strings.Builder
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o := graph.CredentialOptions{Kind: "token", Token: canary, Secret: canary, Certificate: canary, CertificatePassword: canary}
	credential, err := graph.NewCredential(o)
	if err != nil {
		t.Fatal(err)
	}
	echo := func(w http.ResponseWriter, r *http.Request) {
		fail(503, r.Header.Get("Authorization"), "bad "+r.Header.Get("Authorization"), "request-id", r.Header.Get("Authorization"))(w, r)
	}
	s := serve(t, echo)
	var kept graph.Options
	c := s.client(t, func(o *graph.Options) { o.Log = log; kept = *o })
	_, failed := list(t.Context(), c, groups)
	for _, v := range []any{graph.Secret(canary), o, &o, credential, kept, &kept, c, failed, *failed.(*graph.Error)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
			fmt.Fprintln(&out, fmt.Sprintf(verb, v))
		}
		log.Info("value", "v", v)
	}
	//lint:ignore SA1026 the client is nil here, which is null
	if text, err := json.Marshal(o); err != nil || !strings.Contains(string(text), "***") {
		t.Error(string(text), err)
	} else {
		out.Write(text)
	}
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), base64.StdEncoding.EncodeToString([]byte(canary))} {
		if i := strings.Index(out.String(), form); i >= 0 {
			t.Errorf("a secret is shown: %s", out.String()[max(0, i-200):i+20])
		}
	}
	if !strings.Contains(out.String(), "graph request is repeated") || !strings.Contains(out.String(), "reason\":\"broken") {
		t.Error("no retry was logged with its reason")
	}
}

func TestEndpoints(t *testing.T) {
	for cloud, host := range map[string]string{"": "https://graph.microsoft.com", "global": "https://graph.microsoft.com", "usgov": "https://graph.microsoft.us",
		"usgov-dod": "https://dod-graph.microsoft.us", "china": "https://microsoftgraph.chinacloudapi.cn"} {
		if e, err := graph.CloudEndpoints(cloud); err != nil || e.Graph != host || e.Login == "" || e.ARM == "" {
			t.Errorf("%q: %+v, %v", cloud, e, err)
		}
	}
	if _, err := graph.CloudEndpoints("germany"); err == nil {
		t.Error("a closed cloud was taken")
	}
	base, _ := graph.CloudEndpoints("")
	for text, good := range map[string]bool{"http://127.0.0.1:8080": true, "http://[::1]:8080/": true, "http://localhost": true, "https://graph.example": true, "": true,
		"http://graph.example": false, "http://127.0.0.1.evil.example": false, "https://graph.example/v1.0": false, "ftp://localhost": false, "graph.example": false,
		"https://a:b@graph.example": false, "https://graph.example?x": false} {
		if _, err := base.Override(graph.Endpoints{Graph: text}); (err == nil) != good {
			t.Errorf("endpoint %q: %v", text, err)
		}
	}
}
