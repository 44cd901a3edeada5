package snapshot

import "time"

// PartnerCustomer is a customer as Partner Center knows it.
// https://learn.microsoft.com/partner-center/developer/customer-resources
type PartnerCustomer struct {
	Tenant       string `db:"tenant"`
	Name         string `db:"name"`
	Domain       string `db:"domain"`
	Relationship string `db:"relationship"` // to the partner: reseller, advisor, syndication, microsoft_support, none
	Delegated    *bool  `db:"delegated"`    // legacy delegated administration (DAP) stands; nil: not told
}

func (PartnerCustomer) Table() string { return "partner_customer" }

// PartnerAudit is one record of the Partner Center activity log. Of a record that
// Microsoft gave no id, ID is the digest of what it says.
// https://learn.microsoft.com/partner-center/developer/auditing-resources
type PartnerAudit struct {
	ID           string    `db:"id"`
	At           time.Time `db:"at"`
	Customer     string    `db:"customer"`
	CustomerName string    `db:"customer_name"`
	Actor        string    `db:"actor"` // user principal name
	App          string    `db:"app"`
	Resource     string    `db:"resource"`
	Operation    string    `db:"operation"`
	Status       string    `db:"status"`
	Details      string    `db:"details"` // key=value, sorted lines, no secrets
}

func (PartnerAudit) Table() string { return "partner_audit" }
