package collectors

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// customerUsers lists the accounts in a customer's tenant that the MSP answers for.
// They are few: naming them takes two requests as a rule, where the whole list takes
// one for each 120 accounts of the customer. Guests are asked for as such too: a guest
// need not have the mail address by which the MSP knows it. A declared emergency account
// that is not there is a fact too. Where the tenant has no licence for the last sign-in,
// the accounts come without it.
// https://learn.microsoft.com/graph/api/user-list
type customerUsers struct {
	own       own
	elsewhere []string        // declared accounts that may live here, by name
	holders   map[string]bool // of roles, by id
	emergency []string        // user principal names, lower case
	theirs    map[string]bool // domains under which accounts stand here: they are not the MSP's
}

// own tells the MSP's people by their names.
type own struct {
	domains []string        // of the MSP, lower case
	staff   map[string]bool // user principal names of the declared accounts, lower case
}

// named reports whether a name is that of a declared account, or of a guest that was
// invited from the MSP, such as ada_msp.example#EXT#@customer.example.
func (o own) named(upn string) bool {
	upn = strings.ToLower(upn)
	return o.staff[upn] || slices.ContainsFunc(o.domains, func(d string) bool { return invitedFrom(upn, d) })
}

func invitedFrom(upn, domain string) bool { return strings.Contains(upn, "_"+domain+"#ext#") }

func (customerUsers) Kind() snapshot.Kind { return snapshot.CustomerUsers }

func (c customerUsers) Collect(ctx context.Context, part snapshot.Part, s *stage) error {
	found := map[string]bool{}
	c.theirs = map[string]bool{}
	s.onRestart(func() { clear(found); clear(c.theirs) })
	decode := func(raw json.RawMessage) (store.Item, error) {
		item, err := c.decode(part.Scope, raw)
		if user, ok := item.Fact.(snapshot.CustomerUser); ok {
			found[strings.ToLower(user.UPN)] = true
		}
		return item, err
	}
	for _, options := range c.questions() {
		err := s.accounts(ctx, func(activity string) string {
			return "/v1.0/users" + query(append(slices.Clip(options), "$select", "id,displayName,userPrincipalName,mail,accountEnabled,userType,externalUserState,onPremisesSyncEnabled,createdDateTime"+activity)...)
		}, decode)
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

// questions are the filters to ask with: accounts by name, then guests and accounts by
// the MSP's mail domains, which Graph takes as an advanced query only. The first to be
// asked are the declared accounts that may live here: they tell which domains are the
// customer's.
func (c customerUsers) questions() [][]string {
	var all [][]string
	ask := func(filters []string, options ...string) {
		for some := range slices.Chunk(filters, inOneFilter) {
			all = append(all, append([]string{"$filter", strings.Join(some, " or ")}, options...))
		}
	}
	named := func(upns []string) (filters []string) {
		for _, upn := range upns {
			filters = append(filters, "userPrincipalName eq "+quoted(upn))
		}
		return filters
	}
	ask(named(c.elsewhere))
	var holders []string
	for id := range c.holders {
		holders = append(holders, "id eq "+quoted(id))
	}
	slices.Sort(holders)
	ask(append(holders, named(c.emergency)...))
	guests := []string{"userType eq 'Guest'"}
	for _, d := range c.own.domains {
		guests = append(guests, "endsWith(mail,"+quoted("@"+d)+")")
	}
	ask(guests, "$count", "true", "$top", "120")
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
	upn := strings.ToLower(user.UPN)
	if !strings.Contains(upn, "#ext#") {
		c.theirs[domainOf(upn)] = true
	}
	if slices.Contains(c.emergency, upn) {
		user.Because = append(user.Because, "emergency")
	}
	if c.isGuest(user) {
		user.Because = append(user.Because, "guest")
	}
	if c.holders[user.ID] {
		user.Because = append(user.Because, "role")
	}
	if c.own.staff[upn] {
		user.Because = append(user.Because, "staff")
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
// the name that an invitation gives.
func (c customerUsers) isGuest(u snapshot.CustomerUser) bool {
	mail, upn := strings.ToLower(u.Mail), strings.ToLower(u.UPN)
	return slices.ContainsFunc(c.own.domains, func(d string) bool {
		return !c.theirs[d] && (strings.HasSuffix(mail, "@"+d) || invitedFrom(upn, d))
	})
}

func (r *runner) customerUsers(ctx context.Context, at place, c snapshot.DeclaredCustomer) (met, err error) {
	own := r.own
	known, holders, err := r.roleHolders(ctx, at.scope)
	switch {
	case err != nil:
		return nil, err
	case len(own.domains) == 0:
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
	var elsewhere []string
	for upn := range own.staff {
		if !like(domainOf(upn), r.Domains...) {
			elsewhere = append(elsewhere, upn)
		}
	}
	slices.Sort(elsewhere)
	return r.part(ctx, at, customerUsers{own: own, elsewhere: elsewhere, holders: holders, emergency: slices.Compact(emergency)}, at.scope), nil
}

// ownNames are the declared accounts, and the domains that are configured or theirs. A
// declared account may live in a customer's tenant: that its domain is the customer's
// tell Partner Center, the emergency accounts, and who stood there under it before.
func (r *runner) ownNames(ctx context.Context) (own, error) {
	o, theirs := own{staff: map[string]bool{}}, map[string]bool{}
	for _, c := range r.Declared.Customers {
		for _, upn := range c.EmergencyAccounts {
			theirs[domainOf(upn)] = true
		}
	}
	const upn = "(SELECT text FROM label WHERE label.id = f.upn)"
	for _, from := range []struct{ table, where, column string }{
		{"partner_customer", "true", "f.domain"},
		{"customer_user", upn + " NOT LIKE '%#EXT#%' AND f.seen_from < " + strconv.FormatInt(r.taken.ID, 10), upn},
	} {
		rows, err := r.current(ctx, from.table, from.where, from.column)
		if err != nil {
			return own{}, err
		}
		for _, row := range rows {
			theirs[domainOf(row[0])] = true
		}
	}
	for _, account := range r.Declared.Staff {
		if upn := strings.ToLower(account.UPN); upn != "" {
			o.staff[upn] = true
			if d := domainOf(upn); !theirs[d] {
				o.domains = append(o.domains, d)
			}
		}
	}
	for _, d := range r.Domains {
		o.domains = append(o.domains, strings.ToLower(d))
	}
	slices.Sort(o.domains)
	o.domains = slices.Compact(o.domains)
	return o, nil
}

// domainOf is that of a name, in lower case, or the domain that it is.
func domainOf(name string) string {
	return strings.ToLower(name[strings.LastIndexByte(name, '@')+1:])
}

// roleHolders are the users, and those of whom it is not told, that hold a role in a
// customer's tenant. known: this run saw them whole.
func (r *runner) roleHolders(ctx context.Context, tenant string) (known bool, holders map[string]bool, err error) {
	roles := store.Part{Kind: string(snapshot.CustomerRoles), Scope: tenant, Object: tenant}
	seen, err := r.taken.Seen(ctx, roles)
	if err != nil || seen != store.Whole {
		return false, nil, err
	}
	var ids []string
	err = r.Store.Read().SelectContext(ctx, &ids, "SELECT DISTINCT "+id("principal")+` FROM fact_role_instance f
		JOIN part p ON p.id = f.part AND p.kind = ? AND p.scope = (SELECT id FROM ident WHERE value = ?)
		WHERE f.seen_until IS NULL AND f.principal_type IN ('user', '')`, roles.Kind, tenant)
	holders = map[string]bool{}
	for _, id := range ids {
		holders[id] = true
	}
	return true, holders, err
}
