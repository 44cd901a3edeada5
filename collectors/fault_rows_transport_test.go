package collectors_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

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
		inList(ending{waits: []int{0, 1}}, after(1, raw(jsonHead+"Content-Length: 900\r\n\r\n"+`{"value":[{"id":"z"}`))...)},
	{"N03", "a Content-Length larger than the body", "an error, not a short page", inList(ending{waits: []int{0, 1}}, after(1, raw(jsonHead+"Content-Length: 900\r\n\r\n"+oneRow))...)},
	{"N04", "chunks without the last one", "an error, not a short page",
		inList(ending{waits: []int{0, 1}}, after(1, raw(jsonHead+fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", len(oneRow), oneRow)))...)},
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
		func(t *testing.T) {
			r := spoiled(t, gdap, onlyRelationships, alters(func(_ *http.Request, h http.Header, _ string) string {
				h.Set("Content-Encoding", "gzip")
				return strings.Repeat(megabyte(), 3) // gzip members follow one another
			}))
			r.options.Client = asking(t, r.url, r.options.Tenant, r.clock, func(o *graph.Options) { o.Limits.Body = 2 << 20 }).Client
			expectState(t, r.run(), snapshot.Relationships, snapshot.Failed, "larger than 2 MiB")
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
	{"N14", "a page of 20 MB", "read within the cap", inList(ending{}, replacing(`"autoExtendDuration":`, `"unheardOf":"`+strings.Repeat("x", 20<<20/relationshipsOnPages)+`","autoExtendDuration":`))},
	{"N15", "HTTP/2: the server goes away, resets a stream, closes between pages", "asked again on a new connection", proven("graph", "TestHTTP2", "GoAway", "CloseClientConnections")},
	{"N16", "redirects: to the same server, in a circle, to other servers and schemes", "the first is followed, the others are refused and nothing is sent there", all(
		inList(ending{requests: 0}, func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			http.Redirect(w, r, r.RequestURI, http.StatusTemporaryRedirect)
		}),
		forEach(ending{state: snapshot.Failed, reason: "refused"}, map[string]step{
			"other host": redirects(302, "http://graph.evil.example/v1.0/users"), "https": redirects(301, "https://{host}"+gdap), "user": redirects(307, "http://{host}@evil.example/"), "port": redirects(308, "http://127.0.0.1:1"+gdap)}),
		inList(ending{state: snapshot.Failed, reason: "refused"}, always(redirects(302, gdap+"?again"))...),
		proven("graph", "TestEvilServer", "the other server saw"))},
	{"N17", "a certificate nobody vouches for, one for another host, one that has expired, TLS 1.1", "one attempt, no request, a message that says so", proven("graph", "TestTLS", "x509", "expired", "another host", "TLS 1.1")},
	{"N18", "a name that does not resolve for two minutes", "it is waited for, all is there", func(t *testing.T) {
		r := spoiled(t, gdap, onlyRelationships)
		_, address, _ := strings.Cut(r.url, "://")
		r.options.Client = asking(t, r.url, invented().Tenant(), r.clock, func(o *graph.Options) {
			o.HTTP = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				if r.clock.Now().Before(now.Add(2 * time.Minute)) {
					return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "server misbehaving", Name: "graph.example", IsTemporary: true}}
				}
				return (&net.Dialer{}).DialContext(ctx, network, address)
			}}}
		}).Client
		expectState(t, r.run(), snapshot.Relationships, snapshot.Complete, "")
		if waited := r.clock.Now().Sub(now); waited < 2*time.Minute || waited > 10*time.Minute {
			t.Errorf("waited %v", waited)
		}
	}},
	{"N19", "a proxy that is down, and one that wants a password", "the run ends and says that it is the proxy, without the password", all(
		proven("graph", "TestProxyRefuses", "proxy", "canary"), func(t *testing.T) {
			r := spoiled(t, gdap, []snapshot.Kind{snapshot.Customers, snapshot.Relationships})
			r.options.Client = asking(t, r.url, invented().Tenant(), r.clock, func(o *graph.Options) {
				o.Endpoints.Graph, o.Credential = "https://graph.example", anyToken(t)
				o.HTTP = &http.Client{Transport: &http.Transport{
					Proxy: func(*http.Request) (*url.URL, error) { return url.Parse("http://user:hidden-word@proxy.example:3128") },
					DialContext: func(context.Context, string, string) (net.Conn, error) {
						return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
					}}}
			}).Client
			_, err := collectors.Run(context.Background(), r.options)
			if err == nil || !strings.Contains(err.Error(), "proxy") || strings.Contains(err.Error(), "hidden-word") {
				t.Error(err)
			}
		})},
	{"N20", "an answer that is about another tenant", "refused; no row is stored", inList(ending{state: snapshot.Failed, reason: "refused: 200: answer is about tenant 22222222-2222-2222-2222-222222222222", requests: 1},
		replacing("/v1.0/$metadata#", "/v1.0/22222222-2222-2222-2222-222222222222/$metadata#"))},
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
