package store

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// What is said of a part stands until a snapshot says something else, and so does what
// each of its requests gave; when it was asked is noted for each snapshot.

// note writes down how much of a part was seen.
func (r *Run) note(ctx context.Context, tx transaction, part int64, seen Seen, repeated int, requests []Request) error {
	if seen.Asked.IsZero() || slices.ContainsFunc(requests, func(q Request) bool { return q.Asked.IsZero() }) {
		return errors.New("it is not said when the part was asked")
	}
	apart, err := r.noteAsked(ctx, tx, part, Time(seen.Asked))
	if err != nil {
		return err
	}
	said := []any{part, r.ID, seen.State, seen.Reason, apart, seen.Requests, seen.Pages, seen.Rows, repeated, seen.PassedOver, Time(seen.Since), Time(seen.Until)}
	same, answers := false, 0 // of those that stand
	if !r.fresh[part] {
		if err := tx.QueryRowxContext(ctx, coverageStands, said...).Scan(&same, &answers); err != nil {
			return err
		}
	}
	if !same {
		if err := replace(ctx, tx, !r.fresh[part], endCoverage, beginCoverage, said); err != nil {
			return err
		}
	}
	for i, q := range requests {
		asked := Time(q.Asked)
		if asked.String() == Time(seen.Asked).String() {
			asked = Time{}
		}
		path := clean(q.Path) // whose case matters
		said := []any{part, r.ID, i + 1, path, q.Status, asked, q.Rows, q.SHA256[:]}
		same := false
		if i < answers {
			if err := tx.QueryRowxContext(ctx, answerStands, said...).Scan(&same); err != nil {
				return err
			}
		}
		if same {
			continue
		}
		if _, err := r.intern.ident.integer(ctx, tx, path); err != nil {
			return err
		}
		if err := replace(ctx, tx, i < answers, endAnswer, beginAnswer, said); err != nil {
			return err
		}
	}
	if answers > len(requests) {
		_, err = tx.ExecContext(ctx, `UPDATE answer SET seen_until = ? WHERE part = ? AND seen_until IS NULL AND seq > ?`, r.ID, part, len(requests))
	}
	return err
}

// What stands of the coverage of part ?1, and of its answer ?3, from snapshot ?2 on.
const (
	coverageColumns = `state, reason, asked, requests, pages, rows, repeated, passed_over, since, until`
	coverageStands  = `
		SELECT EXISTS (SELECT 1 FROM coverage WHERE part = ?1 AND seen_until IS NULL AND (` + coverageColumns + `) IS (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)),
		       (SELECT count(*) FROM answer WHERE part = ?1 AND seen_until IS NULL)`
	endCoverage   = `UPDATE coverage SET seen_until = ?2 WHERE part = ?1 AND seen_until IS NULL`
	beginCoverage = `INSERT INTO coverage (part, seen_from, ` + coverageColumns + `) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`

	answerPath   = `(SELECT id FROM ident WHERE value = ?4)`
	answerStands = `SELECT EXISTS (SELECT 1 FROM answer WHERE part = ?1 AND seen_until IS NULL AND seq = ?3 AND (path, status, asked, rows, sha256) IS (` + answerPath + `, ?5, ?6, ?7, ?8))`
	endAnswer    = `UPDATE answer SET seen_until = ?2 WHERE part = ?1 AND seen_until IS NULL AND seq = ?3`
	beginAnswer  = `INSERT INTO answer (part, seen_from, seq, path, status, asked, rows, sha256) VALUES (?1, ?2, ?3, ` + answerPath + `, ?5, ?6, ?7, ?8)`
)

// replace says something of a part in place of what stands, if anything may. The first
// three of what is said tell which.
func replace(ctx context.Context, tx transaction, stands bool, end, begin string, said []any) error {
	if stands {
		if _, err := tx.ExecContext(ctx, end, said[:3]...); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, begin, said...)
	return err
}

// blockParts is how many parts a row of the table asked is about.
const blockParts = 256

// latest is the most seconds after a run's instant that a character says: the code
// points that follow are none.
const latest = 0xd800 - 1 - '!'

// noteAsked notes when a part was asked, and returns that if its character cannot say it.
func (r *Run) noteAsked(ctx context.Context, tx transaction, part int64, asked Time) (apart Time, err error) {
	after := asked.Time().Unix() - r.At.Unix()
	if after < 0 || after > latest {
		after, apart = 0, asked
	}
	place := int(part % blockParts)
	seconds := strings.Repeat(" ", place) + string(rune('!'+after)) + strings.Repeat(" ", blockParts-1-place)
	_, err = tx.ExecContext(ctx, `
		INSERT INTO asked (snapshot, block, seconds) VALUES (?1, ?2, ?3)
		ON CONFLICT DO UPDATE SET seconds = substr(seconds, 1, ?4) || substr(excluded.seconds, ?4 + 1, 1) || substr(seconds, ?4 + 2)`,
		r.ID, part/blockParts, seconds, place)
	return apart, err
}
