package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

// Part names the unit that is merged, sealed and resumed: a kind of evidence, the
// tenant it is about and the object that was asked.
type Part struct{ Kind, Scope, Object string }

// Whole is the state of a part that was seen to its last page.
const Whole = "complete"

// Seen is how much of a part one snapshot saw. Rows counts what was received,
// Repeated those of them that came twice, PassedOver those that were outside what
// was asked. Since and Until frame the window of a log, else zero.
type Seen struct {
	State, Reason                               string
	Asked                                       time.Time
	Requests, Pages, Rows, Repeated, PassedOver int
	Since, Until                                time.Time
}

// Request is the evidence of one request: path and query without host or token,
// and the SHA-256 of the rows received.
type Request struct {
	Path   string
	Status int
	Asked  time.Time
	Rows   int
	SHA256 [32]byte
}

// Run is a snapshot being taken. Its methods may be called from several
// goroutines; nothing of it is visible to readers before Seal.
type Run struct {
	ID int64
	At time.Time

	store  *Store
	mu     sync.Mutex
	intern *interner
	plans  map[reflect.Type]*plan
}

// runMode: a run that a power cut takes back is asked again, only the seal must be
// on disk.
const runMode = "NORMAL"

// Begin opens a run at the instant, or takes up the unfinished one when it asks
// for the same, of the same tenant, and is younger than resumeWithin. Any other
// unfinished run is discarded. request says in words what is asked for.
func (s *Store) Begin(ctx context.Context, at time.Time, tenant, request string, resumeWithin time.Duration) (run *Run, resumed bool, err error) {
	run = &Run{At: at, store: s, intern: newInterner(), plans: map[reflect.Type]*plan{}}
	err = s.tx(ctx, runMode, func(ctx context.Context, tx *sqlx.Tx) error {
		var open struct {
			ID      int64
			At      Time
			Tenant  string
			Request string
		}
		err := tx.GetContext(ctx, &open, `
			SELECT s.id, s.at, i.value AS tenant, s.request FROM snapshot s JOIN ident i ON i.id = s.tenant WHERE s.state = 'open'`)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		case open.Tenant == fold(tenant) && open.Request == request && !at.Before(open.At.Time()) && at.Sub(open.At.Time()) < resumeWithin:
			run.ID, run.At, resumed = open.ID, open.At.Time(), true
			return s.clearStage(ctx, tx, run.ID)
		default:
			if err := s.discard(ctx, tx, open.ID); err != nil {
				return err
			}
		}
		id, err := run.intern.ident.integer(ctx, tx, fold(tenant))
		if err != nil {
			return err
		}
		return tx.GetContext(ctx, &run.ID, `INSERT INTO snapshot (at, tenant, request, state) VALUES (?, ?, ?, 'open') RETURNING id`, Time(at), id, request)
	})
	if err != nil {
		return nil, false, fmt.Errorf("begin snapshot: %w", err)
	}
	return run, resumed, nil
}

// discard gives up an unfinished run: its staged rows and what it saw go, its
// number stays taken.
func (s *Store) discard(ctx context.Context, tx *sqlx.Tx, id int64) error {
	for _, statement := range []string{
		`DELETE FROM evidence WHERE snapshot = ?`,
		`DELETE FROM part_seen WHERE snapshot = ?`,
		`UPDATE snapshot SET state = 'discarded' WHERE id = ?`,
	} {
		if _, err := tx.ExecContext(ctx, statement, id); err != nil {
			return err
		}
	}
	return s.clearStage(ctx, tx, id)
}

// clearStage drops the staged rows of parts that the run did not see whole, and
// what it noted about those parts, so that they are asked again.
func (s *Store) clearStage(ctx context.Context, tx *sqlx.Tx, id int64) error {
	for _, t := range s.tables {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+t.stage()+`
			WHERE part NOT IN (SELECT part FROM part_seen WHERE snapshot = ? AND state = 'complete')`, id); err != nil {
			return err
		}
	}
	for _, noted := range []string{"evidence", "part_seen"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+noted+`
			WHERE snapshot = ?1 AND part NOT IN (SELECT part FROM part_seen WHERE snapshot = ?1 AND state = 'complete')`, id); err != nil {
			return err
		}
	}
	return nil
}

// Seen returns what this run already noted of a part; ok is false when it has
// not been asked yet.
func (r *Run) Seen(ctx context.Context, p Part) (state string, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	err = r.store.write.GetContext(ctx, &state, `
		SELECT s.state FROM part_seen s JOIN part p ON p.id = s.part
		WHERE  s.snapshot = ? AND p.kind = ? AND p.scope = (SELECT id FROM ident WHERE value = ?) AND p.object = (SELECT id FROM ident WHERE value = ?)`,
		r.ID, p.Kind, fold(p.Scope), fold(p.Object))
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return state, err == nil, err
}

