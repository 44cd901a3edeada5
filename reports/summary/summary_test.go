package summary_test

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"countersign/reports/summary"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// The words of a document, read and reviewed as text.
func TestText(t *testing.T) {
	for name, example := range examples {
		t.Run(name, func(t *testing.T) {
			got := textOf(t, example(t))
			golden := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("differs from %s: run with -update and review the change", golden)
			}
		})
	}
}

// Equal values give equal bytes, also when documents are made side by side.
func TestPDFSameBytes(t *testing.T) {
	for name, example := range examples {
		want := pdfBytes(t, example(t))
		var together sync.WaitGroup
		for range 4 {
			s := example(t)
			together.Go(func() {
				var b bytes.Buffer
				if err := summary.WritePDF(&b, s); err != nil || !bytes.Equal(b.Bytes(), want) {
					t.Errorf("%s: another run gave other bytes (error: %v)", name, err)
				}
			})
		}
		together.Wait()
		s := example(t)
		s.Seal += "0"
		if bytes.Equal(pdfBytes(t, s), want) {
			t.Errorf("%s: another seal gave the same bytes", name)
		}
	}
}

func pdfBytes(t testing.TB, s summary.Summary) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := summary.WritePDF(&b, s); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Both writers print the same words: every word of the text is in the PDF.
func TestPDFSaysWhatTheTextSays(t *testing.T) {
	for name, example := range examples {
		file := pdfFile(t, example(t))
		checkPDF(t, file)
		pdf := squeeze(pdfText(t, file, "-raw"))
		for _, word := range strings.Fields(textOf(t, example(t))) {
			word = strings.Trim(strings.ReplaceAll(word, "📱", "\uFFFD"), ":;()")
			switch {
			case strings.Trim(word, "=-|!*") == "", strings.ToUpper(word) == word: // rules, marks, the title in capitals
			case strings.Contains(pdf, word), inChart(word):
			default:
				t.Errorf("%s: %q is in the text, not in the PDF", name, word)
			}
		}
	}
}

// inChart tells words by which the text replaces the picture.
func inChart(word string) bool {
	return strings.Contains("(1 with read or support roles, administration roles) high-impact roles), signed in; records of at least one day are missing", strings.Trim(word, ",;()"))
}

func TestPDFProperties(t *testing.T) {
	file := pdfFile(t, full(t))
	plain := tool(t, "qpdf", "qpdf", "--qdf", "--object-streams=disable", file, "-")
	for _, want := range []string{"/Lang (en-GB)", "/DisplayDocTitle true", "/ID [", "/CreationDate (D:20261001041200)", "/ModDate (D:20261001041200)", "/Outlines"} {
		if !strings.Contains(plain, want) {
			t.Errorf("the file lacks %s", want)
		}
	}
	info := tool(t, "poppler-utils", "pdfinfo", file)
	for _, want := range []string{"Access summary Q3 2026 for Contoso Fabrication GmbH", "Northgate MSP", "(A4)", "JavaScript:      no", "1.4"} {
		if !strings.Contains(info, want) {
			t.Errorf("pdfinfo lacks %s:\n%s", want, info)
		}
	}
	fonts := tool(t, "poppler-utils", "pdffonts", file)
	if strings.Count(fonts, "CID TrueType") != 3 || strings.Contains(fonts, "Type 1") {
		t.Errorf("three embedded TrueType fonts were expected:\n%s", fonts)
	}
}

func TestPDFReadingOrder(t *testing.T) {
	text := squeeze(pdfText(t, pdfFile(t, full(t)), "-raw"))
	at := 0
	for _, want := range []string{"Who had access to your Microsoft 365 tenant", "Contoso Fabrication GmbH", "6 of our people entered", "people with access",
		"What needs your attention", "14 December 2026", "How complete is this report?", "The records of 90 of 92 days", "People and roles", "Νίκος Παπαδόπουλος", "佐藤 花子",
		"When access was used", "Every use of access", "Signed in to your tenant (19)", "INC-20418", "Activated only (6)", "does not prove that anybody entered",
		"Agreements between us", "14 Dec 2026", "Where this comes from", "Gaps in the records", "Not part of this report", "How to check this yourself", "Words used"} {
		next := strings.Index(text[at:], squeeze(want))
		if next < 0 {
			t.Fatalf("%q does not follow:\n%s", want, text[at:min(at+300, len(text))])
		}
		at += next
	}
}

