package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Seal is one record of the chain. Hash is the SHA-256, in hex, over the
// canonical JSON of everything else: keys sorted, no spaces, no escapes for HTML.
type Seal struct {
	Seq      int64
	Kind     string
	At       Time
	Body     string // canonical JSON
	Previous string // hash of the record before, empty for the first
	Hash     string
}

// Append adds a record of the kind to the chain, inside the transaction that
// writes what it seals.
func Append(ctx context.Context, tx *sqlx.Tx, kind string, at time.Time, body any) (Seal, error) {
	text, err := canonical(body)
	if err != nil {
		return Seal{}, fmt.Errorf("seal %s: %w", kind, err)
	}
	last, err := head(ctx, tx)
	if err != nil {
		return Seal{}, fmt.Errorf("seal %s: %w", kind, err)
	}
	next := Seal{Seq: last.Seq + 1, Kind: kind, At: Time(at), Body: string(text), Previous: last.Hash}
	if next.Hash, err = next.digest(); err != nil {
		return Seal{}, fmt.Errorf("seal %s: %w", kind, err)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO seal (seq, kind, at, body, previous, hash) VALUES (?, ?, ?, ?, ?, ?)`,
		next.Seq, next.Kind, next.At, next.Body, next.Previous, next.Hash)
	if err != nil {
		return Seal{}, fmt.Errorf("seal %s: %w", kind, err)
	}
	return next, nil
}

// Head returns the newest record of the chain; the zero Seal of an empty one.
func (s *Store) Head(ctx context.Context) (Seal, error) { return head(ctx, s.read) }

func head(ctx context.Context, q sqlx.QueryerContext) (Seal, error) {
	var last Seal
	err := sqlx.GetContext(ctx, q, &last, `SELECT seq, kind, at, body, previous, hash FROM seal ORDER BY seq DESC LIMIT 1`)
	if errors.Is(err, sql.ErrNoRows) {
		return Seal{}, nil
	}
	return last, err
}

func (s Seal) digest() (string, error) {
	text, err := canonical(map[string]any{
		"at": s.At.String(), "body": json.RawMessage(s.Body), "kind": s.Kind, "previous": s.Previous, "seq": s.Seq,
	})
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// canonical renders a value as JSON with sorted keys. Numbers must be integers.
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var loose any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&loose); err != nil {
		return nil, err
	}
	return encode(loose) // maps are written with sorted keys
}

// encode is canonical for what holds no struct and no raw JSON.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimRight(out.Bytes(), "\n"), err
}
