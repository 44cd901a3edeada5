package config

// Template is a row of templates.csv: a role that a group gets by one of the MSP's
// GDAP templates, which no API shows.
type Template struct {
	Name      string   // of the template
	GroupID   string   // lower case
	Role      string   // role definition id or name, as written
	JIT       bool     // given just in time, through Lighthouse
	Customers []string // tenant ids, lower case; empty: all
}

// readTemplates reads templates.csv.
func readTemplates(t *table) (all []Template) {
	rows := readTable(t, func(p *Template) []column {
		return []column{
			{"template", true, plain(&p.Name)},
			{"group_id", true, id(&p.GroupID)},
			{"role", true, plain(&p.Role)},
			{"jit", false, yesNo(&p.JIT)},
			{"customers", false, ids(&p.Customers)},
		}
	})
	unique(t, rows, "", func(p Template) string { return p.Name + ", " + p.GroupID + ", " + p.Role })
	for _, r := range rows {
		all = append(all, r.row)
	}
	return all
}