// 2,000 uses: each row whole on one page, the header and foot on every page.
func TestManyUses(t *testing.T) {
	s := quiet(t)
	s.Incomplete = "a test"
	const rows = 2000
	for i := range rows {
		s.SignedIn.Rows = append(s.SignedIn.Rows, summary.Use{Start: s.Since.Add(time.Duration(i) * time.Hour), Person: fmt.Sprintf("Person %d", i%9), Account: "adm@northgate.example",
			Role: "Exchange Administrator", Purpose: fmt.Sprintf("B%04dB %s E%04dE", i, strings.Repeat("moved a mailbox ", i%17), i)})
	}
	pages := strings.Split(strings.TrimSuffix(pdfText(t, pdfFile(t, s), "-layout"), "\f"), "\f")
	begin, next := regexp.MustCompile(`B(\d{4})B`), 0
	for n, page := range pages {
		if !strings.Contains(page, fmt.Sprintf("Page %d of %d", n+1, len(pages))) || !strings.Contains(page, "NG-26Q3-0417-7F3K-9QXM") || !strings.Contains(page, "INCOMPLETE") {
			t.Errorf("page %d of %d: foot or INCOMPLETE is lost", n+1, len(pages))
		}
		found := begin.FindAllStringSubmatch(page, -1)
		for _, m := range found {
			if m[1] != fmt.Sprintf("%04d", next) || !strings.Contains(page, "E"+m[1]+"E") {
				t.Fatalf("page %d: row %s is split or out of order (expected %04d)", n+1, m[1], next)
			}
			next++
		}
		if len(found) > 0 && !strings.Contains(page, "Purpose and ticket") {
			t.Errorf("page %d has rows and no header", n+1)
		}
	}
	if next != rows || len(pages) < 100 {
		t.Errorf("%d rows on %d pages", next, len(pages))
	}
}

// A row that could not fit on any page is cut with a visible mark; the text
// rendering is never cut.
func TestRowTallerThanAPage(t *testing.T) {
	s := quiet(t)
	s.SignedIn.Rows = []summary.Use{{Start: s.Since, Purpose: strings.Repeat("very long ", 5000) + "LAST"}}
	s.Attention = []summary.Attention{{Title: "Long", Text: strings.Repeat("very long ", 5000) + "LAST"}}
	file := pdfFile(t, s)
	checkPDF(t, file)
	if got := pdfText(t, file, "-raw"); strings.Count(squeeze(got), "cuthere") != 2 || strings.Contains(got, "LAST") {
		t.Error("the cut is not marked")
	}
	if strings.Count(textOf(t, s), "LAST") != 2 {
		t.Error("the text rendering was cut")
	}
}

// What the caller leaves out is unknown, never none.
func TestUnknownIsNotNone(t *testing.T) {
	s := quiet(t)
	bare := summary.Summary{Since: s.Since, Until: s.Until, Zone: s.Zone, Created: s.Created, Answer: []string{"We do not know."}, AnswerTone: summary.Good,
		Figures: []summary.Figure{{Label: "people"}}, PreviousPeriod: "Q2 2026"}
	bare.People.Rows = []summary.Person{{Name: "Bo"}}
	bare.Agreements.Rows = []summary.Agreement{{Name: "A"}}
	got := textOf(t, bare)
	for _, want := range []string{"INCOMPLETE", "The records of 92 of 92 days are missing.", "The record of sign-ins could not be read", "The record of people with access could not be read",
		"* people: not recorded (Q2 2026: not recorded)", "This does not mean that there was none.", "The sources of this document were not recorded.", "something may be open that we could not see"} {
		if !strings.Contains(strings.Join(strings.Fields(got), " "), want) {
			t.Errorf("the document does not say %q", want)
		}
	}
	for _, never := range []string{"not used", "recorded no sign-in", "No role was activated", "No gap is known", "(0)", "signed in,", "at least"} {
		if strings.Contains(got, never) {
			t.Errorf("the document says %q of what is unknown", never)
		}
	}
}

