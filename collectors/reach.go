package collectors

import (
	"context"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// What later steps ask for follows from what earlier ones brought. It is read back
// from the store as it stands: what this run merged, and the facts of parts that it
// has not seen whole.

// current reads columns of a table as it stands, sorted, NULL as empty text.
func (r *runner) current(ctx context.Context, table, where string, columns ...string) ([][]string, error) {
	rows, err := r.Store.Read().QueryContext(ctx, "SELECT DISTINCT "+strings.Join(columns, ", ")+" FROM fact_"+table+" f WHERE f.seen_until IS NULL AND "+where)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out [][]string
	for rows.Next() {
		row, to := make([]string, len(columns)), make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := rows.Scan(to...); err != nil {
			return nil, err
		}
		out = append(out, row)
	}
	slices.SortFunc(out, slices.Compare[[]string])
	return out, rows.Err()
}

// id selects an interned column as the outside knows it.
func id(column string) string {
	return "coalesce((SELECT value FROM ident WHERE ident.id = f." + column + "), '')"
}

type relationship struct{ id, customer, status string }

func (r *runner) relationships(ctx context.Context) ([]relationship, error) {
	rows, err := r.current(ctx, "relationship", "true", id("id"), id("customer"), "f.status")
	out := make([]relationship, len(rows))
	for i, row := range rows {
		out[i] = relationship{row[0], row[1], row[2]}
	}
	return out, err
}

func (r *runner) countRelationships(ctx context.Context) (standing int, err error) {
	err = r.Store.Read().GetContext(ctx, &standing, `SELECT count(*) FROM fact_relationship WHERE seen_until IS NULL`)
	return standing, err
}

// mappedGroups are the groups that access assignments name, under relationships
// that give or may give access.
func (r *runner) mappedGroups(ctx context.Context) ([]string, error) {
	known, err := r.relationships(ctx)
	if err != nil {
		return nil, err
	}
	may := map[string]bool{}
	for _, x := range known {
		may[x.id] = snapshot.MayGiveAccess(x.status)
	}
	rows, err := r.current(ctx, "access_assignment", "f.mapped_group IS NOT NULL AND f.status <> 'deleted'", id("mapped_group"), id("relationship"))
	rows = slices.DeleteFunc(rows, func(row []string) bool { return !may[row[1]] })
	return first(rows), err
}

// first is the first column, sorted and without repetition.
func first(rows [][]string) []string {
	var out []string
	for _, row := range rows {
		out = append(out, row[0])
	}
	return slices.Compact(out)
}

// nestedIn are the groups that are members of the given ones.
func (r *runner) nestedIn(ctx context.Context, level []string) ([]string, error) {
	rows, err := r.current(ctx, "group_member", "f.type = 'group'", id("principal"), id("group_id"))
	parents := map[string]bool{}
	for _, group := range level {
		parents[group] = true
	}
	rows = slices.DeleteFunc(rows, func(row []string) bool { return !parents[row[1]] })
	return first(rows), err
}

func (r *runner) goneGroups(ctx context.Context) (map[string]bool, error) {
	rows, err := r.current(ctx, "directory_group", "f.gone = 1", id("id"))
	gone := map[string]bool{}
	for _, row := range rows {
		gone[row[0]] = true
	}
	return gone, err
}

// reach are the principals that are or may come to be in a group, or own it.
func (r *runner) reach(ctx context.Context) (map[string]bool, error) {
	reach := map[string]bool{}
	for _, table := range []string{"group_member", "group_owner", "group_assignment", "group_eligibility"} {
		rows, err := r.current(ctx, table, "f.principal IS NOT NULL", id("principal"))
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			reach[row[0]] = true
		}
	}
	return reach, nil
}

// addUsers adds the users that were kept: managers and declared accounts too.
func (r *runner) addUsers(ctx context.Context, reach map[string]bool) error {
	rows, err := r.current(ctx, "directory_user", "true", id("id"))
	for _, row := range rows {
		reach[row[0]] = true
	}
	return err
}

// openDays are the days of the sign-in log to read: all that Microsoft still keeps
// but those that were read whole, to their end, after the last late event.
func (r *runner) openDays(ctx context.Context) ([]day, error) {
	all := days(r.At)
	var read []struct {
		Object       string
		Asked, Until store.Time
	}
	err := r.Store.Read().SelectContext(ctx, &read, `
		SELECT i.value AS object, max(s.asked) AS asked, s.until
		FROM   part p JOIN ident i ON i.id = p.object JOIN part_seen s ON s.part = p.id AND s.state = 'complete' AND s.snapshot <> ?
		WHERE  p.kind = ? AND s.until IS NOT NULL AND s.until >= ?
		GROUP  BY i.value, s.until`, r.taken.ID, string(snapshot.SignIns), store.Time(all[0].since))
	for _, x := range read {
		all = slices.DeleteFunc(all, func(d day) bool {
			return d.object() == x.Object && d.until.Equal(x.Until.Time()) && !x.Asked.Time().Before(d.closed())
		})
	}
	return all, err
}

// unseen names the first kind, of those from which the groups follow, that this run
// did not see whole; empty when all were.
func (r *runner) unseen(ctx context.Context) (string, error) {
	var kind []string
	err := r.Store.Read().SelectContext(ctx, &kind, `
		SELECT p.kind FROM part_seen s JOIN part p ON p.id = s.part
		WHERE  s.snapshot = ? AND s.state <> 'complete' AND p.kind IN ('relationships', 'access-assignments')
		ORDER  BY p.kind DESC LIMIT 1`, r.taken.ID)
	return strings.ReplaceAll(strings.Join(kind, ""), "-", " "), err
}
