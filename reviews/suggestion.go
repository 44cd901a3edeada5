package reviews

import (
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// What may be suggested to a reviewer.
const (
	SuggestApprove = "Approve"
	SuggestRevoke  = "Revoke"
	SuggestChange  = "Change"
	SuggestReview  = "Review" // look closely: no decision suggests itself
)

// Suggestion is what the evidence speaks for, with the reason in words.
type Suggestion struct {
	Verdict string `json:"verdict"`
	To      string `json:"to"` // of SuggestChange: what would stand in Change to
	Reason  string `json:"reason"`
}

func (b *builder) suggest(item *Item) Suggestion {
	var s Suggestion
	switch item.Kind {
	case Membership:
		s = b.suggestMembership(item)
	case Delegation:
		s = b.suggestDelegation(item)
	case Relationship:
		s = b.suggestRelationship(item)
	}
	if s.Verdict != "" {
		return s
	}
	if n := item.grave(); n > 0 {
		return Suggestion{Verdict: SuggestReview, Reason: rule.Counted(n, "grave finding speaks", "grave findings speak") + " against it"}
	}
	if item.Privileged() && !item.Use.Whole && item.Use.Times() == 0 {
		return Suggestion{Verdict: SuggestReview, Reason: "privileged, and whether it was used cannot be told: the logs do not cover the period"}
	}
	return Suggestion{Verdict: SuggestApprove, Reason: b.good(item)}
}

func (b *builder) suggestMembership(item *Item) Suggestion {
	if item.Type == snapshot.TypeUser {
		who, u := b.people.persons[b.people.of(item.Principal)], b.users[item.Principal]
		switch {
		case who != nil && !who.left.IsZero() && !who.left.After(b.at):
			return Suggestion{Verdict: SuggestRevoke, Reason: "left on " + day(who.left)}
		case u.Enabled != nil && !*u.Enabled:
			return Suggestion{Verdict: SuggestRevoke, Reason: "the account is disabled"}
		case strings.EqualFold(u.Type, "guest"):
			return Suggestion{Verdict: SuggestRevoke, Reason: "a guest: the account is governed by another organisation"}
		case item.names("user-stale"):
			return Suggestion{Verdict: SuggestRevoke, Reason: "the account has not signed in for a long time"}
		}
	}
	switch {
	case b.idle(item):
		return Suggestion{Verdict: SuggestRevoke, Reason: "not used " + b.inPeriod() + "; " + item.Use.lastWords()}
	case item.Type == snapshot.TypeUser && item.Privileged() && slices.ContainsFunc(item.Holds, func(h Hold) bool { return h.State == snapshot.Standing }):
		return Suggestion{Verdict: SuggestChange, To: ToEligible, Reason: "privileged and held all the time"}
	}
	return Suggestion{}
}

func (b *builder) suggestDelegation(item *Item) Suggestion {
	if b.Groups[item.Group.ID].Gone {
		return Suggestion{Verdict: SuggestRevoke, Reason: "the group no longer exists"}
	}
	if b.complete && len(b.Members(item.Group.ID)) == 0 {
		return Suggestion{Verdict: SuggestRevoke, Reason: "nobody is in the group"}
	}
	if keep, dropped := leaner(item.Roles); dropped != "" {
		return Suggestion{Verdict: SuggestChange, To: keep, Reason: "other roles of the row include " + dropped}
	}
	if b.idle(item) {
		return Suggestion{Verdict: SuggestReview, Reason: "nobody of the group signed in here " + b.inPeriod() + "; " + item.Use.lastWords()}
	}
	return Suggestion{}
}

func (b *builder) suggestRelationship(item *Item) Suggestion {
	if b.complete && len(item.Roles) == len(item.Unused) {
		return Suggestion{Verdict: SuggestRevoke, Reason: "no group holds a role under it"}
	}
	if len(item.Unused) > 0 {
		return Suggestion{Verdict: SuggestReview, Reason: "approved but given to no group: " + joined(item.Unused)}
	}
	return Suggestion{}
}

// idle reports whether the logs prove that the edge was there all the period and
// was not used in it.
func (b *builder) idle(item *Item) bool {
	return item.Use.Whole && item.Use.Times() == 0 && !item.Use.Last.After(b.period.Since) &&
		!item.Seen.IsZero() && item.Seen.Before(b.period.Since) && !b.At.Before(b.period.Since.Add(idleAtLeast))
}

// idleAtLeast is how much of the period must have passed before silence in it
// means something: the 30 days after which Microsoft's own reviews call a user inactive.
const idleAtLeast = 30 * 24 * time.Hour

// inPeriod words the period, as far as the snapshot reaches into it.
func (b *builder) inPeriod() string {
	if b.At.Before(b.period.Until) {
		return "in " + b.period.Name + " up to " + day(b.At)
	}
	return "in " + b.period.Name
}

// leaner drops the roles that another one includes; dropped is empty when all are
// needed.
func leaner(roles []rule.Ref) (keep, dropped string) {
	kept := slices.Clone(roles)
	var gone []rule.Ref
	for _, r := range roles {
		if slices.ContainsFunc(kept, func(o rule.Ref) bool { return o.ID != r.ID && snapshot.RoleIncludes(o.ID, r.ID) }) {
			kept = slices.DeleteFunc(kept, func(o rule.Ref) bool { return o.ID == r.ID })
			gone = append(gone, r)
		}
	}
	return joined(kept), joined(gone)
}

// good words why nothing speaks against the row.
func (b *builder) good(item *Item) string {
	var words []string
	switch n := item.Use.Times(); {
	case n > 0:
		words = append(words, "used "+rule.Count(n, "time")+" "+b.inPeriod())
	case !item.Use.Whole:
		words = append(words, "nothing speaks against it; its use is not recorded for the whole period")
	case !item.Seen.Before(b.period.Since):
		words = append(words, "new in the period")
	default:
		words = append(words, "nothing speaks against it")
	}
	if len(item.Brings) > 0 {
		words = append(words, "brings in "+rule.Count(len(item.Brings), "member"))
	}
	if !item.Ends.IsZero() {
		words = append(words, "ends on "+day(item.Ends))
	}
	return strings.Join(words, "; ")
}

func (u Use) lastWords() string {
	if u.Last.IsZero() {
		return "no use is recorded"
	}
	return "last used on " + day(u.Last)
}

// grave counts the findings of high severity and above.
func (i Item) grave() int {
	n := 0
	for _, f := range i.Findings {
		if f.Severity == rule.High.String() || f.Severity == rule.Critical.String() {
			n++
		}
	}
	return n
}

// names reports whether a rule found something about the row.
func (i Item) names(id string) bool {
	return slices.ContainsFunc(i.Findings, func(f FindingLine) bool { return f.Rule == id })
}

func joined(refs []rule.Ref) string {
	var names []string
	for _, r := range refs {
		names = append(names, r.Name)
	}
	return strings.Join(names, "; ")
}
