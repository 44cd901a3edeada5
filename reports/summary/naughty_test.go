package summary_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"countersign/reports/summary"
)

type naughty struct{ category, name string }

// alone are the categories whose names must fill a field by themselves to do
// harm; the others go into the fields ten at a time, as a document costs 20 ms.
var alone = map[string]bool{"empty-ish": true, "long": true, "invalid-utf8-hex": true, "lone-surrogate-json": true,
	"emoji-zwj": true, "rtl-bidi": true, "pdf": true, "combining": true, "xml-forbidden": true}

func fieldTexts(t testing.TB) []string {
	var texts, group []string
	for _, n := range naughtyNames(t) {
		if alone[n.category] {
			texts = append(texts, n.name)
			continue
		}
		if group = append(group, n.name); len(group) == 10 {
			texts, group = append(texts, strings.Join(group, " ")), nil
		}
	}
	return append(texts, strings.Join(group, " "))
}

// naughtyNames reads testdata/naughty-names.txt: CATEGORY, tab, JSON string or
// hex:.. for bytes that are not UTF-8.
func naughtyNames(t testing.TB) []naughty {
	t.Helper()
	file, err := os.ReadFile("testdata/naughty-names.txt")
	if err != nil {
		t.Fatal(err)
	}
	var names []naughty
	for i, line := range strings.Split(string(file), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		category, value, _ := strings.Cut(line, "\t")
		var name string
		if raw, ok := strings.CutPrefix(value, "hex:"); ok {
			b, err := hex.DecodeString(raw)
			if err != nil {
				t.Fatalf("line %d: %v", i+1, err)
			}
			name = string(b)
		} else if err := json.Unmarshal([]byte(value), &name); err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		names = append(names, naughty{category, name})
	}
	if len(names) < 280 {
		t.Fatalf("only %d names read", len(names))
	}
	return names
}

// inEveryField is a small summary that holds text in every string there is.
func inEveryField(t testing.TB, text string) summary.Summary {
	s := quiet(t)
	s.Attention = make([]summary.Attention, 1)
	s.People.Rows = []summary.Person{{Roles: []string{"", ""}}}
	s.SignedIn.Rows = []summary.Use{{Start: s.Since.Add(time.Hour)}}
	s.ActivatedOnly.Rows = []summary.Use{{Start: s.Since.Add(time.Hour)}}
	s.Agreements.Rows = []summary.Agreement{{Roles: []string{""}}}
	s.Coverage, s.Gaps, s.NotCovered, s.Checks = []string{""}, []string{""}, []string{""}, []string{""}
	s.Glossary = make([]summary.Term, 1)
	fill(reflect.ValueOf(&s).Elem(), text)
	s.ActivatedOnly.Rows[0].Withheld = "" // so that purpose and ticket are printed once
	return s
}

func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() || v.Type() == reflect.TypeFor[summary.Count]() {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), text)
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	}
}

// asciiRuns are the stretches of printable ASCII that must be readable in the
// document. A letter that carries a combining mark may be composed with it.
func asciiRuns(text string) []string {
	var runs []string
	var run []rune
	for _, r := range text + "\x00" {
		switch {
		case r > ' ' && r <= '~':
			run = append(run, r)
			continue
		case unicode.Is(unicode.M, r) && len(run) > 0:
			run = run[:len(run)-1]
		}
		if len(run) > 0 {
			runs = append(runs, string(run))
		}
		run = nil
	}
	return runs
}

func squeeze(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, text)
}

// tool runs a program that reads PDFs; the tests need it, so its absence fails.
func tool(t testing.TB, debianPackage, name string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: these tests read our PDFs with it (Debian package %s)", name, debianPackage)
	}
	var errors bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Stderr = &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s%s", name, args, err, out, errors.String())
	}
	return string(out)
}

func pdfText(t testing.TB, file string, how ...string) string {
	t.Helper()
	return tool(t, "poppler-utils", "pdftotext", append(how, file, "-")...)
}

