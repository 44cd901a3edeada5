package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// spill is where the rows of one unfinished part wait that are too many for memory:
// the table staged, in which rows of all tables stand by their key, texts interned.
type spill struct {
	run  *Run
	part Part
	id   int64
}

// newSpill begins without what an earlier try left.
func newSpill(ctx context.Context, tx transaction, r *Run, p Part) (*spill, error) {
	found, err := r.find(ctx, tx, p)
	if err != nil {
		return nil, err
	}
	s := &spill{r, p, found.ID}
	return s, s.drop(ctx, tx)
}

func (s *spill) drop(ctx context.Context, tx transaction) error {
	_, err := tx.ExecContext(ctx, `DELETE FROM staged WHERE part = ?`, s.id)
	return err
}

// add spills rows that ordered made, each in place of an earlier one of its key, and
// counts the main facts that came again.
func (s *spill) add(ctx context.Context, tx transaction, rows []*bound) (repeated int, err error) {
	for _, kind := range []columnKind{labelColumn, identColumn} {
		if err := s.run.intern.intern(ctx, tx, kind, rows); err != nil {
			return 0, err
		}
	}
	slices.SortFunc(rows, func(a, b *bound) int {
		if a.table != b.table {
			return strings.Compare(a.table.name, b.table.name)
		}
		return compareKeys(a.held[:a.table.keys], b.held[:b.table.keys])
	})
	for _, b := range rows {
		s.run.holdings.add(s.part.Kind, b.table)
		key, row := appendKey(nil, b.held[:b.table.keys]), appendRow(nil, b.held)
		added, err := tx.ExecContext(ctx, `INSERT INTO staged (part, name, key, row) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, s.id, b.table.name, key, row)
		if err != nil {
			return 0, err
		}
		if n, err := added.RowsAffected(); err != nil || n == 1 {
			continue
		}
		if b.first {
			repeated++
		}
		if _, err := tx.ExecContext(ctx, `UPDATE staged SET row = ? WHERE part = ? AND name = ? AND key = ?`, row, s.id, b.table.name, key); err != nil {
			return 0, err
		}
	}
	return repeated, nil
}

// merge merges the rows of the part, read in the order of their keys.
func (s *spill) merge(ctx context.Context, tx transaction) error {
	changed := map[bool]bool{}
	for _, t := range s.run.holdings.of(s.part.Kind, "fact", "log") {
		m := merger{tx: tx, run: s.run, part: s.id, table: t}
		for _, end := range []struct {
			of    *any
			order string
		}{{&m.first, "ASC"}, {&m.last, "DESC"}} {
			var row []byte
			err := tx.QueryRowxContext(ctx, `SELECT row FROM staged WHERE part = ? AND name = ? ORDER BY key `+end.order+` LIMIT 1`, s.id, t.name).Scan(&row)
			if errors.Is(err, sql.ErrNoRows) {
				continue
			}
			if err != nil {
				return err
			}
			held, err := readRow(row)
			if err != nil {
				return err
			}
			*end.of = held[0]
		}
		if err := m.merge(ctx, func(each func(*bound) error) error { return s.each(ctx, tx, t, each) }); err != nil {
			return err
		}
		changed[t.log()] = changed[t.log()] || m.changed
	}
	name := partName(s.part)
	for _, log := range []bool{false, true} {
		if !changed[log] {
			continue
		}
		c, salt := change{s.id, log}, s.run.partSalt(name, log)
		digest, err := partDigest(ctx, tx, s.run.holdings[s.part.Kind], c, s.run.ID, salt, name)
		if err != nil {
			return err
		}
		if err := s.run.putDigest(ctx, tx, c, salt, digest); err != nil {
			return err
		}
	}
	return nil
}

// each hands over the rows of a table in the order of their keys.
func (s *spill) each(ctx context.Context, tx transaction, t *table, do func(*bound) error) error {
	rows, err := tx.QueryContext(ctx, `SELECT row FROM staged WHERE part = ? AND name = ? ORDER BY key`, s.id, t.name)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var row sql.RawBytes
		if err := rows.Scan(&row); err != nil {
			return err
		}
		held, err := readRow(row)
		if err != nil {
			return err
		}
		if err := do(&bound{table: t, held: held}); err != nil {
			return err
		}
	}
	return rows.Err()
}

// appendKey writes a key so that keys sort as bytes as they do in their table.
func appendKey(out []byte, held []any) []byte {
	for _, v := range held {
		switch v := stored(v).(type) {
		case int64:
			out = binary.BigEndian.AppendUint64(out, uint64(v)^1<<63)
		case string: // ended by 0 0, a 0 within it being 0 1
			out = append(append(out, strings.ReplaceAll(v, "\x00", "\x00\x01")...), 0, 0)
		}
	}
	return out
}

// appendRow writes what the table is to hold as a JSON list.
func appendRow(out []byte, held []any) []byte {
	for i, v := range held {
		out = appendJSON(append(out, "[,"[min(i, 1)]), stored(v))
	}
	return append(out, ']')
}

func readRow(row []byte) (held []any, err error) {
	d := json.NewDecoder(bytes.NewReader(row))
	d.UseNumber()
	if err := d.Decode(&held); err != nil {
		return nil, err
	}
	for i, v := range held {
		if n, ok := v.(json.Number); ok {
			if held[i], err = n.Int64(); err != nil {
				return nil, err
			}
		}
	}
	return held, nil
}
