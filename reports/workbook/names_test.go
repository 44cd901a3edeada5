package workbook

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// naughty reads the hostile names.
func naughty(t testing.TB) (names []string) {
	t.Helper()
	data, err := os.ReadFile("testdata/naughty-names.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(data), "\n"), "\n") {
		_, value, found := strings.Cut(line, "\t")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		name := ""
		if raw, isHex := strings.CutPrefix(value, "hex:"); isHex {
			b, err := hex.DecodeString(raw)
			if err != nil {
				t.Fatal(err)
			}
			name = string(b)
		} else if err := json.Unmarshal([]byte(value), &name); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		names = append(names, name)
	}
	if len(names) < 200 {
		t.Fatalf("only %d names", len(names))
	}
	return names
}

// hostileBook has every hostile name in every text of a row, and everywhere else.
func hostileBook(t testing.TB) Book {
	b := Book{Campaign: "AR26Q3", Revision: 1, Token: "T", Title: "a", MSP: "b"}
	for i, n := range naughty(t) {
		b.Decide = append(b.Decide, Row{Item: fmt.Sprintf("AR26Q3-%06d-7F", i), Kind: n, Who: n, Account: n, Customer: n, Access: n, Through: n, Roles: n, Level: n, State: n, Ends: n,
			LastUsed: n, Uses: n, Findings: n, Suggestion: n, Why: n, Check: n, ChangeTo: Choices{Keep: []string{n, "Reader", "other" + n}}})
		b.Chains = append(b.Chains, Chain{n, n, n, n, n, n})
		b.Coverage = append(b.Coverage, CoverageLine{n, n, n, n, n, n, n})
		b.Roles = append(b.Roles, RoleLine{n, n, n})
	}
	return b
}

// unfolded undoes the folding of long addresses.
func unfolded(s string) string {
	return regexp.MustCompile(`\n([@.])|(-)\n`).ReplaceAllString(s, "$1$2")
}

// No name becomes a formula, changes its neighbours or comes back as something else.
func TestNaughtyNames(t *testing.T) {
	b := hostileBook(t)
	plain := written(t, b)
	data := edited(t, plain, func(f *excelize.File) { sign(t, f) })
	f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := f.GetRows(sheetDecide)
	if err != nil || len(rows) != 4+len(b.Decide) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, r := range b.Decide {
		if rows[4+i][0] != r.Item {
			t.Errorf("item %q came back as %q", r.Item, rows[4+i][0])
		}
		for j, c := range columns() {
			got := ""
			if j < len(rows[4+i]) {
				got = rows[4+i][j]
			}
			if c.fact != nil && unfolded(got) != unfolded(visible(c.fact(r))) {
				t.Errorf("%s of %s: %.80q, want %.80q", c.head, r.Item, got, visible(c.fact(r)))
			}
			if len(utf16.Encode([]rune(got))) > 32767 {
				t.Errorf("%s of %s is longer than a cell", c.head, r.Item)
			}
		}
	}
	for name, text := range parts(t, plain) {
		if strings.HasPrefix(name, "xl/worksheets/") && regexp.MustCompile(`<f[ >]`).MatchString(text) {
			t.Errorf("%s holds a formula", name)
		}
	}
	if got := taken(t, data, expect(b)); got.Blank != len(b.Decide) {
		t.Errorf("%d open", got.Blank)
	}
}

// Names stand in titles, page footers and properties too.
func TestNaughtyTitles(t *testing.T) {
	for i, n := range naughty(t) {
		if i%40 != 0 && len(n) < 1000 {
			continue
		}
		b := sample(1)
		b.Title, b.MSP, b.Reviewer, b.ReviewerUPN, b.Contact, b.Incomplete, b.Covered, b.Seal = n, n, n, n, n, n, n, n
		data := filled(t, b)
		taken(t, data, expect(b))
		for name, text := range parts(t, data) {
			for _, line := range regexp.MustCompile(`<odd(?:Header|Footer)>([^<]*)<`).FindAllStringSubmatch(text, -1) {
				if n := len(utf16.Encode([]rune(html.UnescapeString(line[1])))); n > 255 {
					t.Errorf("%s: a page line of %d units", name, n)
				}
			}
		}
	}
}

