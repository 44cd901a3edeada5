package collectors_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/jonboulle/clockwork"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/fixtures"
)

// appKinds are the kinds that an app reads in the MSP's own tenant.
var appKinds = slices.DeleteFunc(collectors.KindsOf(collectors.MicrosoftGraph), func(k snapshot.Kind) bool { return k == snapshot.Lighthouse })

// passing is a clock that stands until somebody waits, and then goes on at once.
func passing(t testing.TB) *clockwork.FakeClock {
	clock := clockwork.NewFakeClockAt(now)
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for clock.BlockUntilContext(ctx, 1) == nil {
			clock.Advance(time.Second)
		}
	}()
	t.Cleanup(func() { stop(); <-done })
	return clock
}

// simulated runs a test in simulated time, which begins at now and passes only while
// everybody waits.
func simulated(test func(t *testing.T)) func(*testing.T) {
	return func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			<-time.NewTimer(time.Until(now)).C
			test(t)
		})
	}
}

const inside = "http://localhost:8080" // is where its server seems to be

// within serves a handler inside of the process and gives the way to it, which leads
// nowhere else.
func within(t testing.TB, h http.Handler) *http.Client {
	network := fixtures.NewNetwork()
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	go s.Serve(network)
	t.Cleanup(func() { s.Close() })
	return only(t, inside, network.DialContext)
}

// only is a way to one address.
func only(t testing.TB, url string, dial func(context.Context, string, string) (net.Conn, error)) *http.Client {
	_, address, _ := strings.Cut(url, "://")
	transport := &http.Transport{DialContext: func(ctx context.Context, network, to string) (net.Conn, error) {
		if to != address {
			t.Errorf("%s was called", to)
			return nil, errors.New("not our server")
		}
		return dial(ctx, network, to)
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// via lets a client ask by that way.
func via(way *http.Client) func(*graph.Options) { return func(o *graph.Options) { o.HTTP = way } }

// asking makes options of a run that asks the service at the address as the app of
// the tenant, on its own clock, and reaches no other address.
func asking(t testing.TB, url, tenant string, clock clockwork.Clock, change ...func(*graph.Options)) collectors.Options {
	t.Helper()
	o := graph.Options{Endpoints: graph.Endpoints{Graph: url}, Tenant: tenant, Clock: clock, Batch: true, Limits: graph.NoQuotas()}
	o.Limits.Tenants, o.Limits.Directory = 1e6, 1e6 // batches are full: it is known that there is enough
	for _, c := range change {
		c(&o)
	}
	if o.HTTP == nil && o.Wire == nil {
		o.HTTP = only(t, url, (&net.Dialer{}).DialContext)
	}
	if o.Credential == nil {
		credential, err := graph.NewCredential(graph.CredentialOptions{Kind: "secret", Tenant: tenant, ClientID: "app", Secret: "secret", Login: url,
			Clock: clock, HTTP: &http.Client{Transport: o.HTTP.Transport, Timeout: time.Minute}})
		if err != nil {
			t.Fatal(err)
		}
		o.Credential = credential
	}
	client, err := graph.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return collectors.Options{Tenant: tenant, Client: client, At: now, Now: atOnce, Kinds: appKinds}
}

// clientOf asks, in simulated time, the service at the end of a way about a tenant.
func clientOf(t testing.TB, tenant string, way *http.Client, change ...func(*graph.Options)) collectors.Client {
	t.Helper()
	change = append([]func(*graph.Options){via(way), unbatched, func(o *graph.Options) { o.Credential = anyToken(t) }}, change...)
	return asking(t, inside, tenant, clockwork.NewRealClock(), change...).Client
}

// inProcess makes options of a run, in simulated time, over a service within the process.
func inProcess(t testing.TB, h http.Handler, change ...func(*graph.Options)) collectors.Options {
	t.Helper()
	return collectors.Options{Tenant: tenant, Client: clientOf(t, tenant, within(t, h), change...), At: now, Now: atOnce, Kinds: appKinds,
		Store: openStore(t, filepath.Join(t.TempDir(), "a.db"))}
}

// took takes a snapshot, which must hold together.
func took(t testing.TB, o collectors.Options) collectors.Result {
	t.Helper()
	r, err := collectors.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	expectWhole(t, o.Store)
	return r
}

// facts reads what a sealed snapshot holds, by part, each row with its table and
// with the ids and texts that the outside knows.
func facts(t testing.TB, st *store.Store, id int64, prefixes ...string) map[store.Part][]string {
	t.Helper()
	var tables []string
	if err := st.Read().Select(&tables, `SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name`); err != nil {
		t.Fatal(err)
	}
	out := map[store.Part][]string{}
	for _, table := range tables {
		if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(table, p+"_") }) {
			continue
		}
		var columns []struct{ Name, Refers string }
		if err := st.Read().Select(&columns, `SELECT c.name, coalesce(f."table", '') AS refers FROM pragma_table_info(?1) c
			LEFT JOIN pragma_foreign_key_list(?1) f ON f."from" = c.name ORDER BY c.cid`, table); err != nil {
			t.Fatal(err)
		}
		shown := "''"
		for _, c := range columns {
			switch {
			case c.Name == "part" || strings.HasPrefix(c.Name, "seen_"):
			case c.Refers == "ident":
				shown += " || '|' || coalesce((SELECT value FROM ident WHERE id = f." + c.Name + "), '-')"
			case c.Refers == "label":
				shown += " || '|' || coalesce((SELECT text FROM label WHERE id = f." + c.Name + "), '-')"
			default:
				shown += " || '|' || coalesce(f." + c.Name + ", '-')"
			}
		}
		var rows []struct{ Kind, Scope, Object, Shown string }
		err := st.Read().Select(&rows, `SELECT p.kind, s.value AS scope, o.value AS object, `+shown+` AS shown FROM `+table+` f
			JOIN part p ON p.id = f.part JOIN ident s ON s.id = p.scope JOIN ident o ON o.id = p.object
			WHERE f.seen_from <= ?1 AND (f.seen_until IS NULL OR f.seen_until > ?1)`, id)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			part := store.Part{Kind: r.Kind, Scope: r.Scope, Object: r.Object}
			out[part] = append(out[part], table+r.Shown)
		}
	}
	for _, rows := range out {
		slices.Sort(rows)
	}
	return out
}

