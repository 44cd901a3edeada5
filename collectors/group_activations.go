package collectors

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groupActivations lists the PIM requests of one group: each activation with its
// purpose and ticket, and what administrators assigned.
// https://learn.microsoft.com/graph/api/privilegedaccessgroup-list-assignmentschedulerequests
type groupActivations struct{}

func (groupActivations) Kind() snapshot.Kind { return snapshot.GroupActivations }

func (groupActivations) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.list(ctx, pimPath("assignmentScheduleRequests", part.Object), func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeActivation(raw)
		return store.Item{Fact: got}, about(got.Group, part.Object, err)
	})
}

// schedule is when a request is to begin and end.
type schedule struct {
	StartDateTime instant
	Expiration    struct {
		Type        string
		EndDateTime instant
		Duration    string
	}
}

// end is the instant granted; zero: none. A duration runs from the beginning, or
// from the approval that let it begin.
func (s schedule) end(completed time.Time) (time.Time, error) {
	if strings.EqualFold(s.Expiration.Type, "afterDuration") && s.Expiration.Duration != "" {
		begins := s.StartDateTime.Time
		if completed.After(begins) {
			begins = completed
		}
		ends, err := after(begins, s.Expiration.Duration)
		if begins.IsZero() {
			ends = time.Time{} // it has not begun
		}
		return ends, err
	}
	return s.Expiration.EndDateTime.Time, nil
}

func decodeActivation(raw json.RawMessage) (snapshot.Activation, error) {
	var w struct {
		ID, GroupID, PrincipalID, ApprovalID    ident
		AccessID, Action, Status, Justification string
		CreatedDateTime, CompletedDateTime      instant
		ScheduleInfo                            schedule
		TicketInfo                              struct{ TicketNumber, TicketSystem string }
		CreatedBy                               struct{ User, Application struct{ ID ident } }
		IsValidationOnly                        bool
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.Activation{}, err
	}
	if w.ID == "" || w.GroupID == "" || w.PrincipalID == "" {
		return snapshot.Activation{}, errNoID
	}
	ends, err := w.ScheduleInfo.end(w.CompletedDateTime.Time)
	return snapshot.Activation{
		ID: string(w.ID), Group: string(w.GroupID), Principal: string(w.PrincipalID), Access: access(w.AccessID),
		Action: spelled(w.Action, "adminAssign", "adminUpdate", "adminRemove", "selfActivate", "selfDeactivate", "adminExtend", "adminRenew", "selfExtend", "selfRenew"),
		Status: strings.ToLower(w.Status), Created: w.CreatedDateTime.Time, Completed: w.CompletedDateTime.Time,
		Starts: w.ScheduleInfo.StartDateTime.Time, Ends: ends, Justification: w.Justification,
		Ticket: w.TicketInfo.TicketNumber, TicketSystem: w.TicketInfo.TicketSystem, Approval: string(w.ApprovalID),
		CreatedBy: string(cmp.Or(w.CreatedBy.User.ID, w.CreatedBy.Application.ID)), ValidationOnly: w.IsValidationOnly,
	}, err
}
