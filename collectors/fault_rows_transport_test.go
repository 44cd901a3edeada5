package collectors_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"countersign/cmd/countersign/config"
	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
)

const (
	jsonHead = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	oneRow   = `{"value":[{"id":"not-whole"}]}`
)

// zipped compresses the service's answer; spoil may damage it.
func zipped(spoil func([]byte) []byte) step {
	return alters(func(_ *http.Request, h http.Header, body string) string {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(body)); err != nil || z.Close() != nil {
			panic(err)
		}
		h.Set("Content-Encoding", "gzip")
		if spoil != nil {
			return string(spoil(b.Bytes()))
		}
		return b.String()
	})
}

// megabyte is one of blanks, compressed.
var megabyte = sync.OnceValue(func() string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(bytes.Repeat([]byte(" "), 1<<20)); err != nil || z.Close() != nil {
		panic(err)
	}
	return b.String()
})

// broken is the end of a list whose second page never comes right.
func broken(words string) ending {
	return ending{state: snapshot.Partial, reason: "broken: page 2: " + words}
}

var displayName = regexp.MustCompile(`"displayName":"[^"]*"`)

var transportRows = []faultRow{
	{"N01", "a connection reset before any answer", "asked again, all is there", inList(ending{}, after(1, raw(""))...)},
	{"N02", "a connection reset in the midst of the second page", "the half is thrown away, the same page asked again",
		inList(ending{waits: []float64{0, 1.5}}, after(1, raw(jsonHead+"Content-Length: 900\r\n\r\n"+`{"value":[{"id":"z"}`))...)},
	{"N03", "a Content-Length larger than the body", "an error, not a short page", inList(ending{waits: []float64{0, 1.5}}, after(1, raw(jsonHead+"Content-Length: 900\r\n\r\n"+oneRow))...)},
	{"N04", "chunks without the last one", "an error, not a short page",
		inList(ending{waits: []float64{0, 1.5}}, after(1, raw(jsonHead+fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(oneRow), oneRow)))...)},
	{"N05", "JSON that ends early in an answer of the right length", "three tries, then partial",
		all(inList(ending{requests: 0}, after(1, says(`{"value":[{"id":"z"}`))...), inList(broken("200: answer is not whole JSON"), after(1, always(says(`{"value":[{"id":"z"}`))...)...))},
	{"N06", "JSON with garbage or a second object behind it", "an error", all(
		inList(broken("200: answer is not whole JSON"), after(1, always(says(oneRow+" x"))...)...), inList(broken("200: answer is not whole JSON"), after(1, always(says(oneRow+oneRow))...)...))},
	{"N07", "a page of HTML with 200, as a portal on the way sends", "one more try, then an error that says what came; nothing of it is kept",
		inList(ending{state: snapshot.Partial, reason: `page 2: 200: answer is not JSON but "text/html"`, requests: 3}, after(1, always(answers(200, "text/html", "<title>Sign in</title>"))...)...)},
	{"N08", "200 without a list: nothing, {}, null, [], a null list, an object for a list", "an error, never an empty list", func(t *testing.T) {
		for _, body := range []string{"", "{}", "null", "[]", `{"value":null}`, `{"value":{}}`} {
			t.Run(body, inList(broken("200: answer"), after(1, always(says(body))...)...))
		}
	}},
	{"N09", "an error object with status 200", "an error", inList(broken("200"), after(1, always(says(`{"error":{"code":"x","message":"no"},"value":[]}`))...)...)},
	{"N10", "204, 206 and 202 for a list", "an error", func(t *testing.T) {
		for _, status := range []int{204, 206, 202} {
			t.Run("", inList(broken(fmt.Sprint(status)), after(1, always(answers(status, "application/json", map[bool]string{true: oneRow}[status != 204]))...)...))
		}
	}},
	{"N11", "gzip; gzip that is damaged; a gzip bomb; a coding nobody asked for", "the first is read, the others are errors", all(
		inList(ending{}, zipped(nil)),
		inList(ending{state: snapshot.Partial, reason: "broken"}, after(1, always(zipped(func(b []byte) []byte { b[len(b)-6] ^= 0xff; return b }))...)...),
		simulated(func(t *testing.T) {
			r := spoiled(t, gdap, onlyRelationships, alters(func(_ *http.Request, h http.Header, _ string) string {
				h.Set("Content-Encoding", "gzip")
				return strings.Repeat(megabyte(), 3) // gzip members follow one another
			}))
			r.ask(func(o *graph.Options) { o.Limits.Body = 2 << 20 })
			expectState(t, r.run(), snapshot.Relationships, snapshot.Failed, "larger than 2 MiB")
		}),
		func(t *testing.T) {
			bomb := &spoiler{Handler: newCanned(), list: gdap, steps: always(answers(200, "application/json", strings.Repeat(megabyte(), 1000), "Content-Encoding", "gzip"))}
			if got, most := inChild(t, bomb); !strings.HasPrefix(got, "failed broken: 200: answer is larger than 32 MiB") || most > mostMemory {
				t.Errorf("%s, %.0f MB of memory", got, most)
			}
		},
		inList(ending{state: snapshot.Failed, reason: `content encoding "br"`}, always(answers(200, "application/json", "x", "Content-Encoding", "br"))...))},
	{"N12", "a byte order mark; UTF-16; lone surrogates, NUL and broken UTF-8 in names", "the mark is dropped, UTF-16 refused, broken text shown as such, ids kept byte by byte", all(
		inList(ending{}, alters(func(_ *http.Request, _ http.Header, body string) string { return "\ufeff" + body })),
		inList(ending{state: snapshot.Failed, reason: "not whole JSON"}, always(says("\xff\xfe{\x00}\x00"))...),
		inList(ending{facts: sameIDs}, alters(func(_ *http.Request, _ http.Header, body string) string {
			return displayName.ReplaceAllLiteralString(body, `"displayName":"\ud800 \u0000 `+"\xff"+`"`)
		})))},
	{"N13", "endless nesting; a number beyond all numbers; keys twice or in other case", "an error where it decides what is read, else no matter", all(
		inList(ending{state: snapshot.Failed, reason: "broken: 200"}, always(says(`{"value":[{"id":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}]}`))...),
		inList(ending{}, replacing(`"autoExtendDuration":`, `"unheardOf":1e999,"autoExtendDuration":`)),
		inList(ending{state: snapshot.Failed, reason: `key "id" stands twice`}, always(replacing(`"id":`, `"id":"a","id":`))...),
		inList(ending{state: snapshot.Failed, reason: `is written "ID"`}, always(replacing(`"id":`, `"ID":`))...),
		inList(ending{state: snapshot.Failed, reason: "200"}, always(replacing(`"@odata.nextLink":`, `"@odata.nextLink":"","@odata.nextLink":`))...),
		inList(ending{state: snapshot.Failed, reason: "200"}, always(replacing(`"@odata.nextLink":`, `"@odata.nextlink":`))...),
		inList(ending{state: snapshot.Failed, reason: "200"}, always(replacing(`"value":`, `"Value":`))...))},
	{"N14", "a page of 999 rows and 20 MB", "read within the cap and little memory", func(t *testing.T) {
		c := newCanned()
		for i := range 999 {
			c.rows[gdap] = append(c.rows[gdap], fmt.Sprintf(`{"id":"r%d","unheardOf":%q}`, i, strings.Repeat("x", 20<<20/999)))
		}
		if got, most := inChild(t, c); got != "complete  999" || most > mostMemory {
			t.Errorf("%s, %.0f MB of memory", got, most)
		}
	}},
	{"N15", "HTTP/2: the server goes away, resets a stream, closes between pages", "asked again on a new connection, all is there", func(t *testing.T) {
		c := manyRelated(5)
		c.page = 1
		var s *httptest.Server
		var n atomic.Int64
		s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ProtoMajor != 2 {
				t.Errorf("asked over %s", r.Proto)
			}
			switch n.Add(1) {
			case 2: // GOAWAY: this answer is the connection's last
				w.Header().Set("Connection", "close")
			case 3: // the stream is reset within the answer
				w.Header().Set("Content-Type", "application/json")
				fmt.Fprint(w, `{"value":[{"id":"not-whole"}`)
				w.(http.Flusher).Flush()
				panic(http.ErrAbortHandler)
			case 4:
				defer func() { go s.CloseClientConnections() }() // at any moment
			}
			c.ServeHTTP(w, r)
		}))
		s.Config.ErrorLog = log.New(io.Discard, "", 0)
		s.EnableHTTP2 = true
		s.StartTLS()
		t.Cleanup(s.Close)
		o := asking(t, s.URL, tenant, passing(t), via(s.Client()), unbatched, func(o *graph.Options) { o.Credential = anyToken(t) })
		o.Kinds, o.Store = onlyRelationships, openStore(t, filepath.Join(t.TempDir(), "a.db"))
		r := took(t, o)
		expectState(t, r, snapshot.Relationships, snapshot.Complete, "")
		expectLines(t, "relationships", lines(t, o.Store, `SELECT id FROM relationship WHERE snapshot = ? ORDER BY id`, r.Snapshot), "r0", "r1", "r2", "r3", "r4")
		if n.Load() < 6 {
			t.Errorf("%d requests", n.Load())
		}
	}},
	{"N16", "redirects: to the same server, in a circle, to other servers and schemes", "the first is followed, the others are refused and nothing is sent there", all( // the way leads to one server alone
		inList(ending{requests: 0}, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, r.RequestURI, http.StatusTemporaryRedirect)
		}),
		forEach(ending{state: snapshot.Failed, reason: "refused"}, map[string]step{
			"other host": redirects(302, "http://graph.evil.example/v1.0/users"), "https": redirects(301, "https://{host}"+gdap), "user": redirects(307, "http://{host}@evil.example/"), "port": redirects(308, "http://localhost:1"+gdap)}),
		inList(ending{state: snapshot.Failed, reason: "refused"}, always(redirects(302, gdap+"?again"))...))},
	{"N17", "a certificate nobody vouches for, one for another host, one that has expired, TLS 1.1", "one attempt, no request, a message that says so; no setting lets it pass", func(t *testing.T) {
		for name, c := range map[string]struct {
			host, want string
			change     func(*tls.Config)
		}{
			"nobody vouches": {"127.0.0.1", "x509: certificate signed by unknown authority", func(*tls.Config) {}},
			"another host":   {"localhost", "x509: certificate is valid for", func(*tls.Config) {}},
			"expired":        {"127.0.0.1", "x509: certificate has expired", func(c *tls.Config) { c.Certificates = []tls.Certificate{certificate(t, now.AddDate(-6, 0, 0))} }},
			"TLS 1.1":        {"127.0.0.1", "protocol version", func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }},
		} {
			var requests, attempts atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { attempts.Add(1); return nil, nil }}
			c.change(s.TLS)
			s.StartTLS()
			t.Cleanup(s.Close)
			url := strings.Replace(s.URL, "127.0.0.1", c.host, 1)
			o := asking(t, url, tenant, passing(t), unbatched, func(o *graph.Options) { o.Credential, o.Wire = anyToken(t), graph.NewWire(1) }) // the program's own way
			o.Kinds, o.Store = []snapshot.Kind{snapshot.Customers, snapshot.Relationships}, openStore(t, filepath.Join(t.TempDir(), "a.db"))
			_, err := collectors.Run(t.Context(), o)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "tries") {
				t.Errorf("%s: %v", name, err)
			}
			if lists := int64(2); attempts.Load() != lists || requests.Load() != 0 {
				t.Errorf("%s: %d handshakes of %d lists, %d requests", name, attempts.Load(), lists, requests.Load())
			}
			o.Kinds = onlyRelationships
			if r, err := collectors.Run(t.Context(), o); err != nil {
				t.Errorf("%s: %v", name, err)
			} else {
				expectState(t, r, snapshot.Relationships, snapshot.Failed, "untrusted; the server's certificate or its TLS is not accepted")
			}
		}
		if word := insecure.FindString(string(config.Example())); word != "" {
			t.Errorf("there is a setting %q", word)
		}
	}},
	{"N18", "a name that does not resolve for two minutes", "it is waited for, all is there", simulated(func(t *testing.T) {
		r := spoiled(t, gdap, onlyRelationships)
		dial := r.way.Transport.(*http.Transport).DialContext
		r.way.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			if time.Now().Before(now.Add(2 * time.Minute)) {
				return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "server misbehaving", Name: "graph.example", IsTemporary: true}}
			}
			return dial(ctx, network, address)
		}}
		r.ask()
		expectState(t, r.run(), snapshot.Relationships, snapshot.Complete, "")
		if waited := time.Since(now); waited < 2*time.Minute || waited > 10*time.Minute {
			t.Errorf("waited %v", waited)
		}
	})},
	{"N19", "a proxy that is down, and one that wants a password", "the run ends and says that it is the proxy, without the password", simulated(func(t *testing.T) {
		const password = "hidden-word"
		for name, dial := range map[string]func(context.Context, string, string) (net.Conn, error){
			"down": func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
			},
			"407": within(t, answersOnly(http.StatusProxyAuthRequired)).Transport.(*http.Transport).DialContext,
		} {
			var log bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&log, nil))
			o := inProcess(t, newCanned(), func(o *graph.Options) {
				o.Endpoints.Graph, o.Log = "https://graph.example", logger
				proxy := &url.URL{Scheme: "http", Host: strings.TrimPrefix(inside, "http://"), User: url.UserPassword("user", password)}
				o.HTTP = &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy), DialContext: dial}}
			})
			o.Log = logger
			_, err := collectors.Run(context.Background(), o)
			if err == nil || !strings.Contains(strings.ToLower(err.Error()), "proxy") {
				t.Errorf("%s: %v", name, err)
			}
			if said := fmt.Sprint(err, log.String()); strings.Contains(said, password) || log.Len() == 0 {
				t.Errorf("%s: said %s", name, said)
			}
		}
	})},
	{"N20", "an answer that is about another tenant: a list of the MSP's, one within a batch, an object, a list of a customer's", "refused; no row is stored, under neither tenant", all(
		inList(ending{state: snapshot.Failed, reason: "refused: 200: answer is about tenant " + otherTenant, requests: 1}, replacing("/v1.0/$metadata#", "/v1.0/"+otherTenant+"/$metadata#")),
		simulated(func(t *testing.T) {
			foreign := func(h http.Handler, path string) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					do := honest
					if r.URL.Path == path {
						do = alters(func(_ *http.Request, _ http.Header, body string) string {
							return strings.Replace(body, "{", `{"@odata.context":"https://graph.microsoft.com/v1.0/`+otherTenant+`/$metadata#x",`, 1)
						})
					}
					do(w, r, h)
				})
			}
			for path, kind := range map[string]snapshot.Kind{gdap + "/r1/accessAssignments": snapshot.AccessAssignments, "/v1.0/groups/g1": snapshot.Groups, members1: snapshot.Memberships, "/v1.0/subscribedSkus": snapshot.CustomerLicences} {
				for _, batch := range []bool{false, true} {
					c := small()
					c.assign("r1", "g2") // a second part, so that there is a batch
					c.group("g2")
					c.rows["/v1.0/subscribedSkus"] = []string{`{"id":"x","skuId":"s","skuPartNumber":"X","capabilityStatus":"Enabled"}`}
					way := within(t, batched(foreign(c, path)))
					asks := func(o *graph.Options) { o.Batch = batch }
					o := inProcess(t, c)
					o.Client = clientOf(t, tenant, way, asks)
					o.Customer = func(string) (collectors.Client, error) { return clientOf(t, customer1, way, asks), nil }
					o.Declared.Customers = []snapshot.DeclaredCustomer{{Tenant: customer1, Collect: []snapshot.Kind{snapshot.CustomerLicences}}}
					o.Kinds = nil
					r := took(t, o)
					for _, c := range append(loadParts(t, o.Store, r).Tenants(), r.Coverage...) {
						if c.Kind == kind && (c.State == snapshot.Complete || !strings.Contains(c.Reason, "refused: 200: answer is about tenant "+otherTenant)) {
							t.Errorf("batch %v: %s is %s: %s", batch, c.Kind, c.State, c.Reason)
						}
					}
					for part, rows := range facts(t, o.Store, r.Snapshot, "fact", "log") {
						if part.Kind == string(kind) && part.Object != "g2" {
							t.Errorf("batch %v: of %+v %q is stored", batch, part, rows)
						}
					}
				}
			}
		}))},
}

