package collectors

import (
	"context"
	"encoding/json"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// licences lists what a tenant has bought. Microsoft does not page this list.
// https://learn.microsoft.com/graph/api/subscribedsku-list
type licences struct{ kind snapshot.Kind }

func (c licences) Kind() snapshot.Kind { return c.kind }

func (licences) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	path := "/v1.0/subscribedSkus" + query("$select", "skuId,skuPartNumber,capabilityStatus,appliesTo,consumedUnits,prepaidUnits,servicePlans")
	return s.list(ctx, path, func(raw json.RawMessage) (store.Item, error) { return decodeSKU(part.Scope, raw) })
}

func decodeSKU(tenant string, raw json.RawMessage) (store.Item, error) {
	var w struct {
		SKUID                                      ident
		SKUPartNumber, CapabilityStatus, AppliesTo string
		ConsumedUnits                              int
		PrepaidUnits                               struct{ Enabled, Warning int }
		ServicePlans                               []struct {
			ServicePlanID                                  ident
			ServicePlanName, ProvisioningStatus, AppliesTo string
		}
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	if w.SKUID == "" {
		return store.Item{}, errNoID
	}
	item := store.Item{Fact: snapshot.SubscribedSKU{
		Tenant: tenant, SKU: string(w.SKUID), PartNumber: w.SKUPartNumber, Status: spelled(w.CapabilityStatus, "Enabled", "Warning", "Suspended", "Deleted", "LockedOut"),
		AppliesTo: spelled(w.AppliesTo, "User", "Company"), Enabled: w.PrepaidUnits.Enabled + w.PrepaidUnits.Warning, Consumed: w.ConsumedUnits,
	}}
	for _, p := range w.ServicePlans {
		if p.ServicePlanID == "" {
			return store.Item{}, errNoID
		}
		item.Details = append(item.Details, snapshot.ServicePlan{Tenant: tenant, SKU: string(w.SKUID), Plan: string(p.ServicePlanID), Name: p.ServicePlanName,
			Status:    spelled(p.ProvisioningStatus, "Success", "Disabled", "PendingInput", "PendingActivation", "PendingProvisioning", "Error"),
			AppliesTo: spelled(p.AppliesTo, "User", "Company")})
	}
	return item, nil
}
