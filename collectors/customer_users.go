package collectors

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// customerUsers lists the accounts in a customer's tenant that the MSP answers for.
// They are few: naming them takes two requests as a rule, where the whole list takes
// one for each 120 accounts of the customer. A declared emergency account that is
// not there is a fact too. Where the tenant has no licence for the last sign-in, the
// accounts come without it.
// https://learn.microsoft.com/graph/api/user-list
type customerUsers struct {
	domains   []string        // of the MSP, lower case
	holders   map[string]bool // of roles, by id
	emergency []string        // user principal names, lower case
}

func (customerUsers) Kind() snapshot.Kind { return snapshot.CustomerUsers }

func (c customerUsers) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	found := map[string]bool{}
	s.onRestart(func() { clear(found) })
	decode := func(raw json.RawMessage) (store.Item, error) {
		item, err := c.decode(part.Scope, raw)
		if user, ok := item.Fact.(snapshot.CustomerUser); ok {
			found[strings.ToLower(user.UPN)] = true
		}
		return item, err
	}
	activity := ",signInActivity"
	for _, options := range c.questions() {
		path := func() string {
			return "/v1.0/users" + query(append(slices.Clip(options), "$select", "id,displayName,userPrincipalName,mail,accountEnabled,userType,externalUserState,onPremisesSyncEnabled,createdDateTime"+activity)...)
		}
		err := s.list(ctx, path(), decode)
		if activity != "" && unlicensed(err) {
			s.refused(err)
			activity = ""
			err = s.list(ctx, path(), decode)
		}
		if err != nil {
			return err
		}
	}
	var missing []store.Item
	for _, upn := range c.emergency {
		if !found[upn] {
			missing = append(missing, store.Item{Fact: snapshot.CustomerUser{Tenant: part.Scope, ID: upn, UPN: upn, Because: []string{"emergency", "missing"}}})
			s.seen.Rows++ // the answer that there is none
		}
	}
	return s.rows.Put(ctx, missing)
}

// questions are the filters to ask with: accounts by the MSP's mail domains, which
// Graph takes as an advanced query only, and accounts by name.
func (c customerUsers) questions() [][]string {
	var guests, named []string
	for _, d := range c.domains {
		guests = append(guests, "endsWith(mail,"+quoted("@"+d)+")")
	}
	all := [][]string{{"$filter", strings.Join(guests, " or "), "$count", "true", "$top", "120"}}
	for id := range c.holders {
		named = append(named, "id eq "+quoted(id))
	}
	slices.Sort(named)
	for _, upn := range c.emergency {
		named = append(named, "userPrincipalName eq "+quoted(upn))
	}
	for some := range slices.Chunk(named, inOneFilter) {
		all = append(all, []string{"$filter", strings.Join(some, " or ")})
	}
	return all
}

func (c customerUsers) decode(tenant string, raw json.RawMessage) (store.Item, error) {
	item, err := decodeUser(raw)
	if err != nil {
		return item, err
	}
	var w struct{ ExternalUserState string }
	if err := json.Unmarshal(raw, &w); err != nil {
		return store.Item{}, err
	}
	from := item.Fact.(snapshot.User)
	user := snapshot.CustomerUser{Tenant: tenant, ID: from.ID, Name: from.Name, UPN: from.UPN, Mail: from.Mail, Enabled: from.Enabled, Type: from.Type,
		Invitation: spelled(w.ExternalUserState, "PendingAcceptance", "Accepted"), Synced: from.Synced, Created: from.Created}
	if slices.Contains(c.emergency, strings.ToLower(user.UPN)) {
		user.Because = append(user.Because, "emergency")
	}
	if c.isGuest(user) {
		user.Because = append(user.Because, "guest")
	}
	if c.holders[user.ID] {
		user.Because = append(user.Because, "role")
	}
	if user.Because == nil {
		return store.Item{}, nil
	}
	details := make([]store.Row, len(item.Details))
	for i, d := range item.Details {
		a := d.(snapshot.UserActivity)
		details[i] = snapshot.CustomerUserActivity{Tenant: tenant, Principal: a.Principal, LastSignIn: a.LastSignIn, LastNonInteractive: a.LastNonInteractive, LastSuccessful: a.LastSuccessful}
	}
	return store.Item{Fact: user, Details: details}, nil
}

// isGuest reports whether an account came from the MSP: by its mail address, or by
// the name that an invitation gives, such as ada_msp.example#EXT#@customer.example.
func (c customerUsers) isGuest(u snapshot.CustomerUser) bool {
	mail, upn := strings.ToLower(u.Mail), strings.ToLower(u.UPN)
	return slices.ContainsFunc(c.domains, func(d string) bool {
		return strings.HasSuffix(mail, "@"+d) || strings.Contains(upn, "_"+d+"#ext#")
	})
}

func (r *runner) customerUsers(ctx context.Context, at place, c snapshot.DeclaredCustomer) (met, err error) {
	domains := r.ownDomains()
	known, holders, err := r.roleHolders(ctx, at.scope)
	switch {
	case err != nil:
		return nil, err
	case len(domains) == 0:
		r.mark(ctx, at.scope, snapshot.CustomerUsers, at.scope, snapshot.Failed, "which guests are the MSP's is not known: set msp.domains in the configuration")
		return nil, nil
	case !known:
		r.mark(ctx, at.scope, snapshot.CustomerUsers, at.scope, snapshot.Failed, "whose accounts to ask for is not known, because customer roles were not seen whole; they must be collected too")
		return nil, nil
	}
	emergency := make([]string, len(c.EmergencyAccounts))
	for i, upn := range c.EmergencyAccounts {
		emergency[i] = strings.ToLower(upn)
	}
	slices.Sort(emergency)
	return r.part(ctx, at, customerUsers{domains, holders, slices.Compact(emergency)}, at.scope), nil
}

// ownDomains are those configured and those of the declared accounts, in lower case.
func (r *runner) ownDomains() []string {
	var all []string
	for _, d := range r.Domains {
		all = append(all, strings.ToLower(d))
	}
	for _, account := range r.Declared.Staff {
		if _, domain, ok := strings.Cut(account.UPN, "@"); ok && domain != "" {
			all = append(all, strings.ToLower(domain))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// roleHolders are the users, and those of whom it is not told, that hold a role in a
// customer's tenant, as this run or an earlier one saw it whole. Nobody at all, and
// no such run, means that it is not known.
func (r *runner) roleHolders(ctx context.Context, tenant string) (known bool, holders map[string]bool, err error) {
	var ids []string
	var part int64
	err = r.Store.Read().GetContext(ctx, &part, `SELECT coalesce(max(id), 0) FROM part WHERE kind = ? AND scope = (SELECT id FROM ident WHERE value = ?)`,
		string(snapshot.CustomerRoles), tenant)
	if err == nil {
		err = r.Store.Read().GetContext(ctx, &known, `SELECT EXISTS (SELECT 1 FROM part_seen WHERE snapshot = ? AND part = ? AND state = 'complete')`, r.taken.ID, part)
	}
	if err == nil {
		err = r.Store.Read().SelectContext(ctx, &ids, "SELECT DISTINCT "+id("principal")+" FROM fact_role_instance f WHERE f.seen_until IS NULL AND f.part = ? AND f.principal_type IN ('user', '')", part)
	}
	holders = map[string]bool{}
	for _, id := range ids {
		holders[id] = true
	}
	return known || len(ids) > 0, holders, err
}
