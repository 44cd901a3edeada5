package snapshot

import (
	"strings"
	"time"
)

// Declared is what the MSP says of itself in its own files, beside what the
// directory shows: customers.csv, staff.csv, groups.csv, templates.csv.
type Declared struct {
	Customers []DeclaredCustomer
	Staff     []StaffAccount
	Groups    []DeclaredGroup
	Templates []DeclaredTemplate

	TemplatesSHA256 [32]byte // of templates.csv; zero: there is none
}

// DeclaredCustomer is a row of customers.csv. Zero times mean not given.
type DeclaredCustomer struct {
	Tenant            string // tenant id, lower case
	Name              string
	CustomerTier      string
	Services          []string
	ContractStart     time.Time
	ContractEnd       time.Time
	Owner             string // person
	Contacts          []string
	Language          string
	TimeZone          string
	Interval          string
	Collect           []Kind // read in its own tenant, which must have consented; empty: nothing
	Notify            string
	CustomerApprover  string
	EmergencyAccounts []string
}

// StaffAccount is a row of staff.csv: one account of a person, who may have several.
type StaffAccount struct {
	Person         string // the MSP's own short key, the same on all rows of a person
	UPN            string
	Account        string // daily or admin
	Name           string
	Manager        string // person
	Team           string
	SupportRole    string
	Tasks          []string
	Certifications []string
	LeftOn         time.Time // zero: still here
}

// DeclaredGroup is a row of groups.csv. Label is what customers see instead of
// the group's name.
type DeclaredGroup struct {
	ID          string
	Label       string
	SupportRole string
	Owners      []string
	Purpose     string
}

// DeclaredTemplate is a row of templates.csv: a role that a group gets by one of the
// MSP's GDAP templates, which no API shows.
type DeclaredTemplate struct {
	Name      string
	Group     string   // id
	Role      string   // role definition id or name, as written
	JIT       bool     // given just in time, through Lighthouse
	Customers []string // tenant ids; empty: all
}

// Customer finds a declared customer by tenant id.
func (d Declared) Customer(tenant string) (DeclaredCustomer, bool) {
	for _, c := range d.Customers {
		if strings.EqualFold(c.Tenant, tenant) {
			return c, true
		}
	}
	return DeclaredCustomer{}, false
}

// Account finds the staff row of a user principal name.
func (d Declared) Account(upn string) (StaffAccount, bool) {
	for _, s := range d.Staff {
		if strings.EqualFold(s.UPN, upn) {
			return s, true
		}
	}
	return StaffAccount{}, false
}

// Group finds a declared group by id.
func (d Declared) Group(id string) (DeclaredGroup, bool) {
	for _, g := range d.Groups {
		if strings.EqualFold(g.ID, id) {
			return g, true
		}
	}
	return DeclaredGroup{}, false
}
