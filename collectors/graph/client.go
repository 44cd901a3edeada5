package graph

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/jonboulle/clockwork"
)

// Options make a Client. Credential and the service's endpoint are required.
type Options struct {
	Endpoints   Endpoints
	Service     Service
	Tenant      string // GUID; a token of another tenant is refused
	Credential  azcore.TokenCredential
	HTTP        *http.Client     // nil = that of Wire; redirects are always our own
	Clock       clockwork.Clock  // nil = real; all waits between tries
	Now         func() time.Time // by which Skew measures; nil = that of Clock
	Jitter      func() float64   // in [0,1); nil = random
	Concurrency int              // requests of this client on the wire at once; 0 = 8
	Wire        *Wire            // shared by the clients of one run; nil = own
	Batch       bool             // Together sends $batch where the service has it
	Limits      Limits
	App         *Gate        // shared by the clients of one app; nil = own
	Log         *slog.Logger // nil = silent

	// OnRequest is told of each HTTP exchange when it has ended (status 0: no
	// answer), OnWait of each wait when it begins. Both come from many goroutines.
	OnRequest func(path string, status int)
	OnWait    func(path string, wait time.Duration)
}

// Limits bound what a client asks, waits and reads. Zero values mean the default.
type Limits struct {
	Tries      int           // of one request, the first included; 8
	Wait       time.Duration // of one request between its tries; 15 min
	TenantWait time.Duration // during which this client waits for retries, overlaps counted once; 30 min
	Pages      int           // of one reading of a list; 10,000
	Body       int64         // decoded bytes of one answer; 32 MiB
	Lag        time.Duration // of a directory's replicas, for Patient; 30 s, negative = not waited for
	Stall      time.Duration // real time without a byte before a try ends; 60 s
	Answer     time.Duration // real time of one whole try; 10 min

	// Quotas of one app in one tenant; negative = none, for servers without them.
	// Reports, Protection and Partner are the least time between two requests to the
	// audit and report paths (2 s: 5 in 10 s), to the identity protection and
	// Conditional Access paths (1 s) and to Partner Center (120 ms: 500 in a minute).
	// Tenants are the requests to tenantRelationships in 20 s (1,000), Directory the
	// resource units of all other paths in 10 s (3,500: a tenant of under 50 users).
	Reports, Protection, Partner time.Duration
	Tenants, Directory           int
}

// NoQuotas are the default limits for a server that has published no quotas.
func NoQuotas() Limits {
	return Limits{Reports: -1, Protection: -1, Partner: -1, Tenants: -1, Directory: -1}
}

func (l Limits) withDefaults() Limits {
	l.Tries = cmp.Or(l.Tries, 8)
	l.Wait = cmp.Or(l.Wait, 15*time.Minute)
	l.TenantWait = cmp.Or(l.TenantWait, 30*time.Minute)
	l.Pages = cmp.Or(l.Pages, 10_000)
	l.Body = cmp.Or(l.Body, 32<<20)
	l.Lag = cmp.Or(l.Lag, 30*time.Second)
	l.Stall = cmp.Or(l.Stall, time.Minute)
	l.Answer = cmp.Or(l.Answer, 10*time.Minute)
	l.Reports = cmp.Or(l.Reports, 2*time.Second)
	l.Protection = cmp.Or(l.Protection, time.Second)
	l.Tenants = cmp.Or(l.Tenants, 1000)
	l.Directory = cmp.Or(l.Directory, 3500)
	l.Partner = cmp.Or(l.Partner, 120*time.Millisecond)
	return l
}

// Client asks one service about one tenant. It may be used by many goroutines.
type Client struct {
	dialect
	base        *url.URL
	tenant      string
	http        *http.Client
	clock       clockwork.Clock
	now         func() time.Time
	jitter      func() float64
	log         *slog.Logger
	onRequest   func(string, int)
	onWait      func(string, time.Duration)
	limits      Limits
	concurrency int
	tokens      *tokens
	wire        *Wire
	app         *Gate
	gate        Gate
	slots       slots
	large       chan struct{} // holds one element for each list of large pages
	quotas      []*quota
	budget      budget
	skew        atomic.Pointer[time.Duration]
}

