package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
)

func (s *Store) salt() ([]byte, error) {
	salt := make([]byte, 16)
	_, err := io.ReadFull(s.entropy, salt)
	return salt, err
}

func saltedHex(salt, text []byte) string {
	sum := sha256.Sum256(slices.Concat(salt, text))
	return hex.EncodeToString(sum[:])
}

// namedPart is a part with the line that opens its digest.
type namedPart struct {
	ID         int64
	Kind, Name string
}

func namedParts(ctx context.Context, q sqlx.QueryerContext) (map[int64]namedPart, error) {
	var parts []namedPart
	err := sqlx.SelectContext(ctx, q, &parts, `
		SELECT p.id, p.kind, json_array(p.kind, s.value, o.value) AS name
		FROM   part p JOIN ident s ON s.id = p.scope JOIN ident o ON o.id = p.object`)
	out := make(map[int64]namedPart, len(parts))
	for _, p := range parts {
		out[p.ID] = p
	}
	return out, err
}

// partDigest is the SHA-256 over the salt, a line that names the part and
// the lines of its rows as of the snapshot, sorted as bytes, each ended by a newline.
// Of a log, only the rows that the snapshot opened count.
//
// A line is a JSON array as SQLite's json_array writes it: of the part its kind, scope
// and object; of a row the name of its table without prefix, its key and its other
// columns, each in the order of the table without part. Outside ids stand as text,
// texts about persons as their salted digest, true as 1, false as 0, NULL as null.
// There are no spaces. In text \" \\ \b \f \n \r \t are escaped so, the others below
// U+0020 as \u and four lower case digits, nothing else.
//
// tables are those that may hold rows of the part.
func partDigest(ctx context.Context, q sqlx.QueryerContext, tables map[string]*table, c change, snapshot int64, salt []byte, name string) ([]byte, error) {
	rows, err := q.QueryxContext(ctx, partLines(tables, c.log), c.part, snapshot)
	if err != nil {
		return nil, fmt.Errorf("digest: %w", err)
	}
	defer rows.Close()
	sum := sha256.New()
	sum.Write(slices.Concat(salt, []byte(name), []byte("\n")))
	for rows.Next() {
		var line sql.RawBytes
		if err := rows.Scan(&line); err != nil {
			return nil, fmt.Errorf("digest: %w", err)
		}
		sum.Write(line)
		sum.Write([]byte("\n"))
	}
	return sum.Sum(nil), rows.Err()
}

// partLines selects the lines of part ?1 as of snapshot ?2, over all tables that are
// sealed: of its facts or of its logs.
func partLines(tables map[string]*table, log bool) string {
	seen := "seen_from <= ?2 AND (seen_until IS NULL OR seen_until > ?2)"
	if log {
		seen = "seen_from = ?2"
	}
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(tables)) {
		if t := tables[name]; t.prefix != "derived" && t.log() == log {
			lines = append(lines, "SELECT json_array('"+name+"', "+strings.Join(outsideColumns(t), ", ")+") AS line FROM "+t.full()+" f WHERE part = ?1 AND "+seen)
		}
	}
	if len(lines) == 0 {
		return "SELECT NULL WHERE ?1 IS ?2 AND false" // the part never had a row
	}
	return strings.Join(lines, " UNION ALL ") + " ORDER BY line"
}

// outsideColumns selects a table's columns as the outside knows them.
func outsideColumns(t *table) []string {
	var out []string
	for _, c := range t.columns {
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

// snapshotBody is what a snapshot's record says: the seconds by which its clock was
// ahead, where that matters; the number of parts and the
// SHA-256 over the sorted list of their digests in hex, and the same for the coverage
// and the evidence of this run. The lists are given on demand; alone, a digest in
// them tells nothing about its part.
func snapshotBody(ctx context.Context, q sqlx.QueryerContext, id int64) (map[string]any, error) {
	var s struct {
		At              Time
		Tenant, Request string
		Skew            int64
	}
	err := sqlx.GetContext(ctx, q, &s, `SELECT s.at, i.value AS tenant, s.request, coalesce(s.skew, 0) AS skew FROM snapshot s JOIN ident i ON i.id = s.tenant WHERE s.id = ?`, id)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"snapshot": id, "at": s.At.String(), "tenant": s.Tenant, "request": s.Request}
	if s.Skew != 0 {
		body["skew"] = s.Skew
	}
	for list, query := range map[string]string{
		"parts": `
			SELECT lower(hex(digest)) FROM part_digest d WHERE seen_from <= ?1
			AND    (log OR NOT EXISTS (SELECT 1 FROM part_digest n WHERE n.part = d.part AND n.log = 0 AND n.seen_from > d.seen_from AND n.seen_from <= ?1))`,
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
