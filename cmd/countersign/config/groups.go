package config

import "countersign/collectors/snapshot"

// readGroups reads groups.csv.
func readGroups(t *table, staff people) (all []snapshot.DeclaredGroup) {
	rows := readTable(t, func(g *snapshot.DeclaredGroup) []column {
		return []column{
			{"group_id", true, id(&g.ID)},
			{"label", false, plain(&g.Label)},
			{"support_role", false, plain(&g.SupportRole)},
			{"owner_list", false, lowerList(&g.Owners)},
			{"purpose", false, plain(&g.Purpose)},
		}
	})
	unique(t, rows, "group_id", func(g snapshot.DeclaredGroup) string { return g.ID })
	for _, r := range rows {
		for _, owner := range r.row.Owners {
			staff.check(t, r.line, "owner_list", owner)
		}
		all = append(all, r.row)
	}
	return all
}
