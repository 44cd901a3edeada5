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
	// Some ten times as fast as Format, which every row would pay for.
	year, month, day := t.Time().Date()
	hour, minute, second := t.Time().Clock()
	if year < 0 || year > 9999 {
		return t.Time().Format(layout)
	}
	text := []byte(layout)
	for _, f := range [...]struct{ at, value int }{{2, year % 100}, {0, year / 100}, {5, int(month)}, {8, day}, {11, hour}, {14, minute}, {17, second}} {
		text[f.at], text[f.at+1] = byte('0'+f.value/10), byte('0'+f.value%10)
	}
	return string(text)
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
