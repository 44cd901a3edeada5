package collectors

import (
	"context"
	"encoding/json"
	"errors"
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
	return s.signIns(ctx, c.window, "resourceTenantId ne "+quoted(c.tenant), decodeSignIn)
}

// signIns lists the sign-ins of one window, interactive or not, that a filter lets through.
func (s *stage) signIns(ctx context.Context, w window, filter string, decode decoder) error {
	s.seen.Since, s.seen.Until = w.since, w.until
	return s.list(ctx, "/beta/auditLogs/signIns"+query("$filter", w.filter("createdDateTime")+" and "+filter+
		" and signInEventTypes/any(t: t eq 'interactiveUser' or t eq 'nonInteractiveUser')", "$top", "1000"), decode)
}

// filter frames the window by a time of the log. What it ends with is inclusive, and
// Graph keeps 7 digits of a second.
func (w window) filter(property string) string {
	return property + " ge " + w.since.Format(time.RFC3339) + " and " + property + " le " + w.until.Add(-100*time.Nanosecond).Format("2006-01-02T15:04:05.0000000Z")
}

var errNoTime = errors.New("has no time")

// signIn is a line of a sign-in log, as Graph shows it.
type signIn struct {
	ID, UserID, HomeTenantID, ResourceTenantID, CorrelationID                             ident
	UserPrincipalName, UserDisplayName                                                    string
	CreatedDateTime                                                                       instant
	AppDisplayName, ResourceDisplayName, CrossTenantAccessType, AuthenticationRequirement string
	IPAddress, ClientAppUsed, RiskLevelDuringSignIn, ConditionalAccessStatus              string
	IsInteractive                                                                         *bool
	SignInEventTypes                                                                      []string
	Status                                                                                struct{ ErrorCode int }
	Location                                                                              struct{ City, CountryOrRegion string }
	DeviceDetail                                                                          struct {
		OperatingSystem, TrustType string
		IsCompliant, IsManaged     *bool
	}
}

func readSignIn(raw json.RawMessage) (w signIn, err error) {
	if err = json.Unmarshal(raw, &w); err != nil {
		return w, err
	}
	if w.ID == "" {
		return w, errNoID
	}
	if w.CreatedDateTime.IsZero() {
		return w, errNoTime
	}
	w.CrossTenantAccessType = spelled(w.CrossTenantAccessType, "none", "b2bCollaboration", "b2bDirectConnect", "microsoftSupport", "serviceProvider", "passthrough")
	w.AuthenticationRequirement = spelled(w.AuthenticationRequirement, "singleFactorAuthentication", "multiFactorAuthentication")
	return w, nil
}

func (w signIn) interactive() bool {
	if w.IsInteractive != nil {
		return *w.IsInteractive
	}
	return like("interactiveUser", w.SignInEventTypes...)
}

func decodeSignIn(raw json.RawMessage) (store.Item, error) {
	w, err := readSignIn(raw)
	if err != nil {
		return store.Item{}, err
	}
	return store.Item{Fact: snapshot.SignIn{
		ID: string(w.ID), Principal: string(w.UserID), UPN: w.UserPrincipalName, Name: w.UserDisplayName, Customer: string(w.ResourceTenantID),
		At: w.CreatedDateTime.Time, App: w.AppDisplayName, Resource: w.ResourceDisplayName, Interactive: w.interactive(), ErrorCode: w.Status.ErrorCode,
		CrossTenant: w.CrossTenantAccessType, Requirement: w.AuthenticationRequirement, Correlation: string(w.CorrelationID),
	}, Details: []store.Row{snapshot.SignInContext{
		ID: string(w.ID), IP: w.IPAddress, Country: w.Location.CountryOrRegion, City: w.Location.City, Client: w.ClientAppUsed,
		System: w.DeviceDetail.OperatingSystem, Trust: w.DeviceDetail.TrustType, Compliant: w.DeviceDetail.IsCompliant, Managed: w.DeviceDetail.IsManaged,
		Risk:           spelled(w.RiskLevelDuringSignIn, "none", "low", "medium", "high", "hidden"),
		AccessPolicies: spelled(w.ConditionalAccessStatus, "success", "failure", "notApplied"),
	}}}, nil
}
