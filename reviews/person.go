package reviews

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// Person is somebody at the MSP with all accounts. Key is the person of
// staff.csv, folded to lower case, or the id of an account that it does not name.
type Person struct {
	Key, Name, UPN string
}

// Ref is the person as items and reports name it.
func (p Person) Ref() rule.Ref { return rule.Ref{ID: p.Key, Name: cmp.Or(p.Name, p.UPN, p.Key)} }

type person struct {
	Person
	manager  string // as declared or as the directory names it; resolved when asked
	left     time.Time
	disabled bool // every account of somebody that staff.csv does not name
}

// people joins the accounts of the snapshot with staff.csv: all accounts of one
// person key are one person.
type people struct {
	declared snapshot.Declared
	persons  map[string]*person
	account  map[string]string // principal id -> person
	upn      map[string]string // folded address -> person
}

func newPeople(w *world, declared snapshot.Declared) *people {
	p := &people{declared: declared, persons: map[string]*person{}, account: map[string]string{}, upn: map[string]string{}}
	for _, s := range declared.Staff {
		p.addStaff(s)
	}
	ids := map[string]bool{}
	for id := range w.users {
		ids[id] = true
	}
	for id, principal := range w.Principals {
		if principal.Type == snapshot.TypeUser {
			ids[id] = true
		}
	}
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		p.addAccount(id, w.Principal(id), w.users[id])
	}
	return p
}

func (p *people) addStaff(s snapshot.StaffAccount) {
	key := strings.ToLower(s.Person)
	who := p.persons[key]
	if who == nil {
		who = &person{Person: Person{Key: key}}
		p.persons[key] = who
	}
	who.Name = cmp.Or(who.Name, s.Name)
	who.UPN = cmp.Or(who.UPN, s.UPN)
	who.manager = cmp.Or(who.manager, s.Manager)
	if !s.LeftOn.IsZero() && (who.left.IsZero() || s.LeftOn.Before(who.left)) {
		who.left = s.LeftOn
	}
	if s.UPN != "" {
		p.upn[strings.ToLower(s.UPN)] = key
	}
}

func (p *people) addAccount(id string, principal snapshot.Principal, u user) {
	upn := strings.ToLower(principal.UPN)
	key, declared := p.upn[upn]
	if !declared {
		key = id
		p.persons[id] = &person{Person: Person{Key: id, Name: principal.Name, UPN: principal.UPN}, disabled: u.Enabled != nil && !*u.Enabled}
		if upn != "" {
			p.upn[upn] = id
		}
	}
	p.account[id] = key
	who := p.persons[key]
	who.manager = cmp.Or(who.manager, u.Manager)
}

// of is the person behind an account.
func (p *people) of(principal string) string { return cmp.Or(p.account[principal], principal) }

// find takes a person key, an address or the id of an account.
func (p *people) find(name string) (*person, bool) {
	folded := strings.ToLower(name)
	for _, key := range []string{folded, p.upn[folded], p.account[folded]} {
		if who, ok := p.persons[key]; ok {
			return who, true
		}
	}
	return nil, false
}

// ref names a person for reports, by the key alone when nothing else is known.
func (p *people) ref(key string) rule.Ref {
	if who, ok := p.persons[key]; ok {
		return who.Ref()
	}
	return rule.Ref{ID: key, Name: key}
}

// up lists a person's managers from the nearest, each as it is named; a circle of
// managers ends where it closes, a name nobody knows where it stands.
func (p *people) up(name string) []string {
	var line []string
	seen := map[string]bool{}
	for who, ok := p.find(name); ok && !seen[who.Key]; who, ok = p.find(who.manager) {
		seen[who.Key] = true
		if who.manager == "" {
			break
		}
		line = append(line, who.manager)
	}
	return line
}

// reportsTo reports whether boss stands above the person.
func (p *people) reportsTo(key, boss string) bool {
	return key != boss && slices.ContainsFunc(p.up(key), func(name string) bool {
		who, ok := p.find(name)
		return ok && who.Key == boss
	})
}
