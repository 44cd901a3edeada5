package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

const (
	demoAt        = "2026-11-22T10:00:00Z"
	demoCustomers = "4"
	demoSeed      = "1"
)

// execute is the program in this process: what it printed, and its exit code.
func execute(now time.Time, args ...string) (stdout, stderr string, code int) {
	var out, log bytes.Buffer
	code = run(context.Background(), env{Getenv: os.Getenv, Now: func() time.Time { return now }, Stdout: &out, Stderr: &log}, args)
	return out.String(), log.String(), code
}

// demoRun is one run of the demo: its folder, and what it said.
type demoRun struct {
	dir, said, logged string
	code              int
}

// demos runs the demo twice, on different days, at the same time: what differs
// between them must not be seen. The folders belong to all tests and stay as they
// are; who changes anything takes a copy.
var demos = sync.OnceValue(func() [2]demoRun {
	var runs [2]demoRun
	var group sync.WaitGroup
	for i := range runs {
		group.Go(func() {
			r := &runs[i]
			r.dir = filepath.Join(shared, []string{"one", "another"}[i])
			r.said, r.logged, r.code = execute(storyNow.AddDate(0, i, i), "--at", demoAt, "demo", "--customers", demoCustomers, "--seed", demoSeed, "--dir", r.dir)
		})
	}
	group.Wait()
	return runs
})

func demo(t *testing.T) demoRun {
	t.Helper()
	r := demos()[0]
	if r.code != exitDone {
		t.Fatalf("the demo ended with %d\n%s%s", r.code, r.said, r.logged)
	}
	return r
}

// copyOfDemo gives a copy of the demo's folder and its configuration.
func copyOfDemo(t *testing.T) (config string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "demo")
	if err := os.CopyFS(dir, os.DirFS(demo(t).dir)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "demo-secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "countersign.yaml")
}

