package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
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
}

// runMode: a run that a power cut takes back is asked again, only the seal must be
// on disk.
const runMode = "NORMAL"

// Begin opens a run at the instant, or takes up the unfinished one when it asks
// for the same, of the same tenant, and is younger than resumeWithin. Any other
// unfinished run is discarded. request says in words what is asked for.
func (s *Store) Begin(ctx context.Context, at time.Time, tenant, request string, resumeWithin time.Duration) (run *Run, resumed bool, err error) {
	run = &Run{At: at, store: s, intern: newInterner()}
	err = s.tx(ctx, runMode, func(tx *sqlx.Tx) error {
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
		case open.Tenant == strings.ToLower(tenant) && open.Request == request && !at.Before(open.At.Time()) && at.Sub(open.At.Time()) < resumeWithin:
			run.ID, run.At, resumed = open.ID, open.At.Time(), true
			return s.clearStage(ctx, tx, run.ID)
		default:
			if err := s.discard(ctx, tx, open.ID); err != nil {
				return err
			}
		}
		id, err := run.intern.integer(ctx, tx, identColumn, tenant)
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
		r.ID, p.Kind, strings.ToLower(p.Scope), strings.ToLower(p.Object))
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return state, err == nil, err
}

// Tx runs do in a transaction of the run, one at a time. Rows staged by this run
// can be read there.
func (r *Run) Tx(ctx context.Context, do func(tx *sqlx.Tx) error) error {
	return r.tx(ctx, runMode, do)
}

func (r *Run) tx(ctx context.Context, synchronous string, do func(tx *sqlx.Tx) error) error {
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
	err := r.Tx(ctx, func(tx *sqlx.Tx) error {
		var err error
		if st.id, err = r.partID(ctx, tx, p); err != nil {
			return err
		}
		return r.dropStaged(ctx, tx, st.id)
	})
	return st, err
}

func (r *Run) partID(ctx context.Context, tx *sqlx.Tx, p Part) (int64, error) {
	scope, err := r.intern.integer(ctx, tx, identColumn, p.Scope)
	if err != nil {
		return 0, err
	}
	object, err := r.intern.integer(ctx, tx, identColumn, p.Object)
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
	err := st.run.Tx(ctx, func(tx *sqlx.Tx) error {
		put := newPutter(st.run, tx)
		for _, item := range items {
			fresh, err := put.row(ctx, st.id, item.Fact)
			if err != nil {
				return err
			}
			if !fresh {
				repeated++
			}
			for _, d := range item.Details {
				if _, err := put.row(ctx, st.id, d); err != nil {
					return err
				}
			}
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
	return st.run.Tx(ctx, func(tx *sqlx.Tx) error { return st.run.dropStaged(ctx, tx, st.id) })
}

// Finish notes how much of the part was seen, with the requests that say so. Of a
// part that was not seen whole the staged rows are dropped: half a list is not
// evidence.
func (st *Stage) Finish(ctx context.Context, seen Seen, requests []Request) error {
	return st.run.Tx(ctx, func(tx *sqlx.Tx) error {
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
			path, err := st.run.intern.exact(ctx, tx, q.Path)
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

// putter prepares each table's insert once per transaction.
type putter struct {
	run        *Run
	tx         *sqlx.Tx
	statements map[string]*sqlx.Stmt
}

func newPutter(r *Run, tx *sqlx.Tx) *putter {
	return &putter{run: r, tx: tx, statements: map[string]*sqlx.Stmt{}}
}

func (p *putter) close() error {
	var errs []error
	for _, s := range p.statements {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// row stages one row; fresh is false when its key was staged already.
func (p *putter) row(ctx context.Context, part int64, row Row) (fresh bool, err error) {
	t, ok := p.run.store.tables[row.Table()]
	if !ok {
		return false, fmt.Errorf("there is no table for %s", row.Table())
	}
	named, err := values(row)
	if err != nil {
		return false, err
	}
	columns := t.columns()
	if len(named) != len(columns) {
		return false, fmt.Errorf("%s has %d columns, its row %d", t.name, len(columns), len(named))
	}
	bound := []any{part}
	for _, c := range columns {
		v, ok := named[c.name]
		if !ok {
			return false, fmt.Errorf("%s: the row has no column %s", t.name, c.name)
		}
		if c.kind != plainColumn {
			if v, err = p.run.intern.integer(ctx, p.tx, c.kind, v); err != nil {
				return false, fmt.Errorf("%s.%s: %w", t.name, c.name, err)
			}
		}
		bound = append(bound, v)
	}
	added, err := p.exec(ctx, "INSERT"+t.into+" ON CONFLICT DO NOTHING", bound)
	if err != nil || added == 1 {
		return true, err
	}
	_, err = p.exec(ctx, "INSERT OR REPLACE"+t.into, bound)
	return false, err
}

func (p *putter) exec(ctx context.Context, query string, bound []any) (int64, error) {
	statement, err := p.prepare(ctx, query)
	if err != nil {
		return 0, err
	}
	result, err := statement.ExecContext(ctx, bound...)
	if err != nil {
		return 0, fmt.Errorf("stage: %w", err)
	}
	return result.RowsAffected()
}

func (p *putter) prepare(ctx context.Context, query string) (*sqlx.Stmt, error) {
	if s, ok := p.statements[query]; ok {
		return s, nil
	}
	s, err := p.tx.PreparexContext(ctx, query)
	if err == nil {
		p.statements[query] = s
	}
	return s, err
}
