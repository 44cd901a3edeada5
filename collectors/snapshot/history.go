package snapshot

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Sealed is one sealed snapshot.
type Sealed struct {
	ID      int64
	At      time.Time
	Request string // what was asked for, in words
	Seal    string // hash of its record

	// Skew is how far ahead of the service's the clock was that dated it, where that
	// matters; else 0. Timed: that was measured.
	Skew  time.Duration
	Timed bool
}

// How far two clocks may differ before it is worth a word, and before what they time
// cannot be concluded from.
const (
	NoticeableSkew = 2 * time.Minute
	WrongSkew      = 10 * time.Minute
)

// Apart words how far ahead a clock is: "12m0s ahead of", "3m0s behind".
func Apart(ahead time.Duration) string {
	if ahead < 0 {
		return (-ahead).Round(time.Second).String() + " behind"
	}
	return ahead.Round(time.Second).String() + " ahead of"
}

// ErrNoSnapshot says that no sealed snapshot fits what was asked.
var ErrNoSnapshot = errors.New("no sealed snapshot")

// History lists the sealed snapshots, the oldest first.
func History(ctx context.Context, q Querier) ([]Sealed, error) {
	var out []Sealed
	rows, err := q.QueryContext(ctx, `SELECT id, at, request, hash, skew FROM sealed_snapshot ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list snapshots: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var s Sealed
		var skew sql.NullInt64
		if err := rows.Scan(&s.ID, (*instant)(&s.At), &s.Request, &s.Seal, &skew); err != nil {
			return nil, fmt.Errorf("list snapshots: %w", err)
		}
		s.Skew, s.Timed = time.Duration(skew.Int64)*time.Second, skew.Valid
		out = append(out, s)
	}
	return out, rows.Err()
}

// LastAt is the last sealed snapshot at or before an instant: what was known then.
func LastAt(ctx context.Context, q Querier, at time.Time) (Sealed, error) {
	return pick(ctx, q, fmt.Sprintf("at or before %s", at.UTC().Format(time.RFC3339)), func(s Sealed) bool { return !s.At.After(at) }, true)
}

// FirstFrom is the first sealed snapshot at or after an instant.
func FirstFrom(ctx context.Context, q Querier, at time.Time) (Sealed, error) {
	return pick(ctx, q, fmt.Sprintf("at or after %s", at.UTC().Format(time.RFC3339)), func(s Sealed) bool { return !s.At.Before(at) }, false)
}

// LastTimed is the last sealed snapshot of which it was measured how right its clock was.
func LastTimed(ctx context.Context, q Querier) (Sealed, error) {
	return pick(ctx, q, "from the service itself", func(s Sealed) bool { return s.Timed }, true)
}

// ByID is the sealed snapshot of that number.
func ByID(ctx context.Context, q Querier, id int64) (Sealed, error) {
	return pick(ctx, q, fmt.Sprintf("number %d", id), func(s Sealed) bool { return s.ID == id }, false)
}

func pick(ctx context.Context, q Querier, which string, fits func(Sealed) bool, last bool) (Sealed, error) {
	all, err := History(ctx, q)
	if err != nil {
		return Sealed{}, err
	}
	found := Sealed{}
	for _, s := range all { // by number; of one instant the later number counts
		if fits(s) && (found.ID == 0 || last && !s.At.Before(found.At) || !last && s.At.Before(found.At)) {
			found = s
		}
	}
	if found.ID == 0 {
		return Sealed{}, fmt.Errorf("%w %s; `countersign snapshot list` shows those there are, `countersign collect` takes one", ErrNoSnapshot, which)
	}
	return found, nil
}
