package rule

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
)

// Rows runs a query over the views of the snapshot that is judged, which the
// query names :snapshot. It binds with sql.Named: sqlx's own rewriting takes a
// colon inside an SQL comment for a parameter.
func Rows[Row any](ctx context.Context, in Input, query string) ([]Row, error) {
	var rows []Row
	err := sqlx.SelectContext(ctx, in.DB, &rows, query, sql.Named("snapshot", in.Access.Snapshot))
	return rows, err
}

// Ask makes a check of a query and a pure judge that is asked about each row.
func Ask[Row any](query string, judge func(Row, Input) (Finding, bool)) Check {
	return func(ctx context.Context, in Input) (Answer, error) {
		rows, err := Rows[Row](ctx, in, query)
		if err != nil {
			return Answer{}, err
		}
		var answer Answer
		for _, row := range rows {
			if f, found := judge(row, in); found {
				answer.Findings = append(answer.Findings, f)
			}
		}
		return answer, nil
	}
}