func pdfFile(t testing.TB, s summary.Summary) string {
	t.Helper()
	var b bytes.Buffer
	if err := summary.WritePDF(&b, s); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "summary.pdf")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func textOf(t testing.TB, s summary.Summary) string {
	t.Helper()
	var b bytes.Buffer
	if err := summary.WriteText(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var (
	active  = regexp.MustCompile(`/(JS|JavaScript|OpenAction|AA|Launch|URI|SubmitForm|EmbeddedFile|GoToR)\b`)
	streams = regexp.MustCompile(`(?s)\nstream\n.*?\nendstream\n`)
)

// checkPDF: another program reads the file without complaint, and nothing in it acts.
func checkPDF(t *testing.T, file string) {
	t.Helper()
	tool(t, "qpdf", "qpdf", "--check", file) // warnings are exit 3
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if found := active.Find(streams.ReplaceAll(raw, nil)); found != nil {
		t.Errorf("the file holds %s", found)
	}
}

// Threats 3 and 4 of the threat model: a name kills the document, mirrors it,
// or smuggles an action into it.
func TestNaughtyNamesInEveryField(t *testing.T) {
	for i, name := range fieldTexts(t) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Parallel()
			s := inEveryField(t, name)
			file := pdfFile(t, s)
			checkPDF(t, file)
			pdf, text := pdfText(t, file, "-raw"), textOf(t, s)
			inPDF, inText := squeeze(pdf), squeeze(text)
			for _, run := range asciiRuns(name) {
				run = run[:min(len(run), 200)] // cells are cut at a page's height
				if !strings.Contains(inPDF, run) || !strings.Contains(inText, run) {
					t.Errorf("%.60q: %.60q is not readable in the document", name, run)
				}
			}
			for _, r := range text {
				if r != '\n' && unicode.In(r, unicode.Cc, unicode.Cf) {
					t.Errorf("%.60q: the text holds %U", name, r)
				}
			}
			if got := strings.Count(pdf, "People and roles"); got < 1 {
				t.Errorf("%.60q: a heading is lost", name)
			}
		})
	}
}

var wordBox = regexp.MustCompile(`<page width="([\d.]+)" height="([\d.]+)">|<word xMin="([-\d.]+)" yMin="([-\d.]+)" xMax="([-\d.]+)" yMax="([-\d.]+)">(.*)</word>`)

// All names at once, as rows of all lists: nothing leaves the frame of a page.
func TestNaughtyNamesStayOnThePage(t *testing.T) {
	s := quiet(t)
	for _, n := range naughtyNames(t) {
		name := n.name
		s.SignedIn.Rows = append(s.SignedIn.Rows, summary.Use{Start: s.Since, Person: name, Account: name, Role: name, Purpose: name, Ticket: name, Approval: name})
		s.ActivatedOnly.Rows = append(s.ActivatedOnly.Rows, summary.Use{Start: s.Since, Person: name, Account: name, Role: name, Withheld: name, Approval: name})
		s.People.Rows = append(s.People.Rows, summary.Person{Name: name, Account: name, Job: name, Roles: []string{name, name}, How: name})
	}
	file := pdfFile(t, s)
	checkPDF(t, file)
	words := 0
	for _, m := range wordBox.FindAllStringSubmatch(pdfText(t, file, "-bbox"), -1) {
		if m[1] != "" {
			continue
		}
		words++
		var box [4]float64
		for i := range box {
			fmt.Sscan(m[3+i], &box[i])
		}
		const slack = 2 // points: a glyph may reach over its advance
		if box[0] < 18*72/25.4-slack || box[2] > 192*72/25.4+slack || box[1] < 0 || box[3] > 297*72/25.4 {
			t.Errorf("%.60q stands at %v", m[7], box)
		}
	}
	if words < 3000 {
		t.Errorf("only %d words were found", words)
	}
}
