package collectors

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// derive computes who is in which group, and by which way, from the merged facts of
// a snapshot: the edges of every mapped and nested group, and their closure for the
// mapped ones, whatever way to a customer names them. Where the members of
// a group were not seen whole this time, the edges known before stand: old members
// beside new activations would contradict each other.
func derive(ctx context.Context, tx *sqlx.Tx, id int64) (map[store.Part][]store.Row, error) {
	f := facts{members: map[string][]snapshot.GroupMember{}, assignments: map[string][]snapshot.GroupAssignment{}, eligibilities: map[string][]snapshot.GroupEligibility{},
		principals: map[string][]snapshot.PIMPrincipal{}, activations: map[string][]snapshot.Activation{}, previous: map[string][]snapshot.Membership{},
		packages: map[string][]snapshot.AccessPackageAssignment{}, requestable: map[string][]snapshot.Membership{}, asked: map[string]time.Time{}}
	for _, load := range []func(context.Context, *sqlx.Tx, int64) error{f.loadMapped, f.loadOtherMapped, f.loadMembers, f.loadInstances, f.loadActivations, f.loadPackages, f.loadPrevious} {
		if err := load(ctx, tx, id); err != nil {
			return nil, err
		}
	}
	part := func(group string) store.Part {
		return store.Part{Kind: string(snapshot.Memberships), Scope: f.tenant, Object: group}
	}
	out := map[store.Part][]store.Row{}
	edges := f.walk()
	for _, e := range edges {
		out[part(e.Group)] = append(out[part(e.Group)], e)
	}
	for _, e := range snapshot.Close(f.mapped, edges) {
		out[part(e.MappedGroup)] = append(out[part(e.MappedGroup)], e)
	}
	return out, nil
}

// facts are what the edges follow from, by group.
type facts struct {
	tenant        string
	mapped        []string
	members       map[string][]snapshot.GroupMember
	assignments   map[string][]snapshot.GroupAssignment
	eligibilities map[string][]snapshot.GroupEligibility
	principals    map[string][]snapshot.PIMPrincipal
	activations   map[string][]snapshot.Activation
	packages      map[string][]snapshot.AccessPackageAssignment // of the packages that make members of the group
	requestable   map[string][]snapshot.Membership              // who may ask for such a package
	previous      map[string][]snapshot.Membership
	asked         map[string]time.Time // when the members were read, of groups seen whole this time
}

// walk gives the edges of the mapped groups and of those nested in them, be it that
// they are only eligible, each group once.
func (f *facts) walk() []snapshot.Membership {
	groups, seen := slices.Clone(f.mapped), map[string]bool{}
	for _, group := range groups {
		seen[group] = true
	}
	var all []snapshot.Membership
	for i := 0; i < len(groups); i++ {
		edges := f.edges(groups[i])
		all = append(all, edges...)
		for _, e := range edges {
			if e.Type == snapshot.TypeGroup && !seen[e.Principal] {
				seen[e.Principal] = true
				groups = append(groups, e.Principal)
			}
		}
	}
	return all
}

func (f *facts) edges(group string) []snapshot.Membership {
	asked, whole := f.asked[group]
	edges := snapshot.DirectMemberships(f.members[group], f.assignments[group], f.eligibilities[group], f.principals[group], f.activations[group], asked)
	edges = append(snapshot.Delivered(edges, f.packages[group], asked), f.requestable[group]...)
	if whole || len(f.previous[group]) == 0 {
		return edges
	}
	edges = slices.DeleteFunc(edges, func(m snapshot.Membership) bool { return m.State != snapshot.Eligible })
	return append(edges, f.previous[group]...)
}

