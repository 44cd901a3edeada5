package snapshot

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
)

// Principal is a person, app or group as it is named in documents.
type Principal struct {
	ID, Type, Name, UPN string
}

// Label is how a principal is shown: its name, else its address, else its id.
func (p Principal) Label() string { return cmp.Or(p.Name, p.UPN, p.ID) }

// Grant is an access assignment that gives access now, with its roles and the
// relationship it stands under.
type Grant struct {
	ID           string
	Relationship Relationship
	Group        string
	Roles        []string // template ids, sorted
	Status       string
}

// Path is one access path: a principal, the mapped group it is in, the access
// assignment of that group, and one of its roles; the customer follows. All
// nested ways into the mapped group are edges of this one path.
type Path struct {
	Member EffectiveMembership
	Grant  *Grant
	Role   string
}

// Customer is the tenant that the path reaches.
func (p Path) Customer() string { return p.Grant.Relationship.Customer }

// State of the path is that of the way into the mapped group.
func (p Path) State() MembershipState { return p.Member.State }

// Until is the earliest end on the path: of the membership or of the
// relationship. Zero: none.
func (p Path) Until() time.Time { return earlier(p.Member.Ends, p.Grant.Relationship.Ends) }

// Access is who can do what where as of one sealed snapshot. It holds the edges;
// paths are expanded customer by customer and never kept as a product.
type Access struct {
	Snapshot   int64
	At         time.Time
	Seal       string // hash of the snapshot's record
	Customers  []Customer
	Groups     map[string]Group
	Principals map[string]Principal
	Direct     []Membership // every edge into a mapped or nested group

	members map[string][]EffectiveMembership // by mapped group
	grants  map[string][]*Grant              // by customer
	direct  map[string][]int                 // group -> indices of Direct
}

// GivesAccess reports whether a relationship in the status lets members of its
// groups in. A word that is not known is held to: access is assumed until it is
// proven gone.
func GivesAccess(status string) bool {
	switch strings.ToLower(status) {
	case "created", "approvalpending", "approved", "activating", "expired", "terminated":
		return false
	}
	return true
}

// grantsAccess is the same for an access assignment.
func grantsAccess(status string) bool {
	switch strings.ToLower(status) {
	case "pending", "deleted", "error":
		return false
	}
	return true
}

// Grants returns the access assignments that reach a customer, by id.
func (a *Access) Grants(customer string) []*Grant { return a.grants[customer] }

// Members returns everybody in reach of a mapped group.
func (a *Access) Members(group string) []EffectiveMembership { return a.members[group] }

