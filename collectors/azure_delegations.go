package collectors

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// azureDelegations asks which subscriptions of customers the MSP's app can see, and
// of each how it is delegated.
func (r *runner) azureDelegations(ctx context.Context) error {
	if r.Azure == nil {
		r.notConfigured(ctx, snapshot.AzureDelegations, azureNotAsked)
		return nil
	}
	list, at := azureSubscriptions{r.Tenant, r.shrunk("azure_subscription", "subscriptions")}, place{r.Tenant, r.Azure}
	r.part(ctx, at, list, r.Tenant)
	if !r.asks(list) {
		return nil
	}
	known, err := r.subscriptions(ctx)
	if err != nil {
		return err
	}
	r.expect(len(known))
	r.Azure.Together(ctx, len(known), func(ctx context.Context, i int) {
		x := known[i]
		c := azureDelegations{r.Tenant, x.Listed, r.AcceptShrink}
		switch {
		case ctx.Err() != nil:
		case !r.asksCustomer(x.Customer):
			r.mark(ctx, x.Customer, c.Kind(), x.ID, snapshot.NotAsked, leftOutCustomer)
			r.progress(c)
		default:
			r.part(ctx, place{x.Customer, r.Azure}, c, x.ID)
		}
	})
	return nil
}

// subscription is one of a customer, by the GUID that names it in paths.
type subscription struct {
	ID, Customer string
	Listed       bool // else known from before
}

// subscriptions are all that were ever known, but for those whose delegations were seen
// to end. One that is not listed any more may still be delegated: the app's role in it
// may be all that ended.
func (r *runner) subscriptions(ctx context.Context) ([]subscription, error) {
	var out []subscription
	err := r.Store.Read().SelectContext(ctx, &out, `
		SELECT i.value AS id, c.value AS customer, max(f.listed) AS listed
		FROM   (SELECT id, customer, seen_until IS NULL AS listed FROM fact_azure_subscription x
		        WHERE  seen_until IS NULL OR NOT EXISTS (
		               SELECT 1 FROM part p JOIN part_seen s ON s.part = p.id AND s.state = 'complete' WHERE p.kind = ? AND p.object = x.id)
		        UNION ALL SELECT subscription, customer, 0 FROM fact_azure_delegation WHERE seen_until IS NULL) f
		JOIN   ident i ON i.id = f.id JOIN ident c ON c.id = f.customer
		GROUP  BY i.value, c.value ORDER BY i.value, c.value`, string(snapshot.AzureDelegations))
	return out, err
}

// azureSubscriptions lists the subscriptions in which the MSP's app has an Azure role.
// Those of other tenants are customers': Azure Lighthouse shows them beside the MSP's
// own.
// https://learn.microsoft.com/rest/api/resources/subscriptions/list
type azureSubscriptions struct {
	tenant string                                    // of the MSP
	shrunk func(ctx context.Context, came int) error // far less came than was known
}

func (azureSubscriptions) Kind() snapshot.Kind { return snapshot.AzureDelegations }

func (c azureSubscriptions) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	came := map[string]bool{}
	err := s.list(ctx, "/subscriptions"+query("api-version", "2022-12-01"), func(raw json.RawMessage) (store.Item, error) {
		item, err := c.decode(raw)
		if x, ok := item.Fact.(snapshot.AzureSubscription); ok {
			came[x.ID] = true
		}
		return item, err
	})
	if err != nil {
		return err
	}
	return c.shrunk(ctx, len(came))
}

var errNoTenant = errors.New("has no tenant")

func (c azureSubscriptions) decode(raw json.RawMessage) (store.Item, error) {
	var w struct {
		SubscriptionID, TenantID ident
		DisplayName, State       string
	}
	switch err := json.Unmarshal(raw, &w); {
	case err != nil:
		return store.Item{}, err
	case w.SubscriptionID == "":
		return store.Item{}, errNoID
	case w.TenantID == "":
		return store.Item{}, errNoTenant
	case string(w.TenantID) == c.tenant:
		return store.Item{}, nil
	}
	return store.Item{Fact: snapshot.AzureSubscription{ID: string(w.SubscriptionID), Customer: string(w.TenantID), Name: w.DisplayName,
		State: spelled(w.State, "Enabled", "Warned", "PastDue", "Disabled", "Deleted")}}, nil
}

// azureDelegations lists how one subscription is delegated to the MSP's tenant, with
// who was given which Azure role. Delegations to others are passed over.
// https://learn.microsoft.com/rest/api/managedservices/registration-assignments/list
type azureDelegations struct {
	tenant string // of the MSP
	listed bool   // the subscription is
	mayEnd bool   // that it is not found either is believed to be the end of its delegation
}

func (azureDelegations) Kind() snapshot.Kind { return snapshot.AzureDelegations }

