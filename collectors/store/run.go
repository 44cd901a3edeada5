package store

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
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

	store    *Store
	plans    sync.Map     // *plan by reflect.Type
	spare    sync.Pool    // of *page
	waiting  atomic.Int64 // fields of unfinished parts' rows in memory
	most     int64        // of them
	queued   queue
	mu       sync.Mutex
	conn     *sqlx.Conn   // of the transaction under way
	ended    func() error // why it is to be given up, if it is
	intern   *interner
	holdings holdings
	fresh    map[int64]bool // parts that no run before knew, of which nothing stands
	finished map[int64]bool // parts, also where that was undone; like fresh used within transactions
	key      []byte         // from which the run's salts follow
}

// Begin opens a run at the instant, or takes up the unfinished one when it asks
// for the same, of the same tenant, and is younger than resumeWithin. Any other
// unfinished run is discarded. request says in words what is asked for.
func (s *Store) Begin(ctx context.Context, at time.Time, tenant, request string, resumeWithin time.Duration) (run *Run, resumed bool, err error) {
	run = &Run{At: at, store: s, most: heldFields, fresh: map[int64]bool{}, finished: map[int64]bool{}}
	run.forget()
	err = transact(ctx, s.runs, func(ctx context.Context, _ *sqlx.Conn, tx *sqlx.Tx) (err error) {
		if run.holdings, err = s.holdings(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM staged`); err != nil {
			return err
		}
		var open struct {
			ID      int64
			At      Time
			Tenant  string
			Request string
			Key     []byte
		}
		err = tx.GetContext(ctx, &open, `
			SELECT s.id, s.at, i.value AS tenant, s.request, s.key FROM snapshot s JOIN ident i ON i.id = s.tenant WHERE s.state = 'open'`)
		switch {
		case errors.Is(err, sql.ErrNoRows):
		case err != nil:
			return err
		case open.Tenant == fold(tenant) && open.Request == request && !at.Before(open.At.Time()) && at.Sub(open.At.Time()) < resumeWithin:
			run.ID, run.At, run.key, resumed = open.ID, open.At.Time(), open.Key, true
			if err := run.takeBackParts(ctx, tx, "state <> 'complete'"); err != nil {
				return err
			}
			return run.loadFinished(ctx, tx)
		default:
			run.ID = open.ID
			if err := run.discard(ctx, tx); err != nil {
				return err
			}
		}
		id, err := run.intern.ident.integer(ctx, tx, fold(tenant))
		if err != nil {
			return err
		}
		run.key = make([]byte, 32)
		if _, err := io.ReadFull(s.entropy, run.key); err != nil {
			return err
		}
		return tx.GetContext(ctx, &run.ID, `INSERT INTO snapshot (at, tenant, request, state, key) VALUES (?, ?, ?, 'open', ?) RETURNING id`, Time(at), id, request, run.key)
	})
	if err != nil {
		return nil, false, fmt.Errorf("begin snapshot: %w", err)
	}
	return run, resumed, nil
}

// forget drops what was remembered of the database.
func (r *Run) forget() {
	r.intern = newInterner(func(text string) ([]byte, error) { return r.salt("label", text), nil })
}

// salt makes a salt of this run for a thing. It follows from the thing and from a key
// that is forgotten when the run is over, so that it neither depends on the order
// in which parts are finished nor can be made again.
func (r *Run) salt(kind, name string) []byte {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(kind + "\x00" + name))
	return mac.Sum(nil)[:16]
}

func (r *Run) partSalt(name string, log bool) []byte {
	if log {
		return r.salt("logs", name)
	}
	return r.salt("facts", name)
}

// discard gives up an unfinished run: what it merged and saw is taken back, its
// number stays taken.
func (r *Run) discard(ctx context.Context, tx transaction) error {
	if err := r.takeBackParts(ctx, tx, "true"); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE snapshot SET state = 'discarded', key = NULL WHERE id = ?`, r.ID)
	return err
}

// takeBackParts takes back those parts of which the run noted what the condition says,
// so that they are asked again.
func (r *Run) takeBackParts(ctx context.Context, tx transaction, condition string) error {
	var parts []struct {
		ID   int64
		Kind string
	}
	err := sqlx.SelectContext(ctx, tx, &parts, `SELECT p.id, p.kind FROM part_seen s JOIN part p ON p.id = s.part WHERE s.snapshot = ? AND `+condition, r.ID)
	for _, p := range parts {
		if err := r.takeBack(ctx, tx, p.ID, p.Kind); err != nil {
			return err
		}
	}
	return err
}

// Seen returns the state that this run already noted of a part; it is empty when the
// part has not been asked yet.
func (r *Run) Seen(ctx context.Context, p Part) (state string, err error) {
	err = r.store.read.GetContext(ctx, &state, `
		SELECT s.state FROM part_seen s JOIN part p ON p.id = s.part
		WHERE  s.snapshot = ? AND p.kind = ? AND p.scope = (SELECT id FROM ident WHERE value = ?) AND p.object = (SELECT id FROM ident WHERE value = ?)`,
		r.ID, p.Kind, fold(p.Scope), fold(p.Object))
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return state, err
}

// tx runs do in a transaction of the run, one at a time.
func (r *Run) tx(ctx context.Context, do func(ctx context.Context, tx *sqlx.Tx) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.transact(ctx, func(ctx context.Context, _ transaction, tx *sqlx.Tx) error { return do(ctx, tx) })
}

func (r *Run) transact(ctx context.Context, do func(ctx context.Context, conn transaction, tx *sqlx.Tx) error) error {
	ended := ctx.Err
	err := transact(ctx, r.store.runs, func(ctx context.Context, conn *sqlx.Conn, tx *sqlx.Tx) error {
		r.conn, r.ended = conn, ended
		r.intern.begin()
		return do(ctx, conn, tx)
	})
	if err != nil {
		r.forget() // what a rolled back transaction interned does not exist
	}
	return err
}

// standingPart is a part as the database has it: its integer, and the digest of its facts,
// nil where it never had any.
type standingPart struct {
	ID           int64
	Salt, Digest []byte
}

// find finds a part, or makes it.
func (r *Run) find(ctx context.Context, tx transaction, p Part) (found standingPart, err error) {
	kind, scope, object := p.Kind, fold(p.Scope), fold(p.Object)
	err = tx.QueryRowxContext(ctx, `
		SELECT p.id, d.salt, d.digest FROM part p
		LEFT   JOIN part_digest d ON d.part = p.id AND d.log = 0 AND d.seen_from = (SELECT max(seen_from) FROM part_digest WHERE part = p.id AND log = 0)
		WHERE  p.kind = ? AND p.scope = (SELECT id FROM ident WHERE value = ?) AND p.object = (SELECT id FROM ident WHERE value = ?)`,
		kind, scope, object).Scan(&found.ID, &found.Salt, &found.Digest)
	if !errors.Is(err, sql.ErrNoRows) {
		return found, err
	}
	if err := r.intern.ident.learn(ctx, tx, []string{scope, object}); err != nil {
		return found, err
	}
	err = sqlx.GetContext(ctx, tx, &found.ID, `INSERT INTO part (kind, scope, object) VALUES (?, (SELECT id FROM ident WHERE value = ?), (SELECT id FROM ident WHERE value = ?)) RETURNING id`, kind, scope, object)
	r.fresh[found.ID] = true
	return found, err
}

// loadFinished reads which parts a run that is taken up had finished.
func (r *Run) loadFinished(ctx context.Context, tx transaction) error {
	var parts []int64
	err := sqlx.SelectContext(ctx, tx, &parts, `SELECT part FROM part_seen WHERE snapshot = ?`, r.ID)
	for _, part := range parts {
		r.finished[part] = true
	}
	return err
}

// begin finds a part that is to be finished. What this run finished of it before is taken
// back.
func (r *Run) begin(ctx context.Context, tx transaction, p Part) (standingPart, error) {
	found, err := r.find(ctx, tx, p)
	if err != nil {
		return found, err
	}
	if !r.finished[found.ID] {
		r.finished[found.ID] = true
		return found, nil
	}
	if err := r.takeBack(ctx, tx, found.ID, p.Kind); err != nil {
		return found, err
	}
	return r.find(ctx, tx, p) // whose digest is an earlier one
}

// Derive computes rows that follow from the merged facts of a snapshot. It reads
// the views of that snapshot in the transaction that seals it.
type Derive func(ctx context.Context, tx *sqlx.Tx, snapshot int64) (map[Part][]Row, error)

// Skewed notes how far ahead of the service's the clock is that dates the run; 0: too
// little to matter. Of a run that was taken up, the largest that was noted stands.
func (r *Run) Skewed(ctx context.Context, ahead time.Duration) error {
	seconds := int64(ahead.Round(time.Second) / time.Second)
	err := r.tx(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE snapshot SET skew = ?1 WHERE id = ?2 AND abs(coalesce(skew, 0)) <= abs(?1)`, seconds, r.ID)
		return err
	})
	if err != nil {
		return fmt.Errorf("note the clock of snapshot %d: %w", r.ID, err)
	}
	return nil
}

// Seal adds what follows from the parts that were seen whole, appends the snapshot's
// record to the chain, and makes the snapshot visible: all in one transaction that
// is on disk when Seal returns.
func (r *Run) Seal(ctx context.Context, derive Derive) (seal Seal, err error) {
	if err := r.synchronous(ctx, onDisk); err != nil {
		return Seal{}, err
	}
	defer func() { err = errors.Join(err, r.synchronous(context.WithoutCancel(ctx), runMode)) }()
	err = r.tx(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, `UPDATE snapshot SET state = 'sealed' WHERE id = ?`, r.ID); err != nil {
			return err
		}
		if err := r.deriveRows(ctx, tx, derive); err != nil {
			return fmt.Errorf("derive: %w", err)
		}
		body, err := snapshotBody(ctx, tx, r.ID)
		if err != nil {
			return err
		}
		if seal, err = Append(ctx, tx, "snapshot", r.At, body); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE snapshot SET seal = ?, key = NULL WHERE id = ?`, seal.Seq, r.ID)
		return err
	})
	if err != nil {
		return Seal{}, fmt.Errorf("seal snapshot %d: %w", r.ID, err)
	}
	return seal, nil
}

