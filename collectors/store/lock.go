package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// ErrLocked says that another run holds the lock; the error's text says who.
var ErrLocked = errors.New("another run holds the lock")

// Lock is the right to be the one writer of a database.
type Lock struct{ file *os.File }

// TryLock takes the writer's lock of the database at path, or returns ErrLocked
// with what the holder wrote about itself. The operating system frees the lock
// when the process ends, however it ends.
func TryLock(path, holder string) (*Lock, error) {
	name := path + ".lock"
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if err := tryLock(f); err != nil {
		defer f.Close()
		other, readErr := io.ReadAll(io.LimitReader(f, 512))
		if readErr != nil || len(other) == 0 {
			other = []byte("holder unknown")
		}
		return nil, fmt.Errorf("lock %s: %w: %s; wait for it to end", path, ErrLocked, strings.TrimSpace(string(other)))
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
