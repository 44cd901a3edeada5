package collectors

import (
	"context"
	"errors"

	"countersign/collectors/snapshot"
)

// partnerCustomerList lists the customers of Partner Center.
type partnerCustomerList struct{}

func (partnerCustomerList) Kind() snapshot.Kind { return snapshot.PartnerCustomers }

func (partnerCustomerList) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	return errors.New("not written yet")
}

func (r *runner) partnerCustomers(ctx context.Context) error {
	return errors.New("not written yet")
}
