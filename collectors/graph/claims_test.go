package graph_test

import (
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors/graph"
)

// Claims in the forms of Microsoft's access token reference: v1.0 names the app
// appid, v2.0 azp; scp is there for a person, roles for an app.
func TestClaims(t *testing.T) {
	for payload, want := range map[string]graph.Claims{
		`{"tid":"` + tenant + `","appid":"app-1","roles":["User.Read.All","AuditLog.Read.All"],"exp":1774951200,"idtyp":"app"}`: {Tenant: tenant, App: "app-1",
			Roles: []string{"AuditLog.Read.All", "User.Read.All"}, Expires: time.Date(2026, 3, 31, 10, 0, 0, 0, time.UTC)},
		`{"tid":"` + tenant + `","azp":"app-2","scp":"User.Read profile","ver":"2.0"}`: {Tenant: tenant, App: "app-2", Scopes: []string{"User.Read", "profile"}, Delegated: true},
	} {
		s := serve(t, rows(""))
		token := "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
		credential, err := graph.NewCredential(graph.CredentialOptions{Kind: "token", Token: graph.Secret(token)})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.client(t, func(o *graph.Options) { o.Credential = credential }).Claims(t.Context())
		if err != nil || got.Tenant != want.Tenant || got.App != want.App || got.Delegated != want.Delegated || !got.Expires.Equal(want.Expires) ||
			!slices.Equal(got.Roles, want.Roles) || !slices.Equal(got.Scopes, want.Scopes) {
			t.Errorf("%s: %+v, %v", payload, got, err)
		}
		if len(s.requests()) > 0 {
			t.Error("the service was asked")
		}
	}
	_, err := serve(t, rows("")).client(t).Claims(t.Context())
	if err == nil || !strings.Contains(err.Error(), "opaque") || strings.Contains(err.Error(), canary) {
		t.Errorf("opaque token: %v", err)
	}
	// A token service that is busy is asked again, one that refuses is not.
	tokens, s := serve(t, refusal(503, "AADSTS90033"), token(jwt(tenant), 3600)), serve(t, rows(""))
	tokens.clock = s.clock
	if got, err := s.client(t, func(o *graph.Options) { o.Credential = login(t, tokens, "secret") }).Claims(t.Context()); err != nil || got.Tenant != tenant {
		t.Error(got, err)
	}
	tokens = serve(t, refusal(400, "AADSTS65001"))
	var e *graph.Error
	if _, err := s.client(t, func(o *graph.Options) { o.Credential = login(t, tokens, "secret") }).Claims(t.Context()); !errors.As(err, &e) || e.Reason != graph.NoConsent {
		t.Error(err)
	}
}

// C22: the skew is that of the last answer's Date.
func TestSkew(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", start.Add(-10*time.Minute).Format(http.TimeFormat))
		rows("")(w, r)
	})
	c := s.client(t)
	if skew, known := c.Skew(); known {
		t.Errorf("skew of %v out of nothing", skew)
	}
	if _, err := list(t.Context(), c, groups); err != nil {
		t.Fatal(err)
	}
	if skew, known := c.Skew(); !known || skew != 10*time.Minute {
		t.Error(skew, known)
	}
}
