package reviews

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// What an action of the plan does.
const (
	RemoveMember           = "remove-member"
	RemoveEligibility      = "remove-eligibility"
	MakeEligible           = "make-eligible"
	EndMembership          = "end-membership"
	RemoveAccessAssignment = "remove-access-assignment"
	ReduceAccessAssignment = "reduce-access-assignment"
	EndRelationship        = "end-relationship"
	StopRenewal            = "stop-renewal"
	SetRelationshipEnd     = "set-relationship-end"
)

// actionOrder: memberships first, as they cut access at once; relationships last,
// as ending one takes its access assignments with it.
var actionOrder = []string{RemoveMember, RemoveEligibility, MakeEligible, EndMembership, RemoveAccessAssignment, ReduceAccessAssignment, EndRelationship, StopRenewal, SetRelationshipEnd}

// Action is one thing to do by hand in an admin centre. Countersign itself
// changes nothing anywhere.
type Action struct {
	Order            int        `json:"order"`
	Action           string     `json:"action"`
	Customer         rule.Ref   `json:"customer"` // without id and "12 customers" when it touches several
	Group            rule.Ref   `json:"group"`
	Principal        rule.Ref   `json:"principal"`
	Instance         string     `json:"instance"` // as of a Hold; empty: a plain member
	Package          string     `json:"package,omitempty"`
	AccessAssignment string     `json:"access_assignment"`
	Relationship     rule.Ref   `json:"relationship"`
	RolesToKeep      []rule.Ref `json:"roles_to_keep"`
	Until            time.Time  `json:"until"` // the day of an end; zero: none
	Item             string     `json:"item"`
	DecidedBy        rule.Ref   `json:"decided_by"` // person
	DecidedAt        time.Time  `json:"decided_at"`
	Reason           string     `json:"reason"`
	How              string     `json:"how"` // where to click
}

// Plan returns the ordered actions of a campaign: as sealed at its closing, or
// while it is open what the decisions up to now would give.
func Plan(ctx context.Context, st *store.Store, campaign string) ([]Action, error) {
	r, err := load(ctx, st, st.Read(), campaign)
	if err != nil {
		return nil, err
	}
	return r.plan(ctx)
}

func (r *round) plan(ctx context.Context) ([]Action, error) {
	if r.Closed.IsZero() {
		return r.named(r.actions(r.Opened)), nil
	}
	var bodies []string
	if err := sqlx.SelectContext(ctx, r.q, &bodies, `SELECT body FROM campaign_action WHERE campaign = ? ORDER BY number`, r.id); err != nil {
		return nil, fmt.Errorf("plan of %s: %w", r.Name, err)
	}
	out := make([]Action, len(bodies))
	for i, body := range bodies {
		if err := json.Unmarshal([]byte(body), &out[i]); err != nil {
			return nil, fmt.Errorf("plan of %s: action %d: %w", r.Name, i+1, err)
		}
	}
	return r.named(out), nil
}

// named fills in what the stored action leaves out: texts about persons.
func (r *round) named(actions []Action) []Action {
	for i := range actions {
		a := &actions[i]
		if a.Principal.ID != "" {
			a.Principal = r.world.principal(a.Principal.ID)
		}
		a.DecidedBy = r.people.ref(a.DecidedBy.ID)
		a.Reason = r.items[r.byID[a.Item]].Decision.Reason
	}
	return actions
}

// actions turns the decisions into what to do, without texts about persons. at is
// the instant of closing: an activation that is over by then needs no action.
func (r *round) actions(at time.Time) []Action {
	var out []Action
	for i := range r.items {
		item := &r.items[i]
		if item.Decision == nil || item.Decision.Verdict == Approve {
			continue
		}
		var of []Action
		switch item.Kind {
		case Membership:
			of = membershipActions(item, at)
		case Delegation:
			of = delegationActions(item)
		case Relationship:
			of = relationshipActions(item)
		}
		for _, a := range of {
			a.Customer, a.Group, a.Item = item.Customer, item.Group, item.ID
			if item.Customers > 1 {
				a.Customer = rule.Ref{Name: rule.Count(item.Customers, "customer")}
			}
			a.DecidedBy, a.DecidedAt = rule.Ref{ID: item.Decision.Reviewer.ID}, item.Decision.At
			a.How = how(a)
			out = append(out, a)
		}
	}
	slices.SortStableFunc(out, func(a, b Action) int { // items are in the order of their keys already
		return cmp.Compare(slices.Index(actionOrder, a.Action), slices.Index(actionOrder, b.Action))
	})
	for i := range out {
		out[i].Order = i + 1
	}
	return out
}

