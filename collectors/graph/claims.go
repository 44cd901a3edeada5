package graph

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Claims is what a token says of itself. It is read without verification, to tell
// an administrator and to notice a mix-up; nothing is allowed because of it.
// https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
type Claims struct {
	Tenant, App string   // ids
	Roles       []string // application permissions, sorted
	Scopes      []string // delegated permissions, sorted
	Delegated   bool     // it acts for a person
	Expires     time.Time
}

// Claims reads the token this client sends, and asks for one if there is none.
func (c *Client) Claims(ctx context.Context) (Claims, error) {
	var claims Claims
	send := func(ctx context.Context, q request) (answer, error) {
		_, leave, err := c.admit(ctx, q)
		if err != nil {
			return answer{}, err
		}
		defer leave()
		token, err := c.tokens.get(ctx)
		if err != nil {
			return answer{}, err
		}
		w := readClaims(string(token))
		if w.Tid == "" {
			return answer{}, once(Unauthorized, "it is opaque: what it permits cannot be read from it")
		}
		claims = Claims{Tenant: w.Tid, App: cmp.Or(w.AppID, w.Azp), Roles: slices.Sorted(slices.Values(w.Roles)),
			Scopes: slices.Sorted(strings.FieldsSeq(w.Scp)), Delegated: w.Scp != ""}
		if w.Exp > 0 {
			claims.Expires = time.Unix(int64(w.Exp), 0).UTC()
		}
		return answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}}, nil
	}
	_, err := c.persist(ctx, request{}, send, func(answer) *Error { return nil })
	return claims, err
}

type wireClaims struct {
	Tid, AppID, Azp, Scp string
	Roles                []string
	Exp                  float64 // seconds since 1970
}

// readClaims reads the payload of a JWT; of any other token there is nothing.
func readClaims(token string) wireClaims {
	var w wireClaims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return w
	}
	if payload, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "=")); err == nil {
		_ = json.Unmarshal(payload, &w) // what cannot be read is not said
	}
	return w
}

// ReadsOnly reports whether a permission, such as AuditLog.Read.All, lets its holder
// read and nothing else, or who it is. A name that is built otherwise is taken for more.
// https://learn.microsoft.com/graph/permissions-overview
func ReadsOnly(permission string) bool {
	parts := strings.Split(permission, ".")
	if slices.Contains([]string{"openid", "profile", "email", "offline_access"}, permission) {
		return true
	}
	return len(parts) > 1 && (parts[1] == "Read" || parts[1] == "ReadBasic")
}