func (f *facts) loadMapped(ctx context.Context, tx *sqlx.Tx, id int64) error {
	if err := tx.GetContext(ctx, &f.tenant, `SELECT i.value FROM snapshot s JOIN ident i ON i.id = s.tenant WHERE s.id = ?`, id); err != nil {
		return err
	}
	may := map[string]bool{}
	var relationships []struct{ ID, Status string }
	if err := tx.SelectContext(ctx, &relationships, `SELECT id, status FROM relationship WHERE snapshot = ?`, id); err != nil {
		return err
	}
	for _, r := range relationships {
		may[r.ID] = snapshot.MayGiveAccess(r.Status)
	}
	var assignments []struct{ Relationship, Group string }
	if err := tx.SelectContext(ctx, &assignments, `
		SELECT DISTINCT relationship, mapped_group AS "group" FROM access_assignment WHERE snapshot = ? AND mapped_group <> '' AND status <> 'deleted'`, id); err != nil {
		return err
	}
	mapped := map[string]bool{}
	for _, a := range assignments {
		if may[a.Relationship] {
			mapped[a.Group] = true
		}
	}
	f.mapped = slices.Sorted(maps.Keys(mapped))
	var read []struct {
		Object string
		Asked  store.Time
	}
	err := tx.SelectContext(ctx, &read, `SELECT object, asked FROM part_coverage WHERE snapshot = ? AND kind = ? AND state = 'complete'`, id, string(snapshot.Memberships))
	for _, p := range read {
		f.asked[p.Object] = p.Asked.Time()
	}
	return err
}

func (f *facts) loadMembers(ctx context.Context, tx *sqlx.Tx, id int64) error {
	var members []snapshot.GroupMember
	err := tx.SelectContext(ctx, &members, `SELECT group_id, principal, type, name, upn FROM group_member WHERE snapshot = ? ORDER BY group_id, principal`, id)
	for _, m := range members {
		f.members[m.Group] = append(f.members[m.Group], m)
	}
	return err
}

// span is the time of a row, as the store writes it.
type span struct{ Begins, Finishes store.Time }

func (f *facts) loadInstances(ctx context.Context, tx *sqlx.Tx, id int64) error {
	var assignments []struct {
		snapshot.GroupAssignment
		span
	}
	if err := tx.SelectContext(ctx, &assignments, `
		SELECT id, group_id, principal, access, member_type, assignment_type, starts AS begins, ends AS finishes
		FROM   group_assignment WHERE snapshot = ? ORDER BY group_id, id`, id); err != nil {
		return err
	}
	isGroup, err := f.loadGroups(ctx, tx, id)
	if err != nil {
		return err
	}
	stands := func(group, principal string) { // where the service did not tell that it is a group
		if isGroup[principal] {
			f.principals[group] = append(f.principals[group], snapshot.PIMPrincipal{Group: group, Principal: principal, Type: snapshot.TypeGroup})
		}
	}
	for _, a := range assignments {
		a.Starts, a.Ends = a.Begins.Time(), a.Finishes.Time()
		f.assignments[a.Group] = append(f.assignments[a.Group], a.GroupAssignment)
		stands(a.Group, a.Principal)
	}
	var principals []snapshot.PIMPrincipal
	if err := tx.SelectContext(ctx, &principals, `SELECT group_id, principal, type, name, upn FROM pim_principal WHERE snapshot = ? ORDER BY group_id, principal, type`, id); err != nil {
		return err
	}
	for _, p := range principals {
		f.principals[p.Group] = append(f.principals[p.Group], p)
	}
	var eligibilities []struct {
		snapshot.GroupEligibility
		span
	}
	err = tx.SelectContext(ctx, &eligibilities, `
		SELECT id, group_id, principal, access, member_type, starts AS begins, ends AS finishes
		FROM   group_eligibility WHERE snapshot = ? ORDER BY group_id, id`, id)
	for _, e := range eligibilities {
		e.Starts, e.Ends = e.Begins.Time(), e.Finishes.Time()
		f.eligibilities[e.Group] = append(f.eligibilities[e.Group], e.GroupEligibility)
		stands(e.Group, e.Principal)
	}
	return err
}

