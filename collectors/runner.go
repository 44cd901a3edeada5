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
	AcceptShrink bool            // lists that lost more than a fifth of what was known, or are empty, are believed

	Log      *slog.Logger   // nil: silent
	Progress func(Progress) // told of each part that is done, one at a time; nil: nobody
}

// resumeWithin is how old an unfinished run may be to go on with it.
const resumeWithin = 6 * time.Hour

// Result is a sealed snapshot. Coverage says what of it was seen.
type Result struct {
	Snapshot int64
	Seal     string // hash of its record in the chain
	Resumed  bool   // an unfinished run was taken up
	Coverage []snapshot.Coverage
	Refused  []string // files of which nothing was taken, and why
}

// Run takes one snapshot and seals it, whatever part of the evidence could be had:
// what could not is named in the coverage. With an error nothing was sealed, and the
// next Run goes on where this one was interrupted, unless the result has a Seal.
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
	taken, resumed, err := o.Store.Begin(ctx, o.At, o.Tenant, request, resumeWithin)
	if err != nil {
		return Result{}, err
	}
	o.At = taken.At
	result := Result{Snapshot: taken.ID, Resumed: resumed}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &runner{Options: o, taken: taken, resumed: resumed, stop: stop, left: map[string]int{}}
	err = collect(r, ctx)
	skew, known := r.skew()
	if known && (err == nil || skew != 0) { // whoever takes the run up may have a clock that was set
		err = errors.Join(err, taken.Skewed(context.WithoutCancel(ctx), skew))
	}
	if err != nil {
		return result, fmt.Errorf("collect snapshot %d: %w", taken.ID, err)
	}
	seal, err := taken.Seal(ctx, derive)
	if err != nil {
		return result, err
	}
	result.Seal = seal.Hash
	if skew != 0 {
		o.Log.Warn("this machine's clock and the service's differ: instants of this snapshot may be wrong by as much", "run", taken.ID, "ahead", skew)
	}
	result.Coverage, err = snapshot.LoadCoverage(ctx, o.Store.Read(), taken.ID)
	if err != nil {
		return result, fmt.Errorf("snapshot %d is sealed, but its coverage cannot be read: %w", taken.ID, err)
	}
	for _, c := range result.Coverage {
		level := slog.LevelInfo
		meant := c.State == snapshot.NotAsked || c.State == snapshot.NotConfigured // what nobody asked for is no warning
		if !meant && (c.State != snapshot.Complete || c.Reason != snapshot.Limits[c.Kind]) {
			level = slog.LevelWarn
		}
		o.Log.Log(ctx, level, "collected", "run", taken.ID, "kind", c.Kind, "state", c.State, "reason", c.Reason, "count", c.Rows)
	}
	return result, nil
}

// notBefore refuses an instant before the last snapshot's: one history has one order.
func (o Options) notBefore(ctx context.Context) error {
	later, err := snapshot.FirstFrom(ctx, o.Store.Read(), o.At.Add(time.Second))
	switch {
	case errors.Is(err, snapshot.ErrNoSnapshot):
		return nil
	case err == nil:
		return fmt.Errorf("%s lies before snapshot %d, which is of %s: set the clock right, or leave out --at", o.At.UTC().Format(time.RFC3339), later.ID, later.At.Format(time.RFC3339))
	}
	return err
}

// skew is how far our clock is ahead of the service's, where that matters; else 0.
func (r *runner) skew() (ahead time.Duration, known bool) {
	if c, ok := r.Client.(interface{ Skew() (time.Duration, bool) }); ok {
		ahead, known = c.Skew()
	}
	if ahead.Abs() <= snapshot.NoticeableSkew {
		ahead = 0
	}
	return ahead, known
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
	own     own                     // names of the MSP's people, for customers' tenants

	mu   sync.Mutex
	far  Progress
	left map[string]int // to read of each customer
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
		{r.tenantLists}, {r.refuseUnknown}, {r.assignments, r.partnerCustomers, r.azureDelegations, r.onceLists}, {r.walkGroups},
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
