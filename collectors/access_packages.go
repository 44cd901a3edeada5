package collectors

import (
	"context"
	"errors"

	"countersign/collectors/snapshot"
)

// accessPackages lists packages, the groups they lead into, policies, assignments and requests.
type accessPackages struct{}

func (accessPackages) Kind() snapshot.Kind { return snapshot.AccessPackages }

func (accessPackages) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return errors.New("not written yet")
}
