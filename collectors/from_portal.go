package collectors

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"countersign/collectors/portal"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// RunFromPortal takes one snapshot from files that were exported from the portals
// and seals it, as Run does from the API: the same facts in the same parts, so that
// both histories meet. The files are the evidence: their names and digests are
// sealed. A file that cannot be read whole is named in Refused, and nothing of it is
// taken; when that is so of every file, nothing is sealed and the error says why. Of the
// options, those that say what is asked of whom are ignored.
func RunFromPortal(ctx context.Context, o Options, files fs.FS) (Result, error) {
	known := map[string]string{}
	for _, c := range o.Declared.Customers {
		known[c.Name] = c.Tenant
	}
	folder, err := portal.Open(files, portal.Options{Customers: known})
	if err != nil {
		return Result{}, err
	}
	e := &exports{files: map[snapshot.Kind][]*portal.File{}, refused: folder.Faults}
	if err := e.check(ctx, folder.Files, strings.ToLower(o.Tenant), o.At.Add(oneDay)); err != nil {
		return Result{}, err
	}
	refused := e.words()
	if len(e.files) == 0 {
		return Result{Refused: refused}, errors.New("no file of the folder can be taken: " + cmp.Or(strings.Join(refused, "; "), "there is none; the README lists what to export from where"))
	}
	o.Kinds, o.Customers = nil, nil
	result, err := o.take(ctx, e.request(), func(r *runner, ctx context.Context) error {
		e.run = r
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
	run     *runner
	files   map[snapshot.Kind][]*portal.File
	refused []*portal.Fault
	aside   []*portal.File // known, and no evidence in them
}

// check reads every file as the run will, so that a row which cannot be taken
// refuses its file before any other row of it is staged. Nothing can have happened
// after until.
func (e *exports) check(ctx context.Context, files []*portal.File, tenant string, until time.Time) error {
	lists := map[snapshot.Part]string{}
	for _, f := range files {
		err := f.Each(func(row portal.Row) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			item, err := decodeExported(tenant, row)
			if at := happened(item.Fact); err == nil && at.After(until) {
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
		e.run.Log.Info("passed over", "run", e.run.taken.ID, "file", f.Name, "holds", f.What)
	}
	e.run.templates(ctx)
	told := map[snapshot.Kind]bool{snapshot.GDAPTemplates: true}
	for _, from := range exported {
		told[from.kind] = true
		if err := e.kind(ctx, from.kind, from.where); err != nil {
			return err
		}
	}
	for _, kind := range snapshot.Kinds {
		if !told[kind] {
			e.run.mark(ctx, e.run.Tenant, kind, e.run.Tenant, snapshot.NotConfigured, "no portal exports it: it takes an app, or a signed-in person")
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return nil
}

// decodeExported reads a row as the API's collector of the kind does. An item without a fact
// is outside what is asked.
func decodeExported(tenant string, row portal.Row) (item store.Item, err error) {
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
		if s, ok := item.Fact.(snapshot.SignIn); ok && (s.Principal == "" || s.Customer == "" || s.Customer == tenant) { // no person, or no customer
			return store.Item{}, nil
		}
		return item, err
	case snapshot.Audits:
		item, err := audits{kind: snapshot.Audits}.decode(tenant, row.Graph)
		if a, ok := item.Fact.(snapshot.AuditEvent); ok && !like(a.Service, auditServices...) {
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

// keeps tells which items the API's collector would have asked for: groups that are
// mapped or nested, people in reach of them, declared accounts and managers.
func (e *exports) keeps(ctx context.Context, kind snapshot.Kind) (func(store.Item) bool, error) {
	switch kind {
	case snapshot.Groups:
		walked, err := e.walked(ctx)
		return func(i store.Item) bool { return walked[i.Fact.(snapshot.Group).ID] }, err
	case snapshot.Users:
		reach, err := e.run.reach(ctx)
		if err != nil {
			return nil, err
		}
		return e.people(reach)
	case snapshot.MFARegistrations:
		reach, err := e.run.reach(ctx)
		if err != nil {
			return nil, err
		}
		err = e.run.addUsers(ctx, reach)
		return func(i store.Item) bool { return reach[i.Fact.(snapshot.MFARegistration).Principal] }, err
	}
	return func(store.Item) bool { return true }, nil
}

// people are those in reach, declared accounts, and the managers of both.
func (e *exports) people(reach map[string]bool) (func(store.Item) bool, error) {
	staff, managers := map[string]bool{}, map[string]bool{}
	for _, account := range e.run.Declared.Staff {
		staff[strings.ToLower(account.UPN)] = true
	}
	wanted := func(u snapshot.User) bool { return reach[u.ID] || staff[strings.ToLower(u.UPN)] }
	for _, f := range e.files[snapshot.Users] {
		if err := f.Each(func(row portal.Row) error {
			item, err := decodeExported(e.run.Tenant, row)
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
	level, _, err := e.run.groupsToWalk(ctx)
	walked := map[string]bool{}
	for len(level) > 0 && err == nil {
		for _, id := range level {
			walked[id] = true
		}
		level, err = e.run.nestedIn(ctx, level)
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
		if err := e.run.shrunk("relationship", "relationships")(ctx, k.parts[e.run.Tenant].seen.Rows); !errors.As(err, &shrunk) {
			return err
		}
		list := &k.parts[e.run.Tenant].seen
		list.State, list.Reason = string(snapshot.Partial), shrunk.Error()
		return nil
	case snapshot.AccessAssignments:
		known, err := e.run.relationships(ctx)
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
