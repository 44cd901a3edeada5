package summary_test

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"testing"
	"time"

	"countersign/reports/summary"
)

// The invented customers of the goldens: an ordinary quarter, one with holes in
// its records, one in which next to nothing happened, and one served through
// groups that serve many customers.
var examples = map[string]func(testing.TB) summary.Summary{
	"full": full, "incomplete": incomplete, "quiet": quiet, "busy": busy,
}

func berlin(t testing.TB) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func logo(t testing.TB) []byte {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, 160, 60))
	for x := range 160 {
		for y := range 60 {
			if (x/20+y/20)%2 == 0 {
				picture.Set(x, y, color.NRGBA{255, 255, 255, 200})
			}
		}
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// base is a quarter with every day complete and nothing in it.
func base(t testing.TB) summary.Summary {
	zone := berlin(t)
	s := summary.Summary{
		MSP: "Northgate MSP", MSPContact: "trust@northgate.example, +49 30 5550 100", BrandColour: "#17314d",
		Customer: "Contoso Fabrication GmbH", CustomerDomain: "contoso-fab.onmicrosoft.com", TenantID: "8f0c1b52-6a4d-4c3e-9f27-0d5a7e21c9b4",
		Since: time.Date(2026, 7, 1, 0, 0, 0, 0, zone), Until: time.Date(2026, 10, 1, 0, 0, 0, 0, zone), Zone: zone,
		ShortPeriod: "Q3 2026", PreviousPeriod: "Q2 2026", Created: time.Date(2026, 10, 1, 4, 12, 0, 0, time.UTC),
		VerificationCode: "NG-26Q3-0417-7F3K-9QXM",
		Seal:             "7b1f0c6f2d9a4f5f3f0d8f6f1f2b7f8a8b0f5d5c3a4e2b1c9d8e7f6a5b4c3d2e",
		PreviousSeal:     "e0c1a2b3d4f5061728394a5b6c7d8e9fa0b1c2d3e4f5061728394a5b6c7d8e9f",
		Sources: []summary.Source{
			{Name: "Sign-in log of Northgate MSP", ReadAt: time.Date(2026, 10, 1, 2, 0, 0, 0, time.UTC), Window: "1 July to 30 September 2026", State: summary.Whole},
			{Name: "Activation requests", ReadAt: time.Date(2026, 10, 1, 2, 1, 0, 0, time.UTC), Window: "1 July to 30 September 2026", State: summary.Whole},
			{Name: "Agreements and the groups that hold them", ReadAt: time.Date(2026, 10, 1, 2, 2, 0, 0, time.UTC), Window: "as of each day", State: summary.Whole},
		},
	}
	for d := s.Since; d.Before(s.Until); d = d.AddDate(0, 0, 1) {
		s.Days = append(s.Days, summary.Day{Date: d, State: summary.Complete})
	}
	s.People.Read, s.SignedIn.Read, s.ActivatedOnly.Read, s.Agreements.Read = summary.Whole, summary.Whole, summary.Whole, summary.Whole
	return s
}

var staff = []struct{ name, account, job string }{
	{"Priya Raman", "priya.raman@northgate.example", "Senior engineer"},
	{"Jürgen Weiß", "adm-juergen.weiss@northgate.example", "Service desk"},
	{"Łukasz Żółć", "adm-lukasz.zolc@northgate.example", "Service desk"},
	{"Олена Коваль", "adm-olena.koval@northgate.example", "Security analyst"},
	{"Νίκος Παπαδόπουλος", "adm-nikos.papadopoulos@northgate.example", "Cloud engineer"},
	{"佐藤 花子", "adm-hanako.sato@northgate.example", "Escalation engineer"},
	{"Søren Kjær", "adm-soren.kjaer@northgate.example", "Account manager"},
}

func full(t testing.TB) summary.Summary {
	s := base(t)
	zone := s.Zone
	s.Logo = logo(t)
	s.Answer = []string{"6 of our people entered your tenant, 19 times.", "Nobody holds permanent administrator access.", "One item needs your attention."}
	s.AnswerTone = summary.Good
	s.Figures = []summary.Figure{
		{Value: "7", Label: "people with access", Note: "6 used it", Previous: "9"},
		{Value: "19", Label: "sign-ins to your tenant", Note: "6 more activations without a sign-in", Previous: "26"},
		{Value: "1 h 52", Label: "average duration", Note: "longest: 4 h 00 (limit 8 h)", Previous: "2 h 10"},
		{Value: "0", Label: "people with permanent administrator access", Previous: ""},
	}
	s.Attention = []summary.Attention{{Title: "Your approval for our access ends", By: time.Date(2026, 12, 14, 0, 0, 0, 0, zone),
		Text: "We will ask you to approve a new agreement with two roles fewer (Exchange Administrator and Groups Administrator are no longer needed). You decide in the Microsoft 365 admin center under Settings, Partner relationships."}}
	for i := 45; i <= 46; i++ { // 15 and 16 August
		s.Days[i].State = summary.Recovered
	}
	s.Coverage = []string{"We read the records every day at 04:00.", "On 15 and 16 August the sign-in log could not be read; both days were read from the same log on 17 August."}
	s.Gaps = []string{"None that lost anything: 15 and 16 August were read two days later"}
	s.NotCovered = []string{"Azure subscriptions: no record of them was collected in this period."}
	s.Glossary = []summary.Term{{Word: "Service desk", Meaning: "Our first contact for your staff, Monday to Friday, 07:00 to 19:00."}}

	roles := [][]string{
		{"Exchange Administrator", "User Administrator"}, {"Helpdesk Administrator", "Service Support Administrator"}, {"Helpdesk Administrator"},
		{"Security Reader", "Global Reader"}, {"Intune Administrator", "Cloud Device Administrator"}, {"Privileged Authentication Administrator"}, {"Directory Readers"},
	}
	how := []string{"on request (PIM), at most 8 h, with a reason", "on request (PIM), at most 8 h, with a reason", "on request (PIM), at most 4 h", "on request (PIM), at most 8 h",
		"on request (PIM), at most 8 h, a second person approves", "on request (PIM), at most 2 h, a second person approves", "permanent, read only"}
	kinds := []summary.RoleKind{summary.Administration, summary.ReadSupport, summary.ReadSupport, summary.ReadSupport, summary.Administration, summary.HighImpact, summary.ReadSupport}
	purposes := []struct{ ticket, text string }{
		{"INC-20418", "Mailbox delegation for new sales assistant"}, {"INC-20455", "Password reset, user locked out after holiday"},
		{"CHG-3307", "Retention policy for finance mailboxes, agreed with Ms Albrecht on 12 August; roll-back prepared"},
		{"INC-20501", "MFA re-registration after phone loss 📱"}, {"", "Monthly security review"}, {"", ""}, {"INC-20533", ""},
	}
	counts := [7][2]int{}
	last := [7]time.Time{}
	for i := range 25 {
		who := (i*i + i/3) % 6
		start := time.Date(2026, 7, 1, 8, 17, 0, 0, zone).AddDate(0, 0, i*11/3).Add(time.Duration(i%5) * 67 * time.Minute)
		u := summary.Use{Start: start, Lasted: time.Duration(20+i*37%220) * time.Minute, Person: staff[who].name, Account: staff[who].account,
			Role: roles[who][i%len(roles[who])], Kind: kinds[who], Purpose: purposes[i%7].text, Ticket: purposes[i%7].ticket, Approval: "not needed"}
		if who > 3 {
			u.Approval = "by a second person"
		}
		last[who] = start
		if i%4 == 2 {
			u.Withheld = "this activation also served other customers, and nothing ties its reason to you"
			s.ActivatedOnly.Rows = append(s.ActivatedOnly.Rows, u)
			counts[who][1]++
			continue
		}
		if i%6 == 3 {
			u.Lasted = 0
		}
		s.SignedIn.Rows = append(s.SignedIn.Rows, u)
		counts[who][0]++
	}
	for i, p := range staff {
		s.People.Rows = append(s.People.Rows, summary.Person{Name: p.name, Account: p.account, Job: p.job, Roles: roles[i], How: how[i],
			SignedIn: summary.Number(counts[i][0]), Activated: summary.Number(counts[i][1]), LastUse: last[i]})
	}
	s.Agreements.Rows = []summary.Agreement{
		{Name: "Contoso-Northgate-2024", Roles: []string{"Exchange Administrator", "Groups Administrator", "Helpdesk Administrator", "Intune Administrator", "User Administrator", "Security Reader"},
			Start: time.Date(2024, 12, 15, 0, 0, 0, 0, zone), End: time.Date(2026, 12, 14, 23, 0, 0, 0, zone), Status: "active", Renewal: "ends unless you approve a new one", Note: "Two roles were never used"},
		{Name: "Contoso-Escalation", Roles: []string{"Privileged Authentication Administrator"}, Start: time.Date(2026, 3, 1, 0, 0, 0, 0, zone), End: time.Date(2027, 2, 28, 0, 0, 0, 0, zone), Status: "active", Renewal: "renews by itself for 6 months"},
	}
	return s
}

func incomplete(t testing.TB) summary.Summary {
	s := full(t)
	s.Logo, s.BrandColour = nil, "#ffd54a"
	s.Answer = []string{"At least 6 of our people entered your tenant. For 9 days we cannot say who did."}
	s.Incomplete = "The sign-in log was closed to us from 20 to 28 August"
	for i := 50; i < 59; i++ {
		s.Days[i].State = summary.Missing
	}
	for i := range 12 {
		s.Days[i].State = summary.NotServed
	}
	s.SignedIn.Read, s.SignedIn.Gap = summary.InPart, "consent was withdrawn on 20 August and given again on 29 August"
	s.Sources[0].State, s.Sources[0].Note = summary.InPart, "20 to 28 August are missing; Microsoft no longer holds them"
	s.Gaps = []string{"Sign-in log, 20 to 28 August 2026: permission AuditLog.Read.All was missing"}
	s.Coverage = nil
	s.Figures[1] = summary.Figure{Label: "sign-ins to your tenant", Note: "19 are known", Previous: "26"}
	for i := range s.People.Rows {
		s.People.Rows[i].SignedIn = summary.Count{}
		if i == 3 {
			s.People.Rows[i].LastUse = time.Time{}
		}
	}
	s.SignedIn.Rows[2].Start = time.Time{}
	s.Agreements.Rows[1].Endless, s.Agreements.Rows[1].Renewal = true, ""
	return s
}

func quiet(t testing.TB) summary.Summary {
	s := base(t)
	s.Answer, s.AnswerTone = []string{"Nobody of us entered your tenant."}, summary.Good
	s.PreviousPeriod = ""
	s.Figures = []summary.Figure{{Value: "0", Label: "people with access"}, {Value: "0", Label: "sign-ins to your tenant"}}
	return s
}

// busy is 300 activations, nearly all through groups that serve other customers too.
func busy(t testing.TB) summary.Summary {
	s := full(t)
	s.Logo, s.ActivatedOnly.Rows = nil, nil
	s.Answer = []string{"6 of our people entered your tenant, 19 times.", "One item needs your attention."}
	s.Figures = []summary.Figure{
		{Value: "36", Label: "people who can have access", Note: "of us, now or on request"},
		{Value: "19", Label: "stays in your tenant", Note: "by 6 of our people"},
		{Value: "300", Label: "activations without a sign-in", Note: "allowed entry, none seen here"},
		{Value: "35", Label: "hold privileged access permanently", Note: "of our people"},
	}
	roles := []string{"User Administrator", "Helpdesk Administrator", "Exchange Administrator; Groups Administrator"}
	for i := range 300 {
		who := (i*i*7 + i/5) % 23
		u := summary.Use{Start: s.Since.AddDate(0, 0, i*92/300).Add(time.Duration(450+i*47%600) * time.Minute), Lasted: time.Duration(1+i*i%3) * time.Hour,
			Person: staff[who%7].name, Account: staff[who%7].account, Role: roles[who%3], Kind: summary.Administration, Approval: "not needed",
			Withheld: "the same activation served other customers too"}
		if who > 6 {
			u.Person, u.Account = fmt.Sprintf("Engineer %c", 'A'+who), fmt.Sprintf("adm-engineer-%c@northgate.example", 'a'+who)
		}
		switch {
		case i%60 == 7:
			u.Withheld, u.Ticket, u.Purpose = "", fmt.Sprintf("INC-%d", 21000+i), "Shared mailbox for the works council"
		case i%4 == 1: // more than one row holds
			u.Person, u.Account, u.Role, u.Lasted = staff[0].name, staff[0].account, roles[0], 2*time.Hour
		case who == 9:
			u.Lasted = 0
		case who == 12:
			u.Kind, u.Role, u.Approval, u.Lasted = summary.HighImpact, "Privileged Role Administrator", "by a second person", 30*time.Minute
		}
		s.ActivatedOnly.Rows = append(s.ActivatedOnly.Rows, u)
	}
	return s
}
