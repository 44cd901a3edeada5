package rule

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"
)

// Finding is one positive answer to a rule: one edge that must be mended.
// Customer is set when it belongs to one customer alone; Customers lists, by
// tenant id and sorted, all that it touches, so that a document for one customer
// can take it without naming the others. Nor does Message name them.
type Finding struct {
	Rule         string    `json:"rule"`
	Severity     Severity  `json:"severity"`
	State        State     `json:"state"`
	Customer     Ref       `json:"customer"`
	Customers    []string  `json:"customers"`
	Person       Ref       `json:"person"`
	Group        Ref       `json:"group"`
	Role         Ref       `json:"role"`
	Relationship Ref       `json:"relationship"`
	Message      string    `json:"message"`
	Fingerprint  string    `json:"fingerprint"`
	FirstSeen    time.Time `json:"first_seen"`
	LastSeen     time.Time `json:"last_seen"` // earlier than the snapshot: its evidence could not be read again
	Waiver       *Waiver   `json:"waiver"`

	// Through names further objects whose parts the finding rests on, such as the
	// nested groups on the way.
	Through []string `json:"-"`
}

// State says whether a finding waits for somebody or was accepted for a while.
type State string

// The states of a finding.
const (
	Open   State = "open"
	Waived State = "waived"
)

// Waiver accepts a finding until an instant: it then goes out marked, never
// removed. Scope is "all" or what the finding must be about: one or more ids of
// its customer, person, group, role or relationship, or its fingerprint, parted
// by spaces, commas or semicolons, all of which must fit.
type Waiver struct {
	Rule       string    `json:"rule"`
	Scope      string    `json:"scope"`
	Reason     string    `json:"reason"`
	ApprovedBy string    `json:"approved_by"`
	Until      time.Time `json:"until"` // the first instant at which it no longer holds
}

// Ref names something by its outside id and the name it is shown by; the zero
// Ref is none and null in JSON.
type Ref struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// MarshalJSON implements json.Marshaler.
func (r Ref) MarshalJSON() ([]byte, error) {
	if r == (Ref{}) {
		return []byte("null"), nil
	}
	type plain Ref
	return json.Marshal(plain(r))
}

// Fingerprint tells findings apart over snapshots: the first 16 bytes, in hex, of
// the SHA-256 over the rule's id and the outside ids of the edge, in the rule's
// own order. Names and dates never enter it.
func Fingerprint(rule string, ids ...string) string {
	sum := sha256.Sum256([]byte(strings.ToLower(rule + "\x00" + strings.Join(ids, "\x00"))))
	return hex.EncodeToString(sum[:16])
}
