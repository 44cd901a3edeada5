package reviews

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// writer adds rows in one transaction, turning outside ids and texts about
// persons into the store's integers.
type writer struct {
	ctx  context.Context
	tx   *sqlx.Tx
	key  []byte
	have map[string]int64 // idents
	err  error            // the first; later calls do nothing
}

func newWriter(ctx context.Context, tx *sqlx.Tx, key []byte) *writer {
	return &writer{ctx: ctx, tx: tx, key: key, have: map[string]int64{}}
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
	value = strings.ToLower(value)
	if w.err != nil || value == "" {
		return nil
	}
	if id, ok := w.have[value]; ok {
		return id
	}
	id, err := w.lookup(`SELECT id FROM ident WHERE value = ?`, value, func() error {
		_, err := w.tx.ExecContext(w.ctx, `INSERT INTO ident (value) VALUES (?)`, value)
		return err
	})
	w.have[value], w.err = id, err
	return id
}

// label keeps a text about a person, with the salted digest by which seals know
// it; empty is NULL. The salt follows from the key of the database, so that equal
// data gives equal seals.
func (w *writer) label(text string) any {
	if w.err != nil || text == "" {
		return nil
	}
	salt := mac(w.key, "salt", text)[:16]
	sum := sha256.Sum256(slices.Concat(salt, []byte(text)))
	id, err := w.lookup(`SELECT id FROM label WHERE text = ? AND digest IS NOT NULL`, text, func() error {
		_, err := w.tx.ExecContext(w.ctx, `INSERT INTO label (text, salt, digest) VALUES (?, ?, ?)
			ON CONFLICT (text) DO UPDATE SET salt = excluded.salt, digest = excluded.digest`, text, salt, hex.EncodeToString(sum[:]))
		return err
	})
	w.err = err
	return id
}

func (w *writer) lookup(query, value string, add func() error) (int64, error) {
	var id int64
	err := w.tx.GetContext(w.ctx, &id, query, value)
	if errors.Is(err, sql.ErrNoRows) {
		if err = add(); err == nil {
			err = w.tx.GetContext(w.ctx, &id, query, value)
		}
	}
	return id, err
}