// MappedGroups lists the groups that some grant names, by id.
func (a *Access) MappedGroups() []string {
	seen := map[string]bool{}
	for _, grants := range a.grants {
		for _, g := range grants {
			seen[g.Group] = true
		}
	}
	out := make([]string, 0, len(seen))
	for id := range seen {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}

// Paths expands the access paths of one customer: by grant, member and role.
func (a *Access) Paths(customer string) iter.Seq[Path] {
	return func(yield func(Path) bool) {
		for _, g := range a.grants[customer] {
			for _, m := range a.members[g.Group] {
				for _, role := range g.Roles {
					if !yield(Path{Member: m, Grant: g, Role: role}) {
						return
					}
				}
			}
		}
	}
}

// Edges returns the direct memberships that lie on any way of the principal into
// the mapped group: what must all be decided before a path counts as covered.
func (a *Access) Edges(mapped, principal string) []Membership {
	reaches := a.reaching(mapped, principal)
	var out []Membership
	for group := range reaches {
		for _, i := range a.direct[group] {
			e := a.Direct[i]
			if e.Principal == principal || e.Type == TypeGroup && reaches[e.Principal] {
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, func(x, y Membership) int {
		return cmp.Or(strings.Compare(x.Group, y.Group), strings.Compare(x.Principal, y.Principal), cmp.Compare(strength[y.State], strength[x.State]), strings.Compare(x.Instance, y.Instance))
	})
	return out
}

// reaching is the set of groups, within the mapped one, through which the
// principal is reached.
func (a *Access) reaching(mapped, principal string) map[string]bool {
	below := map[string]bool{mapped: true}
	parents := map[string][]string{}
	for queue := []string{mapped}; len(queue) > 0; queue = queue[1:] {
		for _, i := range a.direct[queue[0]] {
			if e := a.Direct[i]; e.Type == TypeGroup {
				parents[e.Principal] = append(parents[e.Principal], queue[0])
				if !below[e.Principal] {
					below[e.Principal] = true
					queue = append(queue, e.Principal)
				}
			}
		}
	}
	reaches := map[string]bool{}
	var queue []string
	for group := range below {
		if slices.ContainsFunc(a.direct[group], func(i int) bool { return a.Direct[i].Principal == principal }) {
			reaches[group] = true
			queue = append(queue, group)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, p := range parents[queue[0]] {
			if !reaches[p] {
				reaches[p] = true
				queue = append(queue, p)
			}
		}
	}
	return reaches
}

// GroupName is a group's display name, or its id when none was seen.
func (a *Access) GroupName(id string) string { return cmp.Or(a.Groups[id].Name, id) }

// Principal names a principal, by id alone when nothing else was seen.
func (a *Access) Principal(id string) Principal {
	if p, ok := a.Principals[id]; ok {
		return p
	}
	return Principal{ID: id, Type: TypeUser}
}

// Chain words a path from the person to the customer.
func (a *Access) Chain(p Path) string {
	steps := []string{a.Principal(p.Member.Principal).Label()}
	for _, g := range slices.Backward(p.Member.Via) {
		steps = append(steps, a.GroupName(g))
	}
	return strings.Join(append(steps, p.Grant.Relationship.Name, RoleByID(p.Role).Name), " > ")
}

// Querier runs queries; *sql.DB, *sql.Tx and their wrappers do.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// LoadAccess reads the edges of a sealed snapshot from the store's views.
func LoadAccess(ctx context.Context, q Querier, snapshot int64) (*Access, error) {
	a := &Access{Snapshot: snapshot, Groups: map[string]Group{}, Principals: map[string]Principal{},
		members: map[string][]EffectiveMembership{}, grants: map[string][]*Grant{}, direct: map[string][]int{}}
	for _, load := range []func(context.Context, Querier) error{a.loadSnapshot, a.loadCustomers, a.loadGroups, a.loadPrincipals, a.loadDirect, a.loadMembers, a.loadGrants} {
		if err := load(ctx, q); err != nil {
			return nil, fmt.Errorf("load access of snapshot %d: %w", snapshot, err)
		}
	}
	return a, nil
}

// each runs a query and hands every row to scan.
func each(ctx context.Context, q Querier, query string, snapshot int64, scan func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, snapshot)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (a *Access) loadSnapshot(ctx context.Context, q Querier) error {
	found := false
	err := each(ctx, q, `SELECT at, hash FROM sealed_snapshot WHERE id = ?`, a.Snapshot, func(r *sql.Rows) error {
		found = true
		return r.Scan((*instant)(&a.At), &a.Seal)
	})
	if err == nil && !found {
		return fmt.Errorf("there is no sealed snapshot %d", a.Snapshot)
	}
	return err
}

func (a *Access) loadCustomers(ctx context.Context, q Querier) error {
	return each(ctx, q, `SELECT tenant, name FROM customer WHERE snapshot = ? ORDER BY tenant`, a.Snapshot, func(r *sql.Rows) error {
		var c Customer
		a.Customers = append(a.Customers, c)
		last := &a.Customers[len(a.Customers)-1]
		return r.Scan(&last.Tenant, &last.Name)
	})
}

func (a *Access) loadGroups(ctx context.Context, q Querier) error {
	return each(ctx, q, `SELECT id, name, gone, role_assignable, dynamic FROM directory_group WHERE snapshot = ?`, a.Snapshot, func(r *sql.Rows) error {
		var g Group
		if err := r.Scan(&g.ID, &g.Name, &g.Gone, &g.RoleAssignable, &g.Dynamic); err != nil {
			return err
		}
		a.Groups[g.ID] = g
		return nil
	})
}

func (a *Access) loadPrincipals(ctx context.Context, q Querier) error {
	for _, query := range []string{
		`SELECT principal, type, name, upn FROM pim_principal WHERE snapshot = ?`,
		`SELECT principal, type, name, upn FROM group_member WHERE snapshot = ?`,
		`SELECT id, 'user', name, upn FROM directory_user WHERE snapshot = ?`,
		`SELECT id, 'group', name, '' FROM directory_group WHERE snapshot = ?`,
	} {
		if err := each(ctx, q, query, a.Snapshot, func(r *sql.Rows) error {
			var p Principal
			if err := r.Scan(&p.ID, &p.Type, &p.Name, &p.UPN); err != nil {
				return err
			}
			if old, ok := a.Principals[p.ID]; ok {
				p.Name, p.UPN = cmp.Or(p.Name, old.Name), cmp.Or(p.UPN, old.UPN)
			}
			a.Principals[p.ID] = p
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

func (a *Access) loadDirect(ctx context.Context, q Querier) error {
	return each(ctx, q, `SELECT group_id, principal, state, instance, type, starts, ends FROM membership WHERE snapshot = ? ORDER BY group_id, principal, instance, state`, a.Snapshot, func(r *sql.Rows) error {
		var m Membership
		if err := r.Scan(&m.Group, &m.Principal, &m.State, &m.Instance, &m.Type, (*instant)(&m.Starts), (*instant)(&m.Ends)); err != nil {
			return err
		}
		a.direct[m.Group] = append(a.direct[m.Group], len(a.Direct))
		a.Direct = append(a.Direct, m)
		return nil
	})
}

func (a *Access) loadMembers(ctx context.Context, q Querier) error {
	return each(ctx, q, `SELECT mapped_group, principal, type, state, ends, via FROM effective_membership WHERE snapshot = ? ORDER BY mapped_group, principal`, a.Snapshot, func(r *sql.Rows) error {
		var m EffectiveMembership
		var via string
		if err := r.Scan(&m.MappedGroup, &m.Principal, &m.Type, &m.State, (*instant)(&m.Ends), &via); err != nil {
			return err
		}
		if err := json.Unmarshal([]byte(via), &m.Via); err != nil {
			return err
		}
		a.members[m.MappedGroup] = append(a.members[m.MappedGroup], m)
		return nil
	})
}

func (a *Access) loadGrants(ctx context.Context, q Querier) error {
	relationships := map[string]Relationship{}
	err := each(ctx, q, `SELECT id, name, customer, duration, auto_extend, status, activated, ends FROM relationship WHERE snapshot = ?`, a.Snapshot, func(r *sql.Rows) error {
		var x Relationship
		if err := r.Scan(&x.ID, &x.Name, &x.Customer, &x.Duration, &x.AutoExtend, &x.Status, (*instant)(&x.Activated), (*instant)(&x.Ends)); err != nil {
			return err
		}
		relationships[x.ID] = x
		return nil
	})
	if err != nil {
		return err
	}
	byID := map[string]*Grant{}
	err = each(ctx, q, `SELECT id, relationship, mapped_group, status FROM access_assignment WHERE snapshot = ? ORDER BY id`, a.Snapshot, func(r *sql.Rows) error {
		var g Grant
		var relationship string
		if err := r.Scan(&g.ID, &relationship, &g.Group, &g.Status); err != nil {
			return err
		}
		x, ok := relationships[relationship]
		if ok && GivesAccess(x.Status) && grantsAccess(g.Status) {
			g.Relationship = x
			byID[g.ID] = &g
			a.grants[x.Customer] = append(a.grants[x.Customer], &g)
		}
		return nil
	})
	if err != nil {
		return err
	}
	a.addReached()
	return each(ctx, q, `SELECT access_assignment, role FROM access_assignment_role WHERE snapshot = ? ORDER BY access_assignment, role`, a.Snapshot, func(r *sql.Rows) error {
		var assignment, role string
		if err := r.Scan(&assignment, &role); err != nil {
			return err
		}
		if g := byID[assignment]; g != nil {
			g.Roles = append(g.Roles, role)
		}
		return nil
	})
}

// addReached lists customers that a grant reaches but the list of customers does
// not hold, by id alone: access counts, listed or not.
func (a *Access) addReached() {
	listed := map[string]bool{}
	for _, c := range a.Customers {
		listed[c.Tenant] = true
	}
	for tenant := range a.grants {
		if !listed[tenant] {
			a.Customers = append(a.Customers, Customer{Tenant: tenant, Name: tenant})
		}
	}
	slices.SortFunc(a.Customers, func(x, y Customer) int { return strings.Compare(x.Tenant, y.Tenant) })
}

// instant scans the store's text form of a time; NULL is the zero time.
type instant time.Time

// Scan implements sql.Scanner.
func (t *instant) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		*t = instant{}
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	*t = instant(at)
	return err
}
