package reviews

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// OpenOptions says what to open a campaign over.
type OpenOptions struct {
	Snapshot      int64
	At            time.Time
	Period        snapshot.Period // uses and own grants are looked at in it
	Findings      []rule.Finding  // of the same snapshot
	Declared      snapshot.Declared
	Due           int    // days from At on
	Fallback      string // person key or address; empty: none
	ReaffirmLimit int    // campaigns in a row that an approval may be re-affirmed
	Force         bool   // open over an incomplete population; the campaign then says so
}

// ErrAlreadyOpen says that the period has a campaign that is not closed yet.
var ErrAlreadyOpen = errors.New("the period has an open campaign")

// Open makes the items of a snapshot, gives each to an independent reviewer,
// issues the first revision of every workbook, and seals all of it. Over a
// population that was not seen whole it returns an *IncompleteError, unless
// forced: the campaign then carries the reasons. A second campaign of a period
// needs the first one to be closed.
func Open(ctx context.Context, st *store.Store, o OpenOptions) (Campaign, error) {
	c, err := open(ctx, st, o)
	if err != nil {
		return Campaign{}, fmt.Errorf("open campaign for %s: %w", o.Period.Name, err)
	}
	return c, nil
}

func open(ctx context.Context, st *store.Store, o OpenOptions) (Campaign, error) {
	key, err := st.Key(ctx)
	if err != nil {
		return Campaign{}, err
	}
	w, err := loadWorld(ctx, st.Read(), o.Snapshot)
	if err != nil {
		return Campaign{}, err
	}
	incomplete, err := gaps(w, o)
	if err != nil {
		return Campaign{}, err
	}
	people := newPeople(w, o.Declared)
	fallback := ""
	if o.Fallback != "" {
		who, ok := people.find(o.Fallback)
		if !ok {
			return Campaign{}, fmt.Errorf("the fallback reviewer %q is neither in the staff list nor an account that was seen", o.Fallback)
		}
		fallback = who.Key
	}
	log, err := loadLogbook(ctx, st.Read(), w, o.Period)
	if err != nil {
		return Campaign{}, err
	}
	seen, err := w.firstSeen(ctx, st.Read())
	if err != nil {
		return Campaign{}, err
	}
	items := (&builder{world: w, log: log, people: people, findings: indexFindings(o.Findings), firstSeen: seen, period: o.Period, at: o.At, complete: len(incomplete) == 0}).items()
	seats := newBench(w, people, log, fallback, o.At)
	for i := range items {
		seats.seat(&items[i], nil)
	}
	var name string
	err = st.Tx(ctx, func(tx *sqlx.Tx) error {
		var err error
		if name, err = nextName(ctx, tx, o.Period.Name); err != nil {
			return err
		}
		before, err := history(ctx, tx)
		if err != nil {
			return err
		}
		for i := range items {
			item := &items[i]
			item.Number = i + 1
			item.ID = fmt.Sprintf("%s-%06d-%s", name, item.Number, checkLetters(key, name, item.Number))
			item.Before = before[item.Key]
		}
		return writeOpening(newWriter(ctx, st, tx), o, name, fallback, incomplete, items)
	})
	if err != nil {
		return Campaign{}, err
	}
	return Find(ctx, st, name)
}

// staleAfter is how old a snapshot may be before a campaign over it must be forced.
const staleAfter = 14 * 24 * time.Hour

// gaps says in words why the population is not whole, or refuses it.
func gaps(w *world, o OpenOptions) ([]string, error) {
	if w.At.After(o.At) {
		return nil, fmt.Errorf("snapshot %d was taken at %s, after the instant of the campaign", o.Snapshot, store.Time(w.At))
	}
	refusal := &IncompleteError{Snapshot: o.Snapshot, Missing: w.missing()}
	if age := o.At.Sub(w.At); age > staleAfter {
		refusal.Days = int(age / (24 * time.Hour))
	}
	reasons := refusal.reasons()
	if len(reasons) > 0 && !o.Force {
		return nil, refusal
	}
	return reasons, nil
}

// nextName is AR26Q3 for the period 2026-Q3, with a count from the second on.
func nextName(ctx context.Context, tx *sqlx.Tx, period string) (string, error) {
	var of []struct {
		Name   string
		Closed bool
	}
	err := tx.SelectContext(ctx, &of, `
		SELECT c.name, EXISTS (SELECT 1 FROM campaign_closing x WHERE x.campaign = c.id) AS closed FROM campaign c WHERE c.period = ? ORDER BY c.id`, period)
	if err != nil {
		return "", err
	}
	for _, c := range of {
		if !c.Closed {
			return "", fmt.Errorf("%w: %s; close it first", ErrAlreadyOpen, c.Name)
		}
	}
	year, quarter, ok := strings.Cut(period, "-")
	if !ok || len(year) != 4 {
		return "", fmt.Errorf("period %q is not of the form 2026-Q3", period)
	}
	name := "AR" + year[2:] + quarter
	if len(of) > 0 {
		name += fmt.Sprintf("-%d", len(of)+1)
	}
	return name, nil
}

