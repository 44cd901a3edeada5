package collectors

import (
	"context"
	"errors"

	"countersign/collectors/snapshot"
)

// audits lists, for one window, what the directory audit log of a tenant says of rights.
type audits struct {
	kind   snapshot.Kind
	window window
}

func (c audits) Kind() snapshot.Kind { return c.kind }

func (audits) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return errors.New("not written yet")
}
