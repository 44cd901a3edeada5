package snapshot

import (
	"cmp"
	"context"
	"database/sql"
)

// Principal is a person, app or group as it is named in documents.
type Principal struct {
	ID, Type, Name, UPN string
}

// Label is how a principal is shown: its name, else its address, else its id.
func (p Principal) Label() string { return cmp.Or(p.Name, p.UPN, p.ID) }

// Principal names a principal, by id alone when nothing else was seen.
func (a *Access) Principal(id string) Principal {
	if p, ok := a.Principals[id]; ok {
		return p
	}
	return Principal{ID: id, Type: TypeUser}
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
