package workbook

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
)

// Main namespaces of SpreadsheetML, transitional and strict.
const (
	nsMain   = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
	nsStrict = "http://purl.oclc.org/ooxml/spreadsheetml/main"
)

// The size of a sheet, the columns that are looked at, and the bytes a text may
// have: 32,767 characters, each written as _xHHHH_ at worst.
const (
	lastRow, lastCol = 1 << 20, 1 << 14
	columnsRead      = 256
	maxText          = 7 * cellLimit
)

// cell is one cell as stored: no format, no locale, no calculation.
type cell struct {
	col     int // from 1
	text    string
	kind    string // "text", or in words what a cell of a Decision must not hold
	formula bool
}

// filled holds for a cell with something to see in it.
func (c cell) filled() bool { return c.formula || tidy(c.text) != "" }

// parser goes over one part, strictly: what it does not expect is an error.
type parser struct {
	*xml.Decoder
	texts []string
}

func (b *book) parser(name string) (parser, error) {
	data, err := b.read(name)
	return parser{xml.NewDecoder(bytes.NewReader(data)), b.texts}, err
}

// root finds the root element, which must be of SpreadsheetML.
func (p parser) root(local string) error {
	for {
		token, err := p.Token()
		if err != nil {
			return err
		}
		if e, ok := token.(xml.StartElement); ok {
			if e.Name.Local != local || e.Name.Space != nsMain && e.Name.Space != nsStrict {
				return fmt.Errorf("<%s> instead of <%s>", e.Name.Local, local)
			}
			return nil
		}
	}
}