// Counts from a list that was not read whole are lower bounds.
func TestPartialCounts(t *testing.T) {
	s := full(t)
	if got := textOf(t, s); !strings.Contains(got, "not used") || strings.Contains(got, "at least") {
		t.Error("whole lists: \"not used\" is missing, or a count is a bound")
	}
	s.SignedIn.Read, s.SignedIn.Gap = summary.InPart, "the log was closed"
	got := textOf(t, s)
	if strings.Contains(got, "not used") || !strings.Contains(got, "at least") || !strings.Contains(got, "(19 seen, incomplete)") || !strings.Contains(got, "INCOMPLETE") {
		t.Error("a list read in part: a count passes for whole")
	}
}

// Purpose and ticket that must not be shown are not in the file at all.
func TestWithheld(t *testing.T) {
	s := quiet(t)
	s.ActivatedOnly.Rows = []summary.Use{{Start: s.Since, Purpose: "CANARY of Fabrikam", Ticket: "CANARY-1", Withheld: "also used for other customers"}}
	for _, got := range []string{textOf(t, s), pdfText(t, pdfFile(t, s), "-raw")} {
		if strings.Contains(got, "CANARY") || !strings.Contains(got, "Purpose not shown: also used") {
			t.Error("withheld text is shown, or its absence is not explained")
		}
	}
}

func TestIncompleteOnEveryPage(t *testing.T) {
	pages := strings.Split(strings.TrimSuffix(pdfText(t, pdfFile(t, incomplete(t))), "\f"), "\f")
	for i, page := range pages {
		if !strings.Contains(page, "INCOMPLETE") {
			t.Errorf("page %d does not say INCOMPLETE", i+1)
		}
	}
	if strings.Contains(pdfText(t, pdfFile(t, full(t))), "INCOMPLETE") {
		t.Error("a complete document says INCOMPLETE")
	}
}

// Clock changes in Berlin: 29 March and 25 October 2026, where 02:30 is twice.
func TestTimes(t *testing.T) {
	s := quiet(t)
	zone := s.Zone
	s.Since, s.Until = time.Date(2026, 10, 1, 0, 0, 0, 0, zone), time.Date(2027, 1, 1, 0, 0, 0, 0, zone)
	s.Days = nil
	for _, at := range []string{"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-12-31T22:59:59Z", "2026-12-31T23:00:00Z"} {
		start, err := time.Parse(time.RFC3339, at)
		if err != nil {
			t.Fatal(err)
		}
		s.SignedIn.Rows = append(s.SignedIn.Rows, summary.Use{Start: start, Kind: summary.HighImpact, Lasted: 29 * time.Second})
	}
	got := squeeze(textOf(t, s))
	for _, want := range []string{"1 October – 31 December 2026 (92 days, all times Europe/Berlin)", "02:30 CEST", "02:30 CET", "31 Dec", "23:59", "1 Jan 2027", "within this period: 1 use.",
		"19 Oct 2 signed in (2 with high-impact roles)", "28 Dec 1 signed in (1 with high-impact roles)"} {
		if !strings.Contains(got, squeeze(want)) {
			t.Errorf("%q is not in the text", want)
		}
	}
	s.Since, s.Until = time.Date(2028, 2, 1, 0, 0, 0, 0, zone), time.Date(2028, 4, 1, 0, 0, 0, 0, zone)
	if got := textOf(t, s); !strings.Contains(got, "1 February – 31 March 2028 (60 days, all times Europe/Berlin)") {
		t.Errorf("leap year and clock change:\n%s", got[:300])
	}
	s.Since, s.Until = time.Date(2026, 12, 1, 0, 0, 0, 0, zone), time.Date(2027, 1, 2, 0, 0, 0, 0, zone)
	if got := textOf(t, s); !strings.Contains(got, "1 December 2026 – 1 January 2027 (32 days") {
		t.Errorf("over the year's end:\n%s", got[:300])
	}
}

