package snapshot

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// EffectiveMembership is a principal's being in a mapped group by any way, direct
// or nested. State is that of the strongest way; a way is as strong as its weakest
// edge. Via holds the groups of that way from the mapped group down to the one the
// principal is a direct member of; the shortest, then the first by id, is taken.
type EffectiveMembership struct {
	MappedGroup string          `db:"mapped_group"`
	Principal   string          `db:"principal"`
	Type        string          `db:"type"`
	State       MembershipState `db:"state"`
	Ends        time.Time       `db:"ends"` // the earliest end on the way; zero: none
	Via         []string        `db:"via"`
}

// Close walks nested groups from each mapped group and returns everybody in
// reach. Cycles are walked once. Groups themselves are not listed: what they
// bring in is.
func Close(mapped []string, edges []Membership) []EffectiveMembership {
	byGroup := map[string][]Membership{}
	for _, e := range edges {
		byGroup[e.Group] = append(byGroup[e.Group], e)
	}
	var out []EffectiveMembership
	for _, m := range mapped {
		out = append(out, closeGroup(m, byGroup)...)
	}
	return out
}

// way is how a group is reached from the mapped one.
type way struct {
	via   []string
	state MembershipState
	ends  time.Time
}

// closeGroup relaxes ways until none improves: a stronger way to a group may be
// found after a weaker one, and everything below it must then be seen again. The
// order of ways is total and each step can only weaken a way, so it ends.
func closeGroup(mapped string, byGroup map[string][]Membership) []EffectiveMembership {
	best := map[string]way{mapped: {via: []string{mapped}, state: Standing}}
	queue := []string{mapped}
	people := map[string]EffectiveMembership{}
	for len(queue) > 0 {
		group := queue[0]
		queue = queue[1:]
		from := best[group]
		for _, e := range byGroup[group] {
			to := way{via: from.via, state: weaker(from.state, e.State), ends: earlier(from.ends, e.Ends)}
			if e.Type != TypeGroup {
				person := EffectiveMembership{MappedGroup: mapped, Principal: e.Principal, Type: e.Type, State: to.state, Ends: to.ends, Via: to.via}
				if old, ok := people[e.Principal]; !ok || better(to, way{old.Via, old.State, old.Ends}) {
					people[e.Principal] = person
				}
				continue
			}
			if slices.Contains(from.via, e.Principal) {
				continue // a cycle
			}
			to.via = append(slices.Clone(from.via), e.Principal)
			if old, ok := best[e.Principal]; !ok || better(to, old) {
				best[e.Principal] = to
				queue = append(queue, e.Principal)
			}
		}
	}
	out := make([]EffectiveMembership, 0, len(people))
	for _, p := range people {
		out = append(out, p)
	}
	slices.SortFunc(out, func(a, b EffectiveMembership) int { return strings.Compare(a.Principal, b.Principal) })
	return out
}

func weaker(a, b MembershipState) MembershipState {
	if strength[a] <= strength[b] {
		return a
	}
	return b
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// better orders ways: the stronger state, then the later end, then the shorter
// way, then the first by ids.
func better(a, b way) bool {
	if a.state != b.state {
		return strength[a.state] > strength[b.state]
	}
	if !a.ends.Equal(b.ends) {
		return a.ends.IsZero() || !b.ends.IsZero() && a.ends.After(b.ends)
	}
	return cmp.Or(cmp.Compare(len(a.via), len(b.via)), slices.Compare(a.via, b.via)) < 0
}
