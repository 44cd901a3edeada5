package rule

import (
	"cmp"
	"maps"
	"slices"

	"countersign/collectors/snapshot"
)

// Reach is what being in a group opens now, through the group itself or the
// mapped groups it is nested in.
type Reach struct {
	Customers  []string // tenant ids, sorted
	Role       string   // the most powerful role, by template id
	Tier       snapshot.Tier
	Privileged []string // the customers at which some role is privileged, sorted
}

// ReachOf computes, over the customers, the reach of every mapped group and of
// those nested in them. A group that is not in it opens nothing.
func ReachOf(a *snapshot.Access, customers []Ref) map[string]Reach {
	roles := map[string]map[string]map[string]bool{} // group, customer, role
	hold := func(group, customer, role string) {
		if roles[group] == nil {
			roles[group] = map[string]map[string]bool{}
		}
		if roles[group][customer] == nil {
			roles[group][customer] = map[string]bool{}
		}
		if role != "" {
			roles[group][customer][role] = true
		}
	}
	for _, c := range customers {
		for _, g := range a.Grants(c.ID) {
			hold(g.Group, c.ID, "")
			for _, r := range g.Roles {
				hold(g.Group, c.ID, r)
			}
		}
	}
	nested := map[string][]string{}
	for _, e := range a.Direct {
		if e.Type == snapshot.TypeGroup {
			nested[e.Group] = append(nested[e.Group], e.Principal)
		}
	}
	for _, mapped := range a.MappedGroups() {
		for below := range under(mapped, nested) {
			for c, held := range roles[mapped] {
				hold(below, c, "")
				for r := range held {
					hold(below, c, r)
				}
			}
		}
	}
	out := make(map[string]Reach, len(roles))
	for group, byCustomer := range roles {
		out[group] = reachOf(byCustomer)
	}
	return out
}

// under is every group nested below one, itself left out.
func under(group string, nested map[string][]string) map[string]bool {
	seen := map[string]bool{}
	for queue := []string{group}; len(queue) > 0; queue = queue[1:] {
		for _, below := range nested[queue[0]] {
			if below != group && !seen[below] {
				seen[below] = true
				queue = append(queue, below)
			}
		}
	}
	return seen
}

func reachOf(byCustomer map[string]map[string]bool) Reach {
	r := Reach{Tier: snapshot.Tier3}
	all := map[string]bool{}
	for customer, held := range byCustomer {
		r.Customers = append(r.Customers, customer)
		privileged := false
		for role := range held {
			all[role] = true
			privileged = privileged || snapshot.RoleByID(role).Tier.Privileged()
		}
		if privileged {
			r.Privileged = append(r.Privileged, customer)
		}
	}
	slices.Sort(r.Customers)
	slices.Sort(r.Privileged)
	if len(all) > 0 {
		r.Role = slices.MinFunc(slices.Collect(maps.Keys(all)), byPower)
		r.Tier = snapshot.RoleByID(r.Role).Tier
	}
	return r
}

// byPower orders roles from the most powerful: by tier, Global Administrator
// first, then by id.
func byPower(a, b string) int {
	rank := func(id string) int {
		if id == snapshot.GlobalAdministrator {
			return -1
		}
		return int(snapshot.RoleByID(id).Tier)
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a, b))
}

// Held lists the direct memberships that open something, nested groups left out:
// one for each principal and group, what is held now before what may be activated.
func (in Input) Held() []snapshot.Membership {
	var out []snapshot.Membership
	for _, m := range in.Access.Direct {
		if _, opens := in.Reach[m.Group]; !opens || m.Type == snapshot.TypeGroup {
			continue
		}
		if n := len(out) - 1; n < 0 || out[n].Group != m.Group || out[n].Principal != m.Principal {
			out = append(out, m)
		} else if out[n].State == snapshot.Eligible {
			out[n] = m
		}
	}
	return out
}

// Through lists the groups by which a principal is in a mapped group.
func (in Input) Through(mapped, principal string) []string {
	for _, m := range in.Access.Members(mapped) {
		if m.Principal == principal {
			return m.Via
		}
	}
	return nil
}
