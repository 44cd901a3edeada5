package summary_test

import (
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jung-kurt/gofpdf"

	"countersign/reports/summary"
)

// BenchmarkPDF compares our document with the same words set by bare gofpdf on
// as many pages with the same fonts; "x-bare" is our rate over the bare one.
func BenchmarkPDF(b *testing.B) {
	s := quiet(b) // three pages, no letter that needs the fallback font
	file := pdfFile(b, s)
	pages := strings.Count(pdfText(b, file), "\f")
	words := strings.Split(pdfText(b, file, "-layout"), "\f")
	noto, bold := font(b, "NotoSans-Regular.ttf"), font(b, "NotoSans-Bold.ttf")
	bare := func() error {
		pdf := gofpdf.New("P", "mm", "A4", "")
		pdf.AddUTF8FontFromBytes("Noto", "", append([]byte(nil), noto...))
		pdf.AddUTF8FontFromBytes("Noto", "B", append([]byte(nil), bold...))
		for i := range pages {
			pdf.AddPage()
			for k, line := range strings.Split(words[i], "\n") {
				style := ""
				if k%4 == 0 {
					style = "B"
				}
				pdf.SetFont("Noto", style, 8)
				pdf.CellFormat(0, 4, line, "", 1, "L", false, 0, "")
			}
		}
		return pdf.Output(io.Discard)
	}
	var ours, theirs time.Duration
	for b.Loop() {
		start := time.Now()
		if err := summary.WritePDF(io.Discard, s); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		if err := bare(); err != nil {
			b.Fatal(err)
		}
		ours, theirs = ours+middle.Sub(start), theirs+time.Since(middle)
	}
	b.ReportMetric(float64(pages), "pages")
	b.ReportMetric(float64(b.N)/ours.Seconds(), "files/s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "x-bare")
}

func font(b *testing.B, name string) []byte {
	b.Helper()
	file, err := os.ReadFile("fonts/" + name)
	if err != nil {
		b.Fatal(err)
	}
	return file
}
