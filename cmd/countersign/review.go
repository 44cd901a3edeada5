package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"countersign/collectors/snapshot"
	"countersign/reports"
	"countersign/reports/workbook"
	"countersign/reviews"
	"countersign/rules/rule"
)

func (a *app) reviewCommand() *cobra.Command {
	var (
		campaign, format, period string
		id                       int64
		force                    bool
	)
	cmd := group("review", "Run a campaign: open, status, import, plan, close, verify")
	add := func(use, short string, args cobra.PositionalArgs, run func(*cobra.Command, []string) error) *cobra.Command {
		c := &cobra.Command{Use: use, Short: short, Args: args, RunE: run}
		cmd.AddCommand(c)
		return c
	}
	open := add("open", "Open a campaign over a snapshot and write the reviewers' workbooks", noArgs, func(cmd *cobra.Command, _ []string) error {
		return a.reviewOpen(cmd, period, id, force)
	})
	open.Flags().StringVar(&period, "period", "", "`quarter` under review, such as 2026-Q3 (default: the last full one)")
	open.Flags().Int64Var(&id, "snapshot", 0, "`number` of the snapshot (default: the newest)")
	open.Flags().BoolVar(&force, "force", false, "open although the population was not seen whole; every page then says INCOMPLETE")
	status := add("status", "Say how far the campaign has come", noArgs, func(cmd *cobra.Command, _ []string) error {
		return a.reviewStatus(cmd, campaign, format)
	})
	importing := add("import FILE...", "Take over workbooks that came back", func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usage("%s takes the workbooks that came back", cmd.CommandPath())
		}
		return nil
	}, func(cmd *cobra.Command, args []string) error { return a.reviewImport(cmd, args) })
	importing.Long = `Reads each workbook against exactly what was issued. A workbook with anything
wrong in it is refused whole, with the complete list of what and where; the others
are taken over.`
	plan := add("plan", "List what to remove where, in which order", noArgs, func(cmd *cobra.Command, _ []string) error {
		return a.reviewPlan(cmd, campaign, format)
	})
	add("close", "Close the campaign: compute and seal its coverage, write the plan", noArgs, func(cmd *cobra.Command, _ []string) error {
		return a.reviewClose(cmd, campaign)
	})
	verify := add("verify", "Hold the plan against a later snapshot: gone, still there, came back, moved", noArgs, func(cmd *cobra.Command, _ []string) error {
		return a.reviewVerify(cmd, campaign, id, format)
	})
	verify.Flags().Int64Var(&id, "snapshot", 0, "`number` of the snapshot (default: the newest)")
	for _, c := range cmd.Commands() {
		if c != open && c != importing {
			c.Flags().StringVar(&campaign, "campaign", "", "`name` of the campaign (default: the only open one)")
		}
	}
	for _, c := range []*cobra.Command{status, plan, verify} {
		c.Flags().StringVar(&format, "format", "table", "`form` of the result: "+formats)
	}
	return cmd
}

func (a *app) reviewOpen(cmd *cobra.Command, period string, id int64, force bool) (err error) {
	m, release, err := a.writer(cmd.Context(), "review open", false)
	if err != nil {
		return err
	}
	defer release(&err)
	p, err := m.period(period, a.at)
	if err != nil {
		return err
	}
	s, err := m.snapshotAt(cmd.Context(), id, a.at)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	c, err := m.openReview(cmd.Context(), s, p, force)
	if errors.Is(err, reviews.ErrAlreadyOpen) {
		return errors.Join(err, m.writeMissing(cmd.Context(), out, p))
	}
	if err != nil {
		return err
	}
	files, err := m.issue(cmd.Context(), c)
	printFiles(out, m.folder(c.Period), files)
	if err != nil {
		return err
	}
	status, err := reviews.Status(cmd.Context(), m.st, c.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nCampaign %s is open over snapshot %d, due on %s: %s for %s cover %s.\n",
		c.Name, c.Snapshot, c.Due.In(m.c.Zone()).Format("2 January 2006"), rule.Count(status.Items, "item"), rule.Count(len(status.Reviewers), "reviewer"), rule.Count(status.Paths, "access path"))
	if status.Unassigned > 0 {
		fmt.Fprintf(out, "Without an independent reviewer: %s. Name one as the customer's owner, as manager or as review.fallback.\n", rule.Count(status.Unassigned, "item"))
	}
	for _, why := range c.Incomplete {
		fmt.Fprintf(out, "INCOMPLETE: %s\n", printable(why, false))
	}
	return nil
}