// Tx runs do in a transaction of the run, one at a time. Rows staged by this run
// can be read there.
func (r *Run) Tx(ctx context.Context, do func(tx *sqlx.Tx) error) error {
	return r.tx(ctx, runMode, func(_ context.Context, tx *sqlx.Tx) error { return do(tx) })
}

func (r *Run) tx(ctx context.Context, synchronous string, do func(ctx context.Context, tx *sqlx.Tx) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.store.tx(ctx, synchronous, do)
	if err != nil {
		r.intern = newInterner() // what a rolled back transaction interned does not exist
	}
	return err
}

// Stage collects the rows of one part. It is used by one goroutine.
type Stage struct {
	run      *Run
	part     Part
	id       int64
	repeated int
}

// Stage opens a part for staging, dropping what an earlier try left.
func (r *Run) Stage(ctx context.Context, p Part) (*Stage, error) {
	st := &Stage{run: r, part: p}
	err := r.tx(ctx, runMode, func(ctx context.Context, tx *sqlx.Tx) error {
		var err error
		if st.id, err = r.partID(ctx, tx, p); err != nil {
			return err
		}
		return r.dropStaged(ctx, tx, st.id)
	})
	return st, err
}

func (r *Run) partID(ctx context.Context, tx *sqlx.Tx, p Part) (int64, error) {
	scope, err := r.intern.ident.integer(ctx, tx, fold(p.Scope))
	if err != nil {
		return 0, err
	}
	object, err := r.intern.ident.integer(ctx, tx, fold(p.Object))
	if err != nil {
		return 0, err
	}
	var id int64
	err = tx.GetContext(ctx, &id, `INSERT INTO part (kind, scope, object) VALUES (?, ?, ?)
		ON CONFLICT (kind, scope, object) DO UPDATE SET kind = excluded.kind RETURNING id`, p.Kind, scope, object)
	return id, err
}

func (r *Run) dropStaged(ctx context.Context, tx *sqlx.Tx, part int64) error {
	for _, t := range r.store.tables {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+t.stage()+` WHERE part = ?`, part); err != nil {
			return err
		}
	}
	return nil
}

// Item is what one received row says: its main fact and the details that belong
// to it.
type Item struct {
	Fact    Row
	Details []Row
}

// Put stages the items of a page in one transaction. An item whose key was there
// already replaces the earlier one and is counted as repeated.
func (st *Stage) Put(ctx context.Context, items []Item) error {
	repeated := 0
	err := st.run.tx(ctx, runMode, func(ctx context.Context, tx *sqlx.Tx) error {
		put := newPutter(st.run, tx)
		for _, item := range items {
			if err := put.add(st.id, item.Fact, true); err != nil {
				return err
			}
			for _, d := range item.Details {
				if err := put.add(st.id, d, false); err != nil {
					return err
				}
			}
		}
		var err error
		if repeated, err = put.flush(ctx); err != nil {
			return err
		}
		return put.close()
	})
	if err == nil {
		st.repeated += repeated
	}
	return err
}

// Restart drops what was staged so far, for a list that must be read again.
func (st *Stage) Restart(ctx context.Context) error {
	st.repeated = 0
	return st.run.tx(ctx, runMode, func(ctx context.Context, tx *sqlx.Tx) error { return st.run.dropStaged(ctx, tx, st.id) })
}

// Finish notes how much of the part was seen, with the requests that say so. Of a
// part that was not seen whole the staged rows are dropped: half a list is not
// evidence.
func (st *Stage) Finish(ctx context.Context, seen Seen, requests []Request) error {
	return st.run.tx(ctx, runMode, func(ctx context.Context, tx *sqlx.Tx) error {
		if seen.State != Whole {
			if err := st.run.dropStaged(ctx, tx, st.id); err != nil {
				return err
			}
		}
		_, err := tx.ExecContext(ctx, `
			INSERT OR REPLACE INTO part_seen (snapshot, part, state, reason, asked, requests, pages, rows, repeated, passed_over, since, until)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			st.run.ID, st.id, seen.State, seen.Reason, Time(seen.Asked), seen.Requests, seen.Pages, seen.Rows, st.repeated, seen.PassedOver, Time(seen.Since), Time(seen.Until))
		if err != nil {
			return err
		}
		for i, q := range requests {
			path, err := st.run.intern.ident.integer(ctx, tx, clean(q.Path)) // whose case matters
			if err != nil {
				return err
			}
			if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO evidence (snapshot, part, seq, path, status, asked, rows, sha256) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
				st.run.ID, st.id, i+1, path, q.Status, Time(q.Asked), q.Rows, q.SHA256[:]); err != nil {
				return err
			}
		}
		return nil
	})
}
