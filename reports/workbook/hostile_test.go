package workbook

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
)

// zipPart is one part of a package that a test damages.
type zipPart struct{ name, text string }

// pack stores parts as they are; the files of Write and of other programs are deflated.
func pack(t testing.TB, list []zipPart) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, p := range list {
		f, err := w.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Store})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write([]byte(p.text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const decidePart = "xl/worksheets/sheet2.xml"

// hostileFiles are packages as attackers, broken disks and odd programs make
// them: each one a valid answer with one thing wrong, and a word of the error.
func hostileFiles(t testing.TB) map[string]struct {
	data []byte
	want string
} {
	t.Helper()
	good := filled(t, sample(6))
	base := parts(t, good)
	all := make(map[string]struct {
		data []byte
		want string
	})
	raw := func(name, want string, data []byte) {
		all[name] = struct {
			data []byte
			want string
		}{data, want}
	}
	list := func(change map[string]string) (l []zipPart) {
		for _, name := range slices.Sorted(maps.Keys(base)) {
			text, changed := change[name]
			if !changed {
				text = base[name]
			}
			if text != "" {
				l = append(l, zipPart{name, text})
			}
		}
		return l
	}
	changed := func(name, want, part, text string) { raw(name, want, pack(t, list(map[string]string{part: text}))) }
	added := func(name, want string, more ...zipPart) { raw(name, want, pack(t, append(list(nil), more...))) }
	replaced := func(name, want, part, old, with string) {
		if !strings.Contains(base[part], old) {
			t.Fatalf("%s: %s lacks %s", name, part, old)
		}
		changed(name, want, part, strings.Replace(base[part], old, with, 1))
	}
	patched := func(name, want string, patch func(data []byte)) {
		data := slices.Clone(good)
		patch(data)
		raw(name, want, data)
	}
	// patchHeaders changes a field in the local and the central header of a part.
	patchHeaders := func(data []byte, part string, local, central int, value uint32, size int) {
		for from := 0; ; {
			i := bytes.Index(data[from:], []byte(part))
			if i < 0 {
				return
			}
			at := from + i
			from = at + 1
			field := -1
			if at >= 30 && bytes.HasPrefix(data[at-30:], []byte("PK\x03\x04")) {
				field = at - 30 + local
			} else if at >= 46 && bytes.HasPrefix(data[at-46:], []byte("PK\x01\x02")) {
				field = at - 46 + central
			}
			if field >= 0 && size == 2 {
				binary.LittleEndian.PutUint16(data[field:], uint16(value))
			} else if field >= 0 {
				binary.LittleEndian.PutUint32(data[field:], value)
			}
		}
	}

	raw("empty", "no workbook", nil)
	raw("text", "no workbook", []byte("Item,Decision\nAR26Q3-000001-00,Approve\n"))
	raw("html", "no workbook", []byte("<html><table><tr><td>Item</td></tr></table></html>"))
	raw("ole", "password", append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 4096)...))
	raw("ods", "OpenDocument", pack(t, []zipPart{{"mimetype", "application/vnd.oasis.opendocument.spreadsheet"}, {"content.xml", "<a/>"}}))
	raw("xlsb", "binary workbook", pack(t, []zipPart{{contentTypes, "<Types/>"}, {"xl/workbook.bin", "x"}}))
	raw("empty zip", "no workbook", pack(t, nil))
	raw("another zip", "no workbook", pack(t, []zipPart{{"a.txt", "a"}}))
	raw("half", "damaged", good[:len(good)/2])
	raw("last byte missing", "damaged", good[:len(good)-1])
	raw("too large", "more than", append(slices.Clone(good), make([]byte, 9<<20)...))
	raw("many parts", "damaged", pack(t, func() (l []zipPart) {
		for i := range maxParts + 1 {
			l = append(l, zipPart{fmt.Sprint(i), ""})
		}
		return l
	}()))
	changed("no content types", "no workbook", contentTypes, "")
	changed("no relations", "no workbook", "_rels/.rels", "")
	changed("no workbook part", "damaged", "xl/workbook.xml", "")
	changed("no sheets", "labelled", "xl/_rels/workbook.xml.rels", "")
	changed("sheet part missing", "is missing", decidePart, "")
	replaced("two workbooks", "no workbook", "_rels/.rels", "</Relationships>", `<Relationship Id="rId9" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/other.xml"/></Relationships>`)
	patched("encrypted flag", "password", func(d []byte) { patchHeaders(d, decidePart, 6, 8, 1, 2) })
	patched("unknown packing", "packed by method", func(d []byte) { patchHeaders(d, decidePart, 8, 10, 12, 2) })
	patched("wrong checksum", "checksum", func(d []byte) { patchHeaders(d, decidePart, 14, 16, 12345, 4) })
	patched("declares less", "not a valid zip file", func(d []byte) { patchHeaders(d, decidePart, 22, 24, 100, 4) })
	patched("declares more", "unexpected EOF", func(d []byte) { patchHeaders(d, decidePart, 22, 24, uint32(len(base[decidePart])+100), 4) })
	patched("declares far more", "unpacks", func(d []byte) { patchHeaders(d, decidePart, 22, 24, 200<<20, 4) })
	added("part twice", "there twice", zipPart{decidePart, base[decidePart]})
	added("part twice but for case", "there twice", zipPart{strings.ToUpper(decidePart), base[decidePart]})
	added("backslash", "odd part name", zipPart{`xl\worksheets\sheet2.xml`, base[decidePart]})
	added("climbing", "odd part name", zipPart{"../../etc/passwd", "x"})
	added("absolute", "odd part name", zipPart{"/xl/a.xml", "<a/>"})
	added("macros", "macros", zipPart{"xl/vbaProject.bin", "x"})
	added("macro sheet", "macros", zipPart{"xl/macrosheets/sheet1.xml", "<a/>"})
	added("external link", "macros", zipPart{"xl/externalLinks/externalLink1.xml", "<a/>"})
	added("embedded object", "macros", zipPart{"xl/embeddings/a.bin", "x"})
	added("query", "macros", zipPart{"xl/connections.xml", "<a/>"})
	added("external picture", "outside", zipPart{"xl/drawings/_rels/drawing1.xml.rels", `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/image" Target="http://evil.example/" TargetMode="External"/></Relationships>`})
	var bomb bytes.Buffer
	w := zip.NewWriter(&bomb)
	for range 2 { // each within the limits, both together not
		size := uint64(maxInflated/2 + 1)
		f, err := w.CreateRaw(&zip.FileHeader{Name: fmt.Sprint("xl/media/", bomb.Len()), Method: zip.Deflate, CompressedSize64: size / 1000, UncompressedSize64: size})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, size/1000)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	raw("bomb", "unpacks", bomb.Bytes())
	replaced("entity bomb", "entities", "docProps/core.xml", "<cp:core", `<!DOCTYPE a [<!ENTITY b "bb">]><cp:core`)
	replaced("dtd in a sheet", "entities", decidePart, "<worksheet", "<!DOCTYPE worksheet><worksheet")
	utf16be := binaryUTF16(base[decidePart])
	changed("UTF-16", "not UTF-8", decidePart, utf16be)
	replaced("bad UTF-8", "not UTF-8", decidePart, "Decide: ", "Decide\xff: ")
	replaced("other encoding", "damaged", decidePart, `encoding="UTF-8"`, `encoding="ISO-8859-1"`)
	replaced("unclosed", "damaged", decidePart, "</sheetData>", "")
	replaced("cut in a row", "damaged", decidePart, `<row r="6"`, `<!--`)
	replaced("not XML", "damaged", decidePart, `<row r="6"`, `<row r="6" <`)
	replaced("foreign namespace", "instead of", decidePart, `xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"`, `xmlns="urn:other"`)
	replaced("row number repeated", "after row", decidePart, `<row r="6"`, `<row r="5"`)
	replaced("row number falls", "after row", decidePart, `<row r="6"`, `<row r="2"`)
	replaced("row number huge", "row 231999999999940", decidePart, `<row r="10"`, `<row r="231999999999940"`)
	replaced("row number negative", "after row", decidePart, `<row r="6"`, `<row r="-6"`)
	replaced("row number no number", "after row", decidePart, `<row r="6"`, `<row r="six"`)
	replaced("column falls", "in row 6", decidePart, `r="C6"`, `r="A6"`)
	replaced("column repeated", "in row 6", decidePart, `r="C6"`, `r="B6"`)
	replaced("column overflows", "columns", decidePart, `r="P6"`, `r="ZZZ6"`)
	replaced("column of four letters", "in row 6", decidePart, `r="P6"`, `r="AAAA6"`)
	replaced("cell of another row", "in row 6", decidePart, `r="C6"`, `r="C7"`)
	replaced("cell without row", "in row 6", decidePart, `r="C6"`, `r="C"`)
	replaced("cell type unknown", "of type", decidePart, `r="C6" s="`, `r="C6" t="x" q="`)
	replaced("shared string below", "asks for text", decidePart, `</row><row r="7"`, `<c r="Q6" t="s"><v>-1</v></c></row><row r="7"`)
	replaced("shared string above", "asks for text", decidePart, `</row><row r="7"`, `<c r="Q6" t="s"><v>9</v></c></row><row r="7"`)
	replaced("element among rows", "among the rows", decidePart, `<row r="6"`, `<x/><row r="6"`)
	replaced("element in a row", "in row 6", decidePart, `<c r="C6"`, `<x/><c r="C6"`)
	replaced("sheetData twice", "there twice", decidePart, "</sheetData>", "</sheetData><sheetData/>")
	replaced("text in pieces", "longer than a cell", decidePart, "<t>Decide", "<t>"+strings.Repeat("abcdefg<!---->", 40_000)+"Decide")
	replaced("runs in pieces", "longer than a cell", decidePart, "<is><t>Decide", "<is>"+strings.Repeat("<r><t>abcdefgh</t></r>", 40_000)+"<t>Decide")
	replaced("many merged cells", "merged cells", decidePart, "<mergeCells", "<mergeCells>"+strings.Repeat(`<mergeCell ref="A9:B9"/>`, 20_000)+"</mergeCells><mergeCells")
	replaced("one part as two sheets", "share the part", "xl/workbook.xml", "</sheets>", `<sheet name="Again" sheetId="99" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships" r:id="rId1"/></sheets>`)
	replaced("too many rows", "more than", decidePart, "</sheetData>", strings.Repeat("<row/>", 20_000)+"</sheetData>")
	return all
}

