package collectors

import (
	"context"
	"encoding/json"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groupEligibilities lists who may activate one group now, not who may from a
// later day on.
// https://learn.microsoft.com/graph/api/privilegedaccessgroup-list-eligibilityscheduleinstances
type groupEligibilities struct{}

func (groupEligibilities) Kind() snapshot.Kind { return snapshot.GroupEligibilities }

func (groupEligibilities) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.instances(ctx, "eligibilityScheduleInstances", part.Object, decodeGroupEligibility)
}

func decodeGroupEligibility(group string, raw json.RawMessage) (store.Item, error) {
	var w instance
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	err := w.check(group)
	return store.Item{Fact: snapshot.GroupEligibility{
		ID: string(w.ID), Group: string(w.GroupID), Principal: string(w.PrincipalID), Access: w.AccessID, MemberType: w.MemberType,
		Starts: w.StartDateTime.Time, Ends: w.EndDateTime.Time,
	}, Details: w.principal()}, err
}