// seenPart is how much of a part a snapshot saw.
type seenPart struct {
	ID                                   int64
	Kind                                 snapshot.Kind
	Scope, Object, Reason                string
	State                                snapshot.State
	Requests, Rows, Repeated, PassedOver int
}

func (p seenPart) part() store.Part {
	return store.Part{Kind: string(p.Kind), Scope: p.Scope, Object: p.Object}
}

func parts(t testing.TB, st *store.Store, id int64) (all []seenPart) {
	t.Helper()
	err := st.Read().Select(&all, `SELECT p.id, p.kind, s.value AS scope, o.value AS object, c.state, c.reason, c.requests, c.rows, c.repeated, c.passed_over AS passedover
		FROM part_seen c JOIN part p ON p.id = c.part JOIN ident s ON s.id = p.scope JOIN ident o ON o.id = p.object
		WHERE c.snapshot = ? AND c.state <> 'not-asked' ORDER BY p.kind, o.value`, id)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// expectConserved: of every part that was seen whole, each row that came was stored,
// came twice, or was passed over as outside of what was asked; of any other part it
// is said why, and nothing that came was stored.
func expectConserved(t testing.TB, st *store.Store, id int64) {
	t.Helper()
	for _, p := range parts(t, st, id) {
		stored, opened := 0, 0
		for _, table := range mainTables[p.Kind] {
			var s, o int
			err := errors.Join(st.Read().Get(&s, `SELECT count(*) FROM `+table+` WHERE part = ?1 AND seen_from <= ?2 AND (seen_until IS NULL OR seen_until > ?2)`, p.ID, id),
				st.Read().Get(&o, `SELECT count(*) FROM `+table+` WHERE part = ?1 AND seen_from = ?2`, p.ID, id))
			if err != nil {
				t.Fatal(err)
			}
			stored, opened = stored+s, opened+o
		}
		if p.State == snapshot.Complete && p.Rows != stored+p.Repeated+p.PassedOver {
			t.Errorf("%+v, but %d stored", p, stored)
		}
		if p.State != snapshot.Complete && (opened > 0 || p.Reason == "") {
			t.Errorf("%+v is not whole, but %d of its rows were stored", p, opened)
		}
	}
}

// expectReadOnly: nothing but GETs, batches of them and token requests was asked.
func expectReadOnly(t testing.TB, journal []fixtures.Request) {
	t.Helper()
	for _, r := range journal {
		if err := fixtures.CheckRequest(r); err != nil {
			t.Error(err)
		}
		token := strings.HasSuffix(r.Path, "/token")
		if r.Method != http.MethodGet && !token && !strings.HasSuffix(r.Path, "/$batch") || token == r.Authorized {
			t.Errorf("%s %s was asked", r.Method, r.Path)
		}
	}
}

// spoiler stands before a service and spoils what it answers, by the steps it was
// given: each is for one request of a list, in order; afterwards all is well.
type spoiler struct {
	http.Handler
	list string // path of the list

	mu    sync.Mutex
	steps []step
	asked []asked
}

// asked is a request of the list, and when it came.
type asked struct {
	uri string
	at  time.Time
}

// step answers one request; honest is the service behind.
type step func(w http.ResponseWriter, r *http.Request, honest http.Handler)

func (s *spoiler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != s.list {
		s.Handler.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	do := honest
	if len(s.steps) > 0 {
		do, s.steps = s.steps[0], s.steps[1:]
	}
	s.asked = append(s.asked, asked{r.RequestURI, time.Now()})
	s.mu.Unlock()
	do(w, r, s.Handler)
}

func honest(w http.ResponseWriter, r *http.Request, h http.Handler) { h.ServeHTTP(w, r) }

// answers is a step that gives an answer of its own; headers are name, value, ...
func answers(status int, contentType, body string, headers ...string) step {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		fmt.Fprint(w, body)
	}
}

// refuses is a step that answers an error as Graph words it.
func refuses(status int, code string, headers ...string) step {
	return answers(status, "application/json", fmt.Sprintf(`{"error":{"code":%q,"message":"No."}}`, code), headers...)
}

// says is a step that answers JSON of its own.
func says(body string) step { return answers(http.StatusOK, "application/json", body) }

// alters is a step that lets the service answer and changes what it said.
func alters(change func(r *http.Request, h http.Header, body string) string) step {
	return func(w http.ResponseWriter, r *http.Request, h http.Handler) {
		kept := httptest.NewRecorder()
		h.ServeHTTP(kept, r)
		body := change(r, kept.Header(), kept.Body.String())
		for name, values := range kept.Header() {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(kept.Code)
		fmt.Fprint(w, body)
	}
}

// raw is a step that writes to the connection and ends it.
func raw(written string) step {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		buffered.WriteString(written)
		buffered.Flush()
		conn.Close()
	}
}

// anyToken is a credential for services that take any token.
func anyToken(t testing.TB) azcore.TokenCredential {
	t.Helper()
	credential, err := graph.NewCredential(graph.CredentialOptions{Kind: "token", Token: "any"})
	if err != nil {
		t.Fatal(err)
	}
	return credential
}

func unbatched(o *graph.Options) { o.Batch = false }

// batched answers a batch by what a service answers to its parts.
func batched(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		version, ok := strings.CutSuffix(r.URL.Path, "/$batch")
		if !ok {
			h.ServeHTTP(w, r)
			return
		}
		var asked struct {
			Requests []struct {
				ID, URL string
				Headers map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
			panic(err)
		}
		type response struct {
			ID      string            `json:"id"`
			Status  int               `json:"status"`
			Headers map[string]string `json:"headers"`
			Body    json.RawMessage   `json:"body"`
		}
		var said struct {
			Responses []response `json:"responses"`
		}
		for _, q := range asked.Requests {
			part := httptest.NewRequestWithContext(r.Context(), http.MethodGet, version+q.URL, nil)
			part.Host = r.Host
			for name, value := range q.Headers {
				part.Header.Set(name, value)
			}
			kept := httptest.NewRecorder()
			h.ServeHTTP(kept, part)
			headers := map[string]string{}
			for name := range kept.Header() {
				headers[name] = kept.Header().Get(name)
			}
			said.Responses = append(said.Responses, response{q.ID, kept.Code, headers, kept.Body.Bytes()})
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(said); err != nil {
			panic(err)
		}
	})
}
