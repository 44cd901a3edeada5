package collectors

import (
	"cmp"
	"context"
	"countersign/collectors/portal"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"maps"
	"slices"
	"strings"
	"time"
)

// filling is one kind while files fill it.
type filling struct {
	kind  snapshot.Kind
	keep  func(store.Item) bool
	parts map[string]*filled // by object
	rest  store.Seen         // of the kind as a whole, beside its parts
	gaps  []string           // what its files do not tell
}

// filled is a part that files fill.
type filled struct {
	*store.Stage
	seen  store.Seen
	items []store.Item
	from  map[*portal.File]int // rows
}

// kind takes all that the files say of a kind. What they cannot say, and what was
// refused, makes the kind partial, but not the parts that were read whole.
func (e *exports) kind(ctx context.Context, kind snapshot.Kind, where string) (err error) {
	k := &filling{kind: kind, parts: map[string]*filled{}, rest: store.Seen{State: string(snapshot.Partial), Asked: e.run.Now().UTC()}}
	for _, f := range e.refused {
		if slices.Contains(f.Kinds, kind) {
			k.gaps = append(k.gaps, f.Place()+" cannot be read") // the reason is sealed and logged: no names
		}
	}
	files := e.files[kind]
	switch {
	case len(files) == 0 && len(k.gaps) > 0:
		e.run.mark(ctx, e.run.Tenant, kind, e.run.Tenant, snapshot.Failed, strings.Join(k.gaps, "; "))
		return nil
	case len(files) == 0:
		e.run.mark(ctx, e.run.Tenant, kind, e.run.Tenant, snapshot.NotConfigured, "no file of it is in the folder; export it from "+where)
		return nil
	}
	if k.keep, err = e.keeps(ctx, kind); err != nil {
		return err
	}
	for i, f := range files {
		if err := e.fill(ctx, k, f); err != nil {
			return err
		}
		e.run.Progress(Progress{Kind: kind, Done: i + 1, Total: len(files)})
	}
	objects := slices.Sorted(maps.Keys(k.parts))
	for _, object := range objects {
		if err := k.parts[object].flush(ctx); err != nil {
			return err
		}
	}
	if err := e.missing(ctx, k); err != nil {
		return err
	}
	for _, object := range objects {
		if err := k.parts[object].finish(ctx); err != nil {
			return err
		}
	}
	return e.leave(ctx, k, files)
}

// fill takes what a file says of the kind.
func (e *exports) fill(ctx context.Context, k *filling, f *portal.File) error {
	if !k.kind.IsLog() && (f.Object != "" || k.kind != snapshot.AccessAssignments && k.kind != snapshot.Groups) { // an empty list is a list
		if _, err := e.part(ctx, k, cmp.Or(f.Object, e.run.Tenant), f, 0); err != nil {
			return err
		}
	}
	if k.kind == f.Kinds[0] && len(f.Lacks) > 0 {
		k.gaps = append(k.gaps, f.Name+" does not tell "+strings.Join(f.Lacks, ", nor "))
	}
	return f.Each(func(row portal.Row) error {
		if row.Kind != k.kind {
			return nil
		}
		item, err := decodeExported(e.run.Tenant, row)
		if err != nil {
			return err
		}
		object := cmp.Or(row.Object, e.run.Tenant)
		if at := happened(item.Fact); !at.IsZero() {
			object = window{slot: at.Truncate(oneDay)}.object()
			k.rest.Since, k.rest.Until = earliest(k.rest.Since, at), latest(k.rest.Until, at.Add(time.Second))
		} else if k.kind.IsLog() { // outside what is asked, and of no day
			k.rest.Rows, k.rest.PassedOver = k.rest.Rows+1, k.rest.PassedOver+1
			return nil
		}
		if group, ok := item.Fact.(snapshot.Group); ok {
			if !k.keep(item) {
				k.rest.Rows, k.rest.PassedOver = k.rest.Rows+1, k.rest.PassedOver+1
				return nil
			}
			object = group.ID
		}
		p, err := e.part(ctx, k, object, f, 1)
		if err != nil {
			return err
		}
		return p.put(ctx, item, k.keep)
	})
}

// leave notes what of the kind was not seen, in a part of its own, with the files
// that fed no other.
func (e *exports) leave(ctx context.Context, k *filling, files []*portal.File) error {
	if len(k.gaps) == 0 && len(k.parts) > 0 {
		return nil
	}
	if len(k.gaps) == 0 {
		k.rest.State = store.Whole
	}
	object := e.run.Tenant
	if k.parts[object] != nil { // the list itself
		object = snapshot.Exports
	}
	st := e.run.taken.Stage(store.Part{Kind: string(k.kind), Scope: e.run.Tenant, Object: object})
	fed := map[*portal.File]bool{}
	for _, p := range k.parts {
		for f := range p.from {
			fed[f] = true
		}
	}
	var unused []store.Request
	for _, f := range files {
		if !fed[f] {
			unused = append(unused, store.Request{Path: f.Name, Asked: k.rest.Asked, Rows: f.Rows, SHA256: f.SHA256})
		}
	}
	k.rest.Reason = strings.Join(k.gaps, "; ")
	return st.Finish(ctx, k.rest, unused)
}

// part opens a part of the kind, once, and notes how many rows a file has for it.
func (e *exports) part(ctx context.Context, k *filling, object string, f *portal.File, rows int) (*filled, error) {
	p := k.parts[object]
	if p == nil {
		st := e.run.taken.Stage(store.Part{Kind: string(k.kind), Scope: e.run.Tenant, Object: object})
		p = &filled{Stage: st, seen: store.Seen{State: store.Whole, Asked: e.run.Now().UTC()}, from: map[*portal.File]int{}}
		k.parts[object] = p
	}
	if _, ok := p.from[f]; !ok {
		p.seen.Pages++
	}
	p.from[f] += rows
	p.seen.Rows += rows
	return p, nil
}

// pageful is how many items are staged together, as a page of the API's.
const pageful = 500

func (p *filled) put(ctx context.Context, item store.Item, keep func(store.Item) bool) error {
	if item.Fact == nil || !keep(item) {
		p.seen.PassedOver++
		return nil
	}
	if p.items = append(p.items, item); len(p.items) < pageful {
		return nil
	}
	return p.flush(ctx)
}

func (p *filled) flush(ctx context.Context) error {
	if len(p.items) == 0 {
		return nil
	}
	err := p.Put(ctx, p.items)
	p.items = p.items[:0]
	return err
}

// finish notes the part with the files that fed it. Of a day of a log no window is
// claimed: the API reads the day again where both are used.
func (p *filled) finish(ctx context.Context) error {
	var requests []store.Request
	for f, rows := range p.from {
		requests = append(requests, store.Request{Path: f.Name, Asked: p.seen.Asked, Rows: rows, SHA256: f.SHA256})
	}
	slices.SortFunc(requests, func(a, b store.Request) int { return strings.Compare(a.Path, b.Path) })
	return p.Finish(ctx, p.seen, requests)
}
