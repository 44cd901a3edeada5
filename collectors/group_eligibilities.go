package collectors

import (
	"context"
	"encoding/json"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groupEligibilities lists who may activate one group now.
// https://learn.microsoft.com/graph/api/privilegedaccessgroup-list-eligibilityscheduleinstances
type groupEligibilities struct{}

func (groupEligibilities) Kind() snapshot.Kind { return snapshot.GroupEligibilities }

func (groupEligibilities) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.list(ctx, pimPath("eligibilityScheduleInstances", part.Object), func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeGroupEligibility(raw)
		return store.Item{Fact: got}, about(got.Group, part.Object, err)
	})
}

func decodeGroupEligibility(raw json.RawMessage) (snapshot.GroupEligibility, error) {
	var w instance
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.GroupEligibility{}, err
	}
	err := w.check()
	return snapshot.GroupEligibility{
		ID: string(w.ID), Group: string(w.GroupID), Principal: string(w.PrincipalID), Access: w.AccessID, MemberType: w.MemberType,
		Starts: w.StartDateTime.Time, Ends: w.EndDateTime.Time,
	}, err
}