// files reads every file below the folders, by path.
func files(t *testing.T, dir string, folders ...string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(dir, folder), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			name, err := filepath.Rel(dir, path)
			if err != nil {
				return err
			}
			out[filepath.ToSlash(name)], err = os.ReadFile(path)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func write(t *testing.T, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// seals lists the records of a database's chain.
func seals(t *testing.T, dir string) []string {
	t.Helper()
	st, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "countersign.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var all []string
	if err := st.Read().SelectContext(t.Context(), &all, `SELECT kind || ' ' || hash FROM seal ORDER BY seq`); err != nil {
		t.Fatal(err)
	}
	return all
}

// Equal seed and equal instant give equal bytes: every document, everything that
// is said, every seal.
func TestDemoIsTheSameTwice(t *testing.T) {
	demo(t)
	one, another := demos()[0], demos()[1]
	if a, b := strings.ReplaceAll(one.said, one.dir, "DIR"), strings.ReplaceAll(another.said, another.dir, "DIR"); a != b {
		t.Errorf("the demo said\n%s\nand\n%s", a, b)
	}
	if one.logged != "" {
		t.Errorf("the demo logged\n%s", one.logged)
	}
	a, b := files(t, one.dir, "out", "returned"), files(t, another.dir, "out", "returned")
	if len(a) < 25 || len(a) != len(b) {
		t.Errorf("%d files and %d files", len(a), len(b))
	}
	for name, text := range a {
		if !bytes.Equal(text, b[name]) {
			t.Errorf("%s differs: %d bytes and %d bytes", name, len(text), len(b[name]))
		}
	}
	sa, sb := seals(t, one.dir), seals(t, another.dir)
	for i := range sa {
		if i >= len(sb) || sa[i] != sb[i] {
			t.Fatalf("seal %d differs: %s", i+1, sa[i])
		}
	}
	head := regexp.MustCompile(`(?m)^Seal head: ([0-9a-f]{64})$`).FindStringSubmatch(one.said)
	if head == nil || len(sa) != len(sb) || !strings.HasSuffix(sa[len(sa)-1], head[1]) {
		t.Errorf("the seal head %v is not the last of %d seals", head, len(sa))
	}
}

// What the demo names can be looked at, and what it proposes can be done.
func TestDemoGuide(t *testing.T) {
	said := demo(t).said
	_, guide, ok := strings.Cut(said, "\nLook at\n")
	if !ok {
		t.Fatal(said)
	}
	look, try, _ := strings.Cut(guide, "\nTry\n")
	for line := range strings.Lines(look) {
		if words := strings.Fields(line); len(words) > 0 {
			if _, err := os.Stat(words[0]); err != nil {
				t.Error(err)
			}
		}
	}
	config, commands := copyOfDemo(t), 0
	for line := range strings.Lines(try) {
		command, _, _ := strings.Cut(line, "#")
		words := strings.Fields(command)
		if len(words) < 4 || words[1] != "--config" {
			t.Fatalf("%q is no command of the demo", line)
		}
		commands++
		stdout, stderr, code := execute(storyNow, append([]string{"--at", demoAt, "--config", config}, words[3:]...)...)
		if code != exitDone || stderr != "" || strings.Count(stdout, "\n") < 2 || strings.Contains(stdout, "\n0 access paths") {
			t.Errorf("%s: exit code %d\n%s%s", strings.TrimSpace(line), code, stdout, stderr)
		}
	}
	if commands < 4 {
		t.Errorf("%d commands", commands)
	}
	for _, told := range []string{
		"not-permitted: memberships\n    1 of ", "GroupMember.Read.All", "One reviewer forgot to sign:", "Sign-off, B4: Reviewer is blank.",
		"workbooks come back", "the last one is forgotten", "shows what came of it: ", " gone, 1 still there, ", "still-there: ",
	} {
		if !strings.Contains(said, told) {
			t.Errorf("the demo does not tell %q", told)
		}
	}
}

// Each kind of evidence is in the demo's world, but for the one that Microsoft gives
// to no app; and some of it is told apart as not seen, customer by customer.
func TestDemoHoldsEveryKind(t *testing.T) {
	stdout, stderr, code := execute(storyNow, "--at", demoAt, "--config", copyOfDemo(t), "snapshot", "show", "--format", "json")
	var shown struct {
		Coverage []snapshot.Coverage
		Counts   map[snapshot.Kind]int
	}
	if err := json.Unmarshal([]byte(stdout), &shown); err != nil || code != exitDone {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	for _, kind := range snapshot.Kinds {
		if n := shown.Counts[kind]; (n > 0) == (kind == snapshot.Lighthouse) {
			t.Errorf("%s: %d are held", kind, n)
		}
	}
	states, scopes := map[snapshot.State]bool{}, map[string]bool{}
	for _, c := range shown.Coverage {
		states[c.State], scopes[c.Scope] = true, true
	}
	if len(scopes) < 5 || !states[snapshot.Complete] || !states[snapshot.NotPermitted] || !states[snapshot.NotLicensed] || !states[snapshot.NotConfigured] {
		t.Errorf("%d scopes, states %v", len(scopes), states)
	}
}

// The fields of the JSON results, their types and their nulls are a contract.
func TestJSONContract(t *testing.T) {
	config := copyOfDemo(t)
	for name, args := range map[string][]string{
		"check": {"check"}, "rules": {"rules"}, "snapshot": {"snapshot", "show"}, "access": {"access"}, "status": {"review", "status"},
	} {
		t.Run(name, func(t *testing.T) {
			schema, err := jsonschema.NewCompiler().Compile("testdata/contract/" + name + ".schema.json")
			if err != nil {
				t.Fatal(err)
			}
			stdout, stderr, code := execute(storyNow, append([]string{"--at", demoAt, "--config", config, "--format", "json"}, args...)...)
			if code != exitDone {
				t.Fatalf("exit code %d\n%s", code, stderr)
			}
			value, err := jsonschema.UnmarshalJSON(strings.NewReader(stdout))
			if err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(value); err != nil {
				t.Error(err)
			}
		})
	}
}

// Each finding that the story guarantees is found, at several instants of it.
func TestStoryIsFound(t *testing.T) {
	t.Parallel()
	w, err := newWorld(4)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := w.start(t, dir)
	expected := map[string]bool{}
	for _, days := range []int{-150, -60, -30, -4, 0, 12, 40} {
		at := storyNow.AddDate(0, 0, days)
		w.clock.set(at)
		if _, stderr, code := execute(at, "--config", config, "collect"); code != exitDone {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		stdout, stderr, code := execute(at, "--config", config, "check", "--format", "json")
		var report struct {
			Findings []struct {
				Rule                                  string
				Customer, Person, Group, Relationship struct{ ID string }
			}
		}
		if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitDone {
			t.Fatalf("exit code %d\n%s", code, stderr)
		}
		for _, e := range w.Expected(at) {
			expected[e.Rule] = true
			found := false
			for _, f := range report.Findings {
				found = found || f.Rule == e.Rule && (e.Customer == "" || e.Customer == f.Customer.ID) && (e.Person == "" || e.Person == f.Person.ID) &&
					(e.Group == "" || e.Group == f.Group.ID) && (e.Relationship == "" || e.Relationship == f.Relationship.ID)
			}
			if !found {
				t.Errorf("%s: not found: %+v", at.Format(time.DateOnly), e)
			}
		}
	}
	for _, id := range knownRules() {
		if !expected[id] {
			t.Errorf("the story has no case of %s", id)
		}
	}
}
