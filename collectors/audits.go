package collectors

import (
	"cmp"
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// audits lists, for one window, what the directory audit log of a tenant says of rights.
//
// In the MSP's own tenant it asks for what PIM, the directory itself, Conditional
// Access and entitlement management wrote, and passes over what the directory wrote of
// users and devices alone: the service can be filtered by, the category is not
// documented to be.
//
// In a customer's tenant it reads the whole window and keeps what concerns the MSP:
// what an actor did whose home is the MSP's tenant, or, where the home is not told,
// whose name is masked as Microsoft masks every provider's people (user_ and digits);
// what the services behind GDAP and the settings for other tenants wrote; what an
// account did, or was done to it, that the MSP answers for there, or whose name says so.
// The masked name cannot be asked for safely: a filter on its spelling would lose, without a word, all that is
// spelled otherwise one day.
// https://learn.microsoft.com/graph/api/directoryaudit-list
type audits struct {
	kind     snapshot.Kind
	window   window
	msp      string          // tenant
	own      own             // in a customer's tenant: names of the MSP's people
	answered map[string]bool // there: accounts that the MSP answers for, by id
}

func (c audits) Kind() snapshot.Kind { return c.kind }

func (c audits) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	s.seen.Since, s.seen.Until = c.window.since, c.window.until
	filter := c.window.filter("activityDateTime")
	if c.kind == snapshot.Audits {
		filter += " and (loggedByService eq '" + strings.Join(auditServices, "' or loggedByService eq '") + "')"
	}
	return s.list(ctx, "/v1.0/auditLogs/directoryAudits"+query("$filter", filter, "$top", "999"), func(raw json.RawMessage) (store.Item, error) {
		return c.decode(part.Scope, raw)
	})
}

// auditServices write of rights. PIM signs with its short name; Microsoft's reference
// also gives the long one.
// https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities
var (
	pimServices   = []string{"PIM", "Privileged Identity Management"}
	auditServices = append(slices.Clone(pimServices), "Core Directory", "Conditional Access", "Entitlement Management")
)

func (c audits) decode(tenant string, raw json.RawMessage) (store.Item, error) {
	e, err := readAudit(raw)
	if err != nil || c.kind == snapshot.Audits && e.ofPeopleAlone() || c.kind == snapshot.CustomerAudits && !c.concerns(e, tenant) {
		return store.Item{}, err
	}
	return store.Item{Fact: e.event(tenant), Details: e.changes(tenant)}, nil
}

// auditEntry is an entry of the log, as Graph shows it.
// https://learn.microsoft.com/graph/api/resources/directoryaudit
type auditEntry struct {
	ID, CorrelationID                                                                   ident
	ActivityDateTime                                                                    instant
	ActivityDisplayName, Category, LoggedByService, OperationType, Result, ResultReason string
	InitiatedBy                                                                         struct {
		User *struct {
			ID, HomeTenantID                          ident
			DisplayName, UserPrincipalName, IPAddress string
		}
		App *struct {
			AppID, ServicePrincipalID         ident
			DisplayName, ServicePrincipalName string
		}
	}
	TargetResources   []auditTarget
	AdditionalDetails []struct {
		Key   string
		Value loose
	}
}

type auditTarget struct {
	ID                                   ident
	DisplayName, Type, UserPrincipalName string
	ModifiedProperties                   []struct {
		DisplayName        string
		OldValue, NewValue loose
	}
}

func readAudit(raw json.RawMessage) (e auditEntry, err error) {
	if err = json.Unmarshal(raw, &e); err != nil {
		return e, err
	}
	if e.ID == "" {
		return e, errNoID
	}
	if e.ActivityDateTime.IsZero() {
		return e, errNoTime
	}
	return e, nil
}

// ofPeopleAlone reports that the entry is about properties of users or devices.
func (e auditEntry) ofPeopleAlone() bool {
	return like(e.Category, "UserManagement", "Device", "Contact") && len(e.TargetResources) > 0 && !slices.ContainsFunc(e.TargetResources, func(t auditTarget) bool { return !like(t.Type, "User", "Device", "Contact") })
}

