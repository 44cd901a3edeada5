package snapshot

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// MembershipState says how a principal is in a group.
type MembershipState string

// The states, from the strongest hold to the weakest.
const (
	Standing  MembershipState = "standing"   // in it now, not by activation, without an end
	TimeBound MembershipState = "time-bound" // in it now, until an end
	Activated MembershipState = "activated"  // in it now, through PIM
	Eligible  MembershipState = "eligible"   // may activate, holds nothing now
)

var strength = map[MembershipState]int{Standing: 3, TimeBound: 2, Activated: 1, Eligible: 0}

// Membership is one direct edge into a group, derived from the members list and
// the PIM instances read with it. Instance is the PIM instance it rests on, empty
// for a plain member. A person who is eligible and has activated has two edges.
type Membership struct {
	Group     string          `db:"group_id"`
	Principal string          `db:"principal"`
	State     MembershipState `db:"state"`
	Instance  string          `db:"instance"`
	Type      string          `db:"type"`
	Starts    time.Time       `db:"starts"`
	Ends      time.Time       `db:"ends"`
}

// activationMargin is how far an activation may lie from the instant at which the
// members list was read and still explain why somebody stood in it: the lists are
// read back to back, not at once, and directories replicate late.
const activationMargin = 15 * time.Minute

// DirectMemberships derives the edges of one group; principals say who stands behind
// its PIM instances. asked is when its members list was read. An activated member
// also shows in that list: it is subtracted, and whoever's activation began or ended
// around the reading counts as activated, or every just-in-time user would be called
// standing.
func DirectMemberships(members []GroupMember, assignments []GroupAssignment, eligibilities []GroupEligibility, principals []PIMPrincipal, activations []Activation, asked time.Time) []Membership {
	var edges []Membership
	types := map[string]string{}
	for _, p := range principals {
		types[p.Principal] = p.Type
	}
	for _, m := range members {
		types[m.Principal] = m.Type
	}
	explained := map[string]bool{}
	for _, a := range assignments {
		if !strings.EqualFold(a.Access, "member") {
			continue
		}
		explained[a.Principal] = true
		state := Standing
		switch {
		case strings.EqualFold(a.AssignmentType, "activated"):
			state = Activated
		case !a.Ends.IsZero():
			state = TimeBound
		}
		edges = append(edges, Membership{Group: a.Group, Principal: a.Principal, State: state, Instance: a.ID, Type: typeOf(types, a.Principal), Starts: a.Starts, Ends: a.Ends})
	}
	for _, e := range eligibilities {
		if strings.EqualFold(e.Access, "member") {
			edges = append(edges, Membership{Group: e.Group, Principal: e.Principal, State: Eligible, Instance: e.ID, Type: typeOf(types, e.Principal), Starts: e.Starts, Ends: e.Ends})
		}
	}
	for _, m := range members {
		if explained[m.Principal] {
			continue
		}
		edge := Membership{Group: m.Group, Principal: m.Principal, State: Standing, Type: m.Type}
		if a, ok := activationAround(activations, m.Principal, asked); ok {
			edge.State, edge.Instance, edge.Starts, edge.Ends = Activated, a.ID, a.Starts, a.Ends
		}
		edges = append(edges, edge)
	}
	slices.SortFunc(edges, func(a, b Membership) int {
		return cmp.Or(strings.Compare(a.Principal, b.Principal), cmp.Compare(strength[b.State], strength[a.State]), strings.Compare(a.Instance, b.Instance))
	})
	return edges
}

// typeOf falls back to user: of a principal that is not in the members list, the type
// is known only where the service tells who stands behind a PIM instance.
func typeOf(types map[string]string, principal string) string {
	return cmp.Or(types[principal], TypeUser)
}

func activationAround(activations []Activation, principal string, asked time.Time) (Activation, bool) {
	for _, a := range activations {
		if a.Principal == principal && a.IsUse() &&
			!a.Starts.After(asked.Add(activationMargin)) && !a.Ends.Before(asked.Add(-activationMargin)) {
			return a, true
		}
	}
	return Activation{}, false
}

// IsUse reports whether the request is a real activation that took effect, not a
// validation, a denied or a pending one.
func (a Activation) IsUse() bool {
	if a.ValidationOnly || !strings.EqualFold(a.Action, "selfActivate") {
		return false
	}
	switch strings.ToLower(a.Status) {
	case "provisioned", "granted", "revoked", "scheduleCreated", "schedulecreated":
		return true
	}
	return false
}
