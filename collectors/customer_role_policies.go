package collectors

import (
	"context"
	"errors"

	"countersign/collectors/snapshot"
)

// rolePolicies lists what PIM demands for the directory roles of a customer.
type rolePolicies struct{}

func (rolePolicies) Kind() snapshot.Kind { return snapshot.CustomerRolePolicies }

func (rolePolicies) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return errors.New("not written yet")
}
