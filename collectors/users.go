package collectors

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// users lists the accounts of the MSP's tenant and keeps those in reach: whoever
// may be in, or owns, a mapped or nested group, their managers, and every declared
// staff account. The others are held until the list ends, because a manager may be
// listed before the person, and then forgotten.
// https://learn.microsoft.com/graph/api/user-list
type users struct {
	reach map[string]bool // principals, by id
	staff map[string]bool // declared accounts, by user principal name in lower case
}

func (users) Kind() snapshot.Kind { return snapshot.Users }

func (c users) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	path := "/v1.0/users" + query(
		"$select", "id,displayName,userPrincipalName,mail,jobTitle,accountEnabled,userType,onPremisesSyncEnabled,createdDateTime,assignedPlans,signInActivity",
		"$expand", "manager($select=id)", "$top", "120")
	managers := map[string]bool{}
	var held []store.Item
	s.onRestart(func() {
		clear(managers)
		held = nil
	})
	err := s.list(ctx, path, func(raw json.RawMessage) (store.Item, error) {
		item, err := decodeUser(raw)
		if err != nil {
			return store.Item{}, err
		}
		user := item.Fact.(snapshot.User)
		if c.reach[user.ID] || c.staff[strings.ToLower(user.UPN)] {
			managers[user.Manager] = true
			return item, nil
		}
		held = append(held, item)
		return store.Item{}, nil
	})
	if err != nil {
		return err
	}
	held = slices.DeleteFunc(held, func(i store.Item) bool { return !managers[i.Fact.(snapshot.User).ID] })
	s.seen.PassedOver -= len(held)
	return s.rows.Put(ctx, held)
}

func decodeUser(raw json.RawMessage) (store.Item, error) {
	var w struct {
		ID                                             ident
		DisplayName, UserPrincipalName, Mail, JobTitle string
		AccountEnabled                                 *bool
		UserType                                       string
		OnPremisesSyncEnabled                          bool
		CreatedDateTime                                instant
		AssignedPlans                                  []struct {
			ServicePlanID    ident
			CapabilityStatus string
		}
		Manager        struct{ ID ident }
		SignInActivity *struct{ LastSignInDateTime, LastNonInteractiveSignInDateTime, LastSuccessfulSignInDateTime instant }
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	if w.ID == "" {
		return store.Item{}, errNoID
	}
	user := snapshot.User{
		ID: string(w.ID), Name: w.DisplayName, UPN: w.UserPrincipalName, Mail: w.Mail, Job: w.JobTitle, Enabled: w.AccountEnabled,
		Type: spelled(w.UserType, "Member", "Guest"), Synced: w.OnPremisesSyncEnabled, Created: w.CreatedDateTime.Time, Manager: string(w.Manager.ID),
	}
	for _, plan := range w.AssignedPlans {
		if strings.EqualFold(plan.CapabilityStatus, "Enabled") && plan.ServicePlanID != "" {
			user.Licences = append(user.Licences, string(plan.ServicePlanID))
		}
	}
	slices.Sort(user.Licences)
	user.Licences = slices.Compact(user.Licences)
	item := store.Item{Fact: user}
	if a := w.SignInActivity; a != nil {
		item.Details = []store.Row{snapshot.UserActivity{Principal: user.ID, LastSignIn: a.LastSignInDateTime.Time,
			LastNonInteractive: a.LastNonInteractiveSignInDateTime.Time, LastSuccessful: a.LastSuccessfulSignInDateTime.Time}}
	}
	return item, nil
}
