package reports

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/reports/summary"
)

// Sender is the MSP as its customers know it.
type Sender struct {
	Name, Contact, BrandColour string
	Logo                       []byte
	Tenant                     string
	Domains                    []string
	FiscalYearStart            int // month
}

// Customers lists every customer that the snapshot or customers.csv knows, by
// tenant id.
func (e *Evidence) Customers() []snapshot.Customer {
	known := map[string]string{}
	for _, c := range e.Access.Customers {
		known[c.Tenant] = c.Name
	}
	for tenant := range e.relationships {
		if _, ok := known[tenant]; tenant != "" && !ok {
			known[tenant] = ""
		}
	}
	for _, c := range e.Declared.Customers {
		known[c.Tenant] = cmp.Or(c.Name, known[c.Tenant])
	}
	out := make([]snapshot.Customer, 0, len(known))
	for tenant, name := range known {
		out = append(out, snapshot.Customer{Tenant: tenant, Name: cmp.Or(name, tenant)})
	}
	slices.SortFunc(out, func(a, b snapshot.Customer) int { return strings.Compare(a.Tenant, b.Tenant) })
	return out
}

// Book of names: what may not stand in another customer's document.
func (e *Evidence) namesOfAll() *names {
	var all names
	for _, c := range e.Customers() {
		all.add(e.namesOf(c)...)
	}
	return &all
}

func (e *Evidence) namesOf(c snapshot.Customer) []string {
	out := []string{c.Name, c.Tenant}
	for _, seen := range e.Access.Customers {
		if seen.Tenant == c.Tenant {
			out = append(out, seen.Name)
		}
	}
	if d, ok := e.Declared.Customer(c.Tenant); ok {
		for _, contact := range slices.Concat(d.Contacts, d.EmergencyAccounts) {
			if _, domain, ok := strings.Cut(contact, "@"); ok {
				out = append(out, domain)
			}
		}
	}
	return out
}

// Summaries builds the summary of each of the customers and hands it on. One
// that cannot be built does not keep the others back: the error joins all.
func (e *Evidence) Summaries(sender Sender, zone *time.Location, created time.Time, customers []snapshot.Customer, write func(snapshot.Customer, summary.Summary) error) error {
	all := e.namesOfAll()
	var errs []error
	for _, c := range customers {
		v := e.view(c, all)
		if err := write(c, v.summary(c, sender, zone, created)); err != nil {
			errs = append(errs, fmt.Errorf("summary of customer %s: %w", c.Tenant, err))
		}
	}
	return errors.Join(errs...)
}

// serves counts, for each group, mapped or nested, the customers it reaches.
func (e *Evidence) serves() map[string]map[string]bool {
	if e.served != nil {
		return e.served
	}
	serves := map[string]map[string]bool{}
	e.served = serves
	add := func(group, customer string) {
		if serves[group] == nil {
			serves[group] = map[string]bool{}
		}
		serves[group][customer] = true
	}
	for _, c := range e.Customers() {
		for _, g := range e.Access.Grants(c.Tenant) {
			add(g.Group, c.Tenant)
			for _, m := range e.Access.Members(g.Group) {
				for _, group := range m.Via {
					add(group, c.Tenant)
				}
			}
		}
	}
	return serves
}

func (e *Evidence) view(c snapshot.Customer, all *names) customerView {
	serves := e.serves()
	v := customerView{Evidence: e, tenant: c.Tenant, names: all.masker(e.namesOf(c)...), holdings: map[string][]holding{}, groups: map[string]bool{}, alone: map[string]bool{}, coverage: e.parts.Customer(e.Access, c.Tenant)}
	for _, g := range e.Access.Grants(c.Tenant) {
		v.groups[g.Group] = true
		for _, m := range e.Access.Members(g.Group) {
			for _, group := range m.Via {
				v.groups[group] = true
			}
			v.holdings[m.Principal] = append(v.holdings[m.Principal], holding{member: m, roles: g.Roles})
		}
	}
	for group := range v.groups {
		v.alone[group] = len(serves[group]) == 1
	}
	return v
}

// safe hides other customers in any text that reaches this customer.
func (v customerView) safe(text string) string {
	masked, _ := v.names.mask(text)
	return masked
}

// person names a principal as the MSP's own staff list does, else as the directory
// does, and an account that is gone as such.
func (v customerView) person(p snapshot.Principal, seen ...string) string {
	if s, ok := v.Declared.Account(p.UPN); ok && s.Name != "" {
		return v.safe(s.Name)
	}
	if label := cmp.Or(append([]string{p.Name, p.UPN}, seen...)...); label != "" {
		return v.safe(label)
	}
	return "Deleted account " + p.ID[:min(8, len(p.ID))]
}