// masked is the name that a tenant's logs give to a service provider's person.
// https://learn.microsoft.com/partner-center/customers/gdap-faq
var masked = regexp.MustCompile(`(?i)^user_[0-9a-f-]+@`)

// gdapServices are those that carry out in a customer's tenant what a GDAP
// relationship says, by id and by name: entries have one or the other.
// https://learn.microsoft.com/partner-center/customers/gdap-faq
var gdapServices = []string{
	"2832473f-ec63-45fb-976f-5d45a7d4bb91", "Partner Customer Delegated Administration",
	"a3475900-ccec-4a69-98f5-a65cd5dc5306", "Partner Customer Delegated Admin Offline Processor",
	"b39d63e7-7fa3-4b2b-94ea-ee256fdb8c2f", "Partner Customer Delegated Admin Migration", "EntraGDAP",
}

// concerns reports that an entry of a customer's log is about the MSP.
func (c audits) concerns(e auditEntry, tenant string) bool {
	if u := e.InitiatedBy.User; u != nil {
		if u.HomeTenantID != "" && string(u.HomeTenantID) == c.msp || u.HomeTenantID == "" && masked.MatchString(u.UserPrincipalName) ||
			c.own.named(u.UserPrincipalName) || c.answered[string(u.ID)] {
			return true
		}
	}
	if a := e.InitiatedBy.App; a != nil && (like(string(a.AppID), gdapServices...) || like(a.DisplayName, gdapServices...) || like(a.ServicePrincipalName, gdapServices...)) {
		return true
	}
	return like(e.Category, "CrossTenantAccessSettings", "DelegatedAdminServiceProviderConstraints") ||
		like(e.ActivityDisplayName, "Add partner to company", "Remove partner from company", "Set Partnership") ||
		slices.ContainsFunc(e.TargetResources, func(t auditTarget) bool { return c.answered[string(t.ID)] })
}

func (e auditEntry) ofPIM() bool {
	return like(e.LoggedByService, pimServices...)
}

func (t auditTarget) is(kind string) bool { return strings.EqualFold(t.Type, kind) }

func (t auditTarget) name() string { return cmp.Or(t.DisplayName, t.UserPrincipalName) }

// modified is what a property of the target became or, where it was taken away, was.
func (t auditTarget) modified(property string) string {
	for _, p := range t.ModifiedProperties {
		if strings.EqualFold(p.DisplayName, property) {
			return cmp.Or(p.NewValue.text(), p.OldValue.text())
		}
	}
	return ""
}

// target finds the first of a type: their order differs from service to service.
func (e auditEntry) target(kind string) auditTarget {
	for _, t := range e.TargetResources {
		if t.is(kind) {
			return t
		}
	}
	return auditTarget{}
}

func (e auditEntry) modified(property string) string {
	for _, t := range e.TargetResources {
		if value := t.modified(property); value != "" {
			return value
		}
	}
	return ""
}

func (e auditEntry) detail(key string) string {
	for _, d := range e.AdditionalDetails {
		if value := d.Value.text(); strings.EqualFold(d.Key, key) && value != "" {
			return value
		}
	}
	return ""
}

