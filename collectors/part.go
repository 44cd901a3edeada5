package collectors

import (
	"context"
	"fmt"
	"slices"

	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// place is where a part is asked: the tenant it is about, and who answers for it.
type place struct {
	scope  string
	client Client
}

func (r *runner) msp() place { return place{r.Tenant, r.Client} }

func (r *runner) asks(c collector) bool { return r.asksKind(c.Kind()) }

func (r *runner) asksKind(kind snapshot.Kind) bool {
	return len(r.Kinds) == 0 || slices.Contains(r.Kinds, kind)
}

func (r *runner) asksCustomer(tenant string) bool {
	return len(r.Customers) == 0 || like(tenant, r.Customers...)
}

// together runs do for each index, as many at once as the client allows, and stops
// beginning new ones when the run has ended.
func (r *runner) together(ctx context.Context, n int, do func(ctx context.Context, i int)) {
	r.Client.Together(ctx, n, func(ctx context.Context, i int) {
		if ctx.Err() == nil {
			do(ctx, i)
		}
	})
}

// part collects one part, notes how much of it was seen, and tells what ended it.
func (r *runner) part(ctx context.Context, at place, c collector, object string) error {
	s := r.open(ctx, at, c, object)
	if s == nil {
		return nil
	}
	err := s.collect(ctx, c, snapshot.Part{Kind: c.Kind(), Scope: at.scope, Object: object})
	r.close(ctx, at, c, object, s, err)
	return err
}

// groupPart is part for a list of one group. Of a group that is gone, "not found"
// is the whole answer: there is nothing in it.
func (r *runner) groupPart(ctx context.Context, c collector, group string, gone bool) {
	s := r.open(ctx, r.msp(), c, group)
	if s == nil {
		return
	}
	if !gone {
		ctx = graph.Patient(ctx) // it was there a moment ago
	}
	err := s.collect(ctx, c, snapshot.Part{Kind: c.Kind(), Scope: r.Tenant, Object: group})
	if gone && s.seen.Pages == 0 && notFound(err) {
		s.refused(err)
		err = nil
	}
	r.close(ctx, r.msp(), c, group, s, err)
}

// open begins a part. It gives nil when there is nothing to do: the kind is left
// out, this run saw the part whole before it was interrupted, or the run has ended.
func (r *runner) open(ctx context.Context, at place, c collector, object string) *stage {
	if !r.asks(c) {
		r.notAsked(ctx, c, object, leftOutKind)
		return nil
	}
	stored := store.Part{Kind: string(c.Kind()), Scope: at.scope, Object: object}
	if r.resumed {
		state, err := r.taken.Seen(ctx, stored)
		if err != nil {
			r.stop(err)
			return nil
		}
		if state == store.Whole {
			r.progress(c)
			return nil
		}
	}
	rows := r.taken.Stage(stored)
	return &stage{Client: at.client, asked: r.Now().UTC(), rows: rows, known: r.Store}
}

// close notes how much of a part was seen. Trouble that is neither Graph's nor a
// row's is our own and ends the run; an interruption leaves the part to be asked again.
func (r *runner) close(ctx context.Context, at place, c collector, object string, s *stage, err error) {
	if ctx.Err() != nil {
		return
	}
	state, reason, ours := judge(err, SourceOf(c.Kind()), s.seen.Pages > 0)
	if ours {
		r.stop(fmt.Errorf("%s of %s: %w", c.Kind(), object, err))
		return
	}
	s.refused(err)
	if state == snapshot.Complete {
		reason = s.remark()
	}
	s.seen.State, s.seen.Reason, s.seen.Asked = string(state), reason, s.asked
	if err != nil {
		r.Log.Warn("not seen whole", "run", r.taken.ID, "kind", c.Kind(), "customer", at.scope, "object", object, "state", state, "error", err)
	}
	if err := s.rows.Finish(ctx, s.seen, s.requests); err != nil {
		r.stop(err)
		return
	}
	r.progress(c)
}

// notAsked notes that a part of the MSP's tenant was left out.
func (r *runner) notAsked(ctx context.Context, c collector, object, reason string) {
	r.mark(ctx, r.Tenant, c.Kind(), object, snapshot.NotAsked, reason)
}

// notConfigured notes of a kind that nothing was set up to ask for it.
func (r *runner) notConfigured(ctx context.Context, kind snapshot.Kind, reason string) {
	if !r.asksKind(kind) {
		r.mark(ctx, r.Tenant, kind, r.Tenant, snapshot.NotAsked, leftOutKind)
		return
	}
	r.mark(ctx, r.Tenant, kind, r.Tenant, snapshot.NotConfigured, reason)
}

// none notes for a kind without parts whether there truly is nothing to ask for, or
// nothing is known because the kinds before it were not seen.
func (r *runner) none(ctx context.Context, c collector, known int, of string) {
	if known > 0 || ctx.Err() != nil {
		return
	}
	unseen, err := r.unseen(ctx)
	switch {
	case err != nil:
		r.stop(err)
	case unseen != "":
		r.mark(ctx, r.Tenant, c.Kind(), r.Tenant, snapshot.Failed, "no "+of+" is known, because "+unseen+" were not seen whole")
	default:
		r.mark(ctx, r.Tenant, c.Kind(), r.Tenant, snapshot.Complete, "")
	}
}

func (r *runner) mark(ctx context.Context, scope string, kind snapshot.Kind, object string, state snapshot.State, reason string) {
	r.markWindow(ctx, scope, kind, object, window{}, state, reason)
}

// markWindow is mark for a window of a log.
func (r *runner) markWindow(ctx context.Context, scope string, kind snapshot.Kind, object string, w window, state snapshot.State, reason string) {
	seen := store.Seen{State: string(state), Reason: reason, Asked: r.Now().UTC(), Since: w.since, Until: w.until}
	if err := r.taken.Stage(store.Part{Kind: string(kind), Scope: scope, Object: object}).Finish(ctx, seen, nil); err != nil {
		r.stop(err)
	}
}
