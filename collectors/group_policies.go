package collectors

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groupPolicies asks what PIM demands for becoming member or owner of one group.
// https://learn.microsoft.com/graph/api/policyroot-list-rolemanagementpolicyassignments
type groupPolicies struct{}

func (groupPolicies) Kind() snapshot.Kind { return snapshot.GroupPolicies }

func (groupPolicies) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	path := "/v1.0/policies/roleManagementPolicyAssignments" +
		query("$filter", "scopeId eq "+quoted(part.Object)+" and scopeType eq 'Group'", "$expand", "policy($expand=rules)")
	return s.list(ctx, path, func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeGroupPolicy(raw)
		return store.Item{Fact: got}, about(got.Group, part.Object, err)
	})
}

// policyRule is one of the fixed rules of a policy; which fields it has follows
// from its type, what it is about from its id.
type policyRule struct {
	ID                   string
	IsExpirationRequired bool
	MaximumDuration      string
	EnabledRules         []string
	IsEnabled            bool
	ClaimValue           string
	Setting              struct {
		IsApprovalRequired bool
		ApprovalStages     []struct{ PrimaryApprovers, EscalationApprovers []approver }
	}
}

// approver names a person, a group, or the manager of whoever asks.
type approver struct {
	Type                string `json:"@odata.type"`
	UserID, GroupID, ID ident
}

func (a approver) name() string {
	return cmp.Or(string(cmp.Or(a.UserID, a.GroupID, a.ID)), strings.TrimPrefix(a.Type, typePrefix))
}

func (r policyRule) enables(what string) bool {
	return slices.ContainsFunc(r.EnabledRules, func(e string) bool { return strings.EqualFold(e, what) })
}

var errNoPolicy = errors.New("has no policy with rules")

func decodeGroupPolicy(raw json.RawMessage) (snapshot.GroupPolicy, error) {
	var w struct {
		ScopeID          ident
		RoleDefinitionID string
		Policy           struct {
			LastModifiedDateTime instant
			Rules                []policyRule
		}
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.GroupPolicy{}, err
	}
	if w.ScopeID == "" || w.RoleDefinitionID == "" {
		return snapshot.GroupPolicy{}, errNoID
	}
	if len(w.Policy.Rules) == 0 {
		return snapshot.GroupPolicy{}, errNoPolicy
	}
	p := snapshot.GroupPolicy{Group: string(w.ScopeID), Access: access(w.RoleDefinitionID), Modified: w.Policy.LastModifiedDateTime.Time}
	for _, r := range w.Policy.Rules {
		switch strings.ToLower(r.ID) {
		case "expiration_enduser_assignment":
			p.MaxActivation = r.MaximumDuration
		case "enablement_enduser_assignment":
			p.MFA, p.Justification, p.Ticket = r.enables("MultiFactorAuthentication"), r.enables("Justification"), r.enables("Ticketing")
		case "authenticationcontext_enduser_assignment":
			if r.IsEnabled {
				p.AuthenticationContext = r.ClaimValue
			}
		case "approval_enduser_assignment":
			p.Approval = r.Setting.IsApprovalRequired
			for _, stage := range r.Setting.ApprovalStages {
				for _, a := range append(stage.PrimaryApprovers, stage.EscalationApprovers...) {
					p.Approvers = append(p.Approvers, a.name())
				}
			}
			slices.Sort(p.Approvers)
			p.Approvers = slices.Compact(p.Approvers)
		case "expiration_admin_eligibility":
			p.EligibilityExpires, p.MaxEligibility = r.IsExpirationRequired, r.MaximumDuration
		case "expiration_admin_assignment":
			p.AssignmentExpires, p.MaxAssignment = r.IsExpirationRequired, r.MaximumDuration
		}
	}
	return p, nil
}
