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

// No name becomes a formula, changes its neighbours or comes back as something else.
func TestNaughtyNames(t *testing.T) {
	b := hostileBook(t)
	data := filled(t, b)
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
			if c.fact != nil && got != visible(c.fact(r)) {
				t.Errorf("%s of %s: %.80q, want %.80q", c.head, r.Item, got, visible(c.fact(r)))
			}
			if len(utf16.Encode([]rune(got))) > 32767 {
				t.Errorf("%s of %s is longer than a cell", c.head, r.Item)
			}
		}
	}
	for name, text := range parts(t, written(t, b)) {
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
