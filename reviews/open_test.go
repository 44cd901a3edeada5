package reviews

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

var q3 = snapshot.Period{Name: "2026-Q3", Since: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)}

// story is one customer with a mapped group and one nested in it. Everybody has a
// manager: bo and ada report to cy, cy to dee, dee to nobody; eve is the fallback.
const story = `
customer contoso
group tier1
group desk
relationship r1 customer=contoso ends=2027-06-30 roles=EXO,HELP,REPORT auto=P180D
assignment a1 under=r1 group=tier1 roles=EXO,HELP
member tier1 bo
eligible tier1 ada until=2026-12-31 id=e1
nested tier1 desk
member desk fay
user cy
user dee
user eve
signins-read
`

func staff(lines ...string) []snapshot.StaffAccount {
	var out []snapshot.StaffAccount
	for _, line := range lines { // person manager [upn [left]]
		f := append(strings.Fields(line), "", "", "")
		s := snapshot.StaffAccount{Person: f[0], Manager: f[1], UPN: f[2], Name: "Name of " + f[0], Account: "daily"}
		if s.Manager == "-" {
			s.Manager = ""
		}
		if s.UPN == "" {
			s.UPN = f[0] + "@msp.example"
		}
		if f[3] != "" {
			s.LeftOn, _ = time.Parse(time.DateOnly, f[3])
		}
		out = append(out, s)
	}
	return out
}

var company = snapshot.Declared{
	Staff:     staff("bo cy", "ada cy", "fay cy", "cy dee", "dee -", "eve -"),
	Customers: []snapshot.DeclaredCustomer{{Tenant: "contoso", Name: "Contoso", Owner: "dee"}},
	Groups:    []snapshot.DeclaredGroup{{ID: "tier1", Owners: []string{"dee"}}},
}

func options(id int64) OpenOptions {
	return OpenOptions{Snapshot: id, At: time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC), Period: q3, Declared: company, Due: 14, Fallback: "eve", ReaffirmLimit: 2}
}

