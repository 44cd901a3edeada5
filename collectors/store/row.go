package store

import (
	"encoding/json"
	"fmt"
	"reflect"
	"time"
)

// Row is a fact on its way into the store: a struct whose fields carry the names
// of the columns in `db` tags, and that knows its table.
type Row interface{ Table() string }

// plan says which field of a row type goes into which column of its stage.
type plan struct {
	table   table
	columns []column
	fields  []int // by column
}

// plan is made once for each row type of a run.
func (r *Run) plan(row Row) (*plan, error) {
	of := reflect.TypeOf(row)
	if p, ok := r.plans[of]; ok {
		return p, nil
	}
	t, ok := r.store.tables[row.Table()]
	if !ok {
		return nil, fmt.Errorf("there is no table for %s", row.Table())
	}
	p, err := newPlan(t, of)
	if err == nil {
		r.plans[of] = p
	}
	return p, err
}

// newPlan matches a row type with its table: as many tagged fields as columns, of
// the same names.
func newPlan(t table, row reflect.Type) (*plan, error) {
	tagged := map[string]int{}
	for i := range row.NumField() {
		if name := row.Field(i).Tag.Get("db"); name != "" {
			tagged[name] = i
		}
	}
	p := &plan{table: t, columns: t.columns()}
	if len(tagged) != len(p.columns) {
		return nil, fmt.Errorf("%s has %d columns, its row %d", t.name, len(p.columns), len(tagged))
	}
	for _, c := range p.columns {
		i, ok := tagged[c.name]
		if !ok {
			return nil, fmt.Errorf("%s: the row has no column %s", t.name, c.name)
		}
		if field := row.Field(i).Type; c.kind != plainColumn && field.Kind() != reflect.String {
			return nil, fmt.Errorf("%s.%s: an interned column takes text, not %s", t.name, c.name, field)
		}
		p.fields = append(p.fields, i)
	}
	return p, nil
}

// plain is what is bound for a field: NULL for a zero time and a nil pointer, a JSON
// list for a slice, never null.
func plain(field reflect.Value) (any, error) {
	if field.Kind() == reflect.String {
		return clean(field.String()), nil
	}
	switch v := field.Interface().(type) {
	case time.Time:
		return Time(v).Value()
	case *bool:
		if v == nil {
			return nil, nil
		}
		return *v, nil
	case []string:
		if v == nil {
			v = []string{}
		}
		text, err := json.Marshal(v)
		return string(text), err
	case bool, int, int64:
		return v, nil
	}
	return nil, fmt.Errorf("a %s cannot be stored", field.Type())
}
