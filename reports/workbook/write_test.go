package workbook

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// parts unpacks a file.
func parts(t testing.TB, data []byte) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all[f.Name] = string(text)
	}
	return all
}

// Equal books give equal bytes, however excelize walks its maps.
func TestEqualBytes(t *testing.T) {
	first := written(t, sample(20))
	for range 8 {
		if !bytes.Equal(first, written(t, sample(20))) {
			t.Fatal("two runs differ")
		}
	}
	b := sample(20)
	b.Decide[3].Why = "another reason"
	if bytes.Equal(first, written(t, b)) {
		t.Error("a changed book gives the same bytes")
	}
}

func TestPackage(t *testing.T) {
	data := written(t, sample(6))
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range archive.File {
		if !f.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%s is dated %s", f.Name, f.Modified)
		}
		if i == 0 && f.Name != contentTypes || i > 1 && f.Name < archive.File[i-1].Name {
			t.Errorf("part %d is %s", i, f.Name)
		}
	}
	all := parts(t, data)
	for name, text := range all {
		if strings.Contains(text, "<f>") || strings.Contains(text, "<f ") {
			t.Errorf("%s holds a formula", name)
		}
		if err := xml.Unmarshal([]byte(text), new(struct{ XMLName xml.Name })); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	core := all["docProps/core.xml"]
	for _, want := range []string{"<dc:title>Access review, third quarter 2026<", "<dc:language>en-GB<", "<cp:lastModifiedBy>Northgate MSP<", ">2026-10-01T04:00:00Z</dcterms:created>", ">2026-10-01T04:00:00Z</dcterms:modified>"} {
		if !strings.Contains(core, want) {
			t.Errorf("core.xml lacks %s:\n%s", want, core)
		}
	}
	// sheet2 is Decide: head in row 4, rows 5 to 10, columns A to P.
	for _, want := range []string{
		`<dimension ref="A1:P10">`, `fitToPage="true"`, `fitToWidth="1"`, `fitToHeight="0"`, `orientation="landscape"`,
		`ySplit="4"`, `state="frozen"`, `sheet="true"`, `autoFilter="false"`, `formatColumns="false"`, `sqref="M5:M10"`, `<formula1>DecisionList</formula1>`, `hidden="1"`, `<tablePart`,
	} {
		if !strings.Contains(strings.ReplaceAll(all["xl/worksheets/sheet2.xml"], `"1"></pane>`, `"1">`), want) {
			t.Errorf("Decide lacks %s", want)
		}
	}
	if strings.Contains(all["xl/worksheets/sheet2.xml"], "hashValue") {
		t.Error("a password protects the sheet")
	}
	if n := strings.Count(all["xl/worksheets/sheet2.xml"], "<conditionalFormatting"); n != 3 {
		t.Errorf("%d conditional formats, want one per column", n)
	}
}

// What a program that knows nothing of this package finds.
func TestSheets(t *testing.T) {
	b := sample(6)
	f, err := excelize.OpenReader(bytes.NewReader(written(t, b)))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if got := f.GetSheetList(); !reflect.DeepEqual(got, []string{"Start", "Decide", "Re-affirm", "Chains", "Coverage", "Roles", "Sign-off", "_lists"}) {
		t.Errorf("sheets %v", got)
	}
	if shown, _ := f.GetSheetVisible("_lists"); shown || f.GetActiveSheetIndex() != 0 {
		t.Errorf("_lists shown %v, active sheet %d", shown, f.GetActiveSheetIndex())
	}
	for sheet, heads := range map[string]string{
		"Decide": "Item Decision Change to Reason", "Re-affirm": "Item Decision Change to Reason", "Sign-off": "Reviewer Date Statement",
	} {
		for _, head := range strings.SplitAfter(strings.ReplaceAll(heads, "Change to", "Change_to"), " ") {
			head = strings.ReplaceAll(strings.TrimSpace(head), "_", " ")
			if found, err := f.SearchSheet(sheet, head); err != nil || len(found) != 1 {
				t.Errorf("%s on %s: %v %v", head, sheet, found, err)
			}
		}
	}
	// Only inputs are unlocked, and they are text.
	for _, sheet := range []string{"Decide", "Re-affirm", "Sign-off", "Start", "Chains", "Coverage", "Roles"} {
		rows, _ := f.GetRows(sheet)
		unlocked := 0
		for i := range rows {
			for col := 1; col <= 17; col++ {
				id, err := f.GetCellStyle(sheet, ref(col, i+1))
				if err != nil {
					t.Fatal(err)
				}
				style, err := f.GetStyle(id)
				if err != nil {
					t.Fatal(err)
				}
				if style.Protection != nil && !style.Protection.Locked {
					unlocked++
					if style.NumFmt != 49 {
						t.Errorf("%s!%s is no text cell", sheet, ref(col, i+1))
					}
				}
			}
		}
		if want := map[string]int{"Decide": 18, "Re-affirm": 10, "Sign-off": 3}[sheet]; unlocked != want {
			t.Errorf("%s has %d inputs, want %d", sheet, unlocked, want)
		}
	}
	kind, err := f.GetCellType("Decide", cellOf(t, f, "Decide", b.Decide[1].Item, "Uses"))
	if err != nil || kind != excelize.CellTypeNumber && kind != excelize.CellTypeUnset {
		t.Errorf("Uses is of type %v, %v", kind, err)
	}
}

