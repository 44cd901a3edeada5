package snapshot

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Coverage says how much of one kind a snapshot saw in a scope: the MSP's tenant,
// or one customer. It is the worst of its parts; only a kind all of whose parts are
// complete is complete. Rows counts what was received. Since and Until frame what
// was read of a log, in whole windows or from exports, else zero. LastSeen is the instant of the last snapshot by
// which every part had been seen whole; zero: some part never was.
type Coverage struct {
	Scope    string    `json:"scope"`
	Kind     Kind      `json:"kind"`
	State    State     `json:"state"`
	Reason   string    `json:"reason"`
	Requests int       `json:"requests"`
	Pages    int       `json:"pages"`
	Rows     int       `json:"rows"`
	Since    time.Time `json:"from,omitzero"`
	Until    time.Time `json:"to,omitzero"`
	Asked    time.Time `json:"asked,omitzero"` // of the first part
	LastSeen time.Time `json:"last_seen,omitzero"`
}

// partCoverage is the coverage of one part: of the object, or the tenant itself.
type partCoverage struct {
	Object string
	Coverage
}

// Parts is the coverage of a snapshot by part, and what is needed to tell which
// parts a customer's chains rest on.
type Parts struct {
	tenant        string
	seen          []partCoverage
	relationships map[string][]string // customer -> those that may give access
}

// MayGiveAccess reports whether a relationship in the status gives access or is
// about to, so that its access assignments matter. A word that is not known may.
func MayGiveAccess(status string) bool {
	switch strings.ToLower(status) {
	case "created", "approvalpending", "expired", "terminated":
		return false
	}
	return true
}

// LoadCoverage reads the coverage of a sealed snapshot, one entry a kind, in the
// order of Kinds.
func LoadCoverage(ctx context.Context, q Querier, snapshot int64) ([]Coverage, error) {
	p, err := LoadParts(ctx, q, snapshot)
	if err != nil {
		return nil, err
	}
	return p.Kinds(), nil
}

