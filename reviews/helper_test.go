package reviews

import (
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// quarter is the one that ended before the instant.
func quarter(t testing.TB, at string) snapshot.Period {
	t.Helper()
	return snapshot.Quarter(instant(t, at), time.UTC, 1).Before(1)
}

func exec(t testing.TB, st *store.Store, statement string, args ...any) error {
	t.Helper()
	return st.Tx(t.Context(), func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(t.Context(), statement, args...)
		return err
	})
}

// loaded is a campaign as it stands.
func loaded(t testing.TB, st *store.Store, campaign string) *round {
	t.Helper()
	r, err := load(t.Context(), st, st.Read(), campaign)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// issued is the newest workbook of a reviewer.
func issued(t testing.TB, st *store.Store, campaign, reviewer string) Issue {
	t.Helper()
	issues, err := Issues(t.Context(), st, campaign)
	if err != nil {
		t.Fatal(err)
	}
	var newest Issue
	for _, u := range issues {
		if u.Reviewer.Key == reviewer {
			newest = u
		}
	}
	if newest.Revision == 0 {
		t.Fatalf("%s has no workbook", reviewer)
	}
	return newest
}

var opened = time.Date(2026, 10, 1, 8, 0, 0, 0, time.UTC)

// returned is a filled in workbook of a reviewer; its bytes follow from n.
func returned(t testing.TB, st *store.Store, campaign, reviewer string, n int, answers ...Answer) ImportOptions {
	t.Helper()
	return filled(issued(t, st, campaign, reviewer), n, answers...)
}

func filled(u Issue, n int, answers ...Answer) ImportOptions {
	return ImportOptions{Campaign: u.Campaign, Reviewer: u.Reviewer.Key, Revision: u.Revision, Token: u.Token, File: fmt.Appendf(nil, "%s %s %d", u.Campaign, u.Reviewer.Key, n), Answers: answers,
		SignOff: SignOff{"Name of " + u.Reviewer.Key, "2026-10-02", "I looked at each row."}, At: opened.AddDate(0, 0, 1), Importer: "operator"}
}

func mustImport(t testing.TB, st *store.Store, o ImportOptions) Receipt {
	t.Helper()
	r, err := Import(t.Context(), st, o)
	if err != nil {
		t.Fatalf("%v: %+v", err, o.Answers)
	}
	return r
}

// answerAll returns every open workbook: as said by key, else approved.
func answerAll(t testing.TB, st *store.Store, campaign string, said map[string]Answer) {
	t.Helper()
	issues, err := Issues(t.Context(), st, campaign)
	if err != nil {
		t.Fatal(err)
	}
	all := loaded(t, st, campaign).items
	for _, u := range issues {
		if !u.Open {
			continue
		}
		sheet, err := Workbook(t.Context(), st, campaign, u.Token)
		if err != nil {
			t.Fatal(err)
		}
		var answers []Answer
		for _, row := range append(sheet.Decide, sheet.Reaffirm...) {
			a, ok := said[string(row.Kind)+" "+row.From+" "+row.To]
			if !ok {
				a = Answer{Decision: "Approve", Reason: "still needed"}
			}
			if a.Decision != "" && all[row.Number-1].Reviewer.ID == u.Reviewer.Key { // else handed on
				a.Item = row.ID
				answers = append(answers, a)
			}
		}
		mustImport(t, st, filled(u, u.Revision, answers...))
	}
}
