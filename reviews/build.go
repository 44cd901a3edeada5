package reviews

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// builder makes the items of a campaign from one snapshot.
type builder struct {
	*world
	log       *logbook
	people    *people
	findings  findingIndex
	firstSeen map[Key]time.Time
	period    snapshot.Period
	at        time.Time
	complete  bool // the population was seen whole
}

var kindOrder = map[Kind]int{Membership: 0, Delegation: 1, Relationship: 2}

// items lists every edge, sorted by its key, with suggestion and content digest,
// without number, reviewer or history.
func (b *builder) items() []Item {
	var items []Item
	for e := range b.holds {
		if b.above[e.group] != nil { // else left over from a group that opens nothing any more
			items = append(items, b.membership(e))
		}
	}
	for group, grants := range b.grants {
		for customer, here := range byCustomer(grants) {
			items = append(items, b.delegation(group, customer, here))
		}
	}
	for _, r := range b.relationships {
		if r.opens() {
			items = append(items, b.relationship(r))
		}
	}
	for i := range items {
		items[i].Seen = b.firstSeen[items[i].Key]
		items[i].Suggest = b.suggest(&items[i])
		items[i].Content = items[i].digest()
	}
	slices.SortFunc(items, func(x, y Item) int {
		return cmp.Or(cmp.Compare(kindOrder[x.Kind], kindOrder[y.Kind]), strings.Compare(x.From, y.From), strings.Compare(x.To, y.To))
	})
	return items
}

func byCustomer(grants []*snapshot.Grant) map[string][]*snapshot.Grant {
	out := map[string][]*snapshot.Grant{}
	for _, g := range grants {
		out[g.Relationship.Customer] = append(out[g.Relationship.Customer], g)
	}
	return out
}

func (b *builder) membership(e edge) Item {
	item := Item{Key: Key{Membership, e.group, e.principal}, Group: b.group(e.group), Principal: e.principal, Type: b.types[e], Holds: b.holds[e]}
	var roles []string
	tenants := map[string]bool{}
	for _, mapped := range b.above[e.group] {
		if mapped != e.group {
			item.Through = append(item.Through, b.GroupName(mapped))
		}
		for _, g := range b.grants[mapped] {
			tenants[g.Relationship.Customer] = true
			roles = append(roles, g.Roles...)
		}
	}
	reached := slices.Sorted(maps.Keys(tenants))
	b.reach(&item, reached)
	item.Roles = roleRefs(roles)
	item.Tier = worst(item.Roles)
	item.Ends = lastEnd(item.lasting())

	acting := []string{e.principal}
	if item.Type == snapshot.TypeGroup {
		acting = b.brought(e.principal)
		for _, id := range acting {
			item.Brings = append(item.Brings, Member{ID: id})
		}
	}
	item.Use = b.log.of(acting, e.group, reached)
	if item.Type == snapshot.TypeServicePrincipal || item.Type == snapshot.TypeDevice {
		item.Use.Whole = false // the log that is read holds the sign-ins of users alone
	}
	if item.Type == snapshot.TypeUser && slices.ContainsFunc(item.Holds, Hold.active) {
		item.Choices.Words = []string{ToEligible}
	}
	item.Choices.Date = true
	item.Findings = b.findings.membership(e, b.above[e.group])
	return item
}

