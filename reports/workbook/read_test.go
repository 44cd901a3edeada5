package workbook

import (
	"bytes"
	"fmt"
	"html"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"
)

// Rows of sample(6): 0 and 3 memberships, 1 and 4 delegations, 2 and 5
// relationships; 0 and 5 privileged. To re-affirm: 6, 7, 8; none privileged.
func items(b Book) (ids []string) {
	for _, rows := range [][]Row{b.Decide, b.Reaffirm} {
		for _, r := range rows {
			ids = append(ids, r.Item)
		}
	}
	return ids
}

// answered is sample(6) with every kind of answer, and what must come back.
func answered(t testing.TB) (Book, []byte, []Answer) {
	b := sample(6)
	id := items(b)
	data := edited(t, written(t, b), func(f *excelize.File) {
		sign(t, f)
		for _, in := range [][4]string{
			{sheetDecide, id[0], headDecision, "Change"}, {sheetDecide, id[0], headChangeTo, "Eligible"}, {sheetDecide, id[0], headReason, "used on 4 days"},
			{sheetDecide, id[1], headDecision, "change"}, {sheetDecide, id[1], headChangeTo, "global reader; Helpdesk Administrator;"}, {sheetDecide, id[1], headReason, "=1+1 looks like a formula"},
			{sheetDecide, id[2], headDecision, "Change"}, {sheetDecide, id[2], headChangeTo, "2026-12-01"}, {sheetDecide, id[2], headReason, "contract ends"},
			{sheetDecide, id[3], headDecision, "\u00a0Approve\u200b "},
			{sheetDecide, id[4], headDecision, "Not sure"}, {sheetDecide, id[4], headReason, "ask Søren\nor 佐藤"},
			{sheetReaffirm, id[7], headDecision, "Revoke"}, {sheetReaffirm, id[7], headReason, "left the team \u202e"},
		} {
			set(t, f, in[0], in[1], in[2], in[3])
		}
		approveAll(t, f)
	})
	return b, data, []Answer{
		{Item: id[0], Decision: Change, ChangeTo: "eligible", Reason: "used on 4 days", Sheet: sheetDecide},
		{Item: id[1], Decision: Change, ChangeTo: "Global Reader; Helpdesk Administrator", Reason: "=1+1 looks like a formula", Sheet: sheetDecide},
		{Item: id[2], Decision: Change, ChangeTo: "2026-12-01", Reason: "contract ends", Sheet: sheetDecide},
		{Item: id[3], Decision: Approve, Sheet: sheetDecide},
		{Item: id[4], Decision: NotSure, Reason: "ask Søren\nor 佐藤", Sheet: sheetDecide},
		{Item: id[6], Decision: Approve, Sheet: sheetReaffirm, Reaffirmed: true},
		{Item: id[7], Decision: Revoke, Reason: "left the team <U+202E>", Sheet: sheetReaffirm},
		{Item: id[8], Decision: Approve, Sheet: sheetReaffirm, Reaffirmed: true},
	}
}

// wantAnswers compares without the row numbers, which differ with every variant.
func wantAnswers(t testing.TB, got Returned, want []Answer, sheets bool) {
	t.Helper()
	for i := range got.Answers {
		got.Answers[i].Row = 0
		if !sheets && i < len(want) {
			got.Answers[i].Sheet = want[i].Sheet
		}
	}
	if !reflect.DeepEqual(got.Answers, want) {
		t.Errorf("answers\n got %+v\nwant %+v", got.Answers, want)
	}
	if got.Reviewer != "Dana Whitfield" || got.Date != "2026-10-12" || got.Statement != statement || got.Blank != 1 {
		t.Errorf("signed %q %q %q, %d open", got.Reviewer, got.Date, got.Statement, got.Blank)
	}
}

func TestReadWhatWasWritten(t *testing.T) {
	b, data, want := answered(t)
	got := taken(t, data, expect(b))
	if got.Answers[0].Row != 5 {
		t.Errorf("row of the first answer: %d", got.Answers[0].Row)
	}
	wantAnswers(t, got, want, true)
	campaign, token, revision, err := Identify(data)
	if err != nil || campaign != b.Campaign || token != b.Token || revision != b.Revision {
		t.Errorf("identified as %s %s %d, %v", campaign, token, revision, err)
	}
}

