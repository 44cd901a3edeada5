package people

import (
	"context"
	"fmt"
	"slices"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// An account that reaches customers and is not used. An account of which no
// sign-in date was given is unknown, never stale.
var UserStale = rule.Rule{
	ID:       "user-stale",
	Theme:    "people",
	Title:    "Account with access is not used",
	Severity: rule.Medium, // high when it reaches a privileged role
	Why:      "Nobody notices when an account that nobody uses is taken over.",
	Fix:      "Ask the person; remove the access that is not needed, and disable the account if it is nobody's.",
	Needs: []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships,
		snapshot.GroupAssignments, snapshot.GroupEligibilities, snapshot.Users},
	Check: checkStale,
}

const activityQuery = `
	SELECT principal, last_sign_in, last_non_interactive, last_successful
	FROM   user_activity
	WHERE  snapshot = :snapshot
	ORDER  BY principal`

type activityRow struct {
	Principal          string
	LastSignIn         store.Time `db:"last_sign_in"`
	LastNonInteractive store.Time `db:"last_non_interactive"`
	LastSuccessful     store.Time `db:"last_successful"`
}

// last is the last sign-in that is known to have succeeded; where that is not
// recorded, the last try of either kind. Zero: never.
func (a activityRow) last() time.Time {
	if !a.LastSuccessful.IsZero() {
		return a.LastSuccessful.Time()
	}
	if a.LastNonInteractive.Time().After(a.LastSignIn.Time()) {
		return a.LastNonInteractive.Time()
	}
	return a.LastSignIn.Time()
}

func checkStale(ctx context.Context, in rule.Input) (rule.Answer, error) {
	known, err := accounts(ctx, in)
	if err != nil {
		return rule.Answer{}, err
	}
	rows, err := rule.Rows[activityRow](ctx, in, activityQuery)
	if err != nil {
		return rule.Answer{}, err
	}
	activity := make(map[string]activityRow, len(rows))
	for _, r := range rows {
		activity[r.Principal] = r
	}
	held := map[string][]string{} // groups by person
	for _, m := range in.Held() {
		held[m.Principal] = append(held[m.Principal], m.Group)
	}
	var answer rule.Answer
	judged, unknown := 0, 0
	for id, groups := range held {
		account, ok := known[id]
		if !ok || account.disabled() { // another rule's matter
			continue
		}
		judged++
		a, told := activity[id]
		since := a.last()
		if since.IsZero() {
			since = account.Created.Time()
		}
		switch {
		case !told || since.IsZero():
			unknown++
		case in.At.Sub(since) >= rule.Days(in.Thresholds.StaleUserDays):
			answer.Findings = append(answer.Findings, staleFinding(in, id, groups, since, a.last().IsZero()))
		}
	}
	if unknown > 0 {
		answer.Gap = fmt.Sprintf("no sign-in date was given for %d of %s", unknown, rule.Count(judged, "account"))
	}
	return answer, nil
}

func staleFinding(in rule.Input, id string, groups []string, since time.Time, never bool) rule.Finding {
	var customers []string
	most := in.Reach[groups[0]]
	for _, g := range groups {
		customers = append(customers, in.Reach[g].Customers...)
		if in.Reach[g].Tier < most.Tier {
			most = in.Reach[g]
		}
	}
	slices.Sort(customers)
	customers = slices.Compact(customers)
	f := in.Touching(rule.Finding{
		Person:      in.Person(id),
		Fingerprint: rule.Fingerprint("user-stale", id),
		Through:     groups,
	}, customers...)
	if most.Tier.Privileged() {
		f.Severity = rule.High
	}
	if len(groups) == 1 {
		f.Group = in.Group(groups[0])
	}
	idle := fmt.Sprintf("has not signed in since %s, for %s", rule.Day(since), rule.Count(in.Ago(since), "day"))
	if never {
		idle = fmt.Sprintf("has never signed in since the account was made on %s, %s ago", rule.Day(since), rule.Count(in.Ago(since), "day"))
	}
	f.Message = fmt.Sprintf("%s %s, and still reaches %s through %s", in.Who(id), idle, in.Where(customers), rule.Count(len(groups), "group"))
	return withRole(f, most)
}
