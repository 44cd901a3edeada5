package reports

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/reports/summary"
)

const (
	mspTenant = "00000000-0000-4000-8000-00000000000f"
	acme      = "00000000-0000-4000-8000-0000000000a1"
	birch     = "00000000-0000-4000-8000-0000000000b1"
	helpdesk  = "729827e3-9c14-49f7-bb1b-9608f156bbb8"
	exchange  = "29232cdf-9323-42fd-ade2-1d097af3e4de"
)

var (
	quarter = snapshot.Quarter(time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), time.UTC, 1)
	taken   = quarter.Until.Add(4 * time.Hour)
)

func at(day string) time.Time {
	t, err := time.Parse("01-02 15:04", day)
	if err != nil {
		panic(err)
	}
	return t.AddDate(2026, 0, 0)
}

// story is one snapshot after the quarter. The group both serves Acme and Birch,
// the group alone Birch only. Ada is eligible in both, Bo stands in both.
type story struct {
	activations []snapshot.Activation
	signIns     []snapshot.SignIn
	unread      []string        // days of the sign-in log that were not read
	begun       time.Time       // from when on it was; zero: the whole first day
	failed      []snapshot.Kind // kinds of which the group's part failed
}

func (s story) seal(t *testing.T) *store.Store {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "a.db"), Create: true, Entropy: rand.NewChaCha8([32]byte{})})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	run, _, err := st.Begin(t.Context(), taken, mspTenant, "all", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	put := func(kind snapshot.Kind, object string, seen store.Seen, rows ...store.Row) {
		t.Helper()
		stage := run.Stage(store.Part{Kind: string(kind), Scope: mspTenant, Object: object})
		var items []store.Item
		for _, r := range rows {
			items = append(items, store.Item{Fact: r})
		}
		seen.Asked = taken
		if seen.State == "" {
			seen.State = store.Whole
		}
		if slices.Contains(s.failed, kind) && object == "both" {
			seen.State = "failed"
		}
		if err := stage.Put(t.Context(), items); err != nil {
			t.Fatal(err)
		}
		if err := stage.Finish(t.Context(), seen, nil); err != nil {
			t.Fatal(err)
		}
	}
	whole := store.Seen{}
	put(snapshot.Customers, mspTenant, whole, snapshot.Customer{Tenant: acme, Name: "Acme Foundry"}, snapshot.Customer{Tenant: birch, Name: "Birch & Sons"})
	put(snapshot.Relationships, mspTenant, whole,
		snapshot.Relationship{ID: "ra", Name: "acme-2026", Customer: acme, Status: "active", AutoExtend: "P180D", Activated: at("01-01 00:00"), Ends: at("12-31 00:00")},
		snapshot.Relationship{ID: "rb", Name: "birch-2026", Customer: birch, Status: "active", AutoExtend: "PT0S", Activated: at("08-01 00:00"), Ends: at("11-15 00:00")})
	put(snapshot.AccessAssignments, "ra", whole, snapshot.AccessAssignment{ID: "aa", Relationship: "ra", MappedGroup: "both", Status: "active"}, snapshot.AccessAssignmentRole{AccessAssignment: "aa", Role: exchange})
	put(snapshot.AccessAssignments, "rb", whole, snapshot.AccessAssignment{ID: "ab", Relationship: "rb", MappedGroup: "both", Status: "active"}, snapshot.AccessAssignmentRole{AccessAssignment: "ab", Role: exchange},
		snapshot.AccessAssignment{ID: "ac", Relationship: "rb", MappedGroup: "alone", Status: "active"}, snapshot.AccessAssignmentRole{AccessAssignment: "ac", Role: helpdesk})
	put(snapshot.Groups, mspTenant, whole, snapshot.Group{ID: "both", Name: "SG-Both"}, snapshot.Group{ID: "alone", Name: "SG-Birch"})
	for _, group := range []string{"both", "alone"} {
		put(snapshot.Memberships, group, whole, snapshot.GroupMember{Group: group, Principal: "bo", Type: "user", Name: "Bo (admin)", UPN: "bo@msp.example"})
		put(snapshot.GroupAssignments, group, whole)
		put(snapshot.GroupEligibilities, group, whole, snapshot.GroupEligibility{ID: "e" + group, Group: group, Principal: "ada", Access: "member"})
		put(snapshot.GroupOwners, group, whole)
		put(snapshot.GroupPolicies, group, whole, snapshot.GroupPolicy{Group: group, Access: "member", MaxActivation: "PT4H", Justification: true, Approval: group == "alone"})
		var uses []store.Row
		for _, a := range s.activations {
			if a.Group == group {
				uses = append(uses, a)
			}
		}
		put(snapshot.GroupActivations, group, whole, uses...)
	}
	put(snapshot.Users, mspTenant, whole, snapshot.User{ID: "ada", Name: "Ada (admin)", UPN: "ada@msp.example"}, snapshot.User{ID: "bo", Name: "Bo (admin)", UPN: "bo@msp.example"})
	for day := quarter.Since; day.Before(taken); day = day.AddDate(0, 0, 1) {
		name := day.Format(time.DateOnly)
		if slices.Contains(s.unread, name) {
			continue
		}
		var rows []store.Row
		for _, in := range s.signIns {
			if in.At.Format(time.DateOnly) == name {
				rows = append(rows, in)
			}
		}
		since := day
		if s.begun.After(since) {
			since = s.begun
		}
		put(snapshot.SignIns, name, store.Seen{Since: since, Until: day.AddDate(0, 0, 1)}, rows...)
	}
	_, err = run.Seal(t.Context(), func(context.Context, *sqlx.Tx, int64) (map[store.Part][]store.Row, error) {
		out := map[store.Part][]store.Row{}
		for _, group := range []string{"both", "alone"} {
			edges := snapshot.DirectMemberships([]snapshot.GroupMember{{Group: group, Principal: "bo", Type: "user"}}, nil,
				[]snapshot.GroupEligibility{{ID: "e" + group, Group: group, Principal: "ada", Access: "member"}}, nil, nil, taken)
			part := store.Part{Kind: string(snapshot.Memberships), Scope: mspTenant, Object: group}
			for _, e := range edges {
				out[part] = append(out[part], e)
			}
			for _, m := range snapshot.Close([]string{group}, edges) {
				out[part] = append(out[part], m)
			}
		}
		return out, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return st
}

var declared = snapshot.Declared{
	Staff:     []snapshot.StaffAccount{{Person: "ada", UPN: "ada@msp.example", Name: "Ada Lovelace", SupportRole: "Specialist"}},
	Customers: []snapshot.DeclaredCustomer{{Tenant: acme, Contacts: []string{"it@acme.example"}}, {Tenant: birch, Contacts: []string{"it@birch.example"}}},
}

func (s story) summaries(t *testing.T) map[string]summary.Summary {
	t.Helper()
	e, err := Load(t.Context(), s.seal(t), 1, quarter, declared)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]summary.Summary{}
	err = e.Summaries(Sender{Name: "Northgate MSP", FiscalYearStart: 1}, time.UTC, taken, e.Customers(), func(c snapshot.Customer, s summary.Summary) error {
		out[c.Tenant] = s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func use(id, group, from string, hours int, why string) snapshot.Activation {
	return snapshot.Activation{ID: id, Group: group, Principal: "ada", Access: "member", Action: "selfActivate", Status: "provisioned",
		Starts: at(from), Ends: at(from).Add(time.Duration(hours) * time.Hour), Justification: why, Ticket: "INC-" + id}
}

func signIn(id, who, customer, when string) snapshot.SignIn {
	return snapshot.SignIn{ID: id, Principal: who, UPN: who + "@msp.example", Customer: customer, At: at(when)}
}

func lines(uses []summary.Use) string {
	var out []string
	for _, u := range uses {
		out = append(out, fmt.Sprintf("%s %s %s|%s|%s|%s", u.Start.Format("01-02 15:04"), u.Person, u.Role, u.Ticket, u.Purpose, u.Withheld))
	}
	return strings.Join(out, "\n")
}

func TestUsesAreToldApart(t *testing.T) {
	got := story{
		activations: []snapshot.Activation{
			use("1", "both", "07-06 09:00", 4, "quota of a mailbox"),       // signed in to Acme alone
			use("2", "both", "08-06 09:00", 4, "rules for two customers"),  // signed in to both
			use("3", "both", "08-07 09:00", 4, "nobody came"),              // no sign-in
			use("4", "alone", "08-08 09:00", 4, "password, asked by Acme"), // serves Birch alone, names Acme
			{ID: "5", Group: "both", Principal: "ada", Access: "member", Action: "selfActivate", Status: "denied", Starts: at("08-09 09:00"), Ends: at("08-09 13:00")},
			{ID: "6", Group: "both", Principal: "ada", Access: "member", Action: "adminAssign", Status: "provisioned", Starts: at("08-09 09:00")},
			use("7", "both", "06-30 23:00", 1, "before the quarter"),
		},
		signIns: []snapshot.SignIn{
			signIn("s1", "ada", acme, "07-06 09:10"), signIn("s2", "ada", acme, "07-06 10:20"), // one stay
			signIn("s3", "ada", acme, "08-06 09:10"), signIn("s4", "ada", birch, "08-06 10:00"),
			signIn("s5", "bo", acme, "08-20 12:00"), // standing
			{ID: "s6", Principal: "bo", Customer: acme, At: at("08-21 12:00"), ErrorCode: 50126},
		},
	}.summaries(t)
	for customer, want := range map[string][2]string{
		acme: {
			"07-06 09:10 Ada Lovelace Exchange Administrator|INC-1|quota of a mailbox|\n" +
				"08-06 09:10 Ada Lovelace Exchange Administrator|||the same activation served other customers too\n" +
				"08-20 12:00 Bo (admin) Exchange Administrator|||no activation belongs to this sign-in: the access was standing",
			"08-07 09:00 Ada Lovelace Exchange Administrator|||the group serves other customers too",
		},
		birch: {
			"08-06 10:00 Ada Lovelace Exchange Administrator|||the same activation served other customers too",
			"07-06 09:00 Ada Lovelace Exchange Administrator|||the group serves other customers too\n" +
				"08-07 09:00 Ada Lovelace Exchange Administrator|||the group serves other customers too\n" +
				"08-08 09:00 Ada Lovelace Helpdesk Administrator||password, asked by [another customer]|",
		},
	} {
		if s := lines(got[customer].SignedIn.Rows); s != want[0] {
			t.Errorf("%s signed in:\n%s\nwant\n%s", customer, s, want[0])
		}
		if s := lines(got[customer].ActivatedOnly.Rows); s != want[1] {
			t.Errorf("%s activated only:\n%s\nwant\n%s", customer, s, want[1])
		}
	}
	if d := got[acme].SignedIn.Rows[0].Lasted; d != 70*time.Minute {
		t.Errorf("sign-ins within the gap are one stay: %s", d)
	}
}

func TestPeopleAndHowTheyHoldAccess(t *testing.T) {
	got := story{}.summaries(t)[birch].People
	var out []string
	for _, p := range got.Rows {
		out = append(out, fmt.Sprintf("%s, %s, %s: %s; signed in %s", p.Name, p.Job, strings.Join(p.Roles, "+"), p.How, p.SignedIn))
	}
	want := "Ada Lovelace, Specialist, Helpdesk Administrator+Exchange Administrator: Exchange Administrator: on request, at most 4 h, with a reason; Helpdesk Administrator: on request, at most 4 h, with a reason, a second person approves; signed in 0\n" +
		"Bo (admin), , Helpdesk Administrator+Exchange Administrator: permanent; signed in 0"
	if s := strings.Join(out, "\n"); s != want || got.Read != summary.Whole {
		t.Errorf("got\n%s\nwant\n%s", s, want)
	}
}

func TestAttentionForAnAgreementThatEnds(t *testing.T) {
	got := story{}.summaries(t)
	if a := got[acme].Attention; len(a) != 0 {
		t.Errorf("it extends itself, nothing needs attention: %v", a)
	}
	if a := got[birch].Attention; len(a) != 2 || a[0].Title != "Privileged access is held permanently." || a[1].Title != "Your approval for our access ends on 15 November 2026." {
		t.Errorf("got %v", a)
	}
}

func TestWhatWasNotReadIsSaid(t *testing.T) {
	whole := story{}.summaries(t)[acme]
	if whole.SignedIn.Read != summary.Whole || whole.Figures[1].Value != "0" || len(whole.Gaps) != 0 {
		t.Errorf("read whole and empty: %+v", whole.SignedIn)
	}
	holes := story{unread: []string{"2026-08-14", "2026-08-15"}, signIns: []snapshot.SignIn{signIn("s", "bo", acme, "08-20 12:00")}}.summaries(t)[acme]
	if holes.SignedIn.Read != summary.InPart || holes.Figures[1].Value != "at least 1" || !strings.HasPrefix(holes.Answer[0], "At least 1 of our people") {
		t.Errorf("got %+v, %v, %q", holes.SignedIn.Read, holes.Figures[1], holes.Answer)
	}
	if want := []string{"The sign-in log was not read from 14 August to 15 August."}; !slices.Equal(holes.Gaps, want) {
		t.Errorf("got %q", holes.Gaps)
	}
	if want := "Our sign-ins from 14 August 2026 to 15 August 2026 were not read in time. Microsoft no longer keeps the record of them, so this gap cannot be closed."; len(holes.Coverage) != 2 || holes.Coverage[1] != want || len(whole.Coverage) != 1 {
		t.Errorf("got %q, and without a hole %q", holes.Coverage, whole.Coverage)
	}
	later := story{unread: []string{"2026-09-20"}}.summaries(t)[acme]
	if want := "Our sign-ins of 20 September 2026 have not been read yet. Microsoft still keeps the record of them, so our next reading can close this gap."; len(later.Coverage) != 2 || later.Coverage[1] != want {
		t.Errorf("got %q", later.Coverage)
	}
	if before := (story{unread: []string{"2026-07-20"}}).summaries(t)[birch]; len(before.Coverage) != 1 {
		t.Errorf("Birch came on 1 August: %q", before.Coverage)
	}
	none := story{unread: []string{"2026-08-14"}}.summaries(t)[acme]
	if none.Figures[1].Value != "" || !strings.HasPrefix(none.Answer[0], "We cannot say") {
		t.Errorf("nothing seen in a log with a hole is unknown: %+v %q", none.Figures[1], none.Answer)
	}
	members := story{failed: []snapshot.Kind{snapshot.Memberships}}.summaries(t)[acme]
	if members.People.Read == summary.Whole || members.Incomplete == "" || members.AnswerTone == summary.Good {
		t.Errorf("members were not read: %+v %q", members.People.Read, members.Incomplete)
	}
}

func TestDaysBeforeTheFirstAgreementAreNotServed(t *testing.T) {
	count := map[summary.DayState]int{}
	for _, d := range (story{}).summaries(t)[birch].Days {
		count[d.State]++
	}
	if count[summary.NotServed] != 31 || count[summary.Complete] != 61 {
		t.Errorf("Birch came on 1 August: %v", count)
	}
}

// TestTheFirstDayIsReadInPart: as far back as Microsoft kept the log, which seldom is
// until midnight.
func TestTheFirstDayIsReadInPart(t *testing.T) {
	s := story{begun: at("07-01 06:00")}.summaries(t)[acme]
	if s.Days[0].State != summary.Missing || s.Days[1].State != summary.Complete || s.SignedIn.Read != summary.InPart {
		t.Errorf("the first days are %v, %v; the log is read %v", s.Days[0].State, s.Days[1].State, s.SignedIn.Read)
	}
}

func TestTheCodeFollowsFromWhatIsSaid(t *testing.T) {
	a, b := story{}.summaries(t)[acme], story{}.summaries(t)[acme]
	if a.VerificationCode != b.VerificationCode || len(a.VerificationCode) != len("CS-AAAA-AAAA-AAAA-AAAA") {
		t.Errorf("%s and %s", a.VerificationCode, b.VerificationCode)
	}
	c := story{signIns: []snapshot.SignIn{signIn("s", "bo", acme, "08-20 12:00")}}.summaries(t)[acme]
	if c.VerificationCode == a.VerificationCode {
		t.Error("another use, the same code")
	}
}
