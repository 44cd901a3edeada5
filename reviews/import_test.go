package reviews

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"countersign/collectors/store"
)

func refusal(t testing.TB, st *store.Store, o ImportOptions) []string {
	t.Helper()
	before := count1(t, st, `SELECT count(*) FROM review_attempt`)
	head, err := st.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = Import(t.Context(), st, o)
	var refused *Refused
	if !errors.As(err, &refused) {
		t.Fatalf("taken over: %v", err)
	}
	equal(t, "attempts", count1(t, st, `SELECT count(*) FROM review_attempt`), before+1)
	if now, err := st.Head(t.Context()); err != nil || now.Hash != head.Hash {
		t.Errorf("a refusal sealed something: %v", err)
	}
	var lines []string
	for _, f := range refused.Faults {
		if f.Problem == "" || f.Cure == "" {
			t.Errorf("a fault needs a problem and a cure: %+v", f)
		}
		lines = append(lines, strings.TrimSpace(f.Sheet+" "+f.Cell+" "+f.Problem))
	}
	return lines
}

func count1(t testing.TB, st *store.Store, query string) (n int) {
	t.Helper()
	if err := st.Read().Get(&n, query); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestImportTakesOverDecisionsWithTheFile(t *testing.T) {
	st, c, got := openStory(t, story, nil)
	bo, ada := got["membership tier1 bo"], got["membership tier1 ada"]
	o := returned(t, st, c.Name, "cy", 1,
		Answer{Item: bo.ID, Decision: "Change", ChangeTo: "Eligible", Reason: " held all the time "},
		Answer{Item: ada.ID, Decision: "approve", Reason: "on call"})
	receipt := mustImport(t, st, o)
	equal(t, "receipt", fmt.Sprint(receipt.Decided, receipt.Open, receipt.Notes), "map[approve:1 change:1] 1 []")
	whole(t, st)

	now := items(t, st, c.Name)["membership tier1 bo"].Decision
	equal(t, "decision", fmt.Sprint(now.Verdict, now.ChangeTo, now.Reason, now.Reviewer.Name, now.At), fmt.Sprint("change", "eligible", "held all the time", "Name of cy", o.At))
	var file []byte
	if err := st.Read().Get(&file, `SELECT file FROM review_import`); err != nil || string(file) != string(o.File) {
		t.Errorf("file %q, %v", file, err)
	}
	var kind string
	if err := st.Read().Get(&kind, `SELECT kind FROM seal ORDER BY seq DESC LIMIT 1`); err != nil || kind != "import" {
		t.Errorf("last seal is %q, %v", kind, err)
	}

	again := mustImport(t, st, o)
	equal(t, "same file twice", fmt.Sprint(again.Repeated, again.Import == receipt.Import, again.Notes), "true true [this file was taken over before; nothing was changed]")
	equal(t, "imports", count1(t, st, `SELECT count(*) FROM review_import`), 1)

	mustImport(t, st, returned(t, st, c.Name, "cy", 2, Answer{Item: bo.ID, Decision: "Revoke", Reason: "changed my mind"}))
	history, err := loaded(t, st, c.Name).decisions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "history is kept", len(history), 3)
	equal(t, "newest wins", items(t, st, c.Name)["membership tier1 bo"].Decision.Verdict, Revoke)
	equal(t, "blank stays as it was", items(t, st, c.Name)["membership tier1 ada"].Decision.Verdict, Approve)
	whole(t, st)
}

