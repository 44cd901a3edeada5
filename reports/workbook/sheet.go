package workbook

import (
	"fmt"

	"github.com/xuri/excelize/v2"
)

// Row heights in points: of one line of 10 point type, and Excel's limit.
const lineHeight, padding, maxHeight = 12.9, 4.5, 409

func height(lines int) float64 { return min(maxHeight, padding+lineHeight*float64(lines)) }

// above is what stands above the header row of a sheet: its title, a lead and,
// over incomplete evidence, the banner. Each runs over the visible columns.
type above struct {
	title, lead, banner string
	all                 bool // the input that approves all rows
}

func (w *writer) above(title, lead string, all bool) above {
	a := above{title: title, lead: lead, all: all}
	if w.b.Incomplete != "" {
		a.banner = "INCOMPLETE: " + visible(w.b.Incomplete)
	}
	return a
}

// rows counts the rows above the header, the empty one before it included.
func (a above) rows() int {
	n := 3
	if a.banner != "" {
		n++
	}
	if a.all {
		n++
	}
	return n
}

// write streams the rows above the header.
func (a above) write(w *writer, sw *excelize.StreamWriter, p page) error {
	across, room := p.across()
	row := 0
	put := func(text string, style int, high float64) error {
		row++
		values := []any{excelize.Cell{StyleID: style, Value: text}}
		for range across - 1 {
			values = append(values, excelize.Cell{StyleID: style})
		}
		if err := sw.SetRow(ref(1, row), values, excelize.RowOpts{Height: min(high, 90)}); err != nil { // these rows are frozen: rows must fit below
			return err
		}
		return sw.MergeCell(ref(1, row), ref(across, row))
	}
	if err := put(a.title, w.style.title, 30); err != nil {
		return err
	}
	if a.banner != "" {
		if err := put(a.banner, w.style.banner, height(lines(a.banner, room*boldly*10/11))+4); err != nil {
			return err
		}
	}
	if err := put(a.lead, w.style.lead, height(lines(a.lead, room))); err != nil {
		return err
	}
	if a.all {
		row++
		return sw.SetRow(ref(1, row), []any{excelize.Cell{StyleID: w.style.text, Value: labelAll}, excelize.Cell{StyleID: w.style.input}}, excelize.RowOpts{Height: height(2)})
	}
	return nil
}

func (w *writer) decide() error {
	n := len(w.b.Decide)
	title, lead := "Decide: "+count(n, "row"), "Yellow columns are yours: choose a Decision in each row; everything else is locked. Rows come sorted by risk. You may filter them. A row left blank stays open; it is not approved."
	if n == 0 {
		title, lead = sheetDecide, "Nothing to decide one by one in this campaign."
	}
	return w.review(sheetDecide, "Decisions", w.above(title, lead, false), w.b.Decide)
}

