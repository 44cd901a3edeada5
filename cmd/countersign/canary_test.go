package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"countersign/cmd/countersign/config"
	"countersign/collectors/store"
	"countersign/reports/summary"
)

// canaries are words that must not stand in what one customer gets. A word is one
// that no line end and no column parts: of a name its words, of an id its groups.
type canaries struct {
	words    []string // folded
	purposes []string // whole sentences, folded; blanks are single
}

func folded(text string) string { return strings.Join(strings.Fields(strings.ToLower(text)), " ") }

// found lists the canaries in a text.
func (c canaries) found(text string) []string {
	text = folded(text)
	var out []string
	for _, w := range slices.Concat(c.words, c.purposes) {
		if strings.Contains(text, w) {
			out = append(out, w)
		}
	}
	return out
}

// raw lists the canaries in bytes that are not text: as UTF-8 and as UTF-16, in
// small letters, in capitals and beginning with one.
func (c canaries) raw(content []byte) []string {
	var out []string
	for _, w := range c.words {
		first, size := utf8.DecodeRuneInString(w)
		for _, form := range []string{w, strings.ToUpper(w), string(unicode.ToUpper(first)) + w[size:]} {
			var wide []byte
			for _, u := range utf16.Encode([]rune(form)) {
				wide = binary.BigEndian.AppendUint16(wide, u)
			}
			if bytes.Contains(content, []byte(form)) || bytes.Contains(content, wide) {
				out = append(out, w)
			}
		}
	}
	return out
}

// telling are the words of a name that tell whose it is; endings of companies do not.
func telling(name string) []string {
	words := strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '_' })
	return slices.DeleteFunc(words, func(w string) bool { return len([]rune(w)) < 4 || w == "gmbh" })
}

// evidenceOf is what the sealed store knows that belongs to one customer alone.
type evidenceOf struct {
	own  map[string][]string // by customer: words that name it
	uses []use
}

// use is an activation, the customers its person signed in to while it lasted, and
// those its group reaches.
type use struct {
	Ticket, Justification string
	signedIn, reaches     []string
}

func sealedEvidence(t *testing.T, path string) evidenceOf {
	t.Helper()
	c, err := config.Load(path, config.Options{Getenv: os.Getenv})
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(t.Context(), store.Options{Path: c.Store.Path})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	rows := func(into any, query string) {
		t.Helper()
		if err := st.Read().SelectContext(t.Context(), into, query); err != nil {
			t.Fatal(err)
		}
	}
	const newest = `(SELECT max(id) FROM sealed_snapshot)`
	e := evidenceOf{own: map[string][]string{}}
	for _, d := range c.Declared().Customers {
		stem, _, _ := strings.Cut(strings.SplitN(d.Contacts[0], "@", 2)[1], ".")
		groups := strings.Split(d.Tenant, "-")
		e.own[d.Tenant] = append(telling(d.Name), stem, groups[0], groups[4])
	}
	var named []struct{ Customer, ID, Name string }
	rows(&named, `SELECT customer, id, name FROM relationship WHERE snapshot = `+newest+` AND customer <> ''`)
	for _, r := range named {
		for part := range strings.SplitSeq(r.ID, "-") {
			if len(part) >= 8 {
				e.own[r.Customer] = append(e.own[r.Customer], part)
			}
		}
	}
	var reach []struct{ Group, Name, Customer string }
	rows(&reach, `SELECT DISTINCT a.mapped_group AS "group", g.name, r.customer FROM access_assignment a
		JOIN relationship r ON r.id = a.relationship AND r.snapshot = a.snapshot
		JOIN directory_group g ON g.id = a.mapped_group AND g.snapshot = a.snapshot`)
	reached := map[string][]string{}
	for _, r := range reach {
		if !slices.Contains(reached[r.Group], r.Customer) {
			reached[r.Group] = append(reached[r.Group], r.Customer)
		}
	}
	for _, r := range reach {
		if len(reached[r.Group]) == 1 { // its name belongs to that customer
			e.own[r.Customer] = append(e.own[r.Customer], strings.ToLower(r.Name))
		}
	}
	var activations []struct {
		Group, Principal, Ticket, Justification string
		Starts, Ends                            store.Time
	}
	rows(&activations, `SELECT group_id AS "group", principal, ticket, justification, starts, ends FROM activation
		WHERE snapshot = `+newest+` AND action = 'selfActivate' AND ends IS NOT NULL`)
	var signIns []struct {
		Principal, Customer string
		At                  store.Time
	}
	rows(&signIns, `SELECT principal, customer, at FROM sign_in WHERE snapshot = `+newest)
	for _, a := range activations {
		u := use{Ticket: a.Ticket, Justification: a.Justification, reaches: reached[a.Group]}
		for _, s := range signIns {
			at := s.At.Time()
			if s.Principal == a.Principal && !at.Before(a.Starts.Time()) && !at.After(a.Ends.Time()) && e.own[s.Customer] != nil && !slices.Contains(u.signedIn, s.Customer) {
				u.signedIn = append(u.signedIn, s.Customer)
			}
		}
		e.uses = append(e.uses, u)
	}
	return e
}

