package graph_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"countersign/collectors/graph"
)

const (
	armPath     = "/subscriptions/0afefe50-734e-4610-8c82-a144aff49dea/providers/Microsoft.ManagedServices/registrationAssignments?api-version=2022-10-01"
	partnerPath = "/v1/customers?size=40"
)

// arm and partner make a client of the server's ask another service.
func arm(o *graph.Options) {
	o.Service, o.Endpoints, o.Batch = graph.ResourceManager, graph.Endpoints{ARM: o.Endpoints.Graph}, true
}

func partner(o *graph.Options) {
	o.Service, o.Endpoints, o.Batch = graph.PartnerCenter, graph.Endpoints{PartnerCenter: o.Endpoints.Graph}, true
}

// documented answers with a payload of Microsoft's documentation.
func documented(t testing.TB, name string) step {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return ok(string(body))
}

// answer is ok with the server's address in place of {host}.
func answer(body string) step {
	return func(w http.ResponseWriter, r *http.Request) { ok(strings.ReplaceAll(body, "{host}", r.Host))(w, r) }
}

func TestDocumentedServicePages(t *testing.T) {
	for _, f := range []struct {
		name, path string
		service    func(*graph.Options)
		rows       int
	}{
		{"ARM-GET-registrationAssignments", armPath, arm, 1},
		{"PartnerCenter-GET-customers", partnerPath, partner, 2},
		{"PartnerCenter-GET-auditrecords", "/v1/auditrecords?startDate=2017-06-01", partner, 2},
	} {
		s := serve(t, documented(t, f.name))
		rows := 0
		err := s.client(t, f.service).EachPage(t.Context(), f.path, func(p graph.Page) error { rows += len(p.Rows); return nil })
		r := s.requests()
		if err != nil || rows != f.rows || len(r) != 1 || r[0].uri != f.path {
			t.Errorf("%s: %d rows, %v, asked %+v", f.name, rows, err, r)
		}
	}
	s := serve(t, documented(t, "ARM-GET-registrationDefinition"))
	if p, err := s.client(t, arm).Get(t.Context(), armPath); err != nil || len(p.Rows) != 1 {
		t.Error(p, err)
	}
}

// The scope asked for is the service's own, and a cloud without it is named.
func TestServiceScope(t *testing.T) {
	var asked askedFor
	s := serve(t, answer(`{"value":[],"items":[]}`))
	for _, service := range []func(*graph.Options){arm, partner} {
		c := s.client(t, service, func(o *graph.Options) { o.Credential = &asked })
		path := armPath
		if len(asked) > 0 {
			path = partnerPath
		}
		if _, err := list(t.Context(), c, path); err != nil {
			t.Fatal(err)
		}
		if got := asked[len(asked)-1].Scopes; len(got) != 1 || got[0] != s.URL+"/.default" {
			t.Errorf("scope %v", got)
		}
	}
	for cloud, host := range map[string]string{"global": "https://api.partnercenter.microsoft.com", "usgov": "https://api.partnercenter.microsoft.com",
		"china": "https://partner.partnercenterapi.microsoftonline.cn", "usgov-dod": ""} {
		e, err := graph.CloudEndpoints(cloud)
		if err != nil || e.PartnerCenter != host {
			t.Errorf("%s: %+v, %v", cloud, e, err)
		}
		_, err = graph.New(graph.Options{Endpoints: e, Service: graph.PartnerCenter, Credential: &asked})
		if (err == nil) != (host != "") || err != nil && !strings.Contains(err.Error(), "endpoints.partner_center") {
			t.Errorf("%s: %v", cloud, err)
		}
	}
	e, err := graph.Endpoints{}.Override(graph.Endpoints{PartnerCenter: "https://partner.example/"})
	if err != nil || e.PartnerCenter != "https://partner.example" {
		t.Error(e, err)
	}
	if _, err := graph.New(graph.Options{Service: 9, Credential: &asked}); err == nil {
		t.Error("an unknown service was taken")
	}
}

