package collectors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// Options say what to collect and with what. Tenant, Client, Store, At and Now are
// required.
type Options struct {
	Tenant string // of the MSP
	Client Client // of the MSP's tenant
	Store  *store.Store

	// What is read beside the MSP's own tenant; what is nil is not configured.
	Customer  func(tenant string) (Client, error) // of a customer's own tenant, for those declared with kinds to collect
	Azure     Client                              // Azure Resource Manager, as the MSP's app
	Partner   Client                              // Partner Center
	Delegated bool                                // Client acts for a signed-in person, so that Lighthouse answers it

	At  time.Time        // the instant of the snapshot
	Now func() time.Time // when a part is asked; called by several goroutines

	Declared     snapshot.Declared
	Domains      []string        // of the MSP's mail and sign-in names, beside those of its declared accounts
	Kinds        []snapshot.Kind // empty: all
	Customers    []string        // of whom is asked what belongs to one customer; empty: all
	AcceptShrink bool            // lists that lost more than half of what was known are believed

	ResumeWithin time.Duration  // how old an unfinished run may be to go on with it; 0: 6 h
	Log          *slog.Logger   // nil: silent
	Progress     func(Progress) // told of each part that is done, one at a time; nil: nobody
}

// Progress says how far a run is. What is known of the whole grows as it goes on.
type Progress struct {
	Kind                     snapshot.Kind // of the part that was done last
	Done, Total              int           // parts of all kinds
	CustomersDone, Customers int
}

// Result is a sealed snapshot. Coverage says what of it was seen.
type Result struct {
	Snapshot int64
	Seal     string        // hash of its record in the chain
	Resumed  bool          // an unfinished run was taken up
	Skew     time.Duration // how far our clock is ahead of the service's, where that matters; else 0
	Coverage []snapshot.Coverage
	Refused  []string // files of which nothing was taken, and why
}

// Run takes one snapshot and seals it, whatever part of the evidence could be had:
// what could not is named in the coverage. An error means that nothing was sealed;
// the next Run goes on where this one was interrupted.
func Run(ctx context.Context, o Options) (Result, error) {
	return o.take(ctx, o.request(), (*runner).collect)
}

// take runs collect over a new snapshot, or an unfinished one of the same request,
// and seals what it brought.
func (o Options) take(ctx context.Context, request string, collect func(*runner, context.Context) error) (Result, error) {
	o.Tenant, o.At = strings.ToLower(o.Tenant), o.At.UTC().Truncate(time.Second)
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	if err := o.notBefore(ctx); err != nil {
		return Result{}, err
	}
	taken, resumed, err := o.Store.Begin(ctx, o.At, o.Tenant, request, cmp.Or(o.ResumeWithin, 6*time.Hour))
	if err != nil {
		return Result{}, err
	}
	o.At = taken.At
	result := Result{Snapshot: taken.ID, Resumed: resumed}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &runner{Options: o, taken: taken, resumed: resumed, stop: stop, tallies: map[string]*tally{}}
	if err := collect(r, ctx); err != nil {
		return result, fmt.Errorf("collect snapshot %d: %w", taken.ID, err)
	}
	seal, err := taken.Seal(ctx, derive)
	if err != nil {
		return result, err
	}
	result.Seal, result.Skew = seal.Hash, r.skew()
	if result.Skew != 0 {
		o.Log.Warn("this machine's clock and the service's differ: instants of this snapshot may be wrong by as much", "run", taken.ID, "ahead", result.Skew)
	}
	result.Coverage, err = snapshot.LoadCoverage(ctx, o.Store.Read(), taken.ID)
	for _, c := range result.Coverage {
		level := slog.LevelInfo
		if c.State != snapshot.Complete || c.Reason != "" {
			level = slog.LevelWarn
		}
		o.Log.Log(ctx, level, "collected", "run", taken.ID, "kind", c.Kind, "state", c.State, "reason", c.Reason, "count", c.Rows)
	}
	return result, err
}

