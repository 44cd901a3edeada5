package collectors

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// accessPackages lists the packages of entitlement management with the groups they
// lead into, how they may be requested, who has or had one, and the requests. The
// just-in-time policies of Microsoft 365 Lighthouse are such packages.
type accessPackages struct{}

func (accessPackages) Kind() snapshot.Kind { return snapshot.AccessPackages }

func (accessPackages) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	ofGroups, unlisted := map[string]bool{}, map[string]bool{} // packages
	s.onRestart(func() { clear(ofGroups); clear(unlisted) })
	for _, list := range []struct {
		name, expand string
		decode       decoder
	}{
		{"accessPackages", "catalog,resourceRoleScopes($expand=role,scope)", func(raw json.RawMessage) (store.Item, error) {
			item, err := decodeAccessPackage(raw)
			if len(item.Details) > 0 {
				ofGroups[item.Fact.(snapshot.AccessPackage).ID] = true
			}
			return item, err
		}},
		{"assignmentPolicies", "accessPackage,questions", func(raw json.RawMessage) (store.Item, error) {
			item, listed, err := decodeAccessPackagePolicy(raw)
			if p, ok := item.Fact.(snapshot.AccessPackagePolicy); ok && !listed && ofGroups[p.Package] {
				unlisted[p.Package] = true
			}
			return item, err
		}},
		{"assignments", "target,accessPackage,assignmentPolicy", func(raw json.RawMessage) (store.Item, error) {
			got, err := decodeAccessPackageAssignment(raw)
			return store.Item{Fact: got}, err
		}},
		{"assignmentRequests", "accessPackage,requestor,assignment", func(raw json.RawMessage) (store.Item, error) {
			got, err := decodeAccessPackageRequest(raw)
			return store.Item{Fact: got}, err
		}},
	} {
		if err := s.list(ctx, "/v1.0/identityGovernance/entitlementManagement/"+list.name+query("$expand", list.expand), list.decode); err != nil {
			return err
		}
	}
	if len(unlisted) > 0 {
		s.say("people who cannot be listed may get into groups by these access packages, and are not counted as eligible, because a policy is for all of a directory, for whoever fits a rule, or lets others ask for them: " +
			strings.Join(slices.Sorted(maps.Keys(unlisted)), ", "))
	}
	return nil
}