func mustOpen(t testing.TB, st *store.Store, o OpenOptions) Campaign {
	t.Helper()
	c, err := Open(t.Context(), st, o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func items(t testing.TB, st *store.Store, campaign string) map[string]Item {
	t.Helper()
	out := map[string]Item{}
	for _, i := range loaded(t, st, campaign).items {
		out[string(i.Kind)+" "+i.From+" "+i.To] = i
	}
	return out
}

func openStory(t testing.TB, facts string, change func(*OpenOptions)) (*store.Store, Campaign, map[string]Item) {
	t.Helper()
	st := openStore(t)
	o := options(take(t, st, "2026-10-01T06:00:00Z", facts))
	if change != nil {
		change(&o)
	}
	c := mustOpen(t, st, o)
	return st, c, items(t, st, c.Name)
}

// whole fails unless every seal follows from the stored rows.
func whole(t testing.TB, st *store.Store) {
	t.Helper()
	for _, check := range []func() ([]string, error){
		func() ([]string, error) { return Check(t.Context(), st) },
		func() ([]string, error) { return st.Check(t.Context()) },
	} {
		faults, err := check()
		if err != nil {
			t.Fatal(err)
		}
		if len(faults) > 0 {
			t.Fatalf("the store is not whole: %s", strings.Join(faults, "; "))
		}
	}
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprint(got), fmt.Sprint(want); g != w {
		t.Errorf("%s:\n got %s\nwant %s", what, g, w)
	}
}

func TestOpenMakesOneItemPerEdge(t *testing.T) {
	st, c, got := openStory(t, story, nil)
	whole(t, st)
	equal(t, "name", c.Name, "AR26Q3")
	equal(t, "due", c.Due, time.Date(2026, 10, 15, 8, 0, 0, 0, time.UTC))
	equal(t, "keys", sortedKeys(got), []string{"delegation tier1 contoso", "membership desk fay", "membership tier1 ada", "membership tier1 bo", "membership tier1 desk", "relationship r1 contoso"})

	bo := got["membership tier1 bo"]
	equal(t, "who", []string{bo.Who, bo.Account, bo.State(), bo.Group.Name}, []string{"Name of bo", "bo@msp.example", "standing", "Group tier1"})
	equal(t, "customer", bo.Customer, rule.Ref{ID: "contoso", Name: "The contoso"})
	equal(t, "tier", bo.Tier, snapshot.Tier1)
	equal(t, "roles", joined(bo.Roles), "Helpdesk Administrator; Exchange Administrator")
	equal(t, "choices", bo.Choices.words(), "eligible or an earlier end date such as 2026-12-31")

	desk := got["membership tier1 desk"]
	equal(t, "nested", fmt.Sprint(desk.Type, desk.Brings), "group[{fay Name of fay}]")
	equal(t, "nested member leads to", got["membership desk fay"].Through, []string{"Group tier1"})

	r1 := got["relationship r1 contoso"]
	equal(t, "unused", joined(r1.Unused), "Reports Reader")
	equal(t, "renews", fmt.Sprint(r1.Renews, r1.Choices.Words), "true [no renewal]")
	equal(t, "delegation grants", got["delegation tier1 contoso"].Grants[0].ID, "a1")
}

func TestItemIDsEndInCheckLetters(t *testing.T) {
	_, _, got := openStory(t, story, nil)
	seen := map[string]bool{}
	for _, i := range got {
		if want := fmt.Sprintf("AR26Q3-%06d-", i.Number); !strings.HasPrefix(i.ID, want) || len(i.ID) != len(want)+2 {
			t.Errorf("item id %q does not begin with %s and two check letters", i.ID, want)
		}
		digit, letter := i.ID[len(i.ID)-2], i.ID[len(i.ID)-1]
		if digit < '0' || digit > '9' || letter < 'A' || letter > 'Z' || seen[i.ID] {
			t.Errorf("item id %q must be unique and end in a digit and a letter", i.ID)
		}
		seen[i.ID] = true
	}
}

func TestStatesOfOnePrincipalShareAnItem(t *testing.T) {
	_, _, got := openStory(t, story+`
assigned tier1 ada until=2026-11-30 id=x1
activated tier1 gil until=2026-10-01T07:00:00Z id=act1
eligible tier1 gil id=e2
activated tier1 hal until=2026-10-01T07:00:00Z id=act2`, nil)
	ada := got["membership tier1 ada"]
	equal(t, "combined", ada.State(), "time-bound, eligible")
	equal(t, "ends with the last of them", ada.Ends, instant(t, "2026-12-31"))
	equal(t, "activation is no item of its own", got["membership tier1 gil"].State(), "eligible")
	if gil := got["membership tier1 gil"]; !gil.Ends.IsZero() || len(gil.Holds) != 2 {
		t.Errorf("gil is eligible without an end and has an activation beneath: %+v", gil.Holds)
	}
	equal(t, "an activation nothing else explains is still an edge", got["membership tier1 hal"].State(), "activated")
}

func TestOpenRefusesAnIncompletePopulation(t *testing.T) {
	for name, gap := range map[string]string{
		"memberships of Group tier1: not-permitted, 403 Forbidden":                       "unseen memberships tier1",
		"group-eligibilities of Group desk: not-asked, this snapshot did not ask for it": "unasked group-eligibilities desk",
		"access-assignments of Agreement r1: not-permitted, 403 Forbidden":               "unseen access-assignments r1",
		"relationships of the MSP: not-permitted, 403 Forbidden":                         "unseen relationships " + msp,
		"groups of the MSP: not-asked, this snapshot did not ask for it":                 "unasked groups " + msp,
	} {
		st := openStore(t)
		take(t, st, "2026-09-30T06:00:00Z", story) // facts from before stay
		o := options(take(t, st, "2026-10-01T06:00:00Z", story+gap))
		_, err := Open(t.Context(), st, o)
		var refusal *IncompleteError
		if !errors.As(err, &refusal) || len(refusal.Missing) != 1 || refusal.Missing[0].String() != name {
			t.Errorf("%s: got %v", gap, err)
			continue
		}
		o.Force = true
		c := mustOpen(t, st, o)
		equal(t, gap, c.Incomplete, []string{name})
	}
}

func TestOtherGapsDoNotBlock(t *testing.T) {
	_, c, got := openStory(t, story+"unseen signins "+msp, nil)
	equal(t, "incomplete", len(c.Incomplete), 0)
	if got["membership tier1 bo"].Use.Whole {
		t.Error("without the sign-in log a use is unknown, not none")
	}
}

func TestOpenRefusesStaleAndFutureSnapshots(t *testing.T) {
	st := openStore(t)
	o := options(take(t, st, "2026-09-10T06:00:00Z", story))
	if _, err := Open(t.Context(), st, o); err == nil || !strings.Contains(err.Error(), "the snapshot is 21 days old") {
		t.Errorf("stale: %v", err)
	}
	o.At = instant(t, "2026-09-09")
	if _, err := Open(t.Context(), st, o); err == nil || !strings.Contains(err.Error(), "after the instant of the campaign") {
		t.Errorf("future: %v", err)
	}
}

func TestOneOpenCampaignPerPeriod(t *testing.T) {
	st, c, _ := openStory(t, story, nil)
	o := options(c.Snapshot)
	if _, err := Open(t.Context(), st, o); !errors.Is(err, ErrAlreadyOpen) || !strings.Contains(err.Error(), "AR26Q3") {
		t.Errorf("second: %v", err)
	}
	if _, err := Close(t.Context(), st, "", o.At.AddDate(0, 0, 1)); err != nil {
		t.Fatal(err)
	}
	o.At = o.At.AddDate(0, 0, 2)
	equal(t, "second of the period", mustOpen(t, st, o).Name, "AR26Q3-2")
	whole(t, st)
}

func TestOpenRefusesAnUnknownFallback(t *testing.T) {
	st := openStore(t)
	o := options(take(t, st, "2026-10-01T06:00:00Z", story))
	o.Fallback = "nobody"
	if _, err := Open(t.Context(), st, o); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("got %v", err)
	}
}

func TestUseIsCountedInThePeriodAndUnknownIsNotZero(t *testing.T) {
	facts := story + `
activation tier1 ada at=2026-08-02
activation tier1 ada at=2026-05-02
signin bo contoso at=2026-08-03
signin ada contoso at=2026-10-01T05:00:00Z
signin fay fabrikam at=2026-08-03`
	_, _, got := openStory(t, facts, nil)
	equal(t, "activations", got["membership tier1 ada"].Use, Use{Whole: true, Activations: 1, Last: instant(t, "2026-10-01T05:00:00Z")})
	equal(t, "sign-ins", got["membership tier1 bo"].Use, Use{Whole: true, SignIns: 1, Last: instant(t, "2026-08-03")})
	equal(t, "elsewhere does not count", got["membership desk fay"].Use, Use{Whole: true})
	equal(t, "delegation", got["delegation tier1 contoso"].Use, Use{Whole: true, Activations: 1, SignIns: 1, Last: instant(t, "2026-10-01T05:00:00Z")})

	_, _, got = openStory(t, facts+"\nunseen group-activations tier1", nil)
	if got["membership tier1 ada"].Use.Whole {
		t.Error("an unread activation log leaves the use unknown")
	}
}

func TestWindowsMustCoverThePeriod(t *testing.T) {
	at := q3.Until
	date := func(text string) store.Time { return store.Time(instant(t, text)) }
	for _, c := range []struct {
		spans []span
		want  bool
	}{
		{nil, false},
		{[]span{{Asked: date("2026-10-01")}}, false}, // no window: 30 days are certain
		{[]span{{Asked: date("2026-07-20")}, {Asked: date("2026-10-02")}, {Asked: date("2026-09-03")}, {Asked: date("2026-08-10")}}, true},
		{[]span{{Asked: date("2026-07-20")}, {Asked: date("2026-10-02")}, {Asked: date("2026-08-10")}}, false},
		{[]span{{Since: date("2026-07-01"), Until: date("2026-10-01")}}, true},
		{[]span{{Since: date("2026-08-20"), Until: date("2026-10-02")}, {Since: date("2026-06-20"), Until: date("2026-08-20")}}, true},
		{[]span{{Since: date("2026-08-21"), Until: date("2026-10-02")}, {Since: date("2026-06-20"), Until: date("2026-08-20")}}, false},
	} {
		equal(t, fmt.Sprint(c.spans), covers(c.spans, q3, at), c.want)
	}
}

func TestFindingsTouchTheirItems(t *testing.T) {
	_, _, got := openStory(t, story, func(o *OpenOptions) {
		ref := func(id string) rule.Ref { return rule.Ref{ID: id, Name: "Name of " + id} }
		o.Findings = []rule.Finding{
			{Rule: "standing", Severity: rule.High, Person: ref("fay"), Group: ref("tier1"), Customers: []string{"contoso"}, Message: "Fay stands", Fingerprint: "f1"},
			{Rule: "long", Severity: rule.Critical, Person: ref("ada"), Message: "Ada for ever", Fingerprint: "f6"},
			{Rule: "elsewhere", Severity: rule.High, Person: ref("bo"), Group: ref("other"), Message: "not here", Fingerprint: "f2"},
			{Rule: "policy", Severity: rule.Low, Group: ref("tier1"), Customers: []string{"contoso"}, Message: "weak policy", Fingerprint: "f3"},
			{Rule: "redundant", Severity: rule.Low, Group: ref("tier1"), Role: ref("x"), Customer: ref("contoso"), Customers: []string{"contoso"}, Message: "redundant", Fingerprint: "f4"},
			{Rule: "ending", Severity: rule.Medium, Relationship: ref("r1"), Customer: ref("contoso"), Message: "ends soon", Fingerprint: "f5"},
		}
	})
	for key, want := range map[string]string{
		"membership desk fay": "Fay stands", "membership tier1 ada": "Ada for ever, weak policy", "membership tier1 bo": "weak policy", "delegation tier1 contoso": "weak policy, redundant", "relationship r1 contoso": "ends soon",
	} {
		var words []string
		for _, f := range got[key].Findings {
			words = append(words, f.Message)
		}
		equal(t, key, strings.Join(words, ", "), want)
	}
	equal(t, "a grave finding asks for a look", got["membership tier1 ada"].Suggest.Verdict, SuggestReview)
}

func TestSuggestions(t *testing.T) {
	old := story + `
member tier1 leaver
member tier1 guest
user guest type=Guest
member tier1 off
user off disabled=yes
eligible tier1 gus id=e9
group dead gone=yes
group empty
group rich
member rich bo
relationship r2 customer=contoso ends=2027-06-30 roles=GA,EXO,TEAMS
assignment a2 under=r2 group=dead roles=TEAMS
assignment a3 under=r2 group=empty roles=TEAMS
assignment a4 under=r2 group=rich roles=GA,EXO
relationship r3 customer=contoso roles=READ`
	st := openStore(t)
	take(t, st, "2026-06-01T06:00:00Z", old)
	o := options(take(t, st, "2026-10-01T06:00:00Z", old+`
eligible tier1 new id=e10
signin ada contoso at=2026-09-03
signin bo contoso at=2026-08-03`))
	o.Declared.Staff = append(staff("leaver cy leaver@msp.example 2026-07-31"), company.Staff...)
	c := mustOpen(t, st, o)
	got := items(t, st, c.Name)
	for key, want := range map[string]Suggestion{
		"membership tier1 leaver":  {SuggestRevoke, "", "left on 2026-07-31"},
		"membership tier1 guest":   {SuggestRevoke, "", "a guest: the account is governed by another organisation"},
		"membership tier1 off":     {SuggestRevoke, "", "the account is disabled"},
		"membership tier1 gus":     {SuggestRevoke, "", "not used in 2026-Q3; no use is recorded"},
		"membership tier1 bo":      {SuggestChange, ToEligible, "privileged and held all the time"},
		"membership tier1 ada":     {SuggestApprove, "", "used 1 time in 2026-Q3; ends on 2026-12-31"},
		"membership tier1 new":     {SuggestApprove, "", "new in the period"},
		"delegation dead contoso":  {SuggestRevoke, "", "the group no longer exists"},
		"delegation empty contoso": {SuggestRevoke, "", "nobody is in the group"},
		"delegation rich contoso":  {SuggestChange, "Global Administrator", "other roles of the row include Exchange Administrator"},
		"relationship r1 contoso":  {SuggestReview, "", "approved but given to no group: Reports Reader"},
		"relationship r3 contoso":  {SuggestRevoke, "", "no group holds a role under it"},
	} {
		equal(t, key, got[key].Suggest, want)
	}
	equal(t, "first seen", got["membership tier1 bo"].Seen, instant(t, "2026-06-01T06:00:00Z"))
}

func TestWhatOpensNothingIsNoItem(t *testing.T) {
	_, _, got := openStory(t, story+`
group loose
member loose bo
relationship r5 status=somethingNew roles=GA
assignment a5 under=r5 group=loose roles=GA
relationship r6 customer=contoso status=expired roles=GA
assignment a6 under=r6 group=loose roles=GA`, nil)
	equal(t, "items", len(got), 6)
}

func TestSilenceUpToTheSnapshot(t *testing.T) {
	for at, want := range map[string]string{
		"2026-09-28T06:00:00Z": "not used in 2026-Q3 up to 2026-09-28; no use is recorded",
		"2026-07-20T06:00:00Z": "privileged and held all the time", // too early in the period to call it silence
	} {
		st := openStore(t)
		take(t, st, "2026-06-01T06:00:00Z", story)
		o := options(take(t, st, at, story))
		o.At = instant(t, at)
		equal(t, at, items(t, st, mustOpen(t, st, o).Name)["membership tier1 bo"].Suggest.Reason, want)
	}
}

func TestOpeningIsDeterministic(t *testing.T) {
	var hashes []string
	for range 2 {
		_, c, _ := openStory(t, story, nil)
		hashes = append(hashes, c.Seal)
	}
	equal(t, "seal", hashes[0], hashes[1])
}

func TestNoTextAboutAPersonStandsInTheTables(t *testing.T) {
	st, c, _ := openStory(t, story, func(o *OpenOptions) {
		o.Findings = []rule.Finding{{Rule: "x", Severity: rule.High, Person: rule.Ref{ID: "bo"}, Message: "Name of bo stands", Fingerprint: "f1"}}
	})
	answerAll(t, st, c.Name, map[string]Answer{"membership tier1 bo": {Decision: "revoke", Reason: "Name of bo left"}})
	if _, err := Close(t.Context(), st, c.Name, c.Due); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"campaign", "review_item", "review_assignment", "review_issue", "review_decision", "campaign_action", "campaign_uncovered", "seal"} {
		rows, err := st.Read().Queryx(`SELECT * FROM ` + table)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			values, err := rows.SliceScan()
			if err != nil {
				t.Fatal(err)
			}
			if text := fmt.Sprint(values); strings.Contains(text, "Name of") || strings.Contains(text, "@msp.example") {
				t.Errorf("%s: %s", table, text)
			}
		}
		rows.Close()
	}
}

