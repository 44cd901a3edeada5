package portal

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Far above the widest export, the audit log with its 86 columns.
const (
	mostColumns   = 1000
	longestHeader = 64 << 10 // bytes
)

// columnKey is a column's name without its case, spaces and punctuation: the portals
// write "Application ID " and "userPrincipalName" as well as "User principal name".
func columnKey(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name)
}

// table reads a file of separated values, one line at a time.
type table struct {
	ration *rationed
	rows   *csv.Reader
	form   *form
	at     map[string]int // name of a column in the form -> its place
	order  order          // of days and months

	skipped int // lines before the header
}

// newTable reads the header and finds the form by it: the separator is the one by
// which the header has the columns of a form. Where there is none, the fault says what
// came nearest.
func newTable(from io.Reader) (*table, error) {
	t := &table{ration: &rationed{from: from}}
	t.ration.record()
	b := bufio.NewReaderSize(t.ration, longestHeader)
	head, err := b.Peek(longestHeader)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, &Fault{Reason: unreadable(err)}
	}
	if len(bytes.TrimSpace(head)) == 0 {
		return nil, &Fault{Reason: "is empty"}
	}
	if line, _, ok := bytes.Cut(head, []byte("\n")); ok && bytes.HasPrefix(bytes.ToLower(line), []byte("sep=")) {
		_, _ = b.Discard(len(line) + 1) // it was peeked; Excel's word on the separator: the header tells
		head, t.skipped = head[len(line)+1:], 1
	}
	var nearest miss
	comma := ','
	for _, c := range []rune{',', ';', '\t'} {
		names, err := separated(bytes.NewReader(head), c).Read()
		if err != nil {
			continue // said when the header is read in earnest
		}
		if t.form = recognise(names); t.form != nil {
			comma = c
			break
		}
		if m := nearestTo(names); m.found > nearest.found || c == ',' {
			nearest = m
		}
	}
	t.rows = separated(b, comma)
	header, err := t.rows.Read()
	switch {
	case err != nil:
		return nil, t.broken(err)
	case len(header) > mostColumns:
		return nil, &Fault{Line: 1 + t.skipped, Reason: fmt.Sprintf("has %d columns, which no export has", len(header))}
	case t.form == nil:
		return nil, &Fault{Line: 1 + t.skipped, Reason: nearest.words()}
	}
	if t.at, err = t.form.places(header); err != nil {
		return nil, &Fault{Line: 1 + t.skipped, Reason: err.Error()}
	}
	return t, nil
}

func separated(from io.Reader, comma rune) *csv.Reader {
	r := csv.NewReader(from)
	r.Comma, r.ReuseRecord = comma, true
	return r
}

// next reads a line; io.EOF after the last.
func (t *table) next() (record, error) {
	t.ration.record()
	cells, err := t.rows.Read()
	if errors.Is(err, io.EOF) {
		return record{}, io.EOF
	}
	if err != nil {
		return record{}, t.broken(err)
	}
	r := record{t, cells}
	for i, cell := range cells {
		if fault := unsound(cell); fault != "" {
			return record{}, r.fault(i, "%s %s", short(cell), fault)
		}
	}
	return r, nil
}

// broken words what encoding/csv or a reader below it says.
func (t *table) broken(err error) error {
	var said *csv.ParseError
	switch {
	case errors.Is(err, csv.ErrFieldCount) && errors.As(err, &said):
		return &Fault{Line: said.Line + t.skipped, Reason: "has another number of cells than the header"}
	case errors.As(err, &said):
		reason := "has a quotation mark in a cell that does not begin with one"
		if errors.Is(err, csv.ErrQuote) {
			reason = "begins a cell with a quotation mark that does not end it"
		}
		fault := &Fault{Line: said.StartLine + t.skipped, Column: said.Column, Reason: reason + ": download the file again"}
		if said.Line > said.StartLine { // the column is one of the line where it was noticed
			fault.Column = 0
		}
		return fault
	}
	return &Fault{Reason: unreadable(err)}
}

// unreadable words an error of reading for a message without a place on this machine.
func unreadable(err error) string {
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "breaks off: download it again"
	}
	return err.Error()
}

// unsound says what forbids a text to be stored.
func unsound(text string) string {
	switch {
	case strings.IndexByte(text, 0) >= 0:
		return "has a NUL byte"
	case !utf8.ValidString(text):
		return "is not UTF-8: download the file again, or save it as CSV UTF-8"
	}
	return ""
}

// record is one line of a table.
type record struct {
	*table
	cells []string
}

// text is a cell of a column of the form, without the spaces around it; empty too
// where the file has no such column.
func (r record) text(column string) string {
	if i, ok := r.at[column]; ok {
		return strings.TrimSpace(r.cells[i])
	}
	return ""
}

// line counts from 1, the header's.
func (r record) line() int {
	line, _ := r.rows.FieldPos(0)
	return line + r.skipped
}

// fault names a cell.
func (r record) fault(cell int, format string, args ...any) error {
	line, column := r.rows.FieldPos(cell)
	return &Fault{Line: line + r.skipped, Column: column, Reason: fmt.Sprintf(format, args...)}
}

// instant is a time that must be there.
func (r record) instant(column string) (time.Time, error) {
	at, err := r.moment(column)
	if err == nil && at.IsZero() {
		err = r.wrong(column, "is no time")
	}
	return at, err
}

// wrong names the cell of a column of the form, and what it holds.
func (r record) wrong(column, format string, args ...any) error {
	return r.fault(r.at[column], "%s %s", short(r.text(column)), fmt.Sprintf(format, args...))
}

// moment is a time; zero for an empty cell.
func (r record) moment(column string) (time.Time, error) {
	text := r.text(column)
	if text == "" {
		return time.Time{}, nil
	}
	m, ok := written(text)
	if !ok {
		return time.Time{}, r.wrong(column, "is not a date or time that a portal writes")
	}
	at, ok := m.in(r.order)
	if !ok {
		return time.Time{}, r.wrong(column, "is no day or time of day, read %s first", map[order]string{dayFirst: "day", monthFirst: "month"}[r.order])
	}
	return at, nil
}

// days finds out, from all of a file, which of two numbers is the day.
type days struct {
	order order
	seen  string // the date that told
	open  error  // the first date that does not tell
}

func (d *days) see(r record) error {
	for _, c := range r.form.dates {
		m, ok := written(r.text(c))
		if !ok {
			continue // said when the record is read in earnest
		}
		switch tells := m.tells(); {
		case tells != undecided && d.order == undecided:
			d.order, d.seen = tells, r.text(c)
		case tells != undecided && tells != d.order:
			return r.wrong(c, "and %s cannot both be dates: one has the day first, the other the month", short(d.seen))
		case d.open == nil && m.open():
			d.open = r.wrong(c, "may be two days, and no date of the file tells which of its numbers is the day: export a longer time, or take the JSON download")
		}
	}
	return nil
}

// decided is the order, or why there is none; where every date reads alike either
// way, any will do.
func (d *days) decided() (order, error) {
	if d.order == undecided && d.open != nil {
		return undecided, d.open
	}
	return max(d.order, dayFirst), nil
}
