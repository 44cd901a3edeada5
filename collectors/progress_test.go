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