// LoadParts reads the coverage of a sealed snapshot by part.
func LoadParts(ctx context.Context, q Querier, snapshot int64) (*Parts, error) {
	p := &Parts{relationships: map[string][]string{}}
	err := each(ctx, q, `SELECT tenant FROM sealed_snapshot WHERE id = ?`, snapshot, func(r *sql.Rows) error { return r.Scan(&p.tenant) })
	if err != nil {
		return nil, fmt.Errorf("load coverage of snapshot %d: %w", snapshot, err)
	}
	if p.tenant == "" {
		return nil, fmt.Errorf("load coverage: there is no sealed snapshot %d", snapshot)
	}
	err = each(ctx, q, `
		SELECT kind, scope, object, state, reason, asked, requests, pages, rows, since, until, last_seen
		FROM   part_coverage WHERE snapshot = ? ORDER BY kind, scope, object`, snapshot, func(r *sql.Rows) error {
		var c partCoverage
		err := r.Scan(&c.Kind, &c.Scope, &c.Object, &c.State, &c.Reason, (*instant)(&c.Asked), &c.Requests, &c.Pages, &c.Rows,
			(*instant)(&c.Since), (*instant)(&c.Until), (*instant)(&c.LastSeen))
		p.seen = append(p.seen, c)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load coverage of snapshot %d: %w", snapshot, err)
	}
	err = each(ctx, q, `SELECT id, customer, status FROM relationship WHERE snapshot = ? ORDER BY id`, snapshot, func(r *sql.Rows) error {
		var id, customer, status string
		if err := r.Scan(&id, &customer, &status); err != nil {
			return err
		}
		if MayGiveAccess(status) {
			p.relationships[customer] = append(p.relationships[customer], id)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("load coverage of snapshot %d: %w", snapshot, err)
	}
	return p, nil
}

// Kinds gives the coverage of every kind over all its parts. A kind of which the
// snapshot knows no part was not asked.
func (p *Parts) Kinds() []Coverage {
	byKind := map[Kind][]partCoverage{}
	for _, c := range p.seen {
		byKind[c.Kind] = append(byKind[c.Kind], c)
	}
	var out []Coverage
	for _, kind := range Kinds {
		out = append(out, overall(p.tenant, kind, byKind[kind]))
	}
	return out
}

// Customer gives the coverage of every kind over exactly the parts that a
// customer's chains need: the access assignments of its relationships, the lists of
// its mapped groups and those nested in them, and what is asked of the tenant.
func (p *Parts) Customer(a *Access, customer string) []Coverage {
	byPart := map[Part]partCoverage{}
	byKind := map[Kind][]partCoverage{}
	for _, c := range p.seen {
		byPart[Part{c.Kind, c.Scope, c.Object}] = c
		byKind[c.Kind] = append(byKind[c.Kind], c)
	}
	groups := a.groupsOf(customer)
	var out []Coverage
	for _, kind := range Kinds {
		parts := byKind[kind]
		switch {
		case kind.OfCustomer():
			parts = ofScope(kind, parts, p.tenant, customer)
		case kind == AccessAssignments:
			parts = p.needed(byPart, kind, p.relationships[customer])
		case slices.Contains(ofGroup, kind):
			parts = p.needed(byPart, kind, groups)
		}
		out = append(out, overall(customer, kind, parts))
	}
	return out
}

// ofGroup are the kinds that have a part for each group.
var ofGroup = []Kind{Groups, GroupOwners, GroupAssignments, Memberships, GroupEligibilities, GroupActivations, GroupPolicies}

// Tenants gives the coverage of every kind that is collected of customers, customer
// by customer, for those of whom something was asked; by scope, then in the order of
// Kinds.
func (p *Parts) Tenants() []Coverage {
	type key struct {
		scope string
		kind  Kind
	}
	parts := map[key][]partCoverage{}
	var scopes []string
	for _, c := range p.seen {
		if c.Kind.OfCustomer() && c.Scope != p.tenant {
			parts[key{c.Scope, c.Kind}] = append(parts[key{c.Scope, c.Kind}], c)
			scopes = append(scopes, c.Scope)
		}
	}
	slices.Sort(scopes)
	var out []Coverage
	for _, scope := range slices.Compact(scopes) {
		for _, kind := range Kinds {
			if of := parts[key{scope, kind}]; len(of) > 0 {
				out = append(out, overall(scope, kind, of))
			}
		}
	}
	return out
}

// ofScope picks the parts of a customer. Where it has none, the kind was not set up
// for it, or for anybody.
func ofScope(kind Kind, parts []partCoverage, tenant, customer string) []partCoverage {
	var own, all []partCoverage
	for _, c := range parts {
		switch c.Scope {
		case customer:
			own = append(own, c)
		case tenant:
			all = append(all, c)
		}
	}
	switch {
	case len(own) > 0:
		return own
	case len(all) > 0 && all[0].State != Complete:
		return all
	case len(parts) == 0:
		return nil
	case len(all) > 0 && !slices.Contains(TenantKinds, kind):
		return []partCoverage{{Coverage: Coverage{State: NotConfigured, Reason: notListed}}}
	}
	return []partCoverage{{Coverage: Coverage{State: NotConfigured, Reason: "this customer's tenant is not read: let the customer consent to the app, and name the kind in the column collect of customers.csv"}}}
}

// notListed is all that an empty list of subscriptions tells of a customer.
const notListed = "no Azure subscription of this customer is listed: it delegates none, or its offer does not name the app; Azure lists only those in which the app has a role, so name it as Reader in every offer"

// Exports is the object of what a folder of exports does not tell of a kind.
const Exports = "portal"

// needed picks the parts of the objects. A kind that was left out altogether, or
// could not be asked object by object, has one part for the tenant that says why, and
// so have exports that tell less than the API.
func (p *Parts) needed(seen map[Part]partCoverage, kind Kind, objects []string) []partCoverage {
	for _, object := range []string{p.tenant, Exports} {
		if c := seen[Part{kind, p.tenant, object}]; c.State != Complete && c.State != "" {
			return []partCoverage{c}
		}
	}
	var parts []partCoverage
	for _, object := range objects {
		c, ok := seen[Part{kind, p.tenant, object}]
		if !ok {
			c.State, c.Reason = NotAsked, notAsked
		}
		parts = append(parts, c)
	}
	if len(parts) == 0 {
		return []partCoverage{{Coverage: Coverage{State: Complete}}} // there is nothing to ask
	}
	return parts
}

// groupsOf lists the mapped groups of a customer and those nested in them.
func (a *Access) groupsOf(customer string) []string {
	seen := map[string]bool{}
	var all []string
	add := func(group string) {
		if !seen[group] {
			seen[group] = true
			all = append(all, group)
		}
	}
	for _, g := range a.grants[customer] {
		add(g.Group)
	}
	for i := 0; i < len(all); i++ {
		for _, e := range a.direct[all[i]] {
			if m := a.Direct[e]; m.Type == TypeGroup {
				add(m.Principal)
			}
		}
	}
	slices.Sort(all)
	return all
}

const notAsked = "was not asked by this snapshot"

// gravity orders states: the graver one stands for a kind.
var gravity = map[State]int{Complete: 0, NotAsked: 1, Partial: 2, NotConfigured: 3, NotLicensed: 4, NotPermitted: 5, Failed: 6}

// overall is the coverage of a kind from that of its parts. Where some failed and
// others came, the kind is partial.
func overall(scope string, kind Kind, parts []partCoverage) Coverage {
	all := Coverage{Scope: scope, Kind: kind, State: Complete}
	if len(parts) == 0 {
		all.State, all.Reason = NotAsked, notAsked
		return all
	}
	short, like, came := 0, 0, false
	remarks, remark := 0, ""
	for i, c := range parts {
		if c.State == Complete && c.Reason != "" {
			remarks, remark = remarks+1, cmp.Or(remark, c.Reason)
		}
		if c.State != Complete {
			short++
		}
		came = came || c.State == Complete || c.State == Partial
		if gravity[c.State] > gravity[all.State] {
			all.State, all.Reason, like = c.State, c.Reason, 0
		}
		if c.State == all.State && c.Reason == all.Reason {
			like++
		}
		all.Requests, all.Pages, all.Rows = all.Requests+c.Requests, all.Pages+c.Pages, all.Rows+c.Rows
		all.Asked = earlier(all.Asked, c.Asked)
		if c.State == Complete || c.Object == c.Scope { // a window seen whole, or what exports hold
			all.Since = earlier(all.Since, c.Since)
			if c.Until.After(all.Until) {
				all.Until = c.Until
			}
		}
		if i == 0 || c.LastSeen.Before(all.LastSeen) {
			all.LastSeen = c.LastSeen
		}
	}
	if all.State == Failed && came {
		all.State = Partial
	}
	if short == 0 && remarks > 0 {
		all.Reason = remark
		if len(parts) > 1 {
			all.Reason = fmt.Sprintf("%d of %d seen whole with a remark: %s", remarks, len(parts), remark)
		}
	}
	if short == 0 {
		all.Reason = strings.Trim(all.Reason+"; "+Limits[kind], "; ")
	}
	if short > 0 && len(parts) > 1 {
		of := ""
		if like < short {
			of = fmt.Sprintf(", %d of them", like)
		}
		all.Reason = fmt.Sprintf("%d of %d not seen whole%s: %s", short, len(parts), of, cmp.Or(all.Reason, string(all.State)))
	}
	return all
}
