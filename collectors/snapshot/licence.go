package snapshot

// SubscribedSKU is a product that a tenant has bought or tries.
// https://learn.microsoft.com/graph/api/resources/subscribedsku
type SubscribedSKU struct {
	Tenant     string `db:"tenant"`
	SKU        string `db:"sku"`
	PartNumber string `db:"part_number"`
	Status     string `db:"status"`     // Enabled, Warning (in grace, still works), Suspended, Deleted, LockedOut
	AppliesTo  string `db:"applies_to"` // User or Company
	Enabled    int    `db:"enabled"`    // licences that may be given, those in grace too
	Consumed   int    `db:"consumed"`   // licences given to somebody
}

func (SubscribedSKU) Table() string { return "subscribed_sku" }

// ServicePlan is one service within a product of a tenant.
type ServicePlan struct {
	Tenant    string `db:"tenant"`
	SKU       string `db:"sku"`
	Plan      string `db:"plan"`
	Name      string `db:"name"`
	Status    string `db:"status"` // Success: it can be used
	AppliesTo string `db:"applies_to"`
}

func (ServicePlan) Table() string { return "service_plan" }
