package collectors

import (
	"context"
	"strings"

	"countersign/collectors/snapshot"
)

// Progress says how far a run is. What is known of the whole grows as it goes on.
type Progress struct {
	Kind                     snapshot.Kind // of the part that was done last
	Done, Total              int           // parts of all kinds
	CustomersDone, Customers int
}

// expect counts parts that are going to be asked or marked, progress one that is done.
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

// await counts something that is to be read of a customer, settle what was read or
// given up: with the last of it the customer is done. What was cut short is neither.
func (r *runner) await(customer string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.left[strings.ToLower(customer)]++
	r.far.Customers = len(r.left)
}

func (r *runner) settle(ctx context.Context, customer string) {
	if ctx.Err() != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	customer = strings.ToLower(customer)
	if r.left[customer]--; r.left[customer] > 0 {
		return
	}
	r.far.CustomersDone++
	r.Progress(r.far)
	r.Log.Info("customer done", "run", r.taken.ID, "customer", customer, "done", r.far.CustomersDone, "of", r.far.Customers)
}
