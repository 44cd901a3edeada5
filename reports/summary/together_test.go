package summary_test

import (
	"fmt"
	"math/rand"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"countersign/reports/summary"
)

var (
	startPattern = regexp.MustCompile(`\b\d{1,2} (?:Jul|Aug|Sep) \d\d:\d\d\b`)
	oftenPattern = regexp.MustCompile(`\b(\d+) times?\b`)
)

// renderings are the text and the text of the PDF, in the order of the rows.
func renderings(t testing.TB, s summary.Summary) map[string]string {
	t.Helper()
	return map[string]string{"text": textOf(t, s), "PDF": strings.ReplaceAll(pdfText(t, pdfFile(t, s), "-layout"), "\u00a0", " ")}
}

// puttogether is the part of a document in which uses without a purpose stand.
func puttogether(t testing.TB, document string) string {
	t.Helper()
	_, list, begins := strings.Cut(document, "are put together by person, role and reason")
	list, _, ends := strings.Cut(list, "Agreements between us")
	if !begins || !ends {
		t.Fatal("no list of uses without a purpose")
	}
	return list
}

func starts(s summary.Summary, of func(summary.Use) bool) []string {
	var all []string
	for _, u := range s.ActivatedOnly.Rows {
		if of(u) {
			all = append(all, u.Start.In(s.Zone).Format("2 Jan 15:04"))
		}
	}
	slices.Sort(all)
	return all
}

func withheld(u summary.Use) bool { return u.Withheld != "" }

// Every use is told exactly once in both renderings, together or by itself, and
// the numbers in the rows add up. The order the uses come in is no matter.
func TestEveryUseOnce(t *testing.T) {
	for seed := range int64(4) {
		random := rand.New(rand.NewSource(seed))
		s := quiet(t)
		for i := range 40 + random.Intn(400) {
			u := summary.Use{Start: s.Since.Add(time.Duration(random.Intn(92*24*60)) * time.Minute), Lasted: time.Duration(random.Intn(3)) * time.Hour,
				Person: fmt.Sprintf("Person %c", 'A'+random.Intn(1+int(seed))), Role: []string{"Reader", "Writer"}[random.Intn(2)], Approval: "not needed", Ticket: fmt.Sprintf("T-%03d", i)}
			if random.Intn(9) > 0 {
				u.Withheld = []string{"shared", "standing"}[random.Intn(2)]
			}
			s.ActivatedOnly.Rows = append(s.ActivatedOnly.Rows, u)
		}
		want, documents := starts(s, withheld), renderings(t, s)
		for medium, document := range documents {
			list := puttogether(t, document)
			if got := startPattern.FindAllString(list, -1); !slices.Equal(slices.Sorted(slices.Values(got)), want) {
				t.Errorf("seed %d, %s: %d starts are printed of %d uses", seed, medium, len(got), len(want))
			}
			times := 0
			for _, m := range oftenPattern.FindAllStringSubmatch(list, -1) {
				n, _ := strconv.Atoi(m[1])
				times += n
			}
			if times != len(want) {
				t.Errorf("seed %d, %s: the rows say %d times, there are %d uses", seed, medium, times, len(want))
			}
			for _, u := range s.ActivatedOnly.Rows {
				if got := strings.Count(document, u.Ticket); (got == 1) == withheld(u) || got > 1 {
					t.Errorf("seed %d, %s: %s stands there %d times, withheld: %v", seed, medium, u.Ticket, got, withheld(u))
				}
			}
			if !strings.Contains(document, fmt.Sprintf("Activated only (%d)", len(s.ActivatedOnly.Rows))) || !strings.Contains(document, fmt.Sprintf("without a purpose to show (%d)", len(want))) {
				t.Errorf("seed %d, %s: the headings do not count uses", seed, medium)
			}
		}
		uses := s.ActivatedOnly.Rows
		random.Shuffle(len(uses), func(i, j int) {
			if withheld(uses[i]) && withheld(uses[j]) { // the others keep the caller's order
				uses[i], uses[j] = uses[j], uses[i]
			}
		})
		if textOf(t, s) != documents["text"] {
			t.Errorf("seed %d: another order of uses gives another document", seed)
		}
	}
}