func TestRowsAreOnlyEverAdded(t *testing.T) {
	st, c, _ := openStory(t, story, nil)
	answerAll(t, st, c.Name, nil)
	if _, err := Close(t.Context(), st, c.Name, c.Due); err != nil {
		t.Fatal(err)
	}
	var tables []string
	if err := st.Read().Select(&tables, `SELECT name FROM sqlite_schema WHERE type = 'table' AND (name GLOB 'review_*' OR name GLOB 'campaign*' OR name GLOB 'verification*') ORDER BY 1`); err != nil {
		t.Fatal(err)
	}
	equal(t, "tables", len(tables), 15)
	for _, table := range tables {
		var n int
		var column string
		if err := st.Read().Get(&n, `SELECT count(*) FROM `+table); err != nil {
			t.Fatal(err)
		}
		if err := st.Read().Get(&column, `SELECT name FROM pragma_table_info(?) WHERE cid = 0`, table); err != nil {
			t.Fatal(err)
		}
		if n == 0 && !slices.Contains([]string{"review_attempt", "review_finding", "verification", "verification_result", "campaign_uncovered", "campaign_action"}, table) {
			t.Errorf("%s holds nothing to try", table)
		}
		for _, statement := range []string{`UPDATE ` + table + ` SET ` + column + ` = ` + column, `DELETE FROM ` + table} {
			if err := exec(t, st, statement); n > 0 && (err == nil || !strings.Contains(err.Error(), "never")) {
				t.Errorf("%s: %v", statement, err)
			}
		}
	}
	for _, statement := range []string{
		`INSERT INTO review_item SELECT campaign, 99, kind, key_to, key_from, content, body FROM review_item LIMIT 1`,
		`INSERT INTO review_assignment SELECT campaign, number, 1, reviewer, member, passed FROM review_assignment LIMIT 1`,
		`INSERT INTO review_decision SELECT campaign, number, 1, 'revoke', '', NULL, 0 FROM review_item LIMIT 1`,
		`INSERT INTO campaign_action SELECT campaign, 99, number, '{}' FROM review_item LIMIT 1`,
	} {
		if err := exec(t, st, statement); err == nil {
			t.Errorf("%s: was taken after the seal", statement)
		}
	}
	if err := exec(t, st, `UPDATE review_import SET file = NULL`); err != nil {
		t.Errorf("retention may blank a file: %v", err)
	}
	whole(t, st)
}
