package collectors

import (
	"context"
	"encoding/json"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groupPolicies asks what PIM demands for becoming member or owner of one group.
type groupPolicies struct{}

func (groupPolicies) Kind() snapshot.Kind { return snapshot.GroupPolicies }

func (groupPolicies) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.list(ctx, policyPath(part.Object, "Group"), func(raw json.RawMessage) (store.Item, error) {
		item, err := decodeGroupPolicy(part.Scope, raw)
		if err != nil {
			return item, err
		}
		return item, about(item.Fact.(snapshot.GroupPolicy).Group, part.Object, nil)
	})
}

// policyPath asks for the policies of one scope with all their rules; without the
// filter Graph lists nothing.
func policyPath(scope, kind string) string {
	return "/v1.0/policies/roleManagementPolicyAssignments" +
		query("$filter", "scopeId eq "+quoted(scope)+" and scopeType eq "+quoted(kind), "$expand", "policy($expand=rules)")
}

func decodeGroupPolicy(tenant string, raw json.RawMessage) (store.Item, error) {
	w, err := readPolicy(raw)
	if err != nil {
		return store.Item{}, err
	}
	p := w.demands()
	p.Group, p.Access = string(w.ScopeID), access(w.RoleDefinitionID)
	rules, err := w.rules(tenant, p.Group, p.Access)
	return store.Item{Fact: p, Details: rules}, err
}