// Rows go by person, then role; starts by time; a duration stands once where
// all are the same. Whatever a reader could tell apart stays apart, and a use
// that gives a purpose, or says that none is recorded, keeps its line.
func TestTogether(t *testing.T) {
	s := quiet(t)
	use := func(day, hours int, person, role string) summary.Use {
		return summary.Use{Start: s.Since.AddDate(0, 0, day-1).Add(9 * time.Hour), Lasted: time.Duration(hours) * time.Hour, Person: person, Role: role, Withheld: "shared", Approval: "not needed"}
	}
	approved, elsewhere, high, told, silent := use(6, 1, "Bo", "Reader"), use(7, 1, "Bo", "Reader"), use(8, 1, "Bo", "Reader"), use(9, 1, "Bo", "Reader"), use(10, 1, "Bo", "Reader")
	approved.Approval, elsewhere.Account, high.Kind, told.Withheld, told.Purpose, silent.Withheld = "by a second person", "bo2@x", summary.HighImpact, "", "Mail flow", ""
	undated := use(1, 2, "Ada", "Writer")
	undated.Start = time.Time{}
	s.ActivatedOnly.Rows = []summary.Use{silent, use(30, 4, "Cy", "Reader"), use(3, 4, "Cy", "Reader"), high, elsewhere, approved, use(5, 1, "Bo", "Writer"), told,
		use(4, 2, "Bo", "Reader"), use(2, 1, "Bo", "Reader"), use(12, 0, "Di", "Reader"), undated, use(1, 0, "Ada", "Writer"), use(1, 0, "Ada", "Reader")}
	got := textOf(t, s)
	for _, line := range []string{`10 Jul +Bo +Reader +1 h +not recorded +not needed`, `9 Jul 09:00 +Bo +Reader +1 h +Mail flow +not needed`, `Of these, without a purpose to show \(12\)`} {
		if !regexp.MustCompile(line).MatchString(got) {
			t.Errorf("%q is missing", line)
		}
	}
	at := 0
	words := strings.Join(strings.Fields(puttogether(t, got)), " ")
	for _, row := range []string{
		"Ada Reader 1 time 1 Jul 09:00 ", "Ada Writer 2 times not recorded (2 h), 1 Jul 09:00 (not recorded) ",
		"Bo Reader 1 time 6 Jul 09:00 ", "Bo Reader 2 times 2 Jul 09:00 (1 h), 4 Jul 09:00 (2 h) ", "Bo Reader 1 time 8 Jul 09:00 ", "Bo Reader 1 time 7 Jul 09:00 ",
		"Bo Writer 1 time 5 Jul 09:00 ", "Cy Reader 2 times 3 Jul 09:00, 30 Jul 09:00 ", "each for ", "Di Reader 1 time 12 Jul 09:00 ",
	} {
		next := strings.Index(words[at:], row)
		if next < 0 {
			t.Fatalf("%q does not follow:\n%s", row, words[at:])
		}
		at += next
	}
	if !strings.Contains(words, "duration") {
		t.Error("an unknown duration is not said to be so")
	}
}

// 300 activations stay readable, and so does a row that no page could hold:
// it goes on in rows of the same person marked as continued, none of them split.
func TestManyActivations(t *testing.T) {
	pages := strings.Count(pdfText(t, pdfFile(t, busy(t))), "\f")
	if pages >= 10 {
		t.Errorf("300 activations take %d pages", pages)
	}
	s := quiet(t)
	const uses = 900
	for i := range uses {
		s.ActivatedOnly.Rows = append(s.ActivatedOnly.Rows, summary.Use{Start: s.Since.Add(time.Duration(i) * 2 * time.Hour), Lasted: time.Duration(1+i%2) * time.Hour,
			Person: "Priya Raman", Account: "priya@northgate.example", Role: "Reader", Withheld: "shared", Approval: "not needed"})
	}
	file := pdfFile(t, s)
	checkPDF(t, file)
	layout := pdfText(t, file, "-layout")
	if strings.Contains(layout, "cut here") {
		t.Error("a row is cut")
	}
	rows := 0
	for n, page := range strings.Split(layout, "\f") {
		page = strings.ReplaceAll(page, "\u00a0", " ")
		first, last := strings.Count(page, "priya@northgate.example"), strings.Count(page, "Purpose not shown: shared")
		if first != last {
			t.Errorf("page %d: %d rows begin and %d end", n+1, first, last)
		}
		if first > 0 && !strings.Contains(page, "Activated on") {
			t.Errorf("page %d has rows and no header", n+1)
		}
		rows += first
	}
	for medium, document := range renderings(t, s) {
		list := puttogether(t, document)
		if continued := strings.Count(list, "continued"); continued != rows-1 || rows < 20 || strings.Count(list, fmt.Sprint(uses, " times")) != 1 {
			t.Errorf("%s: %d rows, %d of them continued", medium, rows, continued)
		}
		var want []string // in the order of time, over all rows
		for _, u := range s.ActivatedOnly.Rows {
			want = append(want, u.Start.In(s.Zone).Format("2 Jan 15:04"))
		}
		if got := startPattern.FindAllString(list, -1); !slices.Equal(got, want) {
			t.Errorf("%s: the starts are not in order: %d of %d", medium, len(got), uses)
		}
	}
}

// The longest starts there are, one to a line: still every row fits on a page.
func TestLongestRowFits(t *testing.T) {
	s := quiet(t)
	for i := range 200 {
		s.ActivatedOnly.Rows = append(s.ActivatedOnly.Rows, summary.Use{Start: time.Date(2031, 10, 26, 0, i%60, 0, 0, time.UTC), Lasted: time.Duration(1<<62) + time.Duration(i)*time.Minute,
			Person: "A", Role: strings.Repeat("very long ", 400), Withheld: "shared"})
	}
	pdf := strings.ReplaceAll(pdfText(t, pdfFile(t, s), "-layout"), "\u00a0", " ")
	if got := strings.Count(pdf, "CEST ("); got != 200 {
		t.Errorf("%d of 200 starts are printed", got)
	}
}
