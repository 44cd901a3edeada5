package collectors

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
)

// ErrUnknownCustomer says that Options.Customers names a tenant of which nothing can
// be asked, as it is no customer's.
var ErrUnknownCustomer = errors.New("no such customer")

// refuseUnknown refuses the run when it is narrowed to a customer who is neither
// declared nor known by a relationship or an Azure subscription. When the relationships
// could not be seen whole the customer may be in the rest of them: the run then goes on,
// and its coverage names that gap.
func (r *runner) refuseUnknown(ctx context.Context) error {
	known := map[string]bool{}
	for _, c := range r.Declared.Customers {
		known[strings.ToLower(c.Tenant)] = true
	}
	for _, table := range []string{"relationship", "azure_subscription"} {
		rows, err := r.current(ctx, table, "f.customer IS NOT NULL", id("customer"))
		if err != nil {
			return err
		}
		for _, row := range rows {
			known[row[0]] = true
		}
	}
	unknown := slices.DeleteFunc(slices.Clone(r.Customers), func(id string) bool { return known[strings.ToLower(id)] })
	if len(unknown) == 0 {
		return nil
	}
	var gaps int
	err := r.Store.Read().GetContext(ctx, &gaps, `
		SELECT count(*) FROM part_seen s JOIN part p ON p.id = s.part
		WHERE  s.snapshot = ? AND p.kind = ? AND s.state NOT IN ('complete', 'not-asked')`, r.taken.ID, string(snapshot.Relationships))
	if err != nil {
		return err
	}
	if gaps == 0 {
		return fmt.Errorf("%w: %s is neither declared nor in any relationship", ErrUnknownCustomer, strings.Join(unknown, ", "))
	}
	for _, customer := range unknown {
		r.Log.Warn("this customer is not known, and the relationships were not seen whole: nothing may be asked of it", "run", r.taken.ID, "customer", customer)
	}
	return nil
}
