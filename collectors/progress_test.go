package collectors_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"

	"countersign/collectors"
	"countersign/collectors/snapshot"
)

// After an interruption no further customer is begun, and none is called done.
func TestNoCustomerIsDoneAfterAnInterruption(t *testing.T) {
	w := newCanned().start(t)
	var clients atomic.Int64
	var log bytes.Buffer
	ctx, stop := context.WithCancel(t.Context())
	o := w.options()
	o.Kinds = []snapshot.Kind{snapshot.CustomerLicences}
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	for i := range 100 {
		o.Declared.Customers = append(o.Declared.Customers, snapshot.DeclaredCustomer{Tenant: fmt.Sprintf("c%d", i), Collect: o.Kinds})
	}
	o.Customer = func(string) (collectors.Client, error) {
		clients.Add(1)
		stop()
		return o.Client, nil
	}
	if _, err := collectors.Run(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if n := clients.Load(); n > 20 {
		t.Errorf("%d customers were begun", n)
	}
	if n := strings.Count(log.String(), "customer=c"); n > 0 {
		t.Errorf("%d customers are called done:\n%s", n, log.String())
	}
}

// However little is asked for, the parts that are done come to all that were expected.
func TestProgressReachesItsTotal(t *testing.T) {
	chain := []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments}
	for name, change := range map[string]func(*collectors.Options){
		"all":          func(*collectors.Options) {},
		"some kinds":   func(o *collectors.Options) { o.Kinds = append(chain, snapshot.Groups, snapshot.Memberships) },
		"no groups":    func(o *collectors.Options) { o.Kinds = append(chain, snapshot.Memberships) },
		"one customer": func(o *collectors.Options) { o.Customers, o.Kinds = []string{"c9"}, chain },
		"subscriptions": func(o *collectors.Options) {
			o.Customers, o.Kinds = []string{"c9"}, []snapshot.Kind{snapshot.AzureDelegations}
			o.Declared.Customers = []snapshot.DeclaredCustomer{{Tenant: "c9"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := mixed()
			for i := range 20 {
				c.relationship(fmt.Sprintf("x%d", i), "c9", "active")
				c.rows["/subscriptions"] = append(c.rows["/subscriptions"], fmt.Sprintf(`{"subscriptionId":"s-%d","tenantId":"c9","displayName":"x","state":"Enabled"}`, i))
			}
			var last collectors.Progress
			w := c.start(t)
			w.run(change, func(o *collectors.Options) {
				o.Azure = azureClient(t, w.url)
				o.Progress = func(p collectors.Progress) { last = p }
			})
			if last.Done != last.Total || last.CustomersDone != last.Customers {
				t.Errorf("at the end %+v", last)
			}
		})
	}
}