// membershipActions gives one action for each way in which the principal is in
// the group.
func membershipActions(item *Item, at time.Time) []Action {
	var out []Action
	until := endOf(item.Decision)
	for _, h := range item.Holds {
		a := Action{Principal: rule.Ref{ID: item.Principal}, Instance: h.Instance, Package: h.Package}
		running := h.State == snapshot.Activated && (h.Ends.IsZero() || h.Ends.After(at))
		switch revoke := item.Decision.Verdict == Revoke; {
		case revoke && (h.active() || running):
			a.Action = RemoveMember
		case revoke && h.State == snapshot.Eligible:
			a.Action = RemoveEligibility
		case !revoke && item.Decision.ChangeTo == ToEligible && h.active():
			a.Action = MakeEligible
		case !until.IsZero() && h.State != snapshot.Activated && (h.Ends.IsZero() || h.Ends.After(until)):
			a.Action, a.Until = EndMembership, until
		default:
			continue
		}
		out = append(out, a)
	}
	return out
}

// endOf is the day that a decision sets as an end; zero: none.
func endOf(d *Decision) time.Time {
	if d.Verdict != Change {
		return time.Time{}
	}
	end, err := time.Parse(time.DateOnly, d.ChangeTo)
	if err != nil {
		return time.Time{} // another word
	}
	return end
}

func delegationActions(item *Item) []Action {
	kept, _ := item.keep(item.Decision.ChangeTo)
	var out []Action
	for _, g := range item.Grants {
		a := Action{Action: RemoveAccessAssignment, AccessAssignment: g.ID, Relationship: g.Relationship}
		if item.Decision.Verdict == Change {
			for _, role := range kept {
				if slices.Contains(g.Roles, role.ID) {
					a.RolesToKeep = append(a.RolesToKeep, role)
				}
			}
			if len(a.RolesToKeep) == len(g.Roles) {
				continue
			}
			if len(a.RolesToKeep) > 0 {
				a.Action = ReduceAccessAssignment
			}
		}
		out = append(out, a)
	}
	return out
}

func relationshipActions(item *Item) []Action {
	a := Action{Action: EndRelationship, Relationship: item.Relationship}
	switch until := endOf(item.Decision); {
	case !until.IsZero():
		a.Action, a.Until = SetRelationshipEnd, until
	case item.Decision.Verdict == Change:
		a.Action = StopRenewal
	}
	return []Action{a}
}

// how says where to click. It names no person: the row does.
func how(a Action) string {
	pim := "Microsoft Entra admin centre, own tenant: ID Governance > Privileged Identity Management > Groups > " + a.Group.Name + " > Assignments > "
	partner := "Partner Center: Customers > " + a.Customer.Name + " > Admin relationships > " + a.Relationship.Name
	packages := "Microsoft Entra admin centre, own tenant: ID Governance > Entitlement management > Access packages > " + a.Package
	switch {
	case a.Package == "":
	case a.Action == RemoveMember:
		return packages + " > Assignments: Remove the assignment of the principal of this row"
	case a.Action == RemoveEligibility:
		return packages + " > Policies: take the principal of this row out of those who may request it"
	case a.Action == MakeEligible:
		return packages + " > Policies: let the principal of this row request it for a limited time; then Assignments: Remove the present assignment"
	case a.Action == EndMembership:
		return packages + " > Assignments: end the assignment of the principal of this row on " + day(a.Until) + "; one who may only request it is taken out under Policies then"
	}
	switch a.Action {
	case RemoveMember:
		if a.Instance == "" {
			return "Microsoft Entra admin centre, own tenant: Groups > " + a.Group.Name + " > Members: select the principal of this row, Remove"
		}
		return pim + "Active assignments: Remove the principal of this row"
	case RemoveEligibility:
		return pim + "Eligible assignments: Remove the principal of this row"
	case MakeEligible:
		return pim + "Add assignments: make the principal of this row an eligible member with an end date; then remove the permanent membership under Groups > " + a.Group.Name + " > Members or under Active assignments"
	case EndMembership:
		return pim + "Update the assignment of the principal of this row: end on " + day(a.Until) + "; a plain member is removed under Groups > " + a.Group.Name + " > Members and added here with that end"
	case RemoveAccessAssignment:
		return partner + " > Security groups: select " + a.Group.Name + ", Remove"
	case ReduceAccessAssignment:
		return partner + " > Security groups: select " + a.Group.Name + ", Edit roles: keep only " + joined(a.RolesToKeep)
	case EndRelationship:
		return partner + ": Terminate relationship"
	case StopRenewal:
		return partner + ": set Auto extend to No"
	case SetRelationshipEnd:
		return partner + ": an end date cannot be moved; Terminate relationship on " + day(a.Until) + ", after agreeing a shorter one if access is still needed"
	}
	return ""
}