func TestImportListsEveryFault(t *testing.T) {
	st, c, got := openStory(t, story, nil)
	bo, ada, fay, del := got["membership tier1 bo"].ID, got["membership tier1 ada"].ID, got["membership desk fay"].ID, got["delegation tier1 contoso"].ID
	at := func(cell string, a Answer) Answer { a.Sheet, a.Cell = "Decide", cell; return a }
	o := returned(t, st, c.Name, "cy", 1,
		at("A1", Answer{Item: "AR26Q3-000999-7F", Decision: "Approve", Reason: "x"}),
		at("A2", Answer{Item: del, Decision: "Approve", Reason: "x"}),
		at("A3", Answer{Item: bo, Decision: "Approve"}),
		at("A4", Answer{Item: bo, Decision: "Approve", Reason: "x"}),
		at("A5", Answer{Item: ada, Decision: "Change", ChangeTo: "eligible", Reason: "x"}),
		at("A6", Answer{Item: fay, Decision: "ok", Reason: "x"}))
	o.SignOff = SignOff{"Name of cy", "2 October", " "}
	equal(t, "faults", strings.Join(refusal(t, st, o), "\n"), strings.Join([]string{
		"Sign-off  Statement is blank.",
		`Sign-off  Date "2 October" is not a date.`,
		"Decide A1 The item is not part of campaign AR26Q3.",
		"Decide A2 The item was not given to this reviewer.",
		"Decide A3 The row is privileged and needs its own Reason.",
		"Decide A4 The item stands there twice.",
		`Decide A5 "eligible" is not among what this row may be changed to.`,
		`Decide A6 "ok" is not a decision.`,
	}, "\n"))
	equal(t, "decisions", count1(t, st, `SELECT count(*) FROM review_decision`)+count1(t, st, `SELECT count(*) FROM review_import`), 0)
}

func TestImportJudgesEachRow(t *testing.T) {
	st, c, got := openStory(t, story+"\ngroup low\nassignment a2 under=r1 group=low roles=REPORT,READ\nmember low bo\nassigned low ada until=2026-12-01", nil)
	for _, test := range []struct {
		key, want string
		Answer
	}{
		{"membership low bo", "", Answer{Decision: "Approve"}}, // unprivileged: no reason needed
		{"membership low bo", "This decision needs a Reason.", Answer{Decision: "Revoke", Reason: " - "}},
		{"membership low bo", "This decision needs a Reason.", Answer{Decision: "Not sure"}},
		{"membership low bo", "Change to is filled in, but the decision is not Change.", Answer{Decision: "Revoke", ChangeTo: "eligible", Reason: "x"}},
		{"membership low bo", "The row cannot be approved together with others.", Answer{Decision: "Approve", Reaffirmed: true}},
		{"membership low bo", "The date 2026-10-01 has passed.", Answer{Decision: "Change", ChangeTo: "2026-10-01", Reason: "x"}},
		{"membership low bo", `"2026-13-01" is not among what this row may be changed to.`, Answer{Decision: "Change", ChangeTo: "2026-13-01", Reason: "x"}},
		{"membership low ada", "The date 2026-12-02 is not before the end on 2026-12-01.", Answer{Decision: "Change", ChangeTo: "2026-12-02", Reason: "x"}},
		{"membership low ada", "", Answer{Decision: "Change", ChangeTo: "2026-11-02", Reason: "x"}},
		{"membership low bo", "The Reason is longer than 2000 characters.", Answer{Decision: "Revoke", Reason: strings.Repeat("é", 2001)}},
		{"delegation low contoso", `"Helpdesk Administrator" is not one of the roles of this row.`, Answer{Decision: "Change", ChangeTo: "Helpdesk Administrator", Reason: "x"}},
		{"delegation low contoso", "Every role of this row is kept, so nothing would change.", Answer{Decision: "Change", ChangeTo: "directory readers; Reports Reader;", Reason: "x"}},
		{"delegation low contoso", "No role is named.", Answer{Decision: "Change", ChangeTo: ";", Reason: "x"}},
		{"delegation low contoso", "", Answer{Decision: "Change", ChangeTo: "reports reader", Reason: "x"}},
		{"relationship r1 contoso", "", Answer{Decision: "Change", ChangeTo: "No renewal", Reason: "x"}},
		{"relationship r1 contoso", `"eligible" is not among what this row may be changed to.`, Answer{Decision: "Change", ChangeTo: "eligible", Reason: "x"}},
	} {
		item := got[test.key]
		test.Answer.Item = item.ID
		o := returned(t, st, c.Name, item.Reviewer.ID, 0, test.Answer)
		o.File = fmt.Append(nil, test)
		if test.want == "" {
			mustImport(t, st, o)
		} else {
			equal(t, fmt.Sprint(test.key, test.Answer), strings.Join(refusal(t, st, o), "; "), test.want)
		}
	}
	equal(t, "canonical", items(t, st, c.Name)["delegation low contoso"].Decision.ChangeTo, "Reports Reader")
}

