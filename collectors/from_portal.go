package collectors

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"countersign/collectors/portal"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// PortalOptions say which files to take a snapshot from. Tenant, Files, Store, At
// and Now are required; the others are as in Options.
type PortalOptions struct {
	Tenant   string // of the MSP
	Files    fs.FS  // the folder of exports
	Store    *store.Store
	At       time.Time
	Now      func() time.Time
	Declared snapshot.Declared
	Log      *slog.Logger
	Progress func(Progress)
}

// RunFromPortal takes one snapshot from files that were exported from the portals
// and seals it, as Run does from the API: the same facts in the same parts, so that
// both histories meet. The files are the evidence: their names and digests are
// sealed. A file that cannot be read whole is named in Refused, and nothing of it is
// taken; when that is so of every file, nothing is sealed and the error says why.
func RunFromPortal(ctx context.Context, o PortalOptions) (Result, error) {
	known := map[string]string{}
	for _, c := range o.Declared.Customers {
		known[c.Name] = c.Tenant
	}
	folder, err := portal.Open(o.Files, portal.Options{Customers: known})
	if err != nil {
		return Result{}, err
	}
	e := &exports{tenant: strings.ToLower(o.Tenant), at: o.At, files: map[snapshot.Kind][]*portal.File{}, refused: folder.Faults}
	if err := e.check(ctx, folder.Files); err != nil {
		return Result{}, err
	}
	refused := e.words()
	if len(e.files) == 0 {
		return Result{Refused: refused}, errors.New("no file of the folder can be taken: " + cmp.Or(strings.Join(refused, "; "), "there is none"))
	}
	run := Options{Tenant: o.Tenant, Store: o.Store, At: o.At, Now: o.Now, Declared: o.Declared, Log: o.Log, Progress: o.Progress}
	result, err := run.take(ctx, e.request(), func(r *runner, ctx context.Context) error {
		e.runner = r
		return e.collect(ctx)
	})
	result.Refused = refused
	return result, err
}

// exported are the kinds that files can fill, in the order in which each knows what
// the next one needs, and where in the portals they are exported.
var exported = []struct {
	kind  snapshot.Kind
	where string
}{
	{snapshot.Relationships, relationshipsExport},
	{snapshot.Customers, relationshipsExport},
	{snapshot.PartnerCustomers, "Partner Center, Customers, Export customers"},
	{snapshot.AccessAssignments, "Microsoft 365 Lighthouse, Permissions, Delegated access, Export; or the answer of Graph Explorer for a relationship's accessAssignments"},
	{snapshot.Memberships, "Microsoft Entra, Groups, the group, Members, Download members, with the group's object id for a file name"},
	{snapshot.Groups, "Microsoft Entra, Groups, All groups, Download groups"},
	{snapshot.Users, "Microsoft Entra, Users, All users, Download users"},
	{snapshot.MFARegistrations, "Microsoft Entra, Authentication methods, User registration details, Download"},
	{snapshot.SignIns, "Microsoft Entra, Monitoring & health, Sign-in logs, Download"},
	{snapshot.Audits, "Microsoft Entra, Monitoring & health, Audit logs, Download"},
	{snapshot.PartnerAudits, "Partner Center, Account settings, Activity log, Export log"},
}

const relationshipsExport = "Partner Center, Customers, Expiring granular relationships, Download"

// exports are the files of one run.
type exports struct {
	*runner
	tenant  string
	at      time.Time
	files   map[snapshot.Kind][]*portal.File
	refused []*portal.Fault
	aside   []*portal.File // known, and no evidence in them
}

// check reads every file as the run will, so that a row which cannot be taken
// refuses its file before any other row of it is staged.
func (e *exports) check(ctx context.Context, files []*portal.File) error {
	lists := map[snapshot.Part]string{}
	for _, f := range files {
		err := f.Each(func(row portal.Row) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			item, err := e.decode(row)
			if at := happened(item.Fact); err == nil && at.After(e.at.Add(oneDay)) {
				err = fmt.Errorf("happened on %s, which is after this snapshot", at.Format(time.DateOnly))
			}
			if err != nil {
				return f.Fault(row, err)
			}
			return nil
		})
		for _, kind := range f.Kinds {
			first := lists[snapshot.Part{Kind: kind, Object: f.Object}]
			if err == nil && first != "" && !kind.IsLog() && kind != snapshot.AccessAssignments {
				err = f.Fault(portal.Row{}, fmt.Errorf("lists the same as %s: keep the newer of the two", first))
			}
		}
		var fault *portal.Fault
		switch {
		case errors.As(err, &fault):
			e.refused = append(e.refused, fault)
			continue
		case err != nil:
			return err
		}
		if len(f.Kinds) == 0 {
			e.aside = append(e.aside, f)
		}
		for _, kind := range f.Kinds {
			e.files[kind] = append(e.files[kind], f)
			lists[snapshot.Part{Kind: kind, Object: f.Object}] = f.Name
		}
	}
	slices.SortFunc(e.refused, func(a, b *portal.Fault) int { return strings.Compare(a.File, b.File) })
	return nil
}