func (v customerView) summary(c snapshot.Customer, sender Sender, zone *time.Location, created time.Time) summary.Summary {
	declared, _ := v.Declared.Customer(c.Tenant)
	signedIn, tied := v.signedIn()
	activated := v.activatedOnly(tied)
	logs := v.signInReading(zone)
	held := v.reading(holdingKinds...)
	acts := v.reading(snapshot.GroupActivations)

	s := summary.Summary{
		MSP: sender.Name, MSPContact: sender.Contact, BrandColour: sender.BrandColour, Logo: sender.Logo,
		Customer: c.Name, CustomerDomain: domainOf(declared), TenantID: c.Tenant,
		Since: v.Period.Since, Until: v.Period.Until, Zone: zone, ShortPeriod: shortPeriod(v.Period.Name), Created: created,
		PreviousPeriod: shortPeriod(v.Period.Before(sender.FiscalYearStart).Name),
		SignedIn:       summary.List[summary.Use]{Rows: signedIn, Read: logs.read, Gap: logs.gap},
		ActivatedOnly:  summary.List[summary.Use]{Rows: activated, Read: acts.read, Gap: acts.gap},
		Agreements:     summary.List[summary.Agreement]{Rows: v.agreements(), Read: v.reading(snapshot.Relationships).read, Gap: v.reading(snapshot.Relationships).gap},
		Days:           v.dayStates(zone), Gaps: logs.holes,
		Sources: v.sources(sender, zone),
		Seal:    v.Access.Seal, PreviousSeal: v.previousSeal,
	}
	s.People = summary.List[summary.Person]{Rows: v.people(signedIn, activated, logs.read, acts.read), Read: held.read, Gap: held.gap}
	s.Coverage = append([]string{fmt.Sprintf("Who holds access was read on %s. The strip shows on which days of the period the sign-in log was read.", v.Access.At.In(zone).Format("2 January 2006 at 15:04"))},
		v.holeWords(zone)...)
	s.Attention = v.attention(zone, held.read)
	s.Figures = v.figures(s, v.numbersBefore(c, sender, zone))
	s.Answer, s.AnswerTone = v.answer(s, logs.read, held.read)
	s.Incomplete = strings.Join(slices.DeleteFunc([]string{held.gap, acts.gap}, func(g string) bool { return g == "" }), " ")
	s.VerificationCode = code(v.key, s)
	return s
}

// code is a short HMAC over everything the document says, under the database's
// key: who holds the database can tell whether a document is the one it made.
func code(key []byte, s summary.Summary) string {
	mac := hmac.New(sha256.New, key)
	zone := s.Zone
	s.Zone = nil // its name stands in the encoded times
	text, err := json.Marshal(s)
	if err != nil {
		text = []byte(err.Error()) // a Summary is plain values: it always encodes
	}
	fmt.Fprintf(mac, "customer summary\n%s\n%s", zone, text)
	c := base32.StdEncoding.EncodeToString(mac.Sum(nil)[:10])
	return "CS-" + c[:4] + "-" + c[4:8] + "-" + c[8:12] + "-" + c[12:16]
}

func shortPeriod(name string) string {
	year, quarter, ok := strings.Cut(name, "-")
	if !ok {
		return name
	}
	return quarter + " " + year
}

func domainOf(d snapshot.DeclaredCustomer) string {
	for _, contact := range d.Contacts {
		if _, domain, ok := strings.Cut(contact, "@"); ok {
			return domain
		}
	}
	return ""
}

// numbersBefore are the figures of the quarter before, nil where it is not known.
func (v customerView) numbersBefore(c snapshot.Customer, sender Sender, zone *time.Location) []string {
	if v.Before == nil {
		return nil
	}
	b := v.Before.view(c, v.names.all)
	signedIn, tied := b.signedIn()
	activated := b.activatedOnly(tied)
	logs, acts := b.signInReading(zone), b.reading(snapshot.GroupActivations)
	return b.numbers(summary.Summary{
		SignedIn:      summary.List[summary.Use]{Rows: signedIn, Read: logs.read},
		ActivatedOnly: summary.List[summary.Use]{Rows: activated, Read: acts.read},
		People:        summary.List[summary.Person]{Rows: b.people(signedIn, activated, logs.read, acts.read), Read: b.reading(holdingKinds...).read},
	})
}

// holdingKinds are the records that say who holds access.
var holdingKinds = []snapshot.Kind{snapshot.AccessAssignments, snapshot.Memberships, snapshot.GroupEligibilities, snapshot.GroupAssignments, snapshot.Relationships}