func binaryUTF16(s string) string {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.BigEndian.AppendUint16(b, u)
	}
	return string(b)
}

// refused proves that a file is refused with a plain error and little memory.
func refused(t *testing.T, name string, data []byte, want string) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, faults, err := Read(data, expect(sample(6)))
	runtime.ReadMemStats(&after)
	if err == nil || len(faults) > 0 || len(got.Answers) > 0 {
		t.Errorf("%s: taken: %d answers, faults %v", name, len(got.Answers), faults)
		return
	}
	if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
		t.Errorf("%s: %v\nwant %q", name, err, want)
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 512<<20 {
		t.Errorf("%s: %d MiB allocated", name, used>>20)
	}
	if campaign, _, _, err := Identify(data); err == nil && campaign != "AR26Q3" {
		t.Errorf("%s: identified as %q", name, campaign)
	}
}

func TestHostilePackages(t *testing.T) {
	for name, f := range hostileFiles(t) {
		refused(t, name, f.data, f.want)
	}
}

// Any file laid into testdata/hostile is refused.
func TestHostileFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/hostile/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, name, data, "")
	}
}

// A row as wide as a sheet can be costs no more than its bytes.
func TestWideRows(t *testing.T) {
	base := parts(t, filled(t, sample(6)))
	var rows strings.Builder
	for i := range 9_000 {
		fmt.Fprintf(&rows, `<row r="%d"><c r="XFD%d"/></row>`, i+20, i+20)
	}
	base[decidePart] = strings.Replace(base[decidePart], "</sheetData>", rows.String()+"</sheetData>", 1)
	var list []zipPart
	for name, text := range base {
		list = append(list, zipPart{name, text})
	}
	if got := taken(t, pack(t, list), expect(sample(6))); got.Blank != 9 {
		t.Errorf("%d open", got.Blank)
	}
}

