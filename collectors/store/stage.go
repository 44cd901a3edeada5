package store

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"
)

// Item is what one received row says: its main fact and the details that belong
// to it.
type Item struct {
	Fact    Row
	Details []Row
}

// Stage collects the rows of one part. It is used by one goroutine. The rows wait in
// memory, and in the database where all that wait would be too many.
type Stage struct {
	run      *Run
	part     Part
	rows     []bound
	repeated int
	spill    *spill // nil while all rows are in memory
}

// heldRows is how many rows of unfinished parts a run holds in memory, of some 1 kB
// each.
const heldRows = 50_000

// Stage opens a part for staging. If this run finished the part before, that counts
// until it is finished again.
func (r *Run) Stage(_ context.Context, p Part) (*Stage, error) {
	return &Stage{run: r, part: p}, nil
}

// Put stages the items of a page, all or, on error, none. An item whose key was there
// already replaces the earlier one and is counted as repeated.
func (st *Stage) Put(ctx context.Context, items []Item) error {
	n := 0
	for _, item := range items {
		n += 1 + len(item.Details)
	}
	b := newBinder(st.run, n)
	for _, item := range items {
		if err := b.add(item.Fact, true); err != nil {
			return err
		}
		for _, d := range item.Details {
			if err := b.add(d, false); err != nil {
				return err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if st.run.waiting.Add(int64(len(b.rows))) <= st.run.most {
		st.rows = append(st.rows, b.rows...)
		return nil
	}
	st.run.waiting.Add(-int64(len(b.rows)))
	if err := st.spillRows(ctx, slices.Concat(st.rows, b.rows)); err != nil {
		return fmt.Errorf("stage: %w", err)
	}
	st.run.waiting.Add(-int64(len(st.rows)))
	st.rows = nil
	return nil
}

func (st *Stage) spillRows(ctx context.Context, all []bound) error {
	rows, repeated := ordered(all)
	to := st.spill
	err := st.run.tx(ctx, runMode, func(ctx context.Context, tx *sqlx.Tx) (err error) {
		if to == nil {
			if to, err = newSpill(ctx, tx, st.run, st.part); err != nil {
				return err
			}
		}
		more, err := to.add(ctx, tx, rows)
		repeated += more
		return err
	})
	if err != nil {
		unintern(rows)
		return err
	}
	st.spill, st.repeated = to, st.repeated+repeated
	return nil
}

// binder binds rows into memory that they share.
type binder struct {
	run  *Run
	rows []bound
	held []any
	keys []byte
}

func newBinder(r *Run, rows int) *binder {
	return &binder{run: r, rows: make([]bound, 0, rows), held: make([]any, 0, 10*rows), keys: make([]byte, 0, 120*rows)}
}

func (b *binder) add(row Row, fact bool) error {
	plan, err := b.run.plan(row)
	if err != nil {
		return err
	}
	from := len(b.held)
	b.held = slices.Grow(b.held, len(plan.fields))
	to := from + len(plan.fields)
	next, keys, err := plan.bind(row, fact, b.held[from:from:to], b.keys)
	if err != nil {
		return err
	}
	b.rows, b.held, b.keys = append(b.rows, next), b.held[:to], keys
	return nil
}

// Restart drops what was staged so far, for a list that must be read again.
func (st *Stage) Restart(ctx context.Context) error {
	if st.spill != nil {
		if err := st.run.tx(ctx, runMode, st.spill.drop); err != nil {
			return err
		}
	}
	st.forget()
	return nil
}

func (st *Stage) forget() {
	st.run.waiting.Add(-int64(len(st.rows)))
	st.rows, st.repeated, st.spill = nil, 0, nil
}

// ordered sorts rows by their keys, keeps the last one of each, and counts how many
// main facts came again.
func ordered(rows []bound) (kept []*bound, repeated int) {
	kept = make([]*bound, len(rows))
	for i := range rows {
		rows[i].order = i
		kept[i] = &rows[i]
	}
	slices.SortFunc(kept, func(a, b *bound) int { return cmp.Or(compareLines(a, b), cmp.Compare(a.order, b.order)) })
	n := 0
	for i, b := range kept {
		b.first = b.fact
		if i > 0 && bytes.Equal(kept[n-1].key, b.key) {
			n--
			b.first = kept[n].first
			if b.fact {
				repeated++
			}
		}
		kept[n] = b
		n++
	}
	return kept[:n], repeated
}

// Finish notes how much of the part was seen, with the requests that say so, and
// merges the rows of a part that was seen whole. Of any other they are dropped: half
// a list is not evidence.
func (st *Stage) Finish(ctx context.Context, seen Seen, requests []Request) error {
	rows, repeated := ordered(st.rows)
	err := st.run.tx(ctx, runMode, func(ctx context.Context, tx *sqlx.Tx) error {
		id, err := st.run.partID(ctx, tx, st.part)
		if err != nil {
			return err
		}
		if err := st.run.takeBackEarlier(ctx, tx, id, st.part.Kind); err != nil {
			return err
		}
		again := st.repeated + repeated
		switch {
		case st.spill != nil:
			more, err := st.spill.add(ctx, tx, rows)
			if err != nil {
				return err
			}
			again += more
			if seen.State == Whole {
				if err := st.spill.merge(ctx, tx); err != nil {
					return err
				}
			}
			if err := st.spill.drop(ctx, tx); err != nil {
				return err
			}
		case seen.State == Whole:
			if err := st.run.mergePart(ctx, tx, id, st.part, rows); err != nil {
				return err
			}
		}
		return st.run.note(ctx, tx, id, seen, again, requests)
	})
	if err != nil {
		unintern(rows)
		return fmt.Errorf("finish: %w", err)
	}
	st.forget()
	return nil
}
