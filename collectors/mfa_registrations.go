package collectors

import (
	"context"
	"encoding/json"
	"slices"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// mfaRegistrations lists what users have registered for multifactor authentication
// and keeps those of the users in reach. Disabled users are not in the report.
// https://learn.microsoft.com/graph/api/authenticationmethodsroot-list-userregistrationdetails
type mfaRegistrations struct{ reach map[string]bool }

func (mfaRegistrations) Kind() snapshot.Kind { return snapshot.MFARegistrations }

func (c mfaRegistrations) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	return s.list(ctx, "/v1.0/reports/authenticationMethods/userRegistrationDetails", func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeMFARegistration(raw)
		if err != nil || !c.reach[got.Principal] {
			return store.Item{}, err
		}
		return store.Item{Fact: got}, nil
	})
}

func decodeMFARegistration(raw json.RawMessage) (snapshot.MFARegistration, error) {
	var w struct {
		ID                                                   ident
		IsMFARegistered, IsMFACapable, IsPasswordlessCapable bool
		MethodsRegistered                                    []string
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.MFARegistration{}, err
	}
	if w.ID == "" {
		return snapshot.MFARegistration{}, errNoID
	}
	slices.Sort(w.MethodsRegistered)
	return snapshot.MFARegistration{Principal: string(w.ID), Registered: w.IsMFARegistered, Capable: w.IsMFACapable,
		Passwordless: w.IsPasswordlessCapable, Methods: slices.Compact(w.MethodsRegistered)}, nil
}
