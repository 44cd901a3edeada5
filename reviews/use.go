package reviews

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// logbook is what the logs show up to a snapshot, counted over a period.
type logbook struct {
	activations map[edge]count    // of a group by a principal
	signIns     map[edge]count    // group holds the customer's tenant
	given       map[edge][]string // accounts that granted the membership in the period
	signInsSeen bool              // the sign-in log covers the period
	groupsSeen  map[string]bool   // the activation log of a group does
}

type count struct {
	times int
	last  time.Time
}

func (c count) plus(at time.Time, inside bool) count {
	if inside {
		c.times++
	}
	if at.After(c.last) {
		c.last = at
	}
	return c
}

func loadLogbook(ctx context.Context, q sqlx.QueryerContext, w *world, period snapshot.Period) (*logbook, error) {
	l := &logbook{activations: map[edge]count{}, signIns: map[edge]count{}, given: map[edge][]string{}, groupsSeen: map[string]bool{}}
	for _, load := range []func(context.Context, sqlx.QueryerContext, *world, snapshot.Period) error{l.loadActivations, l.loadSignIns, l.loadWindows} {
		if err := load(ctx, q, w, period); err != nil {
			return nil, fmt.Errorf("logs of snapshot %d: %w", w.Snapshot, err)
		}
	}
	return l, nil
}

func (l *logbook) loadActivations(ctx context.Context, q sqlx.QueryerContext, w *world, period snapshot.Period) error {
	var rows []struct {
		Group          string `db:"group_id"`
		Principal      string
		Action, Status string
		Created        store.Time
		Starts         store.Time
		CreatedBy      string `db:"created_by"`
		ValidationOnly bool   `db:"validation_only"`
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT group_id, principal, action, status, created, starts, created_by, validation_only
		FROM   activation WHERE snapshot = ? ORDER BY group_id, principal, created, created_by`, w.Snapshot)
	for _, r := range rows {
		a := snapshot.Activation{Action: r.Action, Status: r.Status, ValidationOnly: r.ValidationOnly}
		e := edge{r.Group, r.Principal}
		switch {
		case a.IsUse():
			l.activations[e] = l.activations[e].plus(r.Starts.Time(), period.Contains(r.Starts.Time()))
		case grants(a) && period.Contains(r.Created.Time()):
			l.given[e] = append(l.given[e], r.CreatedBy)
		}
	}
	return err
}

// grants reports whether a request gave somebody a membership or eligibility by
// an administrator's hand.
func grants(a snapshot.Activation) bool {
	action := strings.ToLower(a.Action)
	switch strings.ToLower(a.Status) {
	case "denied", "failed", "canceled", "invalid":
		return false
	}
	return !a.ValidationOnly && strings.HasPrefix(action, "admin") && action != "adminremove"
}

func (l *logbook) loadSignIns(ctx context.Context, q sqlx.QueryerContext, w *world, period snapshot.Period) error {
	var rows []struct {
		Principal, Customer string
		Times               int
		Last                store.Time
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT principal, customer, count(*) FILTER (WHERE at >= ? AND at < ?) AS times, max(at) AS last
		FROM   sign_in WHERE snapshot = ? AND error_code = 0
		GROUP  BY principal, customer ORDER BY principal, customer`, store.Time(period.Since), store.Time(period.Until), w.Snapshot)
	for _, r := range rows {
		l.signIns[edge{r.Customer, r.Principal}] = count{r.Times, r.Last.Time()}
	}
	return err
}

// span is a stretch of a log that was read to its last page.
type span struct{ Since, Until, Asked store.Time }

// bounds are those of the window. A log that was read without one, as that of PIM
// requests, whose retention Microsoft does not state, is trusted as far back as a tenant
// with the licence that PIM needs keeps its other logs.
func (s span) bounds() (since, until time.Time) {
	since, until = s.Since.Time(), s.Until.Time()
	if s.Since.IsZero() {
		since = s.Asked.Time().Add(-snapshot.PremiumLogKept)
	}
	if s.Until.IsZero() {
		until = s.Asked.Time()
	}
	return since, until
}

func (l *logbook) loadWindows(ctx context.Context, q sqlx.QueryerContext, w *world, period snapshot.Period) error {
	var rows []struct {
		Kind   snapshot.Kind
		Object string
		span
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT kind, object, since, until, asked FROM part_coverage
		WHERE  snapshot <= ? AND kind IN ('signins', 'group-activations') AND state = 'complete'
		ORDER  BY kind, object, since`, w.Snapshot)
	if err != nil {
		return err
	}
	spans := map[string][]span{} // of activations by group, of sign-ins under ""
	for _, r := range rows {
		object := r.Object
		if r.Kind == snapshot.SignIns {
			object = ""
		}
		spans[object] = append(spans[object], r.span)
	}
	for object, s := range spans {
		if object == "" {
			l.signInsSeen = covers(s, period, w.At)
		} else {
			l.groupsSeen[object] = covers(s, period, w.At)
		}
	}
	return nil
}

// covers reports whether the spans leave no hole in the period up to the snapshot.
func covers(spans []span, period snapshot.Period, at time.Time) bool {
	end := period.Until
	if at.Before(end) {
		end = at
	}
	slices.SortFunc(spans, func(a, b span) int {
		x, _ := a.bounds()
		y, _ := b.bounds()
		return x.Compare(y)
	})
	reached := period.Since
	for _, s := range spans {
		since, until := s.bounds()
		if since.After(reached) {
			break
		}
		if until.After(reached) {
			reached = until
		}
	}
	return !reached.Before(end)
}

// of sums what principals did with a group, if one is named, and at customers.
func (l *logbook) of(principals []string, group string, tenants []string) Use {
	u := Use{Whole: l.signInsSeen && (group == "" || l.groupsSeen[group])}
	add := func(c count) int {
		if c.last.After(u.Last) {
			u.Last = c.last
		}
		return c.times
	}
	for _, p := range principals {
		if group != "" {
			u.Activations += add(l.activations[edge{group, p}])
		}
		for _, t := range tenants {
			u.SignIns += add(l.signIns[edge{t, p}])
		}
	}
	return u
}