// notBefore refuses an instant before the last snapshot's: one history has one order.
func (o Options) notBefore(ctx context.Context) error {
	later, err := snapshot.FirstFrom(ctx, o.Store.Read(), o.At.Add(time.Second))
	switch {
	case errors.Is(err, snapshot.ErrNoSnapshot):
		return nil
	case err == nil:
		return fmt.Errorf("the clock stands before snapshot %d, which is of %s: set it right", later.ID, later.At.Format(time.RFC3339))
	}
	return err
}

// mostSkew is how far two clocks may differ before it matters to what they time.
const mostSkew = 2 * time.Minute

func (r *runner) skew() time.Duration {
	if c, ok := r.Client.(interface{ Skew() (time.Duration, bool) }); ok {
		if skew, known := c.Skew(); known && skew.Abs() > mostSkew {
			return skew
		}
	}
	return 0
}

// request says what is asked for, so that only a like run is resumed.
func (o Options) request() string {
	kinds, customers := make([]string, len(o.Kinds)), slices.Clone(o.Customers)
	for i, k := range o.Kinds {
		kinds[i] = string(k)
	}
	slices.Sort(kinds)
	slices.Sort(customers)
	return "kinds: " + cmp.Or(strings.Join(slices.Compact(kinds), ", "), "all") +
		"; customers: " + strings.ToLower(cmp.Or(strings.Join(slices.Compact(customers), ", "), "all"))
}

// runner is one run.
type runner struct {
	Options
	taken   *store.Run
	resumed bool
	stop    context.CancelCauseFunc // ends the run on trouble of our own

	mu      sync.Mutex
	far     Progress
	tallies map[string]*tally // by customer
}

const (
	leftOutKind     = "left out by --kind"
	leftOutCustomer = "left out by --customer"
)

