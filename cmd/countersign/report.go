package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"countersign/collectors/snapshot"
	"countersign/reports"
	"countersign/reports/summary"
)

func (a *app) reportCommand() *cobra.Command {
	cmd := group("report", "Write documents")
	var (
		customers []string
		period    string
		id        int64
	)
	customer := &cobra.Command{
		Use:   "customer",
		Short: "Write each customer's access summary, as PDF and as text",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.reportCustomer(cmd, customers, period, id)
		},
	}
	flags := customer.Flags()
	flags.StringArrayVar(&customers, "customer", nil, "this tenant `id` only; may be repeated")
	flags.StringVar(&period, "period", "", "`quarter`, such as 2026-Q3 (default: the last full one)")
	flags.Int64Var(&id, "snapshot", 0, "`number` of the snapshot to write from (default: the first one after the period, else the newest)")
	cmd.AddCommand(customer)
	return cmd
}

func (a *app) reportCustomer(cmd *cobra.Command, customers []string, name string, id int64) (err error) {
	m, release, err := a.writer(cmd.Context(), "report", false)
	if err != nil {
		return err
	}
	defer release(&err)
	p, err := m.period(name, a.at)
	if err != nil {
		return err
	}
	s, err := m.snapshotOf(cmd.Context(), p, id)
	if err != nil {
		return err
	}
	files, err := m.summaries(cmd.Context(), s, p, customers)
	printFiles(cmd.OutOrStdout(), m.folder(p), files)
	return err
}

// snapshotOf is the snapshot that documents of a period are made from: the first
// one after its end, which holds the logs of all of it, else the newest there is.
func (m msp) snapshotOf(ctx context.Context, p snapshot.Period, id int64) (snapshot.Sealed, error) {
	if id == 0 {
		s, err := snapshot.FirstFrom(ctx, m.st.Read(), p.Until)
		if err == nil && !s.At.After(m.at) || err != nil && !errors.Is(err, snapshot.ErrNoSnapshot) {
			return s, err
		}
	}
	return m.snapshotAt(ctx, id, m.at)
}

// summaries writes the access summaries of a period and, when all are there, seals that
// they were made. What was written is listed and given, even when something later broke.
func (m msp) summaries(ctx context.Context, s snapshot.Sealed, p snapshot.Period, only []string) ([]reports.File, error) {
	if err := m.roomForDocuments(); err != nil {
		return nil, err
	}
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
	if err = errors.Join(err, folder.List(files)); err != nil {
		return files, err
	}
	return files, reports.SealRun(ctx, m.st, m.at, "customer", s, p, files)
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
			return files, err
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
			return nil, usage("--customer: no such customer: %s; %s", id, nameTenant)
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

func printFiles(w io.Writer, folder reports.Folder, files []reports.File) {
	for _, f := range files {
		fmt.Fprintln(w, filepath.Join(folder.Path(), filepath.FromSlash(f.Path)))
	}
}
