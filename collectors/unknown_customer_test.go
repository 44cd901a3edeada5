package collectors_test

import (
	"errors"
	"testing"

	"countersign/collectors"
	"countersign/collectors/snapshot"
)

// A run for nobody's tenant is refused, unless the relationships were not seen whole:
// then the customer may be in the rest of them.
func TestUnknownCustomer(t *testing.T) {
	c := small()
	w := c.start(t)
	for name, kinds := range map[string][]snapshot.Kind{"all": nil, "relationships left out": {snapshot.Memberships}} {
		o := w.options()
		o.Customers, o.Kinds = []string{"c1", "nobody"}, kinds
		if r, err := collectors.Run(t.Context(), o); !errors.Is(err, collectors.ErrUnknownCustomer) || r.Seal != "" {
			t.Errorf("%s: %v, seal %q", name, err, r.Seal)
		}
	}
	o := w.options()
	o.Customers, o.Declared.Customers = []string{"NOBODY"}, []snapshot.DeclaredCustomer{{Tenant: "nobody"}}
	if _, err := collectors.Run(t.Context(), o); err != nil {
		t.Errorf("declared: %v", err)
	}
	c.refuse["/v1.0/tenantRelationships/delegatedAdminRelationships"] = 403
	r := w.run(func(o *collectors.Options) { o.Customers = []string{"nobody"} })
	expectState(t, r, snapshot.Relationships, snapshot.NotPermitted, "")
}