// against are the canaries for one customer: what names another, and every ticket
// and purpose that is not tied to this one alone.
func (e evidenceOf) against(customer string) canaries {
	var c canaries
	mine := strings.Join(e.own[customer], " ")
	for other, words := range e.own {
		for _, w := range words {
			if other != customer && !strings.Contains(mine, w) {
				c.words = append(c.words, w)
			}
		}
	}
	shown := map[string]bool{}
	for _, u := range e.uses {
		if u.tiedTo(customer) {
			shown[u.Ticket], shown[u.Justification] = true, true
		}
	}
	for _, u := range e.uses {
		if u.Ticket != "" && !shown[u.Ticket] {
			c.words = append(c.words, strings.ToLower(u.Ticket))
		}
		if u.Justification != "" && !shown[u.Justification] {
			c.purposes = append(c.purposes, folded(u.Justification))
		}
	}
	return c
}

func (u use) tiedTo(customer string) bool {
	if len(u.signedIn) == 0 {
		return len(u.reaches) == 1 && u.reaches[0] == customer
	}
	return len(u.signedIn) == 1 && u.signedIn[0] == customer
}

// poppler runs one of poppler's programs on a PDF.
func poppler(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v (it comes with the package poppler-utils)\n%s", program, err, out)
	}
	return string(out)
}

// leaks searches every way in which a document can say something.
func leaks(t *testing.T, c canaries, path string) []string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := append(c.found(filepath.ToSlash(path[strings.LastIndex(path, "customers")+len("customers"):])), c.raw(content)...)
	if filepath.Ext(path) != ".pdf" {
		return append(out, c.found(string(content))...)
	}
	for _, text := range []string{poppler(t, "pdftotext", "-raw", path, "-"), poppler(t, "pdftotext", "-layout", path, "-"), poppler(t, "pdfinfo", path)} {
		out = append(out, c.found(text)...)
	}
	return out
}

// No document for a customer says anything of another one, nor what was done for
// it; the documents are searched as a reader would, by another program.
func TestNoCustomerReadsOfAnother(t *testing.T) {
	run := demo(t)
	evidence := sealedEvidence(t, filepath.Join(run.dir, "countersign.yaml"))
	folders, err := filepath.Glob(filepath.Join(run.dir, "out", "2026-Q3", "customers", "*"))
	if err != nil || len(folders) != len(evidence.own) || len(folders) != 4 {
		t.Fatal(folders, err)
	}
	var told strings.Builder
	tickets := 0
	for _, folder := range folders {
		customer := filepath.Base(folder)[len(filepath.Base(folder))-36:]
		c := evidence.against(customer)
		if len(c.words) < 100 || len(c.purposes) < 1 {
			t.Fatalf("only %d words and %d purposes to look for", len(c.words), len(c.purposes))
		}
		documents, _ := filepath.Glob(filepath.Join(folder, "*"))
		if len(documents) != 2 {
			t.Errorf("%s holds %v", folder, documents)
		}
		for _, path := range documents {
			if found := leaks(t, c, path); len(found) > 0 {
				t.Errorf("%s says %q", path, found)
			}
		}
		text := folded(poppler(t, "pdftotext", "-raw", filepath.Join(folder, "access-summary_2026-Q3.pdf"), "-"))
		for _, u := range evidence.uses {
			if u.Ticket != "" && u.tiedTo(customer) && strings.Contains(text, strings.ToLower(u.Ticket)) {
				tickets++
			}
		}
		told.WriteString(text)
	}
	if tickets < 10 {
		t.Errorf("only %d tickets are told to those whose they are", tickets)
	}
	// What names another customer is masked where it stood, not dropped.
	if want := "copy the intranet layout of [another customer]"; !strings.Contains(told.String(), want) {
		t.Errorf("no document says %q", want)
	}
}

