package snapshot

// PIMPrincipal says who stands behind the principal of a PIM-for-Groups instance: an
// eligible group shows in no members list.
type PIMPrincipal struct {
	Group     string `db:"group_id"`
	Principal string `db:"principal"`
	Type      string `db:"type"`
	Name      string `db:"name"`
	UPN       string `db:"upn"`
}

func (PIMPrincipal) Table() string { return "pim_principal" }