// New checks the options and makes a Client. Nothing is sent yet.
func New(o Options) (*Client, error) {
	d, err := o.Service.dialect()
	if err != nil {
		return nil, err
	}
	base, err := d.baseURL(o.Endpoints)
	if err != nil {
		return nil, err
	}
	if o.Credential == nil {
		return nil, errors.New("graph client: no credential")
	}
	o.Clock = cmp.Or(o.Clock, clockwork.NewRealClock())
	if o.Now == nil {
		o.Now = o.Clock.Now
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	o.Log = cmp.Or(o.Log, slog.New(slog.DiscardHandler))
	o.App = cmp.Or(o.App, &Gate{})
	o.Concurrency = cmp.Or(o.Concurrency, 8)
	if o.Wire == nil {
		o.Wire = NewWire(o.Concurrency)
	}
	o.HTTP = cmp.Or(o.HTTP, o.Wire.http)
	limits := o.Limits.withDefaults()
	d.batch = d.batch && o.Batch
	quotas := quotas(o.Service, limits)
	bound, maxBound := float64(o.Concurrency), float64(o.Concurrency)
	if d.batch {
		maxBound *= maxBatch
		bound = maxBound
		if slices.ContainsFunc(quotas, (*quota).secret) {
			bound = min(bound, groping)
		}
	}
	c := &Client{
		dialect: d, base: base, tenant: o.Tenant, clock: o.Clock, now: o.Now, jitter: o.Jitter, log: o.Log,
		onRequest: o.OnRequest, onWait: o.OnWait, limits: limits,
		concurrency: o.Concurrency, wire: o.Wire, app: o.App, large: make(chan struct{}, max(1, o.Concurrency/2)),
		slots:  slots{maxCalls: o.Concurrency, bound: bound, most: bound, maxBound: maxBound},
		quotas: quotas,
		budget: budget{most: limits.TenantWait},
		tokens: &tokens{credential: o.Credential, clock: o.Clock, scope: base.String() + "/.default",
			tenant: o.Tenant, turn: make(chan struct{}, 1)},
	}
	c.tokens.keep(azcore.AccessToken{})
	own := *o.HTTP
	if own.Transport == nil {
		own.Transport = safeTransport()
	}
	own.Transport = readOnly{own.Transport, base, d.batch}
	own.CheckRedirect = c.redirect
	own.Jar = nil
	c.http = &own
	return c, nil
}

// Skew tells how far our clock is ahead of the server's, to about a second, by the
// Date of the last answer; false before there was one.
func (c *Client) Skew() (time.Duration, bool) {
	if skew := c.skew.Load(); skew != nil {
		return *skew, true
	}
	return 0, false
}

// safeTransport is net/http's default with its limits made explicit. It asks for
// gzip and decodes it itself; a corrupt stream is a read error.
func safeTransport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	t.MaxIdleConnsPerHost = 64
	return t
}

// readOnly lets nothing through but GETs, and $batch POSTs where they are used, to
// one origin. The client makes no other request; this holds even if it came to.
type readOnly struct {
	next  http.RoundTripper
	base  *url.URL
	batch bool
}

func (r readOnly) RoundTrip(req *http.Request) (*http.Response, error) {
	get := req.Method == http.MethodGet && req.Body == nil
	batch := r.batch && req.Method == http.MethodPost && (req.URL.Path == "/v1.0/$batch" || req.URL.Path == "/beta/$batch")
	if !sameOrigin(req.URL, r.base) || !get && !batch {
		if req.Body != nil {
			req.Body.Close()
		}
		return nil, once(Refused, "%s to %s://%s: only GET and $batch to the configured origin may leave", req.Method, req.URL.Scheme, req.URL.Host)
	}
	return r.next.RoundTrip(req)
}

const maxRedirects = 3

func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	switch {
	case !sameOrigin(req.URL, c.base):
		return once(Refused, "redirect to %s://%s: only the configured origin is followed", req.URL.Scheme, oneLine(req.URL.Host, 100, ""))
	case len(via) > maxRedirects:
		return once(Refused, "more than %d redirects", maxRedirects)
	case via[0].Method != http.MethodGet:
		return once(Refused, "redirect of a batch")
	case !asks(req.URL, via[0].URL):
		return once(Refused, "redirect to another question, at %s", oneLine(req.URL.Path, 200, ""))
	}
	return nil
}

// asks tells whether u has the path of the question and each of its query options.
func asks(u, question *url.URL) bool {
	options := u.Query()
	for name, values := range question.Query() {
		if !slices.Equal(options[name], values) {
			return false
		}
	}
	return strings.EqualFold(u.Path, question.Path)
}

// sameOrigin: Azure Resource Manager writes its https port out at times.
func sameOrigin(u, base *url.URL) bool {
	host := func(u *url.URL) string {
		return strings.TrimSuffix(strings.ToLower(u.Host), map[string]string{"https": ":443", "http": ":80"}[u.Scheme])
	}
	return u.Scheme == base.Scheme && host(u) == host(base) && u.User == nil && u.Opaque == ""
}

// request is one GET, or a batch of GETs when parts are set.
type request struct {
	path  string    // as asked, for messages
	page  int       // from 1; 0 outside of lists
	url   string    // what is sent, after the origin: a nextLink's own bytes on later pages
	token string    // of the page, sent in a header
	parts []request // of a batch
	body  []byte    // of a batch
}

