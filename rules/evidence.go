package rules

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// evidence is what all rules of one run are given, with the instants that date
// what was not read again.
type evidence struct {
	rule.Input
	tenant string
	kinds  []snapshot.Coverage
	last   map[rule.PartID]time.Time // of kinds not seen whole: when a part last was
}

func gather(ctx context.Context, st *store.Store, o Options) (evidence, error) {
	db := st.Read()
	access, err := snapshot.LoadAccess(ctx, db, o.Snapshot)
	if err != nil {
		return evidence{}, err
	}
	e := evidence{last: map[rule.PartID]time.Time{}}
	e.Input = rule.Input{DB: db, Access: access, Declared: o.Declared, At: o.At, Thresholds: o.Settings.Thresholds.WithDefaults()}
	if err := db.GetContext(ctx, &e.tenant, `SELECT tenant FROM sealed_snapshot WHERE id = ?`, o.Snapshot); err != nil {
		return evidence{}, err
	}
	if err := e.nameCustomers(ctx); err != nil {
		return evidence{}, err
	}
	e.Reach = rule.ReachOf(access, e.Customers)
	if err := e.loadCoverage(ctx); err != nil {
		return evidence{}, err
	}
	return e, e.loadLast(ctx)
}

// nameCustomers collects every tenant that the directory, a relationship or
// customers.csv speaks of.
func (e *evidence) nameCustomers(ctx context.Context) error {
	related, err := rule.Rows[string](ctx, e.Input, `
		SELECT DISTINCT customer FROM relationship WHERE snapshot = :snapshot AND customer <> '' ORDER BY customer`)
	if err != nil {
		return err
	}
	names := map[string]string{}
	for _, tenant := range related {
		names[tenant] = ""
	}
	for _, c := range e.Declared.Customers {
		names[strings.ToLower(c.Tenant)] = c.Name
	}
	for _, c := range e.Access.Customers {
		names[c.Tenant] = cmp.Or(c.Name, names[c.Tenant])
	}
	for tenant, name := range names {
		e.Customers = append(e.Customers, rule.Ref{ID: tenant, Name: cmp.Or(name, tenant)})
	}
	slices.SortFunc(e.Customers, func(a, b rule.Ref) int { return cmp.Compare(a.ID, b.ID) })
	return nil
}

const partQuery = `
	SELECT kind, object, state
	FROM   part_coverage
	WHERE  snapshot = :snapshot
	ORDER  BY kind, scope, object`

type partRow struct {
	Kind   snapshot.Kind
	Object string
	State  snapshot.State
}

// loadCoverage reads how much of each kind, and of each of its parts, was seen.
func (e *evidence) loadCoverage(ctx context.Context) error {
	var err error
	if e.kinds, err = snapshot.LoadCoverage(ctx, e.DB, e.Access.Snapshot); err != nil {
		return err
	}
	e.Coverage = rule.Coverage{}
	for _, k := range e.kinds {
		e.Coverage[k.Kind] = rule.KindCoverage{State: k.State, Reason: k.Reason}
	}
	rows, err := rule.Rows[partRow](ctx, e.Input, partQuery)
	e.Parts = make(map[rule.PartID]snapshot.State, len(rows))
	for _, r := range rows {
		e.Parts[rule.PartID{Kind: r.Kind, Object: r.Object}] = r.State
	}
	return err
}

const lastQuery = `
	SELECT p.kind, p.object, max(s.at) AS at
	FROM   part_coverage p
	JOIN   sealed_snapshot s ON s.id = p.snapshot
	WHERE  p.snapshot <= :snapshot AND p.state = 'complete' AND p.kind IN (%s)
	GROUP  BY p.kind, p.object
	ORDER  BY p.kind, p.object`

type lastRow struct {
	Kind   snapshot.Kind
	Object string
	At     store.Time
}

// loadLast finds when the parts of the kinds that were not seen whole last were.
func (e *evidence) loadLast(ctx context.Context) error {
	var kinds []string
	for _, kind := range snapshot.Kinds {
		if e.Coverage.Of(kind).State != snapshot.Complete {
			kinds = append(kinds, "'"+string(kind)+"'") // our own constants
		}
	}
	if len(kinds) == 0 {
		return nil
	}
	rows, err := rule.Rows[lastRow](ctx, e.Input, fmt.Sprintf(lastQuery, strings.Join(kinds, ", ")))
	for _, r := range rows {
		e.last[rule.PartID{Kind: r.Kind, Object: r.Object}] = r.At.Time()
	}
	return err
}

// lastSeen is the instant of the snapshot, or the earlier one at which the parts
// that a finding rests on were last seen whole: facts of a part that could not be
// read stay, and must not pass for fresh.
func (e *evidence) lastSeen(q rule.Rule, f rule.Finding) time.Time {
	seen := e.Access.At
	for _, kind := range q.Needs {
		if kind == snapshot.GroupActivations || kind == snapshot.SignIns {
			continue // what was once in a log stays true
		}
		for _, object := range append([]string{e.tenant, f.Group.ID, f.Relationship.ID}, f.Through...) {
			if at, ok := e.last[rule.PartID{Kind: kind, Object: object}]; ok && at.Before(seen) {
				seen = at
			}
		}
	}
	return seen
}
