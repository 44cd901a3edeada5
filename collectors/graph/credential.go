package graph

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/jonboulle/clockwork"
)

// CredentialOptions says how the app proves itself to one tenant.
type CredentialOptions struct {
	Kind                string // certificate, secret, workload-identity, managed-identity, azure-cli or token
	ClientID, Tenant    string
	Certificate         Secret // kind certificate: PEM or PKCS#12 bytes, private key included
	CertificatePassword Secret
	Secret              Secret          // kind secret
	Token               Secret          // kind token: sent as it is
	TokenFile           string          // kind workload-identity; "" = as the platform's environment says
	Login               string          // base URL, from Endpoints; http on loopback for kind secret only
	HTTP                *http.Client    // nil = safe default
	Clock               clockwork.Clock // nil = real; for the expiry of a loopback login's tokens
}

// expiryMargin is how long before its expiry a token is replaced.
const expiryMargin = 5 * time.Minute

// NewCredential gives the credential of one kind for one tenant. Keep it for the
// whole run: it caches its token. No token is asked for yet; a certificate that
// cannot be read is found here.
func NewCredential(o CredentialOptions) (azcore.TokenCredential, error) {
	if o.Kind == "token" {
		if o.Token == "" {
			return nil, errors.New("credential of kind token: the token is empty")
		}
		return staticToken(o.Token), nil
	}
	if o.Login == "" {
		o.Login = clouds["global"].Login
	}
	login, err := baseURL(o.Login)
	if err != nil {
		return nil, fmt.Errorf("endpoints.login: %w", err)
	}
	own := http.Client{Transport: safeTransport(), Timeout: time.Minute}
	if o.HTTP != nil {
		own = *o.HTTP
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // a redirect would take the secret along
	o.HTTP = &own
	if login.Scheme == "http" {
		if o.Kind != "secret" {
			return nil, fmt.Errorf("credential of kind %s: plain http login is for kind secret only", o.Kind)
		}
		return loopbackLogin(o, login), nil
	}
	client := azcore.ClientOptions{
		Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: o.Login},
		Transport: o.HTTP,
		Retry:     policy.RetryOptions{MaxRetries: -1}, // the Client repeats, by its own clock and budget
	}
	var c azcore.TokenCredential
	switch o.Kind {
	case "certificate":
		certs, key, fault := azidentity.ParseCertificates([]byte(o.Certificate), []byte(o.CertificatePassword))
		if fault != nil {
			return nil, errors.New("credential of kind certificate: cannot be read; it must be PEM or PKCS#12 with its private key, and the password must fit")
		}
		o.Clock = cmp.Or(o.Clock, clockwork.NewRealClock())
		if ended := certs[0].NotAfter; !o.Clock.Now().Before(ended) {
			return nil, fmt.Errorf("credential of kind certificate: the certificate expired on %s; make a new one and add it to the app registration", ended.Format(time.DateOnly))
		}
		c, err = azidentity.NewClientCertificateCredential(o.Tenant, o.ClientID, certs, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: private(o.Login)})
	case "secret":
		c, err = azidentity.NewClientSecretCredential(o.Tenant, o.ClientID, string(o.Secret),
			&azidentity.ClientSecretCredentialOptions{ClientOptions: client, DisableInstanceDiscovery: private(o.Login)})
	case "workload-identity":
		c, err = azidentity.NewWorkloadIdentityCredential(&azidentity.WorkloadIdentityCredentialOptions{ClientOptions: client,
			ClientID: o.ClientID, TenantID: o.Tenant, TokenFilePath: o.TokenFile, DisableInstanceDiscovery: private(o.Login)})
	case "managed-identity":
		managed := &azidentity.ManagedIdentityCredentialOptions{ClientOptions: client}
		if o.ClientID != "" {
			managed.ID = azidentity.ClientID(o.ClientID)
		}
		c, err = azidentity.NewManagedIdentityCredential(managed)
	case "azure-cli":
		c, err = azidentity.NewAzureCLICredential(&azidentity.AzureCLICredentialOptions{TenantID: o.Tenant})
	default:
		return nil, fmt.Errorf("credential.kind %q is not certificate, secret, workload-identity, managed-identity, azure-cli or token", o.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("credential of kind %s: %w", o.Kind, err)
	}
	return c, nil
}

