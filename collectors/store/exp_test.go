package store_test
import ("testing";"path/filepath";"fmt";"syscall";"runtime";"countersign/collectors/store")
func cpu() float64 { var r syscall.Rusage; syscall.Getrusage(0,&r); return float64(r.Utime.Nano()+r.Stime.Nano())/1e9 }
func BenchmarkExp(b *testing.B) {
	n := *benchRows
		dir := b.TempDir()
		st := open(b, filepath.Join(dir, "a.db"))
	for day := range 5 {
		run, _, _ := st.Begin(b.Context(), noon.AddDate(0,0,day), "msp", "all", 0)
		var c float64
		w := eachParts(b, n, day, func(from int, parts [][]store.Item) {
			runtime.GC()
			c0 := cpu()
			for i, items := range parts {
				if err := ingestPart(b.Context(), run, uuid(1, from+i), items); err != nil { b.Fatal(err) }
			}
			c += cpu()-c0
		})
		run.Seal(b.Context(), noDerive)
		fmt.Printf("ours wall %.2f cpu %.2f\n", w.Seconds()*1e6/float64(n), c*1e6/float64(n))
	}
		st.Close()
}