const otherTenant, customer1 = "22222222-2222-2222-2222-222222222222", "33333333-3333-3333-3333-333333333333"

// insecure are words of a setting that would let a wrong certificate pass.
var insecure = regexp.MustCompile(`(?i)\w*(insecure|skip_?verif|no_?verif|trust_?all)\w*`)

// answersOnly answers everything by a status.
func answersOnly(status int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
}

// inChild reads the relationships of a service in a process of its own. It gives their
// state, reason and rows, and the most memory of the process in MB.
func inChild(t *testing.T, h http.Handler) (string, float64) {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	path := filepath.Join(t.TempDir(), "a.db")
	most := finish(t, exec.Command(os.Args[0], "-test.v", "-test.run=^TestListingChild$", "--", s.URL, path))
	c, err := snapshot.LoadCoverage(t.Context(), openStore(t, path).Read(), 1)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(c, func(c snapshot.Coverage) bool { return c.Kind == snapshot.Relationships })
	return fmt.Sprint(c[i].State, " ", c[i].Reason, " ", c[i].Rows), most
}

// TestListingChild is the process of inChild. Without arguments there is nothing to test.
func TestListingChild(t *testing.T) {
	if flag.NArg() != 2 {
		return
	}
	o := collectors.Options{Tenant: tenant, Client: newPatientClient(t, flag.Arg(0), tenant, mode{8, false}, graph.NoQuotas()), Store: openStore(t, flag.Arg(1)), At: now, Now: atOnce, Kinds: onlyRelationships}
	took(t, o)
	sayHighWater(t)
}

func redirects(status int, to string) step {
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		w.Header().Set("Location", strings.ReplaceAll(to, "{host}", r.Host))
		w.WriteHeader(status)
	}
}

// sameIDs: the same relationships and roles, whatever their names.
func sameIDs(t *testing.T, rows, honest []string) {
	ids := func(rows []string) (all []string) {
		for _, row := range rows {
			columns := strings.Split(row, "|")
			all = append(all, columns[0]+"|"+columns[1])
		}
		return all
	}
	if got, want := strings.Join(ids(rows), "\n"), strings.Join(ids(honest), "\n"); got != want {
		t.Errorf("ids are %s\nwant %s", got, want)
	}
}
