package collectors

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

const (
	oneDay  = 24 * time.Hour
	oneWeek = 7 * oneDay
)

// window is a stretch of a log, clipped to what can be asked: [since, until). It
// lies in a slot of fixed width, so that every run cuts the log alike.
type window struct{ since, until, slot time.Time }

// object names the slot of the window in its part.
func (w window) object() string { return w.slot.Format(time.DateOnly) }

// closed says when nothing more is expected of the slot.
func (w window) closed(width time.Duration) time.Time { return w.slot.Add(width + snapshot.LateEvents) }

// windows lists those of which the log is still kept at the instant, the oldest first.
func windows(at time.Time, kept, width time.Duration) []window {
	var all []window
	for since := at.Add(-kept); since.Before(at); {
		slot := since.Truncate(width)
		until := slot.Add(width)
		if until.After(at) {
			until = at
		}
		all = append(all, window{since, until, slot})
		since = until
	}
	return all
}

// openWindows are those to read: all that Microsoft still keeps but those that were
// read whole, from their beginning to their end, after the last late event. What was
// passed over of a customer's log, before all accounts were known that the MSP answers
// for, is read again.
func (r *runner) openWindows(ctx context.Context, kind snapshot.Kind, scope, prefix string, kept, width time.Duration) ([]window, error) {
	all := windows(r.At, kept, width)
	since := int64(0)
	if kind == snapshot.CustomerAudits {
		var err error
		if _, since, err = r.answered(ctx, scope); err != nil {
			return nil, err
		}
	}
	var read []struct {
		Object              string
		Asked, Since, Until store.Time
	}
	err := r.Store.Read().SelectContext(ctx, &read, `
		SELECT i.value AS object, max(s.asked) AS asked, s.since, s.until
		FROM   part p JOIN ident i ON i.id = p.object JOIN part_seen s ON s.part = p.id AND s.state = 'complete' AND s.snapshot <> ?
		WHERE  p.kind = ? AND p.scope = (SELECT id FROM ident WHERE value = ?) AND s.until IS NOT NULL AND s.until >= ? AND s.snapshot >= ?
		GROUP  BY i.value, s.since, s.until`, r.taken.ID, string(kind), scope, store.Time(all[0].since), since)
	for _, x := range read {
		all = slices.DeleteFunc(all, func(w window) bool {
			return prefix+w.object() == x.Object && !x.Since.Time().After(w.since) && w.until.Equal(x.Until.Time()) && !x.Asked.Time().Before(w.closed(width))
		})
	}
	return all, err
}

// log asks for the open windows of a log, each a part of its own.
func (r *runner) log(ctx context.Context, at place, kind snapshot.Kind, kept, width time.Duration, of func(window) collector) error {
	return r.logOf(ctx, at, kind, "", kept, width, of)
}

// logOf is log for one of several logs of the same kind in the same tenant: its
// parts are named by what they are of and the window.
func (r *runner) logOf(ctx context.Context, at place, kind snapshot.Kind, name string, kept, width time.Duration, of func(window) collector) error {
	if !r.asksKind(kind) {
		r.mark(ctx, at.scope, kind, at.scope, snapshot.NotAsked, leftOutKind)
		return nil
	}
	prefix := ""
	if name != "" {
		prefix = name + " "
	}
	open, err := r.openWindows(ctx, kind, at.scope, prefix, kept, width)
	if err != nil {
		return err
	}
	parts := make([]collector, len(open))
	for i, w := range open {
		parts[i] = of(w)
	}
	r.expect(len(parts))
	var shut atomic.Pointer[error] // what refuses the log, whatever the window
	ask := func(ctx context.Context, i int) {
		object := prefix + open[i].object()
		switch met := shut.Load(); {
		case ctx.Err() != nil:
		case met != nil:
			state, reason, _ := judge(*met, SourceOf(kind), false)
			r.markWindow(ctx, at.scope, kind, object, open[i], state, reason)
			r.progress(parts[i])
		default:
			if err := r.part(ctx, at, parts[i], object); refusesAll(err) {
				shut.CompareAndSwap(nil, &err)
			}
		}
	}
	for i := range min(1, len(parts)) { // alone: a log that is refused is asked once
		ask(ctx, i)
	}
	at.client.Together(ctx, max(0, len(parts)-1), func(ctx context.Context, i int) { ask(ctx, i+1) })
	return nil
}

// directoryLog asks for a log of a tenant's directory. What may be empty because
// Microsoft never kept it, or is not known to keep it, is not asked, and the coverage
// says so.
func (r *runner) directoryLog(ctx context.Context, at place, kind snapshot.Kind, width time.Duration, of func(window) collector) error {
	kept, err := snapshot.LoadLogKept(ctx, r.Store.Read(), kind, at.scope, r.taken.ID, r.At)
	if err != nil {
		return err
	}
	why := ""
	switch {
	case kept.Bought:
		why = "Microsoft did not keep this part of the log: the tenant bought Microsoft Entra ID P1 or P2 less than a month ago, and then sees a week back"
	case !kept.Known:
		why = "it is not known whether Microsoft still keeps this part of the log, because what the tenant has bought was not seen"
	}
	if why != "" && r.asksKind(kind) {
		older, err := r.openWindows(ctx, kind, at.scope, "", snapshot.PremiumLogKept, width)
		if err != nil {
			return err
		}
		for _, w := range older {
			if !w.until.After(kept.Since) {
				r.mark(ctx, at.scope, kind, w.object(), snapshot.Partial, why)
			}
		}
	}
	return r.log(ctx, at, kind, r.At.Sub(kept.Since), width, of)
}
