package collectors

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"

	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

func (r *runner) partnerCustomers(ctx context.Context) error {
	if r.Partner == nil {
		r.notConfigured(ctx, snapshot.PartnerCustomers, partnerNotAsked)
		return nil
	}
	r.part(ctx, place{r.Tenant, r.Partner}, partnerCustomerList{}, r.Tenant)
	return nil
}

// partnerCustomerList lists the customers of Partner Center and asks for each one by
// its id: only there stands whether the legacy delegated administration (DAP) was
// allowed. It holds a page of customers, at most 500, until all of them answered. One
// that cannot be had makes the whole incomplete: half a population is no evidence.
// https://learn.microsoft.com/partner-center/developer/get-a-list-of-customers
// https://learn.microsoft.com/partner-center/developer/get-a-customer-by-id
type partnerCustomerList struct{}

func (partnerCustomerList) Kind() snapshot.Kind { return snapshot.PartnerCustomers }

func (c partnerCustomerList) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	return s.EachPage(ctx, "/v1/customers?size=500", func(p graph.Page) error {
		var ids []string
		err := s.page(ctx, p, func(raw json.RawMessage) (store.Item, error) {
			w, err := decodePartnerCustomer(raw)
			ids = append(ids, w.Tenant)
			return store.Item{}, err // the list tells too little to keep
		})
		if err != nil {
			return err
		}
		answers, faults := make([]graph.Page, len(ids)), make([]error, len(ids))
		s.Together(ctx, len(ids), func(ctx context.Context, i int) {
			answers[i], faults[i] = s.Get(ctx, "/v1/customers/"+url.PathEscape(ids[i]))
		})
		var first error
		for i, answer := range answers {
			err := faults[i]
			if err == nil {
				err = s.page(ctx, answer, func(raw json.RawMessage) (store.Item, error) {
					got, err := decodePartnerCustomer(raw)
					return store.Item{Fact: got}, about(got.Tenant, ids[i], err)
				})
			}
			first = cmp.Or(first, err)
		}
		return first
	})
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
