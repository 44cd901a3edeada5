package collectors

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

func (r *runner) partnerCustomers(ctx context.Context) error {
	if r.Partner == nil {
		r.notConfigured(ctx, snapshot.PartnerCustomers, partnerNotAsked)
		return nil
	}
	r.part(ctx, place{r.Tenant, r.Partner}, partnerCustomerList{r.shrunk("partner_customer", "customers of Partner Center")}, r.Tenant)
	return nil
}

// partnerCustomerList lists the customers of Partner Center and asks for each one by
// its id: only there stands whether the legacy delegated administration (DAP) was
// allowed. It holds a page of customers, at most 500, until all of them answered. Of
// one that is refused or not found, or answers without a word of it, what was known of
// DAP stays, and the coverage names it; any other trouble makes the whole incomplete:
// half a population is no evidence.
// https://learn.microsoft.com/partner-center/developer/get-a-list-of-customers
// https://learn.microsoft.com/partner-center/developer/get-a-customer-by-id
type partnerCustomerList struct {
	shrunk func(ctx context.Context, came int) error // far less came than was known
}

func (partnerCustomerList) Kind() snapshot.Kind { return snapshot.PartnerCustomers }

func (c partnerCustomerList) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	came, untold := map[string]bool{}, []string{}
	s.onRestart(func() { clear(came); untold = nil })
	err := s.EachPage(ctx, "/v1/customers?size=500", func(p graph.Page) error {
		var listed []snapshot.PartnerCustomer
		err := s.page(ctx, p, func(raw json.RawMessage) (store.Item, error) {
			w, err := decodePartnerCustomer(raw)
			listed, came[w.Tenant] = append(listed, w), true
			return store.Item{}, err // the list tells too little to keep
		})
		if err != nil {
			return err
		}
		answers, faults := make([]graph.Page, len(listed)), make([]error, len(listed))
		s.Together(ctx, len(listed), func(ctx context.Context, i int) {
			answers[i], faults[i] = s.Get(ctx, "/v1/customers/"+url.PathEscape(listed[i].Tenant))
		})
		var first error
		alone := slices.Contains(faults, nil) // what refuses one, not all
		for i, answer := range answers {
			got, err := listed[i], faults[i]
			if err == nil {
				err = s.page(ctx, answer, func(raw json.RawMessage) (store.Item, error) {
					got, err = decodePartnerCustomer(raw)
					if err == nil && got.Delegated == nil {
						untold = append(untold, got.Tenant)
						err = s.lastDelegated(ctx, &got)
					}
					return store.Item{Fact: got}, about(got.Tenant, listed[i].Tenant, err)
				})
			} else if alone && refusesOne(err) {
				s.refused(err)
				untold = append(untold, got.Tenant)
				err = s.lastDelegated(ctx, &got)
				if err == nil {
					s.seen.Rows++ // the answer that there is none
					err = s.rows.Put(ctx, []store.Item{{Fact: got}})
				}
			}
			first = cmp.Or(first, err)
		}
		return first
	})
	if err != nil {
		return err
	}
	if len(untold) > 0 {
		slices.Sort(untold)
		s.say("whether the legacy delegated administration (DAP) stands is not told, and stays as last known, of customer " + strings.Join(untold, ", "))
	}
	return c.shrunk(ctx, len(came))
}

// refusesOne reports that an object is not shown: another one may be.
func refusesOne(err error) bool {
	var said *graph.Error
	return notFound(err) || errors.As(err, &said) && said.Reason == graph.NotPermitted
}

// lastDelegated gives a customer what the last snapshot knew of DAP there.
func (s *stage) lastDelegated(ctx context.Context, x *snapshot.PartnerCustomer) error {
	err := s.known.Read().GetContext(ctx, &x.Delegated, `SELECT delegated FROM partner_customer WHERE snapshot = (SELECT max(id) FROM sealed_snapshot) AND tenant = ?`, x.Tenant)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func decodePartnerCustomer(raw json.RawMessage) (snapshot.PartnerCustomer, error) {
	var w struct {
		ID             ident
		CompanyProfile struct {
			TenantID            ident
			Domain, CompanyName string
		}
		RelationshipToPartner string
		AllowDelegatedAccess  *bool
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.PartnerCustomer{}, err
	}
	tenant := cmp.Or(w.ID, w.CompanyProfile.TenantID) // the documentation: both are the tenant's
	if tenant == "" {
		return snapshot.PartnerCustomer{}, errNoID
	}
	return snapshot.PartnerCustomer{Tenant: string(tenant), Name: w.CompanyProfile.CompanyName, Domain: w.CompanyProfile.Domain,
		Relationship: spelled(w.RelationshipToPartner, "none", "reseller", "advisor", "syndication", "microsoft_support"), Delegated: w.AllowDelegatedAccess}, nil
}
