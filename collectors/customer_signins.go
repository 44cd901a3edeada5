package collectors

import (
	"context"
	"errors"

	"countersign/collectors/snapshot"
)

// providerSignIns lists, for one window, the sign-ins of service providers to a customer.
type providerSignIns struct{ window window }

func (providerSignIns) Kind() snapshot.Kind { return snapshot.CustomerSignIns }

func (providerSignIns) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return errors.New("not written yet")
}
