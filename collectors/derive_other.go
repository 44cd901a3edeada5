package collectors

import (
	"context"
	"slices"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
)

// loadOtherMapped adds the groups that reach customers beside GDAP: those that an
// Azure authorisation names, and the agents groups while the legacy delegated
// administration (DAP) stands at some customer.
func (f *facts) loadOtherMapped(ctx context.Context, tx *sqlx.Tx, id int64) error {
	var azure, agents, privileges []string
	for query, into := range map[string]*[]string{
		`SELECT id FROM directory_group WHERE snapshot = ?1 AND id IN (SELECT principal FROM azure_authorisation WHERE snapshot = ?1)`: &azure,
		`SELECT group_id FROM role_group WHERE snapshot = ? AND agents <> ''`:                                                          &agents,
		`SELECT DISTINCT CASE delegated WHEN 1 THEN 'delegatedAdminPrivileges' ELSE '' END FROM partner_customer WHERE snapshot = ?1
		 UNION SELECT privilege FROM lighthouse_tenant WHERE snapshot = ?1`: &privileges,
	} {
		if err := tx.SelectContext(ctx, into, query, id); err != nil {
			return err
		}
	}
	f.mapped = append(f.mapped, azure...)
	if slices.ContainsFunc(privileges, snapshot.HasDAP) {
		f.mapped = append(f.mapped, agents...)
	}
	slices.Sort(f.mapped)
	f.mapped = slices.Compact(f.mapped)
	return nil
}
