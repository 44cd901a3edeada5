package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
)

// interner turns outside ids and texts about persons into integers, remembering
// those met of late.
type interner struct{ ident, label texts }

// newInterner interns with salts for the labels that are new.
func newInterner(salt func(text string) ([]byte, error)) *interner {
	return &interner{
		ident: newTexts("ident", "value", "", nil),
		label: newTexts("label", "text", "digest", salt),
	}
}

// interned is what stands for a text. It is kept boxed, as it is bound many times.
type interned struct {
	id     any // int64
	text   string
	digest string // of a label, salted, as seals know it
}

// generation is how many texts the younger half of an interner's memory holds. Texts
// that are met again move to the younger half, the others are forgotten, so that
// the memory does not grow with the rows.
const generation = 1 << 15

// texts are those of one table. They are looked up and added many at a time.
type texts struct {
	young, old map[string]*interned
	salt       func(text string) ([]byte, error) // nil: no digest
	find, add  map[int]string                    // by number of texts
	max        string
	newest     int64 // integer, where this transaction asked for it; else 0
}

// begin begins a transaction: others may have added texts since the last one.
func (in *interner) begin() { in.ident.newest, in.label.newest = 0, 0 }

// learnedTogether is how many texts one statement takes at most.
const learnedTogether = 64

func newTexts(table, column, digest string, salt func(string) ([]byte, error)) texts {
	t := texts{young: map[string]*interned{}, salt: salt, find: map[int]string{}, add: map[int]string{}, max: `SELECT coalesce(max(id), 0) FROM ` + table}
	shown, added, row := "''", "(id, "+column+")", "(?, ?)"
	if digest != "" {
		shown, added, row = digest, "(id, "+column+", salt, "+digest+")", "(?, ?, ?, ?)"
	}
	for _, n := range powers(learnedTogether) {
		t.find[n] = `SELECT id, ` + column + `, ` + shown + ` FROM ` + table + ` WHERE ` + column + ` IN (` + list("?", n) + `)`
		t.add[n] = `INSERT INTO ` + table + ` ` + added + ` VALUES ` + list(row, n)
	}
	return t
}

func list(item string, n int) string { return strings.Join(slices.Repeat([]string{item}, n), ", ") }

// known is the text as met before, or nil.
func (t *texts) known(text string) *interned {
	if k, ok := t.young[text]; ok {
		return k
	}
	k, ok := t.old[text]
	if ok {
		t.remember(text, k)
	}
	return k
}

func (t *texts) remember(text string, k *interned) {
	if len(t.young) >= generation {
		t.old, t.young = t.young, make(map[string]*interned, generation)
	}
	t.young[text] = k
}

// learn makes texts known that were not; there are fewer of them than a generation.
func (t *texts) learn(ctx context.Context, tx transaction, said []string) error {
	slices.Sort(said)
	said = slices.Compact(said)
	for of := range slices.Chunk(said, learnedTogether) {
		if err := t.look(ctx, tx, of); err != nil {
			return fmt.Errorf("intern: %w", err)
		}
	}
	said = slices.DeleteFunc(said, func(text string) bool { return t.known(text) != nil })
	if len(said) == 0 {
		return nil
	}
	if t.newest == 0 {
		if err := sqlx.GetContext(ctx, tx, &t.newest, t.max); err != nil {
			return err
		}
	}
	for len(said) > 0 {
		n := together(len(said), learnedTogether)
		if err := t.insert(ctx, tx, said[:n]); err != nil {
			return fmt.Errorf("intern: %w", err)
		}
		said = said[n:]
	}
	return nil
}

// look remembers those of the texts that the table holds.
func (t *texts) look(ctx context.Context, tx transaction, said []string) error {
	bound := make([]any, len(said), learnedTogether)
	for i, text := range said {
		bound[i] = text
	}
	for t.find[len(bound)] == "" { // there is a statement for as many and some more
		bound = append(bound, bound[0])
	}
	rows, err := tx.QueryContext(ctx, t.find[len(bound)], bound...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var k interned
		if err := rows.Scan(&k.id, &k.text, &k.digest); err != nil {
			return err
		}
		t.remember(k.text, &k)
	}
	return rows.Err()
}

// insert adds new texts under the integers after the newest.
func (t *texts) insert(ctx context.Context, tx transaction, said []string) error {
	bound, added := make([]any, 0, 4*len(said)), make([]*interned, len(said))
	for i, text := range said {
		t.newest++
		k := &interned{id: t.newest, text: text}
		bound, added[i] = append(bound, k.id, text), k
		if t.salt != nil {
			salt, err := t.salt(text)
			if err != nil {
				return err
			}
			k.digest = saltedHex(salt, []byte(text))
			bound = append(bound, salt, k.digest)
		}
	}
	if _, err := tx.ExecContext(ctx, t.add[len(said)], bound...); err != nil {
		return err
	}
	for i, text := range said {
		t.remember(text, added[i])
	}
	return nil
}

// integer is that of one text.
func (t *texts) integer(ctx context.Context, tx transaction, text string) (int64, error) {
	k := t.known(text)
	if k == nil {
		if err := t.learn(ctx, tx, []string{text}); err != nil {
			return 0, err
		}
		k = t.known(text)
	}
	return k.id.(int64), nil
}

// internedTogether is how many rows are interned at a time; their texts stay well
// below a generation.
const internedTogether = 512

// intern puts what stands for them in place of the texts in the rows' columns of a
// kind.
func (in *interner) intern(ctx context.Context, tx transaction, kind columnKind, rows []*bound) error {
	texts := &in.ident
	if kind == labelColumn {
		texts = &in.label
	}
	for chunk := range slices.Chunk(rows, internedTogether) {
		var said []string
		for range 2 { // those that were not known are by then
			before := chunk[0]
			for _, r := range chunk {
				for _, i := range r.table.interned[kind] {
					text, ok := r.held[i].(string)
					if !ok {
						continue
					}
					var k *interned
					if before.table == r.table { // lists repeat what they are about
						k, _ = before.held[i].(*interned)
					}
					if k == nil || k.text != text {
						k = texts.known(text)
					}
					if k == nil {
						said = append(said, text)
						continue
					}
					r.held[i] = k
				}
				before = r
			}
			if len(said) == 0 {
				break
			}
			if err := texts.learn(ctx, tx, said); err != nil {
				return err
			}
			said = nil
		}
	}
	return nil
}

// fold makes an outside id from what a source says: in lower case.
func fold(id string) string {
	for i := range len(id) {
		if c := id[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.ToLower(clean(id))
		}
	}
	return id // as nearly all are
}

// clean replaces what is not UTF-8 by U+FFFD: JSON cannot carry it, and digests are
// made of JSON.
func clean(text string) string { return strings.ToValidUTF8(text, "\uFFFD") }

// Ident interns an outside id, folded to lower case, for a room that writes tables
// of its own.
func Ident(ctx context.Context, tx *sqlx.Tx, id string) (int64, error) {
	return newInterner(nil).ident.integer(ctx, tx, fold(id))
}

// Label keeps a text about a person with salt and digest, so that a seal of the same
// transaction can rest on it.
func (s *Store) Label(ctx context.Context, tx *sqlx.Tx, text string) (int64, error) {
	if text == "" {
		return 0, errors.New("intern: an empty text is no label")
	}
	return newInterner(func(string) ([]byte, error) { return s.salt() }).label.integer(ctx, tx, clean(text))
}
