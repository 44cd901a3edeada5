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

// WayKind says by what a customer is reached beside GDAP.
type WayKind string

// The ways beside GDAP.
const (
	AzureLighthouse WayKind = "azure-lighthouse" // an authorisation under an Azure delegation
	LegacyDAP       WayKind = "dap"              // the older delegated administration, through the agents groups
)

// OtherWay gives a group, a person or an app a role at a customer without an access
// assignment. Who is in a group says Access.Members.
type OtherWay struct {
	Kind      WayKind
	Customer  string
	Principal Principal // of type group, user or, where nothing is known of it, empty
	Role      string    // Azure role definition; of DAP a template id of Entra
	State     MembershipState

	// Of an Azure authorisation.
	Subscription     string
	SubscriptionName string
	Delegation       string    // the registration assignment
	LastSeen         time.Time // of a subscription that the snapshot did not see whole; else zero
}

// agents are the groups of Partner Center with the Entra role that DAP gives each.
// https://learn.microsoft.com/partner-center/customers/gdap-faq
var agents = [...]struct{ name, role string }{
	{"AdminAgents", "62e90394-69f5-4237-9190-012177145e10"},    // Global Administrator
	{"HelpdeskAgents", "729827e3-9c14-49f7-bb1b-9608f156bbb8"}, // Helpdesk Administrator
}

// delegationHolds: a state that is not known is held to.
func delegationHolds(state string) bool {
	switch strings.ToLower(state) {
	case "deleted", "canceled", "failed":
		return false
	}
	return true
}

// HasDAP reports whether Microsoft 365 Lighthouse sees the legacy delegated
// administration at a customer with that privilege.
func HasDAP(privilege string) bool {
	return strings.EqualFold(privilege, "delegatedAdminPrivileges") || strings.EqualFold(privilege, "delegatedAndGranularDelegetedAdminPrivileges")
}

// LoadOtherWays reads, by customer, the ways of a sealed snapshot that are no access
// assignments: by kind, subscription, delegation, principal, role and state.
func LoadOtherWays(ctx context.Context, q Querier, snapshot int64) (map[string][]OtherWay, error) {
	ways := otherWays{ways: map[string][]OtherWay{}, principals: map[string]Principal{}}
	for _, load := range []func(context.Context, Querier, int64) error{ways.loadPrincipals, ways.loadAzure, ways.loadDAP} {
		if err := load(ctx, q, snapshot); err != nil {
			return nil, fmt.Errorf("load other ways of snapshot %d: %w", snapshot, err)
		}
	}
	for _, of := range ways.ways {
		slices.SortFunc(of, func(a, b OtherWay) int {
			return cmp.Or(strings.Compare(string(a.Kind), string(b.Kind)), strings.Compare(a.Subscription, b.Subscription), strings.Compare(a.Delegation, b.Delegation),
				strings.Compare(a.Principal.ID, b.Principal.ID), strings.Compare(a.Role, b.Role), cmp.Compare(strength[b.State], strength[a.State]))
		})
	}
	return ways.ways, nil
}

type otherWays struct {
	ways       map[string][]OtherWay
	principals map[string]Principal
}

func (w *otherWays) loadPrincipals(ctx context.Context, q Querier, snapshot int64) error {
	return each(ctx, q, `
		SELECT id, 'group', name, '' FROM directory_group WHERE snapshot = ?1 UNION ALL
		SELECT id, 'user', name, upn FROM directory_user WHERE snapshot = ?1`, snapshot, func(r *sql.Rows) error {
		var p Principal
		err := r.Scan(&p.ID, &p.Type, &p.Name, &p.UPN)
		w.principals[p.ID] = p
		return err
	})
}

func (w *otherWays) principal(id string) Principal {
	p := w.principals[id]
	p.ID = id
	return p
}