// people lists who holds or can obtain access to the customer.
func (v customerView) people(signedIn, activated []summary.Use, logs, acts summary.Reading) []summary.Person {
	var out []summary.Person
	for id, holds := range v.holdings {
		p := v.Access.Principal(id)
		var roles []string
		for _, h := range holds {
			roles = append(roles, h.roles...)
		}
		names, _ := roleNames(roles)
		person := summary.Person{Name: v.person(p), Account: v.safe(p.UPN), Job: v.safe(v.job(p)), Roles: names, How: v.how(holds)}
		person.SignedIn = v.count(signedIn, p, logs, &person.LastUse)
		person.Activated = v.count(activated, p, acts, &person.LastUse)
		out = append(out, person)
	}
	slices.SortFunc(out, func(a, b summary.Person) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Account, b.Account))
	})
	return out
}

func order(s snapshot.MembershipState) int {
	return slices.Index([]snapshot.MembershipState{snapshot.Standing, snapshot.TimeBound, snapshot.Activated, snapshot.Eligible}, s)
}

// count counts a person's uses; of a log that was not read whole nothing is
// concluded from finding none.
func (v customerView) count(uses []summary.Use, p snapshot.Principal, read summary.Reading, last *time.Time) summary.Count {
	n := 0
	for _, u := range uses {
		if u.Account == v.safe(p.UPN) && u.Person == v.person(p) {
			n++
			if u.Start.After(*last) {
				*last = u.Start
			}
		}
	}
	if n == 0 && read != summary.Whole {
		return summary.Count{}
	}
	return summary.Number(n)
}

func (v customerView) job(p snapshot.Principal) string {
	if s, ok := v.Declared.Account(p.UPN); ok {
		return cmp.Or(s.SupportRole, s.Team)
	}
	if p.Type != snapshot.TypeUser {
		return "not a person: " + map[string]string{snapshot.TypeServicePrincipal: "an application", snapshot.TypeDevice: "a device"}[p.Type]
	}
	return v.users[p.ID].Job
}

// how words in which ways a person has the access, the strongest first; where ways
// differ, each with its roles.
func (v customerView) how(holds []holding) string {
	slices.SortStableFunc(holds, func(a, b holding) int { return cmp.Compare(order(a.member.State), order(b.member.State)) })
	var ways []string
	roles := map[string][]string{}
	for _, h := range holds {
		way := "permanent"
		switch h.member.State {
		case snapshot.TimeBound:
			way = "until " + h.member.Ends.Format("2 January 2006")
		case snapshot.Activated, snapshot.Eligible:
			way = "on request" + v.terms(h.member)
		}
		if !slices.Contains(ways, way) {
			ways = append(ways, way)
		}
		roles[way] = append(roles[way], h.roles...)
	}
	if len(ways) > 1 {
		for i, way := range ways {
			names, _ := roleNames(roles[way])
			ways[i] = strings.Join(names, ", ") + ": " + way
		}
	}
	return strings.Join(ways, "; ")
}

// terms words what the group's policy demands for an activation.
func (v customerView) terms(m snapshot.EffectiveMembership) string {
	p, ok := v.policies[m.Via[len(m.Via)-1]]
	if !ok {
		return ""
	}
	var out string
	if d, ok := isoDuration(p.MaxActivation); ok {
		out += ", at most " + d
	}
	if p.Justification {
		out += ", with a reason"
	}
	if p.Approval {
		out += ", a second person approves"
	}
	return out
}

// isoDuration words the time part of an ISO 8601 duration, PT8H or PT30M.
func isoDuration(text string) (string, bool) {
	d, err := time.ParseDuration(strings.ToLower(strings.TrimPrefix(text, "PT")))
	if err != nil || d <= 0 || !strings.HasPrefix(text, "PT") {
		return "", false
	}
	switch {
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes())), true
	case d%time.Hour == 0:
		return fmt.Sprintf("%d h", int(d.Hours())), true
	}
	return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60), true
}

func (v customerView) agreements() []summary.Agreement {
	var out []summary.Agreement
	for _, r := range v.relationships[v.tenant] {
		roles, _ := roleNames(v.roles[r.ID])
		a := summary.Agreement{Name: v.safe(r.Name), Roles: roles, Start: r.Activated, End: r.Ends, Status: statusWords(r.Status)}
		if snapshot.GivesAccess(r.Status) {
			a.Renewal = "ends unless you approve a new one"
			if r.Extends() {
				a.Renewal = "extends itself by 180 days until one side stops it"
			}
		}
		out = append(out, a)
	}
	return out
}

func statusWords(status string) string {
	switch strings.ToLower(status) {
	case "approvalpending":
		return "waiting for your approval"
	case "terminationrequested", "terminating":
		return "being ended"
	}
	return strings.ToLower(status)
}
