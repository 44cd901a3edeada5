package graph

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// Promise 1, the second lock: were the client ever to make another request, the
// transport refuses it.
func TestReadOnlyTransport(t *testing.T) {
	base, err := baseURL("https://graph.example")
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	guard := readOnly{base: base, batch: true, next: roundTrip(func(*http.Request) (*http.Response, error) { sent++; return &http.Response{}, nil })}
	for _, r := range []struct {
		method, url string
		good        bool
	}{
		{"GET", "https://graph.example/v1.0/users", true}, {"POST", "https://graph.example/v1.0/$batch", true}, {"POST", "https://graph.example/beta/$batch", true},
		{"GET", "https://graph.example:443/v1.0/users", true},
		{"POST", "https://graph.example/v1.0/users", false}, {"POST", "https://graph.example/v1.0/$batch/x", false},
		{"PATCH", "https://graph.example/v1.0/users", false}, {"PUT", "https://graph.example/v1.0/$batch", false},
		{"DELETE", "https://graph.example/v1.0/users", false}, {"HEAD", "https://graph.example/v1.0/users", false},
		{"GET", "http://graph.example/v1.0/users", false}, {"GET", "https://graph.example:444/v1.0/users", false}, {"GET", "https://evil.example/v1.0/users", false},
	} {
		req, err := http.NewRequest(r.method, r.url, nil)
		if err != nil {
			t.Fatal(err)
		}
		before := sent
		if _, err := guard.RoundTrip(req); (err == nil) != r.good || (sent > before) != r.good {
			t.Errorf("%s %s: %v", r.method, r.url, err)
		}
	}
	req, _ := http.NewRequest("GET", "https://graph.example/v1.0/users", strings.NewReader("x"))
	if _, err := guard.RoundTrip(req); err == nil {
		t.Error("a GET with a body left")
	}
	guard.batch = false
	req, _ = http.NewRequest("POST", "https://graph.example/v1.0/$batch", nil)
	if _, err := guard.RoundTrip(req); err == nil {
		t.Error("a batch left for a service without")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSafeTransport(t *testing.T) {
	if c := safeTransport().TLSClientConfig; c.MinVersion < 0x0303 || c.InsecureSkipVerify {
		t.Errorf("%+v", c)
	}
}

// The costs of Microsoft's table, with what $select and $expand change.
func TestResourceUnits(t *testing.T) {
	for path, units := range map[string]int{
		"/v1.0/groups/g/members": 3, "/v1.0/groups/g/members?$select=id&$top=999": 2, "/v1.0/groups/g/transitiveMembers": 5,
		"/v1.0/users": 2, "/v1.0/users?$select=id&$top=120": 1, "/v1.0/users?$select=id&$expand=manager($select=id)": 2,
		"/v1.0/subscribedSkus": 3, "/v1.0/groups/g?$select=id": 1, "/v1.0/users/u": 1, "/v1.0/identityGovernance/x?$expand=y": 2, "": 1,
	} {
		if got := resourceUnits(path); got != units {
			t.Errorf("%s costs %d, not %d", path, got, units)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"10", "2.128", "0", "-5", "0.5", "abc", "", "1e20", "NaN", "99999999", "999999999999999999", "Tue, 31 Mar 2026 10:00:20 GMT", "Tue, 31 Mar 9999 10:00:20 GMT"} {
		f.Add(s, "")
		f.Add(s, "Tue, 31 Mar 2026 10:00:00 GMT")
	}
	f.Fuzz(func(t *testing.T, text, date string) {
		wait := retryAfter(http.Header{"Retry-After": {text}, "Date": {date}}, time.Unix(1774947600, 0))
		if wait != 0 && wait < time.Second || wait+wait/20 < wait {
			t.Errorf("%q at %q waits %v", text, date, wait)
		}
	})
}

func FuzzNextLink(f *testing.F) {
	for _, s := range []string{"https://graph.example/v1.0/groups?x=1", "https://GRAPH.example/v1.0/groups?$skiptoken=%2f", "https://graph.example@evil.example/v1.0/groups",
		"https://graph.example.evil.example/v1.0/groups", "//evil.example/v1.0/groups", "https:/v1.0/groups", "https://graph.example:443/v1.0/groups", "https://graph.example/v1%2e0/groups",
		`https://graph.example\@evil.example/v1.0/groups`, "https://graph.example/v1.0/groups#x", "https://graph.example/v1.0/../v1.0/groups"} {
		f.Add(s)
	}
	base, err := baseURL("https://graph.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, link string) {
		rest, fault := checkNext(base, "/v1.0/groups?$select=id", link)
		if fault != nil {
			return
		}
		u, err := url.Parse(base.String() + rest) // as the request does
		if err != nil || u.Scheme != "https" || u.Host != "graph.example" || u.User != nil || !strings.EqualFold(u.Path, "/v1.0/groups") || u.Fragment != "" {
			t.Errorf("%q leads to %v, %v", link, u, err)
		}
		if !strings.HasSuffix(link, rest) {
			t.Errorf("%q became %q", link, rest)
		}
	})
}

// FuzzLinks: wherever Partner Center's links lead, it is the list asked for, and
// the token fits into a header.
func FuzzLinks(f *testing.F) {
	for _, s := range []string{`{"links":{"next":{"uri":"/customers?size=40&seekOperation=Next","method":"GET","headers":[{"key":"MS-ContinuationToken","value":"a"}]}}}`,
		`{"links":{"next":null}}`, `{"links":{}}`, `{"links":{"next":{"uri":"https://partner.example/v1/customers"}}}`, `{"links":{"next":{"headers":[1]}}}`} {
		f.Add([]byte(s))
	}
	base, err := baseURL("https://partner.example")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		whole, fault := compact(body)
		if fault != nil {
			return
		}
		all, err := members(whole)
		if err != nil {
			return
		}
		next, fault := nextUnderLinks(base, "/v1/customers?size=40", all)
		if fault != nil || next == (cursor{}) {
			return
		}
		u, err := url.Parse(base.String() + next.url)
		if err != nil || u.Host != "partner.example" || !strings.EqualFold(u.Path, "/v1/customers") || strings.ContainsAny(next.token, "\r\n") {
			t.Errorf("%s leads to %v, %q", whole, u, next.token)
		}
	})
}