// children calls each for every child element up to the end of this one; each
// must read its element to the end.
func (p parser) children(each func(e xml.StartElement) error) error {
	for {
		token, err := p.Token()
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		switch e := token.(type) {
		case xml.StartElement:
			if err := each(e); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

// text adds the characters of an element that holds nothing else.
func (p parser) text(to *strings.Builder) error {
	for {
		token, err := p.Token()
		if err != nil {
			return err
		}
		switch e := token.(type) {
		case xml.CharData:
			if to.Len()+len(e) > maxText {
				return errors.New("a text longer than a cell may have")
			}
			to.Write(e)
		case xml.StartElement:
			return fmt.Errorf("<%s> within text", e.Name.Local)
		case xml.EndElement:
			return nil
		}
	}
}

// plain reads an element that holds characters only.
func (p parser) plain() (string, error) {
	var text strings.Builder
	err := p.text(&text)
	return text.String(), err
}

// rich reads a string item: its text, or the texts of its runs, without the
// reading aids of East Asian scripts.
func (p parser) rich() (string, error) {
	var text strings.Builder
	err := p.children(func(e xml.StartElement) error {
		switch e.Name.Local {
		case "t":
			return p.text(&text)
		case "r":
			return p.children(func(e xml.StartElement) error {
				if e.Name.Local == "t" {
					return p.text(&text)
				}
				return p.Skip()
			})
		}
		return p.Skip()
	})
	return unescape(text.String()), err
}

var escaped = regexp.MustCompile(`(?:_x[0-9A-Fa-f]{4}_)+`)

// unescape undoes _xHHHH_, how SpreadsheetML writes what XML cannot hold.
func unescape(s string) string {
	if !strings.Contains(s, "_x") {
		return s
	}
	return escaped.ReplaceAllStringFunc(s, func(run string) string {
		var units []uint16
		for i := 0; i < len(run); i += len("_xHHHH_") {
			n, _ := strconv.ParseUint(run[i+2:i+6], 16, 16) // four hexadecimal digits
			units = append(units, uint16(n))
		}
		return string(utf16.Decode(units))
	})
}

// shared reads the shared strings.
func (b *book) shared(part string) error {
	p, err := b.parser(part)
	if err != nil {
		return err
	}
	if err = p.root("sst"); err == nil {
		err = p.children(func(e xml.StartElement) error {
			if e.Name.Local != "si" {
				return p.Skip()
			}
			text, err := p.rich()
			b.texts = append(b.texts, text)
			return err
		})
	}
	if err != nil {
		return damaged(fmt.Errorf("part %q: %w", part, err))
	}
	return nil
}

// errStop ends a pass early, without an error.
var errStop = errors.New("stop")

// rows calls each for every row of a sheet in order; the cells are valid during
// the call only. It returns the ranges of merged cells.
func (b *book) rows(s sheet, each func(row int, cells []cell) error) (merged []string, err error) {
	p, err := b.parser(s.part)
	if err != nil {
		return nil, err
	}
	seen := false
	if err = p.root("worksheet"); err == nil {
		err = p.children(func(e xml.StartElement) error {
			switch e.Name.Local {
			case "sheetData":
				if seen {
					return errors.New("<sheetData> is there twice")
				}
				seen = true
				return p.sheetData(each)
			case "mergeCells":
				return p.children(func(e xml.StartElement) error {
					if merged = append(merged, attr(e, "ref")); len(merged) > lastCol {
						return fmt.Errorf("more than %d merged cells", lastCol)
					}
					return p.Skip()
				})
			}
			return p.Skip()
		})
	}
	if err != nil && !errors.Is(err, errStop) {
		return nil, damaged(fmt.Errorf("sheet %q: %w", s.name, err))
	}
	return merged, nil
}

func attr(e xml.StartElement, local string) string {
	for _, a := range e.Attr {
		if a.Name.Local == local && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

func (p parser) sheetData(each func(int, []cell) error) error {
	row := 0
	var cells []cell
	return p.children(func(e xml.StartElement) error {
		if e.Name.Local != "row" {
			return fmt.Errorf("<%s> among the rows", e.Name.Local)
		}
		next := row + 1
		if r := attr(e, "r"); r != "" {
			n, err := strconv.Atoi(r)
			if err != nil || n < next {
				return fmt.Errorf("row %q after row %d", r, row)
			}
			next = n
		}
		if row = next; row > lastRow {
			return fmt.Errorf("row %d", row)
		}
		cells = cells[:0]
		col := 0
		err := p.children(func(e xml.StartElement) error {
			if e.Name.Local != "c" {
				return fmt.Errorf("<%s> in row %d", e.Name.Local, row)
			}
			c, err := p.cell(e, row, col)
			if col = c.col; col <= columnsRead {
				cells = append(cells, c)
			}
			return err
		})
		if err != nil {
			return err
		}
		return each(row, cells)
	})
}

// cell reads one cell of a row; after is the column of the one before.
func (p parser) cell(e xml.StartElement, row, after int) (cell, error) {
	c := cell{col: after + 1, kind: "text"}
	if r := attr(e, "r"); r != "" {
		col, at, ok := position(r)
		if !ok || at != row || col <= after {
			return c, fmt.Errorf("cell %q in row %d after column %d", r, row, after)
		}
		c.col = col
	}
	if c.col > lastCol {
		return c, fmt.Errorf("row %d has more than %d columns", row, lastCol)
	}
	kind := attr(e, "t")
	err := p.children(func(e xml.StartElement) (err error) {
		switch e.Name.Local {
		case "v":
			c.text, err = p.plain()
		case "is":
			c.text, err = p.rich()
		case "f":
			c.formula = true
			err = p.Skip()
		case "extLst":
			err = p.Skip()
		default:
			err = fmt.Errorf("<%s> in a cell of row %d", e.Name.Local, row)
		}
		return err
	})
	if err != nil {
		return c, err
	}
	switch kind {
	case "s":
		if c.text == "" {
			return c, nil
		}
		i, err := strconv.Atoi(c.text)
		if err != nil || i < 0 || i >= len(p.texts) {
			return c, fmt.Errorf("row %d asks for text %q of %d", row, c.text, len(p.texts))
		}
		c.text = p.texts[i]
	case "inlineStr":
	case "str":
		c.text = unescape(c.text)
	case "", "n":
		c.kind = "a number"
	case "b":
		c.kind = "a logical value"
	case "e":
		c.kind = "an error value"
	case "d":
		c.kind = "a date"
	default:
		return c, fmt.Errorf("cell of type %q in row %d", kind, row)
	}
	return c, nil
}

// position reads a cell name: "AB12" is column 28, row 12.
func position(name string) (col, row int, ok bool) {
	i := 0
	for ; i < len(name) && i < 3 && name[i] >= 'A' && name[i] <= 'Z'; i++ {
		col = col*26 + int(name[i]-'A') + 1
	}
	if i == 0 || i == len(name) || len(name)-i > 7 {
		return 0, 0, false
	}
	for ; i < len(name); i++ {
		if name[i] < '0' || name[i] > '9' {
			return 0, 0, false
		}
		row = row*10 + int(name[i]-'0')
	}
	return col, row, true
}

// area reads a range: "A1:C3", a single cell, or whole columns and rows.
func area(name string) (left, top, right, bottom int, ok bool) {
	from, to, two := strings.Cut(strings.ReplaceAll(name, "$", ""), ":")
	if !two {
		to = from
	}
	left, top, ok1 := position(from)
	right, bottom, ok2 := position(to)
	return left, top, right, bottom, ok1 && ok2 && left <= right && top <= bottom
}
