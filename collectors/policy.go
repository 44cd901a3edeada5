package collectors

import (
	"cmp"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// pimPolicy is a PIM policy with its rules, and what it is assigned to: a group as
// member or owner, or a directory role.
// https://learn.microsoft.com/graph/api/policyroot-list-rolemanagementpolicyassignments
type pimPolicy struct {
	ScopeID          ident
	RoleDefinitionID string
	Policy           struct {
		LastModifiedDateTime instant
		Rules                []policyRule
	}
}

// policyRule is one of the fixed rules of a policy; which fields it has follows
// from its type, what it is about from its id.
type policyRule struct {
	Type                       string `json:"@odata.type"`
	ID                         string
	Target                     struct{ Caller, Level string }
	IsExpirationRequired       bool
	MaximumDuration            string
	EnabledRules               []string
	IsEnabled                  bool
	ClaimValue                 string
	IsDefaultRecipientsEnabled bool
	NotificationRecipients     []string
	Setting                    struct {
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

// names sorts the names of approvers, each once.
func names(approvers []approver) (all []string) {
	for _, a := range approvers {
		all = append(all, a.name())
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// approvers are the names of all stages.
func (r policyRule) approvers() []string {
	var all []approver
	for _, stage := range r.Setting.ApprovalStages {
		all = slices.Concat(all, stage.PrimaryApprovers, stage.EscalationApprovers)
	}
	return names(all)
}

func (r policyRule) enables(what string) bool {
	return slices.ContainsFunc(r.EnabledRules, func(e string) bool { return strings.EqualFold(e, what) })
}

var (
	errNoPolicy = errors.New("has no policy with rules")
	errNoRule   = errors.New("has a rule without an id")
)

func readPolicy(raw json.RawMessage) (pimPolicy, error) {
	var w pimPolicy
	if err := json.Unmarshal(raw, &w); err != nil {
		return w, err
	}
	if w.ScopeID == "" || w.RoleDefinitionID == "" {
		return w, errNoID
	}
	if len(w.Policy.Rules) == 0 {
		return w, errNoPolicy
	}
	return w, nil
}

// demands is what the rules of a policy come to.
func (w pimPolicy) demands() snapshot.GroupPolicy {
	p := snapshot.GroupPolicy{Modified: w.Policy.LastModifiedDateTime.Time}
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
			p.Approval, p.Approvers = r.Setting.IsApprovalRequired, r.approvers()
		case "expiration_admin_eligibility":
			p.EligibilityExpires, p.MaxEligibility = r.IsExpirationRequired, r.MaximumDuration
		case "expiration_admin_assignment":
			p.AssignmentExpires, p.MaxAssignment = r.IsExpirationRequired, r.MaximumDuration
		}
	}
	return p
}

// rules are all of them, known or not, as details.
func (w pimPolicy) rules(tenant, subject, access string) ([]store.Row, error) {
	var rows []store.Row
	for _, r := range w.Policy.Rules {
		if r.ID == "" {
			return nil, errNoRule
		}
		lines := slices.Concat(r.EnabledRules, r.approvers(), r.NotificationRecipients)
		if r.ClaimValue != "" {
			lines = append(lines, r.ClaimValue)
		}
		slices.Sort(lines)
		kind := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(r.Type, typePrefix), "unifiedRoleManagementPolicy"), "Rule")
		rows = append(rows, snapshot.PolicyRule{
			Tenant: tenant, Subject: subject, Access: access, Rule: r.ID, Type: kind,
			Caller: spelled(r.Target.Caller, "Admin", "EndUser", "None"), Level: spelled(r.Target.Level, "Eligibility", "Assignment"),
			Demanded: r.IsExpirationRequired || len(r.EnabledRules) > 0 || r.Setting.IsApprovalRequired || r.IsEnabled || r.IsDefaultRecipientsEnabled,
			Duration: r.MaximumDuration, Details: strings.Join(slices.Compact(lines), "\n"),
		})
	}
	return rows, nil
}
