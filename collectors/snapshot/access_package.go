package snapshot

import "time"

// AccessPackage is an entitlement management package of the MSP's tenant; Microsoft
// 365 Lighthouse makes one of each just-in-time policy.
// https://learn.microsoft.com/graph/api/resources/accesspackage
type AccessPackage struct {
	ID       string    `db:"id"`
	Name     string    `db:"name"`
	Catalog  string    `db:"catalog"`
	Hidden   bool      `db:"hidden"`
	Created  time.Time `db:"created"`
	Modified time.Time `db:"modified"`
}

func (AccessPackage) Table() string { return "access_package" }

// AccessPackageGroup is a group that whoever gets the package comes into.
type AccessPackageGroup struct {
	Package string `db:"package"`
	Group   string `db:"group_id"`
	Access  string `db:"access"` // member or owner
}

func (AccessPackageGroup) Table() string { return "access_package_group" }

// AccessPackagePolicy is how a package may be requested.
type AccessPackagePolicy struct {
	ID            string    `db:"id"`
	Package       string    `db:"package"`
	Name          string    `db:"name"`
	Requestors    string    `db:"requestors"`    // who may have it: allowedTargetScope, such as specificDirectoryUsers
	SelfRequest   bool      `db:"self_request"`  // they may ask for it themselves
	Approval      bool      `db:"approval"`      // demanded
	Approvers     []string  `db:"approvers"`     // ids, sorted
	Justification bool      `db:"justification"` // demanded of the requestor
	Duration      string    `db:"duration"`      // ISO 8601; empty: not limited so
	Until         time.Time `db:"until"`         // all end then; zero: not limited so
	Reviewed      bool      `db:"reviewed"`      // by access reviews
}

func (AccessPackagePolicy) Table() string { return "access_package_policy" }

// AccessPackageTarget is a user or group that may have a package by a policy that is
// for some only.
type AccessPackageTarget struct {
	Policy    string `db:"policy"`
	Principal string `db:"principal"`
	Type      string `db:"type"` // user or group
}

func (AccessPackageTarget) Table() string { return "access_package_target" }

// AccessPackageAssignment is a person who has a package now or had it.
type AccessPackageAssignment struct {
	ID        string    `db:"id"`
	Package   string    `db:"package"`
	Policy    string    `db:"policy"`
	Principal string    `db:"principal"`
	Name      string    `db:"name"`
	UPN       string    `db:"upn"`
	State     string    `db:"state"` // delivered, expired, delivering, partiallyDelivered, deliveryFailed
	Starts    time.Time `db:"starts"`
	Ends      time.Time `db:"ends"` // zero: without an end
}

func (AccessPackageAssignment) Table() string { return "access_package_assignment" }

// AccessPackageRequest is one request for a package: of a just-in-time policy, one
// use with its purpose.
type AccessPackageRequest struct {
	ID            string    `db:"id"`
	Package       string    `db:"package"`
	Assignment    string    `db:"assignment"`
	Principal     string    `db:"principal"`
	Name          string    `db:"name"`
	UPN           string    `db:"upn"`
	Type          string    `db:"type"` // userAdd, adminAdd, userRemove, ...
	State         string    `db:"state"`
	Status        string    `db:"status"`
	Created       time.Time `db:"created"`
	Completed     time.Time `db:"completed"`
	Starts        time.Time `db:"starts"`
	Ends          time.Time `db:"ends"`
	Justification string    `db:"justification"`
}

func (AccessPackageRequest) Table() string { return "access_package_request" }
