package reviews

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/store"
)

// writer adds rows in one transaction, turning outside ids and texts about
// persons into the store's integers.
type writer struct {
	ctx context.Context
	st  *store.Store
	tx  *sqlx.Tx
	err error // the first; later calls do nothing
}

func newWriter(ctx context.Context, st *store.Store, tx *sqlx.Tx) *writer {
	return &writer{ctx: ctx, st: st, tx: tx}
}

// add inserts one row and returns its row id.
func (w *writer) add(table, columns string, values ...any) int64 {
	if w.err != nil {
		return 0
	}
	result, err := w.tx.ExecContext(w.ctx, "INSERT INTO "+table+" ("+columns+") VALUES (?"+strings.Repeat(", ?", len(values)-1)+")", values...)
	if err != nil {
		w.err = fmt.Errorf("write %s: %w", table, err)
		return 0
	}
	id, err := result.LastInsertId()
	w.err = err
	return id
}

// ident interns an outside id; empty is NULL.
func (w *writer) ident(value string) any {
	if w.err != nil || value == "" {
		return nil
	}
	var id int64
	id, w.err = store.Ident(w.ctx, w.tx, value)
	return id
}

// label keeps a text about a person, with the salted digest by which seals know
// it; empty is NULL.
func (w *writer) label(text string) any {
	if w.err != nil || text == "" {
		return nil
	}
	var id int64
	id, w.err = w.st.Label(w.ctx, w.tx, text)
	return id
}
