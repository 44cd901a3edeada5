package collectors

import (
	"context"
	"errors"

	"countersign/collectors/snapshot"
)

// customerUsers lists the accounts in a customer's tenant that the MSP answers for.
type customerUsers struct{}

func (customerUsers) Kind() snapshot.Kind { return snapshot.CustomerUsers }

func (customerUsers) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return errors.New("not written yet")
}

func (r *runner) customerUsers(ctx context.Context, at place, c snapshot.DeclaredCustomer) (met, err error) {
	return r.part(ctx, at, customerUsers{}, at.scope), nil
}
