package reviews

import (
	"time"

	"countersign/collectors/snapshot"
)

// Campaign is one round of review over one sealed snapshot.
type Campaign struct {
	Name          string // AR26Q3; the second of a period AR26Q3-2
	Snapshot      int64
	SnapshotAt    time.Time
	Period        snapshot.Period
	Opened        time.Time
	Due           time.Time
	Incomplete    []string // in words, why the population is incomplete; empty: complete
	Fallback      string   // person who decides when nobody else can; empty: none
	ReaffirmLimit int
	Closed        time.Time // zero: open
	Seal          string    // hash of the opening's record

	id       int64
	declared string // canonical JSON of what was declared at the opening
}

// State is "open" or "closed".
func (c Campaign) State() string {
	if c.Closed.IsZero() {
		return "open"
	}
	return "closed"
}
