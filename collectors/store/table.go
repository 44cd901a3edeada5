package store

import (
	"context"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"
)

// columnKind says what becomes of a value on its way into the store.
type columnKind int

const (
	plainColumn  columnKind = iota
	identColumn             // interned: the integer of an outside id
	labelColumn             // interned: the integer of a text about a person
	foldedColumn            // an outside id that stands as text, as it names nothing but its row
	timeColumn
	boolColumn
)

type column struct {
	name string
	kind columnKind
}

// table is one table of facts, read from the schema.
type table struct {
	name    string // without prefix, as rows and views name it
	prefix  string // fact, log or derived
	columns []column
	keys    int    // how many of the columns, from the first, are the key within a part
	opening []byte // of its lines in digests

	interned map[columnKind][]int // the columns of each interned kind
	statements
}

// statements are those that merge. Their text is the same every time, so that the
// driver keeps them prepared.
type statements struct {
	standing             string // rows of part ?1 that stood before snapshot ?2, in the order of the key
	open                 map[int]string
	close, closePart     string
	takeBackOpened       string
	takeBackClosed       string
	standingParts, kinds string
}

// openedTogether is how many rows one statement opens at most.
const openedTogether = 32

// powers are the powers of two up to most: of so many rows or texts there are statements,
// so that of any number few are needed.
func powers(most int) (all []int) {
	for n := 1; n <= most; n *= 2 {
		all = append(all, n)
	}
	return all
}

// together is the largest power of two that is neither more than there are nor than most.
func together(there, most int) int { return min(1<<(bits.Len(uint(there))-1), most) }

func (t *table) full() string { return t.prefix + "_" + t.name }
func (t *table) log() bool    { return t.prefix == "log" }

func names(columns []column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.name
	}
	return out
}

// readTables finds the tables of facts by their prefixes.
func readTables(ctx context.Context, db *sqlx.DB) (map[string]*table, error) {
	var found []string
	err := db.SelectContext(ctx, &found, `
		SELECT name FROM sqlite_schema
		WHERE  type = 'table' AND (name GLOB 'fact_*' OR name GLOB 'log_*' OR name GLOB 'derived_*') ORDER BY name`)
	if err != nil {
		return nil, err
	}
	tables := map[string]*table{}
	for _, full := range found {
		t := &table{interned: map[columnKind][]int{}}
		t.prefix, t.name, _ = strings.Cut(full, "_")
		if tables[t.name] != nil {
			return nil, fmt.Errorf("the schema has two tables for %s", t.name)
		}
		if err := t.readColumns(ctx, db); err != nil {
			return nil, err
		}
		t.prepare()
		tables[t.name] = t
	}
	return tables, nil
}

// readColumns reads what a table holds beside its part and interval, the key first.
func (t *table) readColumns(ctx context.Context, db *sqlx.DB) error {
	var rows []struct {
		Name, Refers            string
		Key, Folded, Time, Bool bool
	}
	err := db.SelectContext(ctx, &rows, `
		SELECT c.name, c.pk > 0 AS key,
		       coalesce((SELECT k."table" FROM pragma_foreign_key_list(?1) k WHERE k."from" = c.name), '') AS refers,
		       instr(s.sql, '(' || c.name || ' = lower(' || c.name || '))') > 0 AS folded,
		       instr(s.sql, '(' || c.name || ' GLOB ''????-??-??T??:??:??Z'')') > 0 AS time,
		       instr(s.sql, '(' || c.name || ' IN (0, 1))') > 0 AS bool
		FROM   pragma_table_info(?1) c JOIN sqlite_schema s ON s.name = ?1
		WHERE  c.name NOT IN ('part', 'seen_from', 'seen_until')
		ORDER  BY c.pk = 0, c.cid`, t.full())
	if err != nil {
		return err
	}
	for _, r := range rows {
		c := column{name: r.Name}
		switch {
		case r.Refers == "ident":
			c.kind = identColumn
		case r.Refers == "label":
			c.kind = labelColumn
		case r.Time:
			c.kind = timeColumn
		case r.Bool:
			c.kind = boolColumn
		case r.Folded:
			c.kind = foldedColumn
		}
		if r.Key {
			t.keys++
			if c.kind == labelColumn {
				return fmt.Errorf("%s.%s: a text about a person is no key", t.full(), c.name)
			}
		}
		t.interned[c.kind] = append(t.interned[c.kind], len(t.columns))
		t.columns = append(t.columns, c)
	}
	return nil
}