func (w *writer) reaffirm() error {
	n := len(w.b.Reaffirm)
	title, lead := "Re-affirm: "+count(n, "unchanged row"), "Nothing changed here since it was approved. Choose Approve in the yellow cell below to approve all rows together; a Decision in a row itself counts before it. "+
		"Rows marked “"+ownReason+"” are never covered: they need their own Decision and Reason."
	if n == 0 {
		title, lead = sheetReaffirm, "Nothing to re-affirm in this campaign."
	}
	return w.review(sheetReaffirm, "Reaffirmations", w.above(title, lead, n > 0), w.b.Reaffirm)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// review sets up one of the two sheets with rows to decide.
func (w *writer) review(sheet, table string, a above, rows []Row) error {
	cols := columns()
	p := page{sheet: sheet, paper: paperA3, landscape: true, hidden: len(cols), frozen: 2, head: a.rows() + 1}
	p.last = p.head + len(rows)
	if len(rows) == 0 {
		p.paper, p.only = paperA4, p.head-2
	}
	for _, c := range cols {
		p.widths = append(p.widths, c.width)
	}
	if err := w.setUp(p); err != nil {
		return err
	}
	if len(rows) > 0 {
		if err := w.inputs(p, cols); err != nil {
			return err
		}
	}
	if a.all {
		all := ref(2, p.head-2)
		if err := w.dropDown(sheet, all, "AllList", labelAll, "Approve: keep every row below as it is, but for rows with their own Decision and rows that need their own reason. Blank: decide row by row."); err != nil {
			return err
		}
	}
	w.stream = append(w.stream, func() error { return w.reviewRows(p, cols, table, a, rows) })
	return nil
}

// inputs sets drop-downs, tooltips and colours over the whole input columns.
func (w *writer) inputs(p page, cols []column) error {
	first := p.head + 1
	span := func(head string) string {
		n := at(cols, head) + 1
		return ref(n, first) + ":" + ref(n, p.last)
	}
	cell := func(head string) string {
		name, _ := excelize.ColumnNumberToName(at(cols, head) + 1)
		return fmt.Sprintf("$%s%d", name, first)
	}
	if err := w.dropDown(p.sheet, span(headDecision), "DecisionList", headDecision, cols[at(cols, headDecision)].help); err != nil {
		return err
	}
	change := excelize.NewDataValidation(true)
	change.Sqref = span(headChangeTo)
	change.SetInput(headChangeTo, cols[at(cols, headChangeTo)].help)
	reason := excelize.NewDataValidation(true)
	reason.Sqref = span(headReason)
	reason.SetInput(headReason, cols[at(cols, headReason)].help)
	if err := reason.SetRange(0, maxReason, excelize.DataValidationTypeTextLength, excelize.DataValidationOperatorBetween); err != nil {
		return err
	}
	reason.SetError(excelize.DataValidationErrorStyleStop, headReason, fmt.Sprintf("At most %d characters.", maxReason))
	for _, dv := range []*excelize.DataValidation{change, reason} {
		if err := w.f.AddDataValidation(p.sheet, dv); err != nil {
			return err
		}
	}
	rule := func(style int, criteria string) excelize.ConditionalFormatOptions {
		return excelize.ConditionalFormatOptions{Type: "formula", Criteria: criteria, Format: &style}
	}
	decision := cell(headDecision)
	for _, cf := range []struct {
		over  string
		rules []excelize.ConditionalFormatOptions
	}{
		{headDecision, []excelize.ConditionalFormatOptions{
			rule(w.style.ok, decision+`="`+Approve+`"`),
			rule(w.style.no, decision+`="`+Revoke+`"`),
			rule(w.style.edit, decision+`="`+Change+`"`),
			rule(w.style.ask, decision+`="`+NotSure+`"`),
		}},
		{headChangeTo, []excelize.ConditionalFormatOptions{
			rule(w.style.missing, fmt.Sprintf(`AND(%s="%s",LEN(TRIM(%s))=0)`, decision, Change, cell(headChangeTo))),
		}},
		{headReason, []excelize.ConditionalFormatOptions{
			rule(w.style.missing, fmt.Sprintf(`AND(%s<>"",OR(%s<>"%s",ISNUMBER(SEARCH("%s",%s))),LEN(TRIM(%s))=0)`,
				decision, decision, Approve, ownReason, cell("Level"), cell(headReason))),
		}},
	} {
		if err := w.f.SetConditionalFormat(p.sheet, span(cf.over), cf.rules); err != nil {
			return err
		}
	}
	return nil
}

// dropDown offers a named list, with a tooltip.
func (w *writer) dropDown(sheet, over, list, title, help string) error {
	dv := excelize.NewDataValidation(true)
	dv.Sqref = over
	dv.SetSqrefDropList(list)
	dv.SetInput(title, help)
	dv.SetError(excelize.DataValidationErrorStyleStop, title, "Please choose one of the listed words, or leave the cell blank.")
	return w.f.AddDataValidation(sheet, dv)
}

// reviewRows streams the header, the rows and the table around them.
func (w *writer) reviewRows(p page, cols []column, table string, a above, rows []Row) error {
	sw, err := w.open(p)
	if err != nil {
		return err
	}
	if err := a.write(w, sw, p); err != nil {
		return err
	}
	head := make([]any, len(cols))
	for i, c := range cols {
		style := w.style.head
		if c.fact == nil {
			style = w.style.inputHead
		}
		head[i] = excelize.Cell{StyleID: style, Value: c.head}
	}
	if err := sw.SetRow(ref(1, p.head), head, excelize.RowOpts{Height: 24}); err != nil {
		return err
	}
	cells, values := make([]excelize.Cell, len(cols)), make([]any, len(cols))
	for j := range cells {
		values[j] = &cells[j]
	}
	for i, r := range rows {
		most := 1
		for j, c := range cols {
			cell := excelize.Cell{StyleID: w.style.cell}
			switch {
			case c.fact == nil:
				cell.StyleID = w.style.input
			case c.head == "Level" && r.Privileged:
				cell.StyleID = w.style.alarm
			}
			if c.fact != nil {
				text := c.text(r)
				if text != "" {
					cell.Value = text
				}
				if c.number {
					cell.StyleID = w.style.number
					if n, ok := number(text); ok {
						cell.Value = n
					}
				}
				wide := c.width
				if cell.StyleID == w.style.alarm {
					wide *= boldly
				}
				if !c.hidden {
					most = max(most, lines(text, wide))
				}
			}
			cells[j] = cell
		}
		if err := sw.SetRow(ref(1, p.head+1+i), values, excelize.RowOpts{Height: height(most)}); err != nil {
			return err
		}
	}
	if len(rows) > 0 {
		if err := sw.AddTable(&excelize.Table{Range: ref(1, p.head) + ":" + ref(len(cols), p.last), Name: table, ShowRowStripes: new(bool)}); err != nil {
			return err
		}
	}
	return sw.Flush()
}

// reference sets up a sheet that is only read.
func (w *writer) reference(sheet, table string, a above, heads []string, widths []float64, n int, row func(int) []string) error {
	p := page{sheet: sheet, paper: paperA4, landscape: true, widths: widths, head: a.rows() + 1}
	p.last = p.head + n
	if err := w.setUp(p); err != nil {
		return err
	}
	w.stream = append(w.stream, func() error {
		sw, err := w.open(p)
		if err != nil {
			return err
		}
		if err := a.write(w, sw, p); err != nil {
			return err
		}
		values := make([]any, len(heads))
		for i, h := range heads {
			values[i] = excelize.Cell{StyleID: w.style.head, Value: h}
		}
		if err := sw.SetRow(ref(1, p.head), values, excelize.RowOpts{Height: 24}); err != nil {
			return err
		}
		for i := range n {
			most := 1
			for j, text := range row(i) {
				text, wide := folded(visible(text), widths[j]), widths[j]
				cell := excelize.Cell{StyleID: w.style.cell}
				if text != "" {
					cell.Value = text
				}
				switch {
				case j == 0:
					cell.StyleID = w.style.bold
				case heads[j] == "State" && sheet == sheetCoverage && text != "complete":
					cell.StyleID = w.style.alarm
				}
				if cell.StyleID != w.style.cell {
					wide *= boldly
				}
				values[j] = cell
				most = max(most, lines(text, wide))
			}
			if err := sw.SetRow(ref(1, p.head+1+i), values, excelize.RowOpts{Height: height(most)}); err != nil {
				return err
			}
		}
		if n > 0 {
			if err := sw.AddTable(&excelize.Table{Range: ref(1, p.head) + ":" + ref(len(heads), p.last), Name: table, ShowRowStripes: new(bool)}); err != nil {
				return err
			}
		}
		return sw.Flush()
	})
	return nil
}

func (w *writer) chains() error {
	return w.reference(sheetChains, "ChainList", w.above("Chains", "Who is in which group, for reference. Nothing to fill in.", false),
		chainHeads(), []float64{36, 28, 44, 20, 12, 17.5},
		len(w.b.Chains), func(i int) []string {
			c := w.b.Chains[i]
			return []string{c.Group, c.Member, c.Account, c.Through, c.State, c.Until}
		})
}

func (w *writer) coverage() error {
	return w.reference(sheetCoverage, "CoverageList", w.above("Coverage", "What was asked, and what was seen. What is not complete is not seen: nothing follows from its absence here. "+visible(w.b.Covered), false),
		coverageHeads(), []float64{28, 24, 15, 19, 25, 9, 44},
		len(w.b.Coverage), func(i int) []string {
			c := w.b.Coverage[i]
			return []string{c.Scope, c.Kind, c.State, c.AskedAt, c.Window, c.Rows, c.Reason}
		})
}

func (w *writer) roles() error {
	return w.reference(sheetRoles, "RoleList", w.above("Roles", "What each role in this workbook allows, in plain words.", false),
		roleHeads(), []float64{38, 22, 94},
		len(w.b.Roles), func(i int) []string {
			r := w.b.Roles[i]
			return []string{r.Role, r.Level, r.Allows}
		})
}