// openReview opens the campaign of a period over a snapshot, where its workbooks can be
// written.
func (m msp) openReview(ctx context.Context, s snapshot.Sealed, p snapshot.Period, force bool) (reviews.Campaign, error) {
	if err := m.roomForDocuments(); err != nil {
		return reviews.Campaign{}, err
	}
	report, err := m.judge(ctx, s.ID, nil, nil)
	if err != nil {
		return reviews.Campaign{}, err
	}
	r := m.c.Review
	return reviews.Open(ctx, m.st, reviews.OpenOptions{Snapshot: s.ID, At: m.at, Period: p, Findings: report.Findings, Declared: m.c.Declared(),
		Due: r.DueDays, Fallback: r.Fallback, ReaffirmLimit: r.ReaffirmLimit, Force: force})
}

// issue writes the workbooks of a campaign that are open and not written yet. What was
// written is listed and given, even when something later broke.
func (m msp) issue(ctx context.Context, c reviews.Campaign) (files []reports.File, err error) {
	issues, err := reviews.Issues(ctx, m.st, c.Name)
	if err != nil {
		return nil, err
	}
	show := m.progress("writing workbooks")
	defer show.end()
	folder := m.folder(c.Period)
	defer func() { err = errors.Join(err, folder.List(files)) }()
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
	return files, nil
}

// writeMissing writes the workbooks of a period's open campaign that are not there,
// as after a crash between its opening and the writing.
func (m msp) writeMissing(ctx context.Context, w io.Writer, p snapshot.Period) error {
	all, err := reviews.Campaigns(ctx, m.st)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Closed.IsZero() && c.Period.Name == p.Name {
			files, err := m.issue(ctx, c)
			printFiles(w, m.folder(p), files)
			return err
		}
	}
	return nil
}

// campaign finds a campaign; without a name the only open one, and, where closed
// ones serve as well, else the last that was closed.
func (m msp) campaign(ctx context.Context, name string, closed bool) (reviews.Campaign, error) {
	c, err := reviews.Find(ctx, m.st, name)
	if err == nil || name != "" || !closed {
		return c, err
	}
	all, e := reviews.Campaigns(ctx, m.st)
	if e != nil || len(all) == 0 {
		return c, errors.Join(err, e)
	}
	for _, c := range all {
		if c.Closed.IsZero() {
			return c, err // several are open: the user must say which
		}
	}
	return all[len(all)-1], nil
}

// onCampaign opens the database, finds the campaign and hands both on.
func (a *app) onCampaign(cmd *cobra.Command, name string, closed bool, open func(context.Context) (msp, func(*error), error), do func(msp, reviews.Campaign) error) (err error) {
	m, release, err := open(cmd.Context())
	if err != nil {
		return err
	}
	defer release(&err)
	c, err := m.campaign(cmd.Context(), name, closed)
	if err != nil {
		return err
	}
	return do(m, c)
}

// writing is writer for one command, in the form that onCampaign takes.
func (a *app) writing(command string) func(context.Context) (msp, func(*error), error) {
	return func(ctx context.Context) (msp, func(*error), error) { return a.writer(ctx, command, false) }
}

func (a *app) reviewStatus(cmd *cobra.Command, name, format string) error {
	return a.onCampaign(cmd, name, true, a.reader, func(m msp, c reviews.Campaign) error {
		s, err := reviews.Status(cmd.Context(), m.st, c.Name)
		if err != nil {
			return err
		}
		l := list{columns: []string{"reviewer", "name", "items", "decided", "returned"}, value: s}
		for _, r := range s.Reviewers {
			l.rows = append(l.rows, []string{r.Person, r.Name, fmt.Sprint(r.Items), fmt.Sprint(r.Decided), map[bool]string{true: "yes", false: "no"}[r.Returned]})
		}
		if format == "table" {
			fmt.Fprintf(cmd.OutOrStdout(), "%s (%s) is %s: %d of %d items decided, %d of %d access paths covered.\n\n", s.Campaign, s.Period, s.State, s.Decided, s.Items, s.PathsCovered, s.Paths)
			for _, why := range s.Incomplete {
				fmt.Fprintf(cmd.OutOrStdout(), "INCOMPLETE: %s\n", printable(why, false))
			}
		}
		return l.print(cmd.OutOrStdout(), format)
	})
}

