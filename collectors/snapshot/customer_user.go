package snapshot

import "time"

// CustomerUser is an account in a customer's tenant that the MSP controls or answers
// for: it holds a directory role there, came from the MSP, or is declared: as one of its
// people's, or for emergencies. One that is declared and not there has its name for an id.
type CustomerUser struct {
	Tenant     string    `db:"tenant"`
	ID         string    `db:"id"`
	Name       string    `db:"name"`
	UPN        string    `db:"upn"`
	Mail       string    `db:"mail"`
	Enabled    *bool     `db:"enabled"`
	Type       string    `db:"type"`       // Member, Guest or empty
	Invitation string    `db:"invitation"` // PendingAcceptance, Accepted or empty
	Synced     bool      `db:"synced"`
	Created    time.Time `db:"created"`
	Because    []string  `db:"because"` // emergency, guest (by its mail or name, whatever the type), missing, role, staff (a declared account of the MSP's people); sorted
}

func (CustomerUser) Table() string { return "customer_user" }

// CustomerUserActivity is when such an account last signed in; it moves daily.
type CustomerUserActivity struct {
	Tenant             string    `db:"tenant"`
	Principal          string    `db:"principal"`
	LastSignIn         time.Time `db:"last_sign_in"` // interactive, failed tries included
	LastNonInteractive time.Time `db:"last_non_interactive"`
	LastSuccessful     time.Time `db:"last_successful"` // recorded since December 2023
}

func (CustomerUserActivity) Table() string { return "customer_user_activity" }