// The rules of Graph's pages hold for those of the others, each in its own shape.
func TestServicePaging(t *testing.T) {
	armNext := strings.Replace(armPath, "registrationAssignments", "registrationassignments", 1) // as ARM changes case
	next := func(uri, headers string) string {
		return `{"items":[{"id":"a"}],"links":{"next":{"uri":"` + uri + `","method":"GET","headers":` + headers + `}},"totalCount":1}`
	}
	token := func(value string) string { return `[{"key":"MS-ContinuationToken","value":"` + value + `"}]` }
	const seek = "/customers?size=40&seekOperation=Next"
	for _, f := range []struct {
		name    string
		service func(*graph.Options)
		steps   []step
		rows    string
		err     graph.Reason
		asked   []string
	}{
		{"arm pages", arm, []step{answer(`{"value":[{"id":"a"}],"nextLink":"http://{host}` + armNext + `&$skipToken=A%2f"}`), answer(`{"value":[{"id":"b"}]}`)},
			"a b", "", []string{armPath, armNext + "&$skipToken=A%2f"}},
		{"arm empty first page", arm, []step{answer(`{"value":[],"nextLink":"http://{host}` + armPath + `&x"}`), answer(`{"value":[{"id":"b"}],"nextLink":""}`)},
			"b", "", []string{armPath, armPath + "&x"}},
		{"arm odata link is not its own", arm, []step{answer(`{"value":[{"id":"a"}],"@odata.nextLink":"http://{host}` + armPath + `&x"}`)}, "a", "", []string{armPath}},
		{"arm elsewhere", arm, []step{answer(`{"value":[],"nextLink":"http://{host}.evil.example` + armPath + `"}`)}, "", graph.Broken, []string{armPath}},
		{"arm another path", arm, []step{answer(`{"value":[],"nextLink":"http://{host}/subscriptions?api-version=1"}`)}, "", graph.Refused, []string{armPath}},
		{"arm circle", arm, []step{answer(`{"value":[{"id":"a"}],"nextLink":"http://{host}` + armPath + `"}`)}, "a", graph.Broken, []string{armPath}},
		{"arm link twice", arm, []step{answer(`{"value":[],"nextLink":"","nextLink":""}`)}, "", graph.Broken, []string{armPath, armPath, armPath}},
		{"arm items", arm, []step{answer(`{"items":[]}`)}, "", graph.Broken, []string{armPath, armPath, armPath}},
		{"partner pages", partner, []step{answer(next(seek, token("t1"))), answer(strings.Replace(next("/v1"+seek, token("t2,+/=")), `"a"`, `"b"`, 1)), answer(`{"items":[{"id":"c"}],"links":{"self":{},"next":null}}`)},
			"a b c", "", []string{partnerPath, "/v1" + seek + " t1", "/v1" + seek + " t2,+/="}},
		{"partner absolute", partner, []step{answer(next("http://{host}/v1"+seek, `null`)), answer(`{"items":[]}`)}, "a", "", []string{partnerPath, "/v1" + seek}},
		{"partner circle", partner, []step{answer(next(seek, token("t1"))), answer(next(seek, token("t1")))}, "a", graph.Broken, []string{partnerPath, "/v1" + seek + " t1"}},
		{"partner elsewhere", partner, []step{answer(next("http://evil.example/v1"+seek, `[]`))}, "", graph.Refused, []string{partnerPath}},
		{"partner no scheme", partner, []step{answer(next("//{host}/v1"+seek, `[]`))}, "", graph.Broken, []string{partnerPath}},
		{"partner another path", partner, []step{answer(next("/invoices?x", `[]`))}, "", graph.Refused, []string{partnerPath}},
		{"partner POST", partner, []step{answer(strings.Replace(next(seek, `[]`), "GET", "POST", 1))}, "", graph.Refused, []string{partnerPath}},
		{"partner header", partner, []step{answer(next(seek, `[{"key":"Authorization","value":"x"}]`))}, "", graph.Broken, []string{partnerPath, partnerPath, partnerPath}},
		{"partner header break", partner, []step{answer(next(seek, token(`a\r\nX: b`)))}, "", graph.Broken, []string{partnerPath, partnerPath, partnerPath}},
		{"partner token alone", partner, []step{answer(next("", token("t1")))}, "", graph.Broken, []string{partnerPath}},
		{"partner value", partner, []step{answer(`{"value":[]}`)}, "", graph.Broken, []string{partnerPath, partnerPath, partnerPath}},
		{"partner next twice", partner, []step{answer(`{"items":[],"links":{"next":null,"Next":null}}`)}, "", graph.Broken, []string{partnerPath, partnerPath, partnerPath}},
		{"partner short", partner, []step{answer(`{"items":[{"id":"a"}],"totalCount":2}`)}, "a", graph.Broken, []string{partnerPath, partnerPath}},
	} {
		t.Run(f.name, func(t *testing.T) {
			var asked []string
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				asked = append(asked, strings.TrimSpace(r.RequestURI+" "+r.Header.Get("MS-ContinuationToken")))
				f.steps[min(len(asked), len(f.steps))-1](w, r)
			})
			var e *graph.Error
			path := f.asked[0]
			got, err := list(t.Context(), s.client(t, f.service), path)
			if f.err == "" && err != nil || f.err != "" && (!errors.As(err, &e) || e.Reason != f.err) || got != f.rows || !slices.Equal(asked, f.asked) {
				t.Errorf("rows %q, asked %q, %v", got, asked, err)
			}
		})
	}
}