func TestImportRefusesWhatIsNotTheOpenWorkbook(t *testing.T) {
	st, c, got := openStory(t, story, nil)
	good := func() ImportOptions {
		return returned(t, st, c.Name, "cy", 1, Answer{Item: got["membership tier1 bo"].ID, Decision: "Approve", Reason: "x"})
	}
	o := good()
	o.Reviewer = "dee"
	equal(t, "wrong reviewer", refusal(t, st, o), []string{"The workbook was not issued to this reviewer."})
	o = good()
	o.Token = issued(t, st, c.Name, "dee").Token
	equal(t, "another's token", refusal(t, st, o), []string{"The workbook was not issued to this reviewer."})
	o = good()
	o.SignOff.Reviewer = "Somebody else"
	equal(t, "signed by another name is told", mustImport(t, st, o).Notes, []string{`the workbook was issued to Name of cy and signed as "Somebody else"`})
	o = good()
	o.Importer = ""
	if _, err := Import(t.Context(), st, o); err == nil {
		t.Error("an import without an importer was taken over")
	}
	if _, err := Close(t.Context(), st, c.Name, c.Due); err != nil {
		t.Fatal(err)
	}
	o = good()
	o.File = []byte("late")
	equal(t, "closed", refusal(t, st, o), []string{"Campaign AR26Q3 was closed on 2026-10-15."})
	if _, err := Close(t.Context(), st, c.Name, c.Due); err == nil {
		t.Error("closed twice")
	}
	whole(t, st)
}

func TestNotSureGoesToTheNextInLine(t *testing.T) {
	st, c, got := openStory(t, story, nil)
	first := issued(t, st, c.Name, "dee")
	sheetOf := func(u Issue) string {
		t.Helper()
		sheet, err := Workbook(t.Context(), st, c.Name, u.Token)
		if err != nil {
			t.Fatal(err)
		}
		for i := range sheet.Decide {
			sheet.Decide[i].Decision = nil // is no part of what is issued
		}
		return fmt.Sprintf("%+v", sheet.Decide)
	}
	asIssued := sheetOf(issued(t, st, c.Name, "cy"))
	bo := got["membership tier1 bo"]
	stale := returned(t, st, c.Name, "dee", 1)
	receipt := mustImport(t, st, returned(t, st, c.Name, "cy", 1, Answer{Item: bo.ID, Decision: "Not sure", Reason: "new to me"}))
	equal(t, "moved", fmt.Sprint(receipt.Moved), fmt.Sprint([]Move{{bo.ID, got["delegation tier1 contoso"].Reviewer, []Substitution{{"cy", "Name of cy", "was not sure"}}}}))
	now := items(t, st, c.Name)["membership tier1 bo"]
	equal(t, "reviewer", seats(now), "dee | cy was not sure")
	if now.Decision != nil {
		t.Error("not sure decides nothing")
	}
	second := issued(t, st, c.Name, "dee")
	equal(t, "revision", fmt.Sprint(first.Revision, second.Revision, first.Token != second.Token), "1 2 true")
	equal(t, "filled in before more was handed on", mustImport(t, st, stale).Notes, []string{"revision 2 is out with the rows that are still open"})

	sheet, err := Workbook(t.Context(), st, c.Name, second.Token)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "rows of the new revision", len(sheet.Decide), 4) // desk, delegation, relationship and bo

	equal(t, "a workbook stays as it was issued", sheetOf(issued(t, st, c.Name, "cy")), asIssued)

	// cy returns a corrected file: the same Not sure is no fault, a verdict is
	o := returned(t, st, c.Name, "cy", 2, Answer{Item: bo.ID, Decision: "Not sure", Reason: "new to me"})
	equal(t, "said before", mustImport(t, st, o).Notes, []string{"item " + bo.ID + " was handed on before"})
	o = returned(t, st, c.Name, "cy", 3, Answer{Item: bo.ID, Decision: "Approve", Reason: "now I know"})
	equal(t, "too late", refusal(t, st, o), []string{"The item was handed on to another reviewer."})

	mustImport(t, st, returned(t, st, c.Name, "dee", 2, Answer{Item: bo.ID, Decision: "Not sure", Reason: "nor I"}))
	stale.File = []byte("an older copy, sent again")
	equal(t, "superseded", refusal(t, st, stale), []string{"Revision 1 is superseded by revision 2, which came back already."})
	equal(t, "then the fallback", seats(items(t, st, c.Name)["membership tier1 bo"]), "eve | cy was not sure | dee was not sure")
	mustImport(t, st, returned(t, st, c.Name, "eve", 1, Answer{Item: bo.ID, Decision: "Not sure", Reason: "nor I"}))
	equal(t, "nobody is left", seats(items(t, st, c.Name)["membership tier1 bo"]), " | cy was not sure | dee was not sure | eve was not sure")
	p, err := Status(t.Context(), st, c.Name)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "unassigned", p.Unassigned, 1)
	whole(t, st)
}

