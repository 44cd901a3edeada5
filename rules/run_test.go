package rules_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/rules"
	"countersign/rules/rule"
)

// msp2 has two customers with a group of their own each, and one that serves both.
const msp2 = `
	2026-01-01 customer contoso name="Contoso Ltd"
	2026-01-01 customer fabrikam name="Fabrikam Inc"
	2026-01-01 relationship contoso-2026  customer=contoso  ends=2026-04-06 roles="Global Administrator"
	2026-01-01 relationship fabrikam-2026 customer=fabrikam ends=2026-12-31 duration=P2Y roles="Privileged Role Administrator; Helpdesk Administrator"
	2026-01-01 assignment contoso-2026  contoso-admins  roles="Global Administrator"
	2026-01-01 assignment fabrikam-2026 fabrikam-admins roles="Privileged Role Administrator"
	2026-01-01 assignment contoso-2026  desk roles="User Administrator"
	2026-01-01 assignment fabrikam-2026 desk roles="User Administrator"
	2026-01-01 group desk name=Desk
	2026-01-01 member contoso-admins  bo@msp.example
	2026-01-01 member fabrikam-admins cy@msp.example
	2026-01-01 member desk bo@msp.example
	2026-01-01 eligible desk ada@msp.example from=2026-01-01
	2026-01-01 user bo@msp.example enabled=yes signin=2026-03-30
	2026-01-01 user cy@msp.example enabled=no signin=2026-01-01
	2026-01-01 user ada@msp.example type=Guest signin=2026-01-01
	2026-01-01 activation contoso-admins bo@msp.example use-1 from=2026-01-01 for=""`

var march31 = time.Date(2026, 3, 31, 0, 0, 0, 0, time.UTC)

