package snapshot

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// How long Microsoft keeps its logs, by what the tenant that is read has bought.
// https://learn.microsoft.com/entra/identity/monitoring-health/reference-reports-data-retention
const (
	PremiumLogKept = 30 * 24 * time.Hour // Microsoft Entra ID P1 or P2
	FreeLogKept    = 7 * 24 * time.Hour

	// Azure's activity log and Partner Center's keep 90 days and refuse to be asked
	// for more: a day less, because a run takes hours.
	// https://learn.microsoft.com/azure/azure-monitor/platform/activity-log
	// https://learn.microsoft.com/partner-center/developer/get-a-record-of-partner-center-activity-by-user
	AzureLogKept   = 89 * 24 * time.Hour
	PartnerLogKept = 89 * 24 * time.Hour

	// LateEvents is how long after its end a window is read again: events arrive hours late.
	LateEvents = 48 * time.Hour
)

// The service plans of Microsoft Entra ID P1 and P2.
// https://learn.microsoft.com/entra/identity/users/licensing-service-plan-reference
const (
	PlanP1 = "41781fb2-bc02-4b7c-bd55-b576c07bb09d"
	PlanP2 = "eec0eb4f-6444-4f95-aba0-50c24d67f998"
)

// Hole is a stretch [Since, Until) of a log that no snapshot has read whole. Closable:
// at the snapshot's instant Microsoft still kept it, so that the next run can read it;
// any other is lost. Late: it was read, but not again after its last late event, and
// Microsoft no longer keeps it.
type Hole struct {
	Kind         Kind
	Scope        string
	Log          string // which of several in the scope: the Azure subscription; else empty
	Since, Until time.Time
	Closable     bool
	Late         bool
}

// logName is one log: of a kind, in a scope, and which of several there.
type logName struct {
	kind       Kind
	scope, log string
}

// window is a stretch of a log that was asked for, and whether it was read whole.
type window struct {
	since, until, asked time.Time
	whole               bool
}

// LoadHoles finds the holes of every log up to a sealed snapshot, by kind, scope, log
// and time: what lies between the first window that was asked for and the snapshot's
// instant, and in no window that was read whole. A log of which nothing was ever read
// whole has no holes: its coverage says that it is not seen.
func LoadHoles(ctx context.Context, q Querier, snapshot int64) ([]Hole, error) {
	var at time.Time
	logs := map[logName][]window{}
	fault := each(ctx, q, `SELECT at FROM sealed_snapshot WHERE id = ?`, snapshot, func(r *sql.Rows) error { return r.Scan((*instant)(&at)) })
	if fault == nil && at.IsZero() {
		return nil, fmt.Errorf("load holes of the logs: there is no sealed snapshot %d", snapshot)
	}
	fault = cmp.Or(fault,
		each(ctx, q, `SELECT kind, scope, object, state, since, until, asked FROM part_coverage WHERE snapshot <= ? AND since IS NOT NULL AND until IS NOT NULL`, snapshot, func(r *sql.Rows) error {
			var l logName
			var w window
			var object string
			var state State
			if err := r.Scan(&l.kind, &l.scope, &object, &state, (*instant)(&w.since), (*instant)(&w.until), (*instant)(&w.asked)); err != nil {
				return err
			}
			if i := strings.LastIndexByte(object, ' '); i > 0 { // else the date alone
				l.log = object[:i]
			}
			w.whole = state == Complete
			if l.kind.IsLog() {
				logs[l] = append(logs[l], w)
			}
			return nil
		}))
	if fault != nil {
		return nil, fmt.Errorf("load holes of the logs up to snapshot %d: %w", snapshot, fault)
	}
	var out []Hole
	for l, windows := range logs {
		missing := holes(windows, at)
		late := holes(settled(windows, missing), at)
		if len(missing) == 0 && (len(late) == 0 || late[0].since.After(at.Add(-FreeLogKept))) {
			continue // no tenant's log is kept for less
		}
		kept, err := l.keptSince(ctx, q, snapshot, at)
		if err != nil {
			return nil, fmt.Errorf("load holes of the logs up to snapshot %d: %w", snapshot, err)
		}
		hole := func(since, until time.Time) Hole {
			return Hole{Kind: l.kind, Scope: l.scope, Log: l.log, Since: since, Until: until}
		}
		for _, h := range missing {
			if h.since.Before(kept) {
				out = append(out, hole(h.since, earlier(h.until, kept)))
			}
			if h.until.After(kept) {
				open := hole(later(h.since, kept), h.until)
				open.Closable = true
				out = append(out, open)
			}
		}
		for _, h := range late {
			if h.since.Before(kept) {
				lost := hole(h.since, earlier(h.until, kept))
				lost.Late = true
				out = append(out, lost)
			}
		}
	}
	slices.SortFunc(out, func(a, b Hole) int {
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Scope, b.Scope), cmp.Compare(a.Log, b.Log), a.Since.Compare(b.Since))
	})
	return out, nil
}

