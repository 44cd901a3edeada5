package collectors

import (
	"context"
	"encoding/json"
	"errors"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groupAssignments lists who is in one group through PIM now, assigned or
// activated, not who is scheduled to be.
// https://learn.microsoft.com/graph/api/privilegedaccessgroup-list-assignmentscheduleinstances
type groupAssignments struct{}

func (groupAssignments) Kind() snapshot.Kind { return snapshot.GroupAssignments }

func (groupAssignments) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.instances(ctx, "assignmentScheduleInstances", part.Object, decodeGroupAssignment)
}

// instances asks for those of one group together with who they are about. A service
// that does not give the latter is asked without: ids remain, and whether one is a group
// is asked of it.
func (s *stage) instances(ctx context.Context, list, group string, decode func(string, json.RawMessage) (store.Item, error)) error {
	read := func(raw json.RawMessage) (store.Item, error) { return decode(group, raw) }
	err := s.list(ctx, pimPath(list, group, "$expand", "principal"), read)
	if optionRefused(err) {
		s.refused(err)
		err = s.list(ctx, pimPath(list, group), read)
	}
	return err
}

// pimPath asks for one group: PIM for Groups lists nothing without that filter.
func pimPath(list, group string, options ...string) string {
	return "/v1.0/identityGovernance/privilegedAccess/group/" + list + query(append([]string{"$filter", "groupId eq " + quoted(group)}, options...)...)
}

var errForeign = errors.New("is about something else than was asked for")

// about refuses a row of another object than was asked for, from a server that did
// not take the filter.
func about(got, asked string, err error) error {
	if err == nil && got != asked {
		return errForeign
	}
	return err
}

// instance is what assignments and eligibilities of PIM for Groups have in common.
type instance struct {
	ID, GroupID, PrincipalID   ident
	AccessID, MemberType       string
	StartDateTime, EndDateTime instant
	Principal                  named
}

func (w *instance) check(group string) error {
	if w.ID == "" || w.GroupID == "" || w.PrincipalID == "" {
		return errNoID
	}
	w.AccessID, w.MemberType = access(w.AccessID), spelled(w.MemberType, "direct", "group")
	return about(string(w.GroupID), group, nil)
}

// principal is who stands behind the instance, where that was told.
func (w *instance) principal() []store.Row {
	if w.Principal.kind() == "" {
		return nil
	}
	return []store.Row{snapshot.PIMPrincipal{Group: string(w.GroupID), Principal: string(w.PrincipalID), Type: w.Principal.kind(),
		Name: w.Principal.DisplayName, UPN: w.Principal.UserPrincipalName}}
}

// access is what a PIM instance, request or policy is about: member or owner.
func access(word string) string { return spelled(word, "member", "owner") }

func decodeGroupAssignment(group string, raw json.RawMessage) (store.Item, error) {
	var w struct {
		instance
		AssignmentType string
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	err := w.check(group)
	return store.Item{Fact: snapshot.GroupAssignment{
		ID: string(w.ID), Group: string(w.GroupID), Principal: string(w.PrincipalID), Access: w.AccessID, MemberType: w.MemberType,
		AssignmentType: spelled(w.AssignmentType, "assigned", "activated"), Starts: w.StartDateTime.Time, Ends: w.EndDateTime.Time,
	}, Details: w.principal()}, err
}