// FuzzJSON holds the splitter against encoding/json.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"value":[{"id":"a"}]}`, `{}`, `[]`, `{"a\"":[1,{"b":"\\"}],"c":null}`, "\ufeff{}", `{"id":"a","ID":"b"}`, `{"a":[[],{}],"b":""}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		whole, fault := compact(body)
		if fault != nil {
			return
		}
		_, _ = checkRow(whole) // must not panic
		all, err := members(whole)
		if err != nil {
			return
		}
		want := map[string]json.RawMessage{}
		if err := json.Unmarshal(whole, &want); err != nil {
			t.Fatal(err)
		}
		got := map[string]json.RawMessage{}
		for _, m := range all {
			var key string // as json reads it, broken surrogates included
			quoted, _ := json.Marshal(m.key)
			if err := json.Unmarshal(quoted, &key); err != nil {
				t.Fatal(err)
			}
			got[key] = m.value
			if m.value[0] == '[' {
				var list []json.RawMessage
				if err := json.Unmarshal(m.value, &list); err != nil || len(list) != len(elements(m.value)) {
					t.Errorf("%s splits into %d, not %d", m.value, len(elements(m.value)), len(list))
				}
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d members, not %d", whole, len(got), len(want))
		}
		for k, v := range want {
			if !bytes.Equal(got[k], v) {
				t.Errorf("%s: %q is %s, not %s", whole, k, got[k], v)
			}
		}
	})
}

// A part that is missing in the answer to a batch has the status of that.
func TestMissingPart(t *testing.T) {
	replies := make([]reply, 2)
	a := answer{status: 200, header: http.Header{}, body: []byte(`{"responses":[{"id":"1","status":200,"body":{"value":[]}}]}`)}
	if fault := readBatch(a, replies); fault != nil {
		t.Fatal(fault)
	}
	if e := asError(replies[0].err); e.Status != 200 || e.Reason != Broken || replies[1].answer.status != 200 {
		t.Errorf("%+v, %+v", e, replies[1])
	}
}