// decodeAccessPackage reads a package and the groups it leads into. The id of a
// role that is being in a group begins with the way of being in it: Member_ or
// Owner_, then the group; those of sites and apps do not.
// https://learn.microsoft.com/graph/api/accesspackage-list-resourcerolescopes
func decodeAccessPackage(raw json.RawMessage) (store.Item, error) {
	var w struct {
		ID                                ident
		DisplayName                       string
		CatalogID                         ident
		Catalog                           struct{ ID ident }
		IsHidden                          bool
		CreatedDateTime, ModifiedDateTime instant
		ResourceRoleScopes                []struct {
			Role struct {
				OriginSystem string
				OriginID     ident
			}
		}
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	if w.ID == "" {
		return store.Item{}, errNoID
	}
	item := store.Item{Fact: snapshot.AccessPackage{ID: string(w.ID), Name: w.DisplayName, Catalog: string(cmp.Or(w.Catalog.ID, w.CatalogID)),
		Hidden: w.IsHidden, Created: w.CreatedDateTime.Time, Modified: w.ModifiedDateTime.Time}}
	for _, scope := range w.ResourceRoleScopes {
		access, group, found := strings.Cut(string(scope.Role.OriginID), "_")
		ofGroup := strings.EqualFold(scope.Role.OriginSystem, "AadGroup") || access == "member" || access == "owner"
		if row := (snapshot.AccessPackageGroup{Package: string(w.ID), Group: group, Access: access}); found && ofGroup && group != "" && !slices.Contains(item.Details, store.Row(row)) {
			item.Details = append(item.Details, row)
		}
	}
	return item, nil
}

// decodeAccessPackagePolicy reads a policy. listed: all who may get the package by
// request are its targets, by id, and may ask themselves.
// https://learn.microsoft.com/graph/api/resources/accesspackageassignmentpolicy
func decodeAccessPackagePolicy(raw json.RawMessage) (item store.Item, listed bool, err error) {
	var w struct {
		ID                              ident
		DisplayName, AllowedTargetScope string
		AccessPackage                   struct{ ID ident }
		Expiration                      struct {
			Type, Duration string
			EndDateTime    instant
		}
		SpecificAllowedTargets  []approver
		RequestorSettings       struct{ EnableTargetsToSelfAddAccess, EnableOnBehalfRequestorsToAddAccess bool }
		RequestApprovalSettings struct {
			IsApprovalRequiredForAdd, IsRequestorJustificationRequired bool
			Stages                                                     []struct {
				PrimaryApprovers, FallbackPrimaryApprovers, EscalationApprovers, FallbackEscalationApprovers []approver
			}
		}
		Questions      []struct{ IsRequired bool }
		ReviewSettings struct{ IsEnabled bool }
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, false, err
	}
	if w.ID == "" {
		return store.Item{}, false, errNoID
	}
	p := snapshot.AccessPackagePolicy{
		ID: string(w.ID), Package: string(w.AccessPackage.ID), Name: w.DisplayName,
		Requestors: spelled(w.AllowedTargetScope, "notSpecified", "specificDirectoryUsers", "specificConnectedOrganizationUsers", "specificDirectoryServicePrincipals",
			"allMemberUsers", "allDirectoryUsers", "allDirectoryServicePrincipals", "allConfiguredConnectedOrganizationUsers", "allExternalUsers"),
		SelfRequest: w.RequestorSettings.EnableTargetsToSelfAddAccess,
		Approval:    w.RequestApprovalSettings.IsApprovalRequiredForAdd, Reviewed: w.ReviewSettings.IsEnabled,
		Justification: w.RequestApprovalSettings.IsRequestorJustificationRequired ||
			slices.ContainsFunc(w.Questions, func(q struct{ IsRequired bool }) bool { return q.IsRequired }),
	}
	switch strings.ToLower(w.Expiration.Type) {
	case "afterduration":
		p.Duration = w.Expiration.Duration
	case "afterdatetime":
		p.Until = w.Expiration.EndDateTime.Time
	}
	var approvers []approver
	for _, stage := range w.RequestApprovalSettings.Stages {
		approvers = slices.Concat(approvers, stage.PrimaryApprovers, stage.FallbackPrimaryApprovers, stage.EscalationApprovers, stage.FallbackEscalationApprovers)
	}
	p.Approvers = names(approvers)
	item = store.Item{Fact: p}
	listed = p.Requestors == "specificDirectoryUsers"
	for _, target := range w.SpecificAllowedTargets { // others are rules, and people of other tenants
		switch {
		case target.UserID != "":
			item.Details = append(item.Details, snapshot.AccessPackageTarget{Policy: p.ID, Principal: string(target.UserID), Type: snapshot.TypeUser})
		case target.GroupID != "":
			item.Details = append(item.Details, snapshot.AccessPackageTarget{Policy: p.ID, Principal: string(target.GroupID), Type: snapshot.TypeGroup})
		default:
			listed = false
		}
	}
	ask := w.RequestorSettings
	nobody := p.Requestors == "notSpecified" || !ask.EnableTargetsToSelfAddAccess && !ask.EnableOnBehalfRequestorsToAddAccess
	return item, nobody || listed && ask.EnableTargetsToSelfAddAccess, nil
}

// subject is who has or asks for a package; without an object id it is somebody
// from elsewhere who is not in the tenant yet.
type subject struct {
	ObjectID                   ident
	DisplayName, PrincipalName string
}

// https://learn.microsoft.com/graph/api/resources/accesspackageassignment
func decodeAccessPackageAssignment(raw json.RawMessage) (snapshot.AccessPackageAssignment, error) {
	var w struct {
		ID                              ident
		State                           string
		Schedule                        schedule
		ExpiredDateTime                 instant
		Target                          subject
		AccessPackage, AssignmentPolicy struct{ ID ident }
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.AccessPackageAssignment{}, err
	}
	if w.ID == "" {
		return snapshot.AccessPackageAssignment{}, errNoID
	}
	ends, err := w.Schedule.end(time.Time{})
	if expired := w.ExpiredDateTime.Time; ends.IsZero() || !expired.IsZero() && expired.Before(ends) { // it may be taken back early
		ends = expired
	}
	return snapshot.AccessPackageAssignment{
		ID: string(w.ID), Package: string(w.AccessPackage.ID), Policy: string(w.AssignmentPolicy.ID),
		Principal: string(w.Target.ObjectID), Name: w.Target.DisplayName, UPN: w.Target.PrincipalName,
		State:  spelled(w.State, "delivering", "partiallyDelivered", "delivered", "expired", "deliveryFailed"),
		Starts: w.Schedule.StartDateTime.Time, Ends: ends,
	}, err
}

// decodeAccessPackageRequest reads a request. Its purpose is the justification and
// what was answered to the policy's questions.
// https://learn.microsoft.com/graph/api/resources/accesspackageassignmentrequest
func decodeAccessPackageRequest(raw json.RawMessage) (snapshot.AccessPackageRequest, error) {
	var w struct {
		ID                                                ident
		RequestType, State, Status, Justification         string
		CreatedDateTime, CompletedDateTime, CompletedDate instant // the name differs between the documented answers
		Schedule                                          schedule
		Answers                                           []struct{ DisplayValue, Value string }
		AccessPackage, Assignment                         struct{ ID ident }
		Requestor                                         subject
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.AccessPackageRequest{}, err
	}
	if w.ID == "" {
		return snapshot.AccessPackageRequest{}, errNoID
	}
	completed := cmp.Or(w.CompletedDateTime, w.CompletedDate).Time
	ends, err := w.Schedule.end(completed)
	purpose := []string{w.Justification}
	for _, answer := range w.Answers {
		purpose = append(purpose, cmp.Or(answer.DisplayValue, answer.Value))
	}
	purpose = slices.DeleteFunc(purpose, func(text string) bool { return text == "" })
	return snapshot.AccessPackageRequest{
		ID: string(w.ID), Package: string(w.AccessPackage.ID), Assignment: string(w.Assignment.ID),
		Principal: string(w.Requestor.ObjectID), Name: w.Requestor.DisplayName, UPN: w.Requestor.PrincipalName,
		Type: spelled(w.RequestType, "notSpecified", "userAdd", "userExtend", "userUpdate", "userRemove", "adminAdd", "adminUpdate", "adminRemove",
			"systemAdd", "systemUpdate", "systemRemove", "onBehalfAdd"),
		State:  spelled(w.State, "submitted", "pendingApproval", "delivering", "delivered", "deliveryFailed", "denied", "scheduled", "canceled", "partiallyDelivered"),
		Status: w.Status, Created: w.CreatedDateTime.Time, Completed: completed,
		Starts: w.Schedule.StartDateTime.Time, Ends: ends, Justification: strings.Join(purpose, "\n"),
	}, err
}
