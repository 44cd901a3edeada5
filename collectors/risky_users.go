package collectors

import (
	"context"
	"encoding/json"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// riskyUsers lists the accounts that Microsoft holds, or held, to be at risk and
// keeps those in reach.
// https://learn.microsoft.com/graph/api/riskyuser-list
type riskyUsers struct{ reach map[string]bool }

func (riskyUsers) Kind() snapshot.Kind { return snapshot.RiskyUsers }

func (c riskyUsers) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	path := "/v1.0/identityProtection/riskyUsers" + query(
		"$select", "id,isDeleted,riskLastUpdatedDateTime,riskLevel,riskState,riskDetail,userDisplayName,userPrincipalName", "$top", "500")
	return s.list(ctx, path, func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeRiskyUser(raw)
		if err != nil || !c.reach[got.Principal] {
			return store.Item{}, err
		}
		return store.Item{Fact: got}, nil
	})
}

func decodeRiskyUser(raw json.RawMessage) (snapshot.RiskyUser, error) {
	var w struct {
		ID                                                                   ident
		IsDeleted                                                            bool
		RiskLastUpdatedDateTime                                              instant
		RiskLevel, RiskState, RiskDetail, UserDisplayName, UserPrincipalName string
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.RiskyUser{}, err
	}
	if w.ID == "" {
		return snapshot.RiskyUser{}, errNoID
	}
	return snapshot.RiskyUser{
		Principal: string(w.ID), Name: w.UserDisplayName, UPN: w.UserPrincipalName,
		Level:  spelled(w.RiskLevel, "low", "medium", "high", "hidden", "none"),
		State:  spelled(w.RiskState, "none", "confirmedSafe", "remediated", "dismissed", "atRisk", "confirmedCompromised"),
		Detail: w.RiskDetail, Updated: w.RiskLastUpdatedDateTime.Time, Deleted: w.IsDeleted,
	}, nil
}
