package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/mattn/go-sqlite3" // the driver "sqlite3"
)

// applicationID marks the file as ours ("CSGN"), so that another program's
// database is refused instead of migrated.
const applicationID = 0x4353474e

// ErrNoDatabase says that there is no file at the path and Create was not set.
var ErrNoDatabase = errors.New("no database")

// Options says which file to open and how.
type Options struct {
	Path    string
	Create  bool      // make the file when it is missing
	Entropy io.Reader // salts and keys; nil: crypto/rand. A demo passes a seeded stream

	Patience time.Duration // how long to wait for another writer; 0: 10 s
}

// Store is one open database: a connection that writes, one for runs, and a pool of
// readers that cannot write.
type Store struct {
	path    string
	entropy io.Reader
	write   *sqlx.DB
	runs    *sqlx.DB // does not search again what rows refer to: the transaction that writes a row interned its texts
	read    *sqlx.DB
	tables  map[string]*table
}

// Open opens the database, brings its schema up to date and checks that it is
// one of ours. The file and its folder are made for the owner alone.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Entropy == nil {
		o.Entropy = rand.Reader
	}
	if err := ensureFile(o.Path, o.Create); err != nil {
		return nil, err
	}
	s, err := open(ctx, o)
	if fault := (sqlite3.Error{}); errors.As(err, &fault) && (fault.Code == sqlite3.ErrReadonly || fault.Code == sqlite3.ErrCantOpen) {
		err = fmt.Errorf("%w; even to look, the user who runs this must be able to write the file and its folder", err)
	}
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", o.Path, err)
	}
	return s, nil
}

// runPages is how many pages of 4 kB a run may write before they are moved from the log
// to the file: many parts touch the same pages, and each move waits for the disk.
const runPages = "4000"

func open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{path: o.Path, entropy: o.Entropy}
	var err error
	if s.write, err = connect(ctx, o, "rw", onDisk, "on"); err != nil {
		return nil, err
	}
	if err := s.prepare(ctx); err != nil {
		s.write.Close()
		return nil, err
	}
	s.runs, err = connect(ctx, o, "rw", runMode, "off")
	if err == nil {
		_, err = s.runs.ExecContext(ctx, `PRAGMA wal_autocheckpoint = `+runPages)
	}
	if err == nil {
		s.read, err = connect(ctx, o, "ro", onDisk, "on")
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close closes all handles.
func (s *Store) Close() error {
	var errs []error
	for _, db := range []*sqlx.DB{s.read, s.runs, s.write} {
		if db != nil {
			errs = append(errs, db.Close())
		}
	}
	return errors.Join(errs...)
}

// Read gives the pool of readers. They see committed data only and cannot write.
func (s *Store) Read() *sqlx.DB { return s.read }

// Path is the file's path as it was opened.
func (s *Store) Path() string { return s.path }

// Tx runs do in one immediate write transaction, committed when do returns nil and
// on disk when Tx does.
func (s *Store) Tx(ctx context.Context, do func(tx *sqlx.Tx) error) error {
	return transact(ctx, s.write, func(_ context.Context, _ *sqlx.Conn, tx *sqlx.Tx) error { return do(tx) })
}

// transaction is one that is under way: a sql.Tx, or the connection that has it, as package
// sql starts a goroutine for each query of a sql.Tx.
type transaction interface {
	sqlx.QueryerContext
	sqlx.ExecerContext
}

// SQLite's synchronous modes: under runMode a power cut may take back the last
// transactions, though never a part of one. A run that it takes back is asked again, only
// the seal must be on disk.
const (
	onDisk  = "FULL"
	runMode = "NORMAL"
)

// transact is Tx over a pool. Neither do nor the transaction knows
// of ctx's end: package sql would roll back beside do, and what is handed to the driver
// itself would stand outside of any transaction; and the driver starts a goroutine for
// each statement that may be cancelled. What is done after ctx's end is rolled back.
// conn is that of tx.
func transact(ctx context.Context, db *sqlx.DB, do func(ctx context.Context, conn *sqlx.Conn, tx *sqlx.Tx) error) error {
	conn, err := db.Connx(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	unending := context.WithoutCancel(ctx)
	tx, err := conn.BeginTxx(unending, nil)
	if busy := (sqlite3.Error{}); errors.As(err, &busy) && busy.Code == sqlite3.ErrBusy {
		return fmt.Errorf("another program writes to the database and did not end in time: close what has it open, then start again: %w", err)
	}
	if err != nil {
		return err
	}
	defer tx.Rollback() // after a commit it does nothing; after a panic Close would wait for it
	if err = do(unending, conn, tx); err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = tx.Commit()
	}
	return err
}

// Key is the secret of this database, made with it: check letters and tokens in
// documents are HMACs under it, so that equal data gives equal documents.
func (s *Store) Key(ctx context.Context) ([]byte, error) {
	var key []byte
	err := s.read.GetContext(ctx, &key, `SELECT value FROM setting WHERE name = 'key'`)
	return key, err
}

// Exists says why there is no database file at the path; nil if there is one.
func Exists(path string) error {
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return fmt.Errorf("database %s is a folder, not a file", path)
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s does not exist; `countersign collect` makes it", ErrNoDatabase, path)
	}
	return err
}