func (e auditEntry) event(tenant string) snapshot.AuditEvent {
	out := snapshot.AuditEvent{
		Tenant: tenant, ID: string(e.ID), At: e.ActivityDateTime.Time, Activity: e.ActivityDisplayName,
		Category:  spelled(e.Category, "GroupManagement", "RoleManagement", "ResourceManagement", "ApplicationManagement", "UserManagement", "Policy"),
		Service:   spelled(e.LoggedByService, auditServices...),
		Operation: e.OperationType, Result: spelled(e.Result, "success", "failure", "timeout"), Reason: e.ResultReason,
		Targets: make([]string, 0, len(e.TargetResources)), Role: e.role(), Request: e.request(),
		Ticket: e.detail("TicketNumber"), TicketSystem: e.detail("TicketSystem"),
		Starts: moment(e.detail("StartTime")), Ends: moment(e.detail("ExpirationTime")), Correlation: string(e.CorrelationID),
	}
	out.Justification = e.detail("Justification")
	if e.ofPIM() {
		out.Service = "PIM"
		if out.Result == "success" {
			out.Justification = cmp.Or(out.Justification, e.ResultReason)
		}
	}
	if u := e.InitiatedBy.User; u != nil {
		out.Actor, out.ActorType, out.ActorName = somebody(u.ID), "user", cmp.Or(u.UserPrincipalName, u.DisplayName)
		out.ActorHome, out.IP = string(u.HomeTenantID), u.IPAddress
	} else if a := e.InitiatedBy.App; a != nil {
		out.Actor, out.ActorType, out.ActorName = cmp.Or(somebody(a.ServicePrincipalID), somebody(a.AppID)), "app", cmp.Or(a.DisplayName, a.ServicePrincipalName)
	}
	for i, t := range e.TargetResources {
		out.Targets = append(out.Targets, strings.TrimSpace(t.Type+" "+somebody(t.ID)))
		if i == 0 {
			out.Target, out.TargetType, out.TargetName = somebody(t.ID), t.Type, t.name()
		}
	}
	out.Subject, out.Group = somebody(e.subject().ID), e.group()
	return out
}

// changes are what the entry changed, if it is about settings: of PIM, of Conditional
// Access, of what other tenants may do. Who joined or left stands in the event itself.
func (e auditEntry) changes(tenant string) (all []store.Row) {
	settings := e.ofPIM() && startsWith(e.ActivityDisplayName, "Update role setting") || strings.EqualFold(e.LoggedByService, "Conditional Access") ||
		like(e.Category, "Policy", "CrossTenantAccessSettings", "DelegatedAdminServiceProviderConstraints")
	for _, t := range e.TargetResources {
		for _, p := range t.ModifiedProperties {
			if settings {
				all = append(all, snapshot.AuditChange{Tenant: tenant, ID: string(e.ID), N: len(all), Target: somebody(t.ID), Property: p.DisplayName, Old: p.OldValue.text(), New: p.NewValue.text()})
			}
		}
	}
	return all
}

// subject is whose membership or role it is about: who got or lost a property of a
// group, else the first user or app; of an approval the requester may be of no type.
func (e auditEntry) subject() auditTarget {
	for _, t := range e.TargetResources {
		if t.modified("Group.ObjectID") != "" {
			return t
		}
	}
	for _, kind := range []string{"User", "ServicePrincipal", "Device"} {
		if t := e.target(kind); t.ID != "" {
			return t
		}
	}
	if startsWith(e.ActivityDisplayName, "Add member to role request") {
		return e.target("Other")
	}
	return auditTarget{}
}

// group is the one that is joined or left. PIM for Groups names it as a target or,
// in place of the directory, as the resource.
func (e auditEntry) group() string {
	if id := identOf(e.modified("Group.ObjectID")); id != "" {
		return id
	}
	if id := somebody(e.target("Group").ID); id != "" {
		return id
	}
	if e.ofPIM() && strings.EqualFold(e.Category, "GroupManagement") {
		return cmp.Or(identOf(e.detail("ResourceOriginId")), somebody(e.target("Directory").ID))
	}
	return ""
}

// role is the template's id where told. In PIM for Groups the roles are member and owner.
func (e auditEntry) role() string {
	named := e.target("Role")
	if name := strings.ToLower(named.DisplayName); strings.EqualFold(e.Category, "GroupManagement") && (name == "member" || name == "owner") {
		return name
	}
	return identOf(cmp.Or(e.detail("TemplateId"), e.modified("TemplateId"), e.modified("Role.TemplateId"),
		e.detail("RoleDefinitionOriginId"), e.modified("RoleDefinitionOriginId"), string(named.ID)))
}

// request is what all entries of one PIM request have in common.
func (e auditEntry) request() string {
	return identOf(cmp.Or(e.detail("RoleAssignmentRequestId"), somebody(e.target("Request").ID), e.detail("RequestId")))
}

// somebody drops the id that stands for nobody.
func somebody(id ident) string {
	if id == snapshot.NoGUID {
		return ""
	}
	return string(id)
}

func startsWith(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}
