package rules_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/rules"
	"countersign/rules/rule"
)

var update = flag.Bool("update", false, "rewrite what the cases want")

var judgedAt = regexp.MustCompile(`(?m)^At (\d{4}-\d{2}-\d{2})`)

// TestCatalog runs the case file of every rule. A file says at which instant it
// judges, then holds one or more pairs of facts and the words wanted; a second
// pair is named, such as "facts unseen" and "want unseen".
func TestCatalog(t *testing.T) {
	for _, r := range rules.Catalog {
		t.Run(r.ID, func(t *testing.T) {
			t.Parallel()
			name := filepath.Join(strings.ReplaceAll(r.Theme, "-", ""), "testdata", r.ID+".txtar")
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatalf("the rule has no case: %v", err)
			}
			file := parseArchive(string(text))
			match := judgedAt.FindStringSubmatch(file.comment)
			if match == nil {
				t.Fatalf("%s does not begin with the instant it judges by, such as: At 2026-03-31", name)
			}
			at, err := time.Parse(time.DateOnly, match[1])
			if err != nil {
				t.Fatal(err)
			}
			outcomes := map[rule.Outcome]bool{}
			for i := 0; i+1 < len(file.sections); i += 2 {
				facts, want := file.sections[i], &file.sections[i+1]
				if strings.Replace(facts.name, "facts", "want", 1) != want.name {
					t.Fatalf("%s: %q is not followed by what it wants", name, facts.name)
				}
				w := newWorld(t, readFacts(t, facts.text))
				report, err := rules.Run(context.Background(), w.store, rules.Options{Snapshot: w.last, At: at, Declared: w.declared, Rules: []string{r.ID}})
				if err != nil {
					t.Fatal(err)
				}
				outcomes[report.Outcomes[r.ID]] = true
				got := words(report)
				if *update {
					want.text = got
				} else if got != want.text {
					t.Errorf("%s, %s: got\n%s\nwant\n%s", name, want.name, got, want.text)
				}
				prints := map[string]bool{}
				for _, f := range report.Findings {
					if prints[f.Fingerprint] {
						t.Errorf("%s: two findings have the fingerprint of %q", name, f.Message)
					}
					prints[f.Fingerprint] = true
				}
			}
			for _, o := range []rule.Outcome{rule.Found, rule.Clear, rule.NotAssessed} {
				if !outcomes[o] {
					t.Errorf("%s: no case ends %s", name, o)
				}
			}
			if *update {
				if err := os.WriteFile(name, []byte(file.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// words renders a report as a case wants it.
func words(r rules.Report) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s [%s] %s\n", f.Severity, strings.Join(f.Customers, " "), f.Message)
	}
	for _, n := range r.NotAssessed {
		fmt.Fprintf(&b, "not assessed: %s\n", n.Reason)
	}
	for _, outcome := range r.Outcomes {
		fmt.Fprintf(&b, "%s\n", outcome)
	}
	return b.String()
}

// Every rule says all that is printed of it, and files are named after rules.
func TestCatalogIsWhole(t *testing.T) {
	ids := map[string]bool{}
	for _, r := range rules.Catalog {
		if ids[r.ID] {
			t.Errorf("%s stands twice", r.ID)
		}
		ids[r.ID] = true
		if r.Title == "" || r.Why == "" || r.Fix == "" || r.Severity == 0 || len(r.Needs) == 0 || len(r.Controls) == 0 || r.Check == nil {
			t.Errorf("%s is not whole: %+v", r.ID, r)
		}
		file := filepath.Join(strings.ReplaceAll(r.Theme, "-", ""), strings.ReplaceAll(r.ID, "-", "_")+".go")
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
	cases, err := filepath.Glob("*/testdata/*.txtar")
	if err != nil || len(cases) != len(rules.Catalog) {
		t.Errorf("there are %d cases for %d rules (%v)", len(cases), len(rules.Catalog), err)
	}
	text, err := json.Marshal(rules.Catalog[0])
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"id", "theme", "title", "severity", "why", "fix", "needs", "controls"} {
		if _, ok := fields[name]; !ok {
			t.Errorf("%s lacks %q", text, name)
		}
	}
}

// Each control stands with its title in the source map, and each line of ours
// belongs to a rule.
func TestControls(t *testing.T) {
	source := map[[3]string]bool{}
	for _, row := range readCSV(t, "testdata/control-map.csv") {
		source[[3]string{row[0], row[1], row[2]}] = true
	}
	for _, row := range readCSV(t, "data/control-map.csv") {
		if _, ok := rules.Find(row[0]); !ok {
			t.Errorf("control map: there is no rule %s", row[0])
		}
		if !source[[3]string{row[1], row[2], row[3]}] {
			t.Errorf("control map: %s has no control %s %s %q", "the source", row[1], row[2], row[3])
		}
	}
	for _, r := range rules.Catalog {
		if len(r.Controls) > 12 {
			t.Errorf("%s claims %d controls: name the few it proves", r.ID, len(r.Controls))
		}
	}
}

func readCSV(t *testing.T, name string) [][]string {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return slices.Clip(rows[1:])
}
