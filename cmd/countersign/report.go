package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"countersign/collectors/snapshot"
	"countersign/reports"
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

func printFiles(w io.Writer, folder reports.Folder, files []reports.File) {
	for _, f := range files {
		fmt.Fprintln(w, filepath.Join(folder.Path(), filepath.FromSlash(f.Path)))
	}
}