func (e *exports) words() (all []string) {
	for _, f := range e.refused {
		all = append(all, f.Error())
	}
	return all
}

// request names the files by their digests: a run over other files is not resumed.
func (e *exports) request() string {
	all := sha256.New()
	for _, from := range exported {
		for _, f := range e.files[from.kind] {
			fmt.Fprintf(all, "%s %q %x\n", from.kind, f.Name, f.SHA256)
		}
	}
	return fmt.Sprintf("portal: %x", all.Sum(nil))
}

func (e *exports) collect(ctx context.Context) error {
	for _, f := range e.aside {
		e.Log.Info("passed over", "run", e.taken.ID, "file", f.Name, "holds", f.What)
	}
	told := map[snapshot.Kind]bool{}
	for _, from := range exported {
		told[from.kind] = true
		if err := e.kind(ctx, from.kind, from.where); err != nil {
			return err
		}
	}
	for _, kind := range snapshot.Kinds {
		if !told[kind] {
			e.mark(ctx, e.tenant, kind, e.tenant, snapshot.NotConfigured, "no portal exports it: it takes an app, or a signed-in person")
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// decode reads a row as the API's collector of the kind does. An item without a fact
// is outside what is asked.
func (e *exports) decode(row portal.Row) (item store.Item, err error) {
	if row.Fact != nil {
		return store.Item{Fact: row.Fact}, nil
	}
	switch row.Kind {
	case snapshot.Relationships:
		return decodeRelationship(row.Graph)
	case snapshot.Customers:
		return decodeCustomer(row.Graph)
	case snapshot.AccessAssignments:
		return decodeAccessAssignment(row.Object, row.Graph)
	case snapshot.Memberships:
		p, err := decodePrincipal(row.Graph)
		return store.Item{Fact: snapshot.GroupMember{Group: row.Object, Principal: p.ID, Type: p.Type, Name: p.Name, UPN: p.UPN}}, err
	case snapshot.Groups:
		item.Fact, err = decodeGroup(row.Graph)
		return item, err
	case snapshot.Users:
		return decodeUser(row.Graph)
	case snapshot.MFARegistrations:
		item.Fact, err = decodeMFARegistration(row.Graph)
		return item, err
	case snapshot.SignIns:
		item, err := decodeSignIn(row.Graph)
		if s, ok := item.Fact.(snapshot.SignIn); ok && (s.Principal == "" || s.Customer == "" || s.Customer == e.tenant) { // no person, or no customer
			return store.Item{}, nil
		}
		return item, err
	case snapshot.Audits:
		item, err := audits{kind: snapshot.Audits}.decode(e.tenant, row.Graph)
		if a, ok := item.Fact.(snapshot.AuditEvent); ok && !slices.ContainsFunc(auditServices, func(s string) bool { return strings.EqualFold(s, quoted(a.Service)) }) {
			return store.Item{}, nil
		}
		return item, err
	}
	return item, fmt.Errorf("a file holds %s, which no export does", row.Kind)
}

// happened is when an entry of a log was made; zero for what is no log.
func happened(fact store.Row) time.Time {
	switch f := fact.(type) {
	case snapshot.SignIn:
		return f.At
	case snapshot.AuditEvent:
		return f.At
	case snapshot.PartnerAudit:
		return f.At
	}
	return time.Time{}
}

// filling is one kind while files fill it.
type filling struct {
	kind  snapshot.Kind
	keep  func(store.Item) bool
	parts map[string]*filled // by object
	rest  store.Seen         // of the kind as a whole, beside its parts
	gaps  []string           // what its files do not tell
}

// filled is a part that files fill.
type filled struct {
	*store.Stage
	seen  store.Seen
	items []store.Item
	from  map[*portal.File]int // rows
}

// kind takes all that the files say of a kind. What they cannot say, and what was
// refused, makes the kind partial, but not the parts that were read whole.
func (e *exports) kind(ctx context.Context, kind snapshot.Kind, where string) (err error) {
	k := &filling{kind: kind, parts: map[string]*filled{}, rest: store.Seen{State: string(snapshot.Partial), Asked: e.Now().UTC()}}
	for _, f := range e.refused {
		if slices.Contains(f.Kinds, kind) {
			k.gaps = append(k.gaps, f.Place()+" cannot be read") // the reason is sealed and logged: no names
		}
	}
	files := e.files[kind]
	switch {
	case len(files) == 0 && len(k.gaps) > 0:
		e.mark(ctx, e.tenant, kind, e.tenant, snapshot.Failed, strings.Join(k.gaps, "; "))
		return nil
	case len(files) == 0:
		e.mark(ctx, e.tenant, kind, e.tenant, snapshot.NotConfigured, "no file of it is in the folder; export it from "+where)
		return nil
	}
	if k.keep, err = e.keeps(ctx, kind); err != nil {
		return err
	}
	for i, f := range files {
		if err := e.fill(ctx, k, f); err != nil {
			return err
		}
		e.Progress(Progress{Kind: kind, Done: i + 1, Total: len(files)})
	}
	objects := slices.Sorted(maps.Keys(k.parts))
	for _, object := range objects {
		if err := k.parts[object].flush(ctx); err != nil {
			return err
		}
	}
	if err := e.missing(ctx, k); err != nil {
		return err
	}
	for _, object := range objects {
		if err := k.parts[object].finish(ctx); err != nil {
			return err
		}
	}
	return e.leave(ctx, k, files)
}

// fill takes what a file says of the kind.
func (e *exports) fill(ctx context.Context, k *filling, f *portal.File) error {
	if !k.kind.IsLog() && (f.Object != "" || k.kind != snapshot.AccessAssignments && k.kind != snapshot.Groups) { // an empty list is a list
		if _, err := e.part(ctx, k, cmp.Or(f.Object, e.tenant), f, 0); err != nil {
			return err
		}
	}
	if k.kind == f.Kinds[0] && len(f.Lacks) > 0 {
		k.gaps = append(k.gaps, f.Name+" does not tell "+strings.Join(f.Lacks, ", nor "))
	}
	return f.Each(func(row portal.Row) error {
		if row.Kind != k.kind {
			return nil
		}
		item, err := e.decode(row)
		if err != nil {
			return err
		}
		object := cmp.Or(row.Object, e.tenant)
		if at := happened(item.Fact); !at.IsZero() {
			object = window{slot: at.Truncate(oneDay)}.object()
			k.rest.Since, k.rest.Until = earliest(k.rest.Since, at), latest(k.rest.Until, at.Add(time.Second))
		} else if k.kind.IsLog() { // outside what is asked, and of no day
			k.rest.Rows, k.rest.PassedOver = k.rest.Rows+1, k.rest.PassedOver+1
			return nil
		}
		if group, ok := item.Fact.(snapshot.Group); ok {
			if !k.keep(item) {
				k.rest.Rows, k.rest.PassedOver = k.rest.Rows+1, k.rest.PassedOver+1
				return nil
			}
			object = group.ID
		}
		p, err := e.part(ctx, k, object, f, 1)
		if err != nil {
			return err
		}
		return p.put(ctx, item, k.keep)
	})
}

// leave notes what of the kind was not seen, in a part of its own, with the files
// that fed no other.
func (e *exports) leave(ctx context.Context, k *filling, files []*portal.File) error {
	if len(k.gaps) == 0 && len(k.parts) > 0 {
		return nil
	}
	if len(k.gaps) == 0 {
		k.rest.State = store.Whole
	}
	object := e.tenant
	if k.parts[object] != nil { // the list itself
		object = snapshot.Exports
	}
	st, err := e.taken.Stage(ctx, store.Part{Kind: string(k.kind), Scope: e.tenant, Object: object})
	if err != nil {
		return err
	}
	fed := map[*portal.File]bool{}
	for _, p := range k.parts {
		for f := range p.from {
			fed[f] = true
		}
	}
	var unused []store.Request
	for _, f := range files {
		if !fed[f] {
			unused = append(unused, store.Request{Path: f.Name, Asked: k.rest.Asked, Rows: f.Rows, SHA256: f.SHA256})
		}
	}
	k.rest.Reason = strings.Join(k.gaps, "; ")
	return st.Finish(ctx, k.rest, unused)
}

// part opens a part of the kind, once, and notes how many rows a file has for it.
func (e *exports) part(ctx context.Context, k *filling, object string, f *portal.File, rows int) (*filled, error) {
	p := k.parts[object]
	if p == nil {
		st, err := e.taken.Stage(ctx, store.Part{Kind: string(k.kind), Scope: e.tenant, Object: object})
		if err != nil {
			return nil, err
		}
		p = &filled{Stage: st, seen: store.Seen{State: store.Whole, Asked: e.Now().UTC()}, from: map[*portal.File]int{}}
		k.parts[object] = p
	}
	if _, ok := p.from[f]; !ok {
		p.seen.Pages++
	}
	p.from[f] += rows
	p.seen.Rows += rows
	return p, nil
}

// pageful is how many items are staged together, as a page of the API's.
const pageful = 500

func (p *filled) put(ctx context.Context, item store.Item, keep func(store.Item) bool) error {
	if item.Fact == nil || !keep(item) {
		p.seen.PassedOver++
		return nil
	}
	if p.items = append(p.items, item); len(p.items) < pageful {
		return nil
	}
	return p.flush(ctx)
}

func (p *filled) flush(ctx context.Context) error {
	if len(p.items) == 0 {
		return nil
	}
	err := p.Put(ctx, p.items)
	p.items = p.items[:0]
	return err
}

// finish notes the part with the files that fed it. Of a day of a log no window is
// claimed: the API reads the day again where both are used.
func (p *filled) finish(ctx context.Context) error {
	var requests []store.Request
	for f, rows := range p.from {
		requests = append(requests, store.Request{Path: f.Name, Asked: p.seen.Asked, Rows: rows, SHA256: f.SHA256})
	}
	slices.SortFunc(requests, func(a, b store.Request) int { return strings.Compare(a.Path, b.Path) })
	return p.Finish(ctx, p.seen, requests)
}

// keeps tells which items the API's collector would have asked for: groups that are
// mapped or nested, people in reach of them, declared accounts and managers.
func (e *exports) keeps(ctx context.Context, kind snapshot.Kind) (func(store.Item) bool, error) {
	switch kind {
	case snapshot.Groups:
		walked, err := e.walked(ctx)
		return func(i store.Item) bool { return walked[i.Fact.(snapshot.Group).ID] }, err
	case snapshot.Users:
		reach, err := e.reach(ctx)
		if err != nil {
			return nil, err
		}
		return e.people(reach)
	case snapshot.MFARegistrations:
		reach, err := e.reach(ctx)
		if err != nil {
			return nil, err
		}
		err = e.addUsers(ctx, reach)
		return func(i store.Item) bool { return reach[i.Fact.(snapshot.MFARegistration).Principal] }, err
	}
	return func(store.Item) bool { return true }, nil
}

// people are those in reach, declared accounts, and the managers of both.
func (e *exports) people(reach map[string]bool) (func(store.Item) bool, error) {
	staff, managers := map[string]bool{}, map[string]bool{}
	for _, account := range e.Declared.Staff {
		staff[strings.ToLower(account.UPN)] = true
	}
	wanted := func(u snapshot.User) bool { return reach[u.ID] || staff[strings.ToLower(u.UPN)] }
	for _, f := range e.files[snapshot.Users] {
		if err := f.Each(func(row portal.Row) error {
			item, err := e.decode(row)
			if err != nil {
				return err
			}
			if u := item.Fact.(snapshot.User); wanted(u) {
				managers[u.Manager] = true
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return func(i store.Item) bool {
		u := i.Fact.(snapshot.User)
		return wanted(u) || managers[u.ID]
	}, nil
}

// walked are the groups that matter: mapped ones and those nested in them.
func (e *exports) walked(ctx context.Context) (map[string]bool, error) {
	level, _, err := e.groupsToWalk(ctx)
	walked := map[string]bool{}
	for len(level) > 0 && err == nil {
		for _, id := range level {
			walked[id] = true
		}
		level, err = e.nestedIn(ctx, level)
		level = slices.DeleteFunc(level, func(id string) bool { return walked[id] })
	}
	return walked, err
}

// missing words what the files of a kind should have told and did not.
func (e *exports) missing(ctx context.Context, k *filling) error {
	asked, what := map[string]bool{}, ""
	switch k.kind {
	case snapshot.SignIns, snapshot.Audits, snapshot.PartnerAudits:
		k.gaps = append(k.gaps, "a download holds what the page showed when it was made: which days and filters were chosen is not told")
	case snapshot.Relationships:
		var shrunk *shrunkError
		if err := e.shrunk("relationship", "relationships")(ctx, k.parts[e.tenant].seen.Rows); !errors.As(err, &shrunk) {
			return err
		}
		list := &k.parts[e.tenant].seen
		list.State, list.Reason = string(snapshot.Partial), shrunk.Error()
		return nil
	case snapshot.AccessAssignments:
		known, err := e.relationships(ctx)
		if err != nil {
			return err
		}
		for _, x := range known {
			asked[x.id] = snapshot.MayGiveAccess(x.status)
		}
		what = "relationships"
	case snapshot.Memberships, snapshot.Groups:
		walked, err := e.walked(ctx)
		if err != nil {
			return err
		}
		asked, what = walked, "groups"
	}
	matter := 0
	var untold []string
	for id, matters := range asked {
		if matters {
			matter++
		}
		if matters && k.parts[id] == nil {
			untold = append(untold, id)
		}
	}
	if len(untold) > 0 {
		k.gaps = append(k.gaps, fmt.Sprintf("no file tells of %d of %d %s, such as %s", len(untold), matter, what, slices.Min(untold)))
	}
	return nil
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