func (r *Run) synchronous(ctx context.Context, mode string) error {
	_, err := r.store.runs.ExecContext(ctx, `PRAGMA synchronous = `+mode)
	return err
}

// deriveRows merges derived rows, which are not sealed; a part of which none were
// derived has none.
func (r *Run) deriveRows(ctx context.Context, tx *sqlx.Tx, derive Derive) error {
	derived, err := derive(ctx, tx, r.ID)
	if err != nil {
		return err
	}
	merged := map[int64]bool{}
	for part, rows := range derived {
		p := r.page()
		for _, row := range rows {
			if err := p.bind(row, false); err != nil {
				return err
			}
		}
		found, err := r.find(ctx, tx, part)
		if err != nil {
			return err
		}
		merged[found.ID] = true
		kept, _ := ordered(p)
		if err := r.intern.intern(ctx, tx, identColumn, kept); err != nil {
			return err
		}
		if _, err := r.mergeTables(ctx, tx, found.ID, part.Kind, "derived", kept); err != nil {
			return err
		}
	}
	for _, t := range r.store.tables {
		if t.prefix != "derived" {
			continue
		}
		var standing []int64
		if err := tx.SelectContext(ctx, &standing, t.standingParts); err != nil {
			return err
		}
		for _, id := range standing {
			if merged[id] {
				continue
			}
			if _, err := tx.ExecContext(ctx, t.closePart, id, r.ID); err != nil {
				return err
			}
		}
	}
	return nil
}
