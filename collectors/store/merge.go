package store

import (
	"bytes"
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// What stands of a part is its rows without seen_until. When a part is finished, its
// rows are merged with them, both in the order of the key, under the number of the
// open snapshot, which no view shows: unchanged rows are untouched, new ones opened,
// gone ones closed; rows of a log are closed by a newer version of themselves alone.

// mergePart merges the rows of a part, which are in the order of their digest lines,
// and puts digests to what changed.
func (r *Run) mergePart(ctx context.Context, tx transaction, part standingPart, p Part, rows []*bound) error {
	if err := r.intern.intern(ctx, tx, labelColumn, rows); err != nil {
		return err
	}
	var facts, logs []*bound
	for _, b := range rows {
		if b.table.log() {
			logs = append(logs, b)
		} else {
			facts = append(facts, b)
		}
	}
	name := partName(p)
	if !part.holds(name, facts) {
		if err := r.intern.intern(ctx, tx, identColumn, facts); err != nil {
			return err
		}
		salt := r.partSalt(name, false)
		sum := make(chan []byte, 1)
		if digesting := func() { sum <- digest(salt, name, facts) }; len(facts) < worthwhile {
			digesting()
		} else {
			go digesting() // while the database writes
		}
		merged, err := r.mergeTables(ctx, tx, part.ID, p.Kind, "fact", facts)
		digested := <-sum // in any case: who is told of an error may change the rows
		if err == nil && merged.changed {
			err = r.putDigest(ctx, tx, change{part.ID, false}, salt, digested)
		}
		if err != nil {
			return err
		}
	}
	if err := r.intern.intern(ctx, tx, identColumn, logs); err != nil {
		return err
	}
	merged, err := r.mergeTables(ctx, tx, part.ID, p.Kind, "log", logs)
	if err != nil || len(merged.opened) == 0 {
		return err
	}
	slices.SortFunc(merged.opened, compareLines)
	salt := r.partSalt(name, true)
	return r.putDigest(ctx, tx, change{part.ID, true}, salt, digest(salt, name, merged.opened))
}

// worthwhile is how many rows it takes that to begin a goroutine is less than what it does.
const worthwhile = 200

func compareLines(a, b *bound) int { return bytes.Compare(a.key, b.key) }

// holds reports whether the facts of a part are those that stand: they give the same
// digest, so that they need not be looked at one by one.
func (p standingPart) holds(name string, facts []*bound) bool {
	if p.Digest == nil {
		return len(facts) == 0
	}
	return bytes.Equal(digest(p.Salt, name, facts), p.Digest)
}

// change names a part of which rows were opened or closed, apart for logs.
type change struct {
	part int64
	log  bool
}

// putDigest records the digest of a part that changed. Of a log, only the rows that
// this snapshot opened are digested: the earlier ones are sealed already.
func (r *Run) putDigest(ctx context.Context, tx transaction, c change, salt, digest []byte) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO part_digest (part, log, seen_from, salt, digest) VALUES (?, ?, ?, ?, ?)`, c.part, c.log, r.ID, salt, digest)
	return err
}

// merged is what became of rows: whether any was opened or closed, and those of a log
// that were opened.
type merged struct {
	changed bool
	opened  []*bound
}

// mergeTables merges the rows of one prefix, interned.
func (r *Run) mergeTables(ctx context.Context, tx transaction, part int64, kind, prefix string, rows []*bound) (all merged, err error) {
	of := map[*table][]*bound{}
	for _, b := range rows {
		of[b.table] = append(of[b.table], b)
	}
	for t := range of {
		r.holdings.add(kind, t)
	}
	for _, t := range r.holdings.of(kind, prefix) {
		staged := of[t]
		slices.SortFunc(staged, func(a, b *bound) int { return compareKeys(a.held[:t.keys], b.held[:t.keys]) })
		m := merger{tx: tx, run: r, part: part, table: t, keep: t.log()}
		if len(staged) > 0 {
			m.first, m.last = stored(staged[0].held[0]), stored(staged[len(staged)-1].held[0])
		}
		err := m.merge(ctx, func(each func(*bound) error) error {
			for _, b := range staged {
				if err := each(b); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return all, err
		}
		all.changed, all.opened = all.changed || m.changed, append(all.opened, m.opened...)
	}
	return all, nil
}

// stored is a held value as the table has it.
func stored(v any) any {
	if k, ok := v.(*interned); ok {
		return k.id
	}
	return v
}

// compareKeys orders keys as SQLite does.
func compareKeys(a, b []any) int {
	for i := range a {
		var c int
		switch x := stored(a[i]).(type) {
		case int64:
			c = cmp.Compare(x, stored(b[i]).(int64))
		case string:
			c = strings.Compare(x, stored(b[i]).(string))
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// merger merges the rows of one part and table.
type merger struct {
	tx          transaction
	run         *Run
	part        int64
	table       *table
	first, last any // of the key's first column; both nil when no row is staged

	standing []any // the standing row that is next, and its seen_from
	opening  []*bound
	bound    []driver.NamedValue // to the statement that opens them
	keep     bool
	merged
}

// merge merges what staged hands over in the order of the key.
func (m *merger) merge(ctx context.Context, staged func(each func(*bound) error) error) error {
	if m.run.fresh[m.part] {
		err := staged(func(b *bound) error { return m.open(ctx, b) })
		return errors.Join(err, m.flush(ctx))
	}
	asked := []any{m.part, m.run.ID}
	if m.table.log() {
		if m.first == nil {
			return nil
		}
		asked = append(asked, m.first, m.last)
	}
	rows, err := m.tx.QueryContext(ctx, m.table.standing, asked...)
	if err != nil {
		return err
	}
	defer rows.Close()
	keys := m.table.keys
	m.standing = make([]any, len(m.table.columns)+1)
	to := make([]any, len(m.standing))
	for i := range to {
		to[i] = &m.standing[i]
	}
	more := rows.Next()
	// pass goes on to the next standing row, having closed this one if it is over.
	pass := func(over bool) error {
		if over {
			if err := m.close(ctx); err != nil {
				return err
			}
		}
		if more = rows.Next(); more {
			return rows.Scan(to...)
		}
		return nil
	}
	if more {
		err = rows.Scan(to...)
	}
	if err == nil {
		err = staged(func(b *bound) error {
			for more {
				c := compareKeys(m.standing[:keys], b.held[:keys])
				if c > 0 {
					break
				}
				same := c == 0 && sameContent(m.standing[keys:len(b.held)], b.held[keys:])
				if err := pass(!same && (c == 0 || !m.table.log())); err != nil || same {
					return err
				}
			}
			return m.open(ctx, b)
		})
	}
	for err == nil && more && !m.table.log() {
		err = pass(true)
	}
	return errors.Join(err, rows.Err(), m.flush(ctx))
}

func sameContent(standing, held []any) bool {
	for i, v := range standing {
		if v != stored(held[i]) {
			return false
		}
	}
	return true
}

// close ends the standing row.
func (m *merger) close(ctx context.Context) error {
	m.changed = true
	bound := append([]any{m.part, m.run.ID, m.standing[len(m.standing)-1]}, m.standing[:m.table.keys]...)
	_, err := m.tx.ExecContext(ctx, m.table.close, bound...)
	return err
}

// open adds a row, which waits until it is written with others.
func (m *merger) open(ctx context.Context, b *bound) error {
	m.changed = true
	if m.opening = append(m.opening, b); len(m.opening) < openedTogether {
		return nil
	}
	return m.flush(ctx)
}

// flush writes the rows that wait. It hands them to the driver itself, as package sql
// would look at each of their values once more, and as a query, of which the driver takes
// all values to SQLite in one call.
func (m *merger) flush(ctx context.Context) error {
	for of := m.opening; len(of) > 0; {
		if err := m.run.ended(); err != nil {
			return err
		}
		n := together(len(of), openedTogether)
		m.bound = append(m.bound[:0], driver.NamedValue{Ordinal: 1, Value: m.part}, driver.NamedValue{Ordinal: 2, Value: m.run.ID})
		for _, b := range of[:n] {
			for _, v := range b.held {
				m.bound = append(m.bound, driver.NamedValue{Ordinal: len(m.bound) + 1, Value: stored(v)})
			}
		}
		if err := m.run.conn.Raw(func(conn any) error {
			none, err := conn.(*sqlite3.SQLiteConn).QueryContext(ctx, m.table.open[n], m.bound)
			if err != nil {
				return err
			}
			return none.Close()
		}); err != nil {
			return err
		}
		of = of[n:]
	}
	if m.keep {
		m.opened = append(m.opened, m.opening...)
	}
	m.opening = m.opening[:0]
	return nil
}

// takeBack undoes what this run wrote of a part: what it opened goes, what it closed
// stands again, and so do the digests.
func (r *Run) takeBack(ctx context.Context, tx transaction, part int64, kind string) error {
	statements := []string{
		`DELETE FROM part_digest WHERE part = ?1 AND seen_from = ?2`,
		`DELETE FROM answer WHERE part = ?1 AND seen_from = ?2`,
		`UPDATE answer SET seen_until = NULL WHERE part = ?1 AND seen_until = ?2`,
		`DELETE FROM coverage WHERE part = ?1 AND seen_from = ?2`,
		`UPDATE coverage SET seen_until = NULL WHERE part = ?1 AND seen_until = ?2`,
		`UPDATE asked SET seconds = substr(seconds, 1, ?1 % 256) || ' ' || substr(seconds, ?1 % 256 + 2) WHERE snapshot = ?2 AND block = ?1 / 256`, // blockParts
	}
	for _, t := range r.holdings.of(kind, "fact", "log") {
		statements = append(statements, t.takeBackOpened, t.takeBackClosed)
	}
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, statement, part, r.ID); err != nil {
			return fmt.Errorf("take back: %w", err)
		}
	}
	return nil
}
