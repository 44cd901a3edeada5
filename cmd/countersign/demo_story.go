package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/reviews"
	"countersign/rules/rule"
)

// tell runs the loop and says what happens, as a guide would.
func (d *demonstration) tell(ctx context.Context, at time.Time) error {
	p, err := d.period("", at)
	if err != nil {
		return err
	}
	left := at.Sub(p.Until)
	after := func(part float64, most time.Duration) time.Time {
		return p.Until.Add(min(time.Duration(float64(left)*part), most))
	}
	const day = 24 * time.Hour
	opening, closing, proof := after(0.1, day), after(0.5, 15*day), after(0.8, 22*day)

	d.say("%s administers %s. Two quarters of history, week by week;\nwhat could not be read is named, and the rest is taken all the same:", d.world.Name(), rule.Count(len(d.c.Declared().Customers), "customer"))
	if err := d.history(ctx, p, opening); err != nil {
		return err
	}
	if err := d.findings(ctx); err != nil {
		return err
	}
	c, err := d.open(ctx, p)
	if err != nil {
		return err
	}
	if err := d.answer(ctx, c, after(0.3, 8*day)); err != nil {
		return err
	}
	d.moveTo(closing)
	d.say("\nOn %s the compliance officer closes it.", d.today())
	plan, err := d.close(ctx, d.out, c)
	if err != nil {
		return err
	}
	if err := d.carryOut(plan, closing); err != nil {
		return err
	}
	if err := d.prove(ctx, c, proof); err != nil {
		return err
	}
	d.moveTo(at)
	if _, err := d.collect(ctx, wanted{}); err != nil {
		return err
	}
	if err := d.report(ctx, p); err != nil {
		return err
	}
	return d.guide(ctx, c)
}

func (d *demonstration) today() string { return d.at.In(d.c.Zone()).Format("2 January 2006") }

// history takes a snapshot each week of two quarters, and one when the review opens.
func (d *demonstration) history(ctx context.Context, p snapshot.Period, opening time.Time) error {
	var instants []time.Time
	first := p.Before(d.c.MSP.FiscalYearStart).Since.Add(4 * time.Hour)
	for at := first; at.Before(opening); at = at.AddDate(0, 0, 7) {
		instants = append(instants, at)
	}
	instants = append(instants, opening)
	denied := instants[len(instants)/3]
	d.world.Deny("SG-GDAP-AzureEngineers", denied, denied.Add(time.Hour))
	show := d.progress("taking snapshots")
	defer show.end()
	var before map[snapshot.Kind]snapshot.State
	for i, at := range instants {
		d.moveTo(at)
		result, err := d.collect(ctx, wanted{})
		if err != nil {
			return err
		}
		if _, err := d.check(ctx, result.Snapshot, nil, nil); err != nil {
			return err
		}
		gaps := map[snapshot.Kind]snapshot.State{}
		var fresh []snapshot.Coverage // the others are as the time before
		for _, c := range result.Coverage {
			if c.State == snapshot.Complete || c.State == snapshot.NotConfigured {
				continue
			}
			if gaps[c.Kind] = c.State; before[c.Kind] != c.State {
				fresh = append(fresh, c)
			}
		}
		before = gaps
		d.sayGaps(fresh)
		show.done(i+1, len(instants))
	}
	d.say("  %d snapshots are sealed, %s to %s.", len(instants), instants[0].In(d.c.Zone()).Format("2 January 2006"), d.today())
	return nil
}

// sayGaps names the kinds that were not seen whole, those of one state together, with
// the reason of the first of them.
func (d *demonstration) sayGaps(gaps []snapshot.Coverage) {
	for len(gaps) > 0 {
		first := gaps[0]
		var kinds []string
		gaps = slices.DeleteFunc(gaps, func(c snapshot.Coverage) bool {
			if c.State == first.State {
				kinds = append(kinds, string(c.Kind))
			}
			return c.State == first.State
		})
		d.say("  %s, %s: %s\n    %s", d.today(), first.State, strings.Join(kinds, ", "), first.Reason)
	}
}

