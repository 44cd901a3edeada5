package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// layers says what each package may import of ours, and which outside library is
// its alone. A package that is not listed is refused: decide where it belongs.
var layers = map[string]struct{ ours, owns []string }{
	"collectors/snapshot":    {},
	"collectors/store":       {owns: []string{"github.com/jmoiron/sqlx", "github.com/mattn/go-sqlite3", "github.com/pressly/goose/v3"}},
	"collectors/graph":       {owns: []string{"net/http", "github.com/Azure/azure-sdk-for-go/sdk/azidentity", "github.com/Azure/azure-sdk-for-go/sdk/azcore"}},
	"collectors/portal":      {ours: []string{"collectors/snapshot"}},
	"collectors":             {ours: []string{"collectors/snapshot", "collectors/store", "collectors/graph", "collectors/portal"}},
	"rules/rule":             {ours: []string{"collectors/snapshot", "collectors/store"}},
	"rules/term":             {ours: []string{"rules/rule", "collectors/snapshot", "collectors/store"}},
	"rules/leastprivilege":   {ours: []string{"rules/rule", "collectors/snapshot", "collectors/store"}},
	"rules/standing":         {ours: []string{"rules/rule", "collectors/snapshot", "collectors/store"}},
	"rules/people":           {ours: []string{"rules/rule", "collectors/snapshot", "collectors/store"}},
	"rules/monitoring":       {ours: []string{"rules/rule", "collectors/snapshot", "collectors/store"}},
	"rules":                  {ours: []string{"rules/", "collectors/snapshot", "collectors/store"}},
	"reviews":                {ours: []string{"rules", "rules/rule", "collectors/snapshot", "collectors/store"}},
	"reports/workbook":       {ours: []string{"reviews", "rules", "rules/rule", "collectors/snapshot"}, owns: []string{"github.com/xuri/excelize/v2"}},
	"reports/summary":        {ours: []string{"reviews", "rules", "rules/rule", "collectors/snapshot"}, owns: []string{"github.com/jung-kurt/gofpdf"}},
	"reports":                {ours: []string{"reports/", "reviews", "rules", "rules/rule", "collectors/snapshot", "collectors/store"}},
	"scheduled":              {ours: []string{"reports", "reviews", "rules", "rules/rule", "collectors", "collectors/snapshot", "collectors/store"}, owns: []string{"github.com/go-co-op/gocron/v2"}},
	"fixtures":               {owns: []string{"net/http", "github.com/xuri/excelize/v2"}},
	"cmd/countersign/config": {ours: []string{"collectors/snapshot", "collectors/graph", "rules/rule"}, owns: []string{"github.com/goccy/go-yaml", "github.com/go-playground/validator/v10"}},
	"cmd/countersign":        {ours: []string{""}, owns: []string{"github.com/spf13/cobra", "net/http", "github.com/schollz/progressbar/v3"}},
}

// sharedLibraries are types that several rooms exchange.
var sharedLibraries = map[string][]string{
	"github.com/jmoiron/sqlx":                      {"collectors", "rules/rule", "rules", "reviews", "reports", "scheduled", "rules/term", "rules/leastprivilege", "rules/standing", "rules/people", "rules/monitoring"},
	"github.com/Azure/azure-sdk-for-go/sdk/azcore": {"cmd/countersign"},
	"github.com/jonboulle/clockwork":               {"collectors/graph", "scheduled", "cmd/countersign"},
	"github.com/xuri/excelize/v2":                  {"fixtures", "reports/workbook"},
	"net/http":                                     {"collectors/graph", "fixtures", "cmd/countersign"},
}

type listed struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
}

func packages(t *testing.T) []listed {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,Imports", "countersign/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if len(p.GoFiles) > 0 {
			all = append(all, p)
		}
	}
}

func TestImportsPointOneWay(t *testing.T) {
	owners := map[string][]string{}
	for room, l := range layers {
		for _, library := range l.owns {
			owners[library] = append(owners[library], room)
		}
	}
	for _, p := range packages(t) {
		room := strings.TrimPrefix(p.ImportPath, "countersign/")
		layer, ok := layers[room]
		if !ok {
			t.Errorf("%s is in no layer: say in the table of this test what it may import", room)
			continue
		}
		if !slices.Contains(p.GoFiles, "doc.go") {
			t.Errorf("%s has no doc.go that says what the room is for", room)
		}
		for _, imported := range p.Imports {
			if ours, ok := strings.CutPrefix(imported, "countersign/"); ok {
				if !allowed(layer.ours, ours) {
					t.Errorf("%s may not import %s", room, ours)
				}
				continue
			}
			for library, rooms := range owners {
				if imported != library && !strings.HasPrefix(imported, library+"/") {
					continue
				}
				if !slices.Contains(rooms, room) && !slices.Contains(sharedLibraries[library], room) {
					t.Errorf("%s may not import %s: it belongs to %s", room, imported, strings.Join(rooms, ", "))
				}
			}
		}
		if room == "collectors/snapshot" || room == "collectors/portal" {
			for _, imported := range p.Imports {
				if strings.Contains(imported, ".") {
					t.Errorf("%s uses the standard library alone, not %s", room, imported)
				}
			}
		}
	}
}

func allowed(list []string, room string) bool {
	return slices.ContainsFunc(list, func(a string) bool {
		return a == room || a == "" || strings.HasSuffix(a, "/") && strings.HasPrefix(room, a)
	})
}

// doors are what only the program itself may touch.
var doors = regexp.MustCompile(`\b(time\.(Now|Sleep|Since|After|Tick)|os\.(Getenv|LookupEnv|Exit|Args))\b`)

func TestOnlyTheProgramHasDoorsToTheOutside(t *testing.T) {
	for _, p := range packages(t) {
		if p.ImportPath == "countersign/cmd/countersign" {
			continue
		}
		for _, file := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			for n, line := range strings.Split(string(text), "\n") {
				code, _, _ := strings.Cut(line, "//")
				if found := doors.FindString(code); found != "" {
					t.Errorf("%s/%s:%d: %s belongs to cmd; take the instant or the value as a parameter", p.ImportPath, file, n+1, found)
				}
			}
		}
	}
}

func TestQueriesAreConstant(t *testing.T) {
	verbs := regexp.MustCompile(`(?i)Sprintf\([^)]*\b(select|insert|update|delete)\b`)
	for _, p := range packages(t) {
		for _, file := range p.GoFiles {
			text, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			if found := verbs.FindString(string(text)); found != "" {
				t.Errorf("%s/%s: %s: bind values, do not print them into a query", p.ImportPath, file, found)
			}
		}
	}
}
