package reports_test

import (
	"bufio"
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"countersign/collectors/snapshot"
	"countersign/reports"
)

func TestADocumentThatWentOutIsNeverOverwritten(t *testing.T) {
	folder := reports.NewFolder(t.TempDir(), "2026-Q3")
	var paths []string
	for _, text := range []string{"one", "one", "two", "one", "two", "three"} {
		f, err := folder.Put("customers/a/summary.pdf", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		paths = append(paths, filepath.Base(f.Path))
		got, err := os.ReadFile(filepath.Join(folder.Path(), filepath.FromSlash(f.Path)))
		if err != nil || string(got) != text {
			t.Errorf("%s holds %q, %v", f.Path, got, err)
		}
	}
	if got := strings.Join(paths, " "); got != "summary.pdf summary.pdf summary_r2.pdf summary.pdf summary_r2.pdf summary_r3.pdf" {
		t.Error(got)
	}
	entries, err := os.ReadDir(filepath.Join(folder.Path(), "customers", "a"))
	if err != nil || len(entries) != 3 {
		t.Errorf("three revisions and no temporary file: %v, %v", entries, err)
	}
}

func TestTheManifestNamesEveryDocument(t *testing.T) {
	folder := reports.NewFolder(t.TempDir(), "2026-Q3")
	var files []reports.File
	for _, name := range []string{"b.txt", "a.txt"} {
		f, err := folder.Put(name, []byte("text of "+name))
		if err != nil {
			t.Fatal(err)
		}
		f.Seal = "5ea1"
		files = append(files, f)
	}
	for range 2 { // the same run again changes nothing
		if err := folder.List(files); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(filepath.Join(folder.Path(), "manifest.json"))
	const want = `{
  "files": [
    {
      "path": "a.txt",
      "sha256": "SUM",
      "size": 13,
      "seal": "5ea1"
    },
    {
      "path": "b.txt",
      "sha256": "SUM",
      "size": 13,
      "seal": "5ea1"
    }
  ]
}
`
	if err != nil || regexp.MustCompile(`[0-9a-f]{64}`).ReplaceAllString(string(got), "SUM") != want {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestPutStaysInItsFolder(t *testing.T) {
	folder := reports.NewFolder(t.TempDir(), "2026-Q3")
	for _, name := range []string{"../x", "/etc/x", "a/../../x", ""} {
		if f, err := folder.Put(name, nil); err == nil {
			t.Errorf("%q was written as %s", name, f.Path)
		}
	}
}

// TestFileNamesOfHostileCustomers: names from the list of naughty strings that
// the summary's tests carry too.
func TestFileNamesOfHostileCustomers(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("summary", "testdata", "naughty-names.txt"))
	if err != nil {
		t.Fatal(err)
	}
	safe := regexp.MustCompile(`^customers/[a-z0-9-]{1,90}/access-summary_2026-Q3$`)
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		path := reports.SummaryFile(snapshot.Customer{Tenant: "11111111-0000-4000-8000-000000000001", Name: lines.Text()}, snapshot.Period{Name: "2026-Q3"})
		if !safe.MatchString(path) || !filepath.IsLocal(path) {
			t.Errorf("%q is written as %q", lines.Text(), path)
		}
	}
	a := reports.SummaryFile(snapshot.Customer{Tenant: "11111111-0000-4000-8000-000000000001", Name: "Same"}, snapshot.Period{})
	b := reports.SummaryFile(snapshot.Customer{Tenant: "11111111-0000-4000-8000-000000000002", Name: "same"}, snapshot.Period{})
	if a == b {
		t.Error("two customers of one name share a folder")
	}
}
