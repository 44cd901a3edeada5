package snapshot

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

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

// GroupName is a group's display name, or its id when none was seen.
func (a *Access) GroupName(id string) string { return cmp.Or(a.Groups[id].Name, id) }

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
