package collectors

import (
	"context"
	"encoding/json"
	"net/url"

	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groups asks for one group. A group that an access assignment names and the directory
// no longer has is a fact too. It knows of the group what the store does, and learns
// what the answer says.
// https://learn.microsoft.com/graph/api/group-get
type groups struct {
	maybe bool // not known to be a group: one that is not found is none
	none  bool // it is no group
	gone  bool // it is not there any more; any other that is not found may be too new
}

func (*groups) Kind() snapshot.Kind { return snapshot.Groups }

func (c *groups) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	if !c.maybe && !c.gone {
		ctx = graph.Patient(ctx)
	}
	got, err := s.Get(ctx, "/v1.0/groups/"+url.PathEscape(part.Object)+
		query("$select", "id,displayName,securityEnabled,isAssignableToRole,groupTypes,onPremisesSyncEnabled,createdDateTime"))
	c.none = c.maybe && notFound(err)
	switch {
	case notFound(err):
		s.refused(err)
		s.seen.Rows++ // the answer that there is none
		if c.none {
			s.seen.PassedOver++
			return nil
		}
		c.gone = true
		return s.rows.Put(ctx, []store.Item{{Fact: snapshot.Group{ID: part.Object, Gone: true}}})
	case err != nil:
		return err
	}
	c.gone = false
	return s.page(ctx, got, func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeGroup(raw)
		var told struct{ SecurityEnabled *bool } // every group has it
		if err == nil && (json.Unmarshal(raw, &told) != nil || told.SecurityEnabled == nil) {
			s.say("whether the group is role-assignable, dynamic or synchronised was not told: the app needs the application permission Group.Read.All")
		}
		return store.Item{Fact: got}, about(got.ID, part.Object, err)
	})
}

func decodeGroup(raw json.RawMessage) (snapshot.Group, error) {
	var w struct {
		ID                                                         ident
		DisplayName                                                string
		SecurityEnabled, IsAssignableToRole, OnPremisesSyncEnabled bool
		GroupTypes                                                 []string
		CreatedDateTime                                            instant
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.Group{}, err
	}
	if w.ID == "" {
		return snapshot.Group{}, errNoID
	}
	return snapshot.Group{
		ID: string(w.ID), Name: w.DisplayName, RoleAssignable: w.IsAssignableToRole, SecurityEnabled: w.SecurityEnabled,
		Dynamic: like("DynamicMembership", w.GroupTypes...),
		Synced:  w.OnPremisesSyncEnabled, Created: w.CreatedDateTime.Time,
	}, nil
}