// collect asks in an order in which each step knows what the next one needs: who
// the customers are, which groups reach them and by which ways, who is in those.
// What waits for nothing of each other is asked together.
func (r *runner) collect(ctx context.Context) error {
	for _, d := range r.Declared.Customers {
		if len(d.Collect) > 0 {
			r.await(d.Tenant)
		}
	}
	for _, step := range [][]func(context.Context) error{
		{r.tenantLists}, {r.assignments, r.partnerCustomers, r.azureDelegations, r.onceLists}, {r.walkGroups},
		{r.people, r.logs, r.partnerLog, r.customerTenants, r.azureActivity},
	} {
		var all sync.WaitGroup
		for _, do := range step {
			all.Go(func() {
				if err := do(ctx); err != nil {
					r.stop(err)
				}
			})
		}
		all.Wait()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

func (r *runner) tenantLists(ctx context.Context) error {
	lists := []collector{customers{r.shrunk("customer", "customers")}, relationships{r.shrunk("relationship", "relationships")}}
	silent := make([]error, len(lists))
	r.together(ctx, len(lists), func(ctx context.Context, i int) {
		if err := r.part(ctx, r.msp(), lists[i], r.Tenant); unanswered(err) {
			silent[i] = err
		}
	})
	if slices.Contains(silent, nil) {
		return nil
	}
	return fmt.Errorf("nothing can be read from tenant %s: %w", r.Tenant, silent[0])
}

// unanswered reports that there is no service to speak of, or no token for it:
// asking for everything else would only repeat that, for hours.
func unanswered(err error) bool {
	var said *graph.Error
	return errors.As(err, &said) && (said.Status == 0 || said.Reason == graph.Unauthorized || said.Reason == graph.NoConsent)
}

// assignments asks for the access assignments of every relationship that gives or
// may give access.
func (r *runner) assignments(ctx context.Context) error {
	c := accessAssignments{}
	if !r.asks(c) {
		r.notAsked(ctx, c, r.Tenant, leftOutKind)
		return nil
	}
	known, err := r.relationships(ctx)
	if err != nil {
		return err
	}
	known = slices.DeleteFunc(known, func(x relationship) bool { return !snapshot.MayGiveAccess(x.status) })
	r.expect(len(known))
	for _, x := range known {
		r.await(x.customer)
	}
	r.together(ctx, len(known), func(ctx context.Context, i int) {
		x := known[i]
		if !r.asksCustomer(x.customer) {
			r.notAsked(ctx, c, x.id, leftOutCustomer)
		} else {
			r.part(ctx, r.msp(), c, x.id)
		}
		r.settle(x.customer)
	})
	r.none(ctx, c, len(known), "relationship")
	return nil
}

// onceLists asks for what there is once in the MSP's tenant: groups follow from its
// directory roles too, and from its licences how long its logs are kept.
func (r *runner) onceLists(ctx context.Context) error {
	once := []collector{accessPackages{}, directoryRoles{snapshot.DirectoryRoles}, licences{snapshot.Licences}, conditionalAccess{snapshot.ConditionalAccess}}
	if r.Delegated {
		once = append(once, lighthouse{})
	} else {
		r.notConfigured(ctx, snapshot.Lighthouse, "Microsoft lets no app read it, only a signed-in person: sign in with a credential of kind azure-cli or token to have it")
	}
	r.together(ctx, len(once), func(ctx context.Context, i int) { r.part(ctx, r.msp(), once[i], r.Tenant) })
	return nil
}

// ofGroup are the lists that are asked for each group, in this order: assignments
// and members back to back, so that an activation explains why somebody is in the
// members list.
var ofGroup = []collector{groupAssignments{}, memberships{}, groupEligibilities{}, groupActivations{}, groupPolicies{}, groupOwners{}}

// walkGroups asks for the mapped groups and, level by level, for those nested in
// them, each once.
func (r *runner) walkGroups(ctx context.Context) error {
	level, maybe, err := r.groupsToWalk(ctx)
	if err != nil {
		return err
	}
	known, err := r.standingGroups(ctx)
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	for len(level) > 0 && ctx.Err() == nil {
		for _, id := range level {
			seen[id] = true
		}
		r.expect((1 + len(ofGroup)) * len(level))
		walked := make([]string, len(level))
		r.together(ctx, len(level), func(ctx context.Context, i int) {
			group, here := known[level[i]]
			if r.walkGroup(ctx, level[i], &groups{maybe: maybe[level[i]], none: maybe[level[i]] && !here, gone: group.Gone}) {
				walked[i] = level[i]
			}
		})
		if level, err = r.nestedIn(ctx, walked); err != nil {
			return err
		}
		level = slices.DeleteFunc(level, func(id string) bool { return seen[id] })
	}
	for _, c := range append([]collector{&groups{}}, ofGroup...) {
		if !r.asks(c) {
			r.notAsked(ctx, c, r.Tenant, leftOutKind)
		} else {
			r.none(ctx, c, len(seen), "mapped group")
		}
	}
	if len(seen) == 0 || !r.asks(&groups{}) {
		return nil
	}
	return r.endGroupList(ctx, seen)
}

// walkGroup asks for a group and its lists, and reports whether it is one.
func (r *runner) walkGroup(ctx context.Context, id string, group *groups) bool {
	if r.asks(group) {
		r.part(ctx, r.msp(), group, id)
	}
	if group.none {
		return false
	}
	for _, c := range ofGroup {
		if r.asks(c) {
			r.groupPart(ctx, c, id, group.gone)
		}
	}
	return true
}

// people asks for users, then for what is said of them.
func (r *runner) people(ctx context.Context) error {
	reach, err := r.reach(ctx)
	if err != nil {
		return err
	}
	staff := map[string]bool{}
	for _, account := range r.Declared.Staff {
		staff[strings.ToLower(account.UPN)] = true
	}
	r.part(ctx, r.msp(), users{reach, staff}, r.Tenant)
	if err := r.addUsers(ctx, reach); err != nil {
		return err
	}
	said := []collector{mfaRegistrations{reach}, riskyUsers{reach}}
	r.together(ctx, len(said), func(ctx context.Context, i int) { r.part(ctx, r.msp(), said[i], r.Tenant) })
	return nil
}

// logs asks for the logs of the MSP's own tenant.
func (r *runner) logs(ctx context.Context) error {
	if err := r.log(ctx, r.msp(), snapshot.SignIns, snapshot.PremiumLogKept, oneDay, func(w window) collector { return signIns{r.Tenant, w} }); err != nil {
		return err
	}
	return r.auditLog(ctx, r.msp(), snapshot.Audits, snapshot.Licences, oneDay, func(w window) collector { return audits{kind: snapshot.Audits, window: w, msp: r.Tenant} })
}

// partnerLog asks for the log of Partner Center.
func (r *runner) partnerLog(ctx context.Context) error {
	if r.Partner == nil {
		r.notConfigured(ctx, snapshot.PartnerAudits, partnerNotAsked)
		return nil
	}
	return r.log(ctx, place{r.Tenant, r.Partner}, snapshot.PartnerAudits, snapshot.PartnerLogKept, oneDay, func(w window) collector { return partnerAudits{w} })
}

const partnerNotAsked = "Partner Center is not asked: set sources.partner_center in the configuration"

// place is where a part is asked: the tenant it is about, and who answers for it.
type place struct {
	scope  string
	client Client
}

func (r *runner) msp() place { return place{r.Tenant, r.Client} }

func (r *runner) asks(c collector) bool { return r.asksKind(c.Kind()) }

func (r *runner) asksKind(kind snapshot.Kind) bool {
	return len(r.Kinds) == 0 || slices.Contains(r.Kinds, kind)
}

func (r *runner) asksCustomer(tenant string) bool {
	return len(r.Customers) == 0 || slices.ContainsFunc(r.Customers, func(id string) bool { return strings.EqualFold(id, tenant) })
}

// together runs do for each index, as many at once as the client allows, and stops
// beginning new ones when the run has ended.
func (r *runner) together(ctx context.Context, n int, do func(ctx context.Context, i int)) {
	r.Client.Together(ctx, n, func(ctx context.Context, i int) {
		if ctx.Err() == nil {
			do(ctx, i)
		}
	})
}

// part collects one part, notes how much of it was seen, and tells what ended it.
func (r *runner) part(ctx context.Context, at place, c collector, object string) error {
	s := r.open(ctx, at, c, object)
	if s == nil {
		return nil
	}
	err := s.collect(ctx, c, snapshot.Part{Kind: c.Kind(), Scope: at.scope, Object: object})
	r.close(ctx, at, c, object, s, err)
	return err
}

// groupPart is part for a list of one group. Of a group that is gone, "not found"
// is the whole answer: there is nothing in it.
func (r *runner) groupPart(ctx context.Context, c collector, group string, gone bool) {
	s := r.open(ctx, r.msp(), c, group)
	if s == nil {
		return
	}
	err := s.collect(ctx, c, snapshot.Part{Kind: c.Kind(), Scope: r.Tenant, Object: group})
	if gone && s.seen.Pages == 0 && notFound(err) {
		s.refused(err)
		err = nil
	}
	r.close(ctx, r.msp(), c, group, s, err)
}

// open begins a part. It gives nil when there is nothing to do: the kind is left
// out, this run saw the part whole before it was interrupted, or the run has ended.
func (r *runner) open(ctx context.Context, at place, c collector, object string) *stage {
	if !r.asks(c) {
		r.notAsked(ctx, c, object, leftOutKind)
		return nil
	}
	stored := store.Part{Kind: string(c.Kind()), Scope: at.scope, Object: object}
	if r.resumed {
		state, _, err := r.taken.Seen(ctx, stored)
		if err != nil {
			r.stop(err)
			return nil
		}
		if state == store.Whole {
			r.progress(c)
			return nil
		}
	}
	rows, err := r.taken.Stage(ctx, stored)
	if err != nil {
		r.stop(err)
		return nil
	}
	return &stage{Client: at.client, asked: r.Now().UTC(), rows: rows}
}

// close notes how much of a part was seen. Trouble that is neither Graph's nor a
// row's is our own and ends the run; an interruption leaves the part to be asked again.
func (r *runner) close(ctx context.Context, at place, c collector, object string, s *stage, err error) {
	if ctx.Err() != nil {
		return
	}
	state, reason, ours := judge(err, SourceOf(c.Kind()), s.seen.Pages > 0)
	if ours {
		r.stop(fmt.Errorf("%s of %s: %w", c.Kind(), object, err))
		return
	}
	s.refused(err)
	if state == snapshot.Complete {
		reason = s.remark()
	}
	s.seen.State, s.seen.Reason, s.seen.Asked = string(state), reason, s.asked
	if err != nil {
		r.Log.Warn("not seen whole", "run", r.taken.ID, "kind", c.Kind(), "customer", at.scope, "object", object, "state", state, "error", err)
	}
	if err := s.rows.Finish(ctx, s.seen, s.requests); err != nil {
		r.stop(err)
		return
	}
	r.progress(c)
}

// notAsked notes that a part of the MSP's tenant was left out.
func (r *runner) notAsked(ctx context.Context, c collector, object, reason string) {
	r.mark(ctx, r.Tenant, c.Kind(), object, snapshot.NotAsked, reason)
}

// notConfigured notes of a kind that nothing was set up to ask for it.
func (r *runner) notConfigured(ctx context.Context, kind snapshot.Kind, reason string) {
	if !r.asksKind(kind) {
		r.mark(ctx, r.Tenant, kind, r.Tenant, snapshot.NotAsked, leftOutKind)
		return
	}
	r.mark(ctx, r.Tenant, kind, r.Tenant, snapshot.NotConfigured, reason)
}

// none notes for a kind without parts whether there truly is nothing to ask for, or
// nothing is known because the kinds before it were not seen.
func (r *runner) none(ctx context.Context, c collector, known int, of string) {
	if known > 0 || ctx.Err() != nil {
		return
	}
	unseen, err := r.unseen(ctx)
	switch {
	case err != nil:
		r.stop(err)
	case unseen != "":
		r.notAsked(ctx, c, r.Tenant, "no "+of+" is known, because "+unseen+" were not seen whole")
	default:
		r.mark(ctx, r.Tenant, c.Kind(), r.Tenant, snapshot.Complete, "")
	}
}

func (r *runner) mark(ctx context.Context, scope string, kind snapshot.Kind, object string, state snapshot.State, reason string) {
	r.markWindow(ctx, scope, kind, object, window{}, state, reason)
}

// markWindow is mark for a window of a log.
func (r *runner) markWindow(ctx context.Context, scope string, kind snapshot.Kind, object string, w window, state snapshot.State, reason string) {
	st, err := r.taken.Stage(ctx, store.Part{Kind: string(kind), Scope: scope, Object: object})
	if err == nil {
		err = st.Finish(ctx, store.Seen{State: string(state), Reason: reason, Asked: r.Now().UTC(), Since: w.since, Until: w.until}, nil)
	}
	if err != nil {
		r.stop(err)
	}
}

// expect counts parts that are going to be asked, progress one that is done.
func (r *runner) expect(parts int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.far.Total += parts
}

func (r *runner) progress(c collector) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.far.Kind, r.far.Done = c.Kind(), r.far.Done+1
	r.far.Total = max(r.far.Total, r.far.Done)
	r.Progress(r.far)
}

// tally is what is left to read of one customer.
type tally struct{ left int }

// await counts something that is to be read of a customer, settle what was read or
// given up: with the last of it the customer is done.
func (r *runner) await(customer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tallies[strings.ToLower(customer)]
	if t == nil {
		t = &tally{}
		r.tallies[strings.ToLower(customer)] = t
		r.far.Customers++
	}
	t.left++
}

func (r *runner) settle(customer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tallies[strings.ToLower(customer)]
	if t.left--; t.left > 0 {
		return
	}
	r.far.CustomersDone++
	r.Progress(r.far)
	r.Log.Info("customer read", "run", r.taken.ID, "customer", strings.ToLower(customer), "done", r.far.CustomersDone, "of", r.far.Customers)
}