// What reviewers and their programs do to a sheet without changing a fact.
func TestVariants(t *testing.T) {
	b, data, want := answered(t)
	id := items(b)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	swap := func(f *excelize.File, one, other int) {
		rows, err := f.GetRows(sheetDecide)
		must(err)
		for i := range rows[4] {
			a, c := ref(i+1, one), ref(i+1, other)
			av, _ := f.GetCellValue(sheetDecide, a)
			cv, _ := f.GetCellValue(sheetDecide, c)
			must(f.SetCellStr(sheetDecide, a, cv))
			must(f.SetCellStr(sheetDecide, c, av))
		}
	}
	variants := map[string]func(f *excelize.File){
		"unprotected": func(f *excelize.File) { must(f.UnprotectSheet(sheetDecide)) },
		"sorted":      func(f *excelize.File) { swap(f, 5, 10); swap(f, 6, 8) },
		"filtered": func(f *excelize.File) {
			must(f.SetRowVisible(sheetDecide, 6, false))
			must(f.SetRowVisible(sheetReaffirm, 7, false))
		},
		"row inserted": func(f *excelize.File) { must(f.InsertRows(sheetDecide, 1, 2)); must(f.InsertRows(sheetDecide, 9, 1)) },
		"note in a row": func(f *excelize.File) {
			must(f.InsertRows(sheetDecide, 7, 1))
			must(f.SetCellStr(sheetDecide, "B7", "my notes"))
		},
		"column in front": func(f *excelize.File) {
			must(f.InsertCols(sheetDecide, "A", 1))
			must(f.InsertCols(sheetReaffirm, "C", 2))
		},
		"column beside": func(f *excelize.File) {
			must(f.SetCellStr(sheetDecide, "R4", "To do"))
			must(f.SetCellFormula(sheetDecide, "R5", "1+1"))
		},
		"check unhidden": func(f *excelize.File) { must(f.SetColVisible(sheetDecide, "P", true)) },
		"sheet renamed": func(f *excelize.File) {
			must(f.SetSheetName(sheetDecide, "Rows of Dana"))
			must(f.SetSheetName(sheetSignOff, "Signed"))
		},
		"sheets moved": func(f *excelize.File) {
			must(f.MoveSheet(sheetSignOff, sheetStart))
			must(f.MoveSheet(sheetReaffirm, sheetDecide))
		},
		"sheets removed": func(f *excelize.File) { must(f.DeleteSheet(sheetChains)); must(f.DeleteSheet(sheetStart)) },
		"link in reason": func(f *excelize.File) {
			must(f.SetCellHyperLink(sheetDecide, "O5", "https://tickets.example/7", "External"))
		},
		"comment": func(f *excelize.File) {
			must(f.AddComment(sheetDecide, excelize.Comment{Cell: "B6", Author: "Dana", Text: "hm"}))
		},
		"row moved to another sheet": func(f *excelize.File) {
			rows, err := f.GetRows(sheetDecide)
			must(err)
			_, err = f.NewSheet("Later")
			must(err)
			for _, row := range []int{4, 9} {
				for j := range rows[3] {
					v, _ := f.GetCellValue(sheetDecide, ref(j+1, row))
					must(f.SetCellStr("Later", ref(j+1, row), v))
				}
			}
			must(f.RemoveRow(sheetDecide, 9))
			_ = id
		},
	}
	for name, edit := range variants {
		t.Run(name, func(t *testing.T) {
			wantAnswers(t, taken(t, edited(t, data, edit), expect(b)), want, false)
		})
	}
}

// A missing row stays open, it is not approved: neither by silence nor by the
// input that approves all rows.
func TestMissingRowsStayOpen(t *testing.T) {
	b := sample(6)
	data := edited(t, written(t, b), func(f *excelize.File) {
		sign(t, f)
		approveAll(t, f)
		if err := f.RemoveRow(sheetReaffirm, 7); err != nil {
			t.Fatal(err)
		}
	})
	got := taken(t, data, expect(b))
	if len(got.Answers) != 2 || got.Blank != 7 {
		t.Errorf("%d answers, %d open", len(got.Answers), got.Blank)
	}
}

