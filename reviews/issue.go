package reviews

import (
	"cmp"
	"context"
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/store"
)

// Issue is one revision of a reviewer's workbook. Only the newest is open.
type Issue struct {
	Campaign string
	Reviewer Person
	Revision int // 1, 2 ...
	At       time.Time
	Token    string // ties a returned file to campaign, reviewer and revision
	Open     bool   // the newest revision of a campaign that is not closed
	Returned bool   // an import was taken over under it

	id       int64
	imported int64 // the import that called for it; 0: the opening
	numbers  []int // of its items
}

// Sheet is what one issue holds, sorted by risk.
type Sheet struct {
	Issue    Issue
	Decide   []Row
	Reaffirm []Row // unchanged since an approval; may be approved together
}

// Row is an item as issued. Check is an HMAC over the issue and the item's
// content, for a hidden column.
type Row struct {
	Item
	Check string
}

// Issues lists every revision of every reviewer's workbook, by reviewer.
func Issues(ctx context.Context, st *store.Store, campaign string) ([]Issue, error) {
	r, err := load(ctx, st, st.Read(), campaign)
	if err != nil {
		return nil, err
	}
	return r.issues(ctx)
}

// Workbook returns the rows of the issue that a token names: those that were open
// when it was issued, the same for as long as the campaign is kept.
func Workbook(ctx context.Context, st *store.Store, campaign, token string) (Sheet, error) {
	r, err := load(ctx, st, st.Read(), campaign)
	if err != nil {
		return Sheet{}, err
	}
	issues, err := r.issues(ctx)
	if err != nil {
		return Sheet{}, err
	}
	for _, u := range issues {
		if u.Token == token {
			return r.sheet(u), nil
		}
	}
	return Sheet{}, fmt.Errorf("campaign %s issued no workbook with this token", r.Name)
}

func (r *round) sheet(u Issue) Sheet {
	s := Sheet{Issue: u}
	for _, number := range u.numbers {
		item := r.items[number-1]
		for _, s := range r.seats[number-1] {
			if s.imported <= u.imported {
				item.sit(s) // as issued, whatever was handed on since
			}
		}
		row := Row{item, hex.EncodeToString(mac(r.key, "row", u.Token, item.ID, item.Content)[:16])}
		if item.Reaffirmable(r.ReaffirmLimit) {
			s.Reaffirm = append(s.Reaffirm, row)
		} else {
			s.Decide = append(s.Decide, row)
		}
	}
	slices.SortFunc(s.Decide, byRisk)
	slices.SortFunc(s.Reaffirm, byRisk)
	return s
}

// suggestionOrder is how loudly a suggestion asks for attention.
var suggestionOrder = map[string]int{SuggestRevoke: 0, SuggestChange: 1, SuggestReview: 2, SuggestApprove: 3}

// byRisk orders rows: the most powerful first, then those that something speaks
// against, then as they are numbered.
func byRisk(a, b Row) int {
	return cmp.Or(cmp.Compare(a.Tier, b.Tier), cmp.Compare(suggestionOrder[a.Suggest.Verdict], suggestionOrder[b.Suggest.Verdict]), cmp.Compare(a.Number, b.Number))
}

func (r *round) issues(ctx context.Context) ([]Issue, error) {
	var rows []struct {
		ID       int64
		Import   int64
		Reviewer string
		Revision int
		At       store.Time
		Newest   bool
		Returned bool
	}
	err := sqlx.SelectContext(ctx, r.q, &rows, `
		SELECT u.id, u.import, i.value AS reviewer, u.revision, u.at,
		       NOT EXISTS (SELECT 1 FROM review_issue n WHERE n.campaign = u.campaign AND n.reviewer = u.reviewer AND n.revision > u.revision) AS newest,
		       EXISTS (SELECT 1 FROM review_import m WHERE m.issue = u.id) AS returned
		FROM   review_issue u JOIN ident i ON i.id = u.reviewer WHERE u.campaign = ? ORDER BY i.value, u.revision`, r.id)
	if err != nil {
		return nil, err
	}
	var items []struct {
		Issue  int64
		Number int
	}
	err = sqlx.SelectContext(ctx, r.q, &items, `
		SELECT i.issue, i.number FROM review_issue_item i JOIN review_issue u ON u.id = i.issue WHERE u.campaign = ? ORDER BY i.issue, i.number`, r.id)
	if err != nil {
		return nil, err
	}
	numbers := map[int64][]int{}
	for _, i := range items {
		numbers[i.Issue] = append(numbers[i.Issue], i.Number)
	}
	var out []Issue
	for _, row := range rows {
		who := Person{Key: row.Reviewer, Name: row.Reviewer}
		if known, ok := r.people.persons[row.Reviewer]; ok {
			who = known.Person
		}
		out = append(out, Issue{Campaign: r.Name, Reviewer: who, Revision: row.Revision, At: row.At.Time(), Token: token(r.key, r.Name, row.Reviewer, row.Revision),
			Open: row.Newest && r.Closed.IsZero(), Returned: row.Returned, id: row.ID, imported: row.Import, numbers: numbers[row.ID]})
	}
	return out, nil
}

// token is 26 letters and digits that nobody can guess without the key.
func token(key []byte, campaign, reviewer string, revision int) string {
	sum := mac(key, "issue", campaign, reviewer, fmt.Sprint(revision))
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16]))
}

// issue adds the next revision for each reviewer, with the rows that are to be
// decided; imported says which import called for it (0: the opening).
func (w *writer) issue(campaign, imported int64, at time.Time, rows map[string][]int) {
	for _, reviewer := range sortedKeys(rows) {
		who := w.ident(reviewer)
		var last int
		if w.err == nil {
			w.err = w.tx.GetContext(w.ctx, &last, `SELECT coalesce(max(revision), 0) FROM review_issue WHERE campaign = ? AND reviewer = ?`, campaign, who)
		}
		id := w.add("review_issue", "campaign, reviewer, revision, at, import", campaign, who, last+1, store.Time(at), imported)
		for _, number := range rows[reviewer] {
			w.add("review_issue_item", "issue, number", id, number)
		}
	}
}
