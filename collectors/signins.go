package collectors

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// signIns lists, for one window, the sign-ins of the MSP's people to other
// tenants, non-interactive ones too: partners mostly sign in that way. v1.0 lacks
// what tells them apart.
// https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta
type signIns struct {
	tenant string // of the MSP
	window window
}

func (signIns) Kind() snapshot.Kind { return snapshot.SignIns }

func (c signIns) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	s.seen.Since, s.seen.Until = c.window.since, c.window.until
	const layout = "2006-01-02T15:04:05.0000000Z"
	last := c.window.until.Add(-100 * time.Nanosecond) // le is inclusive, and Graph keeps 7 digits
	filter := "createdDateTime ge " + c.window.since.Format(time.RFC3339) + " and createdDateTime le " + last.Format(layout) +
		" and resourceTenantId ne " + quoted(c.tenant) + " and signInEventTypes/any(t: t eq 'interactiveUser' or t eq 'nonInteractiveUser')"
	return s.list(ctx, "/beta/auditLogs/signIns"+query("$filter", filter, "$top", "1000"), func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeSignIn(raw)
		return store.Item{Fact: got}, err
	})
}

var errNoTime = errors.New("has no time")

func decodeSignIn(raw json.RawMessage) (snapshot.SignIn, error) {
	var w struct {
		ID, UserID, ResourceTenantID, CorrelationID                                           ident
		UserPrincipalName, UserDisplayName                                                    string
		CreatedDateTime                                                                       instant
		AppDisplayName, ResourceDisplayName, CrossTenantAccessType, AuthenticationRequirement string
		IsInteractive                                                                         *bool
		SignInEventTypes                                                                      []string
		Status                                                                                struct{ ErrorCode int }
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.SignIn{}, err
	}
	if w.ID == "" {
		return snapshot.SignIn{}, errNoID
	}
	if w.CreatedDateTime.IsZero() {
		return snapshot.SignIn{}, errNoTime
	}
	interactive := slices.ContainsFunc(w.SignInEventTypes, func(t string) bool { return strings.EqualFold(t, "interactiveUser") })
	if w.IsInteractive != nil {
		interactive = *w.IsInteractive
	}
	return snapshot.SignIn{
		ID: string(w.ID), Principal: string(w.UserID), UPN: w.UserPrincipalName, Name: w.UserDisplayName, Customer: string(w.ResourceTenantID),
		At: w.CreatedDateTime.Time, App: w.AppDisplayName, Resource: w.ResourceDisplayName, Interactive: interactive, ErrorCode: w.Status.ErrorCode,
		CrossTenant: spelled(w.CrossTenantAccessType, "none", "b2bCollaboration", "b2bDirectConnect", "microsoftSupport", "serviceProvider", "passthrough"),
		Requirement: spelled(w.AuthenticationRequirement, "singleFactorAuthentication", "multiFactorAuthentication"), Correlation: string(w.CorrelationID),
	}, nil
}
