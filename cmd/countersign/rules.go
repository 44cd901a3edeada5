package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"countersign/rules"
	"countersign/rules/rule"
)

func (a *app) rulesCommand() *cobra.Command {
	var format string
	cmd := &cobra.Command{
		Use:   "rules [ID]",
		Short: "List the rules, or explain one: why, fix, controls, data needed",
		Args:  atMostOne("rule id"),
		RunE:  func(cmd *cobra.Command, args []string) error { return printRules(cmd.OutOrStdout(), args, format) },
	}
	cmd.Flags().StringVar(&format, "format", "table", "`form` of the result: table, json, csv or markdown")
	return cmd
}

func printRules(w io.Writer, args []string, format string) error {
	chosen := rules.Catalog
	if len(args) == 1 {
		r, ok := rules.Find(args[0])
		if !ok {
			return usage("there is no rule %q; the rules are %s", args[0], strings.Join(knownRules(), ", "))
		}
		chosen = []rule.Rule{r}
	}
	if format == "markdown" || format == "table" && len(args) == 1 {
		for _, r := range chosen {
			explain(w, r, format == "markdown")
		}
		return nil
	}
	l := list{columns: []string{"id", "theme", "severity", "title"}, value: chosen}
	if format == "csv" {
		l.columns = append(l.columns, "why", "fix", "needs", "controls")
	}
	for _, r := range chosen {
		row := []string{r.ID, r.Theme, r.Severity.String(), r.Title}
		if format == "csv" {
			row = append(row, r.Why, r.Fix, strings.Join(needs(r), "; "), strings.Join(controls(r), "; "))
		}
		l.rows = append(l.rows, row)
	}
	return l.print(w, format)
}

func explain(w io.Writer, r rule.Rule, markdown bool) {
	if markdown {
		fmt.Fprintf(w, "## %s\n\n**%s** (%s, %s)\n\n", r.ID, r.Title, r.Theme, r.Severity)
		for _, p := range [][2]string{{"Why", r.Why}, {"Fix", r.Fix}, {"Needs", strings.Join(needs(r), ", ")}, {"Controls", strings.Join(controls(r), "; ")}} {
			fmt.Fprintf(w, "- %s: %s\n", p[0], p[1])
		}
		fmt.Fprintln(w)
		return
	}
	fmt.Fprintf(w, "%s\n%s (%s, %s)\n\nWhy: %s\nFix: %s\nNeeds: %s\nControls:\n", r.ID, r.Title, r.Theme, r.Severity, r.Why, r.Fix, strings.Join(needs(r), ", "))
	for _, c := range controls(r) {
		fmt.Fprintf(w, "  %s\n", c)
	}
}

func needs(r rule.Rule) []string {
	var out []string
	for _, k := range r.Needs {
		out = append(out, string(k))
	}
	return out
}

func controls(r rule.Rule) []string {
	var out []string
	for _, c := range r.Controls {
		out = append(out, c.Framework+" "+c.ID+" ("+c.Title+")")
	}
	return out
}

func knownRules() []string {
	var out []string
	for _, r := range rules.Catalog {
		out = append(out, r.ID)
	}
	return out
}

func knownThresholds() []string {
	var out []string
	for f := range reflect.TypeFor[rule.Thresholds]().Fields() {
		out = append(out, f.Tag.Get("yaml"))
	}
	return out
}
