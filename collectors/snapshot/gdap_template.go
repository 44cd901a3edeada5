package snapshot

// GDAPTemplate is a role that a group gets by one of the MSP's GDAP templates, as the
// MSP's own templates.csv has it.
type GDAPTemplate struct {
	Name      string   `db:"name"`
	Group     string   `db:"group_id"`
	Role      string   `db:"role"`      // role definition id or name, as written
	JIT       bool     `db:"jit"`       // given just in time
	Customers []string `db:"customers"` // tenants, sorted; empty: all
}

func (GDAPTemplate) Table() string { return "gdap_template" }