// keptSince is the instant from which on Microsoft keeps a log.
func (l logName) keptSince(ctx context.Context, q Querier, snapshot int64, at time.Time) (time.Time, error) {
	switch l.kind {
	case AzureActivity:
		return at.Add(-AzureLogKept), nil
	case PartnerAudits:
		return at.Add(-PartnerLogKept), nil
	}
	kept, err := LoadLogKept(ctx, q, l.kind, l.scope, snapshot, at)
	return kept.Since, err
}

// LogKept says since when Microsoft keeps a log of a tenant's directory. Known: what the
// tenant has bought was seen. Bought: it had no premium plan before, so that the log
// reaches back to a week before the snapshot that first saw one, not for a month.
// https://learn.microsoft.com/entra/identity/monitoring-health/reports-faq
type LogKept struct {
	Since         time.Time
	Known, Bought bool
}

// LoadLogKept reads what snapshots up to this one, sealed or open, know of the licences
// of a tenant: from the tables, as the views show none that is open. Sign-ins are shown
// to premium tenants alone.
func LoadLogKept(ctx context.Context, q Querier, kind Kind, tenant string, snapshot int64, at time.Time) (LogKept, error) {
	premium := at.Add(-PremiumLogKept)
	kept, licences := LogKept{Since: at.Add(-FreeLogKept)}, Licences
	if kind == SignIns || kind == CustomerSignIns {
		kept.Since = premium
	}
	if kind.OfCustomer() {
		licences = CustomerLicences
	}
	rows, err := q.QueryContext(ctx, `
		SELECT b.at, EXISTS (SELECT 1 FROM fact_service_plan f JOIN ident i ON i.id = f.plan
		                     WHERE f.part = p.id AND f.seen_from <= b.id AND (f.seen_until IS NULL OR f.seen_until > b.id)
		                     AND   f.status = 'Success' AND i.value IN (?, ?))
		FROM   part p, snapshot b
		WHERE  p.kind = ? AND p.scope = (SELECT id FROM ident WHERE value = ?) AND p.object = p.scope AND b.id <= ?
		AND    EXISTS (SELECT 1 FROM part_seen s WHERE s.snapshot = b.id AND s.part = p.id AND s.state = 'complete')
		ORDER  BY b.id DESC`, PlanP1, PlanP2, string(licences), tenant, snapshot)
	if err != nil {
		return kept, err
	}
	defer rows.Close()
	var week time.Time // before the first snapshot that saw a premium plan
	for rows.Next() {
		var seen time.Time
		var has bool
		if err := rows.Scan((*instant)(&seen), &has); err != nil {
			return kept, err
		}
		if !has {
			if kept.Known {
				kept.Since, kept.Bought = week, true
			}
			kept.Known = true
			break
		}
		kept.Known, kept.Since, week = true, premium, seen.Add(-FreeLogKept)
		if !week.After(premium) {
			break
		}
	}
	return kept, rows.Err()
}

// holes are the stretches from the first window to the instant that no whole window
// covers; adjacent ones are one.
func holes(windows []window, at time.Time) []window {
	if !slices.ContainsFunc(windows, func(w window) bool { return w.whole }) {
		return nil
	}
	slices.SortFunc(windows, func(a, b window) int { return a.since.Compare(b.since) })
	var out []window
	seen := windows[0].since // all before it is read, or a hole noted
	for _, w := range windows {
		if !w.whole || !w.until.After(seen) {
			continue
		}
		if w.since.After(seen) {
			out = append(out, window{since: seen, until: w.since})
		}
		seen = w.until
	}
	if seen.Before(at) {
		out = append(out, window{since: seen, until: at})
	}
	return out
}

// settled are the windows as far as their last late event had come when they were read,
// and what is missing anyway.
func settled(windows, missing []window) []window {
	all := slices.Concat(windows, missing)
	for i := range all {
		w := &all[i]
		if i >= len(windows) {
			w.whole = true
			continue
		}
		w.until = earlier(w.until, w.asked.Add(-LateEvents))
		w.whole = w.whole && w.until.After(w.since)
	}
	return all
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
