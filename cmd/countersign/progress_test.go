package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
)

// On a terminal a snapshot shows how many customers of all are done, how many requests
// it made, and that it waits because the service asked for it.
func TestProgressOfASnapshot(t *testing.T) {
	var terminal bytes.Buffer
	p := newProgress(&terminal, "collecting")
	var o graph.Options
	p.watch(&o)
	for range 12 {
		o.OnRequest("/v1.0/users", 200)
	}
	p.collected(collectors.Progress{Kind: snapshot.Memberships, Done: 30, Total: 40, CustomersDone: 2, Customers: 5})
	o.OnWait("/v1.0/users", time.Second)
	p.collected(collectors.Progress{Kind: snapshot.SignIns, Done: 31, Total: 40, CustomersDone: 3, Customers: 5})
	p.end()
	for _, want := range []string{"2 of 5 customers, memberships; 12 requests", "3 of 5 customers, signins; 12 requests, 1 wait because the service asked for it", "30/40"} {
		if !strings.Contains(terminal.String(), want) {
			t.Errorf("%q is not shown:\n%q", want, terminal.String())
		}
	}
}
