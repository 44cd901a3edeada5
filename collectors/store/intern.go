package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
)

// interner turns outside ids and texts into integers, remembering those of the
// transactions that were committed.
type interner struct {
	ident, label map[string]int64
}

func newInterner() *interner {
	return &interner{ident: map[string]int64{}, label: map[string]int64{}}
}

func (in *interner) integer(ctx context.Context, tx *sqlx.Tx, kind columnKind, v any) (any, error) {
	text, ok := v.(string)
	if !ok {
		return nil, fmt.Errorf("an interned column takes text, not %T", v)
	}
	if text == "" {
		return nil, nil
	}
	if kind == identColumn {
		return in.exact(ctx, tx, strings.ToLower(text))
	}
	return lookup(ctx, tx, in.label, text, `SELECT id FROM label WHERE text = ?`, `INSERT INTO label (text) VALUES (?) RETURNING id`)
}

// exact interns a text of which the case matters, such as a request path.
func (in *interner) exact(ctx context.Context, tx *sqlx.Tx, text string) (int64, error) {
	return lookup(ctx, tx, in.ident, text, `SELECT id FROM ident WHERE value = ?`, `INSERT INTO ident (value) VALUES (?) RETURNING id`)
}

func lookup(ctx context.Context, tx *sqlx.Tx, known map[string]int64, text, find, add string) (int64, error) {
	if id, ok := known[text]; ok {
		return id, nil
	}
	var id int64
	err := tx.GetContext(ctx, &id, find, text)
	if errors.Is(err, sql.ErrNoRows) {
		err = tx.GetContext(ctx, &id, add, text)
	}
	if err != nil {
		return 0, fmt.Errorf("intern: %w", err)
	}
	known[text] = id
	return id, nil
}

// Ident interns an outside id, folded to lower case, for a room that writes tables
// of its own.
func Ident(ctx context.Context, tx *sqlx.Tx, id string) (int64, error) {
	return newInterner().exact(ctx, tx, strings.ToLower(id))
}

// Label keeps a text about a person and gives it salt and digest at once, so that
// a seal of the same transaction can rest on it.
func (s *Store) Label(ctx context.Context, tx *sqlx.Tx, text string) (int64, error) {
	id, err := newInterner().integer(ctx, tx, labelColumn, text)
	if err != nil {
		return 0, err
	}
	if id == nil {
		return 0, fmt.Errorf("intern: an empty text is no label")
	}
	return id.(int64), s.saltLabels(ctx, tx)
}
