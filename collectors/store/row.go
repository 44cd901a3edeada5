package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Row is a fact on its way into the store: a struct whose fields carry the names
// of the columns in `db` tags, and that knows its table.
type Row interface{ Table() string }

// plan says which field of a row type goes into which column of its table.
type plan struct {
	table  *table
	fields []int // by column
}

// plan is made once for each row type of a run.
func (r *Run) plan(row Row) (*plan, error) {
	of := reflect.TypeOf(row)
	if p, ok := r.plans.Load(of); ok {
		return p.(*plan), nil
	}
	t, ok := r.store.tables[row.Table()]
	if !ok {
		return nil, fmt.Errorf("there is no table for %s", row.Table())
	}
	p, err := newPlan(t, of)
	if err == nil {
		r.plans.Store(of, p)
	}
	return p, err
}

// newPlan matches a row type with its table: as many tagged fields as columns, of
// the same names and of types that the columns take.
func newPlan(t *table, row reflect.Type) (*plan, error) {
	tagged := map[string]int{}
	for i := range row.NumField() {
		if name := row.Field(i).Tag.Get("db"); name != "" {
			tagged[name] = i
		}
	}
	if len(tagged) != len(t.columns) {
		return nil, fmt.Errorf("%s has %d columns, its row %d", t.name, len(t.columns), len(tagged))
	}
	p := &plan{table: t}
	for _, c := range t.columns {
		i, ok := tagged[c.name]
		if !ok {
			return nil, fmt.Errorf("%s: the row has no column %s", t.name, c.name)
		}
		if field := row.Field(i).Type; !c.kind.takes(field) {
			return nil, fmt.Errorf("%s.%s: the column does not take a %s", t.name, c.name, field)
		}
		p.fields = append(p.fields, i)
	}
	return p, nil
}

// takes reports whether values of a type can be stored in columns of the kind.
func (k columnKind) takes(field reflect.Type) bool {
	switch k {
	case timeColumn:
		return field == reflect.TypeFor[time.Time]()
	case boolColumn:
		return field == reflect.TypeFor[bool]() || field == reflect.TypeFor[*bool]()
	case plainColumn:
		return field.Kind() == reflect.String || field == reflect.TypeFor[int]() || field == reflect.TypeFor[[]string]()
	}
	return field.Kind() == reflect.String
}

var errNUL = errors.New("an id holds a NUL")

// bind is what is stored of a field: an integer, text or nil. An empty text in an
// interned column, a zero time and a nil pointer are NULL; a slice is a JSON list,
// never null. Ids and texts about persons are interned later on.
func (k columnKind) bind(field reflect.Value) (any, error) {
	switch k {
	case identColumn, foldedColumn:
		id := fold(field.String())
		if strings.IndexByte(id, 0) >= 0 {
			return nil, errNUL
		}
		if id == "" {
			return nil, nil
		}
		return id, nil
	case labelColumn:
		if field.Len() == 0 {
			return nil, nil
		}
		return clean(field.String()), nil
	case timeColumn:
		if at := Time(field.Interface().(time.Time)); !at.IsZero() {
			return at.String(), nil
		}
		return nil, nil
	case boolColumn:
		if field.Kind() == reflect.Pointer {
			if field.IsNil() {
				return nil, nil
			}
			field = field.Elem()
		}
		if field.Bool() {
			return int64(1), nil
		}
		return int64(0), nil
	}
	switch field.Kind() {
	case reflect.String:
		return clean(field.String()), nil
	case reflect.Slice:
		if field.Len() == 0 {
			return "[]", nil
		}
		text, err := json.Marshal(field.Interface())
		return string(text), err
	}
	return field.Int(), nil
}

// bound is a row that waits to be merged.
type bound struct {
	table *table
	fact  bool   // the main fact of its item
	order int    // in which it came
	first bool   // so is the first row of its key in a list that ordered made
	held  []any  // by column, as the table holds it; ids and labels as text until they are *interned
	key   []byte // how its line in a digest begins: with its table and key
}

// unintern gives rows their texts back: what stands for them is not to outlive the
// transaction that interned them, if that is rolled back.
func unintern(rows []*bound) {
	for _, b := range rows {
		for i, v := range b.held {
			if k, ok := v.(*interned); ok {
				b.held[i] = k.text
			}
		}
	}
}

// bind reads the values of a row into held, which has room for them, and appends
// its key to keys.
func (p *plan) bind(row Row, fact bool, held []any, keys []byte) (bound, []byte, error) {
	fields := reflect.ValueOf(row)
	for i, c := range p.table.columns {
		value, err := c.kind.bind(fields.Field(p.fields[i]))
		if err != nil {
			return bound{}, keys, fmt.Errorf("%s.%s: %w", p.table.name, c.name, err)
		}
		held = append(held, value)
	}
	start := len(keys)
	keys = append(keys, p.table.opening...)
	for i := range p.table.keys {
		keys = appendJSON(keys, held[i])
		keys = append(keys, ',')
	}
	if p.table.keys == len(held) {
		keys[len(keys)-1] = ']'
	}
	return bound{table: p.table, fact: fact, held: held, key: keys[start:len(keys):len(keys)]}, keys, nil
}
