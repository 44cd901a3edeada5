package reviews

import (
	"fmt"
	"strings"
	"testing"

	"countersign/collectors/store"
)

// base is the story with a second group, so that access can move to it.
const base = story + `
group other
assignment a9 under=r1 group=other roles=HELP
member other zoe
`

func without(facts string, lines ...string) string {
	for _, line := range lines {
		facts = strings.Replace(facts, line+"\n", "", 1)
	}
	return facts
}

// closedStory decides as said and closes on 2026-10-15.
func closedStory(t testing.TB, facts string, said map[string]Answer) (*store.Store, Campaign) {
	t.Helper()
	st, c, _ := openStory(t, facts, nil)
	answerAll(t, st, c.Name, said)
	if _, err := Close(t.Context(), st, c.Name, c.Due); err != nil {
		t.Fatal(err)
	}
	return st, c
}

// outcome verifies by the snapshot and words the only action's outcome.
func outcome(t testing.TB, st *store.Store, c Campaign, snapshot int64) string {
	t.Helper()
	v, err := Verify(t.Context(), st, c.Name, snapshot, instant(t, "2026-12-01"))
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Results) != 1 {
		t.Fatalf("want one result, got %+v", v.Results)
	}
	return fmt.Sprintf("%s: %s (%d days)", v.Results[0].Outcome, v.Results[0].Detail, v.Results[0].Days)
}

var revoke = Answer{Decision: "Revoke", Reason: "not needed"}

func TestVerifyOutcomesOfAMembership(t *testing.T) {
	gone := without(base, "member tier1 bo")
	for name, c := range map[string]struct{ between, later, want string }{
		"gone":                {base, gone, "gone: no longer there (30 days)"},
		"still there":         {base, base, "still-there: there on 2026-11-01 (30 days)"},
		"came back":           {gone, base, "came-back: gone on 2026-10-20, there again on 2026-11-01 (30 days)"},
		"not seen in between": {gone + "unseen memberships tier1\n", base, "still-there: there on 2026-11-01 (30 days)"},
		"moved": {base, gone + "member other bo\n",
			"moved: 1 person still holds what was taken away, such as Helpdesk Administrator at The contoso through Group other (standing), a new way (30 days)"},
		"eligible now": {base, gone + "eligible tier1 bo\n",
			"moved: 1 person still holds what was taken away, such as Helpdesk Administrator at The contoso through Group tier1 (eligible), a new way (30 days)"},
		"nested now": {base, gone + "member desk bo\n",
			"moved: 1 person still holds what was taken away, such as Helpdesk Administrator at The contoso through Group tier1 (standing), a way that was there before (30 days)"},
		"elsewhere without the same role": {base, gone + "group reader\nassignment a8 under=r1 group=reader roles=REPORT\nmember reader bo\n", "gone: no longer there (30 days)"},
		"cannot tell":                     {base, gone + "unseen memberships tier1\n", "cannot-tell: memberships of Group tier1: not-permitted, 403 Forbidden (30 days)"},
		"not asked":                       {base, gone + "unasked group-assignments tier1\n", "cannot-tell: Group tier1 was not read in that snapshot (30 days)"},
		"another part not seen": {base, gone + "unseen memberships other\n",
			"gone: no longer there; other ways could not be ruled out: 1 part was not seen whole (30 days)"},
		"group deleted": {base, strings.Replace(gone, "group tier1", "group tier1 gone=yes", 1) + "unasked memberships tier1\n", "gone: no longer there (30 days)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, campaign := closedStory(t, base, map[string]Answer{"membership tier1 bo": revoke})
			take(t, st, "2026-10-20T06:00:00Z", c.between)
			equal(t, "outcome", outcome(t, st, campaign, take(t, st, "2026-11-01T09:00:00Z", c.later)), c.want)
		})
	}
}

func TestMovedToTheOtherAccount(t *testing.T) {
	st := openStore(t)
	o := options(take(t, st, "2026-10-01T06:00:00Z", base))
	o.Declared.Staff = append(staff("bo cy boadmin@msp.example"), company.Staff...)
	c := mustOpen(t, st, o)
	answerAll(t, st, c.Name, map[string]Answer{"membership tier1 bo": revoke})
	if _, err := Close(t.Context(), st, c.Name, c.Due); err != nil {
		t.Fatal(err)
	}
	got := outcome(t, st, c, take(t, st, "2026-11-01T09:00:00Z", without(base, "member tier1 bo")+"eligible other boadmin\n"))
	if !strings.HasPrefix(got, "moved: ") {
		t.Errorf("got %s", got)
	}
}