func writeOpening(w *writer, o OpenOptions, name, fallback string, incomplete []string, items []Item) error {
	declared, err := json.Marshal(o.Declared)
	if err != nil {
		return err
	}
	campaign := w.add("campaign", "name, snapshot, period, since, until, opened, due, incomplete, fallback, reaffirm_limit, declared",
		name, o.Snapshot, o.Period.Name, store.Time(o.Period.Since), store.Time(o.Period.Until), store.Time(o.At), store.Time(o.At.AddDate(0, 0, o.Due)),
		plainJSON(incomplete), fallback, o.ReaffirmLimit, w.label(string(declared)))
	worded := map[string]bool{}
	rows := map[string][]int{}
	for _, item := range items {
		w.add("review_item", "campaign, number, kind, key_from, key_to, content, body",
			campaign, item.Number, item.Kind, w.ident(item.From), w.ident(item.To), item.Content, plainJSON(item))
		for _, f := range item.Findings {
			if !worded[f.Fingerprint] {
				worded[f.Fingerprint] = true
				w.add("review_finding", "campaign, fingerprint, message", campaign, f.Fingerprint, w.label(f.Message))
			}
		}
		w.assign(campaign, item, 0)
		if item.Reviewer.ID != "" {
			rows[item.Reviewer.ID] = append(rows[item.Reviewer.ID], item.Number)
		}
	}
	w.issue(campaign, 0, o.At, rows)
	w.seal(campaign, "opening", campaign, o.At)
	return w.err
}

// assign records who decides an item, from an import on (0: the opening).
func (w *writer) assign(campaign int64, item Item, imported int64) {
	w.add("review_assignment", "campaign, number, import, reviewer, member, passed",
		campaign, item.Number, imported, w.ident(item.Reviewer.ID), item.OwnGroup, plainJSON(item.Substitutions))
}

// plainJSON renders plain values; an empty list is [].
func plainJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values only
	}
	if string(text) == "null" {
		return "[]"
	}
	return string(text)
}

// firstSeen is when each edge was first seen, by its key.
func (w *world) firstSeen(ctx context.Context, q sqlx.QueryerContext) (map[Key]time.Time, error) {
	var rows []struct {
		Kind     Kind
		From, To string
		Seen     store.Time
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT 'membership' AS kind, group_id AS "from", principal AS "to", min(first_seen) AS seen FROM membership WHERE snapshot = ?1 GROUP BY group_id, principal
		UNION ALL
		SELECT 'relationship', id, customer, first_seen FROM relationship WHERE snapshot = ?1
		UNION ALL
		SELECT 'delegation', id, '', first_seen FROM access_assignment WHERE snapshot = ?1`, w.Snapshot)
	if err != nil {
		return nil, fmt.Errorf("first seen: %w", err)
	}
	out := make(map[Key]time.Time, len(rows))
	for _, r := range rows {
		key := Key{r.Kind, r.From, r.To}
		if r.Kind == Delegation {
			g := w.grant[r.From]
			if g == nil {
				continue
			}
			key = Key{Delegation, g.Group, g.Relationship.Customer}
		}
		if old, ok := out[key]; !ok || r.Seen.Time().Before(old) {
			out[key] = r.Seen.Time()
		}
	}
	return out, nil
}

// history finds what the last campaign that held an edge decided on it.
func history(ctx context.Context, q sqlx.QueryerContext) (map[Key]*PriorDecision, error) {
	var rows []struct {
		Kind              Kind
		From, To          string
		Campaign, Content string
		Reviewer          string
		Verdict           Verdict
		Reaffirmed        bool
		Streak            int
		At                store.Time
	}
	err := sqlx.SelectContext(ctx, q, &rows, `
		SELECT i.kind, f.value AS "from", t.value AS "to", c.name AS campaign, i.content, coalesce(json_extract(i.body, '$.previous.streak'), 0) AS streak,
		       coalesce(d.verdict, '') AS verdict, coalesce(d.reaffirmed, 0) AS reaffirmed, coalesce(r.value, '') AS reviewer, m.at
		FROM   review_item i
		JOIN   campaign c ON c.id = i.campaign
		JOIN   ident f ON f.id = i.key_from
		JOIN   ident t ON t.id = i.key_to
		LEFT   JOIN review_decision d ON d.campaign = i.campaign AND d.number = i.number
		       AND d.import = (SELECT max(n.import) FROM review_decision n WHERE n.campaign = i.campaign AND n.number = i.number)
		LEFT   JOIN review_import m ON m.id = d.import
		LEFT   JOIN review_issue u ON u.id = m.issue
		LEFT   JOIN ident r ON r.id = u.reviewer
		WHERE  i.campaign = (SELECT max(p.campaign) FROM review_item p WHERE p.kind = i.kind AND p.key_from = i.key_from AND p.key_to = i.key_to)
		ORDER  BY i.campaign, i.number`)
	if err != nil {
		return nil, fmt.Errorf("earlier decisions: %w", err)
	}
	out := make(map[Key]*PriorDecision, len(rows))
	for _, r := range rows {
		p := &PriorDecision{Campaign: r.Campaign, Verdict: r.Verdict, Reviewer: r.Reviewer, Content: r.Content}
		if r.Verdict == NotSure {
			p.Verdict = ""
		}
		if !r.At.IsZero() {
			p.At = r.At.Time()
		}
		if r.Reaffirmed {
			p.Streak = r.Streak + 1
		}
		out[Key{r.Kind, r.From, r.To}] = p
	}
	return out, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
