package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/jonboulle/clockwork"
	"github.com/spf13/cobra"

	"countersign/collectors/store"
	"countersign/reviews"
	"countersign/rules/rule"
	"countersign/scheduled"
)

func (a *app) scheduleCommand() *cobra.Command {
	var once bool
	cmd := &cobra.Command{
		Use:   "schedule",
		Short: "Run what is due by the configured schedule, and keep running",
		Long: `Collects and checks daily, opens a campaign and writes the customers' summaries
quarterly, by the schedule of the configuration and in its time zone. What was
done stands in the database: after downtime each missed window runs once.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.schedule(cmd, once) },
	}
	cmd.Flags().BoolVar(&once, "once", false, "run what is due now and leave")
	return cmd
}

func (a *app) schedule(cmd *cobra.Command, once bool) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	jobs, err := (msp{app: a, c: c}).jobs()
	if err != nil {
		return &exit{code: exitUsage, err: err}
	}
	if once {
		return a.tick(cmd)
	}
	// The daemon holds a lock of its own, so that commands can run between its ticks.
	daemon, err := store.TryLock(c.Store.Path+".schedule", fmt.Sprintf("schedule, process %d, since %s", os.Getpid(), a.at.Format(time.RFC3339)))
	if err != nil {
		return err
	}
	err = scheduled.Serve(cmd.Context(), clockwork.NewRealClock(), c.Zone(), jobs, a.log, func(context.Context) {
		a.at = a.env.Now().UTC().Truncate(time.Second)
		var coded *exit
		switch err := a.tick(cmd); {
		case errors.As(err, &coded) && coded.err == nil:
			a.log.Warn("not everything was seen whole")
		case err != nil:
			a.log.Error("schedule", "error", err)
		}
	})
	return errors.Join(err, daemon.Release())
}

// tick runs what is due, with the configuration as it then stands.
func (a *app) tick(cmd *cobra.Command) (err error) {
	m, release, err := a.writer(cmd.Context(), "schedule", true)
	if err != nil {
		return err
	}
	defer release(&err)
	jobs, err := m.jobs()
	if err != nil {
		return err
	}
	outcomes, err := scheduled.RunDue(cmd.Context(), m.st, jobs, m.at)
	failed, gaps := 0, false
	for _, o := range outcomes {
		fmt.Fprintf(cmd.OutOrStdout(), "%-9s %s  %-6s  %s\n", o.Job, moment(o.Due, m.c.Zone(), ""), o.State, printable(o.Note, false))
		if o.State == scheduled.Failed {
			failed++
		}
		gaps = gaps || o.Gaps
	}
	switch {
	case err != nil:
		return err
	case len(outcomes) == 0:
		return m.nothingDue(cmd, jobs)
	case failed > 0:
		return fmt.Errorf("%d of %s failed; it is tried again at the next run", failed, rule.Count(len(outcomes), "window"))
	case gaps:
		return &exit{code: exitGaps}
	}
	return nil
}

// nothingDue says what comes next.
func (m msp) nothingDue(cmd *cobra.Command, jobs []scheduled.Job) error {
	next, err := scheduled.Next(cmd.Context(), m.st, jobs, m.at)
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "Nothing is due. Next:")
	for _, w := range next {
		fmt.Fprintf(cmd.OutOrStdout(), "%-9s %s\n", w.Job, moment(w.Due, m.c.Zone(), ""))
	}
	return nil
}

// jobs are the scheduled jobs, in the order in which those of one instant run.
func (m msp) jobs() ([]scheduled.Job, error) {
	s, zone := m.c.Schedule, m.c.Zone()
	var crons []scheduled.Cron
	for _, text := range []string{s.Collect, s.Check, s.Campaign, s.Summaries} {
		cron, err := scheduled.ParseCron(cronOf(text, m.c.MSP.FiscalYearStart), zone)
		if err != nil {
			return nil, err
		}
		crons = append(crons, cron)
	}
	catchUp := m.at.Sub(s.CatchUp.Before(m.at))
	return []scheduled.Job{
		scheduled.Collect(crons[0], catchUp, m.runCollect), scheduled.Check(crons[1], catchUp, m.runCheck),
		scheduled.Campaign(crons[2], m.runCampaign), scheduled.Summaries(crons[3], m.runSummaries),
	}, nil
}

// cronOf spells out the words of the configuration.
func cronOf(text string, fiscalYearStart int) string {
	switch text {
	case "daily":
		return "0 4 * * *"
	case "weekly":
		return "0 4 * * 1"
	case "monthly":
		return "0 6 1 * *"
	case "quarterly":
		m := (fiscalYearStart - 1) % 3
		return fmt.Sprintf("0 6 1 %d,%d,%d,%d *", m+1, m+4, m+7, m+10)
	}
	return text
}

func (m msp) runCollect(ctx context.Context, _ scheduled.Window) (done scheduled.Result, err error) {
	result, err := m.collect(ctx, wanted{})
	if err != nil {
		return done, err
	}
	done.Note = fmt.Sprintf("snapshot %d sealed", result.Snapshot)
	if n, _ := incomplete(result.Coverage); n > 0 {
		done.Note += "; " + rule.Counted(n, "kind of evidence was not seen whole", "kinds of evidence were not seen whole")
		done.Gaps = true
	}
	return done, nil
}

func (m msp) runCheck(ctx context.Context, _ scheduled.Window) (done scheduled.Result, err error) {
	s, err := m.snapshotAt(ctx, 0, m.at)
	if err != nil {
		return done, err
	}
	report, err := m.check(ctx, s.ID, nil, nil)
	return scheduled.Result{Note: fmt.Sprintf("%s in snapshot %d", rule.Count(len(report.Findings), "finding"), s.ID), Gaps: unseen(report)}, err
}

func (m msp) runCampaign(ctx context.Context, w scheduled.Window) (done scheduled.Result, err error) {
	p, err := m.period("", w.Due)
	if err != nil {
		return done, err
	}
	all, err := reviews.Campaigns(ctx, m.st)
	if err != nil {
		return done, err
	}
	for _, c := range all {
		if c.Period.Name == p.Name && !c.Closed.IsZero() { // a second one is opened by hand alone
			return scheduled.Result{Note: fmt.Sprintf("%s was reviewed already, by %s", p.Name, c.Name)}, nil
		}
	}
	s, err := m.snapshotAt(ctx, 0, m.at)
	if err != nil {
		return done, err
	}
	c, err := m.openReview(ctx, s, p, false)
	if errors.Is(err, reviews.ErrAlreadyOpen) {
		return scheduled.Result{Note: p.Name + " is under review already"}, m.writeMissing(ctx, io.Discard, p)
	}
	if err != nil {
		return done, err
	}
	files, err := m.issue(ctx, c)
	return scheduled.Result{Note: fmt.Sprintf("%s opened, %s written", c.Name, rule.Count(len(files), "workbook"))}, err
}

func (m msp) runSummaries(ctx context.Context, w scheduled.Window) (done scheduled.Result, err error) {
	p, err := m.period("", w.Due)
	if err != nil {
		return done, err
	}
	s, err := m.snapshotOf(ctx, p, 0)
	if err != nil {
		return done, err
	}
	files, err := m.summaries(ctx, s, p, nil)
	return scheduled.Result{Note: fmt.Sprintf("%s written for %s", rule.Count(len(files), "file"), p.Name)}, err
}
