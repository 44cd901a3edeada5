package main

import (
	"fmt"
	"strings"

	"countersign/collectors"
	"countersign/collectors/graph"
)

// onTheWire is how many requests of a run are under way at once, over all tenants and
// services; each tenant's own client asks for less.
const onTheWire = 16

// clients makes the clients of one run: they share the requests on the wire.
type clients struct {
	msp
	endpoints graph.Endpoints
	wire      *graph.Wire
	app       *graph.Gate
	watch     func(*graph.Options)
}

func (m msp) clients(watch func(*graph.Options)) (*clients, error) {
	endpoints, err := m.c.GraphEndpoints()
	return &clients{msp: m, endpoints: endpoints, wire: graph.NewWire(onTheWire), app: &graph.Gate{}, watch: watch}, err
}

// of speaks to a service about one tenant.
func (c *clients) of(service graph.Service, tenant string) (*graph.Client, error) {
	options, err := c.c.CredentialOptions(tenant)
	if err != nil {
		return nil, &exit{code: exitUsage, err: err}
	}
	credential, err := graph.NewCredential(options)
	if file := c.c.Credential.Certificate.File; err != nil && file != "" {
		return nil, fmt.Errorf("certificate file %s: %w", file, err)
	}
	if err != nil {
		return nil, err
	}
	o := graph.Options{Endpoints: c.endpoints, Service: service, Tenant: tenant, Credential: credential, Batch: true, Wire: c.wire, App: c.app, Log: c.log, Now: c.env.Now}
	if strings.HasPrefix(c.endpoints.Graph, "http://") { // a server on this machine has no published quota, and no replicas
		o.Limits = graph.NoQuotas()
		o.Limits.Lag = -1
	}
	c.watch(&o)
	return graph.New(o)
}

// neighbour is a service beside Microsoft Graph, asked where the configuration says so.
type neighbour struct {
	name    collectors.Service
	service graph.Service
	wanted  bool
	setting string // that says so
	client  func(*collectors.Options) *collectors.Client
}

func (m msp) neighbours() []neighbour {
	return []neighbour{
		{collectors.PartnerCenter, graph.PartnerCenter, m.c.Sources.PartnerCenter, "sources.partner_center", func(o *collectors.Options) *collectors.Client { return &o.Partner }},
		{collectors.Azure, graph.ResourceManager, m.c.Sources.Azure, "sources.azure", func(o *collectors.Options) *collectors.Client { return &o.Azure }},
	}
}
