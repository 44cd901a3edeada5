package collectors

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// tenantsAtOnce is how many customers' tenants are asked at a time: each has its own
// quota, so it is the requests on the wire that bound the run, not this.
const tenantsAtOnce = 16

// customerTenants asks the tenants of the customers that are declared with kinds to
// collect, each on its own: one that refuses takes nothing from the others.
func (r *runner) customerTenants(ctx context.Context) error {
	declared := slices.DeleteFunc(slices.Clone(r.Declared.Customers), func(c snapshot.DeclaredCustomer) bool { return len(c.Collect) == 0 })
	for _, kind := range snapshot.TenantKinds {
		if !slices.ContainsFunc(declared, func(c snapshot.DeclaredCustomer) bool { return slices.Contains(c.Collect, kind) }) {
			r.notConfigured(ctx, kind, "no customer is declared with it: let a customer consent to the app, and name the kind in the column collect of customers.csv")
		}
	}
	var err error
	if r.own, err = r.ownNames(ctx); err != nil {
		return err
	}
	slots := make(chan struct{}, tenantsAtOnce)
	var all sync.WaitGroup
	for _, c := range declared {
		slots <- struct{}{}
		if ctx.Err() != nil {
			break
		}
		all.Go(func() {
			defer func() { <-slots }()
			defer r.settle(ctx, c.Tenant)
			if err := r.customerTenant(ctx, c); err != nil {
				r.stop(err)
			}
		})
	}
	all.Wait()
	return nil
}

// customerTenant asks one customer's tenant. What keeps the app out altogether is
// met once and stands for the other kinds too.
func (r *runner) customerTenant(ctx context.Context, c snapshot.DeclaredCustomer) error {
	at := place{scope: strings.ToLower(c.Tenant)}
	var shut error
	var err error
	if r.Customer == nil {
		err = errors.New("this credential is for the MSP's own tenant only")
	} else {
		at.client, err = r.Customer(at.scope)
	}
	if err != nil {
		shut = &shutError{err}
	}
	for _, kind := range snapshot.TenantKinds {
		switch {
		case ctx.Err() != nil:
			return nil
		case !slices.Contains(c.Collect, kind):
		case !r.asksKind(kind) || !r.asksCustomer(c.Tenant):
			r.mark(ctx, at.scope, kind, at.scope, snapshot.NotAsked, leftOut(r.asksKind(kind)))
		case shut != nil:
			state, reason, _ := judge(shut, SourceOf(kind), false)
			r.mark(ctx, at.scope, kind, at.scope, state, reason)
		default:
			met, err := r.tenantKind(ctx, at, kind, c)
			if err != nil {
				return err
			}
			if shutOut(met) {
				shut = met
			}
		}
	}
	return nil
}

func leftOut(kindAsked bool) string {
	if kindAsked {
		return leftOutCustomer
	}
	return leftOutKind
}

// tenantKind asks for one kind; met is what kept the app out of it.
func (r *runner) tenantKind(ctx context.Context, at place, kind snapshot.Kind, c snapshot.DeclaredCustomer) (met, err error) {
	switch kind {
	case snapshot.CustomerLicences:
		return r.part(ctx, at, licences{kind}, at.scope), nil
	case snapshot.CustomerRoles:
		return r.part(ctx, at, directoryRoles{kind}, at.scope), nil
	case snapshot.CustomerRolePolicies:
		return r.part(ctx, at, rolePolicies{}, at.scope), nil
	case snapshot.CustomerUsers:
		return r.customerUsers(ctx, at, c)
	case snapshot.CustomerAccessPolicies:
		return r.part(ctx, at, conditionalAccess{kind}, at.scope), nil
	case snapshot.CustomerSignIns:
		return nil, r.directoryLog(ctx, at, kind, oneWeek, func(w window) collector { return providerSignIns{w} })
	default:
		return nil, r.customerAudits(ctx, at)
	}
}

// customerAudits asks for the directory log. Without the accounts that the MSP answers
// for, entries of theirs may be passed over.
func (r *runner) customerAudits(ctx context.Context, at place) error {
	kind := snapshot.CustomerAudits
	answered, _, err := r.answered(ctx, at.scope)
	if err != nil {
		return err
	}
	if err := r.directoryLog(ctx, at, kind, oneWeek, func(w window) collector {
		return audits{kind, w, r.Tenant, r.own, answered}
	}); err != nil || ctx.Err() != nil {
		return err
	}
	users, err := r.taken.Seen(ctx, store.Part{Kind: string(snapshot.CustomerUsers), Scope: at.scope, Object: at.scope})
	if err != nil || users == store.Whole {
		return err
	}
	var read bool
	err = r.Store.Read().GetContext(ctx, &read, `SELECT EXISTS (SELECT 1 FROM part_seen s JOIN part p ON p.id = s.part
		WHERE s.snapshot = ? AND s.state = 'complete' AND p.kind = ? AND p.scope = (SELECT id FROM ident WHERE value = ?))`, r.taken.ID, string(kind), at.scope)
	if err == nil && read {
		r.mark(ctx, at.scope, kind, at.scope, snapshot.Partial, "entries of the MSP's guests and own accounts may be passed over, because customer users were not seen whole; they must be collected too")
	}
	return err
}

// shutError is a tenant that could not even be tried.
type shutError struct{ why error }

func (e *shutError) Error() string { return e.why.Error() }

func (e *shutError) Unwrap() error { return e.why }
