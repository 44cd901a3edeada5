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

// asText is a document as one line of words, from where the list of activations
// begins to where it ends.
func activations(t testing.TB, document string) string {
	t.Helper()
	words := strings.ReplaceAll(strings.Join(strings.Fields(document), " "), "\u00a0", " ")
	_, list, found := strings.Cut(words, "it may have been used for another customer.")
	list, _, ends := strings.Cut(list, "Agreements between us What you have approved") // in the PDF
	if !ends {
		list, _, ends = strings.Cut(list, "Agreements between us =")
	}
	if !found || !ends {
		t.Fatalf("no list of activations in %.300s", words)
	}
	return list
}

var (
	startPattern = regexp.MustCompile(`\b\d{1,2} (?:Jul|Aug|Sep) \d\d:\d\d\b`)
	oftenPattern = regexp.MustCompile(`\b(\d+) times?\b`)
)

func starts(uses []summary.Use, zone *time.Location) []string {
	var all []string
	for _, u := range uses {
		all = append(all, u.Start.In(zone).Format("2 Jan 15:04"))
	}
	return all
}

func sorted(texts []string) []string { return slices.Sorted(slices.Values(texts)) }

// Put together or not, every use is told exactly once, in both renderings, and
// the numbers in the rows add up to it. The order the uses come in is no matter.
func TestEveryUseOnce(t *testing.T) {
	for seed := range int64(6) {
		random := rand.New(rand.NewSource(seed))
		s := quiet(t)
		withheld := 0
		for range 40 + random.Intn(400) {
			u := summary.Use{Start: s.Since.Add(time.Duration(random.Intn(92*24*60)) * time.Minute), Lasted: time.Duration(random.Intn(3)) * time.Hour,
				Person: fmt.Sprintf("Person %c", 'A'+random.Intn(1+int(seed))), Role: []string{"Reader", "Writer"}[random.Intn(2)], Approval: "not needed"}
			if random.Intn(9) > 0 {
				u.Withheld = []string{"shared", "standing"}[random.Intn(2)]
				withheld++
			}
			s.ActivatedOnly.Rows = append(s.ActivatedOnly.Rows, u)
		}
		want := sorted(starts(s.ActivatedOnly.Rows, s.Zone))
		text := textOf(t, s)
		for medium, document := range map[string]string{"text": text, "PDF": pdfText(t, pdfFile(t, s), "-layout")} {
			list := document
			if medium == "text" {
				list = activations(t, document)
			} else { // heads and feet of pages hold no start
				_, list, _ = strings.Cut(strings.ReplaceAll(document, "\u00a0", " "), "it may have been used for another customer.")
				list, _, _ = strings.Cut(list, "Where this comes from")
			}
			if got := sorted(startPattern.FindAllString(list, -1)); !slices.Equal(got, want) {
				t.Errorf("seed %d, %s: %d starts are printed of %d uses", seed, medium, len(got), len(want))
			}
			times := 0
			for _, m := range oftenPattern.FindAllStringSubmatch(list, -1) {
				n, _ := strconv.Atoi(m[1])
				times += n
			}
			if times != withheld {
				t.Errorf("seed %d, %s: the rows say %d times, there are %d uses without a purpose", seed, medium, times, withheld)
			}
		}
		random.Shuffle(len(s.ActivatedOnly.Rows), func(i, j int) {
			a := s.ActivatedOnly.Rows
			if a[i].Withheld != "" && a[j].Withheld != "" { // the others stay in the caller's order
				a[i], a[j] = a[j], a[i]
			}
		})
		if textOf(t, s) != text {
			t.Errorf("seed %d: another order of uses gives another document", seed)
		}
	}
}
