package collectors

import (
	"context"
	"errors"

	"countersign/collectors/snapshot"
)

// lighthouse lists the customers that Microsoft 365 Lighthouse manages.
type lighthouse struct{}

func (lighthouse) Kind() snapshot.Kind { return snapshot.Lighthouse }

func (lighthouse) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return errors.New("not written yet")
}
