package snapshot

import "time"

// ProviderSignIn is one sign-in of a service provider's person as the customer's own
// tenant saw it. Microsoft masks the person there: correlation and time tie it to the
// MSP's own log.
// https://learn.microsoft.com/graph/api/resources/signin?view=graph-rest-beta
type ProviderSignIn struct {
	Tenant      string    `db:"tenant"`
	ID          string    `db:"id"`
	Home        string    `db:"home"`      // tenant the person came from
	Principal   string    `db:"principal"` // as the customer sees it
	Name        string    `db:"name"`
	UPN         string    `db:"upn"`
	At          time.Time `db:"at"`
	App         string    `db:"app"`
	Resource    string    `db:"resource"`
	Interactive bool      `db:"interactive"`
	ErrorCode   int       `db:"error_code"` // 0: success
	CrossTenant string    `db:"cross_tenant"`
	Requirement string    `db:"requirement"`
	IP          string    `db:"ip"`
	Country     string    `db:"country"` // two letters
	Correlation string    `db:"correlation"`
}

func (ProviderSignIn) Table() string { return "provider_sign_in" }

// SignInContext is from where and with what a sign-in was made.
type SignInContext struct {
	ID             string `db:"id"` // of the SignIn
	IP             string `db:"ip"`
	Country        string `db:"country"` // two letters
	City           string `db:"city"`
	Client         string `db:"client"` // clientAppUsed
	System         string `db:"system"` // operating system
	Trust          string `db:"trust"`  // how the device is joined; empty: unknown device
	Compliant      *bool  `db:"compliant"`
	Managed        *bool  `db:"managed"`
	Risk           string `db:"risk"`            // level during sign-in
	AccessPolicies string `db:"access_policies"` // conditionalAccessStatus
}

func (SignInContext) Table() string { return "sign_in_context" }
