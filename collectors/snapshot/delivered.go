package snapshot

import (
	"strings"
	"time"
)

// Delivered explains plain members of a group by the access packages that lead
// into it as members: whoever has one until an end is in the group until then, not
// for good. assignments are those of such packages. One that ended or began while
// the members list was read explains too. A package without an end leaves its
// member standing, and so does one that ended before: that somebody stayed is a
// finding.
func Delivered(edges []Membership, assignments []AccessPackageAssignment, asked time.Time) []Membership {
	for i, e := range edges {
		if e.State != Standing || e.Instance != "" {
			continue
		}
		for _, a := range assignments {
			if a.Principal == e.Principal && a.gave(asked) && a.Ends.After(edges[i].Ends) {
				edges[i].State, edges[i].Instance, edges[i].Starts, edges[i].Ends = TimeBound, a.ID, a.Starts, a.Ends
			}
		}
	}
	return edges
}

// gave reports whether the assignment, which has an end, put its principal into the
// groups of the package around an instant.
func (a AccessPackageAssignment) gave(at time.Time) bool {
	return !a.Ends.IsZero() && !strings.EqualFold(a.State, "deliveryFailed") &&
		!a.Starts.After(at.Add(activationMargin)) && !a.Ends.Before(at.Add(-activationMargin))
}
