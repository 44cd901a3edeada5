package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"countersign/reviews"
)

func (a *app) dbCommand() *cobra.Command {
	db := group("db", "Look after the database")
	db.AddCommand(&cobra.Command{
		Use:   "check",
		Short: "Prove that the database is whole: SQLite, the seal chain, every sealed row",
		Args:  exactly(),
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.dbCheck(cmd) },
	})
	return db
}

func (a *app) dbCheck(cmd *cobra.Command) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	st, err := a.read(cmd.Context(), c)
	if err != nil {
		return err
	}
	defer st.Close()
	faults, err := st.Check(cmd.Context())
	if err != nil {
		return err
	}
	unsealed, err := reviews.Check(cmd.Context(), st)
	if err != nil {
		return err
	}
	faults = append(faults, unsealed...)
	for _, f := range faults {
		fmt.Fprintln(cmd.OutOrStdout(), "FAULT  "+printable(f, false))
	}
	if len(faults) > 0 {
		return fmt.Errorf("database %s: %d faults; what it holds must not be relied on: restore the last good copy", st.Path(), len(faults))
	}
	head, err := st.Head(cmd.Context())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Whole: %d seals, all digests match.\nSeal head: %s\n", head.Seq, head.Hash)
	return err
}
