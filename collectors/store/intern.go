package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"
)

// interner turns outside ids and texts into integers, remembering those of the
// transactions that were committed.
type interner struct{ ident, label texts }

func newInterner() *interner {
	return &interner{ident: newTexts("ident", "value"), label: newTexts("label", "text")}
}

// texts are those of one table. They are learned together, by two statements however
// many they are.
type texts struct {
	known     map[string]int64
	said      []string // not known yet
	add, find string   // of a JSON list
}

func newTexts(table, column string) texts {
	return texts{
		known: map[string]int64{},
		add:   `INSERT INTO ` + table + ` (` + column + `) SELECT value FROM json_each(?) WHERE true ON CONFLICT (` + column + `) DO NOTHING`,
		find:  `SELECT t.id, t.` + column + ` AS text FROM json_each(?) j CROSS JOIN ` + table + ` t ON t.` + column + ` = j.value`,
	}
}

func (t *texts) learn(ctx context.Context, tx *sqlx.Tx) error {
	if len(t.said) == 0 {
		return nil
	}
	list, err := json.Marshal(t.said)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, t.add, string(list)); err != nil {
		return fmt.Errorf("intern: %w", err)
	}
	var found []struct {
		ID   int64
		Text string
	}
	if err := tx.SelectContext(ctx, &found, t.find, string(list)); err != nil {
		return fmt.Errorf("intern: %w", err)
	}
	for _, f := range found {
		t.known[f.Text] = f.ID
	}
	t.said = t.said[:0]
	return nil
}

// integer is that of one text.
func (t *texts) integer(ctx context.Context, tx *sqlx.Tx, text string) (int64, error) {
	if id, ok := t.known[text]; ok {
		return id, nil
	}
	t.said = append(t.said, text)
	err := t.learn(ctx, tx)
	return t.known[text], err
}

func (in *interner) learn(ctx context.Context, tx *sqlx.Tx) error {
	if err := in.ident.learn(ctx, tx); err != nil {
		return err
	}
	return in.label.learn(ctx, tx)
}

// of is where a column's text is interned, and as what.
func (in *interner) of(kind columnKind, text string) (*texts, string) {
	if kind == identColumn {
		return &in.ident, fold(text)
	}
	return &in.label, clean(text)
}

// fold makes an outside id from what a source says: in lower case.
func fold(id string) string { return strings.ToLower(clean(id)) }

// clean replaces what is not UTF-8 by U+FFFD: JSON cannot carry it, and digests are
// made of JSON.
func clean(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// Ident interns an outside id, folded to lower case, for a room that writes tables
// of its own.
func Ident(ctx context.Context, tx *sqlx.Tx, id string) (int64, error) {
	return newInterner().ident.integer(ctx, tx, fold(id))
}

// Label keeps a text about a person and gives it salt and digest at once, so that
// a seal of the same transaction can rest on it.
func (s *Store) Label(ctx context.Context, tx *sqlx.Tx, text string) (int64, error) {
	if text == "" {
		return 0, errors.New("intern: an empty text is no label")
	}
	id, err := newInterner().label.integer(ctx, tx, clean(text))
	if err != nil {
		return 0, err
	}
	return id, s.saltLabels(ctx, tx)
}
