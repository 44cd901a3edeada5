package collectors

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// groups asks for mapped and nested groups one by one; all of them are one part.
// A group that an access assignment names and the directory no longer has is a
// fact too.
// https://learn.microsoft.com/graph/api/group-get
type groups struct {
	ids   []string
	maybe map[string]bool // not known to be groups: one that is not found is none
	gone  map[string]bool // known not to be there, and learns; any other that is not found may be too new
	none  map[string]bool // learns which of the maybe are no groups
}

func (groups) Kind() snapshot.Kind { return snapshot.Groups }

func (c groups) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	pages, errs := make([]graph.Page, len(c.ids)), make([]error, len(c.ids))
	s.Together(ctx, len(c.ids), func(ctx context.Context, i int) {
		if id := c.ids[i]; !c.maybe[id] && !c.gone[id] {
			ctx = graph.Patient(ctx)
		}
		pages[i], errs[i] = s.Get(ctx, "/v1.0/groups/"+url.PathEscape(c.ids[i])+
			query("$select", "id,displayName,securityEnabled,isAssignableToRole,groupTypes,onPremisesSyncEnabled,createdDateTime"))
	})
	var first error
	for i, id := range c.ids {
		var err error
		switch {
		case notFound(errs[i]) && c.maybe[id]:
			c.none[id] = true
			s.refused(errs[i])
		case notFound(errs[i]):
			c.gone[id] = true
			s.refused(errs[i])
			err = s.rows.Put(ctx, []store.Item{{Fact: snapshot.Group{ID: id, Gone: true}}})
			s.seen.Rows++ // the answer that there is none
		case errs[i] != nil:
			s.refused(errs[i])
			err = errs[i]
		default:
			delete(c.gone, id)
			err = s.page(ctx, pages[i], func(raw json.RawMessage) (store.Item, error) {
				got, err := decodeGroup(raw)
				return store.Item{Fact: got}, about(got.ID, id, err)
			})
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func notFound(err error) bool {
	var e *graph.Error
	return errors.As(err, &e) && e.Reason == graph.NotFound
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
		Dynamic: slices.ContainsFunc(w.GroupTypes, func(t string) bool { return strings.EqualFold(t, "DynamicMembership") }),
		Synced:  w.OnPremisesSyncEnabled, Created: w.CreatedDateTime.Time,
	}, nil
}
