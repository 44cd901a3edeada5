package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"countersign/fixtures"
	"countersign/reports"
	"countersign/reviews"
	"countersign/rules/rule"
)

// answer has every workbook filled in and taken over; the first one somebody
// forgot to sign. What a reviewer is not sure of comes to the next in line in a
// new revision, which is answered too.
func (d *demonstration) answer(ctx context.Context, c reviews.Campaign, at time.Time) error {
	d.moveTo(at)
	first, again := 0, 0
	for {
		issue, sent, err := d.waiting(ctx, c)
		if err != nil {
			return err
		}
		if sent == nil {
			break
		}
		who := fixtures.Answers{Reviewer: issue.Reviewer.Name, Date: d.at, NotSure: 4, Blank: 1}
		if issue.Revision > 1 {
			who.NotSure, who.Blank = 0, 0
			again++
		} else {
			first++
		}
		name := reports.ReviewerFile(c, issue)
		if first+again == 1 {
			if err := d.unsigned(ctx, name, sent, who); err != nil {
				return err
			}
		}
		if err := d.returnBook(ctx, io.Discard, name, sent, who); err != nil {
			return err
		}
	}
	d.say("  %d workbooks come back, and %d more with what others were not sure of.", first, again)
	return nil
}

// waiting is the next workbook that is out and was not answered yet.
func (d *demonstration) waiting(ctx context.Context, c reviews.Campaign) (reviews.Issue, []byte, error) {
	issues, err := reviews.Issues(ctx, d.st, c.Name)
	if err != nil {
		return reviews.Issue{}, nil, err
	}
	for _, issue := range issues {
		if !issue.Open || issue.Returned {
			continue
		}
		sent, err := os.ReadFile(filepath.Join(d.folder(c.Period).Path(), filepath.FromSlash(reports.ReviewerFile(c, issue))))
		if !errors.Is(err, os.ErrNotExist) { // it does not when everything in it was handed on
			return issue, sent, err
		}
	}
	return reviews.Issue{}, nil, nil
}

// unsigned returns a workbook without its sign-off, which is refused whole.
func (d *demonstration) unsigned(ctx context.Context, path string, sent []byte, who fixtures.Answers) error {
	who.Unsigned = true
	d.say("  One reviewer forgot to sign:")
	err := d.returnBook(ctx, indent{d.out}, path, sent, who)
	if !errors.Is(err, errRejected) {
		return errors.Join(errors.New("a workbook without a sign-off was taken over"), err)
	}
	return nil
}

var errRejected = errors.New("the workbook was rejected")

// returnBook fills a workbook in, keeps it beside the others, and imports it.
func (d *demonstration) returnBook(ctx context.Context, w io.Writer, path string, sent []byte, who fixtures.Answers) error {
	filled, err := fixtures.FillIn(sent, who)
	if err != nil {
		return fmt.Errorf("fill in %s: %w", path, err)
	}
	name := filepath.Base(path)
	if !who.Unsigned {
		returned := filepath.Join(d.dir, "returned")
		if err := errors.Join(os.MkdirAll(returned, 0o700), os.WriteFile(filepath.Join(returned, name), filled, 0o600)); err != nil {
			return err
		}
	}
	var told strings.Builder
	ok, err := d.takeOver(ctx, io.MultiWriter(w, &told), name, filled)
	switch {
	case err != nil:
		return fmt.Errorf("import %s: %w", name, err)
	case !ok && !who.Unsigned:
		return fmt.Errorf("%w: %s", errRejected, told.String())
	case !ok:
		return errRejected
	}
	return nil
}

// indent writes lines a little to the right.
type indent struct{ io.Writer }

func (i indent) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Fprintf(i.Writer, "    %s", line); err != nil {
			return 0, err
		}
	}
	return len(text), nil
}

// carryOut is the MSP's administrators at work: they do what the plan says, all
// but the last thing on the list.
func (d *demonstration) carryOut(plan []reviews.Action, from time.Time) error {
	if len(plan) == 0 {
		return nil
	}
	at := from.Add(time.Hour)
	for _, a := range plan[:len(plan)-1] {
		if err := d.do(a, at); err != nil {
			return fmt.Errorf("carry out %s of %s: %w", a.Action, a.Item, err)
		}
	}
	d.say("\nThe administrators carry out %d of %d; the last one is forgotten.", len(plan)-1, len(plan))
	return nil
}

func (d *demonstration) do(a reviews.Action, at time.Time) error {
	w, group, who := d.world, a.Group.ID, a.Principal.ID
	until := a.Until
	if until.IsZero() {
		until = at.AddDate(0, 6, 0)
	}
	if a.Package != "" {
		end := at
		if a.Action == reviews.EndMembership {
			end = until
		}
		return w.EndPackage(a.Instance, who, end)
	}
	switch a.Action {
	case reviews.RemoveMember:
		return w.RemoveMember(group, who, at)
	case reviews.RemoveEligibility:
		return w.RemoveEligibility(group, who, at)
	case reviews.MakeEligible:
		return w.MakeEligible(group, who, until, at)
	case reviews.EndMembership:
		if err := w.EndMembership(group, who, until, at); err == nil {
			return nil
		}
		return w.EndEligibility(group, who, until, at) // the end is set on what there is
	case reviews.RemoveAccessAssignment:
		return w.RemoveAccessAssignment(a.Relationship.ID, a.AccessAssignment, at)
	case reviews.ReduceAccessAssignment:
		return w.ReduceAccessAssignment(a.Relationship.ID, a.AccessAssignment, ids(a.RolesToKeep), at)
	case reviews.EndRelationship:
		return w.TerminateRelationship(a.Relationship.ID, at)
	case reviews.StopRenewal:
		return w.StopRenewal(a.Relationship.ID, at)
	}
	return fmt.Errorf("there is no way to do it in the invented MSP")
}

func ids(refs []rule.Ref) []string {
	var out []string
	for _, r := range refs {
		out = append(out, r.ID)
	}
	return out
}