// prepare words the statements of a table.
func (t *table) prepare() {
	t.opening = append(appendJSON([]byte{'['}, t.name), ',')
	full, columns, key := t.full(), names(t.columns), names(t.columns[:t.keys])
	t.standing = "SELECT " + strings.Join(columns, ", ") + ", seen_from FROM " + full + " WHERE part = ?1 AND seen_until IS NULL AND seen_from < ?2"
	if t.log() {
		t.standing += " AND " + key[0] + " BETWEEN ?3 AND ?4"
	}
	t.standing += " ORDER BY " + strings.Join(key, ", ")
	t.open = map[int]string{}
	for _, n := range powers(openedTogether) {
		var into strings.Builder
		into.WriteString("INSERT INTO " + full + " (part, seen_from, " + strings.Join(columns, ", ") + ") VALUES ")
		for i := range n {
			if i > 0 {
				into.WriteString(", ")
			}
			into.WriteString("(?1, ?2")
			for c := range columns {
				into.WriteString(", ?" + strconv.Itoa(3+i*len(columns)+c))
			}
			into.WriteString(")")
		}
		t.open[n] = into.String()
	}
	t.closePart = "UPDATE " + full + " SET seen_until = ?2 WHERE part = ?1 AND seen_until IS NULL"
	t.close = t.closePart + " AND seen_from = ?3"
	for i, name := range key {
		t.close += fmt.Sprintf(" AND %s = ?%d", name, 4+i)
	}
	t.takeBackOpened = "DELETE FROM " + full + " WHERE part = ?1 AND seen_from = ?2"
	t.takeBackClosed = "UPDATE " + full + " SET seen_until = NULL WHERE part = ?1 AND seen_until = ?2"
	t.standingParts = "SELECT DISTINCT part FROM " + full + " WHERE seen_until IS NULL"
	// Each part is found by one search, however many rows it has.
	t.kinds = `WITH RECURSIVE held(part) AS (
			SELECT min(part) FROM ` + full + ` UNION ALL SELECT (SELECT min(part) FROM ` + full + ` WHERE part > held.part) FROM held WHERE held.part IS NOT NULL)
		SELECT DISTINCT p.kind FROM held JOIN part p ON p.id = held.part`
}

// holdings are, by kind of part, the tables that have rows of such parts, so that
// the work for a part does not grow with the schema.
type holdings map[string]map[string]*table

// holdings reads them from the rows themselves.
func (s *Store) holdings(ctx context.Context, q sqlx.QueryerContext) (holdings, error) {
	out := holdings{}
	for _, t := range s.tables {
		var kinds []string
		if err := sqlx.SelectContext(ctx, q, &kinds, t.kinds); err != nil {
			return nil, err
		}
		for _, kind := range kinds {
			out.add(kind, t)
		}
	}
	return out, nil
}

func (h holdings) add(kind string, t *table) {
	if h[kind] == nil {
		h[kind] = map[string]*table{}
	}
	h[kind][t.name] = t
}

// of lists the tables of a kind and of the prefixes, by name.
func (h holdings) of(kind string, prefixes ...string) []*table {
	var out []*table
	for _, name := range slices.Sorted(maps.Keys(h[kind])) {
		if t := h[kind][name]; slices.Contains(prefixes, t.prefix) {
			out = append(out, t)
		}
	}
	return out
}
