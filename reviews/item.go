package reviews

import (
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// Kind is what edge of the access graph an item is.
type Kind string

// The kinds of items.
const (
	Membership   Kind = "membership"   // one direct member of a mapped or nested group
	Delegation   Kind = "delegation"   // one group at one customer, over all its access assignments there
	Relationship Kind = "relationship" // one GDAP relationship that gives access
)

// Key finds an item again in the next campaign: its kind and the ids at both ends
// of its edge. membership: group, principal; delegation: group, customer;
// relationship: relationship, customer.
type Key struct {
	Kind Kind   `json:"kind"`
	From string `json:"from"`
	To   string `json:"to"`
}

// Item is one edge to decide, one row of a workbook. Texts about persons are not
// stored with it (json "-") but read from the snapshot.
type Item struct {
	ID     string `json:"id"` // AR26Q3-000123-7F: counted, ending in check letters
	Number int    `json:"number"`
	Key

	Customer     rule.Ref `json:"customer"`  // zero when several are reached: see Customers
	Customers    int      `json:"customers"` // how many the edge reaches
	Group        rule.Ref `json:"group"`     // zero for a relationship
	Relationship rule.Ref `json:"relationship"`
	Principal    string   `json:"principal"` // id; empty but for a membership
	Type         string   `json:"type"`      // of the principal: user, group, servicePrincipal ...
	Who          string   `json:"-"`         // name of the principal, the group or the relationship
	Account      string   `json:"-"`         // address of a person

	Roles    []rule.Ref     `json:"roles"`   // held through the edge, worst first; of a relationship: approved
	Unused   []rule.Ref     `json:"unused"`  // relationship: approved, but assigned to no group
	Tier     snapshot.Tier  `json:"tier"`    // the worst over what the edge leads to
	Holds    []Hold         `json:"holds"`   // membership: the edges beneath, strongest first
	Grants   []Grant        `json:"grants"`  // delegation: the access assignments
	Through  []string       `json:"through"` // membership in a nested group: mapped groups it leads to, by name
	Brings   []Member       `json:"brings"`  // a nested group: the principals it brings in
	Ends     time.Time      `json:"ends"`    // the last end; zero: without one
	Renews   bool           `json:"renews"`  // relationship: extends itself
	Use      Use            `json:"use"`
	Seen     time.Time      `json:"first_seen"`
	Findings []FindingLine  `json:"findings"`
	Suggest  Suggestion     `json:"suggestion"`
	Choices  Choices        `json:"choices"`
	Content  string         `json:"content"`  // SHA-256 in hex over what an approval covers
	Before   *PriorDecision `json:"previous"` // of the last campaign that held the item

	// OwnGroup: the reviewer is in the group of this delegation or relationship.
	// Substitutions say who was passed over and why. Both follow the item when it
	// is handed on.
	Reviewer      rule.Ref       `json:"-"` // person; zero: unassigned
	OwnGroup      bool           `json:"-"`
	Substitutions []Substitution `json:"-"`
	Decision      *Decision      `json:"-"` // the one that counts; nil: open
}

// Privileged reports whether the row needs its own decision and reason.
func (i Item) Privileged() bool { return i.Tier.Privileged() }

// State words the states of a membership, strongest first: "standing, eligible".
// An activation is named only when nothing else holds the principal.
func (i Item) State() string {
	var words []string
	for _, s := range i.states() {
		words = append(words, string(s))
	}
	return strings.Join(words, ", ")
}

// Reaffirmable reports whether the row may be approved together with others:
// unprivileged, unchanged since an approval, nothing speaking against it, and not
// re-affirmed for longer than allowed.
func (i Item) Reaffirmable(limit int) bool {
	return !i.Privileged() && i.Before != nil && i.Before.Verdict == Approve && i.Before.Content == i.Content &&
		i.Before.Streak < limit && i.Suggest.Verdict == SuggestApprove
}

// Hold is one way in which a principal is directly in a group.
type Hold struct {
	State    snapshot.MembershipState `json:"state"`
	Instance string                   `json:"instance"`          // PIM instance, or of a package its assignment or policy; empty: a plain member
	Package  string                   `json:"package,omitempty"` // name of the access package by which it is
	Starts   time.Time                `json:"starts"`
	Ends     time.Time                `json:"ends"`
}

// Grant is one access assignment beneath a delegation.
type Grant struct {
	ID           string   `json:"id"`
	Relationship rule.Ref `json:"relationship"`
	Roles        []string `json:"roles"` // template ids
}

// Member is a principal that a nested group brings in.
type Member struct {
	ID   string `json:"id"`
	Name string `json:"-"`
}

// Use is how often the edge was used in the period. When Whole is false the logs
// do not cover the whole period: the numbers are what was seen, and zero does not
// mean unused. Last is the latest use that any log kept shows.
type Use struct {
	Whole       bool      `json:"whole"`
	Activations int       `json:"activations"`
	SignIns     int       `json:"sign_ins"`
	Last        time.Time `json:"last"` // zero: none is recorded
}

// Times is the number of uses.
func (u Use) Times() int { return u.Activations + u.SignIns }

// FindingLine is a finding that touches an item.
type FindingLine struct {
	Rule        string `json:"rule"`
	Severity    string `json:"severity"` // its word
	Fingerprint string `json:"fingerprint"`
	Message     string `json:"-"`
}

// Choices is what may stand in Change to. The zero value: the row cannot be changed.
type Choices struct {
	Words []string   `json:"words"` // ToEligible, NoRenewal
	Date  bool       `json:"date"`  // an earlier end
	Keep  []rule.Ref `json:"keep"`  // roles of which some may be kept
}

// The words of Change to.
const (
	ToEligible = "eligible"
	NoRenewal  = "no renewal"
)

// PriorDecision is what was decided on the same edge in an earlier campaign.
type PriorDecision struct {
	Campaign string    `json:"campaign"`
	Verdict  Verdict   `json:"verdict"` // empty: left open
	Reviewer string    `json:"reviewer"`
	At       time.Time `json:"at"`
	Content  string    `json:"content"`
	Streak   int       `json:"streak"` // campaigns in a row, up to that one, in which it was only re-affirmed
}

// Substitution says that a person was passed over as reviewer, and why. Person and
// Name are empty when nobody is named there, or somebody nobody knows.
type Substitution struct {
	Person string `json:"person"`
	Name   string `json:"-"`
	Why    string `json:"why"`
}
