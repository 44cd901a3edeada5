package graph_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors/graph"
)

const groups = "/v1.0/groups?$select=id"

func link(token string) string { return "http://{host}/v1.0/groups?$select=id&$skiptoken=" + token }

func gzipped(body []byte) step {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(body)
	}
}

func squeeze(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text))
	z.Close()
	return b.Bytes()
}

func corrupt(body []byte) []byte {
	body[len(body)-6] ^= 0xff // within the CRC
	return body
}

func redirect(status int, to string) step {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", strings.ReplaceAll(to, "{host}", r.Host))
		w.WriteHeader(status)
	}
}

// TestFaults: a fault per row, injected over HTTP. id names the requirement: T
// throttling and server errors, N transport, A authentication, P paging.
func TestFaults(t *testing.T) {
	whole := rows("", "a", "b")
	page2 := func(s step) []step { return []step{rows(link("2"), "a"), s, rows("", "b")} }
	for _, f := range []struct {
		id    string
		steps []step
		rows  string
		err   graph.Reason // "" = complete
		calls int
		gaps  []int // least seconds between requests
	}{
		{"T01", []step{fail(429, "TooManyRequests", "", "Retry-After", "10"), whole}, "a b", "", 2, []int{10}},
		{"T02 date, our clock an hour off", []step{fail(429, "x", "", "Retry-After", "Tue, 31 Mar 2026 10:00:20 GMT", "Date", "Tue, 31 Mar 2026 10:00:00 GMT"), whole}, "a b", "", 2, []int{20}},
		{"T03 grows", []step{fail(429, "x", ""), fail(429, "x", ""), fail(429, "x", ""), whole}, "a b", "", 4, []int{1, 3, 6}},
		{"T04 0", []step{fail(429, "x", "", "Retry-After", "0"), whole}, "a b", "", 2, []int{1}},
		{"T04 -5", []step{fail(429, "x", "", "Retry-After", "-5"), whole}, "a b", "", 2, []int{1}},
		{"T04 0.5", []step{fail(429, "x", "", "Retry-After", "0.5"), whole}, "a b", "", 2, []int{1}},
		{"T04 fraction", []step{fail(429, "x", "", "Retry-After", "7.128"), whole}, "a b", "", 2, []int{7}},
		{"T04 abc", []step{fail(429, "x", "", "Retry-After", "abc"), whole}, "a b", "", 2, []int{1}},
		{"T04 1e20", []step{fail(429, "x", "", "Retry-After", "1e20"), whole}, "a b", "", 2, []int{1}},
		{"T04 NaN", []step{fail(429, "x", "", "Retry-After", "NaN"), whole}, "a b", "", 2, []int{1}},
		{"T04 past date", []step{fail(429, "x", "", "Retry-After", "Tue, 31 Mar 2020 10:00:20 GMT"), whole}, "a b", "", 2, []int{1}},
		{"T04 above the budget", []step{fail(429, "x", "", "Retry-After", "99999999")}, "", graph.Throttled, 1, nil},
		{"T05", []step{fail(429, "x", "", "Retry-After", "30")}, "", graph.Throttled, 8, []int{30, 30, 30, 30, 30, 30, 30}},
		{"T09 with", []step{fail(503, "x", "", "Retry-After", "5"), whole}, "a b", "", 2, []int{5}},
		{"T09 without", []step{fail(503, "x", ""), whole}, "a b", "", 2, []int{1}},
		{"T10", []step{fail(504, "x", ""), fail(502, "x", ""), fail(500, "x", ""), fail(408, "x", ""), fail(509, "x", ""), whole}, "a b", "", 6, nil},
		{"T11", []step{rows(link("2"), "a"), fail(500, "x", "")}, "a", graph.Broken, 9, nil},
		{"T12 501", []step{fail(501, "x", "")}, "", graph.Rejected, 1, nil},
		{"T12 400", []step{fail(400, "BadRequest", "")}, "", graph.Rejected, 1, nil},
		{"T12 405", []step{fail(405, "x", "")}, "", graph.Rejected, 1, nil},
		{"T12 406", []step{fail(406, "x", "")}, "", graph.Rejected, 1, nil},
		{"T12 413", []step{fail(413, "x", "")}, "", graph.Rejected, 1, nil},
		{"T12 415", []step{fail(415, "x", "")}, "", graph.Rejected, 1, nil},
		{"T12 422", []step{fail(422, "x", "")}, "", graph.Rejected, 1, nil},
		{"T12 423", []step{fail(423, "x", "")}, "", graph.Rejected, 1, nil},

		{"N01", []step{cut(""), whole}, "a b", "", 2, []int{1}},
		{"N02", page2(cut("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"value\":[{\"id\":\"z\"}")), "a b", "", 3, nil},
		{"N03", page2(cut("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{\"value\":[{\"id\":\"z\"}]}")), "a b", "", 3, nil},
		{"N04", page2(cut("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n16\r\n{\"value\":[{\"id\":\"z\"}]}\r\n")), "a b", "", 3, nil},
		{"N05", []step{ok(`{"value":[{"id":"a"}`)}, "", graph.Broken, 3, nil},
		{"N05 heals", []step{ok(`{"value":[{"id":"z"}`), whole}, "a b", "", 2, nil},
		{"N06 garbage", []step{ok(`{"value":[]} x`)}, "", graph.Broken, 3, nil},
		{"N06 second object", []step{ok(`{"value":[]}{"value":[]}`)}, "", graph.Broken, 3, nil},
		{"N07", []step{raw(200, "text/html", "<title>sign in</title>")}, "", graph.Broken, 2, nil},
		{"N08 nothing", []step{ok(``)}, "", graph.Broken, 3, nil},
		{"N08 {}", []step{ok(`{}`)}, "", graph.Broken, 3, nil},
		{"N08 null", []step{ok(`null`)}, "", graph.Broken, 3, nil},
		{"N08 []", []step{ok(`[]`)}, "", graph.Broken, 3, nil},
		{"N08 null value", []step{ok(`{"value":null}`)}, "", graph.Broken, 3, nil},
		{"N08 object value", []step{ok(`{"value":{}}`)}, "", graph.Broken, 3, nil},
		{"N08 row is no object", []step{ok(`{"value":["a"]}`)}, "", graph.Broken, 3, nil},
		{"N09", []step{ok(`{"error":{"code":"x"},"value":[]}`)}, "", graph.Broken, 3, nil},
		{"N10 204", []step{raw(204, "application/json", "")}, "", graph.Broken, 3, nil},
		{"N10 206", []step{raw(206, "application/json", `{"value":[]}`)}, "", graph.Broken, 3, nil},
		{"N10 202", []step{raw(202, "application/json", `{"value":[]}`)}, "", graph.Broken, 3, nil},
		{"N11 gzip", []step{gzipped(squeeze(`{"value":[{"id":"a"},{"id":"b"}]}`))}, "a b", "", 1, nil},
		{"N11 corrupt", []step{gzipped(corrupt(squeeze(`{"value":[]}`)))}, "", graph.Broken, 8, nil},
		{"N11 bomb", []step{gzipped(bytes.Repeat(squeeze(strings.Repeat(" ", 1<<20)), 65))}, "", graph.Broken, 1, nil},
		{"N11 br", []step{raw(200, "application/json", "x", "Content-Encoding", "br")}, "", graph.Broken, 3, nil},
		{"N12 mark", []step{ok("\ufeff" + `{"value":[{"id":"a"}]}`)}, "a", "", 1, nil},
		{"N12 UTF-16", []step{ok("\xff\xfe{\x00}\x00")}, "", graph.Broken, 3, nil},
		{"N12 charset", []step{raw(200, "application/json;charset=utf-16", `{"value":[]}`)}, "", graph.Broken, 3, nil},
		{"N12 text", []step{ok(`{"value":[{"id":"a","n":"\ud800\u0000` + "\xff" + `"}]}`)}, "a", "", 1, nil},
		{"N13 nesting", []step{ok(`{"value":[{"id":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}]}`)}, "", graph.Broken, 3, nil},
		{"N13 nesting below json's limit", []step{ok(`{"value":[{"x":` + strings.Repeat("[", 900) + strings.Repeat("]", 900) + `}]}`)}, "", graph.Broken, 3, nil},
		{"N12 an id with bytes of no text", []step{ok(`{"value":[{"id":"a` + "\xff" + `"}]}`)}, "", graph.Broken, 3, nil},
		{"N12 an id of half a character", []step{ok(`{"value":[{"id":"a","principalId":"b\ud800"}]}`)}, "", graph.Broken, 3, nil},
		{"N12 an id with an escape", []step{ok(`{"value":[{"id":"a\u0062"}]}`)}, "ab", "", 1, nil},
		{"N13 number", []step{ok(`{"value":[{"id":"a","n":1e999}]}`)}, "a", "", 1, nil},
		{"N13 id twice", []step{ok(`{"value":[{"id":"a","\u0069d":"b"}]}`)}, "", graph.Broken, 3, nil},
		{"N13 inner id twice", []step{ok(`{"value":[{"id":"a","principal":{"id":"b","ID":"c"}}]}`)}, "", graph.Broken, 3, nil},
		{"N13 id in capitals", []step{ok(`{"value":[{"Id":"a"}]}`)}, "", graph.Broken, 3, nil},
		{"N13 nextLink twice", []step{ok(`{"value":[],"@odata.nextLink":"http://x/","@odata.nextLink":""}`)}, "", graph.Broken, 3, nil},
		{"N13 nextLink in capitals", []step{ok(`{"value":[],"@odata.NextLink":"http://x/"}`)}, "", graph.Broken, 3, nil},
		{"N13 value in capitals", []step{ok(`{"Value":[]}`)}, "", graph.Broken, 3, nil},
		{"N13 other key twice", []step{ok(`{"value":[{"id":"a","homeTenantId":"x","homeTenantId":"y"}]}`)}, "a", "", 1, nil},
		{"N13 a list cut within a row", []step{ok(`{"value":[{"id":"a","members@odata.nextLink":"http://x/"}]}`)}, "", graph.Broken, 3, nil},
		{"N16 same origin", []step{redirect(307, "/v1.0/Groups?r=1&%24select=id"), whole}, "a b", "", 2, nil},
		{"N16 circle", []step{redirect(302, groups+"&r=1")}, "", graph.Refused, 4, nil},
		{"N16 without what was asked", []step{redirect(307, "/v1.0/groups?r=1")}, "", graph.Refused, 1, nil},
		{"N16 another path", []step{redirect(307, "/v1.0/users?$select=id")}, "", graph.Refused, 1, nil},
		{"N16 scheme", []step{redirect(301, "https://{host}/v1.0/groups")}, "", graph.Refused, 1, nil},
		{"N16 without Location", []step{raw(304, "application/json", "")}, "", graph.Refused, 1, nil},
		{"N20", []step{ok(`{"@odata.context":"https://graph.microsoft.com/v1.0/22222222-2222-2222-2222-222222222222/$metadata#groups","value":[]}`)}, "", graph.Refused, 1, nil},

		{"A01", []step{fail(401, "InvalidAuthenticationToken", "expired"), whole}, "a b", "", 2, nil},
		{"A01 again", []step{fail(401, "InvalidAuthenticationToken", "expired")}, "", graph.Unauthorized, 2, nil},
		{"A05", []step{fail(403, "Authorization_RequestDenied", "Insufficient privileges to complete the operation.")}, "", graph.NotPermitted, 1, nil},
		{"A06 code", []step{fail(400, "AadPremiumLicenseRequired", "")}, "", graph.NotLicensed, 1, nil},
		{"A06 reports", []step{fail(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", "Neither tenant is B2C or tenant doesn't have premium license")}, "", graph.NotLicensed, 1, nil},
		{"A06 text", []step{fail(403, "Forbidden", "The tenant needs to have Microsoft Entra ID P2 or Microsoft Entra ID Governance license.")}, "", graph.NotLicensed, 1, nil},
		{"A06 not bought", []step{fail(403, "Forbidden", "Your tenant is not licensed for this feature.")}, "", graph.NotLicensed, 1, nil},
		{"A10 no consent", []step{fail(403, "Authorization_IdentityNotFound", "The identity of the calling application could not be established.")}, "", graph.NoConsent, 1, nil},
		{"C10", []step{fail(404, "Request_ResourceNotFound", "")}, "", graph.NotFound, 1, nil},

		{"P01", []step{rows(link("2")), rows(link("3"), "a"), rows("", "b")}, "a b", "", 3, nil},
		{"P02", []step{rows(link("2"), "a", "b"), rows("")}, "a b", "", 2, nil},
		{"P03 empty", []step{ok(`{"value":[{"id":"a"}],"@odata.nextLink":""}`)}, "a", "", 1, nil},
		{"P03 null", []step{ok(`{"value":[{"id":"a"}],"@odata.nextLink":null}`)}, "a", "", 1, nil},
		{"P03 number", []step{ok(`{"value":[],"@odata.nextLink":7}`)}, "", graph.Broken, 3, nil},
		{"P03 relative", []step{rows("/v1.0/groups?$skiptoken=2")}, "", graph.Broken, 1, nil},
		{"P03 spaces", []step{rows("http://{host}/v1.0/groups?$filter=a eq b")}, "", graph.Broken, 1, nil},
		{"P03 no URL", []step{rows("soon")}, "", graph.Broken, 1, nil},
		{"P04 scheme", []step{rows("https://{host}/v1.0/groups?x")}, "", graph.Refused, 1, nil},
		{"P04 port", []step{rows("http://127.0.0.1:1/v1.0/groups?x")}, "", graph.Refused, 1, nil},
		{"P04 suffix", []step{rows("http://{host}.evil.example/v1.0/groups?x")}, "", graph.Broken, 1, nil},
		{"P04 user", []step{rows("http://{host}@evil.example/v1.0/groups?x")}, "", graph.Refused, 1, nil},
		{"P04 look-alike", []step{rows("http://127.0.0.①/v1.0/groups?x")}, "", graph.Broken, 1, nil},
		{"P05 path", []step{rows("http://{host}/v1.0/users?x")}, "", graph.Refused, 1, nil},
		{"P05 version", []step{rows("http://{host}/beta/groups?x")}, "", graph.Refused, 1, nil},
		{"P05 dots", []step{rows("http://{host}/v1.0/groups/../users?x")}, "", graph.Refused, 1, nil},
		{"P06 circle", []step{rows(link("2"), "a"), rows(link("3"), "b"), rows(link("2"), "c")}, "a b c", graph.Broken, 3, nil},
		{"P06 itself", []step{rows("http://{host}"+groups, "a")}, "a", graph.Broken, 1, nil},
		{"P07 twice", []step{rows(link("2"), "a", "b"), rows("", "b"), rows(link("2"), "a", "b"), rows("", "b")}, "a b", "", 4, nil},
		{"P08, P09 moved", []step{rows(link("2"), "a", "b"), rows("", "b"), rows(link("2"), "a", "b"), rows("", "c")}, "a b c", "", 4, nil},
		{"P10", []step{rows(link("2"), "z"), fail(400, "Directory_ExpiredPageToken", ""), rows(link("3"), "a"), rows("", "b")}, "a b", "", 4, nil},
		{"P10 gone", []step{rows(link("2"), "z"), fail(410, "x", ""), whole}, "a b", "", 3, nil},
		{"P10 ever", []step{rows(link("2"), "a"), fail(410, "x", ""), rows(link("2"), "a"), fail(410, "x", ""), rows(link("2"), "a"), fail(410, "x", ""), whole}, "a", graph.Rejected, 6, nil},
		{"P10 read twice again", []step{rows(link("2"), "a", "b"), rows("", "b"), rows(link("2"), "a", "b"), fail(410, "x", ""), // the second reading breaks off
			rows(link("2"), "a", "b"), rows("", "b"), rows(link("2"), "a", "b"), rows("", "c")}, "a b c", "", 8, nil},
		{"P14", []step{whole}, "a b", "", 1, nil},
	} {
		t.Run(f.id, func(t *testing.T) {
			t.Parallel()
			s := serve(t, f.steps...)
			got, counted, err := counted(t.Context(), s.client(t), groups)
			var e *graph.Error
			switch {
			case f.err == "" && err != nil:
				t.Fatal(err)
			case f.err != "" && (!errors.As(err, &e) || e.Reason != f.err):
				t.Fatalf("error is %v, want %s", err, f.err)
			case f.err != "" && (e.Path != groups || strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), "$")):
				t.Errorf("error says %+v, %v", e, err)
			}
			if got != f.rows {
				t.Errorf("rows are %q, want %q", got, f.rows)
			}
			if n := len(s.requests()); n != f.calls || n != counted {
				t.Errorf("%d requests, of which %d are counted, want %d", n, counted, f.calls)
			}
			for i, least := range f.gaps {
				if gap := s.gaps()[i]; gap < least || gap > least+max(2, least) {
					t.Errorf("waits are %v, want about %v", s.gaps(), f.gaps)
					break
				}
			}
			for _, r := range s.requests() {
				if r.method != http.MethodGet || r.auth != "Bearer "+canary {
					t.Errorf("request was %+v", r)
				}
			}
		})
	}
}

// TestEvilServer (N16, P04, threat 30): links and redirects to another server
// leave it without any request.
func TestEvilServer(t *testing.T) {
	evil := serve(t, rows("", "evil"))
	_, port, _ := strings.Cut(strings.TrimPrefix(evil.URL, "http://"), ":")
	for _, to := range []string{
		evil.URL + "/v1.0/groups?x",
		"http://localhost:" + port + "/v1.0/groups?x",
		"http://{host}@127.0.0.1:" + port + "/v1.0/groups?x",
		"//127.0.0.1:" + port + "/v1.0/groups?x",
		"http:127.0.0.1:" + port + "/v1.0/groups?x",
		`http://{host}\@127.0.0.1:` + port + "/v1.0/groups?x",
	} {
		for _, first := range []step{rows(to, "a"), redirect(302, to), redirect(307, to)} {
			s := serve(t, first, raw(404, "application/json", "{}"))
			if _, err := list(t.Context(), s.client(t), groups); err == nil {
				t.Errorf("%s was followed", to)
			}
		}
	}
	if got := evil.requests(); len(got) != 0 {
		t.Errorf("the other server saw %+v", got)
	}
}

// P04: the host may be written in capitals. P15: the token's bytes stay. P11: the
// header of an advanced query is on each page.
func TestNextLinkBytes(t *testing.T) {
	token := "A%2fb%2B+c%7e'(" + strings.Repeat("x", 8<<10)
	s := serve(t,
		func(w http.ResponseWriter, r *http.Request) {
			rows("http://LOCALHOST:"+r.Host[strings.LastIndex(r.Host, ":")+1:]+"/v1.0/groups?$count=true&$skiptoken="+token, "a")(w, r)
		}, rows("", "b"))
	s.URL = strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	got, err := list(t.Context(), s.client(t), "/v1.0/groups?%24count=true")
	if err != nil || got != "a b" {
		t.Fatal(got, err)
	}
	r := s.requests()
	if want := "/v1.0/groups?$count=true&$skiptoken=" + token; r[1].uri != want {
		t.Errorf("asked %s", r[1].uri)
	}
	if r[0].consistency != "eventual" || r[1].consistency != "eventual" {
		t.Errorf("ConsistencyLevel was %q, %q", r[0].consistency, r[1].consistency)
	}
}

// P12: the number announced is a hint within 1 %, after a second reading.
func TestCount(t *testing.T) {
	for announced, complete := range map[int]bool{200: true, 201: true, 203: false, 190: false} {
		var all []string
		for i := range 200 {
			all = append(all, fmt.Sprintf(`{"id":"%d"}`, i))
		}
		s := serve(t, ok(fmt.Sprintf(`{"@odata.count":%d,"value":[%s]}`, announced, strings.Join(all, ","))))
		_, err := list(t.Context(), s.client(t), "/v1.0/groups?$count=true")
		if (err == nil) != complete {
			t.Errorf("200 rows of %d announced: %v", announced, err)
		}
		if n := len(s.requests()); n != 1 && announced == 200 || n != 2 && announced != 200 {
			t.Errorf("200 rows of %d announced: read %d times", announced, n)
		}
	}
}

// P13: a page size the server refuses is dropped once.
func TestTopRefused(t *testing.T) {
	s := serve(t, fail(400, "BadRequest", "The limit of '999' for Top query has been exceeded"), rows("", "a"))
	got, err := list(t.Context(), s.client(t), "/v1.0/groups?$top=999&$select=id")
	if r := s.requests(); err != nil || got != "a" || len(r) != 2 || r[1].uri != "/v1.0/groups?$select=id" {
		t.Error(got, err, r)
	}
}

// P06: a list of ever new pages ends at the cap.
func TestPageCap(t *testing.T) {
	n := 0
	s := serve(t, func(w http.ResponseWriter, r *http.Request) { n++; rows(link(fmt.Sprint(n)), fmt.Sprint(n))(w, r) })
	_, err := list(t.Context(), s.client(t, func(o *graph.Options) { o.Limits.Pages = 5 }), groups)
	if err == nil || len(s.requests()) != 5 {
		t.Error(err, len(s.requests()))
	}
}

// T13, T14: a server that stalls before or within its answer loses the try.
func TestStall(t *testing.T) {
	hang := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	half := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"value":[`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	s := serve(t, hang, half, rows("", "a"))
	got, err := list(t.Context(), s.client(t, func(o *graph.Options) { o.Limits.Stall = 50 * time.Millisecond }), groups)
	if err != nil || got != "a" {
		t.Error(got, err)
	}
	s = serve(t, func(w http.ResponseWriter, r *http.Request) { // ever a byte more
		w.Header().Set("Content-Type", "application/json")
		for r.Context().Err() == nil {
			fmt.Fprint(w, " ")
			w.(http.Flusher).Flush()
		}
	})
	_, err = list(t.Context(), s.client(t, func(o *graph.Options) { o.Limits.Answer, o.Limits.Tries = 100*time.Millisecond, 2 }), groups)
	var e *graph.Error
	if !errors.As(err, &e) || e.Reason != graph.Broken {
		t.Error(err)
	}
}

// N17: a certificate nobody vouches for, one for another host, one that has expired
// and TLS 1.1 end it at the first try, before any request.
func TestTLS(t *testing.T) {
	for _, c := range []struct {
		name, want string
		change     func(server, client *tls.Config)
	}{
		{"nobody vouches", "x509: certificate signed by unknown authority", func(_, client *tls.Config) { client.RootCAs = x509.NewCertPool() }},
		{"another host", "x509: certificate is valid for", func(_, client *tls.Config) { client.ServerName = "graph.example" }},
		{"expired", "x509: certificate has expired", func(_, client *tls.Config) {
			client.Time = func() time.Time { return time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC) }
		}},
		{"TLS 1.1", "protocol version", func(server, _ *tls.Config) { server.MinVersion, server.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }},
		{"as it should be", "", func(_, _ *tls.Config) {}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var hits atomic.Int64
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { hits.Add(1); rows("", "a")(w, r) }))
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.TLS = &tls.Config{}
			s.StartTLS()
			defer s.Close()
			transport := graph.SafeTransport() // as the program has it, but for whom it trusts
			transport.TLSClientConfig.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			c.change(s.TLS, transport.TLSClientConfig)
			client := serve(t, nil).client(t, func(o *graph.Options) { o.Endpoints.Graph, o.HTTP = s.URL, &http.Client{Transport: transport} })
			_, err := list(t.Context(), client, groups)
			var e *graph.Error
			if c.want == "" && (err != nil || hits.Load() != 1) || c.want != "" && (!errors.As(err, &e) || e.Attempts != 1 || e.Reason != graph.Untrusted || !strings.Contains(e.Message, c.want) || hits.Load() != 0) {
				t.Errorf("%v, %d requests", err, hits.Load())
			}
		})
	}
}

// N15: over HTTP/2 the server says that it goes away, closes between pages, and
// breaks off within an answer. The list is whole in the end.
func TestHTTP2(t *testing.T) {
	var s *httptest.Server
	var n atomic.Int64
	page := func(w http.ResponseWriter, next, id string) {
		if next != "" {
			next = `,"@odata.nextLink":"` + s.URL + "/v1.0/groups?$select=id&$skiptoken=" + next + `"`
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"value":[{"id":%q}]%s}`, id, next)
	}
	s = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("asked over %s", r.Proto)
		}
		token := r.URL.Query().Get("$skiptoken")
		switch n.Add(1) {
		case 1: // GoAway: this answer is the connection's last
			w.Header().Set("Connection", "close")
			page(w, "2", "a")
		case 2: // the stream is reset within the answer
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"value":[{"id":"z"}`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case 3:
			page(w, "3", "b")
			go s.CloseClientConnections() // at any moment
		default:
			page(w, map[string]string{"2": "3"}[token], map[string]string{"2": "b", "3": "c"}[token])
		}
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.EnableHTTP2 = true
	s.StartTLS()
	defer s.Close()
	got, err := list(t.Context(), serve(t, nil).client(t, func(o *graph.Options) { o.Endpoints.Graph, o.HTTP = s.URL, s.Client() }), groups)
	if err != nil || got != "a b c" || n.Load() < 4 {
		t.Errorf("%q, %v after %d requests", got, err, n.Load())
	}
}

// N18: a name that does not resolve for two minutes.
func TestLookupFails(t *testing.T) {
	s := serve(t, rows("", "a"))
	until := start.Add(2 * time.Minute)
	c := s.client(t, func(o *graph.Options) {
		o.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if s.clock.Now().Before(until) {
				return nil, errors.New("lookup graph.example: server misbehaving")
			}
			return http.DefaultTransport.RoundTrip(r)
		})}
	})
	if got, err := list(t.Context(), c, groups); err != nil || got != "a" {
		t.Error(got, err)
	}
}

// N19: a proxy that wants a password is named, its own address is not.
func TestProxyRefuses(t *testing.T) {
	proxy := serve(t, raw(407, "text/html", ""))
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = func(*http.Request) (*url.URL, error) {
		return url.Parse("http://user:" + canary + "@" + proxy.Listener.Addr().String())
	}
	c := proxy.client(t, func(o *graph.Options) {
		o.Endpoints.Graph, o.HTTP = "https://graph.example", &http.Client{Transport: transport}
	})
	_, err := list(t.Context(), c, groups)
	if err == nil || !strings.Contains(strings.ToLower(err.Error()), "proxy") || strings.Contains(err.Error(), canary) {
		t.Error(err)
	}
}

// The wait ends with the context, at once.
func TestCancelWhileWaiting(t *testing.T) {
	for _, first := range []step{fail(429, "x", "", "Retry-After", "600"), fail(503, "x", "", "Retry-After", "600")} {
		s := serve(t, first)
		ctx, cancel := context.WithCancel(t.Context())
		c := s.client(t, func(o *graph.Options) { o.OnWait = func(string, time.Duration) { cancel() } })
		_, err := list(ctx, c, groups)
		if !errors.Is(err, context.Canceled) || len(s.requests()) != 1 {
			t.Error(err, len(s.requests()))
		}
	}
}

// The callback's error ends the list and comes back as it is.
func TestCallbackError(t *testing.T) {
	mine := errors.New("disk full")
	s := serve(t, rows(link("2"), "a"))
	err := s.client(t).EachPage(t.Context(), groups, func(graph.Page) error { return mine })
	if err != mine || len(s.requests()) != 1 {
		t.Error(err)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestPage(t *testing.T) {
	var pages [2][]graph.Page
	for i := range pages { // two servers, two ports, other skip tokens
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			ok(fmt.Sprintf(`{"@odata.context":"http://%[1]s/v1.0/$metadata#groups","value":[ {"id": "a", "members@odata.context":"http://%[1]s/v1.0/$metadata"} ],
				"@odata.nextLink":"http://%[1]s/v1.0/groups?$skiptoken=%[2]d"}`, r.Host, i))(w, r)
		}, ok(`{"value":[{"id":"b"}]}`))
		err := s.client(t).EachPage(t.Context(), groups, func(p graph.Page) error { pages[i] = append(pages[i], p); return nil })
		if err != nil || len(pages[i]) != 2 {
			t.Fatal(err)
		}
	}
	for n := range 2 {
		a, b := pages[0][n], pages[1][n]
		if a.Path != groups || a.Number != n+1 || a.Requests != 1 || a.Status != 200 {
			t.Errorf("page is %+v", a)
		}
		if a.SHA256 != b.SHA256 {
			t.Error("the server's address reaches the digest")
		}
	}
	if !slices.Equal(pages[0][1].Rows[0], []byte(`{"id":"b"}`)) {
		t.Errorf("row is %s", pages[0][1].Rows[0])
	}
	// printf '{"id":"b"}\n' | sha256sum
	if got := fmt.Sprintf("%x", pages[0][1].SHA256); got != "d8c17576c06ebc22e45cadb30754c14a92b8cd77103981e198487c074467e432" {
		t.Error(got)
	}
}

func TestGet(t *testing.T) {
	s := serve(t, ok(`{"id": "a"}`), ok(`{}`), ok(`{}`), ok(`{}`), ok(`{"value":[],"@odata.nextLink":"http://x/"}`))
	c := s.client(t)
	p, err := c.Get(t.Context(), "/v1.0/groups/a")
	if err != nil || len(p.Rows) != 1 || string(p.Rows[0]) != `{"id":"a"}` {
		t.Error(p, err)
	}
	for _, why := range []string{"empty object", "the beginning of a list"} {
		if _, err := c.Get(t.Context(), "/v1.0/groups/a"); err == nil {
			t.Errorf("%s was taken", why)
		}
	}
}

func TestPathRefused(t *testing.T) {
	s := serve(t, rows("", "a"))
	c := s.client(t)
	for _, path := range []string{"", "/", "groups", "/v2.0/groups", "//evil.example/v1.0/", "http://evil.example/v1.0/x", "/v1.0/a b", "/v1.0/a?$filter=b eq c",
		"/v1.0/../beta/x", "/v1.0//x", "/v1.0/x#y", "/v1.0/x\r\nHost: y", `/v1.0/\evil`, "/v1.0/%zz", "/v1.0/ü", "@evil.example/v1.0/x"} {
		_, err := c.Get(t.Context(), path)
		if err2 := c.EachPage(t.Context(), path, nil); err == nil || err2 == nil {
			t.Errorf("path %q was asked", path)
		}
	}
	if len(s.requests()) != 0 {
		t.Error(s.requests())
	}
}
