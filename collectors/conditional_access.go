package collectors

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// conditionalAccess reads what a tenant demands of whoever signs in: its
// Conditional Access policies and its security defaults; of a customer also what
// it trusts of other tenants. Of those, a tenant without the licence has the latter two
// all the same; but that its policies cannot be read any more does not end them.
type conditionalAccess struct{ kind snapshot.Kind }

func (c conditionalAccess) Kind() snapshot.Kind { return c.kind }

func (c conditionalAccess) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	policies := "/v1.0/identity/conditionalAccess/policies" + query("$select", "id,displayName,state,createdDateTime,modifiedDateTime,conditions,grantControls")
	err := s.list(ctx, policies, func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeAccessPolicy(part.Scope, raw)
		return store.Item{Fact: got}, err
	})
	if unlicensed(err) {
		known := false
		if lost := s.known.Read().GetContext(ctx, &known, `SELECT EXISTS (SELECT 1 FROM access_policy WHERE snapshot = (SELECT max(id) FROM sealed_snapshot) AND tenant = ?)`, part.Scope); lost != nil || known {
			return cmp.Or(lost, err)
		}
		s.refused(err)
		s.say("Conditional Access policies cannot be read, and none is known from before: the tenant lacks the licence for them, Microsoft Entra ID P1 or P2")
		err = nil
	}
	if err != nil {
		return err
	}
	err = s.one(ctx, "/v1.0/policies/identitySecurityDefaultsEnforcementPolicy"+query("$select", "id,isEnabled"), func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeSecurityDefaults(part.Scope, raw)
		return store.Item{Fact: got}, err
	})
	if err != nil || c.kind == snapshot.ConditionalAccess {
		return err
	}
	err = s.one(ctx, "/v1.0/policies/crossTenantAccessPolicy/default", func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeCrossTenantDefault(part.Scope, raw)
		return store.Item{Fact: got}, err
	})
	if err != nil {
		return err
	}
	partners := "/v1.0/policies/crossTenantAccessPolicy/partners" + query("$select", "tenantId,isServiceProvider,inboundTrust,b2bCollaborationInbound")
	return s.list(ctx, partners, func(raw json.RawMessage) (store.Item, error) {
		got, err := decodeCrossTenantPartner(part.Scope, raw)
		return store.Item{Fact: got}, err
	})
}

// guestsOrExternalUsers names kinds of guests in one text, and whose guests they
// are where not everybody's.
type guestsOrExternalUsers struct {
	GuestOrExternalUserTypes string
	ExternalTenants          struct{ Members []ident }
}

// decodeAccessPolicy reads a policy. Of conditions that are not known it tells that
// they are set, so that a policy never looks wider than it is.
// https://learn.microsoft.com/graph/api/conditionalaccessroot-list-policies
func decodeAccessPolicy(tenant string, raw json.RawMessage) (snapshot.AccessPolicy, error) {
	var w struct {
		ID                                ident
		DisplayName, State                string
		CreatedDateTime, ModifiedDateTime instant
		Conditions                        struct {
			ClientAppTypes, SignInRiskLevels, UserRiskLevels []string
			Users                                            struct {
				IncludeUsers, ExcludeUsers, IncludeGroups, ExcludeGroups, IncludeRoles, ExcludeRoles []string
				IncludeGuestsOrExternalUsers, ExcludeGuestsOrExternalUsers                           guestsOrExternalUsers
			}
			Applications struct{ IncludeApplications, ExcludeApplications []string }
		}
		GrantControls struct {
			Operator                                                 string
			BuiltInControls, CustomAuthenticationFactors, TermsOfUse []string
			AuthenticationStrength                                   json.RawMessage
		}
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.AccessPolicy{}, err
	}
	if w.ID == "" {
		return snapshot.AccessPolicy{}, errNoID
	}
	users, apps, grants := w.Conditions.Users, w.Conditions.Applications, w.GrantControls
	demanded := grants.BuiltInControls
	if len(grants.CustomAuthenticationFactors) > 0 {
		demanded = append(demanded, "customAuthenticationFactors")
	}
	if len(grants.TermsOfUse) > 0 {
		demanded = append(demanded, "termsOfUse")
	}
	return snapshot.AccessPolicy{
		Tenant: tenant, ID: string(w.ID), Name: w.DisplayName, State: spelled(w.State, "enabled", "disabled", "enabledForReportingButNotEnforced"),
		Created: w.CreatedDateTime.Time, Modified: w.ModifiedDateTime.Time,
		IncludeUsers: targets(users.IncludeUsers), ExcludeUsers: targets(users.ExcludeUsers),
		IncludeGroups: targets(users.IncludeGroups), ExcludeGroups: targets(users.ExcludeGroups),
		IncludeRoles: targets(users.IncludeRoles), ExcludeRoles: targets(users.ExcludeRoles),
		IncludeGuests: choices(strings.Split(users.IncludeGuestsOrExternalUsers.GuestOrExternalUserTypes, ",")),
		ExcludeGuests: choices(strings.Split(users.ExcludeGuestsOrExternalUsers.GuestOrExternalUserTypes, ",")),
		IncludeApps:   targets(apps.IncludeApplications), ExcludeApps: targets(apps.ExcludeApplications),
		ClientApps: choices(w.Conditions.ClientAppTypes), SignInRisks: choices(w.Conditions.SignInRiskLevels), UserRisks: choices(w.Conditions.UserRiskLevels),
		Operator: strings.ToUpper(grants.Operator), Grants: choices(demanded), Strength: strengthName(grants.AuthenticationStrength),
		Narrowed: narrowed(raw, users.IncludeGuestsOrExternalUsers, users.ExcludeGuestsOrExternalUsers),
	}, nil
}

