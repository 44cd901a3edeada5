package workbook

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// formRows is how deep a sheet is searched for labels and the header row.
const formRows = 300

// Identify says which campaign, reviewer token and revision a file belongs to.
// Its error words what is wrong with the file and what to do about it.
func Identify(data []byte) (campaign, token string, revision int, err error) {
	b, err := openBook(data, maxIdentify)
	if err != nil {
		return "", "", 0, err
	}
	var codes []code
	for _, s := range b.sheets {
		_, err := b.rows(s, func(row int, cells []cell) error {
			if row > formRows || tableBegins(cells) {
				return errStop
			}
			if c, ok := codeIn(cells); ok {
				codes = append(codes, c)
			}
			return nil
		})
		if err != nil {
			return "", "", 0, err
		}
	}
	c, err := oneCode(codes)
	return c.campaign, c.token, c.revision, err
}

// code is the content of a Workbook code cell.
type code struct {
	campaign, token string
	revision        int
}

var codeForm = regexp.MustCompile(`^([A-Za-z0-9._-]{1,120}) r([1-9][0-9]{0,5}) ([A-Za-z0-9._-]{1,120})$`)

// labelIn splits a row of a form into its label, the first cell with anything in
// it, and the first such cell to the right of that.
func labelIn(cells []cell) (label, input cell) {
	i := slices.IndexFunc(cells, cell.filled)
	if i < 0 {
		return cell{}, cell{}
	}
	label, input = cells[i], cell{col: cells[i].col + 1, kind: "text"}
	if next := slices.IndexFunc(cells[i+1:], cell.filled); next >= 0 {
		input = cells[i+1+next]
	}
	return label, input
}

// codeIn reads the code of a workbook off a row of a form.
func codeIn(cells []cell) (code, bool) {
	label, input := labelIn(cells)
	m := codeForm.FindStringSubmatch(tidy(input.text))
	if !same(label.text, labelCode) || m == nil || input.formula {
		return code{}, false
	}
	revision, _ := strconv.Atoi(m[2]) // at most six digits
	return code{m[1], m[3], revision}, true
}

