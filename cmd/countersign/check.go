package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"countersign/collectors/snapshot"
	"countersign/rules"
	"countersign/rules/rule"
)

func (a *app) checkCommand() *cobra.Command {
	var (
		id              int64
		only, customers []string
		failOn, format  string
	)
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Judge a snapshot by the rules and list the findings",
		Long: `Asks every rule of a sealed snapshot, the newest unless --snapshot names one. What
could not be judged, because its evidence was not seen whole, is listed apart, is
never called clear, and makes the exit code 4, whatever was found.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.check(cmd, id, only, customers, failOn, format) },
	}
	flags := cmd.Flags()
	flags.Int64Var(&id, "snapshot", 0, "`number` of the snapshot (default: the newest)")
	flags.StringArrayVar(&only, "rule", nil, "ask this rule `id` only; may be repeated")
	flags.StringArrayVar(&customers, "customer", nil, "findings that touch this tenant `id` only; may be repeated")
	flags.StringVar(&failOn, "fail-on", "", "exit with 3 when a finding is of this `severity` or above: "+strings.Join(rule.Severities(), ", "))
	flags.StringVar(&format, "format", "table", "`form` of the result: "+formats)
	return cmd
}

func (a *app) check(cmd *cobra.Command, id int64, only, customers []string, failOn, format string) (err error) {
	var limit rule.Severity
	if failOn != "" {
		if err := limit.UnmarshalText([]byte(failOn)); err != nil {
			return usage("--fail-on: %v", err)
		}
	}
	for _, r := range only {
		if _, ok := rules.Find(r); !ok {
			return usage("there is no rule %q; the rules are %s", r, strings.Join(knownRules(), ", "))
		}
	}
	m, release, err := a.writer(cmd.Context(), "check", false)
	if err != nil {
		return err
	}
	defer release(&err)
	s, err := m.snapshotAt(cmd.Context(), id, a.at)
	if err != nil {
		return err
	}
	report, err := m.check(cmd.Context(), s.ID, only, customers)
	if errors.Is(err, rules.ErrUnknownCustomer) {
		return usage("--customer: %w; %s", err, nameTenant)
	}
	if err != nil {
		return err
	}
	if err := printReport(cmd, report, format); err != nil {
		return err
	}
	if unseen(report) {
		return &exit{code: exitGaps}
	}
	if limit > 0 && slices.ContainsFunc(report.Findings, func(f rule.Finding) bool { return f.State == rule.Open && f.Severity >= limit }) {
		return &exit{code: exitFindings}
	}
	return nil
}

// judge asks the rules of a snapshot; empty lists mean all.
func (m msp) judge(ctx context.Context, id int64, only, customers []string) (rules.Report, error) {
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
	return rules.Run(ctx, m.st, rules.Options{Snapshot: id, At: m.at, Declared: m.c.Declared(), Rules: only, Customers: customers, Settings: settings, Waivers: m.c.RuleWaivers()})
}

// check is judge that records what was found.
func (m msp) check(ctx context.Context, id int64, only, customers []string) (rules.Report, error) {
	report, err := m.judge(ctx, id, only, customers)
	if err != nil {
		return report, err
	}
	return report, rules.Record(ctx, m.st, report)
}

// reportJSON is a report in the JSON contract.
type reportJSON struct {
	rules.Report
	Coverage []coverageLine `json:"coverage"`
}

func printReport(cmd *cobra.Command, r rules.Report, format string) error {
	l := list{columns: []string{"severity", "customer", "finding", "rule", "since", "state"}, value: reportJSON{r, coverageLines(r.Coverage)}}
	for _, f := range r.Findings {
		l.rows = append(l.rows, []string{strings.ToUpper(f.Severity.String()), touched(f), f.Message, f.Rule, f.FirstSeen.Format("2006-01-02"), string(f.State)})
	}
	out := cmd.OutOrStdout()
	if err := l.print(out, format); err != nil || format != "table" {
		return err
	}
	fmt.Fprintf(out, "\n%s", tally(r))
	if len(r.NotAssessed) > 0 {
		fmt.Fprintf(out, "\nNot assessed, so nothing is concluded:\n")
		for _, n := range r.NotAssessed {
			fmt.Fprintf(out, "  %s: %s\n", n.Rule, printable(n.Reason, false))
		}
	}
	for _, w := range r.UnusedWaivers {
		fmt.Fprintf(out, "Waiver of %s for %s accepts nothing: %s\n", printable(w.Waiver.Rule, false), printable(w.Waiver.Scope, false), w.Reason)
	}
	return nil
}

// unseen reports that a rule which was asked needs evidence that the snapshot
// asked for and did not get whole. What was left out, switched off or has no data
// of its own is listed, but is nobody's failure.
func unseen(r rules.Report) bool {
	missing := map[snapshot.Kind]bool{}
	for _, c := range r.Coverage {
		missing[c.Kind] = c.State != snapshot.Complete && c.State != snapshot.NotAsked
	}
	for id := range r.Outcomes {
		if asked, ok := rules.Find(id); ok && slices.ContainsFunc(asked.Needs, func(k snapshot.Kind) bool { return missing[k] }) {
			return true
		}
	}
	return false
}

// touched names the customer a finding belongs to, or how many it touches.
func touched(f rule.Finding) string {
	switch {
	case f.Customer.Name != "":
		return f.Customer.Name
	case len(f.Customers) > 0:
		return rule.Count(len(f.Customers), "customer")
	}
	return "-"
}

func tally(r rules.Report) string {
	counts := map[string]int{}
	for _, f := range r.Findings {
		counts[f.Severity.String()]++
	}
	var words []string
	for _, s := range slices.Backward(rule.Severities()) {
		if counts[s] > 0 {
			words = append(words, fmt.Sprintf("%d %s", counts[s], s))
		}
	}
	if len(words) == 0 {
		words = []string{"none"}
	}
	return fmt.Sprintf("Findings in snapshot %d: %s. Rules answered clear: %d of %d.\n", r.Snapshot, strings.Join(words, ", "), clearRules(r), len(r.Outcomes))
}

func clearRules(r rules.Report) int {
	n := 0
	for _, o := range r.Outcomes {
		if o == rule.Clear {
			n++
		}
	}
	return n
}
