package snapshot

import (
	"context"
	"database/sql"
	"time"
)

// Querier runs queries; *sql.DB, *sql.Tx and their wrappers do.
type Querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// each runs a query and hands every row to scan.
func each(ctx context.Context, q Querier, query string, snapshot int64, scan func(*sql.Rows) error) error {
	rows, err := q.QueryContext(ctx, query, snapshot)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// instant scans the store's text form of a time; NULL is the zero time.
type instant time.Time

// Scan implements sql.Scanner.
func (t *instant) Scan(v any) error {
	text, ok := v.(string)
	if !ok {
		*t = instant{}
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	*t = instant(at)
	return err
}
