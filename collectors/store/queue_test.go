package store_test

import (
	"context"
	"errors"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/jmoiron/sqlx"
)

// TestWhatWaitsIsWrittenTogether: what comes while a transaction is under way shares the
// next one, and its fate.
func TestWhatWaitsIsWrittenTogether(t *testing.T) {
	full := errors.New("disk full")
	for _, fault := range []error{nil, full} {
		st := open(t, filepath.Join(t.TempDir(), "a.db"))
		run, _, err := st.Begin(t.Context(), noon, "msp", "all", 0)
		if err != nil {
			t.Fatal(err)
		}
		const others = 5
		var all sync.WaitGroup
		used := map[sqlx.ExecerContext]int{}
		write := func(value string, fault error, then func()) error {
			return run.Write(t.Context(), func(ctx context.Context, tx sqlx.ExecerContext) error {
				used[tx]++
				if _, err := tx.ExecContext(ctx, `INSERT INTO ident (value) VALUES (?)`, value); err != nil {
					return err
				}
				then()
				return fault
			})
		}
		err = write("first", nil, func() {
			for n := range others {
				all.Go(func() {
					var why error
					if n == 2 {
						why = fault
					}
					if err := write(string(rune('a'+n)), why, func() {}); !errors.Is(err, fault) {
						t.Errorf("%d ended with %v, not %v", n, err, fault)
					}
				})
			}
			for run.Waiting() < others {
				runtime.Gosched()
			}
		})
		all.Wait()
		if err != nil || len(used) != 2 {
			t.Errorf("%d transactions, the first ended with %v", len(used), err)
		}
		var got, want int
		if err := st.Read().Get(&got, `SELECT count(*) FROM ident WHERE value IN ('first', 'a', 'b', 'c', 'd', 'e')`); err != nil {
			t.Fatal(err)
		}
		if want = 1 + others; fault != nil {
			want = 1
		}
		if got != want {
			t.Errorf("with the fault %v, %d of %d are written", fault, got, want)
		}
	}
}