func (f *facts) loadGroups(ctx context.Context, tx *sqlx.Tx, id int64) (map[string]bool, error) {
	var ids []string
	err := tx.SelectContext(ctx, &ids, `SELECT id FROM directory_group WHERE snapshot = ?`, id)
	is := map[string]bool{}
	for _, id := range ids {
		is[id] = true
	}
	return is, err
}

// loadActivations reads those that may explain why somebody was in a members list:
// the ones that had not long ended when the first list was read.
func (f *facts) loadActivations(ctx context.Context, tx *sqlx.Tx, id int64) error {
	var earliest time.Time
	for _, asked := range f.asked {
		if earliest.IsZero() || asked.Before(earliest) {
			earliest = asked
		}
	}
	var activations []struct {
		snapshot.Activation
		span
	}
	err := tx.SelectContext(ctx, &activations, `
		SELECT id, group_id, principal, access, action, status, validation_only, starts AS begins, ends AS finishes
		FROM   activation WHERE snapshot = ? AND ends >= ? ORDER BY group_id, starts, id`, id, store.Time(earliest.Add(-time.Hour)))
	for _, a := range activations {
		a.Starts, a.Ends = a.Begins.Time(), a.Finishes.Time()
		f.activations[a.Group] = append(f.activations[a.Group], a.Activation)
	}
	return err
}

// loadPackages adds the groups that access packages lead into to the mapped ones,
// and reads who has such a package and who may ask for it: the latter is eligible,
// by the policy.
func (f *facts) loadPackages(ctx context.Context, tx *sqlx.Tx, id int64) error {
	var groups []string
	if err := tx.SelectContext(ctx, &groups, `SELECT DISTINCT group_id FROM access_package_group WHERE snapshot = ?`, id); err != nil {
		return err
	}
	f.mapped = append(f.mapped, groups...)
	slices.Sort(f.mapped)
	f.mapped = slices.Compact(f.mapped)
	var assignments []struct {
		snapshot.AccessPackageAssignment
		span
		Group string
	}
	err := tx.SelectContext(ctx, &assignments, `
		SELECT a.id, a.principal, a.state, a.starts AS begins, a.ends AS finishes, g.group_id AS "group"
		FROM   access_package_assignment a JOIN access_package_group g ON g.snapshot = a.snapshot AND g.package = a.package AND g.access = 'member'
		WHERE  a.snapshot = ? ORDER BY g.group_id, a.id`, id)
	for _, a := range assignments {
		a.Starts, a.Ends = a.Begins.Time(), a.Finishes.Time()
		f.packages[a.Group] = append(f.packages[a.Group], a.AccessPackageAssignment)
	}
	if err != nil {
		return err
	}
	var eligible []snapshot.Membership
	err = tx.SelectContext(ctx, &eligible, `
		SELECT g.group_id, t.principal, t.type, t.policy AS instance, 'eligible' AS state
		FROM   access_package_target t JOIN access_package_policy p ON p.snapshot = t.snapshot AND p.id = t.policy AND p.self_request = 1
		JOIN   access_package_group g ON g.snapshot = t.snapshot AND g.package = p.package AND g.access = 'member'
		WHERE  t.snapshot = ? ORDER BY g.group_id, t.principal, t.policy`, id)
	for _, e := range eligible {
		f.requestable[e.Group] = append(f.requestable[e.Group], e)
	}
	return err
}

func (f *facts) loadPrevious(ctx context.Context, tx *sqlx.Tx, id int64) error {
	var edges []struct {
		snapshot.Membership
		span
	}
	err := tx.SelectContext(ctx, &edges, `
		SELECT group_id, principal, state, instance, type, starts AS begins, ends AS finishes
		FROM   membership WHERE snapshot = ? AND state <> 'eligible' ORDER BY group_id, principal, state, instance`, id)
	for _, e := range edges {
		e.Starts, e.Ends = e.Begins.Time(), e.Finishes.Time()
		f.previous[e.Group] = append(f.previous[e.Group], e.Membership)
	}
	return err
}
