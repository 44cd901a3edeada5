package workbook

import (
	"fmt"

	"github.com/xuri/excelize/v2"
)

// entry is one line of Start or Sign-off: a heading, or a label with its text.
type entry struct {
	label, text string
	style       int    // of the label column; the text takes the matching one
	link        string // sheet the label leads to
	input       bool   // the text is the reviewer's
}

// code is what ties a returned file to its campaign, revision and reviewer. It
// is plain text in a cell, the only thing every program keeps.
func (b Book) code() string { return fmt.Sprintf("%s r%d %s", b.Campaign, b.Revision, b.Token) }

func (w *writer) start() error {
	b, s := w.b, w.style
	privileged := 0
	for _, rows := range [][]Row{b.Decide, b.Reaffirm} {
		for _, r := range rows {
			if r.Privileged {
				privileged++
			}
		}
	}
	scope := count(len(b.Decide), "row") + " to decide one by one"
	if n := len(b.Reaffirm); n > 0 {
		scope += ", " + count(n, "unchanged row") + " to re-affirm"
	}
	switch {
	case privileged == 1:
		scope += "; 1 privileged row needs its own reason"
	case privileged > 1:
		scope += fmt.Sprintf("; %d privileged rows need their own reasons", privileged)
	}
	reviewer := b.Reviewer
	if b.ReviewerUPN != "" {
		reviewer += " (" + b.ReviewerUPN + ")"
	}
	entries := []entry{
		{label: b.Title, style: s.title},
		{label: b.MSP + ", prepared for " + reviewer, style: s.lead},
	}
	if b.Incomplete != "" {
		entries = append(entries, entry{label: "INCOMPLETE: " + b.Incomplete, style: s.banner})
	}
	fact := func(label, text string) {
		if text != "" {
			entries = append(entries, entry{label: label, text: text, style: s.label})
		}
	}
	heading := func(text string) {
		entries = append(entries, entry{}, entry{label: text, style: s.heading})
	}
	heading("At a glance")
	fact("Please finish by", b.Due)
	fact("Your rows", scope)
	fact("Campaign", fmt.Sprintf("%s, revision %d", b.Campaign, b.Revision))
	fact("Period", b.Period)
	fact("Data as of", b.DataAsOf)
	fact("Time zone", b.Zone)
	fact("Coverage", b.Covered)
	fact("Questions to", b.Contact)

	heading("What this is")
	entries = append(entries, entry{style: s.text, label: "Access that people of " + b.MSP + " hold in customers' tenants. You know the people and the work: please say for each row whether the access should stay. " +
		"What you revoke or change is carried out after the campaign closes, and a later look at the tenants proves it."})

	heading("How to do it")
	fact("Step 1", "On Decide, choose a Decision in every row. The yellow cells are yours; everything else is locked. Suggestion says what the evidence speaks for, and why; you decide.")
	if len(b.Reaffirm) > 0 {
		fact("Step 2", "On Re-affirm, approve unchanged rows together with the one yellow cell above them, or row by row.")
	} else {
		fact("Step 2", "On Re-affirm there is nothing to do this time.")
	}
	fact("Step 3", "Give a Reason for everything but Approve, and always where Level says “"+ownReason+"”. A cell turns red while it is missing.")
	fact("Step 4", "Fill in Sign-off: your name, the date and the statement. Without it the file is not accepted.")
	fact("Step 5", "Save as .xlsx under any name and send it back. If something cannot be taken over, you get a list that names each cell, and nothing is taken over until it is mended.")

	heading("What the decisions mean")
	fact(Approve, "Keep the access as it is.")
	fact(Revoke, "Remove the access.")
	fact(Change, "Keep it, but as you write in Change to.")
	fact(NotSure, "You cannot judge this. The row goes to the next in line.")
	fact("Blank", "Still open. Blank is never taken for approval.")

	heading("What may stand in Change to")
	fact("Membership", "eligible (the person may activate it when needed, and holds nothing in between), or an end date such as 2026-12-31.")
	fact("Delegation", "The roles to keep, by name, separated by ; (a semicolon).")
	fact("Other rows", "no renewal, or an end date such as 2026-12-31.")

	heading("The sheets of this file")
	for _, l := range [][2]string{
		{sheetDecide, "your rows"},
		{sheetReaffirm, "rows unchanged since their approval"},
		{sheetChains, "who is in which group, for reference"},
		{sheetCoverage, "what was seen, what was not, and why"},
		{sheetRoles, "what each role allows, in plain words"},
		{sheetSignOff, "your name, the date, your statement"},
	} {
		entries = append(entries, entry{label: l[0], text: l[1], style: s.link, link: l[0]})
	}
	heading("Origin")
	fact(labelCode, b.code())
	fact("Seal", b.Seal)
	return w.form(sheetStart, entries)
}

