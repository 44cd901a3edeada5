package collectors_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"countersign/collectors/snapshot"
)

// page changes a page of the list: its rows and its nextLink.
func page(change func(rows []json.RawMessage, next *any, host string) []json.RawMessage) step {
	return alters(func(r *http.Request, _ http.Header, body string) string {
		var rows []json.RawMessage
		all := map[string]json.RawMessage{}
		var next any
		if err := json.Unmarshal([]byte(body), &all); err != nil {
			panic(err)
		}
		if err := json.Unmarshal(all["value"], &rows); err != nil {
			panic(err)
		}
		if link, ok := all["@odata.nextLink"]; ok {
			_ = json.Unmarshal(link, &next) // a string
		}
		rows = change(rows, &next, "http://"+r.Host)
		all["value"], _ = json.Marshal(rows)
		delete(all, "@odata.nextLink")
		if next != nil {
			all["@odata.nextLink"], _ = json.Marshal(next)
		}
		changed, _ := json.Marshal(all)
		return string(changed)
	})
}

// linking answers an honest page with another nextLink; {host} is the server.
func linking(to any) step {
	return page(func(rows []json.RawMessage, next *any, host string) []json.RawMessage {
		*next = to
		if text, ok := to.(string); ok {
			*next = strings.ReplaceAll(text, "{host}", strings.TrimPrefix(host, "http://"))
		}
		return rows
	})
}

// skipping is the link to the rows from an offset on.
func skipping(offset int) string {
	return "http://{host}" + gdap + "?$top=300&$skiptoken=" + base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d@%d", offset, now.UnixNano()))
}

const remarked = "the list moved while it was read"