func TestRefusals(t *testing.T) {
	for want, change := range map[string]func(*summary.Summary){
		"no creation date":   func(s *summary.Summary) { s.Created = time.Time{} },
		"Since and Until":    func(s *summary.Summary) { s.Until = s.Since },
		"at most five years": func(s *summary.Summary) { s.Until = s.Since.AddDate(900, 0, 0) },
		"name one":           func(s *summary.Summary) { s.Zone = time.Local },
		"no answer":          func(s *summary.Summary) { s.Answer = nil },
		"give a PNG file":    func(s *summary.Summary) { s.Logo = []byte("GIF89a") },
	} {
		s := quiet(t)
		change(&s)
		var b bytes.Buffer
		if err := summary.WritePDF(&b, s); err == nil || !strings.Contains(err.Error(), want) || b.Len() > 0 {
			t.Errorf("%s: got %v and %d bytes", want, err, b.Len())
		}
	}
	s := quiet(t)
	if err := summary.WritePDF(fullDisk{}, s); err == nil {
		t.Error("a full disk is no error")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// Threat 50: the document claims no more than was checked.
func TestWordsClaimNothing(t *testing.T) {
	claim := regexp.MustCompile(`(?i)\b(complian\w*|secured?|guarantee\w*|safe|certif\w*|proves that|all your data)\b`)
	for name, example := range examples {
		if found := claim.FindString(textOf(t, example(t))); found != "" {
			t.Errorf("%s: the document says %q", name, found)
		}
	}
}

// Scripts the fonts do not cover. A name of which some letters are left has a
// visible sign for the others, and its meaning; in the place of a name without
// any stands the account, once, with a word on why. The text has the whole name.
func TestUncoveredScripts(t *testing.T) {
	const account, nobody = "adm-7@msp.example", "name in a script this document cannot print"
	for _, c := range []struct {
		name, account, shown string
		signs, unnamed       bool // which of the two explanations stands there
	}{
		{"דנה לוי", account, account + " Desk", false, true},
		{"علي", account, account + " Desk", false, true},
		{"한국", account, account + " Desk", false, true},
		{"हिन्दी", account, account + " Desk", false, true},
		{"ליאת כהן (admin)", account, account + " Desk", false, true},
		{"דנה לוי", "", nobody + " account not recorded Desk", false, true},
		{"علي", "علي", nobody + " \uFFFD\uFFFD\uFFFD Desk", true, true},
		{"👩 Ada", account, "\uFFFD Ada " + account + " Desk", true, false},
		{"Noa כהן", account, "Noa \uFFFD\uFFFD\uFFFD " + account, true, false},
		{"佐藤 花子", account, "佐藤 花子 " + account, false, false},
		{"(3)", account, "(3) " + account, false, false},
	} {
		s := quiet(t)
		s.People.Rows = []summary.Person{{Name: c.name, Account: c.account, Job: "Desk"}}
		s.ActivatedOnly.Rows = []summary.Use{{Start: s.Since, Person: c.name, Account: c.account, Withheld: "shared"}}
		pdf := strings.Join(strings.Fields(pdfText(t, pdfFile(t, s), "-raw")), " ")
		if !strings.Contains(pdf, c.shown) || c.account == account && strings.Count(pdf, account) != 2 {
			t.Errorf("%s: %q is missing, or the account is printed twice:\n%s", c.name, c.shown, pdf)
		}
		if strings.Contains(pdf, "stands for a character that the fonts") != c.signs || strings.Contains(pdf, "\uFFFD") != c.signs || strings.Contains(pdf, "account name stands in its place") != c.unnamed {
			t.Errorf("%s: what stands for the name is not explained, or something is explained without need", c.name)
		}
		if got := textOf(t, s); !strings.Contains(got, c.name) || strings.Contains(got, "stands in its place") {
			t.Errorf("%s: the text has another name", c.name)
		}
	}
}

// Kinds of PNG that gofpdf itself refuses.
func TestLogoKinds(t *testing.T) {
	for name, picture := range map[string]image.Image{
		"16 bit grey": image.NewGray16(image.Rect(0, 0, 9, 5)), "16 bit colour": image.NewNRGBA64(image.Rect(0, 0, 5, 9)),
		"palette": image.NewPaletted(image.Rect(0, 0, 400, 3), color.Palette{color.White, color.Transparent}),
	} {
		var b bytes.Buffer
		if err := png.Encode(&b, picture); err != nil {
			t.Fatal(err)
		}
		s := quiet(t)
		s.Logo = b.Bytes()
		file := pdfFile(t, s)
		checkPDF(t, file)
		if !strings.Contains(tool(t, "poppler-utils", "pdfimages", "-list", file), "image") {
			t.Errorf("%s: no picture in the file", name)
		}
	}
}

// The texts of the key figures keep clear of each other and of their box,
// whichever of them wrap.
func TestFigureBoxes(t *testing.T) {
	s := quiet(t)
	s.PreviousPeriod = "PREVIOUS period"
	s.Figures = []summary.Figure{
		{Value: "1", Label: "LABEL short", Note: "NOTE of some length that takes three lines in its box, or even more of them"},
		{Value: "2", Label: "LABEL that is long enough to take three lines of its box", Note: "NOTE short", Previous: "a value that does not fit on the line either"},
		{Value: "3", Label: "LABEL", Previous: "3"}, {Value: "4", Label: "LABEL on two lines of the box", Note: "NOTE"},
	}
	type box struct{ left, top, right, bottom float64 }
	var words []box
	tops := map[string]map[float64]bool{}
	page, _, _ := strings.Cut(pdfText(t, pdfFile(t, s), "-bbox"), ">attention<")
	for _, m := range wordBox.FindAllStringSubmatch(page, -1) {
		if m[1] != "" {
			continue
		}
		var b box
		fmt.Sscan(strings.Join(m[3:7], " "), &b.left, &b.top, &b.right, &b.bottom)
		words = append(words, b)
		if kind := m[7]; kind == strings.ToUpper(kind) && len(kind) > 3 {
			if tops[kind] == nil {
				tops[kind] = map[float64]bool{}
			}
			tops[kind][b.top] = true
		}
	}
	for i, a := range words {
		for _, b := range words[i+1:] {
			middle := func(w box) float64 { return (w.top + w.bottom) / 2 } // boxes hold ascent and descent of the font
			if a.left < b.right && b.left < a.right && max(middle(a), middle(b))-min(middle(a), middle(b)) < 8 {
				t.Errorf("%v and %v collide", a, b)
			}
		}
	}
	for _, kind := range []string{"LABEL", "NOTE", "PREVIOUS"} {
		if len(tops[kind]) != 1 {
			t.Errorf("%s stands at different heights: %v", kind, tops[kind])
		}
	}
}

// No page ends with a heading: what it stands over has moved on with it.
func TestHeadingsStayWithTheirText(t *testing.T) {
	for name, example := range examples {
		for extra := range 7 { // moves everything down line by line
			s := example(t)
			for range extra {
				s.Checks = append(s.Checks, "Ask us")
				s.Coverage = append(s.Coverage, strings.Repeat("We read the records. ", 4))
			}
			for n, page := range strings.Split(pdfText(t, pdfFile(t, s), "-raw"), "\f") {
				lines := strings.Split(strings.TrimSpace(page), "\n")
				for i, l := range lines {
					if strings.HasPrefix(l, "Verification code NG-26Q3-0417-7F3K-9QXM ·") && i > 0 && n > 0 && headings.MatchString(lines[i-1]) {
						t.Errorf("%s and %d more lines: page %d ends with %q", name, extra, n+1, lines[i-1])
					}
				}
			}
		}
	}
}

var headings = regexp.MustCompile(`^(People and roles|When access was used|Every use of access|Signed in to your tenant \(.*|Activated only \(.*|Of these, without .*|Agreements between us|Where this comes from|Gaps in the records|Not part of this report|How to check this yourself|Words used)$`)
