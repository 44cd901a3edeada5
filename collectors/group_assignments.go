package collectors

import (
	"context"
	"encoding/json"
	"errors"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groupAssignments lists who is in one group through PIM now, assigned or activated.
// https://learn.microsoft.com/graph/api/privilegedaccessgroup-list-assignmentscheduleinstances
type groupAssignments struct{}

func (groupAssignments) Kind() snapshot.Kind { return snapshot.GroupAssignments }

func (groupAssignments) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.list(ctx, pimPath("assignmentScheduleInstances", part.Object), func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeGroupAssignment(raw)
		return store.Item{Fact: got}, about(got.Group, part.Object, err)
	})
}

// pimPath asks for one group: PIM for Groups lists nothing without that filter.
func pimPath(list, group string) string {
	return "/v1.0/identityGovernance/privilegedAccess/group/" + list + query("$filter", "groupId eq "+quoted(group))
}

var errForeign = errors.New("is about another group than was asked for")

// about refuses a row of another group than was asked for, from a server that did
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
}

func (w *instance) check() error {
	if w.ID == "" || w.GroupID == "" || w.PrincipalID == "" {
		return errNoID
	}
	w.AccessID, w.MemberType = access(w.AccessID), spelled(w.MemberType, "direct", "group")
	return nil
}

// access is what a PIM instance, request or policy is about: member or owner.
func access(word string) string { return spelled(word, "member", "owner") }

func decodeGroupAssignment(raw json.RawMessage) (snapshot.GroupAssignment, error) {
	var w struct {
		instance
		AssignmentType string
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.GroupAssignment{}, err
	}
	err := w.check()
	return snapshot.GroupAssignment{
		ID: string(w.ID), Group: string(w.GroupID), Principal: string(w.PrincipalID), Access: w.AccessID, MemberType: w.MemberType,
		AssignmentType: spelled(w.AssignmentType, "assigned", "activated"), Starts: w.StartDateTime.Time, Ends: w.EndDateTime.Time,
	}, err
}
