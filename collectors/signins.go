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

// signIns lists, for one day in UTC, the sign-ins of the MSP's people to other
// tenants, non-interactive ones too: partners mostly sign in that way. v1.0 lacks
// what tells them apart.
// https://learn.microsoft.com/graph/api/signin-list?view=graph-rest-beta
type signIns struct {
	tenant string // of the MSP
	day    day
}

const (
	signInsKept = 30 * 24 * time.Hour // by Microsoft, with a P1 or P2 licence
	// lateEvents is how long after its end a day is read again: events arrive hours late.
	lateEvents = 48 * time.Hour
)

// day is one day in UTC, clipped to what can be asked: [since, until).
type day struct{ since, until time.Time }

// object names the day in its part.
func (d day) object() string { return d.since.Format(time.DateOnly) }

// closed says when nothing more is expected of the day.
func (d day) closed() time.Time {
	return d.since.Truncate(24 * time.Hour).Add(24*time.Hour + lateEvents)
}

// days lists those of which the log is still kept at the instant, the oldest first.
func days(at time.Time) []day {
	var all []day
	for since := at.Add(-signInsKept); since.Before(at); {
		until := since.Truncate(24 * time.Hour).Add(24 * time.Hour)
		if until.After(at) {
			until = at
		}
		all = append(all, day{since, until})
		since = until
	}
	return all
}

func (signIns) Kind() snapshot.Kind { return snapshot.SignIns }

func (signIns) Permission() string { return "AuditLog.Read.All" }

func (c signIns) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	s.seen.Since, s.seen.Until = c.day.since, c.day.until
	const layout = "2006-01-02T15:04:05.0000000Z"
	last := c.day.until.Add(-100 * time.Nanosecond) // le is inclusive, and Graph keeps 7 digits
	filter := "createdDateTime ge " + c.day.since.Format(time.RFC3339) + " and createdDateTime le " + last.Format(layout) +
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
