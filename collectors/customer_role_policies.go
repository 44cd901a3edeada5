package collectors

import (
	"context"
	"encoding/json"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// rolePolicies lists what PIM demands for the directory roles of a customer.
type rolePolicies struct{}

func (rolePolicies) Kind() snapshot.Kind { return snapshot.CustomerRolePolicies }

func (rolePolicies) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.list(ctx, policyPath("/", "DirectoryRole"), func(raw json.RawMessage) (store.Item, error) {
		return decodeRolePolicy(part.Scope, raw)
	})
}

func decodeRolePolicy(tenant string, raw json.RawMessage) (store.Item, error) {
	w, err := readPolicy(raw)
	if err != nil {
		return store.Item{}, err
	}
	if w.ScopeID != "/" {
		return store.Item{}, errForeign
	}
	p, role := w.demands(), strings.ToLower(w.RoleDefinitionID)
	rules, err := w.rules(tenant, role, "")
	return store.Item{Fact: snapshot.RolePolicy{
		Tenant: tenant, Role: role, MaxActivation: p.MaxActivation, MFA: p.MFA, AuthenticationContext: p.AuthenticationContext, Justification: p.Justification,
		Ticket: p.Ticket, Approval: p.Approval, Approvers: p.Approvers, EligibilityExpires: p.EligibilityExpires, MaxEligibility: p.MaxEligibility,
		AssignmentExpires: p.AssignmentExpires, MaxAssignment: p.MaxAssignment, Modified: p.Modified,
	}, Details: rules}, err
}
