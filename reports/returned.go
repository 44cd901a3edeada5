package reports

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"countersign/collectors/store"
	"countersign/reports/workbook"
	"countersign/reviews"
)

// Return takes over one workbook that came back: it finds the issue it answers,
// reads it against exactly that issue, and hands the answers to the campaign. A
// *reviews.Refused lists everything that was wrong; nothing is taken over then.
func Return(ctx context.Context, st *store.Store, file []byte, office Office, at time.Time, importer string) (reviews.Campaign, reviews.Receipt, error) {
	name, token, revision, err := workbook.Identify(file)
	if err != nil {
		return reviews.Campaign{}, reviews.Receipt{}, &reviews.Refused{Faults: []reviews.Fault{{Problem: capital(err.Error()) + "."}}}
	}
	c, err := reviews.Find(ctx, st, name)
	if err != nil {
		return c, reviews.Receipt{}, refused("It belongs to the campaign "+name+", which is not known here.", "Please return the workbook to whoever sent it to you.")
	}
	issues, err := reviews.Issues(ctx, st, c.Name)
	if err != nil {
		return c, reviews.Receipt{}, err
	}
	i := slices.IndexFunc(issues, func(i reviews.Issue) bool { return i.Token == token && i.Revision == revision })
	if i < 0 {
		return c, reviews.Receipt{}, refused("It is not a workbook that was issued in the campaign "+name+".", "Please fill in the workbook that you were sent.")
	}
	book, err := ReviewerBook(ctx, st, c, issues[i], office)
	if err != nil {
		return c, reviews.Receipt{}, err
	}
	back, faults, err := workbook.Read(file, workbook.Expect{Campaign: book.Campaign, Token: book.Token, Revision: book.Revision, Decide: book.Decide, Reaffirm: book.Reaffirm, Closed: c.State() == "closed"})
	if err != nil {
		return c, reviews.Receipt{}, refused(capital(err.Error())+".", "")
	}
	if len(faults) > 0 {
		r := &reviews.Refused{}
		for _, f := range faults {
			r.Faults = append(r.Faults, reviews.Fault(f))
		}
		return c, reviews.Receipt{}, r
	}
	o := reviews.ImportOptions{Campaign: c.Name, Reviewer: issues[i].Reviewer.Key, Revision: revision, Token: token, File: file, At: at, Importer: importer,
		SignOff: reviews.SignOff{Reviewer: back.Reviewer, Date: back.Date, Statement: back.Statement}}
	for _, a := range back.Answers {
		o.Answers = append(o.Answers, reviews.Answer{Item: a.Item, Decision: a.Decision, ChangeTo: a.ChangeTo, Reason: a.Reason, Reaffirmed: a.Reaffirmed, Sheet: a.Sheet, Cell: fmt.Sprintf("row %d", a.Row)})
	}
	receipt, err := reviews.Import(ctx, st, o)
	return c, receipt, err
}

func refused(problem, cure string) error {
	return &reviews.Refused{Faults: []reviews.Fault{{Problem: problem, Cure: cure}}}
}

// IsRefused gives the faults of a refused workbook.
func IsRefused(err error) ([]reviews.Fault, bool) {
	var r *reviews.Refused
	if errors.As(err, &r) {
		return r.Faults, true
	}
	return nil, false
}
