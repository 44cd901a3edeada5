package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"countersign/cmd/countersign/config"
	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/reports"
	"countersign/reports/summary"
	"countersign/reports/workbook"
	"countersign/reviews"
	"countersign/rules"
	"countersign/rules/rule"
)

// msp is the work of one configured MSP on its open database: what a command and
// the scheduled job of the same name both call.
type msp struct {
	*app
	c  *config.Config
	st *store.Store
}

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

// wanted is what collect is asked for; empty lists mean all.
type wanted struct {
	kinds        []snapshot.Kind
	customers    []string
	acceptShrink bool
	exports      string // folder of files from the portals, instead of asking Microsoft
}

// collect takes and seals a snapshot at the instant.
func (m msp) collect(ctx context.Context, at time.Time, w wanted) (collectors.Result, error) {
	o := collectors.Options{Tenant: m.c.MSP.TenantID, Store: m.st, At: at, Now: m.now, Declared: m.c.Declared(), Domains: m.c.MSP.Domains,
		Kinds: m.kinds(w.kinds), Customers: w.customers, AcceptShrink: w.acceptShrink, Log: m.log}
	if w.exports != "" {
		show := m.progress("reading exports")
		defer show.end()
		o.Progress = show.collected
		return collectors.RunFromPortal(ctx, o, os.DirFS(w.exports))
	}
	show := m.progress("collecting")
	defer show.end()
	c, err := m.clients(show.watch)
	if err != nil {
		return collectors.Result{}, err
	}
	own, err := c.of(graph.MicrosoftGraph, o.Tenant)
	if err != nil {
		return collectors.Result{}, err
	}
	o.Client, o.Delegated = own, m.delegated(ctx, own)
	if m.c.Credential.Kind != "token" {
		o.Customer = func(tenant string) (collectors.Client, error) { return c.of(graph.MicrosoftGraph, tenant) }
	}
	for _, s := range []struct {
		wanted  bool
		service graph.Service
		to      *collectors.Client
	}{{m.c.Sources.Azure, graph.ResourceManager, &o.Azure}, {m.c.Sources.PartnerCenter, graph.PartnerCenter, &o.Partner}} {
		if !s.wanted {
			continue
		}
		client, err := c.of(s.service, o.Tenant)
		if err != nil {
			return collectors.Result{}, err
		}
		*s.to = client
	}
	o.Progress = show.collected
	return collectors.Run(ctx, o)
}

// delegated reports that the token is a signed-in person's. A token that cannot be
// had or read is taken for the app's: what it is good for shows when it is used.
func (m msp) delegated(ctx context.Context, c *graph.Client) bool {
	if kind := m.c.Credential.Kind; kind != "azure-cli" && kind != "token" {
		return false
	}
	claims, err := c.Claims(ctx)
	return err == nil && claims.Delegated
}

// kinds are those asked for, less those that the configuration leaves out.
func (m msp) kinds(asked []snapshot.Kind) []snapshot.Kind {
	if len(m.c.Sources.LeaveOut) == 0 {
		return asked
	}
	if len(asked) == 0 {
		asked = snapshot.Kinds
	}
	return slices.DeleteFunc(slices.Clone(asked), func(k snapshot.Kind) bool { return slices.Contains(m.c.Sources.LeaveOut, string(k)) })
}

// judge asks the rules of a snapshot.
func (m msp) judge(ctx context.Context, at time.Time, id int64, only, customers []string) (rules.Report, error) {
	thresholds, err := m.c.RuleThresholds()
	if err != nil {
		return rules.Report{}, &exit{code: exitUsage, err: err}
	}
	settings := rules.Settings{Disable: m.c.Rules.Disable, Severity: map[string]rule.Severity{}, Thresholds: thresholds}
	for id, word := range m.c.Rules.Severity {
		var s rule.Severity
		if err := s.UnmarshalText([]byte(word)); err != nil {
			return rules.Report{}, &exit{code: exitUsage, err: err}
		}
		settings.Severity[id] = s
	}
	return rules.Run(ctx, m.st, rules.Options{Snapshot: id, At: at, Declared: m.c.Declared(), Rules: only, Customers: customers, Settings: settings, Waivers: m.c.RuleWaivers()})
}

// check judges a snapshot by all rules and records what was found.
func (m msp) check(ctx context.Context, at time.Time, id int64) (rules.Report, error) {
	report, err := m.judge(ctx, at, id, nil, nil)
	if err != nil {
		return report, err
	}
	return report, rules.Record(ctx, m.st, report)
}

// period is the named quarter, or the last full one before the instant.
func (m msp) period(name string, at time.Time) (snapshot.Period, error) {
	start := m.c.MSP.FiscalYearStart
	if name == "" {
		return snapshot.Quarter(at, m.c.Zone(), start).Before(start), nil
	}
	p, err := snapshot.ParsePeriod(name, m.c.Zone(), start)
	if err != nil {
		return p, &exit{code: exitUsage, err: err}
	}
	return p, nil
}

// snapshotAt is the named snapshot, or the last one at or before the instant.
func (m msp) snapshotAt(ctx context.Context, id int64, at time.Time) (snapshot.Sealed, error) {
	if id != 0 {
		return snapshot.ByID(ctx, m.st.Read(), id)
	}
	return snapshot.LastAt(ctx, m.st.Read(), at)
}

