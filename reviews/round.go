package reviews

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// Campaigns lists every campaign in the order of opening.
func Campaigns(ctx context.Context, st *store.Store) ([]Campaign, error) {
	return campaigns(ctx, st.Read())
}

func campaigns(ctx context.Context, q sqlx.QueryerContext) ([]Campaign, error) {
	var rows []struct {
		ID, Snapshot                       int64
		Name, Period, Incomplete, Fallback string
		Declared, Seal                     string
		SnapshotAt                         store.Time `db:"snapshot_at"`
		Since, Until, Opened, Due, Closed  store.Time
		ReaffirmLimit                      int `db:"reaffirm_limit"`
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT c.id, c.name, c.snapshot, n.at AS snapshot_at, c.period, c.since, c.until, c.opened, c.due, c.incomplete, c.fallback, c.reaffirm_limit,
		       coalesce(d.text, '{}') AS declared, s.hash AS seal, x.at AS closed
		FROM   campaign c
		JOIN   snapshot n ON n.id = c.snapshot
		JOIN   label d ON d.id = c.declared
		JOIN   review_seal r ON r.kind = 'opening' AND r.ref = c.id
		JOIN   seal s ON s.seq = r.seal
		LEFT   JOIN campaign_closing x ON x.campaign = c.id
		ORDER  BY c.id`)
	if err != nil {
		return nil, fmt.Errorf("campaigns: %w", err)
	}
	var out []Campaign
	for _, r := range rows {
		c := Campaign{Name: r.Name, Snapshot: r.Snapshot, SnapshotAt: r.SnapshotAt.Time(), Opened: r.Opened.Time(), Due: r.Due.Time(), Closed: r.Closed.Time(),
			Period:   snapshot.Period{Name: r.Period, Since: r.Since.Time(), Until: r.Until.Time()},
			Fallback: r.Fallback, ReaffirmLimit: r.ReaffirmLimit, Seal: r.Seal, id: r.ID, declared: r.Declared}
		if err := json.Unmarshal([]byte(r.Incomplete), &c.Incomplete); err != nil {
			return nil, fmt.Errorf("campaign %s: %w", r.Name, err)
		}
		out = append(out, c)
	}
	return out, nil
}

// Find returns the campaign of a name; the only open one when the name is empty.
func Find(ctx context.Context, st *store.Store, name string) (Campaign, error) {
	return find(ctx, st.Read(), name)
}

func find(ctx context.Context, q sqlx.QueryerContext, name string) (Campaign, error) {
	all, err := campaigns(ctx, q)
	if err != nil {
		return Campaign{}, err
	}
	if name != "" {
		i := slices.IndexFunc(all, func(c Campaign) bool { return strings.EqualFold(c.Name, name) })
		if i < 0 {
			var names []string
			for _, c := range all {
				names = append(names, c.Name)
			}
			return Campaign{}, fmt.Errorf("there is no campaign %q; there are: %s", name, cmp.Or(strings.Join(names, ", "), "none yet"))
		}
		return all[i], nil
	}
	var open []string
	var found Campaign
	for _, c := range all {
		if c.Closed.IsZero() {
			open = append(open, c.Name)
			found = c
		}
	}
	switch len(open) {
	case 0:
		return Campaign{}, fmt.Errorf("no campaign is open; name a closed one, or open one with `countersign review open`")
	case 1:
		return found, nil
	}
	return Campaign{}, fmt.Errorf("several campaigns are open: %s; name one", strings.Join(open, ", "))
}

// round is a campaign with all that is known of it and of its snapshot.
type round struct {
	Campaign
	q      sqlx.QueryerContext
	key    []byte
	world  *world
	people *people
	items  []Item         // by number
	seats  [][]seat       // of each item, the newest last
	byID   map[string]int // index of items
}

func load(ctx context.Context, st *store.Store, q sqlx.QueryerContext, name string) (*round, error) {
	c, err := find(ctx, q, name)
	if err != nil {
		return nil, err
	}
	r := &round{Campaign: c, q: q, byID: map[string]int{}}
	if r.key, err = st.Key(ctx); err != nil {
		return nil, err
	}
	if r.world, err = loadWorld(ctx, q, c.Snapshot); err != nil {
		return nil, fmt.Errorf("campaign %s: %w", c.Name, err)
	}
	var declared snapshot.Declared
	if err := json.Unmarshal([]byte(c.declared), &declared); err != nil {
		return nil, fmt.Errorf("campaign %s: what was declared: %w", c.Name, err)
	}
	r.people = newPeople(r.world, declared)
	for _, part := range []func(context.Context) error{r.loadItems, r.loadMessages, r.loadReviewers, r.loadDecisions} {
		if err := part(ctx); err != nil {
			return nil, fmt.Errorf("campaign %s: %w", c.Name, err)
		}
	}
	return r, nil
}

func (r *round) loadItems(ctx context.Context) error {
	var bodies []string
	if err := sqlx.SelectContext(ctx, r.q, &bodies, `SELECT body FROM review_item WHERE campaign = ? ORDER BY number`, r.id); err != nil {
		return err
	}
	r.items = make([]Item, len(bodies))
	for i, body := range bodies {
		item := &r.items[i]
		if err := json.Unmarshal([]byte(body), item); err != nil {
			return fmt.Errorf("item %d: %w", i+1, err)
		}
		r.byID[item.ID] = i
		switch item.Kind {
		case Membership:
			who := r.world.Principal(item.Principal)
			item.Who, item.Account = who.Label(), who.UPN
		case Delegation:
			item.Who = item.Group.Name
		case Relationship:
			item.Who = item.Relationship.Name
		}
		for j, m := range item.Brings {
			item.Brings[j].Name = r.world.Principal(m.ID).Label()
		}
	}
	return nil
}

func (r *round) loadMessages(ctx context.Context) error {
	var rows []struct{ Fingerprint, Text string }
	err := sqlx.SelectContext(ctx, r.q, &rows, `
		SELECT f.fingerprint, coalesce(l.text, '') AS text FROM review_finding f JOIN label l ON l.id = f.message WHERE f.campaign = ? ORDER BY f.fingerprint`, r.id)
	if err != nil {
		return err
	}
	words := map[string]string{}
	for _, row := range rows {
		words[row.Fingerprint] = row.Text
	}
	for i := range r.items {
		for j, f := range r.items[i].Findings {
			r.items[i].Findings[j].Message = cmp.Or(words[f.Fingerprint], f.Rule)
		}
	}
	return nil
}

// seat is who decides an item, from an import on (0: the opening).
type seat struct {
	imported int64
	reviewer rule.Ref
	member   bool
	passed   []Substitution
}

func (r *round) loadReviewers(ctx context.Context) error {
	var rows []struct {
		Number, Import   int64
		Reviewer, Passed string
		Member           bool
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
		SELECT a.number, a.import, coalesce(i.value, '') AS reviewer, a.member, a.passed
		FROM   review_assignment a LEFT JOIN ident i ON i.id = a.reviewer WHERE a.campaign = ? ORDER BY a.number, a.import`, r.id)
	if err != nil {
		return err
	}
	r.seats = make([][]seat, len(r.items))
	for _, row := range rows {
		s := seat{imported: row.Import, member: row.Member}
		if row.Reviewer != "" {
			s.reviewer = r.people.ref(row.Reviewer)
		}
		if err := json.Unmarshal([]byte(row.Passed), &s.passed); err != nil {
			return fmt.Errorf("reviewers of item %d: %w", row.Number, err)
		}
		for i, p := range s.passed {
			if p.Person != "" {
				s.passed[i].Name = r.people.ref(p.Person).Name
			}
		}
		r.seats[row.Number-1] = append(r.seats[row.Number-1], s)
		r.items[row.Number-1].sit(s) // the newest counts
	}
	return nil
}

