package collectors

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// lighthouse lists the customers that Microsoft 365 Lighthouse manages. Only a
// signed-in person is answered.
// https://learn.microsoft.com/graph/api/managedtenants-managedtenant-list-tenants
type lighthouse struct{}

func (lighthouse) Kind() snapshot.Kind { return snapshot.Lighthouse }

func (lighthouse) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	path := "/beta/tenantRelationships/managedTenants/tenants" + query("$select", "id,tenantId,displayName,contract,createdDateTime,tenantStatusInformation")
	return s.list(ctx, path, func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeLighthouseTenant(raw)
		if err == nil && !slices.Contains(privileges, got.Privilege) {
			s.say("whether the legacy delegated administration (DAP) stands is not told of customer " + got.Tenant + ": its privileges are called " + cmp.Or(got.Privilege, "nothing"))
		}
		return store.Item{Fact: got}, err
	})
}

// privileges are the words for them, in Microsoft's spelling.
var privileges = []string{"none", "delegatedAdminPrivileges", "granularDelegatedAdminPrivileges", "delegatedAndGranularDelegetedAdminPrivileges"}

// word is a text, or a number where one came: contract types are numbers in the
// documented answers and words in the documented types.
type word string

func (w *word) UnmarshalJSON(raw []byte) error {
	var text *string
	var number json.Number
	switch {
	case json.Unmarshal(raw, &text) == nil:
		*w = ""
		if text != nil {
			*w = word(*text)
		}
	case json.Unmarshal(raw, &number) == nil:
		*w = word(number)
	default:
		return errors.New("is neither a word nor a number")
	}
	return nil
}

func decodeLighthouseTenant(raw json.RawMessage) (snapshot.LighthouseTenant, error) {
	var w struct {
		ID, TenantID    ident
		DisplayName     string
		CreatedDateTime instant
		Contract        struct {
			DisplayName  string
			ContractType word
		}
		TenantStatusInformation struct {
			DelegatedPrivilegeStatus, OnboardingStatus, TenantOnboardingEligibilityReason string
		}
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.LighthouseTenant{}, err
	}
	tenant := cmp.Or(w.TenantID, w.ID)
	if tenant == "" {
		return snapshot.LighthouseTenant{}, errNoID
	}
	status := w.TenantStatusInformation
	return snapshot.LighthouseTenant{
		Tenant: string(tenant), Name: cmp.Or(w.DisplayName, w.Contract.DisplayName), Contract: string(w.Contract.ContractType),
		Privilege:   spelled(status.DelegatedPrivilegeStatus, privileges...),
		Onboarding:  spelled(status.OnboardingStatus, "ineligible", "inProcess", "active", "inactive", "disabled"),
		Eligibility: spelled(status.TenantOnboardingEligibilityReason, "none", "contractType", "delegatedAdminPrivileges", "usersCount", "license"),
		Created:     w.CreatedDateTime.Time,
	}, nil
}
