package graph_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"countersign/collectors/graph"
	"countersign/fixtures"
)

// simulated runs a test in simulated time against a server that takes so long for
// each HTTP request. The client speaks real HTTP to it.
func simulated(t *testing.T, latency time.Duration, serve http.Handler, test func(t *testing.T, c *graph.Client), change ...func(*graph.Options)) {
	synctest.Test(t, func(t *testing.T) {
		network := fixtures.NewNetwork()
		s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			late := time.NewTimer(latency / 2)
			<-late.C
			serve.ServeHTTP(w, r)
			late.Reset(latency / 2)
			<-late.C
		})}
		go s.Serve(network)
		transport := &http.Transport{DialContext: network.DialContext, MaxIdleConnsPerHost: 64}
		credential, err := graph.NewCredential(graph.CredentialOptions{Kind: "token", Token: canary})
		if err != nil {
			t.Fatal(err)
		}
		o := graph.Options{Endpoints: graph.Endpoints{Graph: "http://127.0.0.1:1"}, Tenant: tenant, Credential: credential,
			Jitter: func() float64 { return 0 }, HTTP: &http.Client{Transport: transport}, Limits: graph.NoQuotas()}
		for _, f := range change {
			f(&o)
		}
		c, err := graph.New(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			transport.CloseIdleConnections()
			s.Close()
		})
		test(t, c)
	})
}
