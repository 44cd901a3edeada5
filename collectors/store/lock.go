package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// ErrLocked says that another run holds the lock; the error's text says who.
var ErrLocked = errors.New("another run holds the lock")

// Lock is the right to be the one writer of a database.
type Lock struct{ file *os.File }

// TryLock takes the writer's lock of the database at path, whose folder it makes, or
// returns ErrLocked with what the holder wrote about itself. The operating system frees the lock
// when the process ends, however it ends.
func TryLock(path, holder string) (*Lock, error) {
	const cure = "let the user who runs this write there, or name another file in store.path"
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("lock %s: %w; %s", path, err, cure)
	}
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w; %s", path, err, cure)
	}
	held, err := tryLock(f)
	switch {
	case held:
		defer f.Close()
		other, readErr := io.ReadAll(io.LimitReader(f, 512))
		if readErr != nil || len(other) == 0 {
			other = []byte("holder unknown")
		}
		return nil, fmt.Errorf("lock %s: %w: %s; wait for it to end", path, ErrLocked, strings.TrimSpace(string(other)))
	case err != nil:
		return nil, errors.Join(fmt.Errorf("lock %s: %w; this file system cannot lock files: put store.path on a local disk", path, err), f.Close())
	}
	if err := errors.Join(f.Truncate(0), writeAt(f, holder)); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), f.Close())
	}
	return &Lock{file: f}, nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text+"\n"), 0)
	return err
}

// Release gives the lock back. The file stays: removing it would let two
// processes lock two files of one name.
func (l *Lock) Release() error {
	return errors.Join(l.file.Truncate(0), l.file.Close())
}