func (d *demonstration) findings(ctx context.Context) error {
	s, err := d.snapshotAt(ctx, 0, d.at)
	if err != nil {
		return err
	}
	report, err := d.judge(ctx, s.ID, nil, nil)
	if err != nil {
		return err
	}
	d.say("\n%sThe gravest:", tally(report))
	for _, f := range report.Findings[:min(5, len(report.Findings))] {
		d.say("  %-8s %s", strings.ToUpper(f.Severity.String()), printable(f.Message, false))
	}
	return nil
}

func (d *demonstration) open(ctx context.Context, p snapshot.Period) (reviews.Campaign, error) {
	s, err := d.snapshotAt(ctx, 0, d.at)
	if err != nil {
		return reviews.Campaign{}, err
	}
	c, err := d.openReview(ctx, s, p, false)
	if err != nil {
		return c, err
	}
	files, err := d.issue(ctx, c)
	if err != nil {
		return c, err
	}
	status, err := reviews.Status(ctx, d.st, c.Name)
	if err != nil {
		return c, err
	}
	d.say("\nCampaign %s opens on %s: %s in %s, in %s.", c.Name, d.today(), rule.Count(status.Paths, "access path"), rule.Count(status.Items, "row"), rule.Count(len(files), "workbook"))
	return c, nil
}

// prove takes a later snapshot and holds the plan against it.
func (d *demonstration) prove(ctx context.Context, c reviews.Campaign, at time.Time) error {
	d.moveTo(at)
	result, err := d.collect(ctx, wanted{})
	if err != nil {
		return err
	}
	v, err := reviews.Verify(ctx, d.st, c.Name, result.Snapshot, d.at)
	if err != nil {
		return err
	}
	counts := map[reviews.Outcome]int{}
	for _, r := range v.Results {
		counts[r.Outcome]++
	}
	d.say("A snapshot of %s shows what came of it: %d gone, %d still there, %d came back, %d moved to another path, %d cannot be told.", d.today(),
		counts[reviews.Gone], counts[reviews.StillThere], counts[reviews.CameBack], counts[reviews.Moved], counts[reviews.CannotTell])
	for _, r := range v.Results {
		if r.Outcome != reviews.Gone {
			d.say("  %s: %s %s", r.Outcome, r.Action.Action, printable(actionWords(r.Action), false))
		}
	}
	return nil
}

func (d *demonstration) report(ctx context.Context, p snapshot.Period) error {
	s, err := d.snapshotOf(ctx, p, 0)
	if err != nil {
		return err
	}
	files, err := d.summaries(ctx, s, p, nil)
	if err != nil {
		return err
	}
	d.say("\n%d files of access summaries are written, a PDF and a text for each customer.", len(files))
	return nil
}

// guide says where to look and what to try.
func (d *demonstration) guide(ctx context.Context, c reviews.Campaign) error {
	head, err := d.st.Head(ctx)
	if err != nil {
		return err
	}
	d.say("Seal head: %s\n\nLook at", head.Hash)
	quarter := d.folder(c.Period).Path()
	err = aligned(d.out, [][]string{
		{"  " + filepath.Join(quarter, "reviews"), "what reviewers were sent"},
		{"  " + filepath.Join(d.dir, "returned"), "what they sent back"},
		{"  " + filepath.Join(quarter, "customers"), "what each customer gets"},
		{"  " + filepath.Join(quarter, "reviews", c.Name+"_plan.csv"), "what to remove where"},
	})
	if err != nil {
		return err
	}
	d.say("\nTry")
	program := "  countersign --config " + filepath.Join(d.dir, "countersign.yaml")
	return aligned(d.out, [][]string{
		{program + " access --customer alder", "# who can do what at one customer"},
		{program + " check", "# what the rules find"},
		{program + " review verify", "# whether the plan was carried out"},
		{program + " db check", "# whether the history is whole"},
	})
}
