package workbook

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// convert lets LibreOffice, the other program reviewers use, open files and save
// them in another folder, under a profile of the test's own.
func convert(t *testing.T, format string, files map[string][]byte) map[string][]byte {
	t.Helper()
	soffice, err := exec.LookPath("soffice")
	if err != nil {
		t.Fatal("soffice is not on the PATH: install LibreOffice Calc (apt-get install libreoffice-calc); this test proves that its files can be imported")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "out")
	profile := url.URL{Scheme: "file", Path: filepath.ToSlash(filepath.Join(dir, "profile"))}
	args := []string{"-env:UserInstallation=" + profile.String(), "--headless", "--convert-to", format, "--outdir", out}
	for name, data := range files {
		path := filepath.Join(dir, name+".xlsx")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	if text, err := exec.CommandContext(t.Context(), soffice, args...).CombinedOutput(); err != nil {
		t.Fatalf("soffice: %v\n%s", err, text)
	}
	saved := make(map[string][]byte)
	ext, _, _ := strings.Cut(format, ":")
	for name := range files {
		data, err := os.ReadFile(filepath.Join(out, name+"."+ext))
		if err != nil {
			t.Fatalf("soffice did not save %s: %v", name, err)
		}
		saved[name] = data
	}
	return saved
}

// A resave by LibreOffice changes no answer and no fact, whatever the names are.
func TestLibreOfficeResave(t *testing.T) {
	b, data, want := answered(t)
	hostile := hostileBook(t)
	saved := convert(t, "xlsx", map[string][]byte{"answered": data, "hostile": filled(t, hostile)})
	wantAnswers(t, taken(t, saved["answered"], expect(b)), want, true)
	if campaign, token, revision, err := Identify(saved["answered"]); err != nil || campaign != b.Campaign || token != b.Token || revision != b.Revision {
		t.Errorf("identified as %s %s %d, %v", campaign, token, revision, err)
	}
	if got := taken(t, saved["hostile"], expect(hostile)); got.Blank != len(hostile.Decide) {
		t.Errorf("%d open", got.Blank)
	}
	for name, text := range parts(t, saved["hostile"]) {
		if strings.HasPrefix(name, "xl/worksheets/") && strings.Contains(text, "<f ") {
			t.Errorf("%s: a name became a formula", name)
		}
	}
	// What LibreOffice kept of the help for reviewers.
	kept := parts(t, saved["answered"])["xl/worksheets/sheet2.xml"]
	for _, want := range []string{"<sheetProtection", "<dataValidation ", "DecisionList", "<conditionalFormatting", "<tablePart"} {
		if !strings.Contains(kept, want) {
			t.Errorf("the resaved sheet lacks %s", want)
		}
	}
}
