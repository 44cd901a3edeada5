package reviews

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// world is one sealed snapshot with what items, plans and verifications need of
// it beside the access itself.
type world struct {
	*snapshot.Access
	relationships map[string]relationship
	users         map[string]user
	parts         []part
	parted        map[partKey]bool             // whether it was seen whole
	tenants       []string                     // that some relationship giving access is with, sorted
	names         map[string]string            // of tenants
	holds         map[edge][]Hold              // every direct membership, those of groups that open nothing any more too
	types         map[edge]string              // of the principal
	direct        map[string][]string          // group -> principals directly in it that are no groups
	below         map[string][]string          // group -> groups nested directly in it
	above         map[string][]string          // group in reach -> mapped groups at or above it, sorted
	grants        map[string][]*snapshot.Grant // by mapped group, by customer and id
	grant         map[string]*snapshot.Grant   // by id
}

// edge is a principal directly in a group.
type edge struct{ group, principal string }

type relationship struct {
	ID, Name, Customer, Status string
	AutoExtend                 string `db:"auto_extend"`
	Ends                       store.Time
	FirstSeen                  store.Time `db:"first_seen"`
	roles                      []string
}

// renews reports whether the relationship extends itself.
func (r relationship) renews() bool {
	return !slices.Contains([]string{"", "pt0s", "p0d"}, strings.ToLower(r.AutoExtend))
}

// opens reports whether the relationship gives access to somebody's tenant.
func (r relationship) opens() bool { return snapshot.GivesAccess(r.Status) && r.Customer != "" }

func (r relationship) ref() rule.Ref { return rule.Ref{ID: r.ID, Name: cmp.Or(r.Name, r.ID)} }

type user struct {
	ID, Type, Manager string
	Enabled           *bool
}

type part struct {
	Kind                         snapshot.Kind
	Scope, Object, State, Reason string
}

// partKey names what was asked; without an object, all parts of the kind.
type partKey struct {
	kind   snapshot.Kind
	object string
}

func loadWorld(ctx context.Context, q sqlx.QueryerContext, id int64) (*world, error) {
	access, err := snapshot.LoadAccess(ctx, q, id)
	if err != nil {
		return nil, err
	}
	w := &world{Access: access, parted: map[partKey]bool{}, relationships: map[string]relationship{}, users: map[string]user{}, names: map[string]string{},
		holds: map[edge][]Hold{}, types: map[edge]string{}, direct: map[string][]string{}, below: map[string][]string{}, above: map[string][]string{}, grants: map[string][]*snapshot.Grant{}, grant: map[string]*snapshot.Grant{}}
	if err := w.loadRelationships(ctx, q); err != nil {
		return nil, fmt.Errorf("relationships of snapshot %d: %w", id, err)
	}
	var users []user
	if err := sqlx.SelectContext(ctx, q, &users, `SELECT id, type, manager, enabled FROM directory_user WHERE snapshot = ? ORDER BY id`, id); err != nil {
		return nil, fmt.Errorf("users of snapshot %d: %w", id, err)
	}
	for _, u := range users {
		w.users[u.ID] = u
	}
	err = sqlx.SelectContext(ctx, q, &w.parts, `SELECT kind, scope, object, state, reason FROM part_coverage WHERE snapshot = ? ORDER BY kind, scope, object`, id)
	if err != nil {
		return nil, fmt.Errorf("coverage of snapshot %d: %w", id, err)
	}
	packages, err := packagesByInstance(ctx, q, id)
	if err != nil {
		return nil, fmt.Errorf("access packages of snapshot %d: %w", id, err)
	}
	w.index(packages)
	return w, nil
}