// openReview opens the campaign of a period over a snapshot.
func (m msp) openReview(ctx context.Context, at time.Time, s snapshot.Sealed, p snapshot.Period, force bool) (reviews.Campaign, error) {
	report, err := m.judge(ctx, at, s.ID, nil, nil)
	if err != nil {
		return reviews.Campaign{}, err
	}
	r := m.c.Review
	return reviews.Open(ctx, m.st, reviews.OpenOptions{Snapshot: s.ID, At: at, Period: p, Findings: report.Findings, Declared: m.c.Declared(),
		Due: r.DueDays, Fallback: r.Fallback, ReaffirmLimit: r.ReaffirmLimit, Force: force})
}

func (m msp) office() reports.Office {
	return reports.Office{Name: m.c.MSP.Name, Contact: m.c.MSP.Contact, Zone: m.c.Zone()}
}

func (m msp) folder(p snapshot.Period) reports.Folder {
	return reports.NewFolder(m.c.Output.Dir, p.Name)
}

// issue writes the workbooks of a campaign that are open and not written yet.
func (m msp) issue(ctx context.Context, c reviews.Campaign) ([]reports.File, error) {
	issues, err := reviews.Issues(ctx, m.st, c.Name)
	if err != nil {
		return nil, err
	}
	show := m.progress("writing workbooks")
	defer show.end()
	folder := m.folder(c.Period)
	var files []reports.File
	for i, issue := range issues {
		if !issue.Open {
			continue
		}
		book, err := reports.ReviewerBook(ctx, m.st, c, issue, m.office())
		if err != nil {
			return files, err
		}
		if len(book.Decide)+len(book.Reaffirm) == 0 {
			continue // everything was handed on
		}
		var text bytes.Buffer
		if err := workbook.Write(&text, book); err != nil {
			return files, err
		}
		file, err := folder.Put(reports.ReviewerFile(c, issue), text.Bytes())
		if err != nil {
			return files, err
		}
		file.Seal = book.Seal
		files = append(files, file)
		show.done(i+1, len(issues))
	}
	return files, folder.List(files)
}

// summaries writes the access summaries of a period and seals that they were made.
func (m msp) summaries(ctx context.Context, at time.Time, s snapshot.Sealed, p snapshot.Period, only []string) ([]reports.File, error) {
	evidence, err := m.evidence(ctx, s, p)
	if err != nil {
		return nil, err
	}
	customers, err := chosen(evidence.Customers(), only)
	if err != nil {
		return nil, err
	}
	sender, err := m.sender()
	if err != nil {
		return nil, err
	}
	show := m.progress("writing summaries")
	defer show.end()
	folder := m.folder(p)
	var files []reports.File
	done := 0
	err = evidence.Summaries(sender, m.c.Zone(), s.At, customers, func(c snapshot.Customer, value summary.Summary) error {
		done++
		show.done(done, len(customers))
		file, err := putSummary(folder, c, p, value)
		files = append(files, file...)
		return err
	})
	return files, errors.Join(err, folder.List(files), reports.SealRun(ctx, m.st, at, "customer", s, p, files))
}

// evidence loads what the summaries of a period are made from, and the quarter
// before it for comparison, where a snapshot holds it.
func (m msp) evidence(ctx context.Context, s snapshot.Sealed, p snapshot.Period) (*reports.Evidence, error) {
	e, err := reports.Load(ctx, m.st, s.ID, p, m.c.Declared())
	if err != nil {
		return nil, err
	}
	before, err := snapshot.FirstFrom(ctx, m.st.Read(), p.Since)
	if errors.Is(err, snapshot.ErrNoSnapshot) || err == nil && before.ID >= s.ID {
		return e, nil
	}
	if err == nil {
		e.Before, err = reports.Load(ctx, m.st, before.ID, p.Before(m.c.MSP.FiscalYearStart), m.c.Declared())
	}
	return e, err
}

// putSummary renders one summary and writes it, as PDF and as text.
func putSummary(folder reports.Folder, c snapshot.Customer, p snapshot.Period, value summary.Summary) ([]reports.File, error) {
	var pdf, text bytes.Buffer
	if err := errors.Join(summary.WritePDF(&pdf, value), summary.WriteText(&text, value)); err != nil {
		return nil, err
	}
	var files []reports.File
	for _, form := range []struct {
		ext     string
		content []byte
	}{{".pdf", pdf.Bytes()}, {".txt", text.Bytes()}} {
		file, err := folder.Put(reports.SummaryFile(c, p)+form.ext, form.content)
		if err != nil {
			return nil, err
		}
		file.Seal = value.Seal
		files = append(files, file)
	}
	return files, nil
}

func chosen(all []snapshot.Customer, only []string) ([]snapshot.Customer, error) {
	if len(only) == 0 {
		return all, nil
	}
	var out []snapshot.Customer
	for _, id := range only {
		i := slices.IndexFunc(all, func(c snapshot.Customer) bool { return strings.EqualFold(c.Tenant, id) })
		if i < 0 {
			return nil, usage("customer %q is not known; name a tenant id that `countersign access --format csv` or customers.csv shows", id)
		}
		out = append(out, all[i])
	}
	return out, nil
}

func (m msp) sender() (reports.Sender, error) {
	s := reports.Sender{Name: m.c.MSP.Name, Contact: m.c.MSP.Contact, BrandColour: m.c.MSP.BrandColour, Tenant: m.c.MSP.TenantID,
		Domains: m.c.MSP.Domains, FiscalYearStart: m.c.MSP.FiscalYearStart}
	if m.c.MSP.Logo == "" {
		return s, nil
	}
	logo, err := os.ReadFile(m.c.MSP.Logo)
	if err != nil {
		return s, fmt.Errorf("msp.logo: %w", err)
	}
	s.Logo = logo
	return s, nil
}