var pagingRows = []faultRow{
	{"P01", "a first page without rows that leads on", "it is followed", inList(ending{}, page(func(_ []json.RawMessage, next *any, host string) []json.RawMessage {
		*next = strings.ReplaceAll(skipping(0), "{host}", strings.TrimPrefix(host, "http://"))
		return []json.RawMessage{}
	}))},
	{"P02", "a last page without rows", "the list is whole", inList(ending{}, always(page(func(rows []json.RawMessage, next *any, host string) []json.RawMessage {
		if *next == nil && len(rows) > 0 {
			*next = strings.ReplaceAll(skipping(1000), "{host}", strings.TrimPrefix(host, "http://"))
		}
		return rows
	}))...)},
	{"P03", "a nextLink that is empty or null; a number, a path, with spaces, no URL", "the first two are the end, the others are errors", all(
		forEach(ending{requests: 1, facts: fewer}, map[string]step{"empty": linking(""), "null": linking(json.RawMessage("null"))}),
		inList(ending{state: snapshot.Failed, reason: "200"}, always(linking(7))...),
		forEach(ending{state: snapshot.Failed, reason: "broken: 200: its nextLink is not", requests: 1}, map[string]step{"path": linking(gdap + "?$skiptoken=x"), "spaces": linking("http://{host}" + gdap + "?$filter=a eq b"), "no URL": linking("soon")}))},
	{"P04", "a nextLink to another host, scheme, port, user or look-alike", "refused, and nothing is sent there; capitals are no matter", all(
		proven("graph", "TestNextLinkBytes", "LOCALHOST"), proven("graph", "TestEvilServer", "{host}@127.0.0.1"),
		forEach(ending{state: snapshot.Failed, reason: "its nextLink", requests: 1}, map[string]step{"host": linking("http://graph.evil.example" + gdap), "scheme": linking("https://{host}" + gdap), "port": linking("http://127.0.0.1:1" + gdap),
			"suffix": linking("http://{host}.evil.example" + gdap), "user": linking("http://{host}@evil.example" + gdap), "look-alike": linking("http://127.0.0.①" + gdap)}))},
	{"P05", "a nextLink to another path or version", "refused", forEach(ending{state: snapshot.Failed, reason: "refused: 200: its nextLink leads to another path", requests: 1},
		map[string]step{"path": linking("http://{host}/v1.0/users?x"), "version": linking("http://{host}/beta/tenantRelationships/delegatedAdminRelationships?x")})},
	{"P06", "links in a circle, a page that leads to itself, pages without end", "it ends, and is not called whole", all(
		inList(ending{state: snapshot.Partial, reason: "leads in a circle", requests: 1}, linking("http://{host}"+gdap+"?$top=300")),
		inList(ending{state: snapshot.Partial, reason: "page 3: 200: its nextLink leads in a circle", requests: 3}, linking(skipping(3)), linking(skipping(6)), linking(skipping(3))),
		proven("graph", "TestPageCap", "o.Limits.Pages = 5"))},
	{"P07", "a row on two pages", "it is kept once and counted, the list is read a second time", func(t *testing.T) {
		var kept json.RawMessage
		doubles := []step{page(func(rows []json.RawMessage, _ *any, _ string) []json.RawMessage { kept = rows[0]; return rows }),
			page(func(rows []json.RawMessage, _ *any, _ string) []json.RawMessage { return append(rows, kept) })}
		r := spoiled(t, gdap, onlyRelationships, doubles...)
		result := r.run()
		expectState(t, result, snapshot.Relationships, snapshot.Complete, remarked)
		if rows := relationshipFacts(t, r.options.Store, result); !slices.Equal(rows, honestly()(t)) {
			t.Errorf("relationships are %q", rows)
		}
		expectConserved(t, r.options.Store, result.Snapshot)
	}},
	{"P08", "a row on two pages with different content", "the last one counts, and the coverage says that the list moved", func(t *testing.T) {
		var kept json.RawMessage
		first := page(func(rows []json.RawMessage, _ *any, _ string) []json.RawMessage { kept = rows[0]; return rows })
		last := page(func(rows []json.RawMessage, next *any, _ string) []json.RawMessage {
			if *next == nil {
				rows = append(rows, displayNameOf(kept, "renamed while it was read"))
			}
			return rows
		})
		pages := len(honestPages(t))
		reading := append([]step{first}, slices.Repeat([]step{last}, pages-1)...)
		inList(ending{reason: remarked, requests: 2 * pages, facts: func(t *testing.T, rows, honest []string) {
			renamed := 0
			for _, row := range rows {
				if strings.Contains(row, "renamed while it was read") {
					renamed++
				}
			}
			if len(rows) != len(honest) || renamed != 1 {
				t.Errorf("%d of %d facts carry the last name", renamed, len(rows))
			}
		}}, append(reading, reading...)...)(t)
	}},
	{"P09", "rows change places while the list is read: one comes twice, one not at all", "a second reading brings what the first one missed; both are kept", func(t *testing.T) {
		var kept json.RawMessage
		inList(ending{reason: remarked, requests: 2 * len(honestPages(t))}, page(func(rows []json.RawMessage, _ *any, _ string) []json.RawMessage {
			kept = rows[len(rows)-1]
			return rows
		}),
			page(func(rows []json.RawMessage, _ *any, _ string) []json.RawMessage { rows[0] = kept; return rows }))(t)
	}},
	{"P10", "a page token that expires", "the list begins anew, twice; then it is partial", all(
		inList(ending{}, after(1, refuses(400, "Directory_ExpiredPageToken"))...), inList(ending{}, after(1, refuses(410, "x"))...),
		inList(ending{state: snapshot.Partial, reason: "page 2: 410"}, slices.Repeat(after(1, refuses(410, "x")), 5)...))},
	{"P11", "a service that wants the header of an advanced query on each page", "it is there", proven("graph", "TestNextLinkBytes", "consistency")},
	{"P12", "120 rows announced, 118 come", "within 1 % after a second reading it is a hint, beyond it the list is not whole", proven("graph", "TestCount", "announced")},
	{"P13", "a page size that is refused", "asked once more without it", func(t *testing.T) {
		r := spoiled(t, gdap, onlyRelationships, refuses(400, "BadRequest"))
		expectState(t, r.run(), snapshot.Relationships, snapshot.Complete, "")
		if len(r.asked) < 2 || !strings.Contains(r.asked[0].uri, "top=300") || strings.Contains(r.asked[1].uri, "top=") {
			t.Errorf("asked %v", r.asked)
		}
	}},
	{"P14", "a list that comes on one page, without a link", "it is whole", proven("graph", "TestFaults", `{"P14"`)},
	{"P15", "a page token of 8 KB", "it is sent back byte by byte", proven("graph", "TestNextLinkBytes", "8<<10")},
	{"P16", "a process killed after the first page", "nothing of the half list is seen; the next run begins that part again", all(proven(".", "TestKill", "request", "part"), proven(".", "TestInterruptedAtAnyRequest", "was asked again"))},
}

func displayNameOf(row json.RawMessage, name string) json.RawMessage {
	return json.RawMessage(displayName.ReplaceAllLiteralString(string(row), `"displayName":"`+name+`"`))
}

// honestPages are the requests an honest list takes.
func honestPages(t *testing.T) []asked {
	r := spoiled(t, gdap, onlyRelationships)
	r.run()
	return r.asked
}

// fewer: the server said that there is no more, so what came is the list.
func fewer(t *testing.T, rows, honest []string) {
	if len(rows) == 0 || len(rows) >= len(honest) {
		t.Errorf("%d facts of %d", len(rows), len(honest))
	}
}