func TestParallelImportsOfOneFileGiveOneResult(t *testing.T) {
	st, c, got := openStory(t, story, nil)
	o := returned(t, st, c.Name, "cy", 1, Answer{Item: got["membership tier1 bo"].ID, Decision: "Approve", Reason: "x"})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if _, err := Import(t.Context(), st, o); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	equal(t, "imports", count1(t, st, `SELECT count(*) FROM review_import`), 1)
	whole(t, st)
}

func TestReaffirmation(t *testing.T) {
	facts := story + "\ngroup low\nassignment a2 under=r1 group=low roles=REPORT,READ\nmember low bo"
	for _, used := range []string{"2026-02-01", "2026-05-01", "2026-08-01", "2026-11-01", "2027-02-01"} {
		facts += "\nsignin bo contoso at=" + used
	}
	st := openStore(t)
	key := "membership low bo"
	where := func(at string, extra string) string {
		t.Helper()
		o := options(take(t, st, at, facts+extra))
		o.At = instant(t, at).AddDate(0, 0, 1)
		o.Period = quarter(t, at)
		c := mustOpen(t, st, o)
		sheet, err := Workbook(t.Context(), st, c.Name, issued(t, st, c.Name, "cy").Token)
		if err != nil {
			t.Fatal(err)
		}
		found := "nowhere"
		answers := []Answer{}
		for _, row := range sheet.Decide {
			if row.Key == (Key{Membership, "low", "bo"}) {
				found = "decide"
				answers = append(answers, Answer{Item: row.ID, Decision: "Approve"})
			}
		}
		for _, row := range sheet.Reaffirm {
			if row.Privileged() {
				t.Errorf("privileged row %s is offered for approval in bulk", row.ID)
			}
			if row.Key == (Key{Membership, "low", "bo"}) {
				found = "reaffirm"
				answers = append(answers, Answer{Item: row.ID, Decision: "Approve", Reaffirmed: true})
			}
		}
		mustImport(t, st, returned(t, st, c.Name, "cy", 1, answers...))
		if _, err := Close(t.Context(), st, c.Name, o.At.AddDate(0, 0, 3)); err != nil {
			t.Fatal(err)
		}
		if before := items(t, st, c.Name)[key].Before; before != nil && (before.Verdict != Approve || before.Reviewer != "cy") {
			t.Errorf("previous decision: %+v", before)
		}
		return found
	}
	equal(t, "first", where("2026-01-01", ""), "decide")
	equal(t, "unchanged", where("2026-04-01", ""), "reaffirm")
	equal(t, "unchanged again", where("2026-07-01", ""), "reaffirm")
	equal(t, "two in a row are the limit", where("2026-10-01", ""), "decide")
	equal(t, "counted anew", where("2027-01-01", ""), "reaffirm")
	equal(t, "changed", where("2027-04-01", "\nassignment a3 under=r1 group=low roles=TEAMS"), "decide")
	whole(t, st)
}

func TestWorkbookRowsAreDeterministicAndSortedByRisk(t *testing.T) {
	st, c, _ := openStory(t, story+"\nassignment a0 under=r1 group=desk roles=GA", nil)
	u := issued(t, st, c.Name, "dee")
	var texts []string
	for range 2 {
		sheet, err := Workbook(t.Context(), st, c.Name, u.Token)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range sheet.Decide {
			if i > 0 && row.Tier < sheet.Decide[i-1].Tier {
				t.Error("rows are not sorted by risk")
			}
			if len(row.Check) != 32 {
				t.Errorf("check %q", row.Check)
			}
		}
		texts = append(texts, plainJSON(sheet.Decide))
	}
	equal(t, "rows", texts[0], texts[1])
	if _, err := Workbook(t.Context(), st, c.Name, "guessed"); err == nil {
		t.Error("a token nobody issued names no workbook")
	}
}