// private says that a login host is none of Microsoft's, so that its validity
// cannot be asked of Microsoft's public directory of hosts.
func private(login string) bool {
	for _, e := range clouds {
		if strings.EqualFold(e.Login, strings.TrimSuffix(login, "/")) {
			return false
		}
	}
	return true
}

// ownCredential is a credential of our own; what it knows stays behind functions,
// where no print can reach it.
type ownCredential struct {
	get    func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error)
	forget func()
}

func (c ownCredential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return c.get(ctx, o)
}

func staticToken(token Secret) ownCredential {
	never := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	return ownCredential{
		get: func(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
			return azcore.AccessToken{Token: string(token), ExpiresOn: never}, nil
		},
		forget: func() {},
	}
}

// loopbackLogin asks a token service on this machine, over the plain http that
// azidentity refuses.
// https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
func loopbackLogin(o CredentialOptions, login *url.URL) ownCredential {
	o.Clock = cmp.Or(o.Clock, clockwork.NewRealClock())
	var mu sync.Mutex
	var kept azcore.AccessToken
	get := func(ctx context.Context, t policy.TokenRequestOptions) (azcore.AccessToken, error) {
		mu.Lock()
		defer mu.Unlock()
		if kept.Token != "" && t.Claims == "" && o.Clock.Now().Add(expiryMargin).Before(kept.ExpiresOn) {
			return kept, nil
		}
		form := url.Values{"grant_type": {"client_credentials"}, "client_id": {o.ClientID},
			"client_secret": {string(o.Secret)}, "scope": {strings.Join(t.Scopes, " ")}}
		if t.Claims != "" {
			form.Set("claims", t.Claims)
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodPost,
			login.JoinPath(o.Tenant, "oauth2/v2.0/token").String(), strings.NewReader(form.Encode()))
		if err != nil {
			return azcore.AccessToken{}, err
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := o.HTTP.Do(req)
		if err != nil {
			return azcore.AccessToken{}, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
		if err != nil {
			return azcore.AccessToken{}, err
		}
		var said struct {
			AccessToken string `json:"access_token"`
			ExpiresIn   int64  `json:"expires_in"` // seconds
			Description string `json:"error_description"`
		}
		if err := json.Unmarshal(body, &said); resp.StatusCode != http.StatusOK || err != nil || said.AccessToken == "" {
			return azcore.AccessToken{}, &loginError{resp.StatusCode, oneLine(said.Description, 300, o.Secret)}
		}
		kept = azcore.AccessToken{Token: said.AccessToken, ExpiresOn: o.Clock.Now().Add(time.Duration(said.ExpiresIn) * time.Second)}
		return kept, nil
	}
	return ownCredential{get, func() { mu.Lock(); kept = azcore.AccessToken{}; mu.Unlock() }}
}

type loginError struct {
	status int
	text   string
}

func (e *loginError) Error() string { return fmt.Sprintf("token request: %d %s", e.status, e.text) }

// tokens keeps the current token of one client and asks for it one at a time.
type tokens struct {
	credential azcore.TokenCredential
	clock      clockwork.Clock
	scope      string
	tenant     string
	turn       chan struct{} // holds one element while somebody is inside
	current    func() azcore.AccessToken
	denied     *Error // a refusal for good: not asked again
}

// get gives the token to send, fresh for at least expiryMargin if the credential
// can do that.
func (t *tokens) get(ctx context.Context) (Secret, error) { return t.ask(ctx, "", "") }

// renew replaces a token the server has refused, unless somebody else just did.
func (t *tokens) renew(ctx context.Context, refused Secret, claims string) error {
	_, err := t.ask(ctx, refused, claims)
	return err
}

func (t *tokens) ask(ctx context.Context, refused Secret, claims string) (Secret, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if t.denied != nil {
		again := *t.denied
		return "", &again
	}
	if now := t.current(); now.Token != "" && now.Token != string(refused) && t.clock.Now().Add(expiryMargin).Before(now.ExpiresOn) {
		return Secret(now.Token), nil
	}
	if own, ok := t.credential.(ownCredential); ok && refused != "" {
		own.forget()
	}
	t.keep(azcore.AccessToken{})
	fresh, err := t.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{t.scope}, Claims: claims, EnableCAE: true})
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	var fault *Error
	if err != nil {
		fault = tokenFault(err)
	} else if tid := readClaims(fresh.Token).Tid; tid != "" && guid.MatchString(t.tenant) && !strings.EqualFold(tid, t.tenant) {
		fault = once(Refused, "the token is for tenant %s, not %s", oneLine(tid, 40, ""), t.tenant)
	} else if strings.ContainsFunc(fresh.Token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		fault = once(Unauthorized, "the token holds characters that no header may hold; check the file or variable it comes from")
	}
	if fault != nil {
		if fault.tries == 1 && claims == "" {
			kept := *fault
			t.denied = &kept
		}
		return "", fault
	}
	t.keep(fresh)
	return Secret(fresh.Token), nil
}