// Words of Microsoft's: those that stand where an id may stand, and those of conditions and grants.
var (
	targetWords = []string{"All", "None", "GuestsOrExternalUsers", "Office365", "MicrosoftAdminPortals"}
	choiceWords = []string{"all", "browser", "mobileAppsAndDesktopClients", "exchangeActiveSync", "easSupported", "other",
		"low", "medium", "high", "hidden", "none",
		"mfa", "compliantDevice", "domainJoinedDevice", "approvedApplication", "compliantApplication", "passwordChange", "block",
		"internalGuest", "b2bCollaborationGuest", "b2bCollaborationMember", "b2bDirectConnectUser", "otherExternalUser", "serviceProvider"}
)

// targets sorts a list of ids, which are folded, and words.
func targets(list []string) []string { return sorted(list, targetWords) }

// choices sorts a list of words.
func choices(list []string) []string { return sorted(list, choiceWords) }

func sorted(list, known []string) []string {
	out := []string{}
	for _, item := range list {
		if item = strings.TrimSpace(item); snapshot.IsGUID(item) {
			item = strings.ToLower(item)
		}
		if item != "" {
			out = append(out, spelled(item, known...))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// strengthName names an authentication strength: an object, its id alone, or null.
func strengthName(raw json.RawMessage) string {
	var object struct{ DisplayName, ID string }
	var text string
	if json.Unmarshal(raw, &object) != nil {
		_ = json.Unmarshal(raw, &text) // neither: a control that has no name
	}
	return cmp.Or(object.DisplayName, object.ID, text)
}

// narrowed names every condition that is set beside those with a field of their own.
func narrowed(raw json.RawMessage, include, exclude guestsOrExternalUsers) []string {
	var w struct{ Conditions map[string]any }
	_ = json.Unmarshal(raw, &w) // it was read before
	out := []string{}
	add := func(conditions map[string]any, known ...string) {
		for name, value := range conditions {
			if !like(name, known...) && isSet(value) {
				out = append(out, name)
			}
		}
	}
	under := func(name string) map[string]any {
		for key, value := range w.Conditions {
			if strings.EqualFold(key, name) {
				inner, _ := value.(map[string]any)
				return inner
			}
		}
		return nil
	}
	add(w.Conditions, "clientAppTypes", "signInRiskLevels", "userRiskLevels", "users", "applications")
	add(under("applications"), "includeApplications", "excludeApplications")
	add(under("users"), "includeUsers", "excludeUsers", "includeGroups", "excludeGroups", "includeRoles", "excludeRoles",
		"includeGuestsOrExternalUsers", "excludeGuestsOrExternalUsers")
	for _, tenant := range include.ExternalTenants.Members {
		out = append(out, "includeExternalTenants "+string(tenant))
	}
	for _, tenant := range exclude.ExternalTenants.Members {
		out = append(out, "excludeExternalTenants "+string(tenant))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// isSet reports that a condition narrows anything: "all" alone, nothing and empty
// lists do not.
func isSet(value any) bool {
	switch v := value.(type) {
	case nil:
		return false
	case string:
		return v != "" && !strings.EqualFold(v, "all") && !strings.EqualFold(v, "none")
	case bool:
		return v
	case []any:
		return slices.ContainsFunc(v, isSet)
	case map[string]any:
		for name, inner := range v {
			if !strings.HasPrefix(name, "@") && isSet(inner) {
				return true
			}
		}
		return false
	}
	return true
}

var errNotTold = errors.New("does not tell whether it is enabled")

// https://learn.microsoft.com/graph/api/identitysecuritydefaultsenforcementpolicy-get
func decodeSecurityDefaults(tenant string, raw json.RawMessage) (snapshot.SecurityDefaults, error) {
	var w struct{ IsEnabled *bool }
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.SecurityDefaults{}, err
	}
	if w.IsEnabled == nil {
		return snapshot.SecurityDefaults{}, errNotTold
	}
	return snapshot.SecurityDefaults{Tenant: tenant, Enabled: *w.IsEnabled}, nil
}