// The search finds what is planted, in each kind of document and place.
func TestCanariesAreFound(t *testing.T) {
	evidence := sealedEvidence(t, filepath.Join(demo(t).dir, "countersign.yaml"))
	for customer := range evidence.own {
		c := evidence.against(customer)
		for _, planted := range slices.Concat(c.words, c.purposes) {
			if !slices.Contains(c.found("A line\nof text "+strings.ToUpper(strings.ReplaceAll(planted, " ", "\n  "))+", and more"), planted) {
				t.Errorf("%q is not found", planted)
			}
		}
	}
	c := canaries{words: []string{"źródło", "zrodlo", "chg0104999"}, purposes: []string{"restore a library version"}}
	day := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	clean := summary.Summary{MSP: "Northgate MSP", Customer: "Alder & Finch Ltd", TenantID: "t", Since: day, Until: day.AddDate(0, 3, 0), Created: day.AddDate(0, 3, 1),
		Answer: []string{"Nobody signed in."}}
	for name, plant := range map[string]func(*summary.Summary){
		"title": func(s *summary.Summary) { s.Customer = "Zakłady Mleczne Źródło" },
		"person": func(s *summary.Summary) {
			s.People.Rows = []summary.Person{{Name: "Emre", Account: "emre@zrodlo.example"}}
		},
		"ticket": func(s *summary.Summary) {
			s.SignedIn.Rows = []summary.Use{{Start: day, Person: "Emre", Ticket: "CHG0104999"}}
		},
		"purpose": func(s *summary.Summary) {
			s.SignedIn.Rows = []summary.Use{{Start: day, Person: "Emre", Purpose: "Restore a library version"}}
		},
		"": func(*summary.Summary) {},
	} {
		s := clean
		plant(&s)
		for ext, write := range map[string]func(*bytes.Buffer) error{
			".pdf": func(b *bytes.Buffer) error { return summary.WritePDF(b, s) }, ".txt": func(b *bytes.Buffer) error { return summary.WriteText(b, s) },
		} {
			var text bytes.Buffer
			path := filepath.Join(t.TempDir(), "customers", "x"+ext)
			if err := errors.Join(write(&text), os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, text.Bytes(), 0o600)); err != nil {
				t.Fatal(err)
			}
			if name == "purpose" && ext == ".txt" {
				continue // its columns part sentences; the same value is searched in the PDF
			}
			if found := leaks(t, c, path); (len(found) > 0) != (name != "") {
				t.Errorf("%s planted in a %s: found %q", name, ext, found)
			}
		}
	}
	metadata := canaries{words: []string{"źródło"}}
	if len(metadata.raw([]byte("\xfe\xff\x01\x79\x00r\x00\xf3\x00d\x01\x42\x00o"))) != 1 || len(metadata.raw([]byte("<dc:title>Źródło</dc:title>"))) != 1 {
		t.Error("metadata is not searched")
	}
	if got := fmt.Sprint(telling("Zakłady Mleczne Źródło Sp. z o.o.")); got != "[zakłady mleczne źródło]" {
		t.Error(got)
	}
}