func check(t testing.TB, w *world, o rules.Options) rules.Report {
	t.Helper()
	o.Snapshot, o.Declared = max(o.Snapshot, 1), w.declared
	if o.At.IsZero() {
		o.At = march31
	}
	report, err := rules.Run(context.Background(), w.store, o)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestFindingsComeWorstFirst(t *testing.T) {
	r := check(t, newWorld(t, readFacts(t, msp2)), rules.Options{})
	if len(r.Findings) < 10 {
		t.Fatalf("only %d findings", len(r.Findings))
	}
	sorted := slices.IsSortedFunc(r.Findings, func(a, b rule.Finding) int {
		if a.Severity != b.Severity {
			return int(b.Severity - a.Severity)
		}
		return strings.Compare(a.Customer.Name+"\x00"+a.Rule+"\x00"+a.Fingerprint, b.Customer.Name+"\x00"+b.Rule+"\x00"+b.Fingerprint)
	})
	if !sorted {
		t.Error("not sorted by severity, customer, rule, fingerprint")
	}
}

// Facts are a set: neither their order nor that of interned ids shows.
func TestOrderOfFactsDoesNotMatter(t *testing.T) {
	facts := readFacts(t, msp2)
	want := asJSON(t, check(t, newWorld(t, facts), rules.Options{}))
	for seed := range uint64(5) {
		shuffled := slices.Clone(facts)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := asJSON(t, check(t, newWorld(t, shuffled), rules.Options{})); !bytes.Equal(got, want) {
			t.Fatalf("seed %d: got\n%s\nwant\n%s", seed, got, want)
		}
	}
}

func asJSON(t testing.TB, v any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What belongs to one customer names no other, and lists no other.
func TestFindingsOfOneCustomerNameNoOther(t *testing.T) {
	r := check(t, newWorld(t, readFacts(t, msp2)), rules.Options{})
	names := map[string]string{"contoso": "Contoso", "fabrikam": "Fabrikam"}
	for _, f := range r.Findings {
		for id, name := range names {
			if f.Customer.ID != id && strings.Contains(strings.ToLower(f.Message), strings.ToLower(name)) {
				t.Errorf("%s of %q names %s: %s", f.Rule, f.Customer.Name, name, f.Message)
			}
		}
		if (f.Customer.ID != "") != (len(f.Customers) == 1) {
			t.Errorf("%s: customer %q, but touches %v", f.Rule, f.Customer.ID, f.Customers)
		}
	}
}

func TestOneCustomer(t *testing.T) {
	w := newWorld(t, readFacts(t, msp2))
	r := check(t, w, rules.Options{Customers: []string{"FABRIKAM"}})
	shared := false
	for _, f := range r.Findings {
		if !slices.Equal(f.Customers, []string{"fabrikam"}) {
			t.Errorf("%s touches %v", f.Message, f.Customers)
		}
		shared = shared || f.Customer == rule.Ref{}
	}
	if !shared {
		t.Error("what touches both customers is missing")
	}
}

func TestUnknownIDsAreRefused(t *testing.T) {
	w := newWorld(t, readFacts(t, msp2))
	for name, o := range map[string]rules.Options{
		"there is no rule \"nonsense\"; the rules are gdap-global-admin-included, ": {Rules: []string{"nonsense"}},
		"there is no rule \"x\"":        {Settings: rules.Settings{Disable: []string{"x"}}},
		"there is no rule \"y\"":        {Settings: rules.Settings{Severity: map[string]rule.Severity{"y": rule.Low}}},
		"no such customer: z":           {Customers: []string{"contoso", "z"}},
		"there is no sealed snapshot 9": {Snapshot: 9},
	} {
		o.Snapshot, o.At = max(o.Snapshot, 1), march31
		if _, err := rules.Run(context.Background(), w.store, o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}

func TestSettings(t *testing.T) {
	w := newWorld(t, readFacts(t, msp2))
	r := check(t, w, rules.Options{Settings: rules.Settings{
		Disable:    []string{"gdap-expiring-soon"},
		Severity:   map[string]rule.Severity{"standing-privileged-access": rule.Info},
		Thresholds: rule.Thresholds{PolicyMaxDays: 730},
	}})
	for _, f := range r.Findings {
		switch {
		case f.Rule == "gdap-expiring-soon" || f.Rule == "gdap-term-too-long":
			t.Errorf("still found: %s", f.Message)
		case f.Rule == "standing-privileged-access" && f.Severity != rule.Info:
			t.Errorf("severity %s: %s", f.Severity, f.Message)
		}
	}
	if r.Outcomes["gdap-expiring-soon"] != rule.NotAssessed || r.Outcomes["gdap-term-too-long"] != rule.Clear {
		t.Errorf("outcomes %v", r.Outcomes)
	}
	if !slices.Contains(r.NotAssessed, rules.NotAssessed{Rule: "gdap-expiring-soon", Reason: "switched off in the configuration"}) {
		t.Errorf("not assessed: %v", r.NotAssessed)
	}
}

// Whatever a rule needs, if any part of it was not seen whole the rule is never
// clear, and says why.
func TestUnseenIsNeverClear(t *testing.T) {
	clean := `
		2026-01-01 relationship contoso-2026 customer=contoso activated=2026-01-01 roles="Message Center Reader"
		2026-01-01 assignment contoso-2026 desk roles="Message Center Reader"
		2026-01-01 member desk ada@msp.example
		2026-01-01 user ada@msp.example enabled=yes signin=2026-03-30`
	all := check(t, newWorld(t, readFacts(t, clean)), rules.Options{})
	for _, r := range rules.Catalog {
		if all.Outcomes[r.ID] != rule.Clear {
			t.Fatalf("%s is %s where all is well: %v", r.ID, all.Outcomes[r.ID], all.Findings)
		}
	}
	for _, kind := range snapshot.Kinds {
		r := check(t, newWorld(t, readFacts(t, clean+"\n2026-01-01 unseen "+string(kind)+" reason=\"the door was shut\"")), rules.Options{})
		for _, q := range rules.Catalog {
			needs := slices.Contains(q.Needs, kind)
			said := slices.ContainsFunc(r.NotAssessed, func(n rules.NotAssessed) bool {
				return n.Rule == q.ID && strings.Contains(n.Reason, string(kind)) && strings.Contains(n.Reason, "the door was shut")
			})
			if needs != (r.Outcomes[q.ID] == rule.NotAssessed) || needs != said {
				t.Errorf("%s without %s: %s, %v", q.ID, kind, r.Outcomes[q.ID], r.NotAssessed)
			}
		}
	}
}

func TestWaiversMarkAndNeverRemove(t *testing.T) {
	w := newWorld(t, readFacts(t, msp2))
	until := march31.AddDate(0, 1, 0)
	good := rule.Waiver{Rule: "gdap-global-admin-included", Scope: "contoso", Reason: "migration", ApprovedBy: "Ann", Until: until}
	with := func(change func(*rule.Waiver)) rule.Waiver {
		v := good
		change(&v)
		return v
	}
	unused := map[string]rule.Waiver{
		"it has no end date":                             with(func(v *rule.Waiver) { v.Until = time.Time{} }),
		"it ended on 2026-03-31":                         with(func(v *rule.Waiver) { v.Until = march31 }),
		"it does not say why or by whom it was approved": with(func(v *rule.Waiver) { v.ApprovedBy = " " }),
		"it does not say what it is about":               with(func(v *rule.Waiver) { v.Scope = " , " }),
		"there is no rule nonsense":                      with(func(v *rule.Waiver) { v.Rule = "nonsense" }),
		"no finding fits it":                             with(func(v *rule.Waiver) { v.Scope = "fabrikam" }),
	}
	o := rules.Options{Waivers: []rule.Waiver{good,
		{Rule: "standing-privileged-access", Scope: "bo@msp.example; DESK", Reason: "on call", ApprovedBy: "Ann", Until: until},
		{Rule: "standing-privileged-access", Scope: "fabrikam", Reason: "no PIM yet", ApprovedBy: "Ann", Until: until}}}
	for _, v := range unused {
		o.Waivers = append(o.Waivers, v)
	}
	before, r := check(t, w, rules.Options{}), check(t, w, o)
	if len(before.Findings) != len(r.Findings) {
		t.Fatalf("%d findings became %d", len(before.Findings), len(r.Findings))
	}
	var waived []string
	for _, f := range r.Findings {
		if (f.State == rule.Waived) != (f.Waiver != nil) {
			t.Errorf("%s is %s with waiver %v", f.Rule, f.State, f.Waiver)
		}
		if f.Waiver != nil {
			waived = append(waived, fmt.Sprintf("%s %s %s", f.Rule, f.Group.ID, f.Waiver.Reason))
		}
	}
	slices.Sort(waived)
	want := []string{"gdap-global-admin-included  migration", "standing-privileged-access desk on call", "standing-privileged-access fabrikam-admins no PIM yet"}
	if !slices.Equal(waived, want) {
		t.Errorf("waived %q, want %q", waived, want)
	}
	if len(r.UnusedWaivers) != len(unused) {
		t.Errorf("unused: %v", r.UnusedWaivers)
	}
	for _, u := range r.UnusedWaivers {
		if unused[u.Reason] != u.Waiver {
			t.Errorf("%+v is unused because %s", u.Waiver, u.Reason)
		}
	}
	o.Rules = []string{"gdap-term-too-long"}
	if r := check(t, w, o); len(r.UnusedWaivers) != 1 || r.UnusedWaivers[0].Waiver.Rule != "nonsense" {
		t.Errorf("waivers of rules that were not asked were judged: %v", r.UnusedWaivers)
	}
}

// A fingerprint knows rule and edge alone: it outlives names, dates, roles and
// snapshots. The first one was computed by hand:
// printf 'standing-privileged-access\0bo@msp.example\0desk' | sha256sum | cut -c-32
func TestFingerprintsLast(t *testing.T) {
	w := newWorld(t, readFacts(t, msp2+`
		2026-02-01 group desk name="Service desk"
		2026-02-01 customer contoso name="Contoso Group"
		2026-02-01 member desk bo@msp.example name="Bo Berg"
		2026-02-01 assignment contoso-2026 desk roles="User Administrator; Attribute Log Administrator"`))
	prints := func(r rules.Report) []string {
		var out []string
		for _, f := range r.Findings {
			out = append(out, f.Fingerprint)
		}
		slices.Sort(out)
		return out
	}
	first, second := check(t, w, rules.Options{Snapshot: 1}), check(t, w, rules.Options{Snapshot: 2})
	if !slices.Equal(prints(first), prints(second)) {
		t.Errorf("got %v, then %v", prints(first), prints(second))
	}
	if want := "62db7edd234e7b784d65d9174786a2d6"; !slices.Contains(prints(first), want) {
		t.Errorf("no finding has the fingerprint %s", want)
	}
}

func TestFirstAndLastSeen(t *testing.T) {
	ctx := context.Background()
	w := newWorld(t, readFacts(t, msp2+"\n2026-02-01 snapshot\n2026-03-01 snapshot\n2026-03-01 unseen memberships fabrikam-admins"))
	january, february, march := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	seen := func(snapshot int64, group string) (first, last time.Time) {
		t.Helper()
		for _, f := range check(t, w, rules.Options{Snapshot: snapshot}).Findings {
			if f.Rule == "standing-privileged-access" && f.Group.ID == group {
				return f.FirstSeen, f.LastSeen
			}
		}
		t.Fatalf("nothing found in %s", group)
		return
	}
	expect := func(snapshot int64, group string, wantFirst, wantLast time.Time) {
		t.Helper()
		if first, last := seen(snapshot, group); !first.Equal(wantFirst) || !last.Equal(wantLast) {
			t.Errorf("snapshot %d, %s: seen from %s to %s, want %s to %s", snapshot, group, first, last, wantFirst, wantLast)
		}
	}
	record := func(snapshot int64) {
		t.Helper()
		if err := rules.Record(ctx, w.store, check(t, w, rules.Options{Snapshot: snapshot})); err != nil {
			t.Fatal(err)
		}
	}
	expect(2, "desk", february, february)
	record(2)
	record(3)
	expect(3, "desk", february, march)
	expect(2, "desk", february, february)
	record(2)
	expect(3, "desk", february, march)
	record(1) // found to be older than was known
	expect(3, "desk", january, march)
	expect(1, "desk", january, january)
	expect(3, "fabrikam-admins", january, february) // not readable in March
	var last int64
	err := w.store.Read().Get(&last, `SELECT last_snapshot FROM finding_seen WHERE fingerprint = ?`, rule.Fingerprint("standing-privileged-access", "cy@msp.example", "fabrikam-admins"))
	if err != nil || last != 2 {
		t.Errorf("recorded as last seen in snapshot %d (%v), want 2", last, err)
	}
}

// The names are a contract for other programs: refs are an object or
// null, lists never null.
func TestJSON(t *testing.T) {
	w := newWorld(t, readFacts(t, msp2))
	text := asJSON(t, check(t, w, rules.Options{Rules: []string{"gdap-expiring-soon"}}))
	var got struct {
		Snapshot    int64
		At          string
		Coverage    []struct{ Kind, State string }
		Findings    []map[string]json.RawMessage
		NotAssessed json.RawMessage `json:"not_assessed"`
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Snapshot != 1 || got.At != "2026-03-31T00:00:00Z" || len(got.Coverage) == 0 || string(got.NotAssessed) != "[]" || len(got.Findings) != 1 {
		t.Fatalf("got %s", text)
	}
	for name, want := range map[string]string{
		"rule": `"gdap-expiring-soon"`, "severity": `"high"`, "state": `"open"`, "person": "null", "group": "null", "role": "null", "waiver": "null",
		"first_seen": `"2026-01-01T00:00:00Z"`, "last_seen": `"2026-01-01T00:00:00Z"`,
	} {
		if string(got.Findings[0][name]) != want {
			t.Errorf("%s is %s, want %s", name, got.Findings[0][name], want)
		}
	}
	var customer rule.Ref
	if err := json.Unmarshal(got.Findings[0]["customer"], &customer); err != nil || customer != (rule.Ref{ID: "contoso", Name: "Contoso Ltd"}) {
		t.Errorf("customer is %s", got.Findings[0]["customer"])
	}
	empty := asJSON(t, check(t, w, rules.Options{Rules: []string{"gdap-pending-stale"}}))
	if !bytes.Contains(empty, []byte(`"findings": []`)) || !bytes.Contains(empty, []byte(`"unused_waivers": []`)) {
		t.Errorf("got %s", empty)
	}
}

func TestCancelled(t *testing.T) {
	w := newWorld(t, readFacts(t, msp2))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := rules.Run(ctx, w.store, rules.Options{Snapshot: 1, At: march31}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestRecordNeedsTheSnapshot(t *testing.T) {
	w := newWorld(t, readFacts(t, msp2))
	r := check(t, w, rules.Options{})
	r.Snapshot = 9
	if err := rules.Record(context.Background(), w.store, r); err == nil {
		t.Error("a snapshot that does not exist was recorded")
	}
}

// BenchmarkRun judges 500 customers, each with a relationship of three roles; 20
// groups of 15 people serve 100 customers each. To be read against the bare
// reading of who has access, which every run begins with.
func BenchmarkRun(b *testing.B) {
	roles := []string{"Global Administrator", "User Administrator", "Exchange Administrator", "Helpdesk Administrator"}
	text := count(500, "2026-01-01 customer c%03d name=C%03d\n2026-01-01 relationship r%03d customer=c%03d ends=2026-12-31 roles=\"Global Administrator; User Administrator; Helpdesk Administrator\"",
		func(i int) []any { return []any{i, i, i, i} }) +
		count(2000, "2026-01-01 assignment r%03d g%02d roles=%q", func(i int) []any { return []any{i / 4, (i/4%5)*4 + i%4, roles[i%4]} }) +
		count(300, "2026-01-01 member g%02d p%03d@msp.example\n2026-01-01 user p%03d@msp.example enabled=yes signin=2026-03-%02d", func(i int) []any { return []any{i % 20, i / 2, i / 2, 1 + i%28} })
	w := newWorld(b, readFacts(b, text))
	b.Run("access alone", func(b *testing.B) {
		for b.Loop() {
			if _, err := snapshot.LoadAccess(context.Background(), w.store.Read(), 1); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("all rules", func(b *testing.B) {
		for b.Loop() {
			if r := check(b, w, rules.Options{}); len(r.Findings) == 0 {
				b.Fatal("nothing found")
			}
		}
	})
}