func (a *app) reviewImport(cmd *cobra.Command, paths []string) (err error) {
	m, release, err := a.writer(cmd.Context(), "review import", false)
	if err != nil {
		return err
	}
	defer release(&err)
	rejected := 0
	for _, path := range paths {
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		ok, err := m.takeOver(cmd.Context(), cmd.OutOrStdout(), path, file)
		if err != nil {
			return fmt.Errorf("import %s: %w", path, err)
		}
		if !ok {
			rejected++
		}
	}
	if rejected > 0 {
		return &exit{code: exitRejected, err: fmt.Errorf("%d of %s rejected: nothing of it was taken over; mend what is listed and import again", rejected, rule.Count(len(paths), "workbook"))}
	}
	return nil
}

// takeOver imports one workbook and prints the receipt, or everything that is
// wrong with it.
func (m msp) takeOver(ctx context.Context, w io.Writer, path string, file []byte) (bool, error) {
	c, receipt, err := reports.Return(ctx, m.st, file, m.office(), m.at, m.operator())
	if faults, ok := reports.IsRefused(err); ok {
		fmt.Fprintf(w, "%s: rejected, %s\n", path, rule.Count(len(faults), "fault"))
		for _, f := range faults {
			fmt.Fprintf(w, "  %s\n", printable(faultLine(f), false))
		}
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var words []string
	for _, v := range []reviews.Verdict{reviews.Approve, reviews.Revoke, reviews.Change, reviews.NotSure} {
		if n := receipt.Decided[v]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, v))
		}
	}
	fmt.Fprintf(w, "%s: taken over: %s; %d still open (SHA-256 %s)\n", path, strings.Join(words, ", "), receipt.Open, receipt.SHA256)
	for _, note := range receipt.Notes {
		fmt.Fprintf(w, "  %s\n", printable(note, false))
	}
	if len(receipt.Moved) == 0 {
		return true, nil
	}
	return true, m.handOn(ctx, w, c, receipt)
}

// handOn writes new workbooks for those who were handed items marked Not sure.
func (m msp) handOn(ctx context.Context, w io.Writer, c reviews.Campaign, receipt reviews.Receipt) error {
	to := map[string]int{}
	for _, move := range receipt.Moved {
		to[move.To.ID]++
	}
	fmt.Fprintf(w, "  marked Not sure and handed to the next in line: %s\n", rule.Count(len(receipt.Moved), "item"))
	if to[""] > 0 {
		fmt.Fprintf(w, "  nobody independent is left for %s\n", rule.Count(to[""], "item"))
	}
	files, err := m.issue(ctx, c)
	printFiles(w, m.folder(c.Period), files)
	return err
}

// operator is who runs the program, as the machine names them: it stands in the
// record apart from the reviewer.
func (a *app) operator() string {
	return cmp.Or(a.env.Getenv("USER"), a.env.Getenv("USERNAME"), "unnamed operator")
}

func faultLine(f reviews.Fault) string {
	var where []string
	for _, part := range []string{f.Sheet, f.Cell, f.Item} {
		if part != "" {
			where = append(where, part)
		}
	}
	text := strings.TrimSpace(f.Problem + " " + f.Cure)
	if len(where) == 0 {
		return text
	}
	return strings.Join(where, ", ") + ": " + text
}

func (a *app) reviewPlan(cmd *cobra.Command, name, format string) error {
	return a.onCampaign(cmd, name, true, a.reader, func(m msp, c reviews.Campaign) error {
		plan, err := reviews.Plan(cmd.Context(), m.st, c.Name)
		if err != nil {
			return err
		}
		if format == "csv" {
			return reviews.WritePlanCSV(cmd.OutOrStdout(), plan)
		}
		l := list{columns: []string{"order", "action", "what", "reason", "item"}, value: append([]reviews.Action{}, plan...)}
		for _, p := range plan {
			l.rows = append(l.rows, []string{fmt.Sprint(p.Order), p.Action, actionWords(p), p.Reason, p.Item})
		}
		if format == "table" && len(plan) == 0 {
			s, err := reviews.Status(cmd.Context(), m.st, c.Name)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "No decision of %s so far takes anything away: %d of %s decided.\n", c.Name, s.Decided, rule.Counted(s.Items, "item is", "items are"))
			return err
		}
		return l.print(cmd.OutOrStdout(), format)
	})
}

// actionWords says what an action is about.
func actionWords(p reviews.Action) string {
	var words []string
	for _, r := range []string{p.Principal.Name, p.Group.Name, p.Customer.Name, p.Relationship.Name} {
		if r != "" {
			words = append(words, r)
		}
	}
	return strings.Join(words, " > ")
}

