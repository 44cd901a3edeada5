package collectors

import (
	"context"
	"errors"

	"countersign/collectors/snapshot"
)

// conditionalAccess lists the Conditional Access policies of a tenant.
type conditionalAccess struct{ kind snapshot.Kind }

func (c conditionalAccess) Kind() snapshot.Kind { return c.kind }

func (conditionalAccess) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return errors.New("not written yet")
}
