package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"

	"countersign/cmd/countersign/config"
)

// bombs are configuration files that a parser might choke on; each must be refused
// in words, fast and in little memory.
func bombs() map[string]string {
	laughs := "a: &a [lol, lol, lol, lol, lol, lol, lol, lol, lol]\n"
	for c := 'b'; c <= 'z'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s*%c]\n", c, c, strings.Repeat(fmt.Sprintf("*%c, ", c-1), 8), c-1)
	}
	const most = 1 << 18 // bytes
	fill := func(s string) string { return strings.Repeat(s, most/len(s)) }
	nest := func(s string) string { return strings.Repeat(s, 4_000) } // within what is parsed at all
	stairs := ""
	for i := range 1000 {
		stairs += strings.Repeat(" ", i) + "a:\n"
	}
	return map[string]string{
		"billion laughs":       laughs,
		"merge":                "a: &a {b: c}\nmsp: {<<: *a}\n",
		"10 MB":                minimal + strings.Repeat("# filler\n", 10<<20/9),
		"10 MB of one line":    "msp: " + strings.Repeat("x", 10<<20),
		"nested lists":         nest("["),
		"nested mappings":      nest("{a: "),
		"nested pairs":         "msp: {" + nest("a: "),
		"nested entries":       nest("- "),
		"nested explicit keys": nest("? "),
		"stairs":               stairs,
		"tags":                 nest("!a "),
		"anchors":              nest("&a "),
		"colons":               nest(": "),
		"commas":               "msp: {" + fill(", "),
		"quotes":               fill(`"`),
		"unending quote":       `msp: {name: "` + fill("x"),
		"many keys":            fill("a: 1\n"),
		"as many as allowed":   strings.Repeat("a: 1\n", 6_000),
		"many comments":        fill("#\n"),
		"many lines":           fill("\n") + "]",
		"NUL":                  "msp:\n  name: a\x00b\n",
		"not UTF-8":            "msp:\n  name: a\xffb\n",
		"UTF-16":               "\xff\xfem\x00s\x00p\x00",
		"directive":            "%YAML 1.1\n---\nmsp: {name: M}\n",
		"controls":             "msp: {name: \"a\\u001b[2Jb\", contact: \"a\\nb\"}\n",
		"a list":               "- msp\n",
		"a word":               "msp\n",
		"a number as a key":    "1: 2\n",
		"no as false":          "review: {reaffirm_limit: no, due_days: yes}\n",
	}
}

func TestHostileYAML(t *testing.T) {
	told := map[string]string{}
	for name, text := range bombs() {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			_, faults := load(t, map[string]string{"countersign.yaml": text}, config.Options{})
			if took := time.Since(start); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
			told[name] = faults
			wellWorded(t, faults)
			if faults == "" || len(faults) > 100<<10 {
				t.Errorf("%d bytes of faults", len(faults))
			}
		})
	}
	for name, want := range map[string]string{"billion laughs": "anchors (&), aliases", "10 MB": "larger than 1 MB",
		"nested lists": "nested too deep", "NUL": "countersign.yaml:2: holds a NUL byte", "not UTF-8": "countersign.yaml:2: is not UTF-8",
		"UTF-16": "save it as UTF-8", "controls": "holds a line break", "as many as allowed": "more faults", "many keys": "too much"} {
		if !strings.Contains(told[name], want) {
			t.Errorf("%s: %.300s", name, told[name])
		}
	}
}

// wellWorded checks that faults can go to a terminal as they are.
func wellWorded(t testing.TB, faults string) {
	t.Helper()
	for _, r := range faults {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Fatalf("%q goes to the terminal: %.300q", r, faults)
		}
	}
}

func TestHostileCSV(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"NUL":             {"person,upn\nada,a\x00b\n", "staff.csv:2: holds a NUL byte"},
		"not UTF-8":       {"person,upn\nad\xe9,x\n", "staff.csv:2: is not UTF-8"},
		"UTF-16":          {"\xff\xfep\x00", "staff.csv: is UTF-16; save it as UTF-8"},
		"escape":          {"person,upn\nada,a\x1b[2Jb\n", "staff.csv:2: column upn: holds the control character U+001B"},
		"C1 control":      {"person,upn\nada,a\u009bb\n", "staff.csv:2: column upn: holds the control character U+009B"},
		"line break":      {"person,upn,name\nada,a@b,\"one\ntwo\"\nbo,a@b,\n", "staff.csv:2: column name: holds a line break"},
		"unending quote":  {"person,upn\nada,\"" + strings.Repeat("x\n", 1<<20), "staff.csv:"},
		"17 MB":           {"person,upn\n" + strings.Repeat("x", 17<<20), "staff.csv: larger than 16 MB"},
		"many faults":     {"person,upn\n" + strings.Repeat("x\n", 1<<20), "more faults"},
		"many cells":      {"person,upn\n" + strings.Repeat(",", 1<<20), "person"},
		"many columns":    {strings.Repeat("x,", 1<<18), `column "x": unknown`},
		"bidi in a value": {"person,upn,account\nada,a@b,\u202Enimda\n", `"\u202enimda" is not daily or admin`},
	} {
		t.Run(name, func(t *testing.T) {
			_, faults := load(t, map[string]string{"countersign.yaml": minimal, "staff.csv": c.text}, config.Options{})
			wellWorded(t, faults)
			if name != "many cells" && !strings.Contains(faults, c.want) || len(faults) > 100<<10 {
				t.Errorf("%.500s", faults)
			}
		})
	}
}

// Names that are code elsewhere are names here.
func TestNaughtyNames(t *testing.T) {
	names := []string{`=1+1`, `+cmd|' /C calc'!A0`, `@SUM(1)`, `-2`, `Robert'); DROP TABLE staff;--`, `<script>`, `../../etc/passwd`, "a\u202Eb", `%s%n`, `${jndi:x}`, `🦄`}
	text := "person,upn,name\n"
	for i, n := range names {
		text += fmt.Sprintf("p%d,p%d@msp.example,\"%s\"\n", i, i, strings.ReplaceAll(n, `"`, `""`))
	}
	c := mustLoad(t, map[string]string{"countersign.yaml": minimal, "staff.csv": text})
	for i, s := range c.Declared().Staff {
		if s.Name != names[i] {
			t.Errorf("%q became %q", names[i], s.Name)
		}
	}
}

func fuzz(f *testing.F, file string) {
	dir := f.TempDir()
	path := filepath.Join(dir, "countersign.yaml")
	if err := os.WriteFile(path, []byte(minimal), 0o600); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(path, config.Options{})
		if (c == nil) == (err == nil) {
			t.Fatal("neither a configuration nor a fault, or both")
		}
		if err != nil {
			wellWorded(t, err.Error())
			return
		}
		if err := c.Print(&strings.Builder{}); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzLoadYAML(f *testing.F) {
	for _, text := range bombs() {
		if len(text) < 4<<10 {
			f.Add([]byte(text))
		}
	}
	f.Add(config.Example())
	f.Add([]byte(minimal))
	f.Add([]byte(sections(f, "testdata/whole.txtar")["countersign.yaml"]))
	fuzz(f, "countersign.yaml")
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte(sections(f, "testdata/whole.txtar")["customers.csv"]))
	f.Add([]byte("tenant_id,name\n" + contoso + ",\"a \"\"b\"\"\nc\"\n"))
	f.Add([]byte("\ufefftenant_id;name\r\n"))
	fuzz(f, "customers.csv")
}