// loadAzure joins here, not in SQL: the views resolve ids row by row. A delegation
// stands until its subscription was seen whole without it, listed or not.
func (w *otherWays) loadAzure(ctx context.Context, q Querier, snapshot int64) error {
	names, deleted := map[string]string{}, map[string]bool{}
	if err := each(ctx, q, `SELECT id, name, state = 'Deleted' FROM azure_subscription WHERE snapshot = ?`, snapshot, func(r *sql.Rows) error {
		var id, name string
		var gone bool
		err := r.Scan(&id, &name, &gone)
		names[id], deleted[id] = name, gone
		return err
	}); err != nil {
		return err
	}
	lastSeen := map[string]time.Time{}
	if err := each(ctx, q, `SELECT object, last_seen FROM part_coverage WHERE snapshot = ? AND kind = 'azure-delegations' AND state <> 'complete'`, snapshot, func(r *sql.Rows) error {
		var id string
		var at time.Time
		err := r.Scan(&id, (*instant)(&at))
		lastSeen[id] = at
		return err
	}); err != nil {
		return err
	}
	delegations := map[string]OtherWay{}
	if err := each(ctx, q, `SELECT id, subscription, customer, state FROM azure_delegation WHERE snapshot = ?`, snapshot, func(r *sql.Rows) error {
		x, state := OtherWay{Kind: AzureLighthouse}, ""
		err := r.Scan(&x.Delegation, &x.Subscription, &x.Customer, &state)
		if x.SubscriptionName, x.LastSeen = names[x.Subscription], lastSeen[x.Subscription]; !deleted[x.Subscription] && delegationHolds(state) {
			delegations[x.Delegation] = x
		}
		return err
	}); err != nil {
		return err
	}
	return each(ctx, q, `SELECT delegation, principal, role, eligible FROM azure_authorisation WHERE snapshot = ?`, snapshot, func(r *sql.Rows) error {
		var delegation, principal, role string
		var eligible bool
		if err := r.Scan(&delegation, &principal, &role, &eligible); err != nil {
			return err
		}
		if x, holds := delegations[delegation]; holds {
			x.Principal, x.Role, x.State = w.principal(principal), role, Standing
			if eligible {
				x.State = Eligible
			}
			w.ways[x.Customer] = append(w.ways[x.Customer], x)
		}
		return nil
	})
}

// loadDAP gives a link for each agents group at each customer where DAP stands. A
// group that was not seen is named without an id: the link stands all the same.
func (w *otherWays) loadDAP(ctx context.Context, q Querier, snapshot int64) error {
	groups := map[string][]string{}
	if err := each(ctx, q, `SELECT agents, group_id FROM role_group WHERE snapshot = ? AND agents <> '' ORDER BY group_id`, snapshot, func(r *sql.Rows) error {
		var name, id string
		err := r.Scan(&name, &id)
		groups[name] = append(groups[name], id)
		return err
	}); err != nil {
		return err
	}
	linked := map[string]bool{}
	for _, query := range []string{
		`SELECT tenant, CASE delegated WHEN 1 THEN 'delegatedAdminPrivileges' ELSE '' END FROM partner_customer WHERE snapshot = ?`,
		`SELECT tenant, privilege FROM lighthouse_tenant WHERE snapshot = ?`,
	} {
		if err := each(ctx, q, query, snapshot, func(r *sql.Rows) error {
			var tenant, privilege string
			err := r.Scan(&tenant, &privilege)
			if HasDAP(privilege) {
				linked[tenant] = true
			}
			return err
		}); err != nil {
			return err
		}
	}
	for tenant := range linked {
		for _, a := range agents {
			way := OtherWay{Kind: LegacyDAP, Customer: tenant, Role: a.role, State: Standing, Principal: Principal{Type: TypeGroup, Name: a.name}}
			if len(groups[a.name]) == 0 {
				w.ways[tenant] = append(w.ways[tenant], way)
			}
			for _, id := range groups[a.name] {
				way.Principal = Principal{ID: id, Type: TypeGroup, Name: cmp.Or(w.principals[id].Name, a.name)}
				w.ways[tenant] = append(w.ways[tenant], way)
			}
		}
	}
	return nil
}
