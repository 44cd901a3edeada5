package leastprivilege

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// A role that another one, held at the same customer, certainly includes.
//
// Within a group both come together. Over two groups, only a membership that is
// held all the time makes another one redundant: to hold a small role and to be
// eligible for a great one is how it should be.
var RoleRedundant = rule.Rule{
	ID:       "role-redundant",
	Theme:    "least-privilege",
	Title:    "Role is included in another one that is held",
	Severity: rule.Medium,
	Why:      "The smaller role adds nothing, and hides that the greater one is used for everything.",
	Fix:      "Remove the smaller role; better, keep the smaller one and make the greater one a matter of activation.",
	Needs: []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships,
		snapshot.GroupAssignments, snapshot.GroupEligibilities},
	Check: checkRedundant,
}

// overlap is a role of one group that a role of the same or another group includes.
type overlap struct{ group, role, over string }

// included is the greater role, of which the first by id is named, and the
// customers at which both are held.
type included struct {
	by        string
	customers []string
}

func checkRedundant(_ context.Context, in rule.Input) (rule.Answer, error) {
	overlaps := findOverlaps(in)
	keys := slices.SortedFunc(maps.Keys(overlaps), func(a, b overlap) int {
		return cmp.Or(cmp.Compare(a.group, b.group), cmp.Compare(a.role, b.role), cmp.Compare(a.over, b.over))
	})
	var answer rule.Answer
	told := map[string]bool{} // fingerprints
	for _, k := range keys {
		if k.over == k.group {
			answer.Findings = append(answer.Findings, groupFinding(in, k, overlaps[k]))
			continue
		}
		if _, within := overlaps[overlap{k.group, k.role, k.group}]; within {
			continue // mended in the group already
		}
		for _, f := range peopleFindings(in, k, overlaps[k]) {
			if !told[f.Fingerprint] {
				told[f.Fingerprint] = true
				answer.Findings = append(answer.Findings, f)
			}
		}
	}
	return answer, nil
}

// findOverlaps compares the roles of all groups that meet at a customer.
func findOverlaps(in rule.Input) map[overlap]included {
	out := map[overlap]included{}
	known := map[[2]string][][2]string{}
	for _, c := range in.Customers {
		roles := map[string][]string{}
		for _, g := range in.Access.Grants(c.ID) {
			roles[g.Group] = append(roles[g.Group], g.Roles...)
		}
		lists := map[string]string{}
		for group, held := range roles {
			slices.Sort(held)
			lists[group] = strings.Join(slices.Compact(held), " ")
		}
		for group, small := range lists {
			for over, great := range lists {
				for _, pair := range inclusions(known, great, small) {
					k := overlap{group, pair[1], over}
					found := out[k]
					if found.by == "" || pair[0] < found.by {
						found.by = pair[0]
					}
					if n := len(found.customers); n == 0 || found.customers[n-1] != c.ID {
						found.customers = append(found.customers, c.ID)
					}
					out[k] = found
				}
			}
		}
	}
	return out
}

// inclusions lists the pairs of a role of the first list that includes one of the
// second, remembering what it compared: most customers have the same few lists.
func inclusions(known map[[2]string][][2]string, great, small string) [][2]string {
	key := [2]string{great, small}
	pairs, ok := known[key]
	if !ok {
		for _, a := range strings.Fields(great) {
			for _, b := range strings.Fields(small) {
				if snapshot.RoleIncludes(a, b) {
					pairs = append(pairs, [2]string{a, b})
				}
			}
		}
		known[key] = pairs
	}
	return pairs
}

func groupFinding(in rule.Input, k overlap, found included) rule.Finding {
	f := in.Touching(rule.Finding{
		Group:       in.Group(k.group),
		Role:        rule.Role(k.role),
		Fingerprint: rule.Fingerprint("role-redundant", k.group, k.role),
	}, found.customers...)
	f.Message = fmt.Sprintf("The group %s holds %s at %s, although its role %s includes it", f.Group.Name, f.Role.Name, in.Where(found.customers), rule.Role(found.by).Name)
	return f
}

// peopleFindings names those whom the greater role of the one group makes the
// smaller role of the other needless.
func peopleFindings(in rule.Input, k overlap, found included) []rule.Finding {
	always := map[string]bool{}
	for _, m := range in.Access.Members(k.over) {
		always[m.Principal] = m.State == snapshot.Standing || m.State == snapshot.TimeBound
	}
	var out []rule.Finding
	for _, m := range in.Access.Members(k.group) {
		if !always[m.Principal] {
			continue
		}
		f := in.Touching(rule.Finding{
			Person:      in.Person(m.Principal),
			Group:       in.Group(k.group),
			Role:        rule.Role(k.role),
			Fingerprint: rule.Fingerprint("role-redundant", m.Principal, k.group, k.role),
			Through:     append(slices.Clone(m.Via), k.over),
		}, found.customers...)
		f.Message = fmt.Sprintf("%s has %s at %s through the group %s, although %s, held all the time through the group %s, includes it",
			in.Who(m.Principal), f.Role.Name, in.Where(found.customers), f.Group.Name, rule.Role(found.by).Name, in.Access.GroupName(k.over))
		out = append(out, f)
	}
	return out
}
