package collectors

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
)

// tenantLists asks who the customers are, and by which relationships. Without an answer
// to either there is nothing to ask of anybody else.
func (r *runner) tenantLists(ctx context.Context) error {
	lists := []collector{customers{r.shrunk("customer", "customers")}, relationships{r.shrunk("relationship", "relationships")}}
	silent := make([]error, len(lists))
	r.together(ctx, len(lists), func(ctx context.Context, i int) {
		if err := r.part(ctx, r.msp(), lists[i], r.Tenant); shutOut(err) {
			silent[i] = err
		}
	})
	if slices.Contains(silent, nil) {
		return nil
	}
	return fmt.Errorf("nothing can be read from tenant %s: %w", r.Tenant, silent[0])
}

// assignments asks for the access assignments of every relationship that gives or
// may give access.
func (r *runner) assignments(ctx context.Context) error {
	c := accessAssignments{}
	if !r.asks(c) {
		r.notAsked(ctx, c, r.Tenant, leftOutKind)
		return nil
	}
	known, err := r.relationships(ctx)
	if err != nil {
		return err
	}
	known = slices.DeleteFunc(known, func(x relationship) bool { return !snapshot.MayGiveAccess(x.status) })
	r.expect(len(known))
	for _, x := range known {
		r.await(x.customer)
	}
	r.together(ctx, len(known), func(ctx context.Context, i int) {
		x := known[i]
		if !r.asksCustomer(x.customer) {
			r.notAsked(ctx, c, x.id, leftOutCustomer)
			r.progress(c)
		} else {
			r.part(ctx, r.msp(), c, x.id)
		}
		r.settle(ctx, x.customer)
	})
	r.none(ctx, c, len(known), "relationship")
	return nil
}

// onceLists asks for what there is once in the MSP's tenant: groups follow from its
// directory roles too, and from its licences how long its logs are kept.
func (r *runner) onceLists(ctx context.Context) error {
	once := []collector{accessPackages{}, directoryRoles{snapshot.DirectoryRoles}, licences{snapshot.Licences}, conditionalAccess{snapshot.ConditionalAccess}}
	if r.Delegated {
		once = append(once, lighthouse{})
	} else {
		r.notConfigured(ctx, snapshot.Lighthouse, "Microsoft lets no app read it, only a signed-in person: sign in with a credential of kind azure-cli or token to have it")
	}
	r.templates(ctx)
	r.together(ctx, len(once), func(ctx context.Context, i int) { r.part(ctx, r.msp(), once[i], r.Tenant) })
	return nil
}

// ofGroup are the lists that are asked for each group, in this order: assignments
// and members back to back, so that an activation explains why somebody is in the
// members list.
var ofGroup = []collector{groupAssignments{}, memberships{}, groupEligibilities{}, groupActivations{}, groupPolicies{}, groupOwners{}}

// walkGroups asks for the mapped groups and, level by level, for those nested in
// them, each once.
func (r *runner) walkGroups(ctx context.Context) error {
	level, maybe, err := r.groupsToWalk(ctx)
	if err != nil {
		return err
	}
	known, err := r.standingGroups(ctx)
	if err != nil {
		return err
	}
	asked := 0 // lists of a group
	for _, c := range ofGroup {
		if r.asks(c) {
			asked++
		}
	}
	seen := map[string]bool{}
	for len(level) > 0 && ctx.Err() == nil {
		for _, id := range level {
			seen[id] = true
		}
		if r.asks(&groups{}) {
			r.expect(len(level))
		}
		r.expect(asked * len(level))
		walked := make([]string, len(level))
		r.together(ctx, len(level), func(ctx context.Context, i int) {
			gone, here := known[level[i]]
			if r.walkGroup(ctx, level[i], &groups{maybe: maybe[level[i]], none: maybe[level[i]] && !here, gone: gone}) {
				walked[i] = level[i]
			} else {
				r.expect(-asked)
			}
		})
		if level, err = r.nestedIn(ctx, walked); err != nil {
			return err
		}
		unnamed, err := r.unnamedIn(ctx, walked)
		if err != nil {
			return err
		}
		for _, id := range unnamed {
			if !slices.Contains(level, id) {
				level, maybe[id] = append(level, id), true
			}
		}
		level = slices.DeleteFunc(level, func(id string) bool { return seen[id] })
	}
	for _, c := range append([]collector{&groups{}}, ofGroup...) {
		if !r.asks(c) {
			r.notAsked(ctx, c, r.Tenant, leftOutKind)
		} else {
			r.none(ctx, c, len(seen), "mapped group")
		}
	}
	return nil
}

// walkGroup asks for a group and its lists, and reports whether it is one.
func (r *runner) walkGroup(ctx context.Context, id string, group *groups) bool {
	if r.asks(group) {
		r.part(ctx, r.msp(), group, id)
	}
	if group.none {
		return false
	}
	for _, c := range ofGroup {
		if r.asks(c) {
			r.groupPart(ctx, c, id, group.gone)
		}
	}
	return true
}

// people asks for users, then for what is said of them.
func (r *runner) people(ctx context.Context) error {
	reach, err := r.reach(ctx)
	if err != nil {
		return err
	}
	staff := map[string]bool{}
	for _, account := range r.Declared.Staff {
		staff[strings.ToLower(account.UPN)] = true
	}
	r.part(ctx, r.msp(), users{reach, staff}, r.Tenant)
	if err := r.addUsers(ctx, reach); err != nil {
		return err
	}
	said := []collector{mfaRegistrations{reach}, riskyUsers{reach}}
	r.together(ctx, len(said), func(ctx context.Context, i int) { r.part(ctx, r.msp(), said[i], r.Tenant) })
	return nil
}

// logs asks for the logs of the MSP's own tenant.
func (r *runner) logs(ctx context.Context) error {
	if err := r.directoryLog(ctx, r.msp(), snapshot.SignIns, oneDay, func(w window) collector { return signIns{r.Tenant, w} }); err != nil {
		return err
	}
	return r.directoryLog(ctx, r.msp(), snapshot.Audits, oneDay, func(w window) collector { return audits{kind: snapshot.Audits, window: w, msp: r.Tenant} })
}

// partnerLog asks for the log of Partner Center.
func (r *runner) partnerLog(ctx context.Context) error {
	if r.Partner == nil {
		r.notConfigured(ctx, snapshot.PartnerAudits, partnerNotAsked)
		return nil
	}
	return r.log(ctx, place{r.Tenant, r.Partner}, snapshot.PartnerAudits, snapshot.PartnerLogKept, oneDay, func(w window) collector { return partnerAudits{w} })
}

const partnerNotAsked = "Partner Center is not asked: set sources.partner_center in the configuration"