func oneCode(codes []code) (code, error) {
	slices.SortFunc(codes, func(a, b code) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	switch codes = slices.Compact(codes); len(codes) {
	case 0:
		return code{}, fmt.Errorf("no cell labelled “%s” was found, so this is no workbook of a campaign: %s", labelCode, sendIssued)
	case 1:
		return codes[0], nil
	}
	return code{}, fmt.Errorf("parts of several workbooks stand in one file: %s", sendIssued)
}

// tableBegins holds for the header row of any sheet of rows: what follows are
// names from outside, which must not be taken for labels.
func tableBegins(cells []cell) bool {
	return slices.ContainsFunc(tableHeads(), func(heads []string) bool {
		return !slices.ContainsFunc(heads, func(head string) bool {
			return !slices.ContainsFunc(cells, func(c cell) bool { return same(c.text, head) })
		})
	})
}

// Read reads a returned workbook. The error says that the file as a whole cannot
// be read; the faults list everything in it that is wrong. With either, Returned
// is empty: nothing is taken over from a file that is not whole.
func Read(data []byte, e Expect) (Returned, []Fault, error) {
	b, err := openBook(data, cmp.Or(e.MaxBytes, maxBytes))
	if err != nil {
		return Returned{}, nil, err
	}
	r := newReader(e)
	for _, s := range b.sheets {
		if err := r.sheet(b, s); err != nil {
			return Returned{}, nil, err
		}
	}
	found, err := oneCode(r.codes)
	if err != nil {
		return Returned{}, nil, err
	}
	if f, ok := e.refuses(found); ok {
		f.Sheet, f.Cell = r.codeAt.sheet, r.codeAt.cell
		return Returned{}, []Fault{f}, nil
	}
	if !r.headed {
		return Returned{}, nil, fmt.Errorf("no sheet has the columns %s, %s, %s and %s: %s", headItem, headDecision, headChangeTo, headReason, sendIssued)
	}
	r.signedOff()
	if len(r.faults) > 0 {
		return Returned{}, r.faults, nil
	}
	slices.SortFunc(r.out.Answers, func(a, b Answer) int { return strings.Compare(a.Item, b.Item) })
	r.out.Blank = len(r.issued) - len(r.out.Answers)
	return r.out, nil, nil
}

// refuses words why a file of this code is not the answer expected.
func (e Expect) refuses(c code) (Fault, bool) {
	switch {
	case c.campaign != e.Campaign:
		return Fault{Problem: fmt.Sprintf("This workbook belongs to campaign %s, not to %s.", c.campaign, e.Campaign), Cure: "Please send the workbook of this campaign."}, true
	case c.revision != e.Revision:
		return Fault{Problem: fmt.Sprintf("This is revision %d; revision %d is the open one.", c.revision, e.Revision), Cure: fmt.Sprintf("Please fill in revision %d; this one is superseded.", e.Revision)}, true
	case c.token != e.Token:
		return Fault{Problem: "This workbook was issued to another reviewer.", Cure: "Each reviewer sends back the workbook issued to them."}, true
	case e.Closed:
		return Fault{Problem: "The campaign is closed; decisions are no longer taken.", Cure: "Please talk to the contact named on Start."}, true
	}
	return Fault{}, false
}

// issued is one row as it went out.
type issued struct {
	Row
	reaffirm bool
}

// place is where something stands in the file.
type place struct{ sheet, cell string }

// labelled is the input beside a label of Sign-off.
type labelled struct {
	place
	cell
}

// reader gathers answers and faults over all sheets of a file.
type reader struct {
	e      Expect
	cols   []column
	issued map[string]issued
	seen   map[string]place
	signed [][3]labelled // of each sheet that has all labels of Sign-off
	codes  []code
	codeAt place
	headed bool
	out    Returned
	faults []Fault
}

func newReader(e Expect) *reader {
	r := &reader{e: e, cols: columns(), issued: map[string]issued{}, seen: map[string]place{}}
	for _, row := range e.Decide {
		r.issued[row.Item] = issued{row, false}
	}
	for _, row := range e.Reaffirm {
		r.issued[row.Item] = issued{row, true}
	}
	return r
}

func (r *reader) fault(sheet, cell, item, problem, cure string) {
	r.faults = append(r.faults, Fault{Sheet: sheet, Cell: cell, Item: item, Problem: problem, Cure: cure})
}

// table is what is known of a sheet while its rows go by.
type table struct {
	name    string
	head    int   // header row, 0 before it was met
	cols    []int // column of each of columns(), in the file
	whole   bool  // every column is there, once
	all     bool  // the input above the rows says Approve
	started bool  // a table other than ours began: no labels below
	rows    int
	signed  [3]labelled // the inputs of Sign-off, as far as they were met
}

// sheet goes over one sheet: labels first, and rows once a header row was met.
func (r *reader) sheet(b *book, s sheet) error {
	t := &table{name: s.name}
	most := 3*len(r.issued) + 10_000 // a sheet with more rows is no answer
	merged, err := b.rows(s, func(row int, cells []cell) error {
		if t.rows++; t.rows > most {
			return fmt.Errorf("more than %d rows, of %d that were issued", most, len(r.issued))
		}
		switch {
		case t.head > 0:
			r.row(t, row, cells)
		case row > formRows:
			return errStop
		case r.header(t, row, cells):
		case tableBegins(cells):
			t.started = true
		case !t.started:
			r.labels(t, row, cells)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(t.signed[:], func(in labelled) bool { return in.sheet == "" }) {
		r.signed = append(r.signed, t.signed)
	}
	if t.head == 0 {
		return nil
	}
	for _, m := range merged {
		r.mergedOver(t, m)
	}
	return nil
}

// mergedOver refuses cells merged within the rows: only one of them has a value.
func (r *reader) mergedOver(t *table, name string) {
	left, _, right, bottom, ok := area(name)
	if !ok {
		r.fault(t.name, "", "", "Cells are merged over whole rows or columns ("+short(name)+").", "Please unmerge them.")
		return
	}
	ours := slices.ContainsFunc(t.cols, func(col int) bool { return left <= col && col <= right })
	if bottom >= t.head && ours {
		r.fault(t.name, name, "", "These cells are merged, so it is unclear which row the entry belongs to.", "Please unmerge them and fill in each row.")
	}
}

// header takes a row for the header when it names Item and two of the inputs.
func (r *reader) header(t *table, row int, cells []cell) bool {
	heads := make(map[string]int, len(r.cols))
	t.cols = make([]int, len(r.cols))
	var twice []string
	for _, c := range cells {
		text := tidy(c.text)
		i := slices.IndexFunc(r.cols, func(col column) bool { return strings.EqualFold(col.head, text) })
		if i < 0 {
			continue
		}
		if t.cols[i] > 0 {
			twice = append(twice, r.cols[i].head)
			continue
		}
		t.cols[i] = c.col
		heads[r.cols[i].head] = c.col
	}
	inputs := 0
	for _, head := range []string{headDecision, headChangeTo, headReason} {
		if heads[head] > 0 {
			inputs++
		}
	}
	if heads[headItem] == 0 || inputs < 2 {
		return false
	}
	t.head, t.whole, r.headed = row, true, true
	for i, c := range r.cols {
		if t.cols[i] == 0 {
			t.whole = false
			r.fault(t.name, ref(1, row), "", "The column "+quote(c.head)+" is missing.", "Please undo its deletion or renaming, or start from the file that was sent to you.")
		}
	}
	for _, head := range twice {
		t.whole = false
		r.fault(t.name, ref(1, row), "", "The column "+quote(head)+" is there twice.", "Please remove the one that was added.")
	}
	return true
}

// labels looks at a row of a form.
func (r *reader) labels(t *table, row int, cells []cell) {
	label, input := labelIn(cells)
	in := labelled{place{t.name, ref(max(1, input.col), row)}, input}
	if c, ok := codeIn(cells); ok {
		if r.codes = append(r.codes, c); len(r.codes) == 1 {
			r.codeAt = in.place
		}
	}
	if same(label.text, labelAll) {
		t.all = r.approvesAll(in)
	}
	for i, want := range signOffLabels() {
		if same(label.text, want) {
			t.signed[i] = in
		}
	}
}

// approvesAll judges the one input above the rows of Re-affirm.
func (r *reader) approvesAll(in labelled) bool {
	text, ok := r.typed(in.sheet, in.place.cell, "", in.cell)
	if !ok || tidy(text) == "" {
		return false
	}
	if !same(text, Approve) {
		r.fault(in.sheet, in.place.cell, "", quote(text)+" cannot be said of all rows together.", "Please choose Approve here, or leave the cell blank and decide row by row.")
		return false
	}
	return true
}

// typed is the text of an input. Formulas, numbers and error values are refused:
// what they show is not what the file holds.
func (r *reader) typed(sheet, where, item string, c cell) (string, bool) {
	switch {
	case c.formula:
		r.fault(sheet, where, item, "The cell holds a formula.", "Please paste it as value, or type the words.")
	case c.kind != "text" && c.filled():
		r.fault(sheet, where, item, "The cell holds "+c.kind+", not text.", "Please paste it as value, or type it as text (a date as 2026-12-31).")
	default:
		return c.text, true
	}
	return "", false
}

// row judges one row below the header.
func (r *reader) row(t *table, row int, cells []cell) {
	found := make([]cell, len(r.cols))
	filled := false
	for i, col := range t.cols {
		for _, c := range cells {
			if c.col == col && col > 0 {
				found[i] = c
				filled = filled || c.filled()
			}
		}
	}
	if !filled {
		return
	}
	item := tidy(found[at(r.cols, headItem)].text)
	itemAt := ref(t.cols[at(r.cols, headItem)], row)
	was, known := r.issued[item]
	switch before, twice := r.seen[item]; {
	case found[at(r.cols, headItem)].formula:
		r.fault(t.name, itemAt, item, "Item holds a formula.", "Please restore the Item as it was.")
		return
	case item == "":
		for i, c := range r.cols { // notes and section rows between the rows do no harm
			if c.fact == nil && found[i].filled() {
				r.fault(t.name, itemAt, "", "This row has an entry in "+c.head+" but no Item.", "Please put the entry into the row it belongs to.")
			}
		}
		return
	case !known && !strings.HasPrefix(item, r.e.Campaign+"-"):
		r.fault(t.name, itemAt, short(item), quote(item)+" is no item of this campaign.", "Please remove the row.")
		return
	case !known:
		r.fault(t.name, itemAt, short(item), quote(item)+" was not issued in this workbook.", "Please restore the Item as it was, or remove the row.")
		return
	case twice:
		r.fault(t.name, itemAt, item, fmt.Sprintf("This item stands already in %s!%s.", before.sheet, before.cell), "Please keep one of the rows.")
		return
	}
	r.seen[item] = place{t.name, itemAt}
	if t.whole {
		unchanged := r.unchanged(t, row, was.Row, found)
		if a, ok := r.answer(t, row, was, found); ok && unchanged {
			r.out.Answers = append(r.out.Answers, a)
		}
	}
}

// unchanged compares the locked cells of a row with those that were issued.
func (r *reader) unchanged(t *table, row int, was Row, found []cell) bool {
	ok := true
	for i, c := range r.cols {
		if c.fact == nil {
			continue
		}
		where, want, got := ref(t.cols[i], row), c.text(was), found[i]
		switch {
		case got.formula:
			ok = false
			r.fault(t.name, where, was.Item, c.head+" holds a formula.", "Please undo the change: it was "+quote(want)+".")
		case got.text != want && !sameFact(want, got):
			ok = false
			r.fault(t.name, where, was.Item, fmt.Sprintf("%s was changed to %s.", c.head, quote(got.text)),
				"Only the yellow cells may be changed; please restore "+quote(want)+". If only some columns were sorted, please undo the sorting.")
		}
	}
	return ok
}

// sameFact allows for what programs do on saving: spaces, and 13 written as 13.0.
func sameFact(want string, got cell) bool {
	if tidy(want) == tidy(got.text) {
		return true
	}
	n, ok := number(want)
	f, err := strconv.ParseFloat(got.text, 64)
	return ok && err == nil && got.kind != "text" && f == float64(n)
}

// signedOff judges the inputs of Sign-off.
func (r *reader) signedOff() {
	if len(r.signed) != 1 {
		r.fault(sheetSignOff, "", "", fmt.Sprintf("%d sheets have the labels %s; one must.", len(r.signed), strings.Join(signOffLabels(), ", ")), "Please restore the sheet Sign-off from the file that was sent to you.")
		return
	}
	for i, to := range []*string{&r.out.Reviewer, &r.out.Date, &r.out.Statement} {
		in, label := r.signed[0][i], signOffLabels()[i]
		text, ok := r.typed(in.sheet, in.place.cell, "", in.cell)
		if !ok {
			continue
		}
		if *to = visible(tidy(text)); !says(*to) {
			r.fault(in.sheet, in.place.cell, "", label+" is blank.", "Please fill in all three cells of Sign-off.")
			continue
		}
		if _, err := time.Parse(time.DateOnly, *to); label == labelDate && err != nil {
			r.fault(in.sheet, in.place.cell, "", quote(text)+" is not a date written as year-month-day.", "Please write it like 2026-12-31.")
		}
	}
}