func TestVerifyEachAction(t *testing.T) {
	change := func(to string) Answer { return Answer{Decision: "Change", ChangeTo: to, Reason: "x"} }
	const assignment, agreement = "assignment a1 under=r1 group=tier1 roles=EXO,HELP", "relationship r1 customer=contoso ends=2027-06-30 roles=EXO,HELP,REPORT auto=P180D"
	swap := func(old, new string) string { return strings.Replace(base, old, new, 1) }
	for name, c := range map[string]struct {
		key, later, want string
		Answer
	}{
		"eligibility gone":                           {"membership tier1 ada", without(base, "eligible tier1 ada until=2026-12-31 id=e1"), "gone", revoke},
		"eligibility renewed":                        {"membership tier1 ada", swap("id=e1", "id=e2"), "still-there", revoke},
		"nested group gone":                          {"membership tier1 desk", without(base, "nested tier1 desk"), "gone", revoke},
		"nested group's people":                      {"membership tier1 desk", without(base, "nested tier1 desk") + "member tier1 fay", "moved", revoke},
		"made eligible":                              {"membership tier1 bo", without(base, "member tier1 bo") + "eligible tier1 bo", "gone", change("eligible")},
		"eligible and a member":                      {"membership tier1 bo", base + "eligible tier1 bo", "still-there", change("eligible")},
		"eligible, standing by":                      {"membership tier1 bo", without(base, "member tier1 bo") + "eligible tier1 bo\nmember other bo", "moved", change("eligible")},
		"given an end":                               {"membership tier1 bo", without(base, "member tier1 bo") + "assigned tier1 bo until=2026-12-31T12:00:00Z", "gone", change("2026-12-31")},
		"given a later end":                          {"membership tier1 bo", without(base, "member tier1 bo") + "assigned tier1 bo until=2027-12-31", "still-there", change("2026-12-31")},
		"assignment gone":                            {"delegation tier1 contoso", without(base, assignment), "gone", revoke},
		"assignment still there":                     {"delegation tier1 contoso", base, "still-there", revoke},
		"assignment made anew":                       {"delegation tier1 contoso", swap("assignment a1 ", "assignment a5 "), "moved", revoke},
		"assignment's part unseen":                   {"delegation tier1 contoso", without(base, assignment) + "unseen access-assignments r1", "cannot-tell", revoke},
		"assignments of an ended agreement are gone": {"delegation tier1 contoso", swap("auto=P180D", "status=terminated") + "unasked access-assignments r1", "gone", revoke},
		"reduced":                                    {"delegation tier1 contoso", swap("roles=EXO,HELP\nmember", "roles=HELP\nmember"), "gone", change("Helpdesk Administrator")},
		"not reduced":                                {"delegation tier1 contoso", base, "still-there", change("Helpdesk Administrator")},
		"ended":                                      {"relationship r1 contoso", swap("auto=P180D", "status=terminated"), "gone", revoke},
		"not ended":                                  {"relationship r1 contoso", base, "still-there", revoke},
		"terminating still gives access":             {"relationship r1 contoso", swap("auto=P180D", "status=terminating"), "still-there", revoke},
		"ended and made anew":                        {"relationship r1 contoso", swap(agreement, "relationship r7 customer=contoso roles=EXO,HELP\n"+strings.Replace(assignment, "a1 under=r1", "a7 under=r7", 1)), "moved", revoke},
		"agreements unseen":                          {"relationship r1 contoso", base + "unseen relationships " + msp, "cannot-tell", revoke},
		"renewal stopped":                            {"relationship r1 contoso", swap("auto=P180D", "auto=PT0S"), "gone", change("no renewal")},
		"renewal goes on":                            {"relationship r1 contoso", base, "still-there", change("no renewal")},
		"end not due":                                {"relationship r1 contoso", base, "cannot-tell", change("2026-12-31")},
		"end passed":                                 {"relationship r1 contoso", base, "still-there", change("2026-10-31")},
		"end set":                                    {"relationship r1 contoso", swap("ends=2027-06-30", "ends=2026-12-31"), "gone", change("2026-12-31")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st, campaign := closedStory(t, base, map[string]Answer{c.key: c.Answer})
			if got := outcome(t, st, campaign, take(t, st, "2026-11-01T09:00:00Z", c.later)); !strings.HasPrefix(got, c.want+":") {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestEachActionOfAnItemIsVerifiedByItself(t *testing.T) {
	facts := base + "assigned tier1 ada until=2026-12-01 id=x1\n"
	st, c := closedStory(t, facts, map[string]Answer{"membership tier1 ada": revoke})
	v, err := Verify(t.Context(), st, c.Name, take(t, st, "2026-11-01T09:00:00Z", base), instant(t, "2026-11-02"))
	if err != nil {
		t.Fatal(err)
	}
	whole(t, st)
	equal(t, "the membership went, the eligibility did not", fmt.Sprint(v.Results[0].Action.Action, v.Results[0].Outcome, v.Results[1].Action.Action, v.Results[1].Outcome),
		fmt.Sprint(RemoveMember, Moved, RemoveEligibility, StillThere))
}

func TestVerifyNeedsALaterSnapshotAndAClosing(t *testing.T) {
	st, c, _ := openStory(t, base, nil)
	early := take(t, st, "2026-10-15T07:00:00Z", base)
	if _, err := Verify(t.Context(), st, c.Name, early, c.Due); err == nil || !strings.Contains(err.Error(), "the campaign is open") {
		t.Errorf("open: %v", err)
	}
	answerAll(t, st, c.Name, map[string]Answer{"membership tier1 bo": revoke})
	if _, err := Close(t.Context(), st, c.Name, c.Due); err != nil {
		t.Fatal(err)
	}
	for _, id := range []int64{c.Snapshot, early} {
		if _, err := Verify(t.Context(), st, c.Name, id, c.Due); err == nil || !strings.Contains(err.Error(), "not after the closing") {
			t.Errorf("snapshot %d: %v", id, err)
		}
	}
	if _, err := Verify(t.Context(), st, c.Name, 99, c.Due); err == nil {
		t.Error("a snapshot that is not there was taken")
	}
	later := take(t, st, "2026-11-01T09:00:00Z", base)
	first, err := Verify(t.Context(), st, c.Name, later, instant(t, "2026-11-02"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := Verify(t.Context(), st, c.Name, later, instant(t, "2026-11-03"))
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "the same snapshot again", plainJSON(again), plainJSON(first))
	all, err := Verifications(t.Context(), st, c.Name)
	if err != nil || len(all) != 1 || all[0].Seal == "" {
		t.Errorf("verifications: %+v, %v", all, err)
	}
}

func TestCheckFindsWhatWasChangedBehindTheTriggers(t *testing.T) {
	st, c := closedStory(t, base, map[string]Answer{"membership tier1 bo": revoke})
	if _, err := Verify(t.Context(), st, c.Name, take(t, st, "2026-11-01T09:00:00Z", base), instant(t, "2026-11-02")); err != nil {
		t.Fatal(err)
	}
	for table, tamper := range map[string]string{
		"review_item":         `UPDATE review_item SET body = json_set(body, '$.tier', 3) WHERE number = 1`,
		"review_decision":     `UPDATE review_decision SET verdict = 'approve' WHERE verdict = 'revoke'`,
		"campaign_closing":    `UPDATE campaign_closing SET paths_covered = paths_covered - 1`,
		"verification_result": `UPDATE verification_result SET outcome = 'gone'`,
	} {
		before, err := Check(t.Context(), st)
		if err != nil {
			t.Fatal(err)
		}
		if err := exec(t, st, `DROP TRIGGER `+table+`_frozen`); err != nil {
			t.Fatal(err)
		}
		if err := exec(t, st, tamper); err != nil {
			t.Fatal(err)
		}
		after, err := Check(t.Context(), st)
		if err != nil || len(after) != len(before)+1 {
			t.Errorf("%s: %v, %v", table, after, err)
		}
	}
}
