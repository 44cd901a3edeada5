package snapshot

import "time"

// AzureSubscription is a subscription of a customer that the MSP can see.
// https://learn.microsoft.com/rest/api/resources/subscriptions/list
type AzureSubscription struct {
	ID       string `db:"id"`
	Customer string `db:"customer"` // tenant it belongs to
	Name     string `db:"name"`
	State    string `db:"state"` // Enabled, Warned, PastDue, Disabled, Deleted
}

func (AzureSubscription) Table() string { return "azure_subscription" }

// AzureDelegation is an Azure Lighthouse delegation of a subscription or of a
// resource group in it.
// https://learn.microsoft.com/rest/api/managedservices/registration-assignments
type AzureDelegation struct {
	ID           string `db:"id"` // of the registration assignment, its resource's path
	Subscription string `db:"subscription"`
	Customer     string `db:"customer"`
	Managing     string `db:"managing"` // tenant it is delegated to
	Definition   string `db:"definition"`
	Name         string `db:"name"`  // of the offer
	Plan         string `db:"plan"`  // of a Marketplace offer, else empty
	State        string `db:"state"` // Succeeded: it holds
}

func (AzureDelegation) Table() string { return "azure_delegation" }

// AzureAuthorisation gives a group, a person or an app of the managing tenant one
// Azure role under a delegation, for good or by activation.
type AzureAuthorisation struct {
	Delegation     string   `db:"delegation"`
	Principal      string   `db:"principal"`
	Role           string   `db:"role"`            // Azure role definition, a GUID
	Eligible       bool     `db:"eligible"`        // by activation through PIM
	PrincipalName  string   `db:"principal_name"`  // free text of the offer: what the customer reads, not proof
	DelegatedRoles []string `db:"delegated_roles"` // that it may give to managed identities; sorted
	MFA            string   `db:"mfa"`             // Azure or None, of an eligible one
	MaxActivation  string   `db:"max_activation"`  // ISO 8601
	Approvers      []string `db:"approvers"`       // ids, sorted
}

func (AzureAuthorisation) Table() string { return "azure_authorisation" }

// AzureEvent is one entry of a delegated subscription's activity log, made by an
// actor of the MSP's tenant, or by whoever changed the delegation.
// https://learn.microsoft.com/rest/api/monitor/activity-logs/list
type AzureEvent struct {
	Subscription  string    `db:"subscription"`
	ID            string    `db:"id"` // event data id
	At            time.Time `db:"at"`
	Caller        string    `db:"caller"` // user principal name, or id of an app
	CallerID      string    `db:"caller_id"`
	CallerHome    string    `db:"caller_home"`
	Operation     string    `db:"operation"`
	Category      string    `db:"category"`
	Event         string    `db:"event"` // BeginRequest, EndRequest
	Status        string    `db:"status"`
	Resource      string    `db:"resource"` // its path
	Correlation   string    `db:"correlation"`
	IP            string    `db:"ip"`
	Justification string    `db:"justification"` // of a PIM activation
}

func (AzureEvent) Table() string { return "azure_event" }
