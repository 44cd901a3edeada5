package store

import (
	"context"
	"fmt"
	"slices"
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
	pages    []*page
	repeated int
	spill    *spill // nil while all rows are in memory
}

// heldFields is how many fields of unfinished parts' rows a run holds in memory, of some
// 100 bytes each.
const heldFields = 800_000

// Stage opens a part for staging. If this run finished the part before, that counts
// until it is finished again.
func (r *Run) Stage(p Part) *Stage { return &Stage{run: r, part: p} }

// Put stages the items of a page, all or, on error, none. An item whose key was there
// already replaces the earlier one and is counted as repeated.
func (st *Stage) Put(ctx context.Context, items []Item) error {
	p := st.run.page()
	err := p.add(items)
	if err == nil {
		err = ctx.Err()
	}
	n := int64(len(p.held))
	switch {
	case err != nil:
	case st.run.waiting.Add(n) <= st.run.most:
		st.pages = append(st.pages, p)
		return nil
	default:
		st.run.waiting.Add(-n)
		if err = st.spillRows(ctx, append(slices.Clone(st.pages), p)); err == nil {
			st.drop()
		} else {
			err = fmt.Errorf("stage: %w", err)
		}
	}
	st.run.reuse(p)
	return err
}

func (st *Stage) spillRows(ctx context.Context, all []*page) error {
	rows, repeated := ordered(all...)
	to := st.spill
	err := st.run.write(ctx, func(ctx context.Context, tx transaction) (err error) {
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

// Restart drops what was staged so far, for a list that must be read again.
func (st *Stage) Restart(ctx context.Context) error {
	if st.spill != nil {
		if err := st.run.write(ctx, st.spill.drop); err != nil {
			return err
		}
	}
	st.forget()
	return nil
}

func (st *Stage) forget() {
	st.drop()
	st.repeated, st.spill = 0, nil
}

// drop lets go of the rows in memory.
func (st *Stage) drop() {
	for _, p := range st.pages {
		st.run.waiting.Add(-int64(len(p.held)))
		st.run.reuse(p)
	}
	st.pages = nil
}

// Finish notes how much of the part was seen, with the requests that say so, and
// merges the rows of a part that was seen whole. Of any other they are dropped: half
// a list is not evidence.
func (st *Stage) Finish(ctx context.Context, seen Seen, requests []Request) error {
	rows, repeated := ordered(st.pages...)
	err := st.run.write(ctx, func(ctx context.Context, tx transaction) error {
		found, err := st.run.begin(ctx, tx, st.part)
		if err != nil {
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
			if err := st.run.mergePart(ctx, tx, found, st.part, rows); err != nil {
				return err
			}
		}
		return st.run.note(ctx, tx, found.ID, seen, again, requests)
	})
	if err != nil {
		unintern(rows)
		return fmt.Errorf("finish: %w", err)
	}
	st.forget()
	return nil
}