// FuzzRead looks for a panic, and for anything taken over from a file that is
// not the one that was issued.
func FuzzRead(f *testing.F) {
	f.Add(filled(f, sample(6)))
	for name, h := range hostileFiles(f) { // all are read by TestHostilePackages; one of each sort is enough to start from
		switch name {
		case "half", "no workbook part", "wrong checksum", "part twice", "macros", "external picture", "entity bomb", "row number falls":
			f.Add(h.data)
		}
	}
	files, err := filepath.Glob("testdata/hostile/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	e := expect(sample(6))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, faults, err := Read(data, e)
		if (err != nil || len(faults) > 0) && len(got.Answers) > 0 {
			t.Errorf("taken over in spite of %v %v", err, faults)
		}
		if len(got.Answers)+got.Blank > 0 && len(got.Answers)+got.Blank != 9 {
			t.Errorf("%d answers and %d open of 9 rows", len(got.Answers), got.Blank)
		}
		Identify(data)
	})
}

// FuzzSheet hands any sheet XML to the row parser.
func FuzzSheet(f *testing.F) {
	base := parts(f, filled(f, sample(2)))
	f.Add(base[decidePart])
	f.Add(`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row><c t="inlineStr"><is><r><t>_x0041_</t></r></is></c></row></sheetData><mergeCells><mergeCell ref="A1:B2"/></mergeCells></worksheet>`)
	e := expect(sample(2))
	f.Fuzz(func(t *testing.T, text string) {
		var list []zipPart
		for name, old := range base {
			if name == decidePart {
				old = text
			}
			list = append(list, zipPart{name, old})
		}
		_, faults, err := Read(pack(t, list), e)
		if err == nil {
			for _, f := range faults {
				if f.Problem == "" || f.Cure == "" {
					t.Errorf("incomplete fault %+v", f)
				}
			}
		}
	})
}
