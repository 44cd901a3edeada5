package collectors

import (
	"encoding/json"

	"countersign/collectors/snapshot"
)

// crossTenant is what default and partner settings have in common.
type crossTenant struct {
	TenantID          ident
	IsServiceProvider *bool
	InboundTrust      struct {
		IsMFAAccepted, IsCompliantDeviceAccepted, IsHybridAzureADJoinedDeviceAccepted *bool
	}
	B2BCollaborationInbound struct{ UsersAndGroups struct{ AccessType string } }
}

func (w crossTenant) fact(tenant, partner string) snapshot.CrossTenantAccess {
	return snapshot.CrossTenantAccess{Tenant: tenant, Partner: partner, ServiceProvider: w.IsServiceProvider,
		TrustsMFA: w.InboundTrust.IsMFAAccepted, TrustsCompliant: w.InboundTrust.IsCompliantDeviceAccepted,
		TrustsHybrid: w.InboundTrust.IsHybridAzureADJoinedDeviceAccepted,
		Guests:       spelled(w.B2BCollaborationInbound.UsersAndGroups.AccessType, "allowed", "blocked")}
}

// https://learn.microsoft.com/graph/api/crosstenantaccesspolicyconfigurationdefault-get
func decodeCrossTenantDefault(tenant string, raw json.RawMessage) (snapshot.CrossTenantAccess, error) {
	var w crossTenant
	err := json.Unmarshal(raw, &w)
	return w.fact(tenant, "default"), err
}

// https://learn.microsoft.com/graph/api/crosstenantaccesspolicy-list-partners
func decodeCrossTenantPartner(tenant string, raw json.RawMessage) (snapshot.CrossTenantAccess, error) {
	var w crossTenant
	err := json.Unmarshal(raw, &w)
	if err == nil && w.TenantID == "" {
		err = errNoID
	}
	return w.fact(tenant, string(w.TenantID)), err
}
