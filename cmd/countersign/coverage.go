package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"countersign/collectors/snapshot"
)

// coverageLine is the coverage of one kind in the JSON contract.
type coverageLine struct {
	snapshot.Coverage
	From     instant `json:"from"`
	To       instant `json:"to"`
	Asked    instant `json:"asked"`
	LastSeen instant `json:"last_seen"`
}

func coverageLines(coverage []snapshot.Coverage) []coverageLine {
	lines := make([]coverageLine, len(coverage))
	for i, c := range coverage {
		lines[i] = coverageLine{c, instant(c.Since), instant(c.Until), instant(c.Asked), instant(c.LastSeen)}
	}
	return lines
}

func coverageList(coverage []snapshot.Coverage, zone *time.Location) list {
	l := list{columns: []string{"kind", "state", "requests", "pages", "rows", "window", "last seen whole", "reason"}, value: coverageLines(coverage)}
	for _, c := range coverage {
		window := ""
		if !c.Since.IsZero() {
			window = moment(c.Since, zone, "") + " to " + moment(c.Until, zone, "")
		}
		l.rows = append(l.rows, []string{string(c.Kind), string(c.State), fmt.Sprint(c.Requests), fmt.Sprint(c.Pages), fmt.Sprint(c.Rows), window, moment(c.LastSeen, zone, "never"), c.Reason})
	}
	return l
}

// showTenants prints what was seen of customers' own tenants and subscriptions: all
// of it, or what was not seen whole.
func (m msp) showTenants(cmd *cobra.Command, id int64, all bool) error {
	parts, err := snapshot.LoadParts(cmd.Context(), m.st.Read(), id)
	if err != nil {
		return err
	}
	coverage := parts.Tenants()
	if !all {
		coverage = slices.DeleteFunc(coverage, func(c snapshot.Coverage) bool { return c.State == snapshot.Complete || c.State == snapshot.NotAsked })
	}
	if len(coverage) == 0 {
		return nil
	}
	l := coverageList(coverage, m.c.Zone())
	l.columns = append([]string{"customer"}, l.columns...)
	for i, c := range coverage {
		l.rows[i] = append([]string{m.customerName(c.Scope)}, l.rows[i]...)
	}
	if err := l.table(cmd.OutOrStdout()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout())
	return err
}

// showHoles names the stretches of logs that no snapshot up to this one read, and
// whether the next one still can.
func (m msp) showHoles(cmd *cobra.Command, id int64) error {
	holes, err := snapshot.LoadHoles(cmd.Context(), m.st.Read(), id)
	if err != nil || len(holes) == 0 {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "Holes in logs:")
	for _, h := range holes {
		rest := "Microsoft no longer keeps it: it is lost"
		switch {
		case h.Closable:
			rest = "Microsoft still keeps it: the next run asks again"
		case h.Late:
			rest = "it was read, but not again: entries that came up to two days late are lost; collect more often"
		}
		of := string(h.Kind) + " of " + m.customerName(h.Scope)
		if h.Log != "" {
			of += ", " + h.Log
		}
		fmt.Fprintf(cmd.OutOrStdout(), "  %s: %s to %s; %s\n", printable(of, false), moment(h.Since, m.c.Zone(), ""), moment(h.Until, m.c.Zone(), ""), rest)
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout())
	return err
}
