package collectors

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// azureActivity reads the activity log of each subscription of a customer, in windows
// of a week.
func (r *runner) azureActivity(ctx context.Context) error {
	if r.Azure == nil || !r.asksKind(snapshot.AzureActivity) {
		r.notConfigured(ctx, snapshot.AzureActivity, azureNotAsked)
		return nil
	}
	known, err := r.subscriptions(ctx)
	if err != nil {
		return err
	}
	if err := r.subscriptionsSeen(ctx); err != nil {
		return err
	}
	r.Azure.Together(ctx, len(known), func(ctx context.Context, i int) {
		x := known[i]
		if !r.asksCustomer(x.Customer) {
			r.mark(ctx, x.Customer, snapshot.AzureActivity, x.ID, snapshot.NotAsked, leftOutCustomer)
			return
		}
		if !x.Listed {
			r.mark(ctx, x.Customer, snapshot.AzureActivity, x.ID, snapshot.NotPermitted, "the subscription is not listed any more, so that its log cannot be asked; "+SourceOf(snapshot.AzureActivity).cure())
			return
		}
		if err := r.logOf(ctx, place{x.Customer, r.Azure}, snapshot.AzureActivity, x.ID, snapshot.AzureLogKept, oneWeek, func(w window) collector {
			return azureActivity{r.Tenant, x.ID, w}
		}); err != nil && ctx.Err() == nil {
			r.stop(err)
		}
	})
	return nil
}

// subscriptionsSeen notes for the customers without a subscription whether there
// truly is nothing to ask for.
func (r *runner) subscriptionsSeen(ctx context.Context) error {
	list, err := r.taken.Seen(ctx, store.Part{Kind: string(snapshot.AzureDelegations), Scope: r.Tenant, Object: r.Tenant})
	if err != nil {
		return err
	}
	state, reason := snapshot.Complete, ""
	if list != store.Whole {
		state, reason = snapshot.Failed, "which subscriptions there are is not known, because azure delegations were not seen whole"
	}
	r.mark(ctx, r.Tenant, snapshot.AzureActivity, r.Tenant, state, reason)
	return nil
}

// azureActivity lists, for one window, what actors of the MSP's tenant did in one
// subscription, and who changed how it is delegated. Of others nothing is kept.
// https://learn.microsoft.com/rest/api/monitor/activity-logs/list
type azureActivity struct {
	tenant       string // of the MSP
	subscription string
	window       window
}

func (azureActivity) Kind() snapshot.Kind { return snapshot.AzureActivity }

// azureEventFields are those that we read, of the ones documented for $select: the
// caller is told by the claims, the category by the properties.
const azureEventFields = "claims,correlationId,eventDataId,eventName,eventTimestamp,httpRequest,operationName,properties,resourceId,status"

func (c azureActivity) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	s.seen.Since, s.seen.Until = c.window.since, c.window.until
	const layout = "2006-01-02T15:04:05.0000000Z"
	last := c.window.until.Add(-100 * time.Nanosecond) // le is inclusive, and Azure keeps 7 digits
	filter := "eventTimestamp ge " + quoted(c.window.since.Format(layout)) + " and eventTimestamp le " + quoted(last.Format(layout))
	path := "/subscriptions/" + url.PathEscape(c.subscription) + "/providers/Microsoft.Insights/eventtypes/management/values" +
		query("api-version", "2015-04-01", "$filter", filter, "$select", azureEventFields)
	return s.list(ctx, path, c.decode)
}

func (c azureActivity) decode(raw json.RawMessage) (store.Item, error) {
	type word struct{ Value string }
	var w struct {
		EventDataID    ident
		EventTimestamp instant
		Caller         string
		Claims         struct {
			Home  ident  `json:"http://schemas.microsoft.com/identity/claims/tenantid"`
			ID    ident  `json:"http://schemas.microsoft.com/identity/claims/objectidentifier"`
			UPN   string `json:"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"`
			AppID string
			IP    string `json:"ipaddr"`
		}
		OperationName, Category, EventName, Status word
		ResourceID                                 ident
		CorrelationID                              ident
		HTTPRequest                                struct{ ClientIPAddress string }
		Properties                                 json.RawMessage
	}
	switch err := json.Unmarshal(raw, &w); {
	case err != nil:
		return store.Item{}, err
	case w.EventDataID == "":
		return store.Item{}, errNoID
	case w.EventTimestamp.IsZero():
		return store.Item{}, errNoTime
	case string(w.Claims.Home) != c.tenant && !changesDelegation(w.OperationName.Value):
		return store.Item{}, nil
	}
	var more struct{ Justification, EventCategory string }
	_ = json.Unmarshal(w.Properties, &more) // each service writes its own: what is of another shape says neither
	return store.Item{Fact: snapshot.AzureEvent{
		Subscription: c.subscription, ID: string(w.EventDataID), At: w.EventTimestamp.Time,
		Caller: cmp.Or(w.Claims.UPN, w.Caller, w.Claims.AppID), CallerID: string(w.Claims.ID), CallerHome: string(w.Claims.Home),
		Operation: w.OperationName.Value, Category: cmp.Or(w.Category.Value, more.EventCategory), Event: w.EventName.Value, Status: w.Status.Value,
		Resource: string(w.ResourceID), Correlation: string(w.CorrelationID), IP: cmp.Or(w.HTTPRequest.ClientIPAddress, w.Claims.IP),
		Justification: more.Justification,
	}}, nil
}

// changesDelegation tells the operations by which a delegation is made or ended.
// https://learn.microsoft.com/azure/lighthouse/how-to/monitor-delegation-changes
func changesDelegation(operation string) bool {
	operation = strings.ToLower(operation)
	return strings.HasPrefix(operation, "microsoft.managedservices/registrationassignments/") ||
		operation == "microsoft.resources/tenants/register/action" || operation == "microsoft.resources/tenants/unregister/action"
}
