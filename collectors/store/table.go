package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// columnKind says what becomes of a value on its way into the store.
type columnKind int

const (
	plainColumn columnKind = iota
	identColumn            // interned: the integer of an outside id
	labelColumn            // interned: the integer of a text about a person
)

type column struct {
	name string
	kind columnKind
}

// table is how one staged table is merged, read from the schema.
type table struct {
	name            string // without prefix, as rows and views name it
	prefix          string // fact, log or derived
	key             []column
	content         []column
	insert, replace string // stage a row, unless its key is there; in its place
}

func (t table) full() string      { return t.prefix + "_" + t.name }
func (t table) stage() string     { return "stage_" + t.name }
func (t table) columns() []column { return append(append([]column{}, t.key...), t.content...) }
func (t table) log() bool         { return t.prefix == "log" }

func names(columns []column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = c.name
	}
	return out
}

// readTables finds every stage_ table and its merged twin.
func readTables(ctx context.Context, db *sqlx.DB) (map[string]table, error) {
	var staged []string
	err := db.SelectContext(ctx, &staged, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name GLOB 'stage_*' ORDER BY name`)
	if err != nil {
		return nil, err
	}
	tables := map[string]table{}
	for _, stage := range staged {
		t := table{name: strings.TrimPrefix(stage, "stage_")}
		err := db.GetContext(ctx, &t.prefix, `
			SELECT substr(name, 1, length(name) - length(?1) - 1) FROM sqlite_schema
			WHERE  type = 'table' AND name IN ('fact_' || ?1, 'log_' || ?1, 'derived_' || ?1)`, t.name)
		if err != nil {
			return nil, fmt.Errorf("merged twin of %s: %w", stage, err)
		}
		if err := t.readColumns(ctx, db); err != nil {
			return nil, err
		}
		columns := append([]string{"part"}, names(t.columns())...)
		into := " INTO " + stage + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(slices.Repeat([]string{"?"}, len(columns)), ", ") + ")"
		t.insert, t.replace = "INSERT"+into+" ON CONFLICT DO NOTHING", "INSERT OR REPLACE"+into
		tables[t.name] = t
	}
	return tables, nil
}

func (t *table) readColumns(ctx context.Context, db *sqlx.DB) error {
	var rows []struct {
		Name   string
		Key    bool
		Refers string
	}
	err := db.SelectContext(ctx, &rows, `
		SELECT c.name, c.pk > 0 AS key,
		       coalesce((SELECT k."table" FROM pragma_foreign_key_list(?2) k WHERE k."from" = c.name), '') AS refers
		FROM   pragma_table_info(?1) c
		WHERE  c.name <> 'part'
		ORDER  BY c.cid`, t.stage(), t.full())
	if err != nil {
		return err
	}
	for _, r := range rows {
		c := column{name: r.Name}
		switch r.Refers {
		case "ident":
			c.kind = identColumn
		case "label":
			c.kind = labelColumn
		}
		if r.Key {
			t.key = append(t.key, c)
		} else {
			t.content = append(t.content, c)
		}
	}
	return nil
}
