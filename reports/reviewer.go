package reports

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/reports/workbook"
	"countersign/reviews"
	"countersign/rules/rule"
)

// Office is what the reviewer workbooks say of the MSP.
type Office struct {
	Name, Contact string
	Zone          *time.Location
}

// ReviewerBook gathers one issue of a reviewer's workbook.
func ReviewerBook(ctx context.Context, st *store.Store, c reviews.Campaign, issue reviews.Issue, office Office) (workbook.Book, error) {
	book, err := reviewerBook(ctx, st, c, issue, office)
	if err != nil {
		return workbook.Book{}, fmt.Errorf("workbook of %s for %s: %w", c.Name, issue.Reviewer.Key, err)
	}
	return book, nil
}

func reviewerBook(ctx context.Context, st *store.Store, c reviews.Campaign, issue reviews.Issue, office Office) (workbook.Book, error) {
	sheet, err := reviews.Workbook(ctx, st, c.Name, issue.Token)
	if err != nil {
		return workbook.Book{}, err
	}
	access, err := snapshot.LoadAccess(ctx, st.Read(), c.Snapshot)
	if err != nil {
		return workbook.Book{}, err
	}
	coverage, err := snapshot.LoadCoverage(ctx, st.Read(), c.Snapshot)
	if err != nil {
		return workbook.Book{}, err
	}
	book := workbook.Book{
		Campaign: c.Name, Revision: issue.Revision, Token: issue.Token,
		Title: "Access review " + shortPeriod(c.Period.Name), MSP: office.Name,
		Reviewer: issue.Reviewer.Name, ReviewerUPN: issue.Reviewer.UPN, Contact: office.Contact,
		Period:     period(c.Period, office.Zone),
		Due:        c.Due.In(office.Zone).Format("Monday, 2 January 2006"),
		DataAsOf:   c.SnapshotAt.In(office.Zone).Format("2 January 2006 15:04"),
		Zone:       office.Zone.String(),
		Incomplete: strings.Join(c.Incomplete, "; "),
		Covered:    covered(coverage),
		Seal:       c.Seal, Created: issue.At,
		Coverage: coverageLines(coverage, office),
	}
	for _, r := range sheet.Decide {
		book.Decide = append(book.Decide, bookRow(r, access, office.Zone))
	}
	for _, r := range sheet.Reaffirm {
		book.Reaffirm = append(book.Reaffirm, bookRow(r, access, office.Zone))
	}
	all := slices.Concat(sheet.Decide, sheet.Reaffirm)
	book.Chains, book.Roles = chains(access, all, office.Zone), roleLines(all)
	return book, nil
}

func period(p snapshot.Period, zone *time.Location) string {
	return p.Since.In(zone).Format("2 January 2006") + " to " + p.Until.Add(-time.Second).In(zone).Format("2 January 2006")
}

// bookRow words one item. It must give the same words each time: a returned file
// is compared with it.
func bookRow(r reviews.Row, access *snapshot.Access, zone *time.Location) workbook.Row {
	row := workbook.Row{
		Item: r.ID, Kind: capital(string(r.Kind)), Who: r.Who, Account: r.Account, Customer: customerWords(r.Item),
		Access: r.Group.Name, Through: strings.Join(r.Through, "; "), Level: r.Tier.String(), State: r.State(),
		Ends: "no end", LastUsed: "not recorded", Uses: "not recorded",
		Suggestion: r.Suggest.Verdict, Why: r.Suggest.Reason, Privileged: r.Privileged(), Check: r.Check,
		ChangeTo: workbook.Choices{Words: r.Choices.Words, Date: r.Choices.Date, Keep: refNames(r.Choices.Keep)},
	}
	if r.Suggest.To != "" {
		row.Suggestion += ": " + r.Suggest.To
	}
	row.Roles = strings.Join(refNames(r.Roles), "; ")
	switch r.Kind {
	case reviews.Relationship:
		row.Access = "GDAP relationship"
	case reviews.Delegation:
		row.Access = "group of " + rule.Count(len(access.Members(r.Group.ID)), "member")
	}
	if !r.Ends.IsZero() {
		row.Ends = r.Ends.In(zone).Format(time.DateOnly)
		if r.Renews {
			row.Ends += ", extends itself"
		}
	}
	if !r.Use.Last.IsZero() {
		row.LastUsed = r.Use.Last.In(zone).Format(time.DateOnly)
	} else if r.Use.Whole {
		row.LastUsed = "never"
	}
	switch {
	case r.Use.Whole:
		row.Uses = fmt.Sprint(r.Use.Times())
	case r.Use.Times() > 0:
		row.Uses = fmt.Sprintf("at least %d", r.Use.Times())
	}
	row.Findings = findingWords(r.Item, access)
	return row
}