func (t *tokens) keep(token azcore.AccessToken) {
	t.current = func() azcore.AccessToken { return token }
}

var (
	guid      = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	loginCode = regexp.MustCompile(`AADSTS\d+`)
	challenge = regexp.MustCompile(`(?i)error="insufficient_claims".*claims="([^"]+)"|claims="([^"]+)".*error="insufficient_claims"`)
)

// claimsOf reads the claims challenge of a 401; "" when there is none.
// https://learn.microsoft.com/entra/identity-platform/claims-challenge
func claimsOf(h http.Header) string {
	for _, v := range h.Values("WWW-Authenticate") {
		if m := challenge.FindStringSubmatch(v); m != nil {
			text := strings.TrimRight(m[1]+m[2], "=")
			for _, coding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
				if claims, err := coding.DecodeString(text); err == nil && json.Valid(claims) {
					return string(claims)
				}
			}
		}
	}
	return ""
}

// loginCodes words the refusals that a person can cure.
// https://learn.microsoft.com/entra/identity-platform/reference-error-codes
var loginCodes = map[string]struct {
	reason Reason
	text   string
}{
	"AADSTS700016":  {NoConsent, "the app is unknown in this tenant; an administrator of it must consent to the app"},
	"AADSTS7000229": {NoConsent, "the app has no service principal in this tenant; an administrator of it must consent to the app"},
	"AADSTS65001":   {NoConsent, "consent is missing; an administrator of this tenant must consent to the app"},
	"AADSTS7000222": {Unauthorized, "the client secret has expired; create a new one and configure it"},
	"AADSTS7000215": {Unauthorized, "the client secret is wrong; configure its value, not its id"},
	"AADSTS700027":  {Unauthorized, "the certificate does not fit the app registration, or has expired"},
	"AADSTS90002":   {Unauthorized, "there is no such tenant; check the tenant id and the cloud"},
	"AADSTS53003":   {Unauthorized, "a Conditional Access policy of this tenant blocks the app"},
}

// tokenFault says what a failed token request means. Refusals are final; a busy
// or unreachable token service is worth trying again.
func tokenFault(err error) *Error {
	e := &Error{Reason: Unauthorized, Code: loginCode.FindString(err.Error()), tries: 1}
	var own *loginError
	var azure *azidentity.AuthenticationFailedError
	reached := true
	switch {
	case errors.As(err, &own):
		e.Status, e.Message = own.status, own.text
	case errors.As(err, &azure) && azure.RawResponse != nil:
		e.Status, e.Message = azure.RawResponse.StatusCode, "the token service refused"
	case errors.As(err, &azure), isTransport(err), errors.Is(err, io.ErrUnexpectedEOF):
		reached, e.Message = false, transportText(err)
	default: // a credential that cannot work here, such as a missing az
		e.Message = oneLine(err.Error(), 300, "")
	}
	known, ok := loginCodes[e.Code]
	switch {
	case e.Status == http.StatusTooManyRequests:
		e.Reason, e.tries = Throttled, 0
	case e.Status == http.StatusOK: // an answer cut short, or a portal on the way
		e.Reason, e.tries, e.Message = Broken, 3, "the answer is not a token"
	case e.Status >= 500 || e.Status == http.StatusRequestTimeout || !reached && e.Code == "":
		e.Reason, e.tries = Broken, 0
	case ok:
		e.Reason, e.Message = known.reason, known.text
	}
	if !reached && isTLS(err) {
		e.Reason, e.tries = Untrusted, 1
	}
	e.Message = "token: " + e.Message
	return e
}
