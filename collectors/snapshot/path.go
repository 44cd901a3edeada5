package snapshot

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"
)

// Path is one access path: a principal, the mapped group it is in, the access
// assignment of that group, and one of its roles; the customer follows. All
// nested ways into the mapped group are edges of this one path.
type Path struct {
	Member EffectiveMembership
	Grant  *Grant
	Role   string
}

// State of the path is that of the way into the mapped group.
func (p Path) State() MembershipState { return p.Member.State }

// Until is the earliest end on the path: of the membership or of the
// relationship. Zero: none.
func (p Path) Until() time.Time { return earlier(p.Member.Ends, p.Grant.Relationship.Ends) }

// Paths expands the access paths of one customer: by grant, member and role.
func (a *Access) Paths(customer string) iter.Seq[Path] {
	return func(yield func(Path) bool) {
		for _, g := range a.grants[customer] {
			for _, m := range a.members[g.Group] {
				for _, role := range g.Roles {
					if !yield(Path{Member: m, Grant: g, Role: role}) {
						return
					}
				}
			}
		}
	}
}

// Edges returns the direct memberships that lie on any way of the principal into
// the mapped group: what must all be decided before a path counts as covered.
func (a *Access) Edges(mapped, principal string) []Membership {
	reaches := a.reaching(mapped, principal)
	var out []Membership
	for group := range reaches {
		for _, i := range a.direct[group] {
			e := a.Direct[i]
			if e.Principal == principal || e.Type == TypeGroup && reaches[e.Principal] {
				out = append(out, e)
			}
		}
	}
	slices.SortFunc(out, func(x, y Membership) int {
		return cmp.Or(strings.Compare(x.Group, y.Group), strings.Compare(x.Principal, y.Principal), cmp.Compare(strength[y.State], strength[x.State]), strings.Compare(x.Instance, y.Instance))
	})
	return out
}

// reaching is the set of groups, within the mapped one, through which the
// principal is reached.
func (a *Access) reaching(mapped, principal string) map[string]bool {
	below := map[string]bool{mapped: true}
	parents := map[string][]string{}
	for queue := []string{mapped}; len(queue) > 0; queue = queue[1:] {
		for _, i := range a.direct[queue[0]] {
			if e := a.Direct[i]; e.Type == TypeGroup {
				parents[e.Principal] = append(parents[e.Principal], queue[0])
				if !below[e.Principal] {
					below[e.Principal] = true
					queue = append(queue, e.Principal)
				}
			}
		}
	}
	reaches := map[string]bool{}
	var queue []string
	for group := range below {
		if slices.ContainsFunc(a.direct[group], func(i int) bool { return a.Direct[i].Principal == principal }) {
			reaches[group] = true
			queue = append(queue, group)
		}
	}
	for ; len(queue) > 0; queue = queue[1:] {
		for _, p := range parents[queue[0]] {
			if !reaches[p] {
				reaches[p] = true
				queue = append(queue, p)
			}
		}
	}
	return reaches
}

// Chain words a path from the person to the customer.
func (a *Access) Chain(p Path) string {
	steps := []string{a.Principal(p.Member.Principal).Label()}
	for _, g := range slices.Backward(p.Member.Via) {
		steps = append(steps, a.GroupName(g))
	}
	return strings.Join(append(steps, p.Grant.Relationship.Name, RoleByID(p.Role).Name), " > ")
}
