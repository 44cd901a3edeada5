package store

import (
	"bytes"
	"cmp"
	"slices"
)

// page holds rows that wait to be merged, in memory that they share and that the pages
// of a run use again.
type page struct {
	run  *Run
	rows []bound
	held []any
	keys []byte
}

// page is an empty one.
func (r *Run) page() *page {
	if p, ok := r.spare.Get().(*page); ok {
		return p
	}
	return &page{run: r}
}

// reuse takes back a page of which no row is used any more.
func (r *Run) reuse(p *page) {
	clear(p.rows)
	clear(p.held)
	p.rows, p.held, p.keys = p.rows[:0], p.held[:0], p.keys[:0]
	r.spare.Put(p)
}

// add binds the rows of items.
func (p *page) add(items []Item) error {
	if len(items) == 0 {
		return nil
	}
	plan, err := p.run.plan(items[0].Fact) // the others are of its type, details narrower
	if err != nil {
		return err
	}
	n := 0
	for _, item := range items {
		n += 1 + len(item.Details)
	}
	p.rows = slices.Grow(p.rows, n)
	p.held = slices.Grow(p.held, len(plan.fields)*n)
	p.keys = slices.Grow(p.keys, 200*n)
	for _, item := range items {
		if err := p.bind(item.Fact, true); err != nil {
			return err
		}
		for _, d := range item.Details {
			if err := p.bind(d, false); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *page) bind(row Row, fact bool) error {
	plan, err := p.run.plan(row)
	if err != nil {
		return err
	}
	from := len(p.held)
	p.held = slices.Grow(p.held, len(plan.fields))
	to := from + len(plan.fields)
	next, keys, err := plan.bind(row, fact, p.held[from:from:to], p.keys)
	if err != nil {
		return err
	}
	p.rows, p.held, p.keys = append(p.rows, next), p.held[:to], keys
	return nil
}

// ordered sorts rows by their keys, keeps the last one of each, and counts how many
// main facts came again. Of a fact that came again with other details the details of
// both stand: a role too many is looked at, one too few is not.
func ordered(pages ...*page) (kept []*bound, repeated int) {
	for _, p := range pages {
		for i := range p.rows {
			p.rows[i].order = len(kept)
			kept = append(kept, &p.rows[i])
		}
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
