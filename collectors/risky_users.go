package collectors

import (
	"context"
	"errors"

	"countersign/collectors/snapshot"
)

// riskyUsers lists the accounts in reach that Microsoft holds to be at risk.
type riskyUsers struct{ reach map[string]bool }

func (riskyUsers) Kind() snapshot.Kind { return snapshot.RiskyUsers }

func (riskyUsers) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return errors.New("not written yet")
}
