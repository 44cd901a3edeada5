package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

// saltLabels gives every text that is sealed for the first time its salt and
// digest, in the order of the texts, so that equal runs give equal digests.
func (s *Store) saltLabels(ctx context.Context, tx *sqlx.Tx) error {
	var labels []struct {
		ID   int64
		Text string
	}
	if err := tx.SelectContext(ctx, &labels, `SELECT id, text FROM label WHERE digest IS NULL ORDER BY text`); err != nil {
		return err
	}
	for _, l := range labels {
		salt, err := s.salt()
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE label SET salt = ?, digest = ? WHERE id = ?`, salt, saltedHex(salt, []byte(l.Text)), l.ID); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) salt() ([]byte, error) {
	salt := make([]byte, 16)
	_, err := io.ReadFull(s.entropy, salt)
	return salt, err
}

func saltedHex(salt, text []byte) string {
	sum := sha256.Sum256(slices.Concat(salt, text))
	return hex.EncodeToString(sum[:])
}

// digestParts records a new salted digest for each part that changed. Of a log,
// only the rows that this snapshot opened are digested: the earlier ones are
// sealed already.
func (r *Run) digestParts(ctx context.Context, tx *sqlx.Tx, changed map[change]bool) error {
	parts, err := partNames(ctx, tx)
	if err != nil {
		return err
	}
	order := make([]change, 0, len(changed))
	for c := range changed {
		order = append(order, c)
	}
	slices.SortFunc(order, func(a, b change) int {
		if c := strings.Compare(parts[a.part], parts[b.part]); c != 0 || a.log == b.log {
			return c
		}
		if a.log {
			return 1
		}
		return -1
	})
	for _, c := range order {
		salt, err := r.store.salt()
		if err != nil {
			return err
		}
		digest, err := r.store.partDigest(ctx, tx, c, r.ID, salt, parts[c.part])
		if err != nil {
			return err
		}
		if !c.log {
			if _, err := tx.ExecContext(ctx, `UPDATE part_digest SET seen_until = ? WHERE part = ? AND log = 0 AND seen_until IS NULL`, r.ID, c.part); err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO part_digest (part, log, seen_from, salt, digest) VALUES (?, ?, ?, ?, ?)`, c.part, c.log, r.ID, salt, digest); err != nil {
			return err
		}
	}
	return nil
}

// partNames renders every part as the JSON line that opens its digest.
func partNames(ctx context.Context, q sqlx.QueryerContext) (map[int64]string, error) {
	var rows []struct {
		ID                  int64
		Kind, Scope, Object string
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT p.id, p.kind, s.value AS scope, o.value AS object
		FROM   part p JOIN ident s ON s.id = p.scope JOIN ident o ON o.id = p.object`)
	if err != nil {
		return nil, err
	}
	out := make(map[int64]string, len(rows))
	for _, r := range rows {
		line, err := canonical([]string{r.Kind, r.Scope, r.Object})
		if err != nil {
			return nil, err
		}
		out[r.ID] = string(line)
	}
	return out, nil
}

// partDigest is the SHA-256 over the salt, the part's name and its rows as of the
// snapshot, one JSON array a line, sorted as bytes. Outside ids stand as text,
// texts about persons as their salted digest.
func (s *Store) partDigest(ctx context.Context, q sqlx.QueryerContext, c change, snapshot int64, salt []byte, name string) (string, error) {
	var lines [][]byte
	for _, t := range s.tables {
		if t.prefix == "derived" || t.log() != c.log {
			continue
		}
		got, err := rowLines(ctx, q, t, c, snapshot)
		if err != nil {
			return "", fmt.Errorf("digest %s: %w", t.name, err)
		}
		lines = append(lines, got...)
	}
	slices.SortFunc(lines, bytes.Compare)
	text := append([]byte(name), '\n')
	for _, l := range lines {
		text = append(append(text, l...), '\n')
	}
	return saltedHex(salt, text), nil
}

func rowLines(ctx context.Context, q sqlx.QueryerContext, t table, c change, snapshot int64) ([][]byte, error) {
	seen := "seen_from <= ?2 AND (seen_until IS NULL OR seen_until > ?2)"
	if c.log {
		seen = "seen_from = ?2"
	}
	rows, err := q.QueryxContext(ctx, `SELECT `+strings.Join(outsideColumns(t), ", ")+` FROM `+t.full()+` f WHERE part = ?1 AND `+seen, c.part, snapshot)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var lines [][]byte
	for rows.Next() {
		values, err := rows.SliceScan()
		if err != nil {
			return nil, err
		}
		line, err := encode(append([]any{t.name}, values...))
		if err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, rows.Err()
}

// outsideColumns selects a table's columns as the outside knows them.
func outsideColumns(t table) []string {
	var out []string
	for _, c := range t.columns() {
		switch c.kind {
		case identColumn:
			out = append(out, "(SELECT value FROM ident WHERE ident.id = f."+c.name+")")
		case labelColumn:
			out = append(out, "(SELECT digest FROM label WHERE label.id = f."+c.name+")")
		default:
			out = append(out, "f."+c.name)
		}
	}
	return out
}

// snapshotBody is what a snapshot's record says: the number of parts and the
// SHA-256 over the sorted list of their digests, and the same for the coverage
// and the evidence of this run. The lists are given on demand; alone, a digest in
// them tells nothing about its part.
func snapshotBody(ctx context.Context, q sqlx.QueryerContext, id int64) (map[string]any, error) {
	var s struct {
		At              Time
		Tenant, Request string
	}
	err := sqlx.GetContext(ctx, q, &s, `SELECT s.at, i.value AS tenant, s.request FROM snapshot s JOIN ident i ON i.id = s.tenant WHERE s.id = ?`, id)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"snapshot": id, "at": s.At.String(), "tenant": s.Tenant, "request": s.Request}
	for list, query := range map[string]string{
		"parts": `
			SELECT digest FROM part_digest WHERE seen_from <= ?1 AND (seen_until IS NULL OR seen_until > ?1)`,
		"coverage": `
			SELECT json_array(p.kind, s.value, o.value, c.state, c.reason, c.asked, c.requests, c.pages, c.rows, c.repeated, c.passed_over, c.since, c.until)
			FROM   part_seen c JOIN part p ON p.id = c.part JOIN ident s ON s.id = p.scope JOIN ident o ON o.id = p.object WHERE c.snapshot = ?1`,
		"evidence": `
			SELECT json_array(p.kind, s.value, o.value, e.seq, i.value, e.status, e.asked, e.rows, hex(e.sha256))
			FROM   evidence e JOIN part p ON p.id = e.part JOIN ident s ON s.id = p.scope JOIN ident o ON o.id = p.object JOIN ident i ON i.id = e.path WHERE e.snapshot = ?1`,
	} {
		var lines []string
		if err := sqlx.SelectContext(ctx, q, &lines, query, id); err != nil {
			return nil, err
		}
		slices.Sort(lines)
		sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
		body[list] = map[string]any{"count": len(lines), "sha256": hex.EncodeToString(sum[:])}
	}
	return body, nil
}