// brought lists the principals below a group that are no groups themselves.
func (b *builder) brought(group string) []string {
	ids := map[string]bool{}
	for g := range b.under(group) {
		for _, id := range b.direct[g] {
			ids[id] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

func (b *builder) delegation(group, customer string, grants []*snapshot.Grant) Item {
	item := Item{Key: Key{Delegation, group, customer}, Group: b.group(group)}
	var roles []string
	var ends []time.Time
	for _, g := range grants {
		item.Grants = append(item.Grants, Grant{g.ID, b.relationships[g.Relationship.ID].ref(), g.Roles})
		roles = append(roles, g.Roles...)
		ends = append(ends, g.Relationship.Ends)
	}
	b.reach(&item, []string{customer})
	item.Roles = roleRefs(roles)
	item.Tier = worst(item.Roles)
	item.Ends = latest(ends)
	item.Use = b.log.of(b.members(group), "", []string{customer})
	if len(byCustomer(b.grants[group])) == 1 { // an activation reaches all customers of its group: it proves entry to none of several
		item.Use = b.log.of(b.members(group), group, []string{customer})
	}
	if len(item.Roles) > 1 {
		item.Choices.Keep = item.Roles
	}
	item.Findings = b.findings.delegation(group, customer)
	return item
}

func (b *builder) relationship(r relationship) Item {
	item := Item{Key: Key{Relationship, r.ID, r.Customer}, Relationship: r.ref(), Ends: r.Ends.Time(), Renews: r.renews()}
	b.reach(&item, []string{r.Customer})
	held := map[string]bool{}
	acting := map[string]bool{}
	for _, g := range b.Grants(r.Customer) {
		if g.Relationship.ID != r.ID {
			continue
		}
		for _, role := range g.Roles {
			held[role] = true
		}
		for _, id := range b.members(g.Group) {
			acting[id] = true
		}
	}
	item.Roles = roleRefs(r.roles)
	item.Unused = roleRefs(slices.DeleteFunc(slices.Clone(r.roles), func(role string) bool { return held[role] }))
	item.Tier = worst(item.Roles)
	item.Use = b.log.of(slices.Sorted(maps.Keys(acting)), "", []string{r.Customer})
	if item.Renews {
		item.Choices.Words = []string{NoRenewal}
	}
	item.Choices.Date = true
	item.Findings = b.findings.relationship(r.ID)
	return item
}

func (b *builder) reach(item *Item, tenants []string) {
	item.Customers = len(tenants)
	if len(tenants) == 1 {
		item.Customer = b.customer(tenants[0])
	}
}

// members lists who is in reach of a mapped group.
func (w *world) members(group string) []string {
	var ids []string
	for _, m := range w.Members(group) {
		ids = append(ids, m.Principal)
	}
	return ids
}

// active reports whether the hold is access now, not by activation.
func (h Hold) active() bool { return h.State == snapshot.Standing || h.State == snapshot.TimeBound }

// lasting lists the holds that are there without an activation; when there are
// none, the activations.
func (i Item) lasting() []Hold {
	kept := slices.DeleteFunc(slices.Clone(i.Holds), func(h Hold) bool { return h.State == snapshot.Activated })
	if len(kept) == 0 {
		return i.Holds
	}
	return kept
}

func (i Item) states() []snapshot.MembershipState {
	var out []snapshot.MembershipState
	for _, h := range i.lasting() {
		if !slices.Contains(out, h.State) {
			out = append(out, h.State)
		}
	}
	return out
}

func lastEnd(holds []Hold) time.Time {
	var ends []time.Time
	for _, h := range holds {
		ends = append(ends, h.Ends)
	}
	return latest(ends)
}

// latest is the last end; one without an end makes all without one.
func latest(ends []time.Time) time.Time {
	var last time.Time
	for _, e := range ends {
		if e.IsZero() {
			return e
		}
		if e.After(last) {
			last = e
		}
	}
	return last
}

// digest covers what a reviewer approves of: states and ends, roles and tier, the
// people brought in, renewal, and which findings speak against it. Uses, names and
// the ids of PIM instances may change without an approval growing old.
func (i Item) digest() string {
	var holds []string
	for _, h := range i.lasting() {
		holds = append(holds, string(h.State)+" "+store.Time(h.Ends).String())
	}
	var findings []string
	for _, f := range i.Findings {
		findings = append(findings, f.Fingerprint)
	}
	slices.Sort(findings)
	ids := func(refs []rule.Ref) (out []string) {
		for _, r := range refs {
			out = append(out, r.ID)
		}
		return out
	}
	text, err := json.Marshal([]any{i.Key, holds, ids(i.Roles), ids(i.Unused), i.Tier, i.Brings, i.Renews, store.Time(i.Ends).String(), findings})
	if err != nil {
		panic(err) // plain values only
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// checkLetters end item ids: a digit and a letter, so that filling a cell down
// repeats the id instead of counting on, and a mistyped number names no item.
// Letters that are read as digits are left out.
func checkLetters(key []byte, campaign string, number int) string {
	const letters = "ABCDEFGHJKLMNPQRSTUVWXYZ"
	sum := mac(key, "item", campaign, fmt.Sprint(number))
	return fmt.Sprintf("%d%c", sum[0]%10, letters[int(sum[1])%len(letters)])
}

// mac is an HMAC-SHA-256 over the parts, each with its length.
func mac(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s", len(p), p)
	}
	return h.Sum(nil)
}