// Together sends no batch where there is none, and paths of another service are
// refused before they are sent.
func TestServicesHaveNoBatch(t *testing.T) {
	s := serve(t, answer(`{"items":[]}`))
	if _, errs := together(t.Context(), s.client(t, partner), 30, func(i int) string { return fmt.Sprint("/v1/customers/", i, "/x") }); errors.Join(errs...) != nil {
		t.Error(errs)
	}
	for _, r := range s.requests() {
		if r.method != http.MethodGet {
			t.Errorf("%+v", r)
		}
	}
	s = serve(t, answer(`{}`))
	for path, service := range map[string]func(*graph.Options){"/v1.0/groups": partner, "/customers": partner, "/subscriptions/x/providers/y": arm, "subscriptions?api-version=1": arm, "/v1/customers": batching} {
		if _, err := list(t.Context(), s.client(t, service), path); err == nil || len(s.requests()) > 0 {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Errors in the shapes of the three services, with the request id each names.
func TestServiceErrors(t *testing.T) {
	for _, f := range []struct {
		service            func(*graph.Options)
		path, body, header string
		status             int
		code, message      string
		reason             graph.Reason
	}{
		{arm, armPath, `{"error":{"code":"AuthorizationFailed","message":"The client does not have authorization"}}`, "x-ms-request-id", 403, "AuthorizationFailed", "The client does not have authorization", graph.NotPermitted},
		{arm, armPath, `{"code":"BadRequest","message":"api-version"}`, "x-ms-request-id", 400, "BadRequest", "api-version", graph.Rejected},
		{partner, partnerPath, `{"code":"2000","description":"Customer was not found","data":[],"source":"PartnerFD"}`, "MS-RequestId", 404, "2000", "Customer was not found", graph.NotFound},
		{partner, partnerPath, `{"code":900102,"description":"no"}`, "MS-RequestId", 401, "900102", "no", graph.Unauthorized},
	} {
		s := serve(t, raw(f.status, "application/json", f.body, "request-id", "", f.header, "their-id"))
		_, err := list(t.Context(), s.client(t, f.service), f.path)
		var e *graph.Error
		if !errors.As(err, &e) || e.Code != f.code || e.Message != f.message || e.Reason != f.reason || e.RequestID != "their-id" {
			t.Errorf("%+v", e)
		}
	}
	s := serve(t, raw(429, "application/json", `{"code":"429","description":"slow"}`, "Retry-After", "7"), answer(`{"items":[]}`))
	if _, err := list(t.Context(), s.client(t, partner), partnerPath); err != nil || s.gaps()[0] < 7 {
		t.Error(err, s.gaps())
	}
}

// However many tenants are asked at once, the run has its number of requests under
// way; each tenant its own number besides.
func TestWire(t *testing.T) {
	var now, most atomic.Int64
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		running := now.Add(1)
		defer now.Add(-1)
		for m := most.Load(); running > m && !most.CompareAndSwap(m, running); m = most.Load() {
		}
		late := time.NewTimer(time.Millisecond)
		<-late.C
		rows("", "x")(w, r)
	})
	wire := graph.NewWire(3)
	all := make(chan error)
	for range 10 {
		c := s.client(t, func(o *graph.Options) { o.Wire = wire })
		go func() {
			_, errs := together(t.Context(), c, 10, member)
			all <- errors.Join(errs...)
		}()
	}
	for range 10 {
		if err := <-all; err != nil {
			t.Error(err)
		}
	}
	if most.Load() != 3 {
		t.Errorf("%d at once", most.Load())
	}
	hang := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	one := graph.NewWire(1)
	_, errs := together(ctx, hang.client(t, func(o *graph.Options) {
		o.Wire = one
		o.HTTP = &http.Client{Transport: cancels{cancel}}
	}), 5, member)
	for _, err := range errs {
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
}

// cancels ends the run once a request is under way.
type cancels struct{ cancel func() }

func (c cancels) RoundTrip(r *http.Request) (*http.Response, error) {
	c.cancel()
	<-r.Context().Done()
	return nil, r.Context().Err()
}
