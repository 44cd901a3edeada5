package collectors_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"countersign/collectors"
	"countersign/collectors/graph"
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
	{"P04", "a nextLink to another host, scheme, port, user or look-alike", "refused, and nothing is sent there; capitals are no matter", all( // the way leads to one server alone
		inList(ending{}, linking(strings.Replace(skipping(relationshipsOnPages), "{host}", strings.ToUpper(strings.TrimPrefix(inside, "http://")), 1))),
		forEach(ending{state: snapshot.Failed, reason: "its nextLink", requests: 1}, map[string]step{"host": linking("http://graph.evil.example" + gdap), "scheme": linking("https://{host}" + gdap), "port": linking("http://localhost:1" + gdap),
			"suffix": linking("http://{host}.evil.example" + gdap), "user": linking("http://{host}@evil.example" + gdap), "user of ours": linking("http://evil@{host}" + gdap), "back stroke": linking(`http://{host}\@evil.example` + gdap),
			"no scheme": linking("//evil.example" + gdap), "look-alike": linking("http://l\u043ecalhost:8080" + gdap)}))},
	{"P05", "a nextLink to another path or version", "refused", forEach(ending{state: snapshot.Failed, reason: "refused: 200: its nextLink leads to another path", requests: 1},
		map[string]step{"path": linking("http://{host}/v1.0/users?x"), "version": linking("http://{host}/beta/tenantRelationships/delegatedAdminRelationships?x")})},
	{"P06", "links in a circle, a page that leads to itself, pages without end", "it ends, and is not called whole", all(
		inList(ending{state: snapshot.Partial, reason: "leads in a circle", requests: 1}, linking("http://{host}"+gdap+"?$top=300")),
		inList(ending{state: snapshot.Partial, reason: "page 3: 200: its nextLink leads in a circle", requests: 3}, linking(skipping(3)), linking(skipping(6)), linking(skipping(3))),
		simulated(func(t *testing.T) {
			n := 100
			r := spoiled(t, gdap, onlyRelationships, slices.Repeat([]step{func(w http.ResponseWriter, r *http.Request, h http.Handler) {
				n++
				linking(skipping(n))(w, r, h)
			}}, 20)...)
			r.ask(func(o *graph.Options) { o.Limits.Pages = 5 })
			expectState(t, r.run(), snapshot.Relationships, snapshot.Partial, "page 5: 200: list has more than 5 pages")
			if len(r.asked) != 5 {
				t.Errorf("asked %d times", len(r.asked))
			}
		}))},
	{"P07", "a row on two pages", "it is kept once and counted, the list is read a second time", simulated(func(t *testing.T) {
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
	})},
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
	{"P11", "a service that wants the header of an advanced query on each page, alone and in a batch", "it is there", simulated(func(t *testing.T) {
		for _, batch := range []bool{false, true} {
			var counted atomic.Int64
			c := newCanned()
			c.page = 1
			wants := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.URL.RawQuery, "count=true") {
					counted.Add(1)
					if r.Header.Get("ConsistencyLevel") != "eventual" {
						refuses(400, "Request_UnsupportedQuery")(w, r, nil)
						return
					}
				}
				c.ServeHTTP(w, r)
			})
			client := clientOf(t, tenant, within(t, batched(wants)), func(o *graph.Options) { o.Batch = batch })
			paths := []string{"/v1.0/users?$count=true", "/v1.0/users?%24count=true&$top=999"}
			c.rows["/v1.0/users"] = []string{`{"id":"a"}`, `{"id":"b"}`, `{"id":"c"}`}
			client.Together(t.Context(), len(paths), func(ctx context.Context, i int) {
				if err := client.EachPage(ctx, paths[i], func(graph.Page) error { return nil }); err != nil {
					t.Errorf("batch %v: %v", batch, err)
				}
			})
			if counted.Load() != 6 {
				t.Errorf("batch %v: %d such requests, want three pages of two lists", batch, counted.Load())
			}
		}
	})},
	{"P12", "rows announced that do not come", "within 1 % after a second reading it is a hint, beyond it the list is not whole", simulated(func(t *testing.T) {
		for announced, whole := range map[int]bool{200: true, 202: true, 203: false, 197: false} {
			c := newCanned()
			for i := range 200 {
				c.rows[gdap] = append(c.rows[gdap], fmt.Sprintf(`{"id":"r%d"}`, i))
			}
			s := &spoiler{Handler: c, list: gdap}
			client := clientOf(t, tenant, within(t, s))
			s.steps = always(alters(func(_ *http.Request, _ http.Header, body string) string {
				return strings.Replace(body, "{", fmt.Sprintf(`{"@odata.count":%d,`, announced), 1)
			}))
			again := false
			err := client.EachPage(t.Context(), gdap+"?$count=true", func(p graph.Page) error { again = again || p.Again; return nil })
			var said *graph.Error
			if whole && err != nil || !whole && (!errors.As(err, &said) || said.Reason != graph.Broken || said.Message != fmt.Sprintf("list has 200 rows, the server announced %d", announced)) {
				t.Errorf("%d announced: %v", announced, err)
			}
			if want := map[bool]int{true: 1, false: 2}[announced == 200]; len(s.asked) != want || again != (want == 2) {
				t.Errorf("%d announced: read %d times", announced, len(s.asked))
			}
		}
	})},
	{"P13", "a page size that is refused", "asked once more without it", simulated(func(t *testing.T) {
		r := spoiled(t, gdap, onlyRelationships, refuses(400, "BadRequest"))
		expectState(t, r.run(), snapshot.Relationships, snapshot.Complete, "")
		if len(r.asked) < 2 || !strings.Contains(r.asked[0].uri, "top=300") || strings.Contains(r.asked[1].uri, "top=") {
			t.Errorf("asked %v", r.asked)
		}
	})},
	{"P14", "a list that comes on one page, without a link, and lets no page size be asked", "it is whole, and none is asked", func(t *testing.T) {
		const roles = "/v1.0/roleManagement/directory/roleAssignmentScheduleInstances"
		c := newCanned()
		for i := range 150 { // more than any default page
			c.rows[roles] = append(c.rows[roles], fmt.Sprintf(`{"id":"i%d","principalId":"p","roleDefinitionId":"r%d","directoryScopeId":"/"}`, i, i))
		}
		w, r := cannedRun(t, c, func(o *collectors.Options) { o.Kinds = []snapshot.Kind{snapshot.DirectoryRoles} })
		expectState(t, r, snapshot.DirectoryRoles, snapshot.Complete, "")
		if got := w.column(r, `SELECT count(*) FROM role_instance WHERE snapshot = ?`); got != "150" || c.count(roles) != 1 {
			t.Errorf("%s instances, asked %d times", got, c.count(roles))
		}
	}},
	{"P15", "a page token of 8 KB with every letter that a URL may hold", "it is sent back byte by byte", simulated(func(t *testing.T) {
		token := "A%2fb%2B+c%7e'()*!,;:@/?=%e2%82%ac-._~" + strings.Repeat("xY9%2F", 8<<10/6)
		link := gdap + "?$top=300&$skiptoken=" + token + "&x"
		s := &spoiler{Handler: newCanned(), list: gdap, steps: []step{func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			says(`{"value":[{"id":"r1"}],"@odata.nextLink":"http://`+r.Host+link+`"}`)(w, r, nil)
		}, says(`{"value":[{"id":"r2"}]}`)}}
		o := inProcess(t, s)
		o.Kinds = onlyRelationships
		expectState(t, took(t, o), snapshot.Relationships, snapshot.Complete, "")
		if len(s.asked) != 2 || s.asked[1].uri != link {
			t.Errorf("asked %v", s.asked)
		}
	})},
	{"P16", "a process killed after the first page", "nothing of the half list is seen, the snapshot before stays the current one; the next run begins that part again", func(t *testing.T) {
		c := manyRelated(4)
		k := newKilled(t, c)
		before := k.run(now)
		c.page = 1
		c.rows[gdap] = append(c.rows[gdap], `{"id":"new","status":"active"}`)
		second := 0
		k.killAt(func(path string) bool {
			if path == gdap {
				second++
			}
			return second == 2
		})
		k.expectLast(before)
		expectLines(t, "relationships of the unsealed run", k.lines(`SELECT count(*) FROM fact_relationship WHERE seen_from > ?`, before.Snapshot), "0")
		expectLines(t, "parts of it", k.lines(`SELECT count(*) FROM part_seen s JOIN part p ON p.id = s.part WHERE s.snapshot > ? AND p.kind = 'relationships'`, before.Snapshot), "0")
		c.watch(nil)
		after := k.run(tomorrow())
		if !after.Resumed || c.count(gdap) != 5 {
			t.Errorf("%+v, and %d pages were asked of the part", after, c.count(gdap))
		}
		expectLines(t, "relationships", k.lines(`SELECT count(*) FROM relationship WHERE snapshot = ?`, after.Snapshot), "5")
	}},
}

func displayNameOf(row json.RawMessage, name string) json.RawMessage {
	return json.RawMessage(displayName.ReplaceAllLiteralString(string(row), `"displayName":"`+name+`"`))
}

// honestPages are the requests an honest list takes.
func honestPages(t *testing.T) (pages []asked) {
	simulated(func(t *testing.T) {
		r := spoiled(t, gdap, onlyRelationships)
		r.run()
		pages = r.asked
	})(t)
	return pages
}

// fewer: the server said that there is no more, so what came is the list.
func fewer(t *testing.T, rows, honest []string) {
	if len(rows) == 0 || len(rows) >= len(honest) {
		t.Errorf("%d facts of %d", len(rows), len(honest))
	}
}