func ensureFile(path string, create bool) error {
	if err := Exists(path); !create || !errors.Is(err, ErrNoDatabase) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) // -wal and -shm take over its mode
	if err != nil {
		return err
	}
	return f.Close()
}

// connect opens a pool whose settings stand in the DSN, so that each pooled
// connection has them. A pool that writes has one connection.
func connect(ctx context.Context, o Options, mode, synchronous, foreignKeys string) (*sqlx.DB, error) {
	abs, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	settings := url.Values{
		"mode":                {mode},
		"_busy_timeout":       {strconv.FormatInt(cmp.Or(o.Patience, 10*time.Second).Milliseconds(), 10)},
		"_stmt_cache_size":    {"512"},
		"_foreign_keys":       {foreignKeys},
		"_synchronous":        {synchronous},
		"_recursive_triggers": {"on"}, // INSERT OR REPLACE would walk around the triggers
	}
	if mode == "rw" {
		settings.Set("_journal_mode", "WAL")
		settings.Set("_txlock", "immediate")
		settings.Set("_mutex", "no") // the pool gives its one connection to one goroutine at a time
	} else {
		settings.Set("_query_only", "on")
	}
	dsn := (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: filepath.ToSlash(abs)}).EscapedPath(), RawQuery: settings.Encode()}).String()
	db, err := sqlx.Open("sqlite3", dsn)
	if err != nil {
		return nil, err
	}
	if mode == "rw" {
		db.SetMaxOpenConns(1)
	}
	if err := db.PingContext(ctx); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// prepare refuses foreign files, migrates, and reads from the schema how each
// table is to be merged.
func (s *Store) prepare(ctx context.Context) error {
	var id, tables int
	if err := s.write.GetContext(ctx, &id, `PRAGMA application_id`); err != nil {
		return fmt.Errorf("not a readable SQLite database: %w", err)
	}
	if err := s.write.GetContext(ctx, &tables, `SELECT count(*) FROM sqlite_schema`); err != nil {
		return err
	}
	if id != applicationID && tables > 0 {
		return errors.New("the file is a database of another program; name another path in store.path")
	}
	// Before there is any table: who is killed in between leaves a file that is known as ours.
	if _, err := s.write.ExecContext(ctx, fmt.Sprintf(`PRAGMA application_id = %d`, applicationID)); err != nil {
		return err
	}
	if err := s.migrate(ctx); err != nil {
		return err
	}
	if err := s.ensureKey(ctx); err != nil {
		return err
	}
	var err error
	s.tables, err = readTables(ctx, s.write)
	return err
}

func (s *Store) ensureKey(ctx context.Context) error {
	var have int
	err := s.write.GetContext(ctx, &have, `SELECT 1 FROM setting WHERE name = 'key'`)
	if !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	key := make([]byte, 32)
	if _, err := io.ReadFull(s.entropy, key); err != nil {
		return err
	}
	_, err = s.write.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES ('key', ?)`, key)
	return err
}
