package snapshot

import "time"

// LighthouseTenant is a customer as Microsoft 365 Lighthouse knows it.
// https://learn.microsoft.com/graph/api/resources/managedtenants-tenant
type LighthouseTenant struct {
	Tenant      string    `db:"tenant"`
	Name        string    `db:"name"`
	Privilege   string    `db:"privilege"` // none, delegatedAdminPrivileges (DAP), granularDelegatedAdminPrivileges (GDAP), delegatedAndGranularDelegetedAdminPrivileges
	Contract    string    `db:"contract"`
	Onboarding  string    `db:"onboarding"`  // ineligible, inProcess, active, inactive, disabled
	Eligibility string    `db:"eligibility"` // why it is not eligible
	Created     time.Time `db:"created"`
}

func (LighthouseTenant) Table() string { return "lighthouse_tenant" }
