package collectors

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
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
	NotificationLevel          string
	NotificationRecipients     []string
	Setting                    approvalSetting
}

// https://learn.microsoft.com/graph/api/resources/approvalsettings
type approvalSetting struct {
	IsApprovalRequired bool
	ApprovalMode       string
	ApprovalStages     []approvalStage
}

func (s approvalSetting) details() (lines []string) {
	if s.ApprovalMode != "" {
		lines = append(lines, "mode "+s.ApprovalMode)
	}
	for i, stage := range s.ApprovalStages {
		of := ""
		if len(s.ApprovalStages) > 1 {
			of = fmt.Sprintf("stage %d: ", i+1)
		}
		for _, line := range stage.details() {
			lines = append(lines, of+line)
		}
	}
	return lines
}

// approvalStage is who approves in turn, and who does if they do not in time.
// https://learn.microsoft.com/graph/api/resources/unifiedapprovalstage
type approvalStage struct {
	PrimaryApprovers, EscalationApprovers                []approver
	IsEscalationEnabled, IsApproverJustificationRequired bool
	EscalationTimeInMinutes, ApprovalStageTimeOutInDays  int
}

// escalation is nobody where it is not switched on.
func (s approvalStage) escalation() []approver {
	if !s.IsEscalationEnabled {
		return nil
	}
	return s.EscalationApprovers
}

func (s approvalStage) details() []string {
	lines := names(s.PrimaryApprovers)
	for _, name := range names(s.escalation()) {
		lines = append(lines, fmt.Sprintf("%s after PT%dM", name, s.EscalationTimeInMinutes))
	}
	if s.IsApproverJustificationRequired {
		lines = append(lines, "approver justification")
	}
	if s.ApprovalStageTimeOutInDays > 0 {
		lines = append(lines, fmt.Sprintf("time-out P%dD", s.ApprovalStageTimeOutInDays))
	}
	return lines
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
		all = slices.Concat(all, stage.PrimaryApprovers, stage.escalation())
	}
	return names(all)
}

func (r policyRule) enables(what string) bool {
	return like(what, r.EnabledRules...)
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

// details are what a rule says beyond its own fields, in sorted lines.
func (r policyRule) details() []string {
	lines := slices.Concat(r.EnabledRules, r.NotificationRecipients)
	if r.ClaimValue != "" {
		lines = append(lines, r.ClaimValue)
	}
	if r.NotificationLevel != "" {
		lines = append(lines, "level "+r.NotificationLevel)
	}
	if r.IsDefaultRecipientsEnabled {
		lines = append(lines, "default recipients")
	}
	if r.Setting.IsApprovalRequired {
		lines = append(lines, r.Setting.details()...)
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// rules are all of them, known or not, as details.
func (w pimPolicy) rules(tenant, subject, access string) ([]store.Row, error) {
	var rows []store.Row
	for _, r := range w.Policy.Rules {
		if r.ID == "" {
			return nil, errNoRule
		}
		kind := strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(r.Type, typePrefix), "unifiedRoleManagementPolicy"), "Rule")
		rows = append(rows, snapshot.PolicyRule{
			Tenant: tenant, Subject: subject, Access: access, Rule: r.ID, Type: kind,
			Caller: spelled(r.Target.Caller, "Admin", "EndUser", "None"), Level: spelled(r.Target.Level, "Eligibility", "Assignment"),
			Demanded: r.IsExpirationRequired || len(r.EnabledRules) > 0 || r.Setting.IsApprovalRequired || r.IsEnabled,
			Duration: r.MaximumDuration, Details: strings.Join(r.details(), "\n"),
		})
	}
	return rows, nil
}
