package collectors_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"countersign/collectors/snapshot"
)

func throttled(headers ...string) step {
	return refuses(http.StatusTooManyRequests, "TooManyRequests", headers...)
}

var throttlingRows = []faultRow{
	{"T01", "429 with Retry-After 10, then an answer", "it is waited for 10 s, asked once more, and all is there",
		inList(ending{waits: []int{0, 10}}, after(1, throttled("Retry-After", "10"))...)},
	{"T02", "429 with Retry-After as a date, on a clock that is an hour ahead of ours", "the wait is measured by the server's own Date",
		inList(ending{waits: []int{20}}, throttled("Date", "Tue, 18 Aug 2026 07:00:00 GMT", "Retry-After", "Tue, 18 Aug 2026 07:00:20 GMT"))},
	{"T03", "429 without Retry-After, three times", "the waits grow",
		inList(ending{waits: []int{1, 3, 6}}, throttled(), throttled(), throttled())},
	{"T04", "Retry-After that is no wait, and one of three years", "the first are read as absent, never as no wait; the other ends it at once",
		all(forEach(ending{waits: []int{1}}, map[string]step{"0": throttled("Retry-After", "0"), "-5": throttled("Retry-After", "-5"), "0.5": throttled("Retry-After", "0.5"),
			"abc": throttled("Retry-After", "abc"), "empty": throttled("Retry-After", ""), "1e20": throttled("Retry-After", "1e20"), "NaN": throttled("Retry-After", "NaN"),
			"past": throttled("Retry-After", "Tue, 18 Aug 2020 07:00:00 GMT")}),
			inList(ending{state: snapshot.Failed, reason: "throttled: 429", requests: 1}, throttled("Retry-After", "99999999")))},
	{"T05", "429 for ever on one list", "it ends at the budget, is named, and the other lists are read", func(t *testing.T) {
		r := spoiled(t, gdap, []snapshot.Kind{snapshot.Customers, snapshot.Relationships}, after(1, always(throttled("Retry-After", "30"))...)...)
		result := r.run()
		expectState(t, result, snapshot.Relationships, snapshot.Partial, "throttled: page 2: 429 TooManyRequests")
		expectState(t, result, snapshot.Customers, snapshot.Complete, "")
		if len(r.asked) != 9 {
			t.Errorf("%d requests, want one and eight tries", len(r.asked))
		}
	}},
	{"T06", "a service that begins its window anew with each call that comes too early", "one 429 holds all workers of the tenant",
		proven("graph", "TestGateHoldsAllWorkers", `"Retry-After", "20"`)},
	{"T07", "429 with a scope of the tenant, or of the whole app", "the one holds this tenant, the other all of them",
		proven("graph", "TestGateScope", "Application/ReadWrite/app", "Tenant_Application/ReadWrite/app/tenant")},
	{"T08", "200 that says 0.9 of the quota are used", "fewer requests at once, before any 429",
		proven("graph", "TestNearLimitSlowsDown", "x-ms-throttle-limit-percentage")},
	{"T09", "503, with and without Retry-After", "as 429",
		all(inList(ending{waits: []int{5}}, refuses(503, "serviceNotAvailable", "Retry-After", "5")), inList(ending{waits: []int{1}}, refuses(503, "serviceNotAvailable")))},
	{"T10", "504, 502, 500, 408 and 509 once each", "each is asked again, and all is there",
		inList(ending{waits: []int{1, 3, 6, 12, 24}}, refuses(504, "x"), refuses(502, "x"), refuses(500, "x"), refuses(408, "x"), refuses(509, "x"))},
	{"T11", "500 for ever on the second page", "partial; nothing of the first page is taken for the list, its request is kept as evidence",
		inList(ending{state: snapshot.Partial, reason: "broken: page 2: 500 x", requests: 9}, after(1, always(refuses(500, "x"))...)...)},
	{"T12", "answers that a repetition will not better", "one request, and the code is named",
		all(inList(ending{state: snapshot.Failed, reason: "BadWord", requests: 2}, refuses(400, "BadWord"), refuses(400, "BadWord")), // the second without $top
			forEach(ending{state: snapshot.Failed, reason: "BadWord", requests: 1}, map[string]step{"501": refuses(501, "BadWord"), "405": refuses(405, "BadWord"), "406": refuses(406, "BadWord"),
				"413": refuses(413, "BadWord"), "415": refuses(415, "BadWord"), "422": refuses(422, "BadWord"), "423": refuses(423, "BadWord")}))},
	{"T13", "an answer that never begins", "the try ends, the next one succeeds", inList(ending{hangs: true}, hangs)},
	{"T14", "an answer that comes byte by byte, or stops in the midst", "no byte in time ends the try, and so does the time of the whole", all(
		proven("graph", "TestStall", "ever a byte more"),
		inList(ending{hangs: true}, func(w http.ResponseWriter, r *http.Request, h http.Handler) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"value":[`)
			w.(http.Flusher).Flush()
			hangs(w, r, h)
		}))},
	{"T15", "a service that allows 5 report requests in 10 s", "no more are made", proven("graph", "TestQuotas", "/auditLogs/", "2 * time.Second")},
	{"T16", "a service that allows one identity protection request a second and names no wait", "no more are made", proven("graph", "TestQuotas", "/identityProtection/", "time.Second")},
	{"T17", "a batch of which one part is throttled, one broken, one gone and one missing; a batch lost as a whole", "each part is judged and repeated alone; what stays away is named", func(t *testing.T) {
		r := spoiled(t, "/v1.0/$batch", []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments}, refuses(http.StatusFailedDependency, "FailedDependency"),
			alters(func(_ *http.Request, _ http.Header, body string) string {
				var batch struct {
					Responses []map[string]any `json:"responses"`
				}
				if err := json.Unmarshal([]byte(body), &batch); err != nil || len(batch.Responses) < 4 {
					panic(fmt.Sprint(err, body))
				}
				for i, status := range []int{429, 503, 404} {
					batch.Responses[i]["status"], batch.Responses[i]["body"] = status, map[string]any{"error": map[string]any{"code": "x", "message": "No."}}
				}
				batch.Responses = append(batch.Responses[:3], batch.Responses[4:]...)
				changed, _ := json.Marshal(batch)
				return string(changed)
			}))
		result := r.run()
		gone := 0
		for _, p := range parts(t, r.options.Store, result.Snapshot) {
			if p.Kind == snapshot.AccessAssignments && p.State != snapshot.Complete {
				gone++
				if !strings.Contains(p.Reason, "not found: 404") {
					t.Errorf("%+v", p)
				}
			}
		}
		if gone != 1 {
			t.Errorf("%d parts are not whole, want the one that was gone", gone)
		}
		expectConserved(t, r.options.Store, result.Snapshot)
	}},
}

// hangs answers nothing, until whoever asked has left.
func hangs(_ http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() }
