package reviews

import (
	"slices"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// access is a role at a customer.
type access struct{ role, customer string }

// held answers by which mapped groups a person, with all accounts, holds what, as
// far as the snapshot saw it: what was only seen before is no proof.
type held struct {
	*world
	people   *people
	accounts map[string][]string                       // person -> principals
	in       map[string][]snapshot.EffectiveMembership // principal -> mapped groups
}

func newHeld(w *world, p *people) *held {
	h := &held{world: w, people: p, accounts: map[string][]string{}, in: map[string][]snapshot.EffectiveMembership{}}
	for _, mapped := range w.MappedGroups() {
		for _, m := range w.Members(mapped) {
			if slices.ContainsFunc(m.Via, func(g string) bool { return w.Groups[g].Gone || !w.seenGroup(g) }) {
				continue
			}
			if h.in[m.Principal] == nil {
				who := p.of(m.Principal)
				h.accounts[who] = append(h.accounts[who], m.Principal)
			}
			h.in[m.Principal] = append(h.in[m.Principal], m)
		}
	}
	return h
}

// way is how a person holds something: in which state, through which group and
// access assignment.
type way struct {
	principal, group, grant string
	state                   snapshot.MembershipState
}

// ways finds how a person holds any of the wanted; active leaves out what is
// merely eligible.
func (h *held) ways(person string, wanted map[access]bool, active bool) map[way]access {
	out := map[way]access{}
	for _, principal := range h.accounts[person] {
		for _, m := range h.in[principal] {
			if active && m.State != snapshot.Standing && m.State != snapshot.TimeBound {
				continue
			}
			for _, g := range h.grants[m.MappedGroup] {
				if !h.seen(snapshot.AccessAssignments, g.Relationship.ID) {
					continue
				}
				for _, role := range g.Roles {
					if got := (access{role, g.Relationship.Customer}); wanted[got] {
						out[way{principal, m.MappedGroup, g.ID, m.State}] = got
					}
				}
			}
		}
	}
	return out
}

// moved says, of an action that was carried out, who still holds what it was to
// take away; empty: nobody. A change of term takes nothing away.
func (p *proof) moved(a Action) string {
	persons, lost := p.lost(a)
	active := a.Action == MakeEligible
	still, news := 0, 0
	var example access
	var through string
	for _, person := range persons {
		now := p.after.ways(person, lost, active)
		if len(now) == 0 {
			continue
		}
		still++
		then := p.before.ways(person, lost, active)
		isNew := false
		for _, w := range sortedWays(now) {
			_, had := then[w]
			if through == "" || !had && !isNew && news == 0 {
				example, through = now[w], p.after.GroupName(w.group)+" ("+string(w.state)+")"
			}
			isNew = isNew || !had
		}
		if isNew {
			news++
		}
	}
	if still == 0 {
		return ""
	}
	kind := "a way that was there before"
	if news > 0 {
		kind = "a new way"
	}
	return rule.Counted(still, "person still holds", "persons still hold") + " what was taken away, such as " + snapshot.RoleByID(example.role).Name + " at " +
		p.after.customer(example.customer).Name + " through " + through + ", " + kind
}

func sortedWays(ways map[way]access) []way {
	out := make([]way, 0, len(ways))
	for w := range ways {
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b way) int {
		return slices.Compare([]string{a.group, a.grant, a.principal, string(a.state)}, []string{b.group, b.grant, b.principal, string(b.state)})
	})
	return out
}

// lost lists the persons that an action was to take something from, and what.
func (p *proof) lost(a Action) (persons []string, lost map[access]bool) {
	lost = map[access]bool{}
	w := p.world
	var principals []string
	take := func(g *snapshot.Grant, roles []string) {
		for _, role := range roles {
			lost[access{role, g.Relationship.Customer}] = true
		}
	}
	switch a.Action {
	case RemoveMember, RemoveEligibility, MakeEligible:
		principals = append(principals, a.Principal.ID)
		for _, m := range p.items[p.byID[a.Item]].Brings {
			principals = append(principals, m.ID)
		}
		for _, mapped := range w.above[a.Group.ID] {
			for _, g := range w.grants[mapped] {
				take(g, g.Roles)
			}
		}
	case RemoveAccessAssignment, ReduceAccessAssignment:
		g := w.grant[a.AccessAssignment]
		take(g, beyond(g.Roles, a))
		principals = w.members(g.Group)
	case EndRelationship:
		for _, g := range w.Grants(a.Customer.ID) {
			if g.Relationship.ID == a.Relationship.ID {
				take(g, g.Roles)
				principals = append(principals, w.members(g.Group)...)
			}
		}
	}
	for _, id := range principals {
		persons = append(persons, p.people.of(id))
	}
	slices.Sort(persons)
	return slices.Compact(persons), lost
}
