package reviews

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// Closing is what a campaign came to. A path is covered when all its edges were
// decided, attested when all were approved.
type Closing struct {
	Campaign  string          `json:"campaign"`
	At        time.Time       `json:"at"`
	Items     int             `json:"items"`
	Decided   map[Verdict]int `json:"decided"`
	Open      []string        `json:"open"` // items left undecided, by id
	Paths     int             `json:"paths"`
	Covered   int             `json:"paths_covered"`
	Attested  int             `json:"paths_attested"`
	Uncovered []Uncovered     `json:"uncovered"` // the first maxUncovered of them; Paths - Covered is exact
	Seal      string          `json:"seal"`
}

// maxUncovered bounds the list of what was left uncovered: somebody who decided
// nothing at all is told so by the counts.
const maxUncovered = 10_000

// Compression is paths per row: how much the edges spare the reviewers.
func (c Closing) Compression() float64 {
	if c.Items == 0 {
		return 0
	}
	return float64(c.Paths) / float64(c.Items)
}

// Close ends a campaign: it counts what is covered, lists what is not, makes the
// remediation plan and seals all three. What is undecided stays undecided. No
// import is taken afterwards. It is refused where the clock that dates it was last
// seen to be wrong.
func Close(ctx context.Context, st *store.Store, campaign string, at time.Time) (Closing, error) {
	var name string
	err := st.Tx(ctx, func(tx *sqlx.Tx) error {
		r, err := load(ctx, st, tx, campaign)
		if err != nil {
			return err
		}
		name = r.Name
		if err := clockRight(ctx, tx); err != nil {
			return err
		}
		return r.close(newWriter(ctx, st, tx), at)
	})
	if err != nil {
		return Closing{}, fmt.Errorf("close campaign %s: %w", campaign, err)
	}
	return Closed(ctx, st, name)
}

// clockRight refuses a clock that was too far off when the last snapshot was taken: that
// is the last time anybody looked, and a closing is dated by the same clock.
func clockRight(ctx context.Context, q snapshot.Querier) error {
	last, err := snapshot.LastTimed(ctx, q)
	switch {
	case errors.Is(err, snapshot.ErrNoSnapshot):
		return nil
	case err == nil && last.Skew.Abs() > snapshot.WrongSkew:
		return fmt.Errorf("the clock by which snapshot %d was taken, the last one, was %s that of Microsoft, and more than %d minutes is too much to date a closing by: set this machine's clock, collect again, then close",
			last.ID, snapshot.Apart(last.Skew), int(snapshot.WrongSkew.Minutes()))
	}
	return err
}

func (r *round) close(w *writer, at time.Time) error {
	switch {
	case !r.Closed.IsZero():
		return fmt.Errorf("it was closed on %s", day(r.Closed))
	case at.Before(r.Opened):
		return fmt.Errorf("it was opened at %s, after %s", store.Time(r.Opened), store.Time(at))
	}
	var uncovered []Uncovered
	c := r.coverage(func(u Uncovered) {
		if len(uncovered) < maxUncovered {
			uncovered = append(uncovered, u)
		}
	})
	decided := 0
	for _, item := range r.items {
		if item.Decision != nil {
			decided++
		}
	}
	w.add("campaign_closing", "campaign, at, items, decided, paths, paths_covered, paths_attested",
		r.id, store.Time(at), len(r.items), decided, c.paths, c.covered, c.attested)
	for i, u := range uncovered {
		w.add("campaign_uncovered", "campaign, seq, principal, mapped_group, access_assignment, customer, paths, missing",
			r.id, i+1, w.ident(u.Principal.ID), w.ident(u.Group.ID), w.ident(u.AccessAssignment), w.ident(u.Customer.ID), u.Paths, plainJSON(u.Missing))
	}
	for _, a := range r.actions(at) {
		w.add("campaign_action", "campaign, number, item, body", r.id, a.Order, r.items[r.byID[a.Item]].Number, plainJSON(a))
	}
	w.seal(r.id, "closing", r.id, at)
	return w.err
}

// Closed reads the closing of a campaign.
func Closed(ctx context.Context, st *store.Store, campaign string) (Closing, error) {
	r, err := load(ctx, st, st.Read(), campaign)
	if err != nil {
		return Closing{}, err
	}
	if r.Closed.IsZero() {
		return Closing{}, fmt.Errorf("campaign %s is open; close it first", r.Name)
	}
	c := Closing{Campaign: r.Name, At: r.Closed, Decided: map[Verdict]int{}, Open: []string{}}
	var row struct {
		Items, Paths, Covered, Attested int
		Seal                            string
	}
	err = sqlx.GetContext(ctx, r.q, &row, `
		SELECT x.items, x.paths, x.paths_covered AS covered, x.paths_attested AS attested, s.hash AS seal
		FROM   campaign_closing x JOIN review_seal r ON r.kind = 'closing' AND r.ref = x.campaign JOIN seal s ON s.seq = r.seal WHERE x.campaign = ?`, r.id)
	if err != nil {
		return Closing{}, fmt.Errorf("closing of %s: %w", r.Name, err)
	}
	c.Items, c.Paths, c.Covered, c.Attested, c.Seal = row.Items, row.Paths, row.Covered, row.Attested, row.Seal
	for _, item := range r.items {
		if item.Decision == nil {
			c.Open = append(c.Open, item.ID)
		} else {
			c.Decided[item.Decision.Verdict]++
		}
	}
	c.Uncovered, err = r.uncovered(ctx)
	return c, err
}

func (r *round) uncovered(ctx context.Context) ([]Uncovered, error) {
	var rows []struct {
		Principal, Group, Assignment, Customer, Missing string
		Paths                                           int
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
		SELECT p.value AS principal, g.value AS "group", a.value AS assignment, t.value AS customer, u.paths, u.missing
		FROM   campaign_uncovered u
		JOIN   ident p ON p.id = u.principal
		JOIN   ident g ON g.id = u.mapped_group
		JOIN   ident a ON a.id = u.access_assignment
		JOIN   ident t ON t.id = u.customer
		WHERE  u.campaign = ? ORDER BY u.seq`, r.id)
	if err != nil {
		return nil, fmt.Errorf("paths not covered by %s: %w", r.Name, err)
	}
	out := make([]Uncovered, 0, len(rows))
	for _, row := range rows {
		u := Uncovered{r.world.customer(row.Customer), r.world.principal(row.Principal), r.world.group(row.Group), row.Assignment, row.Paths, nil}
		if err := json.Unmarshal([]byte(row.Missing), &u.Missing); err != nil {
			return nil, fmt.Errorf("paths not covered by %s: %w", r.Name, err)
		}
		out = append(out, u)
	}
	return out, nil
}
