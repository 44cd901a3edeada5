package config

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/go-playground/validator/v10"

	"countersign/collectors/snapshot"
)

// maxCSV is the size of a CSV file in bytes; 5,000 customers need about 1 MB.
const maxCSV = 16 << 20

// column says where the cells of one column go. set says what is wrong with one.
type column struct {
	name     string
	required bool
	set      func(cell string) error
}

// table is one CSV file being read.
type table struct {
	file     string
	text     []byte         // nil: no rows
	unread   bool           // the file is there, but its rows cannot be told
	zone     *time.Location // of dates
	validate *validator.Validate
	found    *faults
}

func (t *table) fault(line int, column, format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if column != "" {
		text = "column " + column + ": " + text
	}
	*t.found = append(*t.found, fault{file: t.file, line: line, text: text})
}

// numbered is a row with the line on which it begins.
type numbered[Row any] struct {
	row  Row
	line int
}

// readTable reads rows with a header. columns binds a row's fields to the columns;
// cells are trimmed, and an empty one leaves its field as it is. Rows with faults
// are left out.
func readTable[Row any](t *table, columns func(*Row) []column) (rows []numbered[Row]) {
	if t.text == nil {
		return nil
	}
	r := csv.NewReader(bytes.NewReader(t.text))
	r.FieldsPerRecord = -1 // counted here, so that reading goes on
	begin := len(*t.found)
	var header []string
	for {
		cells, err := r.Read()
		var parse *csv.ParseError
		switch {
		case len(*t.found)-begin > maxFaults: // no more are listed
			t.unread = true
			return rows
		case err == io.EOF:
			if header == nil {
				t.fault(1, "", "has no header; the first line names the columns: %s", strings.Join(names(columns(new(Row))), ","))
			}
			return rows
		case errors.As(err, &parse):
			t.fault(parse.Line, "", "%v; a cell that holds a quote is written \"like \"\"this\"\"\"", parse.Err)
			t.unread = true
			return rows
		case err != nil:
			t.fault(0, "", "%v", err)
			return rows
		}
		line, _ := r.FieldPos(0)
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		var row Row
		bound := columns(&row)
		if header == nil {
			if header = cells; !t.header(line, header, bound) {
				t.unread = true
				return nil
			}
			continue
		}
		if !slices.ContainsFunc(cells, func(cell string) bool { return cell != "" }) {
			continue // what spreadsheets leave below the last row
		}
		if len(cells) != len(header) {
			t.fault(line, "", "has %d cells where the header has %d columns; put a cell that holds a comma in quotes", len(cells), len(header))
			continue
		}
		before := len(*t.found)
		for _, c := range bound {
			i := slices.Index(header, c.name)
			switch {
			case i < 0:
			case cells[i] == "" && c.required:
				t.fault(line, c.name, "is missing")
			case cells[i] == "":
			case controls(cells[i]) != "":
				t.fault(line, c.name, "%s", controls(cells[i]))
			default:
				if err := c.set(cells[i]); err != nil {
					t.fault(line, c.name, "%v", err)
				}
			}
		}
		if len(*t.found) == before {
			rows = append(rows, numbered[Row]{row, line})
		}
	}
}

// header checks the names of the columns; required ones must be there.
func (t *table) header(line int, header []string, columns []column) bool {
	before, known := len(*t.found), names(columns)
	if len(header) == 1 && strings.Contains(header[0], ";") {
		t.fault(line, "", "the columns are separated by semicolons; save the file with commas")
		return false
	}
	for i, name := range header {
		switch {
		case !slices.Contains(known, name):
			t.fault(line, quote(name), "unknown; known are %s", strings.Join(known, ", "))
		case slices.Contains(header[:i], name):
			t.fault(line, name, "stands there twice; remove one")
		}
	}
	for _, c := range columns {
		if c.required && !slices.Contains(header, c.name) {
			t.fault(line, c.name, "is missing from the header")
		}
	}
	return len(*t.found) == before
}

func names(columns []column) (all []string) {
	for _, c := range columns {
		all = append(all, c.name)
	}
	return all
}

// unique reports rows whose key is that of an earlier row, and gives the lines by key.
func unique[Row any](t *table, rows []numbered[Row], column string, key func(Row) string) map[string]int {
	lines := map[string]int{}
	for _, r := range rows {
		k := strings.ToLower(key(r.row))
		if first, twice := lines[k]; twice {
			t.fault(r.line, column, "%s stands already in line %d; remove one", quote(k), first)
			continue
		}
		lines[k] = r.line
	}
	return lines
}

// What follows are the kinds of cells.

func plain(to *string) func(string) error {
	return func(cell string) error { *to = cell; return nil }
}

func lowerList(to *[]string) func(string) error {
	return func(cell string) error { return list(to)(strings.ToLower(cell)) }
}

func lower(to *string) func(string) error {
	return func(cell string) error { *to = strings.ToLower(cell); return nil }
}

func list(to *[]string) func(string) error {
	return func(cell string) error {
		for part := range strings.SplitSeq(cell, ";") {
			if part = strings.TrimSpace(part); part != "" {
				*to = append(*to, part)
			}
		}
		return nil
	}
}

func id(to *string) func(string) error {
	return func(cell string) error {
		if !snapshot.IsGUID(cell) {
			return fmt.Errorf("%s is not an id of the form 11111111-2222-3333-4444-555555555555", quote(cell))
		}
		*to = strings.ToLower(cell)
		return nil
	}
}

func ids(to *[]string) func(string) error {
	return func(cell string) error {
		_ = list(to)(cell) // takes any text
		for i := range *to {
			if err := id(&(*to)[i])((*to)[i]); err != nil {
				return err
			}
		}
		return nil
	}
}

func oneOf(to *string, choice ...string) func(string) error {
	return func(cell string) error {
		if !slices.Contains(choice, cell) {
			return fmt.Errorf("%s is not %s", quote(cell), among(choice))
		}
		*to = cell
		return nil
	}
}

func yesNo(to *bool) func(string) error {
	return func(cell string) error {
		if cell != "yes" && cell != "no" {
			return fmt.Errorf("%s is not yes or no", quote(cell))
		}
		*to = cell == "yes"
		return nil
	}
}

func (t *table) date(to *time.Time) func(string) error {
	return func(cell string) error {
		day, err := parseDate(cell, t.zone)
		if err != nil {
			return fmt.Errorf("%s %w", quote(cell), err)
		}
		*to = day
		return nil
	}
}

func (t *table) language(to *string) func(string) error {
	return func(cell string) error {
		if t.validate.Var(cell, "bcp47_language_tag") != nil {
			return fmt.Errorf("%s is not a language tag such as en or de-CH", quote(cell))
		}
		*to = cell
		return nil
	}
}

func timeZone(to *string) func(string) error {
	return func(cell string) error {
		if _, err := loadZone(cell); err != nil {
			return fmt.Errorf("%s %w", quote(cell), err)
		}
		*to = cell
		return nil
	}
}
