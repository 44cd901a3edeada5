package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"countersign/reviews"
)

// list is a result that can be shown as a table, as CSV, or as the JSON value
// that is its contract.
type list struct {
	columns []string
	rows    [][]string
	value   any
}

// formats are what --format takes on lists.
const formats = "table, json or csv"

func (l list) print(w io.Writer, format string) error {
	switch format {
	case "table":
		return l.table(w)
	case "json":
		return printJSON(w, l.value)
	case "csv":
		return l.csv(w)
	}
	return usage("--format %q is not %s", format, formats)
}

func (l list) table(w io.Writer) error {
	rows := [][]string{strings.Split(strings.ToUpper(strings.Join(l.columns, "\t")), "\t")}
	for _, row := range l.rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = printable(c, false)
		}
		rows = append(rows, cells)
	}
	return aligned(w, rows)
}

// aligned writes rows of printable cells, each column as wide as its widest cell. No row
// has more cells than the first.
func aligned(w io.Writer, rows [][]string) error {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, c := range row {
			widths[i] = max(widths[i], wide(c))
		}
	}
	for _, row := range rows {
		var line strings.Builder
		for i, c := range row {
			line.WriteString(c + strings.Repeat(" ", widths[i]-wide(c)+2))
		}
		if _, err := fmt.Fprintln(w, strings.TrimRight(line.String(), " ")); err != nil {
			return err
		}
	}
	return nil
}

// wide counts the columns of a terminal that a text takes: two for each character of
// Chinese, Japanese and Korean, none for an accent of its own or a mark that joins.
func wide(text string) int {
	n := 0
	for _, r := range text {
		switch kind := width.LookupRune(r).Kind(); {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case kind == width.EastAsianWide, kind == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

func (l list) csv(w io.Writer) error {
	c := csv.NewWriter(w)
	if err := c.Write(l.columns); err != nil {
		return err
	}
	for _, row := range l.rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = reviews.CSVCell(cell)
		}
		if err := c.Write(cells); err != nil {
			return err
		}
	}
	c.Flush()
	return c.Error()
}

// instant is a time in the JSON contract: null when there is none.
type instant time.Time

// MarshalJSON implements json.Marshaler.
func (i instant) MarshalJSON() ([]byte, error) {
	if time.Time(i).IsZero() {
		return []byte("null"), nil
	}
	return time.Time(i).MarshalJSON()
}

// moment shows a time in the MSP's zone, or what stands for none.
func moment(at time.Time, zone *time.Location, none string) string {
	if at.IsZero() {
		return none
	}
	return at.In(zone).Format("2006-01-02 15:04")
}

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// printable makes outside text safe for a terminal: control characters and those
// that turn the direction of writing are shown as a box, line ends kept on wish.
func printable(text string, lines bool) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' && lines:
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return '□'
		}
		return r
	}, text)
}
