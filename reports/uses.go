package reports

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/reports/summary"
)

// sessionGap parts two uses: sign-ins of a person that follow each other within
// it are one use. Tokens are renewed about hourly without anybody doing anything.
const sessionGap = 90 * time.Minute

// session is one stay of a person in the customer's tenant, from the first to the
// last sign-in seen.
type session struct {
	person      string
	name, upn   string
	first, last time.Time
}

// sessions joins a customer's sign-ins, which come in time order.
func sessions(signIns []snapshot.SignIn) []session {
	var out []session
	open := map[string]int{}
	for _, s := range signIns {
		if i, ok := open[s.Principal]; ok && s.At.Sub(out[i].last) <= sessionGap {
			out[i].last = s.At
			continue
		}
		open[s.Principal] = len(out)
		out = append(out, session{person: s.Principal, name: s.Name, upn: s.UPN, first: s.At, last: s.At})
	}
	return out
}

// holding is what one person may use at the customer through one mapped group.
type holding struct {
	member snapshot.EffectiveMembership
	roles  []string
}

// customerView is one customer's share of the evidence.
type customerView struct {
	*Evidence
	tenant   string
	names    masker
	holdings map[string][]holding // by person
	groups   map[string]bool      // mapped and nested groups that reach the customer
	alone    map[string]bool      // of them, those that reach no other customer
	coverage []snapshot.Coverage  // of what the customer's chains need
}

// signedIn lists the stays in the tenant, and which activations they tie to it.
func (v customerView) signedIn() (uses []summary.Use, tied map[string]bool) {
	tied = map[string]bool{}
	for _, s := range sessions(v.signIns[v.tenant]) {
		use := v.newUse(s.person, s.name, s.upn, s.first)
		use.Lasted = s.last.Sub(s.first)
		var activation *snapshot.Activation
		for group := range v.groups {
			for i, a := range v.activations[group] {
				if a.Principal == s.person && !s.last.Before(a.Starts) && !s.first.After(a.Ends) {
					tied[a.ID] = true
					if activation == nil || a.Starts.After(activation.Starts) || a.Starts.Equal(activation.Starts) && a.ID < activation.ID {
						activation = &v.activations[group][i]
					}
				}
			}
		}
		if activation != nil {
			v.grantedBy(&use, *activation)
			v.tell(&use, *activation, v.alone[activation.Group] || v.onlyHere(*activation), "the same activation served other customers too")
		} else {
			use.Withheld = "no activation or standing right that we know of explains this sign-in"
			if v.role(&use, s.person, func(h holding) bool { return h.member.State != snapshot.Eligible }) {
				use.Withheld, use.Approval = "no activation belongs to this sign-in: the access was standing", "not needed"
			}
		}
		uses = append(uses, use)
	}
	return uses, tied
}

// activatedOnly lists the activations that allowed entry but have no sign-in to
// this customer beside them.
func (v customerView) activatedOnly(tied map[string]bool) []summary.Use {
	var uses []summary.Use
	for group := range v.groups {
		for _, a := range v.activations[group] {
			if tied[a.ID] {
				continue
			}
			p := v.Access.Principal(a.Principal)
			use := v.newUse(a.Principal, p.Name, p.UPN, a.Starts)
			if !a.Ends.IsZero() {
				use.Lasted = a.Ends.Sub(a.Starts)
			}
			v.grantedBy(&use, a)
			v.tell(&use, a, v.alone[group], "the group serves other customers too")
			uses = append(uses, use)
		}
	}
	slices.SortFunc(uses, func(a, b summary.Use) int {
		return cmp.Or(a.Start.Compare(b.Start), strings.Compare(a.Person, b.Person), strings.Compare(a.Role, b.Role))
	})
	return uses
}

func (v customerView) newUse(person, name, upn string, start time.Time) summary.Use {
	p := v.Access.Principal(person)
	p.UPN = cmp.Or(p.UPN, upn)
	return summary.Use{Start: start, Person: v.person(p, name), Account: v.safe(p.UPN), Role: "not determined"}
}

// onlyHere reports whether the person signed in to no other customer while the
// activation lasted: else its purpose may have been that other customer's.
func (v customerView) onlyHere(a snapshot.Activation) bool {
	return !slices.ContainsFunc(v.reached[a.Principal], func(r reach) bool {
		return r.customer != v.tenant && !r.at.Before(a.Starts) && !r.at.After(a.Ends)
	})
}

// tell fills in purpose and ticket when they belong to this customer; else why
// they are not shown.
func (v customerView) tell(use *summary.Use, a snapshot.Activation, ours bool, whyNot string) {
	if !ours {
		use.Withheld = whyNot
		return
	}
	purpose, named := v.names.mask(a.Justification)
	use.Purpose = purpose
	if ticket, ticketNamed := v.names.mask(a.Ticket); !named && !ticketNamed {
		use.Ticket = ticket
	}
}

// grantedBy says which roles an activation gave here and who had to agree.
func (v customerView) grantedBy(use *summary.Use, a snapshot.Activation) {
	v.role(use, a.Principal, func(h holding) bool { return slices.Contains(h.member.Via, a.Group) })
	use.Approval = "not needed"
	if a.Approval != "" {
		use.Approval = "by a second person"
	}
}

// role names what the person held at the customer through the holdings that fit;
// false when there was none.
func (v customerView) role(use *summary.Use, person string, fits func(holding) bool) bool {
	var roles []string
	for _, h := range v.holdings[person] {
		if fits(h) {
			roles = append(roles, h.roles...)
		}
	}
	if names, tier := roleNames(roles); len(names) > 0 {
		use.Role, use.Kind = strings.Join(names, "; "), kindOf(tier)
		return true
	}
	return false
}

// roleNames names roles, the most powerful first, each once.
func roleNames(ids []string) (names []string, worst snapshot.Tier) {
	ids = slices.Compact(slices.Sorted(slices.Values(ids)))
	slices.SortStableFunc(ids, func(a, b string) int {
		x, y := snapshot.RoleByID(a), snapshot.RoleByID(b)
		return cmp.Or(cmp.Compare(x.Tier, y.Tier), cmp.Compare(x.Name, y.Name))
	})
	worst = snapshot.Tier3
	for _, id := range ids {
		r := snapshot.RoleByID(id)
		names, worst = append(names, r.Name), min(worst, r.Tier)
	}
	return names, worst
}

func kindOf(t snapshot.Tier) summary.RoleKind {
	switch t {
	case snapshot.Tier0:
		return summary.HighImpact
	case snapshot.Tier3:
		return summary.ReadSupport
	}
	return summary.Administration
}
