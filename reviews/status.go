package reviews

import (
	"context"

	"countersign/collectors/store"
)

// Progress is how far a campaign has come.
type Progress struct {
	Campaign     string             `json:"campaign"`
	Period       string             `json:"period"`
	State        string             `json:"state"`
	Items        int                `json:"items"`
	Decided      int                `json:"decided"`
	Open         int                `json:"open"`
	Unassigned   int                `json:"unassigned"` // of the items, given to nobody
	Paths        int                `json:"paths"`
	PathsCovered int                `json:"paths_covered"`
	Incomplete   []string           `json:"incomplete"`
	Reviewers    []ReviewerProgress `json:"reviewers"`
}

// ReviewerProgress is the same for one reviewer.
type ReviewerProgress struct {
	Person   string `json:"person"`
	Name     string `json:"name"`
	Items    int    `json:"items"`
	Decided  int    `json:"decided"`
	Returned bool   `json:"returned"` // the newest revision came back
}

// Status counts what is decided now. An empty name means the only open campaign.
func Status(ctx context.Context, st *store.Store, campaign string) (Progress, error) {
	r, err := load(ctx, st, st.Read(), campaign)
	if err != nil {
		return Progress{}, err
	}
	issues, err := r.issues(ctx)
	if err != nil {
		return Progress{}, err
	}
	p := Progress{Campaign: r.Name, Period: r.Period.Name, State: r.State(), Items: len(r.items), Incomplete: append([]string{}, r.Incomplete...), Reviewers: []ReviewerProgress{}}
	coverage := r.coverage(func(Uncovered) {})
	p.Paths, p.PathsCovered = coverage.paths, coverage.covered

	by := map[string]*ReviewerProgress{}
	for _, item := range r.items {
		if item.Decision != nil {
			p.Decided++
		}
		if item.Reviewer.ID == "" {
			p.Unassigned++
			continue
		}
		who := by[item.Reviewer.ID]
		if who == nil {
			who = &ReviewerProgress{Person: item.Reviewer.ID, Name: item.Reviewer.Name}
			by[item.Reviewer.ID] = who
		}
		who.Items++
		if item.Decision != nil {
			who.Decided++
		}
	}
	p.Open = p.Items - p.Decided
	for _, u := range issues { // sorted by revision: the newest counts
		if who := by[u.Reviewer.Key]; who != nil {
			who.Returned = u.Returned
		}
	}
	for _, key := range sortedKeys(by) {
		p.Reviewers = append(p.Reviewers, *by[key])
	}
	return p, nil
}