func TestStartSays(t *testing.T) {
	text := parts(t, written(t, sample(6)))["xl/worksheets/sheet1.xml"]
	for _, want := range []string{"Access review, third quarter 2026", "Northgate MSP", "Dana Whitfield", "16 October 2026, 18:00", "6 rows to decide one by one, 3 unchanged rows to re-affirm; 2 privileged rows need their own reasons",
		"1 October 2026, 04:00", "Europe/Berlin", "41 of 43 customers were seen completely", "access-reviews@northgate-msp.example", "Keep the access as it is.", "Remove the access.", "the next in line", "Blank is never taken for approval",
		"9f31 c2aa 0b7e 55d1", "AR26Q3 r1 K7Q2M4XW9D"} {
		if !strings.Contains(text, want) {
			t.Errorf("Start does not say %q", want)
		}
	}
	one := sample(6)
	one.Decide, one.Reaffirm = one.Decide[:1], one.Reaffirm[:1]
	if text := parts(t, written(t, one))["xl/worksheets/sheet1.xml"]; !strings.Contains(text, "1 row to decide one by one, 1 unchanged row to re-affirm; 1 privileged row needs its own reason<") {
		t.Error("Start miscounts one row")
	}
	if strings.Contains(text, "INCOMPLETE") || regexp.MustCompile(`(?i)you (can|may) sort`).MatchString(text) {
		t.Error("Start claims too much")
	}
}

func TestIncompleteIsOnEverySheetAndPage(t *testing.T) {
	b := sample(6)
	b.Incomplete = "2 of 43 customers could not be read: no consent & no role"
	all := parts(t, written(t, b))
	for i := 1; i <= 7; i++ {
		text := all["xl/worksheets/sheet"+string(rune('0'+i))+".xml"]
		if !strings.Contains(text, "INCOMPLETE: 2 of 43 customers could not be read: no consent &amp; no role<") {
			t.Errorf("no banner on sheet %d", i)
		}
		if !strings.Contains(text, "<oddHeader>&amp;C&amp;9INCOMPLETE: 2 of 43 customers could not be read: no consent &amp;&amp; no role</oddHeader>") || !strings.Contains(text, "- INCOMPLETE&amp;R") {
			t.Errorf("pages of sheet %d do not say INCOMPLETE", i)
		}
	}
}

func TestRefusesToWrite(t *testing.T) {
	for name, change := range map[string]func(*Book){
		"no rows to review": func(b *Book) { b.Decide, b.Reaffirm = nil, nil },
		"plain ids and a":   func(b *Book) { b.Token = "a b" },
		"count from 1":      func(b *Book) { b.Revision = 0 },
		"item id \"X-1\"":   func(b *Book) { b.Decide[0].Item = "X-1" },
		"there twice":       func(b *Book) { b.Reaffirm[0].Item = b.Decide[0].Item },
		"is not a plain id": func(b *Book) { b.Decide[0].Item = "AR26Q3-\u0441" },
	} {
		b := sample(4)
		change(&b)
		var out bytes.Buffer
		if err := Write(&out, b); err == nil || !strings.Contains(err.Error(), name) || out.Len() > 0 {
			t.Errorf("%s: %v, %d bytes", name, err, out.Len())
		}
	}
}

// Either sheet may be empty; both are there all the same.
func TestOneSheetEmpty(t *testing.T) {
	for _, b := range []Book{{Decide: sample(2).Decide}, {Reaffirm: sample(4).Reaffirm}} {
		b.Campaign, b.Token, b.Revision = "AR26Q3", "T", 1
		data := filled(t, b)
		if got := taken(t, data, expect(b)); got.Blank != 2 {
			t.Errorf("%d open", got.Blank)
		}
		empty := map[bool]string{true: sheetDecide, false: sheetReaffirm}[len(b.Decide) == 0]
		if !strings.Contains(parts(t, data)["xl/workbook.xml"], "&#39;"+empty+"&#39;!$A$1:$H$2<") {
			t.Errorf("%s prints more than its title and one sentence", empty)
		}
	}
}

// Large sheets are spilled by excelize to the temporary folder; nothing of them stays.
func TestNoFilesLeft(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	b := sample(120)
	for i := range b.Decide {
		b.Decide[i].Findings = strings.Repeat("&", cellLimit) // five bytes each, as &amp;
	}
	data := written(t, b)
	if text := parts(t, data)[decidePart]; len(text) < excelize.StreamChunkSize {
		t.Fatalf("a sheet of %d bytes spills nothing", len(text))
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
