package reviews

import (
	"maps"
	"slices"
	"time"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// bench seats reviewers: for each item the first in line who is independent of it.
// Items are to be seated in their order, as who decides on whom depends on it.
type bench struct {
	*people
	world    *world
	log      *logbook
	fallback string
	at       time.Time
	decides  map[edge]int // group holds the reviewer, principal the person decided on; in how many items
	inside   map[string]map[string]bool
}

func newBench(w *world, p *people, l *logbook, fallback string, at time.Time) *bench {
	return &bench{people: p, world: w, log: l, fallback: fallback, at: at, decides: map[edge]int{}, inside: map[string]map[string]bool{}}
}

// seat gives the item to the first in line who may decide it and notes everybody
// who was passed over. Those in unsure were asked and could not tell.
func (b *bench) seat(item *Item, unsure []string) {
	item.Reviewer, item.OwnGroup, item.Substitutions = rule.Ref{}, false, nil
	about := b.about(item)
	line, lack := b.line(item)
	if lack != "" {
		item.Substitutions = append(item.Substitutions, Substitution{Why: lack})
	}
	asked := map[string]bool{}
	for _, name := range line {
		who, ok := b.find(name)
		if !ok {
			// the name may be that of a person: it stays in what was declared
			item.Substitutions = append(item.Substitutions, Substitution{Why: "whoever is named is neither in the staff list nor an account that was seen"})
			continue
		}
		if asked[who.Key] {
			continue
		}
		asked[who.Key] = true
		why := b.unfit(who, item, about)
		if slices.Contains(unsure, who.Key) {
			why = "was not sure"
		}
		if why == "" {
			b.take(item, who, about)
			return
		}
		item.Substitutions = append(item.Substitutions, Substitution{Person: who.Key, Name: who.Ref().Name, Why: why})
	}
}

// take records that the person decides the item.
func (b *bench) take(item *Item, who *person, about []string) {
	item.Reviewer = who.Ref()
	item.OwnGroup = b.inGroup(who.Key, item)
	for _, key := range about {
		b.decides[edge{who.Key, key}]++
	}
}

// leave undoes take, for an item that is handed on.
func (b *bench) leave(item *Item) {
	for _, key := range b.about(item) {
		b.decides[edge{item.Reviewer.ID, key}]--
	}
}

// line lists who decides by default, then the next ones, as they are named; lack
// says why nobody stands before the fallback.
func (b *bench) line(item *Item) (line []string, lack string) {
	switch {
	case item.Kind == Membership && item.Type == snapshot.TypeUser:
		if line = b.up(b.of(item.Principal)); len(line) == 0 {
			lack = "no manager is known"
		}
	case item.Kind == Membership:
		group, _ := b.declared.Group(item.Group.ID)
		if line = slices.Clone(group.Owners); len(line) == 0 {
			lack = "the group has no declared owner"
		}
	default:
		customer, _ := b.declared.Customer(item.Customer.ID)
		if customer.Owner == "" {
			lack = "the customer has no declared owner"
			break
		}
		line = append([]string{customer.Owner}, b.up(customer.Owner)...)
	}
	if b.fallback != "" {
		line = append(line, b.fallback)
	}
	return line, lack
}

// about lists the persons whose own access a membership item is.
func (b *bench) about(item *Item) []string {
	if item.Kind != Membership {
		return nil
	}
	if item.Type == snapshot.TypeUser {
		return []string{b.of(item.Principal)}
	}
	keys := map[string]bool{}
	for _, m := range item.Brings {
		keys[b.of(m.ID)] = true
	}
	return slices.Sorted(maps.Keys(keys))
}

// unfit says why a person may not decide an item; empty: independent.
func (b *bench) unfit(who *person, item *Item, about []string) string {
	switch {
	case !who.left.IsZero() && !who.left.After(b.at):
		return "has left"
	case who.disabled:
		return "has a disabled account"
	case slices.Contains(about, who.Key):
		return "would decide on own access"
	case slices.ContainsFunc(about, func(key string) bool { return b.decides[edge{key, who.Key}] > 0 }):
		return "is decided on in this campaign by the person whose access this is"
	case slices.ContainsFunc(about, func(key string) bool { return b.reportsTo(who.Key, key) }):
		return "reports to the person whose access this is"
	case item.Kind == Membership && slices.ContainsFunc(b.log.given[edge{item.Group.ID, item.Principal}], func(id string) bool { return b.of(id) == who.Key }):
		return "granted this access in the period"
	case item.Tier == snapshot.Tier0 && b.inGroup(who.Key, item):
		return "is in the group, which has full control"
	}
	return ""
}

// inGroup reports whether a person is in reach of a group that a delegation or
// relationship serves.
func (b *bench) inGroup(key string, item *Item) bool {
	switch item.Kind {
	case Delegation:
		return b.in(item.Group.ID)[key]
	case Relationship:
		return slices.ContainsFunc(b.world.Grants(item.Customer.ID), func(g *snapshot.Grant) bool {
			return g.Relationship.ID == item.Relationship.ID && b.in(g.Group)[key]
		})
	}
	return false
}

// in is the set of persons in reach of a mapped group.
func (b *bench) in(group string) map[string]bool {
	if set, ok := b.inside[group]; ok {
		return set
	}
	set := map[string]bool{}
	for _, m := range b.world.Members(group) {
		set[b.of(m.Principal)] = true
	}
	b.inside[group] = set
	return set
}
