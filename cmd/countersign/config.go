package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"countersign/cmd/countersign/config"
	"countersign/rules/rule"
)

func (a *app) configCommand() *cobra.Command {
	cmd := group("config", "Check or print the configuration, or an example of one")
	cmd.AddCommand(
		&cobra.Command{
			Use: "check", Short: "Check the configuration, its files and its secrets, without using them", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error { return a.configCheck(cmd) },
		},
		&cobra.Command{
			Use: "print", Short: "Print the configuration as it holds, defaults filled in and secrets left out", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				c, err := a.config()
				if err != nil {
					return err
				}
				return c.Print(cmd.OutOrStdout())
			},
		},
		&cobra.Command{
			Use: "example", Short: "Print a configuration to begin with: every key, its default and what it is for", Args: noArgs,
			RunE: func(cmd *cobra.Command, _ []string) error {
				_, err := cmd.OutOrStdout().Write(config.Example())
				return err
			},
		})
	return cmd
}

func (a *app) configCheck(cmd *cobra.Command) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	if err := c.CheckSecrets(); err != nil {
		return &exit{code: exitUsage, err: err}
	}
	d := c.Declared()
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "The configuration is good: %s, %s, %s, %s.\n", printable(c.MSP.Name, false),
		rule.Count(len(d.Customers), "customer"), rule.Count(len(d.Staff), "staff account"), rule.Count(len(d.Groups), "group"))
	return err
}
