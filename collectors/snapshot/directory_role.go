package snapshot

import "time"

// RoleInstance is one directory role held, or that may be activated, in a tenant
// now: a PIM schedule instance, or a plain role assignment where the tenant has no
// PIM.
// https://learn.microsoft.com/graph/api/resources/unifiedroleassignmentscheduleinstance
type RoleInstance struct {
	Tenant        string    `db:"tenant"`
	State         string    `db:"state"` // assigned, activated or eligible; plain where PIM could not be asked
	ID            string    `db:"id"`
	Principal     string    `db:"principal"`
	PrincipalType string    `db:"principal_type"` // as Type* of members; empty: not told
	PrincipalName string    `db:"principal_name"`
	PrincipalUPN  string    `db:"principal_upn"`
	PrincipalHome string    `db:"principal_home"` // the principal's own tenant, where told
	Role          string    `db:"role"`           // definition id; of a built-in role its template id
	Scope         string    `db:"scope"`          // / is the whole directory
	MemberType    string    `db:"member_type"`    // Direct, Group or Inherited
	Starts        time.Time `db:"starts"`
	Ends          time.Time `db:"ends"` // zero: without an end
}

func (RoleInstance) Table() string { return "role_instance" }

// RoleDefinition is a directory role that somebody holds in a tenant or may activate
// there and that the role data of this package does not have: a custom one, as a rule.
type RoleDefinition struct {
	Tenant   string   `db:"tenant"`
	ID       string   `db:"id"`
	Template string   `db:"template"`
	Name     string   `db:"name"`
	BuiltIn  bool     `db:"built_in"`
	Enabled  bool     `db:"enabled"`
	Actions  []string `db:"actions"` // sorted
}

func (RoleDefinition) Table() string { return "role_definition" }

// RoleGroup is a group of the MSP's tenant that stands for rights by what it is: it
// may be given directory roles, or it is one of the agents groups through which the
// older delegated administration (DAP) reaches every customer.
// https://learn.microsoft.com/partner-center/customers/assign-users-roles-permissions
type RoleGroup struct {
	Group          string `db:"group_id"`
	Name           string `db:"name"`
	Agents         string `db:"agents"` // AdminAgents, HelpdeskAgents or empty
	RoleAssignable bool   `db:"role_assignable"`
}

func (RoleGroup) Table() string { return "role_group" }
