package collectors

import (
	"context"
	"encoding/json"
	"net/url"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// accessAssignments lists which groups hold which roles under one relationship.
// https://learn.microsoft.com/graph/api/delegatedadminrelationship-list-accessassignments
type accessAssignments struct{}

func (accessAssignments) Kind() snapshot.Kind { return snapshot.AccessAssignments }

func (accessAssignments) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	path := "/v1.0/tenantRelationships/delegatedAdminRelationships/" + url.PathEscape(part.Object) + "/accessAssignments" + query("$top", "300")
	return s.list(ctx, path, func(raw json.RawMessage) (store.Item, error) { return decodeAccessAssignment(part.Object, raw) })
}

func decodeAccessAssignment(relationship string, raw json.RawMessage) (store.Item, error) {
	var w struct {
		ID              ident
		Status          string
		CreatedDateTime instant
		AccessContainer struct {
			AccessContainerID   ident
			AccessContainerType string
		}
		AccessDetails roles
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	if w.ID == "" {
		return store.Item{}, errNoID
	}
	id := string(w.ID)
	item := store.Item{Fact: snapshot.AccessAssignment{
		ID: id, Relationship: relationship, MappedGroup: string(w.AccessContainer.AccessContainerID),
		ContainerType: spelled(w.AccessContainer.AccessContainerType, "securityGroup"), Status: strings.ToLower(w.Status), Created: w.CreatedDateTime.Time,
	}}
	return item, w.AccessDetails.each(func(role string) {
		item.Details = append(item.Details, snapshot.AccessAssignmentRole{AccessAssignment: id, Role: role})
	})
}
