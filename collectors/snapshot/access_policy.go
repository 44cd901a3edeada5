package snapshot

import "time"

// AccessPolicy is a Conditional Access policy of a tenant. The lists hold ids or
// Microsoft's words, such as All, None, GuestsOrExternalUsers, and are sorted.
// https://learn.microsoft.com/graph/api/resources/conditionalaccesspolicy
type AccessPolicy struct {
	Tenant        string    `db:"tenant"`
	ID            string    `db:"id"`
	Name          string    `db:"name"`
	State         string    `db:"state"` // enabled, disabled, enabledForReportingButNotEnforced
	Created       time.Time `db:"created"`
	Modified      time.Time `db:"modified"`
	IncludeUsers  []string  `db:"include_users"`
	ExcludeUsers  []string  `db:"exclude_users"`
	IncludeGroups []string  `db:"include_groups"`
	ExcludeGroups []string  `db:"exclude_groups"`
	IncludeRoles  []string  `db:"include_roles"`
	ExcludeRoles  []string  `db:"exclude_roles"`
	IncludeGuests []string  `db:"include_guests"` // kinds of guests or external users, serviceProvider among them
	ExcludeGuests []string  `db:"exclude_guests"`
	IncludeApps   []string  `db:"include_apps"`
	ExcludeApps   []string  `db:"exclude_apps"`
	ClientApps    []string  `db:"client_apps"`
	SignInRisks   []string  `db:"sign_in_risks"`
	UserRisks     []string  `db:"user_risks"`
	Operator      string    `db:"operator"` // of the grants: AND or OR
	Grants        []string  `db:"grants"`   // mfa, compliantDevice, block, ...
	Strength      string    `db:"strength"` // name of the authentication strength
	Narrowed      []string  `db:"narrowed"` // other conditions that are set: locations, platforms, devices, ...
}

func (AccessPolicy) Table() string { return "access_policy" }

// CrossTenantAccess is what a tenant trusts of another one, or of all others by
// default. Nil: not set here, so the default holds.
// https://learn.microsoft.com/graph/api/resources/crosstenantaccesspolicyconfigurationpartner
type CrossTenantAccess struct {
	Tenant          string `db:"tenant"`
	Partner         string `db:"partner"` // tenant, or default
	ServiceProvider *bool  `db:"service_provider"`
	TrustsMFA       *bool  `db:"trusts_mfa"`
	TrustsCompliant *bool  `db:"trusts_compliant"` // devices
	TrustsHybrid    *bool  `db:"trusts_hybrid"`    // hybrid joined devices
	Guests          string `db:"guests"`           // guests from there: allowed, blocked or empty
}

func (CrossTenantAccess) Table() string { return "cross_tenant_access" }

// SecurityDefaults says whether a tenant uses Microsoft's security defaults, which
// demand multifactor authentication where no Conditional Access does.
type SecurityDefaults struct {
	Tenant  string `db:"tenant"`
	Enabled bool   `db:"enabled"`
}

func (SecurityDefaults) Table() string { return "security_defaults" }
