package config

import "countersign/collectors/snapshot"

// people are the persons of staff.csv by key, also those whose row has a fault.
type people struct {
	table *table
	keys  map[string]bool
}

// check reports a person who does not stand in staff.csv.
func (p people) check(t *table, line int, column, person string) {
	if fault := p.unknown(person); person != "" && fault != "" {
		t.fault(line, column, "%s", fault)
	}
}

// unknown says that a person is not known; "" when known.
func (p people) unknown(person string) string {
	if p.keys[person] || p.table.unread {
		return ""
	}
	return quote(person) + " is not a person in " + printable(p.table.file) + "; add a row, or correct the name"
}

// readStaff reads staff.csv: several rows a person, one per account.
func readStaff(t *table) (all []snapshot.StaffAccount, staff people) {
	staff = people{t, map[string]bool{}}
	rows := readTable(t, func(s *snapshot.StaffAccount) []column {
		s.Account = "daily"
		person := lower(&s.Person)
		return []column{
			{"person", true, func(cell string) error { err := person(cell); staff.keys[s.Person] = true; return err }},
			{"upn", true, lower(&s.UPN)},
			{"account", false, oneOf(&s.Account, "daily", "admin")},
			{"name", false, plain(&s.Name)},
			{"manager", false, lower(&s.Manager)},
			{"team", false, plain(&s.Team)},
			{"support_role", false, plain(&s.SupportRole)},
			{"tasks", false, list(&s.Tasks)},
			{"certifications", false, list(&s.Certifications)},
			{"left_on", false, t.date(&s.LeftOn)},
		}
	})
	unique(t, rows, "upn", func(s snapshot.StaffAccount) string { return s.UPN })
	first := map[string]numbered[snapshot.StaffAccount]{}
	for _, r := range rows {
		staff.check(t, r.line, "manager", r.row.Manager)
		if r.row.Manager == r.row.Person {
			t.fault(r.line, "manager", "%s cannot manage themselves; leave the cell empty at the top", quote(r.row.Person))
		}
		before, seen := first[r.row.Person]
		switch {
		case !seen:
			first[r.row.Person] = r
		case r.row.Manager != before.row.Manager:
			t.fault(r.line, "manager", "differs from line %d, which is the same person; make them equal", before.line)
		case r.row.Team != before.row.Team:
			t.fault(r.line, "team", "differs from line %d, which is the same person; make them equal", before.line)
		}
		all = append(all, r.row)
	}
	return all, staff
}