func customerWords(i reviews.Item) string {
	if i.Customer != (rule.Ref{}) {
		return i.Customer.Name
	}
	return rule.Count(i.Customers, "customer")
}

// findingWords lists what was found, and what else the reviewer must know.
func findingWords(i reviews.Item, access *snapshot.Access) string {
	var lines []string
	for _, f := range i.Findings {
		lines = append(lines, f.Message)
	}
	if len(i.Unused) > 0 {
		lines = append(lines, "Approved, but assigned to no group: "+strings.Join(refNames(i.Unused), ", "))
	}
	if len(i.Brings) > 0 {
		var who []string
		for _, m := range i.Brings {
			who = append(who, cmp.Or(m.Name, access.Principal(m.ID).Label()))
		}
		lines = append(lines, "Brings in: "+strings.Join(who, ", "))
	}
	if i.OwnGroup {
		lines = append(lines, "You are in this group yourself.")
	}
	for _, s := range i.Substitutions {
		lines = append(lines, "Instead of "+cmp.Or(s.Name, s.Person, "the person's manager")+": "+s.Why)
	}
	return strings.Join(lines, "\n")
}

func refNames(refs []rule.Ref) []string {
	var out []string
	for _, r := range refs {
		out = append(out, r.Name)
	}
	return out
}

// chains lists who is in the groups that the rows speak of, for reference.
func chains(access *snapshot.Access, rows []reviews.Row, zone *time.Location) []workbook.Chain {
	groups := map[string]bool{}
	for _, r := range rows {
		if r.Group.ID != "" {
			groups[r.Group.ID] = true
		}
	}
	var out []workbook.Chain
	for _, m := range access.Direct {
		if !groups[m.Group] {
			continue
		}
		p := access.Principal(m.Principal)
		c := workbook.Chain{Group: access.GroupName(m.Group), Member: p.Label(), Account: p.UPN, Through: "direct", State: string(m.State), Until: "no end"}
		if m.Type == snapshot.TypeGroup {
			c.Through = "nested group"
		}
		if !m.Ends.IsZero() {
			c.Until = m.Ends.In(zone).Format("2006-01-02 15:04")
		}
		out = append(out, c)
	}
	slices.SortStableFunc(out, func(a, b workbook.Chain) int {
		return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Member, b.Member))
	})
	return out
}

func roleLines(rows []reviews.Row) []workbook.RoleLine {
	seen := map[string]bool{}
	var ids []string
	for _, r := range rows {
		for _, role := range r.Roles {
			if !seen[role.ID] {
				seen[role.ID] = true
				ids = append(ids, role.ID)
			}
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		x, y := snapshot.RoleByID(a), snapshot.RoleByID(b)
		return cmp.Or(cmp.Compare(x.Tier, y.Tier), strings.Compare(x.Name, y.Name))
	})
	var out []workbook.RoleLine
	for _, id := range ids {
		r := snapshot.RoleByID(id)
		allows := r.Description
		if why := snapshot.Escalation(id); why != "" {
			allows += ". Counts as full control: it " + why + "."
		}
		out = append(out, workbook.RoleLine{Role: r.Name, Level: r.Tier.String(), Allows: allows})
	}
	return out
}

// covered says in one sentence what the evidence covers. What was never set up to be
// read is counted apart: the sheet names it.
func covered(coverage []snapshot.Coverage) string {
	var gaps []string
	asked := 0
	for _, c := range coverage {
		if c.State == snapshot.NotConfigured {
			continue
		}
		asked++
		if c.State != snapshot.Complete {
			gaps = append(gaps, string(c.Kind))
		}
	}
	rest := ""
	if n := len(coverage) - asked; n > 0 {
		rest = fmt.Sprintf(" %s not set up to be read.", rule.Counted(n, "kind is", "kinds are"))
	}
	if len(gaps) == 0 {
		return fmt.Sprintf("All %d kinds of evidence were read whole.%s", asked, rest)
	}
	return fmt.Sprintf("%d of %d kinds of evidence were read whole; not whole: %s. The sheet Coverage says why.%s", asked-len(gaps), asked, strings.Join(gaps, ", "), rest)
}

func coverageLines(coverage []snapshot.Coverage, office Office) []workbook.CoverageLine {
	zone := office.Zone
	var out []workbook.CoverageLine
	for _, c := range coverage {
		line := workbook.CoverageLine{Scope: office.Name, Kind: string(c.Kind), State: string(c.State), Rows: fmt.Sprint(c.Rows), Reason: c.Reason, AskedAt: c.Asked.In(zone).Format("2006-01-02 15:04")}
		if !c.Since.IsZero() {
			line.Window = c.Since.In(zone).Format("2006-01-02 15:04") + " to " + c.Until.In(zone).Format("2006-01-02 15:04")
		}
		out = append(out, line)
	}
	return out
}