// headers of a GET, alone or as a part of a batch. A path that counts or searches
// is an advanced query and says so on each of its pages.
// https://learn.microsoft.com/graph/aad-advanced-queries
func (d dialect) headersOf(q request) map[string]string {
	h := map[string]string{"Accept": "application/json"}
	maps.Copy(h, d.headers)
	if advanced(q.path) {
		h["ConsistencyLevel"] = "eventual"
	}
	if q.token != "" {
		h[continuation] = q.token
	}
	return h
}

func advanced(path string) bool {
	_, query, _ := strings.Cut(path, "?")
	plain, err := url.QueryUnescape(query)
	return err == nil && (strings.Contains(plain, "$count=true") || strings.Contains(plain, "$search="))
}

// answer is one whole response, or one part of a batch.
type answer struct {
	status int
	header http.Header
	body   []byte
	token  Secret    // it was asked with
	at     time.Time // it was read whole
	cuts   int       // of concurrency when it was asked
	sent   int       // requests that left for it, redirects followed and batches repeated included
}

// requestID is Microsoft's, by the name each service has for it.
func (a answer) requestID() string {
	return cmp.Or(a.header.Get("request-id"), a.header.Get("x-ms-request-id"), a.header.Get("MS-RequestId"))
}

var errStalled = errors.New("no byte came for too long")

// exchange sends one request and reads its whole answer.
func (c *Client) exchange(ctx context.Context, q request) (answer, error) {
	cuts, leave, err := c.admit(ctx, q)
	if err != nil {
		return answer{}, err
	}
	defer leave()
	token, err := c.tokens.get(ctx)
	if err != nil {
		return answer{}, err
	}
	a, err := c.transmit(ctx, q, token)
	a.cuts, a.at = cuts, c.clock.Now()
	if c.onRequest != nil {
		c.onRequest(q.path, a.status)
	}
	if err != nil {
		return answer{sent: a.sent}, err
	}
	if q.parts == nil || a.status != http.StatusOK { // else each part is noted
		c.learn(q.path, a)
	}
	return a, nil
}

// transmit does the HTTP of exchange, under a watch that ends a try which stalls. The
// watch runs on real time, as the network does.
func (c *Client) transmit(ctx context.Context, q request, token Secret) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.limits.Answer)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watch := time.AfterFunc(c.limits.Stall, func() { stop(errStalled) })
	defer watch.Stop()

	method, body := http.MethodGet, io.Reader(nil)
	if q.parts != nil {
		method, body = http.MethodPost, bytes.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+q.url, body)
	if err != nil {
		return answer{}, once(Refused, "cannot be asked: %s", transportText(err))
	}
	for k, v := range c.headersOf(q) {
		req.Header.Set(k, v)
	}
	if q.parts != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", "countersign")
	req.Header.Set("Authorization", "Bearer "+string(token))
	resp, err := c.http.Do(req)
	a := answer{sent: 1}
	for from := resp; from != nil && from.Request.Response != nil; from = from.Request.Response {
		a.sent++
	}
	if err != nil {
		return a, whyEnded(ctx, err)
	}
	defer resp.Body.Close()
	a.status, a.header, a.token = resp.StatusCode, resp.Header, token
	if server, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		skew := c.now().Sub(server)
		c.skew.Store(&skew)
	}
	if coding := resp.Header.Get("Content-Encoding"); coding != "" && coding != "identity" {
		e := malformed("content encoding %q was not asked for", oneLine(coding, 40, ""))
		e.Status = a.status
		return a, e
	}
	var whole bytes.Buffer
	if n := resp.ContentLength; n > 0 && n <= c.limits.Body {
		whole.Grow(int(n) + bytes.MinRead)
	}
	n, err := whole.ReadFrom(io.LimitReader(watched{resp.Body, watch, c.limits.Stall}, c.limits.Body+1))
	switch {
	case err != nil && a.status == http.StatusOK: // of an error, status and headers say enough
		return a, whyEnded(ctx, err)
	case n > c.limits.Body:
		e := once(Broken, "answer is larger than %d MiB", c.limits.Body>>20)
		e.Status = a.status
		return a, e
	}
	a.body = whole.Bytes()
	return a, nil
}

// whyEnded names our own limit where that ended a try.
func whyEnded(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errStalled) || errors.Is(cause, context.DeadlineExceeded) {
		return &Error{Reason: Broken, Message: "no whole answer in time"}
	}
	return err
}

// watched puts the watch off with each byte that comes.
type watched struct {
	io.Reader
	watch *time.Timer
	stall time.Duration
}

func (w watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.watch.Reset(w.stall)
	}
	return n, err
}

// judgeType accepts JSON in UTF-8. A page of HTML with status 200 comes from a
// proxy or a sign-in portal on the way; one more try, then it stays.
func judgeType(h http.Header) *Error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil && kind == "" || kind != "application/json" {
		e := malformed("answer is not JSON but %q", oneLine(h.Get("Content-Type"), 60, ""))
		e.tries = 2
		return e
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return malformed("answer is in charset %q, not UTF-8", oneLine(charset, 40, ""))
	}
	return nil
}
