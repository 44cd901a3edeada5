package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"countersign/reviews"
	"countersign/rules/rule"
)

func (a *app) dbCommand() *cobra.Command {
	db := group("db", "Look after the database")
	db.AddCommand(&cobra.Command{
		Use:   "check",
		Short: "Prove that the database is whole: SQLite, the seal chain, every sealed row",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.dbCheck(cmd) },
	})
	return db
}

func (a *app) dbCheck(cmd *cobra.Command) (err error) {
	m, release, err := a.reader(cmd.Context())
	if err != nil {
		return err
	}
	defer release(&err)
	faults, err := m.st.Check(cmd.Context())
	if err != nil {
		return err
	}
	unsealed, err := reviews.Check(cmd.Context(), m.st)
	if err != nil {
		return err
	}
	faults = append(faults, unsealed...)
	for _, f := range faults {
		fmt.Fprintln(cmd.OutOrStdout(), "FAULT  "+printable(f, false))
	}
	if len(faults) > 0 {
		return fmt.Errorf("database %s: %s; what it holds must not be relied on: restore the last good copy", m.st.Path(), rule.Count(len(faults), "fault"))
	}
	head, err := m.st.Head(cmd.Context())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Whole: %s, all digests match.\nSeal head: %s\n", rule.Count(int(head.Seq), "seal"), head.Hash)
	return err
}