// A long address is folded at its marks and nowhere else; other words are left alone.
func TestFolded(t *testing.T) {
	for in, want := range map[string]string{
		"priya@msp.example": "priya@msp.example",
		"Saga (saga.lindqvist.admin@northgate-msp.example) is":        "Saga (saga.lindqvist.admin\n@northgate-msp.example) is",
		"ola.freelance_contractor.example#EXT#@northgate-msp.example": "ola.freelance_contractor\n.example#EXT#@northgate-msp\n.example",
		strings.Repeat("w", 60) + " a@b":                              strings.Repeat("w", 60) + " a@b",
		"@" + strings.Repeat("w", 60):                                 "@" + strings.Repeat("w", 60),
	} {
		if got := folded(in, 30); got != want || unfolded(got) != in {
			t.Errorf("folded(%q) = %q, want %q", in, got, want)
		}
	}
	full := folded(strings.Repeat("a.b@", cellLimit/4), 1)
	if n := len(utf16.Encode([]rune(full))); n > cellLimit {
		t.Errorf("%d units", n)
	}
}

// What must stand on one line does, whichever of its characters are the widest.
func TestLines(t *testing.T) {
	cols := columns()
	for _, c := range []struct {
		text  string
		width float64
		want  int
	}{
		{"AR26Q3-2-000231-5W", cols[at(cols, headItem)].width, 1},
		{"2026-12-31,\nextends\nitself", cols[at(cols, "Ends")].width, 3},
		{"Relationship\nactive", cols[at(cols, "Kind")].width, 2},
		{"0 - full control\n" + ownReason, cols[at(cols, "Level")].width * boldly, 2},
		{Change, cols[at(cols, headDecision)].width, 1},
		{"2027-02-18 10:59", 17.5, 1},                          // Until on Chains
		{"nikos.papadakis.admin@northgate-msp.example", 44, 1}, // Account on Chains
		{"", 10, 1},
		{"one two three", 10, 2},
		{"trailing space          ", 20, 1},
		{"SG-GDAP-Alder", 12, 2},
		{"WWWWWWWWWWWWWWWWWWWW", 12, 4},
		{"佐藤佐藤佐藤佐藤佐藤", 12, 2},
	} {
		if got := lines(c.text, c.width); got != c.want {
			t.Errorf("%q takes %d lines of %g, want %d", c.text, got, c.width, c.want)
		}
	}
}

func TestVisible(t *testing.T) {
	for in, want := range map[string]string{
		"Contoso":           "Contoso",
		"a\x00b\rc\td":      "a␀b␍c␉d",
		"line\nline":        "line\nline",
		"ab\u202ecd":        "ab<U+202E>cd",
		"Contoso\u200b":     "Contoso<U+200B>",
		"Contoso\u200d":     "Contoso<U+200D>",
		"می\u200cخواهم":     "می\u200cخواهم",
		"👩\u200d💻":          "👩\u200d💻",
		"\xff\xfeA":         "<FF><FE>A",
		"\ufffe":            "<U+FFFE>",
		"\ufffd":            "\ufffd",
		"=HYPERLINK(\"x\")": "=HYPERLINK(\"x\")",
		"_x0041_":           "_x0041_",
		"\u2028":            "<U+2028>",
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %q, want %q", in, got, want)
		}
	}
	long := visible(strings.Repeat("😀", 40_000))
	if n := len(utf16.Encode([]rune(long))); n > 32767 || !strings.HasSuffix(long, "… [23637 more characters]") {
		t.Errorf("%d units, ends %q", n, long[len(long)-40:])
	}
}
