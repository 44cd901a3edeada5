package reviews

import (
	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// Uncovered stands for the paths of one principal by one access assignment: all
// its roles share the edges. Missing lists the items that were not decided.
type Uncovered struct {
	Customer         rule.Ref `json:"customer"`
	Principal        rule.Ref `json:"principal"`
	Group            rule.Ref `json:"group"`
	AccessAssignment string   `json:"access_assignment"`
	Paths            int      `json:"paths"`
	Missing          []string `json:"missing"`
}

type coverage struct{ paths, covered, attested int }

// decided is what is known of a set of edges: those without a decision, and
// whether all were approved.
type decided struct {
	missing  []string
	attested bool
}

// coverage walks every access path of the campaign's snapshot. A path is covered
// when every edge has a decision: each direct membership on any way of the
// principal into the mapped group, the delegation and the relationship. An edge
// without an item covers nothing.
func (r *round) coverage(each func(Uncovered)) coverage {
	items := make(map[Key]*Item, len(r.items))
	for i := range r.items {
		items[r.items[i].Key] = &r.items[i]
	}
	judge := func(keys ...Key) decided {
		d := decided{attested: len(keys) > 0}
		for _, key := range keys {
			switch item := items[key]; {
			case item == nil:
				d.missing = append(d.missing, string(key.Kind)+" "+key.From+" "+key.To)
			case item.Decision == nil:
				d.missing = append(d.missing, item.ID)
			default:
				d.attested = d.attested && item.Decision.Verdict == Approve
			}
		}
		d.attested = d.attested && len(d.missing) == 0
		return d
	}
	ways := map[edge]decided{}
	var c coverage
	for _, tenant := range r.world.tenants {
		for _, g := range r.world.Grants(tenant) {
			above := judge(Key{Delegation, g.Group, tenant}, Key{Relationship, g.Relationship.ID, tenant})
			for _, m := range r.world.Members(g.Group) {
				e := edge{g.Group, m.Principal}
				way, ok := ways[e]
				if !ok {
					way = judge(edgeKeys(r.world.Edges(g.Group, m.Principal))...)
					ways[e] = way
				}
				c.paths += len(g.Roles)
				if missing := len(way.missing) + len(above.missing); missing > 0 {
					each(Uncovered{r.world.customer(tenant), r.world.principal(m.Principal), r.world.group(g.Group), g.ID, len(g.Roles),
						append(append(make([]string, 0, missing), way.missing...), above.missing...)})
					continue
				}
				c.covered += len(g.Roles)
				if way.attested && above.attested {
					c.attested += len(g.Roles)
				}
			}
		}
	}
	return c
}

// edgeKeys names the items of memberships; the states of one edge share an item.
func edgeKeys(edges []snapshot.Membership) []Key {
	var keys []Key
	for _, m := range edges { // sorted by group and principal
		key := Key{Membership, m.Group, m.Principal}
		if n := len(keys); n == 0 || keys[n-1] != key {
			keys = append(keys, key)
		}
	}
	return keys
}
