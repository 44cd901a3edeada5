package rules

import (
	"context"
	"fmt"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/store"
)

// Record notes between which snapshots each finding was seen, so that the next
// run can say since when. Judging an older snapshot again moves neither end
// inwards. A finding whose evidence was not read again is not seen anew.
func Record(ctx context.Context, st *store.Store, r Report) error {
	err := st.Tx(ctx, func(tx *sqlx.Tx) error {
		note, err := tx.PreparexContext(ctx, `
			INSERT INTO finding_seen (fingerprint, rule, first_snapshot, last_snapshot) VALUES (?1, ?2, ?3, ?3)
			ON CONFLICT (fingerprint) DO UPDATE
			SET first_snapshot = min(first_snapshot, excluded.first_snapshot), last_snapshot = max(last_snapshot, excluded.last_snapshot)`)
		if err != nil {
			return err
		}
		defer note.Close()
		for _, f := range r.Findings {
			if f.LastSeen.Before(r.taken) {
				continue
			}
			if _, err := note.ExecContext(ctx, f.Fingerprint, f.Rule, r.Snapshot); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("record findings of snapshot %d: %w", r.Snapshot, err)
	}
	return nil
}

// dateFindings fills in since when each finding has been known: from the record,
// as far as it reaches back before this snapshot. Later sightings are left out,
// so that a past snapshot reads the same on any day.
func (r *Report) dateFindings(ctx context.Context, st *store.Store) error {
	var rows []struct {
		Fingerprint string
		At          store.Time
	}
	err := st.Read().SelectContext(ctx, &rows, `
		SELECT f.fingerprint, s.at FROM finding_seen f JOIN sealed_snapshot s ON s.id = f.first_snapshot
		WHERE  f.first_snapshot < ? ORDER BY f.fingerprint`, r.Snapshot)
	if err != nil {
		return err
	}
	first := make(map[string]store.Time, len(rows))
	for _, row := range rows {
		first[row.Fingerprint] = row.At
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.FirstSeen = f.LastSeen
		if at, ok := first[f.Fingerprint]; ok && at.Time().Before(f.FirstSeen) {
			f.FirstSeen = at.Time()
		}
	}
	return nil
}
