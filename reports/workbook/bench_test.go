package workbook

import (
	"bytes"
	"io"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

const benchRows = 20_000

func benchBook() Book {
	b := sample(benchRows)
	b.Reaffirm = nil
	return b
}

// fastest keeps the best of several rounds, the one least disturbed by others.
type fastest time.Duration

func (f fastest) of(took time.Duration) fastest {
	if f == 0 || took < time.Duration(f) {
		return fastest(took)
	}
	return f
}

// BenchmarkWrite compares Write with a StreamWriter that writes the same values
// and nothing else, in turns within one run. "of-bare" is the rate of Write as a
// share of the bare rate; at least 0.8 is promised.
func BenchmarkWrite(b *testing.B) {
	book := benchBook()
	cols := columns()
	bare, ours := fastest(0), fastest(0)
	for b.Loop() {
		start := b.Elapsed()
		f := excelize.NewFile()
		sw, err := f.NewStreamWriter("Sheet1")
		if err != nil {
			b.Fatal(err)
		}
		values := make([]any, len(cols))
		for i, r := range book.Decide {
			for j, c := range cols {
				values[j] = nil
				if c.fact != nil {
					values[j] = c.fact(r)
				}
			}
			if err := sw.SetRow(ref(1, i+1), values); err != nil {
				b.Fatal(err)
			}
		}
		if err := sw.Flush(); err != nil {
			b.Fatal(err)
		}
		if err := f.Write(io.Discard); err != nil {
			b.Fatal(err)
		}
		f.Close()
		middle := b.Elapsed()
		if err := Write(io.Discard, book); err != nil {
			b.Fatal(err)
		}
		bare, ours = bare.of(middle-start), ours.of(b.Elapsed()-middle)
	}
	b.ReportMetric(float64(bare)/float64(ours), "of-bare")
	b.ReportMetric(benchRows/time.Duration(ours).Seconds(), "rows/s")
}

// BenchmarkRead compares Read, with its checks of the package and of every fact,
// with excelize's row iterator alone. At least 0.7 of the bare rate is promised.
func BenchmarkRead(b *testing.B) {
	book := benchBook()
	data := edited(b, written(b, book), func(f *excelize.File) { sign(b, f) })
	e := expect(book)
	bare, ours := fastest(0), fastest(0)
	for b.Loop() {
		start := b.Elapsed()
		f, err := excelize.OpenReader(bytes.NewReader(data), excelize.Options{RawCellValue: true})
		if err != nil {
			b.Fatal(err)
		}
		rows, err := f.Rows(sheetDecide)
		if err != nil {
			b.Fatal(err)
		}
		for rows.Next() {
			if _, err := rows.Columns(); err != nil {
				b.Fatal(err)
			}
		}
		rows.Close()
		f.Close()
		middle := b.Elapsed()
		got, faults, err := Read(data, e)
		if err != nil || len(faults) > 0 || got.Blank != benchRows {
			b.Fatal(err, faults, got.Blank)
		}
		bare, ours = bare.of(middle-start), ours.of(b.Elapsed()-middle)
	}
	b.ReportMetric(float64(bare)/float64(ours), "of-bare")
	b.ReportMetric(benchRows/time.Duration(ours).Seconds(), "rows/s")
}
