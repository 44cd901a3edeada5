package collectors

import (
	"cmp"
	"context"
	"encoding/json"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// customers lists the tenants that have an active relationship with the MSP.
// https://learn.microsoft.com/graph/api/tenantrelationship-list-delegatedadmincustomers
type customers struct {
	shrunk func(ctx context.Context, came int) error // far less came than was known
}

func (customers) Kind() snapshot.Kind { return snapshot.Customers }

func (c customers) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	came, err := s.count(ctx, "/v1.0/tenantRelationships/delegatedAdminCustomers"+query("$select", "id,tenantId,displayName", "$top", "300"), decodeCustomer,
		func(fact store.Row) string { return fact.(snapshot.Customer).Tenant })
	if err != nil {
		return err
	}
	return c.shrunk(ctx, came)
}

func decodeCustomer(raw json.RawMessage) (store.Item, error) {
	var w struct {
		ID, TenantID ident
		DisplayName  string
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	tenant := cmp.Or(w.TenantID, w.ID) // the documentation: both are the tenant's
	if tenant == "" {
		return store.Item{}, errNoID
	}
	return store.Item{Fact: snapshot.Customer{Tenant: string(tenant), Name: w.DisplayName}}, nil
}
