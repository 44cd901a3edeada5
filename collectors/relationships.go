package collectors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// relationships lists the GDAP relationships in every status. No $select: it would
// drop the fields of the reseller's subtype.
// https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadminrelationships
type relationships struct {
	shrunk func(ctx context.Context, came int) error // far less came than was known
}

func (relationships) Kind() snapshot.Kind { return snapshot.Relationships }

func (c relationships) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	came, err := s.count(ctx, "/v1.0/tenantRelationships/delegatedAdminRelationships"+query("$top", "300"), decodeRelationship,
		func(fact store.Row) string { return fact.(snapshot.Relationship).ID })
	if err != nil {
		return err
	}
	return c.shrunk(ctx, came)
}

// shrunkError is a list that lost more of what was known than ends at once. Relationships
// stay listed for a year after their end, so this is a fault of the service or of
// a permission until somebody looked, and nothing may be concluded from it.
type shrunkError struct {
	noun        string
	now, before int
}

func (e *shrunkError) Error() string {
	if e.before == 0 {
		return "no " + e.noun + " came and none are known, of which nothing can be concluded; check that the tenant is that of the partner, and collect with --accept-shrink if there are none"
	}
	return fmt.Sprintf("%d %s came where %d were known: that many do not end at once, so the list is not believed; look in the portal, and collect with --accept-shrink if it is so", e.now, e.noun, e.before)
}

var errRoleWithoutID = errors.New("a role has no id")

// roles is how Graph lists the Entra roles of a relationship or an assignment.
type roles struct {
	UnifiedRoles []struct{ RoleDefinitionID ident }
}

// each calls do with the template id of every role.
func (r roles) each(do func(id string)) error {
	for _, role := range r.UnifiedRoles {
		if role.RoleDefinitionID == "" {
			return errRoleWithoutID
		}
		do(string(role.RoleDefinitionID))
	}
	return nil
}

func decodeRelationship(raw json.RawMessage) (store.Item, error) {
	var w struct {
		Type                     string `json:"@odata.type"`
		ID                       ident
		DisplayName              string
		Customer                 struct{ TenantID ident } // null until approved
		Duration                 string
		AutoExtendDuration       string
		Status                   string
		AccessDetails            roles
		CreatedDateTime          instant
		LastModifiedDateTime     instant
		ActivatedDateTime        instant
		EndDateTime              instant
		IndirectProviderTenantID ident
		IsPartnerConsentPending  bool
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	if w.ID == "" {
		return store.Item{}, errNoID
	}
	id := string(w.ID)
	item := store.Item{
		Fact: snapshot.Relationship{
			ID: id, Name: w.DisplayName, Customer: string(w.Customer.TenantID), Duration: w.Duration, AutoExtend: w.AutoExtendDuration,
			Status: strings.ToLower(w.Status), Created: w.CreatedDateTime.Time, Activated: w.ActivatedDateTime.Time, Ends: w.EndDateTime.Time,
			Reseller:         strings.EqualFold(w.Type, typePrefix+"resellerDelegatedAdminRelationship"),
			IndirectProvider: string(w.IndirectProviderTenantID), ConsentPending: w.IsPartnerConsentPending,
		},
		Details: []store.Row{snapshot.RelationshipUpdate{Relationship: id, Modified: w.LastModifiedDateTime.Time}},
	}
	return item, w.AccessDetails.each(func(role string) {
		item.Details = append(item.Details, snapshot.RelationshipRole{Relationship: id, Role: role})
	})
}
