package collectors

import (
	"context"
	"encoding/json"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// providerSignIns lists, for one window, the sign-ins of service providers to a
// customer, of whichever provider, as the customer's own log shows them. Microsoft
// gives that log to tenants with Microsoft Entra ID P1 or P2 alone.
// https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta
type providerSignIns struct{ window window }

func (providerSignIns) Kind() snapshot.Kind { return snapshot.CustomerSignIns }

func (c providerSignIns) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return s.signIns(ctx, c.window, "crossTenantAccessType eq 'serviceProvider'", func(raw json.RawMessage) (store.Item, error) {
		return decodeProviderSignIn(part.Scope, raw)
	})
}

// decodeProviderSignIn passes over sign-ins of any other kind.
func decodeProviderSignIn(tenant string, raw json.RawMessage) (store.Item, error) {
	w, err := readSignIn(raw)
	if err != nil || w.CrossTenantAccessType != "serviceProvider" {
		return store.Item{}, err
	}
	return store.Item{Fact: snapshot.ProviderSignIn{
		Tenant: tenant, ID: string(w.ID), Home: string(w.HomeTenantID), Principal: string(w.UserID), Name: w.UserDisplayName, UPN: w.UserPrincipalName,
		At: w.CreatedDateTime.Time, App: w.AppDisplayName, Resource: w.ResourceDisplayName, Interactive: w.interactive(), ErrorCode: w.Status.ErrorCode,
		CrossTenant: w.CrossTenantAccessType, Requirement: w.AuthenticationRequirement, IP: w.IPAddress, Country: w.Location.CountryOrRegion, Correlation: string(w.CorrelationID),
	}}, nil
}