// packagesByInstance names the access package of each assignment and policy by which
// somebody is, or may come to be, in a group.
func packagesByInstance(ctx context.Context, q sqlx.QueryerContext, id int64) (map[string]string, error) {
	var rows []struct{ Instance, Name string }
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT a.id AS instance, p.name FROM access_package_assignment a JOIN access_package p ON p.snapshot = a.snapshot AND p.id = a.package WHERE a.snapshot = ?1
		UNION ALL
		SELECT a.id AS instance, p.name FROM access_package_policy a JOIN access_package p ON p.snapshot = a.snapshot AND p.id = a.package WHERE a.snapshot = ?1`, id)
	names := map[string]string{}
	for _, r := range rows {
		names[r.Instance] = cmp.Or(r.Name, r.Instance)
	}
	return names, err
}

func (w *world) loadRelationships(ctx context.Context, q sqlx.QueryerContext) error {
	var rows []relationship
	err := sqlx.SelectContext(ctx, q, &rows, `SELECT id, name, customer, status, auto_extend, ends, first_seen FROM relationship WHERE snapshot = ? ORDER BY id`, w.Snapshot)
	if err != nil {
		return err
	}
	var roles []struct{ Relationship, Role string }
	if err := sqlx.SelectContext(ctx, q, &roles, `SELECT relationship, role FROM relationship_role WHERE snapshot = ? ORDER BY relationship, role`, w.Snapshot); err != nil {
		return err
	}
	byID := map[string][]string{}
	for _, r := range roles {
		byID[r.Relationship] = append(byID[r.Relationship], r.Role)
	}
	for _, r := range rows {
		r.roles = byID[r.ID]
		w.relationships[r.ID] = r
	}
	return nil
}

func (w *world) index(packages map[string]string) {
	for _, p := range w.parts {
		for _, key := range []partKey{{p.Kind, p.Object}, {p.Kind, ""}} {
			whole, other := w.parted[key]
			w.parted[key] = p.State == store.Whole && (whole || !other)
		}
	}
	tenants := map[string]bool{}
	for _, r := range w.relationships {
		if r.opens() {
			tenants[r.Customer] = true
		}
	}
	w.tenants = slices.Sorted(maps.Keys(tenants))
	for _, c := range w.Customers {
		w.names[c.Tenant] = c.Name
	}
	for _, tenant := range w.tenants {
		for _, g := range w.Grants(tenant) {
			w.grants[g.Group] = append(w.grants[g.Group], g)
			w.grant[g.ID] = g
		}
	}
	for _, m := range w.Direct {
		if m.Type == snapshot.TypeGroup {
			w.below[m.Group] = append(w.below[m.Group], m.Principal)
		} else {
			w.direct[m.Group] = append(w.direct[m.Group], m.Principal)
		}
	}
	for _, mapped := range sortedKeys(w.grants) {
		for group := range w.under(mapped) {
			w.above[group] = append(w.above[group], mapped)
		}
	}
	for _, m := range w.Direct {
		e := edge{m.Group, m.Principal}
		w.holds[e] = append(w.holds[e], Hold{State: m.State, Instance: m.Instance, Package: packages[m.Instance], Starts: m.Starts, Ends: m.Ends})
		w.types[e] = m.Type
	}
	for _, holds := range w.holds {
		slices.SortFunc(holds, byStrength)
	}
}

var strength = map[snapshot.MembershipState]int{snapshot.Standing: 0, snapshot.TimeBound: 1, snapshot.Eligible: 2, snapshot.Activated: 3}

// byStrength orders holds from the strongest; an activation comes last, as it
// rests on something else.
func byStrength(a, b Hold) int {
	return cmp.Or(cmp.Compare(strength[a.State], strength[b.State]), a.Ends.Compare(b.Ends), strings.Compare(a.Instance, b.Instance))
}

// under is a group and every group nested below it.
func (w *world) under(group string) map[string]bool {
	seen := map[string]bool{group: true}
	for queue := []string{group}; len(queue) > 0; queue = queue[1:] {
		for _, g := range w.below[queue[0]] {
			if !seen[g] {
				seen[g] = true
				queue = append(queue, g)
			}
		}
	}
	return seen
}

// customer names a tenant, by id alone when nothing else was seen.
func (w *world) customer(tenant string) rule.Ref {
	return rule.Ref{ID: tenant, Name: cmp.Or(w.names[tenant], tenant)}
}

func (w *world) group(id string) rule.Ref { return rule.Ref{ID: id, Name: w.GroupName(id)} }

func (w *world) principal(id string) rule.Ref { return rule.Ref{ID: id, Name: w.Principal(id).Label()} }

// seen reports whether the part of a kind about one object was seen whole.
func (w *world) seen(kind snapshot.Kind, object string) bool { return w.parted[partKey{kind, object}] }

// seenAll reports whether every part of a kind was seen whole.
func (w *world) seenAll(kind snapshot.Kind) bool { return w.parted[partKey{kind, ""}] }

// memberKinds are read group by group; together they say who is in it.
var memberKinds = []snapshot.Kind{snapshot.Memberships, snapshot.GroupAssignments, snapshot.GroupEligibilities}

// seenGroup reports whether who is in a group was seen whole.
func (w *world) seenGroup(id string) bool {
	return !slices.ContainsFunc(memberKinds, func(k snapshot.Kind) bool { return !w.seen(k, id) })
}

// leadsNowhere reports whether it is certain that a group is neither mapped nor
// nested in a mapped one any more: it is not even asked about then.
func (w *world) leadsNowhere(group string) bool {
	if !w.seenAll(snapshot.Relationships) || !w.seenAll(snapshot.AccessAssignments) || !w.seenAll(snapshot.Memberships) {
		return false
	}
	return !slices.ContainsFunc(w.MappedGroups(), func(m string) bool { return w.under(m)[group] })
}

func roleRefs(ids []string) []rule.Ref {
	refs := make([]rule.Ref, 0, len(ids))
	for _, id := range ids {
		refs = append(refs, rule.Ref{ID: id, Name: snapshot.RoleByID(id).Name})
	}
	slices.SortFunc(refs, func(a, b rule.Ref) int {
		return cmp.Or(cmp.Compare(snapshot.RoleByID(a.ID).Tier, snapshot.RoleByID(b.ID).Tier), strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID))
	})
	return slices.Compact(refs)
}

// worst is the tier of the most powerful role; without roles, the least.
func worst(roles []rule.Ref) snapshot.Tier {
	if len(roles) == 0 {
		return snapshot.Tier3
	}
	return snapshot.RoleByID(roles[0].ID).Tier // they are sorted
}

// day words a date, UTC, in texts.
func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }
