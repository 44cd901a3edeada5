package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"
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
	if err := r.put(ctx, tx, coverageNote(), part, r.ID,
		seen.State, seen.Reason, apart, seen.Requests, seen.Pages, seen.Rows, repeated, seen.PassedOver, Time(seen.Since), Time(seen.Until)); err != nil {
		return err
	}
	for i, q := range requests {
		asked := Time(q.Asked)
		if asked.String() == Time(seen.Asked).String() {
			asked = Time{}
		}
		path := clean(q.Path) // whose case matters
		if err := r.put(ctx, tx, answerNote(), part, r.ID, i+1, path, q.Status, asked, q.Rows, q.SHA256[:]); err != nil {
			return err
		}
	}
	if r.fresh[part] {
		return nil
	}
	_, err = tx.ExecContext(ctx, `UPDATE answer SET seen_until = ? WHERE part = ? AND seen_until IS NULL AND seq > ?`, r.ID, part, len(requests))
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

// noted is a table that keeps what stands of part ?1 from snapshot ?2 on. interned is which
// of the values is an outside text, from 1 on; 0: none.
type noted struct {
	stands, end, begin string
	interned           int
}

func coverageNote() noted {
	const columns = `state, reason, asked, requests, pages, rows, repeated, passed_over, since, until`
	return noted{
		`SELECT EXISTS (SELECT 1 FROM coverage WHERE part = ?1 AND seen_until IS NULL AND (` + columns + `) IS (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12))`,
		`UPDATE coverage SET seen_until = ?2 WHERE part = ?1 AND seen_until IS NULL`,
		`INSERT INTO coverage (part, seen_from, ` + columns + `) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`,
		0,
	}
}

func answerNote() noted {
	const path = `(SELECT id FROM ident WHERE value = ?4)`
	return noted{
		`SELECT EXISTS (SELECT 1 FROM answer WHERE part = ?1 AND seen_until IS NULL AND seq = ?3 AND (path, status, asked, rows, sha256) IS (` + path + `, ?5, ?6, ?7, ?8))`,
		`UPDATE answer SET seen_until = ?2 WHERE part = ?1 AND seen_until IS NULL AND seq = ?3`,
		`INSERT INTO answer (part, seen_from, seq, path, status, asked, rows, sha256) VALUES (?1, ?2, ?3, ` + path + `, ?5, ?6, ?7, ?8)`,
		4,
	}
}

// put says something of a part anew, unless it stands already. Of a fresh one nothing does.
func (r *Run) put(ctx context.Context, tx transaction, n noted, said ...any) error {
	if !r.fresh[said[0].(int64)] {
		var stands bool
		if err := sqlx.GetContext(ctx, tx, &stands, n.stands, said...); err != nil || stands {
			return err
		}
		if _, err := tx.ExecContext(ctx, n.end, said[:3]...); err != nil {
			return err
		}
	}
	if n.interned > 0 {
		if _, err := r.intern.ident.integer(ctx, tx, said[n.interned-1].(string)); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, n.begin, said...)
	return err
}
