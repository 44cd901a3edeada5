package store

import (
	"database/sql/driver"
	"fmt"
	"time"
)

// layout sorts as text in the order of time.
const layout = "2006-01-02T15:04:05Z"

// Time is an instant at the store's border: UTC, whole seconds, as text that
// sorts. The zero Time is NULL. Bound raw, the driver would write a zone offset,
// which does not sort.
type Time time.Time

// Time returns the instant in UTC.
func (t Time) Time() time.Time { return time.Time(t).UTC() }

// IsZero reports whether the instant was NULL.
func (t Time) IsZero() bool { return time.Time(t).IsZero() }

// String is the stored text, empty for the zero Time.
func (t Time) String() string {
	if t.IsZero() {
		return ""
	}
	return t.Time().Format(layout)
}

// Value implements driver.Valuer.
func (t Time) Value() (driver.Value, error) {
	if t.IsZero() {
		return nil, nil
	}
	return t.String(), nil
}

// Scan implements sql.Scanner.
func (t *Time) Scan(v any) error {
	switch v := v.(type) {
	case nil:
		*t = Time{}
		return nil
	case string:
		at, err := time.Parse(layout, v)
		if err != nil {
			return fmt.Errorf("stored time %q is not of the form %s", v, layout)
		}
		*t = Time(at)
		return nil
	}
	return fmt.Errorf("stored time is %T, not text", v)
}
