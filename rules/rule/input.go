package rule

import (
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
)

// Input is all that a rule may look at.
type Input struct {
	DB         sqlx.QueryerContext // the views of the store
	Access     *snapshot.Access
	Customers  []Ref // every customer that is known, by tenant id
	Declared   snapshot.Declared
	At         time.Time // the instant to judge by
	Coverage   Coverage
	Parts      map[PartID]snapshot.State
	Reach      map[string]Reach // by group: see ReachOf
	Thresholds Thresholds
}

// Coverage is how much of each kind the snapshot saw. A kind that is not in it
// was not asked for.
type Coverage map[snapshot.Kind]KindCoverage

// KindCoverage is the state of one kind, with the reason in words unless complete.
type KindCoverage struct {
	State  snapshot.State `json:"state"`
	Reason string         `json:"reason"`
}

// Of returns the coverage of a kind.
func (c Coverage) Of(kind snapshot.Kind) KindCoverage {
	if k, ok := c[kind]; ok {
		return k
	}
	return KindCoverage{State: snapshot.NotAsked, Reason: "this snapshot did not ask for it"}
}

// PartID names a part within the snapshot: a kind and the object that was asked.
type PartID struct {
	Kind   snapshot.Kind
	Object string
}

// Seen reports whether what a kind holds of one object was seen whole, so that
// something may be concluded from absence.
func (in Input) Seen(kind snapshot.Kind, object string) bool {
	return in.Coverage.Of(kind).State == snapshot.Complete || in.Parts[PartID{kind, object}] == snapshot.Complete
}

// Customer names a customer, by id alone when nothing else is known.
func (in Input) Customer(tenant string) Ref {
	if i, ok := slices.BinarySearchFunc(in.Customers, tenant, func(r Ref, id string) int { return strings.Compare(r.ID, id) }); ok {
		return in.Customers[i]
	}
	return Ref{tenant, tenant}
}

// Person names a principal.
func (in Input) Person(id string) Ref { return Ref{id, in.Access.Principal(id).Label()} }

// Group names a group.
func (in Input) Group(id string) Ref { return Ref{id, in.Access.GroupName(id)} }

// Role names a role by its template id.
func Role(id string) Ref { return Ref{id, snapshot.RoleByID(id).Name} }

// Touching sets which customers a finding touches; Customer when it is one alone.
func (in Input) Touching(f Finding, customers ...string) Finding {
	f.Customers = slices.DeleteFunc(slices.Clone(customers), func(c string) bool { return c == "" })
	if len(f.Customers) == 1 {
		f.Customer = in.Customer(f.Customers[0])
	}
	return f
}
