package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// Derive computes rows that follow from the merged facts of a snapshot. It reads
// the views of that snapshot in the transaction that seals it.
type Derive func(ctx context.Context, tx *sqlx.Tx, snapshot int64) (map[Part][]Row, error)

// Seal merges the parts that were seen whole into intervals, adds what follows
// from them, appends the snapshot's record to the chain, and makes the snapshot
// visible: all in one transaction that is on disk when Seal returns.
func (r *Run) Seal(ctx context.Context, derive Derive) (Seal, error) {
	var seal Seal
	err := r.tx(ctx, "FULL", func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE snapshot SET state = 'sealed' WHERE id = ?`, r.ID); err != nil {
			return err
		}
		changed, err := r.merge(ctx, tx, "fact", "log")
		if err != nil {
			return err
		}
		if err := r.deriveRows(ctx, tx, derive); err != nil {
			return err
		}
		if err := r.store.saltLabels(ctx, tx); err != nil {
			return err
		}
		if err := r.digestParts(ctx, tx, changed); err != nil {
			return err
		}
		body, err := snapshotBody(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		if seal, err = Append(ctx, tx, "snapshot", r.At, body); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE snapshot SET seal = ? WHERE id = ?`, seal.Seq, r.ID)
		return err
	})
	if err != nil {
		return Seal{}, fmt.Errorf("seal snapshot %d: %w", r.ID, err)
	}
	return seal, nil
}

func (r *Run) deriveRows(ctx context.Context, tx *sqlx.Tx, derive Derive) error {
	derived, err := derive(ctx, tx, r.ID)
	if err != nil {
		return fmt.Errorf("derive: %w", err)
	}
	put := newPutter(r, tx)
	for part, rows := range derived {
		id, err := r.partID(ctx, tx, part)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if err := put.add(id, row, false); err != nil {
				return err
			}
		}
		if _, err := put.flush(ctx); err != nil {
			return err
		}
	}
	if err := put.close(); err != nil {
		return err
	}
	_, err = r.merge(ctx, tx, "derived")
	return err
}

// change names a part of which rows were opened or closed, apart for logs.
type change struct {
	part int64
	log  bool
}

// merge brings the staged rows into the interval tables of the prefixes and
// empties the stage. Unchanged rows are untouched, new ones opened, gone ones
// closed; rows of a log are closed by a newer version of themselves alone.
func (r *Run) merge(ctx context.Context, tx *sqlx.Tx, prefixes ...string) (map[change]bool, error) {
	changed := map[change]bool{}
	for _, name := range sortedTables(r.store.tables) {
		t := r.store.tables[name]
		if !slices.Contains(prefixes, t.prefix) {
			continue
		}
		for _, statement := range []string{closing(t), opening(t)} {
			var parts []int64
			if err := tx.SelectContext(ctx, &parts, statement, r.ID); err != nil {
				return nil, fmt.Errorf("merge %s: %w", name, err)
			}
			for _, p := range parts {
				changed[change{p, t.log()}] = true
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+t.stage()); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

// closing ends the standing rows that the stage no longer holds or holds with
// another content.
func closing(t table) string {
	same := "s.part = f.part"
	for _, c := range t.key {
		same += " AND s." + c.name + " = f." + c.name
	}
	alike := same
	for _, c := range t.content {
		alike += " AND s." + c.name + " IS f." + c.name
	}
	var over string
	switch t.prefix {
	case "log":
		over = "EXISTS (SELECT 1 FROM " + t.stage() + " s WHERE " + same + ") AND NOT EXISTS (SELECT 1 FROM " + t.stage() + " s WHERE " + alike + ")"
	case "derived":
		over = "NOT EXISTS (SELECT 1 FROM " + t.stage() + " s WHERE " + alike + ")"
	default:
		over = "f.part IN (SELECT part FROM part_seen WHERE snapshot = ?1 AND state = 'complete') AND NOT EXISTS (SELECT 1 FROM " + t.stage() + " s WHERE " + alike + ")"
	}
	return "UPDATE " + t.full() + " AS f SET seen_until = ?1 WHERE f.seen_until IS NULL AND " + over + " RETURNING part"
}

// opening adds the staged rows whose key does not stand.
func opening(t table) string {
	columns := strings.Join(append([]string{"part"}, names(t.columns())...), ", ")
	standing := "f.part = s.part AND f.seen_until IS NULL"
	for _, c := range t.key {
		standing += " AND f." + c.name + " = s." + c.name
	}
	return "INSERT INTO " + t.full() + " (" + columns + ", seen_from) SELECT " + columns + ", ?1 FROM " + t.stage() +
		" s WHERE NOT EXISTS (SELECT 1 FROM " + t.full() + " f WHERE " + standing + ") RETURNING part"
}

func sortedTables(tables map[string]table) []string {
	out := make([]string, 0, len(tables))
	for name := range tables {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