func (i *Item) sit(s seat) { i.Reviewer, i.OwnGroup, i.Substitutions = s.reviewer, s.member, s.passed }

func (r *round) loadDecisions(ctx context.Context) error {
	history, err := r.decisions(ctx)
	for _, h := range history { // the newest counts
		if d := h.Decision; d.Verdict == NotSure {
			r.items[h.number-1].Decision = nil
		} else {
			r.items[h.number-1].Decision = &d
		}
	}
	return err
}

// recorded is one decision in the history of a campaign, later replaced or not, and
// the number of its item.
type recorded struct {
	number int
	Decision
}

// decisions lists every decision that was taken over, by item and in the order of
// import.
func (r *round) decisions(ctx context.Context) ([]recorded, error) {
	var rows []struct {
		Number, Import   int64
		Verdict          Verdict
		ChangeTo         string `db:"change_to"`
		Reason, Reviewer string
		Reaffirmed       bool
		At               store.Time
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
		SELECT d.number, d.import, d.verdict, d.change_to, coalesce(l.text, '') AS reason, d.reaffirmed, m.at, i.value AS reviewer
		FROM   review_decision d
		JOIN   review_import m ON m.id = d.import
		JOIN   review_issue u ON u.id = m.issue
		JOIN   ident i ON i.id = u.reviewer
		LEFT   JOIN label l ON l.id = d.reason
		WHERE  d.campaign = ? ORDER BY d.number, d.import`, r.id)
	if err != nil {
		return nil, err
	}
	var out []recorded
	for _, row := range rows {
		out = append(out, recorded{int(row.Number), Decision{Verdict: row.Verdict, ChangeTo: row.ChangeTo, Reason: row.Reason,
			Reaffirmed: row.Reaffirmed, Reviewer: r.people.ref(row.Reviewer), At: row.At.Time(), Import: row.Import}})
	}
	return out, nil
}
