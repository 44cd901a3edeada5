package portal_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"countersign/collectors/portal"
)

// BenchmarkSignIns reads a download of 10,000 sign-ins of 56 columns, found out and
// handed on.
func BenchmarkSignIns(b *testing.B) {
	text := []byte(signInHeader + "\n" + strings.Repeat(signInLine+"\n", 10_000))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		folder, err := portal.Open(fstest.MapFS{"InteractiveSignIns.csv": {Data: text}}, portal.Options{})
		if err != nil || len(folder.Files) != 1 {
			b.Fatal(err, folder)
		}
		rows := 0
		if err := folder.Files[0].Each(func(portal.Row) error { rows++; return nil }); err != nil || rows != 10_000 {
			b.Fatal(rows, err)
		}
	}
}
