package snapshot

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"
)

// The providers of PIM: what is activated.
const (
	PIMGroup = "group"
	PIMRole  = "role"  // of a directory
	PIMAzure = "azure" // of Azure resources
)

// PIMActivation is one use of PIM, or the try of it, whichever source tells of it.
// Requests are read for groups alone: reading those of directory and Azure roles takes
// a right to write. Of these the audit log tells, once they have come to an end:
// completed, denied, canceled or expired.
type PIMActivation struct {
	Provider      string // PIMGroup, PIMRole, PIMAzure; empty: the entry does not tell
	Tenant        string // whose PIM
	Principal     string
	Object        string    // the group, or the role
	At            time.Time // it begins; of a try that came to nothing, when it was asked for
	Until         time.Time // as granted; zero: not told
	Status        string    // of a request, as Microsoft writes it, in lower case: provisioned, denied, ...
	Justification string
	Ticket        string
	TicketSystem  string
	Approver      string // who approved or denied it; empty: nobody was asked, or it is not told
	Decided       time.Time
	Source        string // PIMRequest, PIMAudit
	Request       string // id
	Event         string // id of the audit entry that tells how it ended; empty: none is known
}

// Where an activation is known from. What both tell is known from the request.
const (
	PIMRequest = "request"
	PIMAudit   = "audit"
)

// pimSteps are the entries of an activation by how their names begin, and the status
// that follows. https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities
var pimSteps = []struct {
	prefix, status string
	step           pimStep
}{
	{"add member to role completed (pim activation", "provisioned", pimEnded},
	{"add member to role canceled (pim activation", "canceled", pimEnded},
	{"pim activation request expired", "timedout", pimEnded},
	{"add member to role request denied (pim activation", "denied", pimDenied},
	{"add member to role request approved (pim activation", "", pimApproved},
	{"add member to role requested (pim activation", "", pimRequested},
}

type pimStep int

const (
	pimEnded pimStep = iota + 1
	pimDenied
	pimApproved
	pimRequested
)

// pimStepOf says which step an entry is; 0: none of an activation. The directory's own
// entry of what PIM did is none.
func pimStepOf(e AuditEvent) (step pimStep, status string) {
	if !strings.EqualFold(e.Service, "PIM") {
		return 0, ""
	}
	activity := strings.ToLower(e.Activity)
	for _, s := range pimSteps {
		if strings.HasPrefix(activity, s.prefix) {
			if s.step == pimEnded && strings.EqualFold(e.Result, "failure") {
				return s.step, "failed"
			}
			return s.step, s.status
		}
	}
	return 0, ""
}

// pimTolerance is how far the times of a request and of its audit entries lie apart.
const pimTolerance = 10 * time.Minute

// pimCase is an activation under way: when it was asked for and when it last moved.
type pimCase struct {
	PIMActivation
	first, last time.Time
	steps       map[pimStep]bool // that were found in the audit log
}

// MatchPIM makes one list of the self-activations among a tenant's requests and of
// what audit entries tell. An entry belongs to the request it names or, where it names
// none that is known, to the one of the same person and group, or role, nearest in
// time. The list is sorted by time.
func MatchPIM(tenant string, requests []Activation, events []AuditEvent) []PIMActivation {
	var cases []*pimCase
	for _, r := range requests {
		if !strings.EqualFold(r.Action, "selfActivate") || r.ValidationOnly {
			continue
		}
		begins := cmp.Or(r.Starts, r.Created)
		if r.Completed.After(begins) {
			begins = r.Completed
		}
		cases = append(cases, &pimCase{PIMActivation: PIMActivation{Provider: PIMGroup, Tenant: tenant, Principal: r.Principal, Object: r.Group,
			At: begins, Until: r.Ends, Status: r.Status, Justification: r.Justification, Ticket: r.Ticket, TicketSystem: r.TicketSystem, Source: PIMRequest, Request: r.ID},
			first: cmp.Or(r.Created, begins), last: later(r.Created, begins), steps: map[pimStep]bool{}})
	}
	index := newPIMIndex(cases)
	events = slices.Clone(events)
	slices.SortStableFunc(events, func(a, b AuditEvent) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID)) })
	joined := make([]bool, len(events))
	for _, wanted := range [][]pimStep{{pimEnded, pimDenied}, {pimApproved, pimRequested}} { // how it ended first: it makes what the others are joined to
		for _, named := range []bool{true, false} { // and what names its request before what only comes near it
			for i, e := range events {
				step, status := pimStepOf(e)
				if joined[i] || !slices.Contains(wanted, step) || named && index.byRequest[e.Request] == nil {
					continue
				}
				joined[i] = true
				c := index.find(e, step)
				if c == nil {
					if step > pimDenied {
						continue // still open, or its end is in a hole of the log
					}
					c = &pimCase{PIMActivation: PIMActivation{Provider: pimProvider(e.Category), Tenant: e.Tenant, Principal: cmp.Or(e.Subject, e.Actor), Object: pimObject(e),
						At: e.At, Until: e.Ends, Status: status, Source: PIMAudit, Request: e.Request}, first: e.At, last: e.At, steps: map[pimStep]bool{}}
					index.add(c)
				}
				c.join(e, step)
			}
		}
	}
	out := make([]PIMActivation, len(index.all))
	for i, c := range index.all {
		out[i] = c.PIMActivation
	}
	slices.SortFunc(out, func(a, b PIMActivation) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Tenant, b.Tenant), cmp.Compare(a.Principal, b.Principal), cmp.Compare(a.Object, b.Object), cmp.Compare(a.Request, b.Request), cmp.Compare(a.Event, b.Event))
	})
	return out
}

