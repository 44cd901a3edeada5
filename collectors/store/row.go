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

// values maps a row's tagged fields to what is bound. A zero time, a nil pointer
// and an empty text in an interned column are NULL; slices are JSON, never null.
func values(row Row) (map[string]any, error) {
	v := reflect.ValueOf(row)
	out := make(map[string]any, v.NumField())
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("db")
		if name == "" {
			continue
		}
		value, err := plain(v.Field(i).Interface())
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", row.Table(), name, err)
		}
		out[name] = value
	}
	return out, nil
}

func plain(v any) (any, error) {
	switch v := v.(type) {
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
	case string:
		return v, nil
	}
	if rv := reflect.ValueOf(v); rv.Kind() == reflect.String {
		return rv.String(), nil
	}
	return nil, fmt.Errorf("a %T cannot be stored", v)
}