func (c azureDelegations) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	path := "/subscriptions/" + url.PathEscape(part.Object) + "/providers/Microsoft.ManagedServices/registrationAssignments" +
		query("$expandRegistrationDefinition", "true", "api-version", "2022-10-01")
	err := s.list(ctx, path, func(raw json.RawMessage) (store.Item, error) { return c.decode(part, raw) })
	switch {
	case c.listed || s.seen.Pages > 0 || !notFound(err) && !foreignTenant(err):
		return err
	case !c.mayEnd:
		return &notShownError{err}
	}
	s.refused(err)
	s.say("Azure does not show this subscription to the MSP's tenant any more: it was accepted that its delegation has ended")
	return nil
}

// notShownError is a subscription that was delegated and is not shown any more.
type notShownError struct{ why error }

func (e *notShownError) Error() string { return e.why.Error() }

func (e *notShownError) Unwrap() error { return e.why }

// azureAuthorisation is how a registration definition gives one role.
type azureAuthorisation struct {
	PrincipalID, RoleDefinitionID ident
	PrincipalIDDisplayName        string
	DelegatedRoleDefinitionIDs    []ident
	JustInTimeAccessPolicy        struct {
		MultiFactorAuthProvider, MaximumActivationDuration string
		ManagedByTenantApprovers                           []struct{ PrincipalID ident }
	}
}

// What an eligible authorisation demands where it does not say.
// https://learn.microsoft.com/azure/lighthouse/how-to/create-eligible-authorizations
const (
	noMFA             = "None"
	longestActivation = "PT8H"
)

var errNoDefinition = errors.New("comes without its definition")

func (c azureDelegations) decode(part snapshot.Part, raw json.RawMessage) (store.Item, error) {
	var w struct {
		ID         ident
		Properties struct {
			RegistrationDefinitionID ident
			ProvisioningState        string
			RegistrationDefinition   struct {
				Plan       struct{ Publisher, Product, Name string }
				Properties struct {
					RegistrationDefinitionName             string
					ManagedByTenantID                      ident
					Authorizations, EligibleAuthorizations []azureAuthorisation
				}
			}
		}
	}
	err := json.Unmarshal(raw, &w)
	definition := w.Properties.RegistrationDefinition
	switch {
	case err != nil:
		return store.Item{}, err
	case w.ID == "":
		return store.Item{}, errNoID
	case !strings.HasPrefix(string(w.ID), "/subscriptions/"+part.Object+"/"):
		return store.Item{}, errForeign
	case definition.Properties.ManagedByTenantID == "":
		return store.Item{}, errNoDefinition
	case string(definition.Properties.ManagedByTenantID) != c.tenant:
		return store.Item{}, nil
	}
	id := string(w.ID)
	item := store.Item{Fact: snapshot.AzureDelegation{
		ID: id, Subscription: part.Object, Customer: part.Scope, Managing: c.tenant, Definition: string(w.Properties.RegistrationDefinitionID),
		Name: definition.Properties.RegistrationDefinitionName, State: w.Properties.ProvisioningState,
		Plan: strings.Trim(strings.Join([]string{definition.Plan.Publisher, definition.Plan.Product, definition.Plan.Name}, "/"), "/"),
	}}
	for _, a := range definition.Properties.Authorizations {
		if err := a.add(&item, id, false); err != nil {
			return item, err
		}
	}
	for _, a := range definition.Properties.EligibleAuthorizations {
		if err := a.add(&item, id, true); err != nil {
			return item, err
		}
	}
	return item, nil
}

var errNoRole = errors.New("an authorisation has no principal or no role")

func (a azureAuthorisation) add(item *store.Item, delegation string, eligible bool) error {
	if a.PrincipalID == "" || a.RoleDefinitionID == "" {
		return errNoRole
	}
	fact := snapshot.AzureAuthorisation{Delegation: delegation, Principal: string(a.PrincipalID), Role: lastOf(a.RoleDefinitionID), Eligible: eligible,
		PrincipalName: a.PrincipalIDDisplayName}
	for _, role := range a.DelegatedRoleDefinitionIDs {
		fact.DelegatedRoles = append(fact.DelegatedRoles, lastOf(role))
	}
	slices.Sort(fact.DelegatedRoles)
	if eligible {
		policy := a.JustInTimeAccessPolicy
		fact.MFA = spelled(cmp.Or(policy.MultiFactorAuthProvider, noMFA), "Azure", noMFA)
		fact.MaxActivation = cmp.Or(policy.MaximumActivationDuration, longestActivation)
		for _, approver := range policy.ManagedByTenantApprovers {
			fact.Approvers = append(fact.Approvers, string(approver.PrincipalID))
		}
		slices.Sort(fact.Approvers)
	}
	item.Details = append(item.Details, fact)
	return nil
}

// lastOf is the GUID of a role definition, which Azure gives bare or as a path.
func lastOf(role ident) string { return string(role[strings.LastIndexByte(string(role), '/')+1:]) }