// join adds what an entry tells to an activation.
func (c *pimCase) join(e AuditEvent, step pimStep) {
	c.steps[step] = true
	switch step {
	case pimEnded:
		c.Event, c.Until = e.ID, cmp.Or(c.Until, e.Ends)
		if c.Source == PIMAudit && e.Starts.After(c.At) {
			c.At = e.Starts
		}
	case pimDenied:
		c.Event = cmp.Or(c.Event, e.ID)
	}
	if step == pimApproved || step == pimDenied {
		c.Approver, c.Decided = e.Actor, e.At
	} else { // the words of a decision are the approver's
		c.Justification, c.Ticket, c.TicketSystem = cmp.Or(c.Justification, e.Justification), cmp.Or(c.Ticket, e.Ticket), cmp.Or(c.TicketSystem, e.TicketSystem)
	}
	if step == pimRequested && c.Source == PIMAudit && c.Status != "provisioned" {
		c.At = e.At
	}
	if e.At.Before(c.first) {
		c.first = e.At
	}
	c.last = later(c.last, e.At)
}

// pimKey is who activates what.
type pimKey struct{ tenant, provider, principal, object string }

// pimIndex finds activations.
type pimIndex struct {
	all       []*pimCase
	byRequest map[string]*pimCase
	byKey     map[pimKey][]*pimCase
}

func newPIMIndex(cases []*pimCase) *pimIndex {
	x := &pimIndex{byRequest: map[string]*pimCase{}, byKey: map[pimKey][]*pimCase{}}
	for _, c := range cases {
		x.add(c)
	}
	return x
}

func (x *pimIndex) add(c *pimCase) {
	x.all = append(x.all, c)
	if c.Request != "" {
		x.byRequest[c.Request] = c
	}
	key := pimKey{c.Tenant, c.Provider, c.Principal, c.Object}
	x.byKey[key] = append(x.byKey[key], c)
}

// find gives the activation an entry belongs to, nil when it is of another. What
// already has its entry of that step, or is of another request that both name, is
// another one.
func (x *pimIndex) find(e AuditEvent, step pimStep) *pimCase {
	if c := x.byRequest[e.Request]; e.Request != "" && c != nil {
		return c
	}
	var nearest *pimCase
	var distance time.Duration
	for _, c := range x.byKey[pimKey{e.Tenant, pimProvider(e.Category), cmp.Or(e.Subject, e.Actor), pimObject(e)}] {
		away := max(c.first.Sub(e.At), e.At.Sub(c.last), 0)
		named := c.Source == PIMAudit && c.Request != "" && e.Request != ""
		if !c.steps[step] && !named && away <= pimTolerance && (nearest == nil || away < distance) {
			nearest, distance = c, away
		}
	}
	return nearest
}

// pimProvider is told by the category of an entry that PIM wrote.
func pimProvider(category string) string {
	switch strings.ToLower(category) {
	case "groupmanagement":
		return PIMGroup
	case "rolemanagement":
		return PIMRole
	case "resourcemanagement":
		return PIMAzure
	}
	return ""
}

func pimObject(e AuditEvent) string {
	if pimProvider(e.Category) == PIMGroup {
		return e.Group
	}
	return e.Role
}

// LoadPIMActivations reads the activations that a sealed snapshot knows of.
func LoadPIMActivations(ctx context.Context, q Querier, snapshot int64) ([]PIMActivation, error) {
	var tenant string
	var requests []Activation
	var events []AuditEvent
	fault := cmp.Or(
		each(ctx, q, `SELECT tenant FROM sealed_snapshot WHERE id = ?`, snapshot, func(r *sql.Rows) error { return r.Scan(&tenant) }),
		each(ctx, q, `
			SELECT id, group_id, principal, action, status, created, completed, starts, ends, justification, ticket, ticket_system, validation_only
			FROM   activation WHERE snapshot = ? AND action = 'selfActivate' ORDER BY id`, snapshot, func(r *sql.Rows) error {
			var a Activation
			err := r.Scan(&a.ID, &a.Group, &a.Principal, &a.Action, &a.Status, (*instant)(&a.Created), (*instant)(&a.Completed), (*instant)(&a.Starts), (*instant)(&a.Ends),
				&a.Justification, &a.Ticket, &a.TicketSystem, &a.ValidationOnly)
			requests = append(requests, a)
			return err
		}),
		each(ctx, q, `
			SELECT tenant, id, at, activity, category, service, result, actor, group_id, subject, role, request, justification, ticket, ticket_system, starts, ends
			FROM   audit_event WHERE snapshot = ? AND service = 'PIM' AND activity LIKE '%PIM activation%' ORDER BY tenant, id`, snapshot, func(r *sql.Rows) error {
			var e AuditEvent
			err := r.Scan(&e.Tenant, &e.ID, (*instant)(&e.At), &e.Activity, &e.Category, &e.Service, &e.Result, &e.Actor, &e.Group, &e.Subject, &e.Role, &e.Request,
				&e.Justification, &e.Ticket, &e.TicketSystem, (*instant)(&e.Starts), (*instant)(&e.Ends))
			events = append(events, e)
			return err
		}))
	if fault != nil {
		return nil, fmt.Errorf("load PIM activations of snapshot %d: %w", snapshot, fault)
	}
	return MatchPIM(tenant, requests, events), nil
}