func (a *app) reviewClose(cmd *cobra.Command, name string) error {
	return a.onCampaign(cmd, name, false, a.writing("review close"), func(m msp, c reviews.Campaign) error {
		_, err := m.close(cmd.Context(), cmd.OutOrStdout(), c)
		return err
	})
}

// close closes a campaign, says what it came to, and writes the plan.
func (m msp) close(ctx context.Context, w io.Writer, c reviews.Campaign) ([]reviews.Action, error) {
	closing, err := reviews.Close(ctx, m.st, c.Name, m.at)
	if err != nil {
		return nil, err
	}
	plan, err := reviews.Plan(ctx, m.st, c.Name)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	if err := reviews.WritePlanCSV(&text, plan); err != nil {
		return nil, err
	}
	folder := m.folder(c.Period)
	file, err := folder.Put("reviews/"+c.Name+"_plan.csv", []byte(text.String()))
	if err != nil {
		return nil, err
	}
	file.Seal = closing.Seal
	fmt.Fprintf(w, "Campaign %s is closed: %s, %d left undecided.\n", c.Name, rule.Count(closing.Items, "item"), len(closing.Open))
	fmt.Fprintf(w, "%d of %d access paths are covered, %d attested; %.1f paths a row.\n", closing.Covered, closing.Paths, closing.Attested, closing.Compression())
	items := undecided(closing)
	for _, item := range items[:min(10, len(items))] {
		fmt.Fprintf(w, "  %s was not decided, and %s for want of it\n", item.id, rule.Counted(item.paths, "path is not covered", "paths are not covered"))
	}
	if more := len(items) - 10; more > 0 {
		fmt.Fprintf(w, "  %s more, and whom and what they are about, stand in the list of what is not covered\n", rule.Count(more, "item"))
	}
	files := []reports.File{file}
	if len(closing.Uncovered) > 0 {
		if file, err = m.uncovered(folder, c, closing); err == nil {
			files = append(files, file)
		}
	}
	fmt.Fprintf(w, "To be done by hand: %s.\n", rule.Count(len(plan), "thing"))
	printFiles(w, folder, files)
	return plan, errors.Join(err, folder.List(files))
}

// missing is an item that was not decided, and how many paths wait for it.
type missing struct {
	id    string
	paths int
}

// undecided lists the items that paths wait for, those with most paths first.
func undecided(c reviews.Closing) []missing {
	counts := map[string]int{}
	for _, u := range c.Uncovered {
		for _, id := range u.Missing {
			counts[id] += u.Paths
		}
	}
	var out []missing
	for _, id := range slices.Sorted(maps.Keys(counts)) {
		out = append(out, missing{id, counts[id]})
	}
	slices.SortStableFunc(out, func(a, b missing) int { return b.paths - a.paths })
	return out
}

// uncovered writes the list of paths that are not covered.
func (m msp) uncovered(folder reports.Folder, c reviews.Campaign, closing reviews.Closing) (reports.File, error) {
	l := list{columns: []string{"person", "group", "customer", "paths", "items not decided"}}
	for _, u := range closing.Uncovered {
		l.rows = append(l.rows, []string{u.Principal.Name, u.Group.Name, u.Customer.Name, fmt.Sprint(u.Paths), strings.Join(u.Missing, "; ")})
	}
	var text strings.Builder
	if err := l.csv(&text); err != nil {
		return reports.File{}, err
	}
	file, err := folder.Put("reviews/"+c.Name+"_not-covered.csv", []byte(text.String()))
	file.Seal = closing.Seal
	return file, err
}

func (a *app) reviewVerify(cmd *cobra.Command, name string, id int64, format string) error {
	return a.onCampaign(cmd, name, true, a.writing("review verify"), func(m msp, c reviews.Campaign) error {
		s, err := m.snapshotAt(cmd.Context(), id, a.at)
		if err != nil {
			return err
		}
		v, err := reviews.Verify(cmd.Context(), m.st, c.Name, s.ID, a.at)
		if err != nil {
			return err
		}
		return verified(v).print(cmd.OutOrStdout(), format)
	})
}

func verified(v reviews.Verification) list {
	l := list{columns: []string{"order", "outcome", "days", "action", "what", "detail"}, value: v}
	for _, r := range v.Results {
		l.rows = append(l.rows, []string{fmt.Sprint(r.Order), string(r.Outcome), fmt.Sprint(r.Days), r.Action.Action, actionWords(r.Action), r.Detail})
	}
	return l
}
