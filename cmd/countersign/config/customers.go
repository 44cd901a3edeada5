package config

import (
	"fmt"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
)

// intervals are how often a customer may be reviewed.
var intervals = []string{"monthly", "quarterly", "half-yearly", "yearly"}

// readCustomers reads customers.csv. Who is named as an owner must stand in staff.csv.
func readCustomers(t *table, staff people) (all []snapshot.DeclaredCustomer) {
	rows := readTable(t, func(c *snapshot.DeclaredCustomer) []column {
		return []column{
			{"tenant_id", true, id(&c.Tenant)},
			{"name", false, plain(&c.Name)},
			{"customer_tier", false, plain(&c.CustomerTier)},
			{"services", false, list(&c.Services)},
			{"contract_start", false, t.date(&c.ContractStart)},
			{"contract_end", false, t.date(&c.ContractEnd)}, // the last day
			{"owner", false, lower(&c.Owner)},
			{"contacts", false, list(&c.Contacts)},
			{"language", false, t.language(&c.Language)},
			{"time_zone", false, timeZone(&c.TimeZone)},
			{"interval", false, oneOf(&c.Interval, intervals...)},
			{"collect", false, tenantKinds(&c.Collect)},      // what is read in its own tenant: yes for all of it, or the kinds
			{"notify", false, oneOf(&c.Notify, "yes", "no")}, // yes: contacts are sent their summary
			{"customer_approver", false, plain(&c.CustomerApprover)},
			{"emergency_accounts", false, list(&c.EmergencyAccounts)},
		}
	})
	unique(t, rows, "tenant_id", func(c snapshot.DeclaredCustomer) string { return c.Tenant })
	for _, r := range rows {
		staff.check(t, r.line, "owner", r.row.Owner)
		if !r.row.ContractEnd.IsZero() && r.row.ContractEnd.Before(r.row.ContractStart) {
			t.fault(r.line, "contract_end", "lies before contract_start")
		}
		all = append(all, r.row)
	}
	return all
}

// tenantKinds takes yes, no, or the kinds of evidence to read, separated by semicolons.
func tenantKinds(to *[]snapshot.Kind) func(string) error {
	return func(cell string) error {
		switch cell {
		case "yes":
			*to = snapshot.TenantKinds
			return nil
		case "no":
			return nil
		}
		var kinds []string
		if err := list(&kinds)(cell); err != nil {
			return err
		}
		for _, k := range kinds {
			if !slices.Contains(snapshot.TenantKinds, snapshot.Kind(k)) {
				known := make([]string, len(snapshot.TenantKinds))
				for i, k := range snapshot.TenantKinds {
					known[i] = string(k)
				}
				return fmt.Errorf("%q is not yes, no or some of %s", k, strings.Join(known, ";"))
			}
			*to = append(*to, snapshot.Kind(k))
		}
		return nil
	}
}