func (w *writer) signOff() error {
	s := w.style
	entries := []entry{{label: sheetSignOff, style: s.title}}
	if w.b.Incomplete != "" {
		entries = append(entries, entry{label: "INCOMPLETE: " + w.b.Incomplete, style: s.banner})
	}
	entries = append(entries,
		entry{label: "Your decisions count once all three yellow cells are filled in. A file without them is sent back.", style: s.lead},
		entry{},
		entry{label: labelReviewer, style: s.label, input: true},
		entry{label: labelDate, style: s.label, input: true},
		entry{label: labelStatement, style: s.label, input: true},
		entry{},
		entry{label: labelCode, text: w.b.code(), style: s.label},
	)
	for i, e := range entries {
		cell := ref(2, i+1)
		switch e.label {
		case labelReviewer:
			if err := w.hint(cell, labelReviewer, "Your name."); err != nil {
				return err
			}
		case labelDate:
			if err := w.hint(cell, labelDate, "The day you finished, as year-month-day: 2026-12-31."); err != nil {
				return err
			}
		case labelStatement:
			dv := excelize.NewDataValidation(true)
			dv.Sqref = cell
			dv.SetSqrefDropList("StatementList")
			dv.SetInput(labelStatement, "Choose the sentence offered, or write your own.")
			if err := w.f.AddDataValidation(sheetSignOff, dv); err != nil {
				return err
			}
		}
	}
	return w.form(sheetSignOff, entries)
}

// hint is a tooltip without any rule.
func (w *writer) hint(cell, title, text string) error {
	dv := excelize.NewDataValidation(true)
	dv.Sqref = cell
	dv.SetInput(title, text)
	return w.f.AddDataValidation(sheetSignOff, dv)
}

// form sets up a sheet of two columns, labels and texts.
func (w *writer) form(sheet string, entries []entry) error {
	p := page{sheet: sheet, paper: paperA4, high: 1, widths: []float64{20, 84}, last: len(entries)}
	if err := w.setUp(p); err != nil {
		return err
	}
	for i, e := range entries {
		if e.link != "" {
			if err := w.f.SetCellHyperLink(sheet, ref(1, i+1), fmt.Sprintf("'%s'!A1", e.link), "Location"); err != nil {
				return err
			}
		}
	}
	w.stream = append(w.stream, func() error {
		sw, err := w.open(p)
		if err != nil {
			return err
		}
		for i, e := range entries {
			if err := w.formRow(sw, p, i+1, e); err != nil {
				return err
			}
		}
		return sw.Flush()
	})
	return nil
}

func (w *writer) formRow(sw *excelize.StreamWriter, p page, row int, e entry) error {
	label, text := visible(e.label), visible(e.text)
	left, right := excelize.Cell{StyleID: e.style, Value: label}, excelize.Cell{StyleID: w.style.text, Value: text}
	high := height(max(lines(label, p.widths[0]), lines(text, p.widths[1])))
	switch {
	case e.label == "" && e.text == "":
		return sw.SetRow(ref(1, row), nil, excelize.RowOpts{Height: 10})
	case e.input:
		return sw.SetRow(ref(1, row), []any{left, excelize.Cell{StyleID: w.style.input}}, excelize.RowOpts{Height: height(1)})
	case e.text != "":
		return sw.SetRow(ref(1, row), []any{left, right}, excelize.RowOpts{Height: high})
	}
	high = height(lines(label, p.widths[0]+p.widths[1]))
	switch e.style {
	case w.style.title:
		high = 18 + 22*float64(lines(label, 56))
	case w.style.heading:
		high = 20
	case w.style.banner:
		high = 10 + 16*float64(lines(label, 84))
	}
	if err := sw.SetRow(ref(1, row), []any{left, excelize.Cell{StyleID: e.style}}, excelize.RowOpts{Height: min(maxHeight, high)}); err != nil {
		return err
	}
	return sw.MergeCell(ref(1, row), ref(2, row))
}
