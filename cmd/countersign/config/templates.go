package config

import "countersign/collectors/snapshot"

// readTemplates reads templates.csv.
func readTemplates(t *table) (all []snapshot.DeclaredTemplate) {
	rows := readTable(t, func(p *snapshot.DeclaredTemplate) []column {
		return []column{
			{"template", true, plain(&p.Name)},
			{"group_id", true, id(&p.Group)},
			{"role", true, plain(&p.Role)},
			{"jit", false, yesNo(&p.JIT)},
			{"customers", false, ids(&p.Customers)},
		}
	})
	unique(t, rows, "", func(p snapshot.DeclaredTemplate) string { return p.Name + ", " + p.Group + ", " + p.Role })
	for _, r := range rows {
		all = append(all, r.row)
	}
	return all
}
