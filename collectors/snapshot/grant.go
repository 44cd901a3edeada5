package snapshot

import (
	"context"
	"database/sql"
	"strings"
)

// Grant is an access assignment that gives access now, with its roles and the
// relationship it stands under.
type Grant struct {
	ID           string
	Relationship Relationship
	Group        string
	Roles        []string // template ids, sorted
	Status       string
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
