package snapshot

import "time"

// RiskyUser is what Entra ID Protection thinks of an account in reach.
// https://learn.microsoft.com/graph/api/resources/riskyuser
type RiskyUser struct {
	Principal string    `db:"principal"`
	Name      string    `db:"name"`
	UPN       string    `db:"upn"`
	Level     string    `db:"level"` // low, medium, high, none, hidden
	State     string    `db:"state"` // atRisk, confirmedCompromised, remediated, dismissed, confirmedSafe, none
	Detail    string    `db:"detail"`
	Updated   time.Time `db:"updated"`
	Deleted   bool      `db:"deleted"`
}

func (RiskyUser) Table() string { return "risky_user" }