// Privileged rows, and rows that were issued for single decision, are never
// covered by the input above the rows of Re-affirm.
func TestApproveAllHasLimits(t *testing.T) {
	b := sample(6)
	b.Reaffirm[1].Privileged = true
	id := items(b)
	data := edited(t, written(t, b), func(f *excelize.File) { sign(t, f); approveAll(t, f) })
	got := taken(t, data, expect(b))
	if len(got.Answers) != 2 || got.Answers[0].Item != id[6] || got.Answers[1].Item != id[8] || got.Blank != 7 {
		t.Errorf("answers %+v, %d open", got.Answers, got.Blank)
	}
	moved := edited(t, data, func(f *excelize.File) { // a row of Decide, written below those of Re-affirm
		for i, c := range columns() {
			if c.fact != nil {
				if err := f.SetCellStr(sheetReaffirm, ref(i+1, 20), c.fact(b.Decide[1])); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := f.RemoveRow(sheetDecide, 6); err != nil {
			t.Fatal(err)
		}
	})
	if got := taken(t, moved, expect(b)); len(got.Answers) != 2 || got.Blank != 7 {
		t.Errorf("answers %+v, %d open", got.Answers, got.Blank)
	}
}

// String words the fault as one line.
func (f Fault) String() string {
	where := f.Sheet
	if f.Cell != "" {
		where += "!" + f.Cell
	}
	if f.Item != "" {
		where += " (" + f.Item + ")"
	}
	return where + ": " + f.Problem + " " + f.Cure
}

// Every fault is named with sheet, cell, item, problem and cure; nothing is taken over.
func TestFaults(t *testing.T) {
	b := sample(6)
	id := items(b)
	type in = [4]string
	str := func(cells ...in) func(*excelize.File) {
		return func(f *excelize.File) {
			for _, c := range cells {
				set(t, f, c[0], c[1], c[2], c[3])
			}
		}
	}
	value := func(head string, v any) func(*excelize.File) {
		return func(f *excelize.File) {
			if err := f.SetCellValue(sheetDecide, cellOf(t, f, sheetDecide, id[3], head), v); err != nil {
				t.Fatal(err)
			}
		}
	}
	formula := func(cell string) func(*excelize.File) {
		return func(f *excelize.File) {
			if err := f.SetCellFormula(sheetDecide, cell, `="App"&"rove"`); err != nil {
				t.Fatal(err)
			}
		}
	}
	cell := func(sheet, name string, text any) func(*excelize.File) {
		return func(f *excelize.File) {
			if err := f.SetCellValue(sheet, name, text); err != nil {
				t.Fatal(err)
			}
		}
	}
	base := filled(t, b)
	for name, c := range map[string]struct {
		edit func(*excelize.File)
		want string // sheet!cell (item): start of the problem
	}{
		"word":                     {str(in{sheetDecide, id[3], headDecision, "ok"}), "Decide!M8 (" + id[3] + "): “ok” is not a decision."},
		"two words":                {str(in{sheetDecide, id[3], headDecision, "Approve/Revoke"}), "Decide!M8 (" + id[3] + "): “Approve/Revoke” is not"},
		"look-alike":               {str(in{sheetDecide, id[3], headDecision, "Аpprove"}), "Decide!M8 (" + id[3] + "): “Аpprove” is not"},
		"number":                   {value(headDecision, 1), "Decide!M8 (" + id[3] + "): The cell holds a number"},
		"logical":                  {value(headDecision, true), "Decide!M8 (" + id[3] + "): The cell holds a logical value"},
		"number as date":           {value(headChangeTo, 46387), "Decide!N8 (" + id[3] + "): The cell holds a number"},
		"formula":                  {formula("M8"), "Decide!M8 (" + id[3] + "): The cell holds a formula. Please paste it as value"},
		"formula in reason":        {formula("O8"), "Decide!O8 (" + id[3] + "): The cell holds a formula"},
		"formula in a fact":        {formula("C8"), "Decide!C8 (" + id[3] + "): Customer holds a formula"},
		"formula as item":          {formula("A8"), "Decide!A8: Item holds a formula"},
		"merged":                   {func(f *excelize.File) { _ = f.MergeCell(sheetDecide, "M6", "M8") }, "Decide!M6:M8: These cells are merged"},
		"revoke without reason":    {str(in{sheetDecide, id[3], headDecision, Revoke}), "Decide!O8 (" + id[3] + "): Revoke needs a Reason"},
		"reason says nothing":      {str(in{sheetDecide, id[3], headDecision, Revoke}, in{sheetDecide, id[3], headReason, " \u200b.-\u2800"}), "Decide!O8 (" + id[3] + "): Revoke needs a Reason"},
		"privileged approve":       {str(in{sheetDecide, id[0], headDecision, Approve}), "Decide!O5 (" + id[0] + "): This row is privileged and needs its own Reason"},
		"reason too long":          {str(in{sheetDecide, id[3], headDecision, Revoke}, in{sheetDecide, id[3], headReason, strings.Repeat("é", 2001)}), "Decide!O8 (" + id[3] + "): The Reason has 2001 characters"},
		"reason without decision":  {str(in{sheetDecide, id[3], headReason, "hm"}), "Decide!M8 (" + id[3] + "): The row has a Reason or a Change to, but no Decision"},
		"change to nothing":        {str(in{sheetDecide, id[3], headDecision, Change}, in{sheetDecide, id[3], headReason, "x"}), "Decide!N8 (" + id[3] + "): Change needs an entry in Change to. Please write eligible, or an end date such as 2026-12-31."},
		"change to a wrong word":   {str(in{sheetDecide, id[3], headDecision, Change}, in{sheetDecide, id[3], headChangeTo, "no renewal"}, in{sheetDecide, id[3], headReason, "x"}), "Decide!N8 (" + id[3] + "): “no renewal” is not among"},
		"change to no date":        {str(in{sheetDecide, id[3], headDecision, Change}, in{sheetDecide, id[3], headChangeTo, "2026-02-30"}, in{sheetDecide, id[3], headReason, "x"}), "Decide!N8 (" + id[3] + "): “2026-02-30” is not among"},
		"change to a date abroad":  {str(in{sheetDecide, id[3], headDecision, Change}, in{sheetDecide, id[3], headChangeTo, "12/31/2026"}, in{sheetDecide, id[3], headReason, "x"}), "Decide!N8 (" + id[3] + "): “12/31/2026” is not among"},
		"keep a foreign role":      {str(in{sheetDecide, id[1], headDecision, Change}, in{sheetDecide, id[1], headChangeTo, "Global Reader; Owner"}, in{sheetDecide, id[1], headReason, "x"}), "Decide!N6 (" + id[1] + "): “Owner” is not one of the roles"},
		"keep every role":          {str(in{sheetDecide, id[1], headDecision, Change}, in{sheetDecide, id[1], headChangeTo, "Global Reader; User Administrator; Helpdesk Administrator"}, in{sheetDecide, id[1], headReason, "x"}), "Decide!N6 (" + id[1] + "): Every role of this row is kept"},
		"keep no role":             {str(in{sheetDecide, id[1], headDecision, Change}, in{sheetDecide, id[1], headChangeTo, " ; ;"}, in{sheetDecide, id[1], headReason, "x"}), "Decide!N6 (" + id[1] + "): No role is named"},
		"change to with approve":   {str(in{sheetDecide, id[3], headDecision, Approve}, in{sheetDecide, id[3], headChangeTo, "eligible"}), "Decide!N8 (" + id[3] + "): Change to is filled in, but the Decision is Approve"},
		"revoke all":               {cell(sheetReaffirm, "B3", "Revoke"), "Re-affirm!B3: “Revoke” cannot be said of all rows"},
		"unknown item":             {cell(sheetDecide, "A8", "AR26Q3-000099-AA"), "Decide!A8 (AR26Q3-000099-AA): “AR26Q3-000099-AA” was not issued"},
		"item filled down":         {cell(sheetDecide, "A8", id[3]+"1"), "Decide!A8 (" + id[3] + "1): “" + id[3] + "1” was not issued"},
		"item of another campaign": {cell(sheetDecide, "A8", "AR26Q2-000001-00"), "Decide!A8 (AR26Q2-000001-00): “AR26Q2-000001-00” is no item of this campaign"},
		"item twice":               {cell(sheetDecide, "A9", id[3]), "Decide!A9 (" + id[3] + "): This item stands already in Decide!A8"},
		"no item":                  {func(f *excelize.File) { cell(sheetDecide, "A8", "")(f); cell(sheetDecide, "M8", Approve)(f) }, "Decide!A8: This row has an entry in Decision but no Item"},
		"column removed":           {func(f *excelize.File) { _ = f.RemoveCol(sheetDecide, "O") }, "Decide!A4: The column “Reason” is missing"},
		"column renamed":           {cell(sheetDecide, "C4", "Client"), "Decide!A4: The column “Customer” is missing"},
		"column twice":             {cell(sheetDecide, "R4", "decision"), "Decide!A4: The column “Decision” is there twice"},
		"date abroad":              {cell(sheetSignOff, "B5", "31.12.2026"), "Sign-off!B5: “31.12.2026” is not a date"},
		"date as number":           {cell(sheetSignOff, "B5", 46387), "Sign-off!B5: The cell holds a number"},
		"no reviewer":              {cell(sheetSignOff, "B4", "\u200b"), "Sign-off!B4: Reviewer is blank"},
		"no statement":             {cell(sheetSignOff, "B6", nil), "Sign-off!B6: Statement is blank"},
		"no sign-off":              {func(f *excelize.File) { _ = f.DeleteSheet(sheetSignOff) }, "Sign-off: 0 sheets have the labels Reviewer, Date, Statement; one must."},
	} {
		t.Run(name, func(t *testing.T) {
			got, faults, err := Read(edited(t, base, c.edit), expect(b))
			if err != nil || len(faults) == 0 || !strings.HasPrefix(faults[0].String(), c.want) {
				t.Fatalf("error %v, faults %v\nwant %s", err, faults, c.want)
			}
			for _, f := range faults {
				if f.Sheet == "" || f.Problem == "" || f.Cure == "" {
					t.Errorf("incomplete fault %+v", f)
				}
			}
			if !reflect.DeepEqual(got, Returned{}) {
				t.Errorf("taken over in spite of faults: %+v", got)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	b := sample(30)
	data := edited(t, written(t, b), func(f *excelize.File) {
		for _, r := range b.Decide {
			set(t, f, sheetDecide, r.Item, headDecision, "maybe")
		}
	})
	_, faults, err := Read(data, expect(b))
	if err != nil || len(faults) != 33 { // 30 rows and three blank cells of Sign-off
		t.Errorf("%d faults, error %v", len(faults), err)
	}
}

func TestWrongWorkbook(t *testing.T) {
	b := sample(3)
	data := filled(t, b)
	for want, change := range map[string]func(*Expect){
		"This workbook belongs to campaign AR26Q3, not to AR26Q4.": func(e *Expect) { e.Campaign = "AR26Q4" },
		"This is revision 1; revision 2 is the open one.":          func(e *Expect) { e.Revision = 2 },
		"This workbook was issued to another reviewer.":            func(e *Expect) { e.Token = "OTHER" },
		"The campaign is closed; decisions are no longer taken.":   func(e *Expect) { e.Closed = true },
	} {
		e := expect(b)
		change(&e)
		got, faults, err := Read(data, e)
		if err != nil || len(faults) != 1 || faults[0].Sheet != sheetStart || faults[0].Problem != want || !reflect.DeepEqual(got, Returned{}) {
			t.Errorf("error %v, faults %v\nwant %s", err, faults, want)
		}
	}
	other := b
	other.Token = "OTHER"
	mixed := edited(t, data, func(f *excelize.File) { // Start of one reviewer, Sign-off of another
		if err := f.SetCellStr(sheetSignOff, "B8", other.code()); err != nil {
			t.Fatal(err)
		}
	})
	if _, _, err := Read(mixed, expect(b)); err == nil || !strings.Contains(err.Error(), "parts of several workbooks") {
		t.Errorf("mixed: %v", err)
	}
	if _, _, _, err := Identify(mixed); err == nil {
		t.Error("mixed: identified")
	}
}

// Each locked cell of the rows is changed, one at a time: all are refused, by name.
func TestEveryFactIsGuarded(t *testing.T) {
	b := sample(3)
	base := filled(t, b)
	f, err := excelize.OpenReader(bytes.NewReader(base))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all := parts(t, base)
	for sheet, rows := range map[string][]Row{sheetDecide: b.Decide, sheetReaffirm: b.Reaffirm} {
		part := decidePart
		if sheet == sheetReaffirm {
			part = "xl/worksheets/sheet3.xml"
		}
		for _, r := range rows {
			for _, c := range columns() {
				if c.fact == nil {
					continue
				}
				where := cellOf(t, f, sheet, r.Item, c.head)
				was, _ := f.GetCellValue(sheet, where)
				cell := regexp.MustCompile(`(?s)<c r="` + where + `"[^>]*?(/>|>.*?</c>)`)
				if len(cell.FindAllString(all[part], -1)) != 1 {
					t.Fatalf("no cell %s in %s", where, part)
				}
				var list []zipPart
				for name, text := range all {
					if name == part {
						text = cell.ReplaceAllLiteralString(text, `<c r="`+where+`" t="inlineStr"><is><t>`+html.EscapeString(was)+`x</t></is></c>`)
					}
					list = append(list, zipPart{name, text})
				}
				_, faults, err := Read(pack(t, list), expect(b))
				if err != nil || len(faults) != 1 || faults[0].Sheet != sheet || faults[0].Cell != where {
					t.Errorf("%s!%s changed: error %v, faults %v", sheet, where, err, faults)
				}
			}
		}
	}
}

// The reader of this package and excelize see the same text in every cell.
func TestSameTextAsExcelize(t *testing.T) {
	_, data, _ := answered(t)
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := openBook(data, maxBytes)
	if err != nil {
		t.Fatal(err)
	}
	cells := 0
	for _, s := range b.sheets {
		want, err := f.GetRows(s.name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = b.rows(s, func(row int, line []cell) error {
			for _, c := range line {
				text := ""
				if row <= len(want) && c.col <= len(want[row-1]) {
					text = want[row-1][c.col-1]
				}
				if text != c.text {
					return fmt.Errorf("%s!%s: %q, excelize %q", s.name, ref(c.col, row), c.text, text)
				}
				cells++
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	if cells < 300 {
		t.Errorf("only %d cells", cells)
	}
}

// Cells as other programs write them: shared, formatted in runs, with reading
// aids, without names, in the strict namespace, under a prefix.
func TestCellForms(t *testing.T) {
	const sst = `<sst xmlns="` + nsMain + `"><si><t>one</t></si><si><r><rPr><b/></rPr><t>two </t></r><r><t>runs</t></r><rPh sb="0" eb="1"><t>aid</t></rPh></si></sst>`
	base := parts(t, written(t, sample(1)))
	base["xl/sharedStrings.xml"] = sst
	base["xl/_rels/workbook.xml.rels"] = `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="/xl/worksheets/sheet1.xml"/><Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`
	for sheet, want := range map[string]string{
		`<worksheet xmlns="` + nsMain + `"><sheetData><row r="3"><c r="B3" t="s"><v>1</v></c><c r="D3" t="s"><v>0</v></c></row></sheetData></worksheet>`:                               "3:B=two runs,D=one",
		`<worksheet xmlns="` + nsStrict + `"><sheetData><row><c t="str"><v>a_x005F_x0041_</v></c><c/><c><v>1.5</v></c></row><row/></sheetData></worksheet>`:                            "1:A=a_x0041_,B=,C=1.5 2:",
		`<x:worksheet xmlns:x="` + nsMain + `"><x:sheetData><x:row><x:c t="inlineStr"><x:is><x:t><![CDATA[<a>]]>_xD83D__xDE00_</x:t></x:is></x:c></x:row></x:sheetData></x:worksheet>`: "1:A=<a>😀",
		`<worksheet xmlns="` + nsMain + `"><sheetData><row><c t="b"><v>1</v></c><c t="e"><v>#N/A</v></c><c t="str"><f>1+1</f><v>2</v></c></row></sheetData></worksheet>`:               "1:A=1 a logical value,B=#N/A an error value,C=2 formula",
	} {
		base["xl/worksheets/sheet1.xml"] = sheet
		var list []zipPart
		for name, text := range base {
			list = append(list, zipPart{name, text})
		}
		b, err := openBook(pack(t, list), maxBytes)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		_, err = b.rows(b.sheets[0], func(row int, cells []cell) error {
			var line []string
			for _, c := range cells {
				text := strings.TrimSuffix(ref(c.col, row), fmt.Sprint(row)) + "=" + c.text
				if c.kind != "text" && c.kind != "a number" {
					text += " " + c.kind
				}
				if c.formula {
					text += " formula"
				}
				line = append(line, text)
			}
			got = append(got, fmt.Sprintf("%d:%s", row, strings.Join(line, ",")))
			return nil
		})
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%v, %v\nwant %s", got, err, want)
		}
	}
}
