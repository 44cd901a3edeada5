package collectors

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
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

// shrunk makes the check of a list that no MSP loses at once: that less than half came
// of what was known, or a fifth is gone and more than two, is an error, unless the run
// was told to accept it. So is that there is no relationship at all: then there is
// nothing to review, and all would look well.
func (r *runner) shrunk(table, noun string) func(ctx context.Context, came int) error {
	return func(ctx context.Context, came int) error {
		if r.AcceptShrink {
			return nil
		}
		var before int
		err := r.Store.Read().GetContext(ctx, &before, `SELECT count(*) FROM fact_`+table+` WHERE seen_until IS NULL`)
		gone := before - came
		if err == nil && (2*gone > before || 5*gone > before && gone > 2 || before+came == 0 && table == "relationship") {
			return &shrunkError{noun, came, before}
		}
		return err
	}
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

// groupsToWalk are all groups whose members matter: the mapped ones, those that an
// access package leads into or is for, or an Azure authorisation names, the agents
// groups of DAP, and those that hold directory roles of the MSP itself. Of what an Azure
// authorisation names it is not told whether it is a group: maybe.
func (r *runner) groupsToWalk(ctx context.Context) (all []string, maybe map[string]bool, err error) {
	if all, err = r.mappedGroups(ctx); err != nil {
		return nil, nil, err
	}
	for _, other := range []struct{ table, where, column, tenant string }{
		{"access_package_group", "true", "group_id", ""},
		{"access_package_target", "f.type = 'group'", "principal", ""},
		{"role_group", "f.agents <> ''", "group_id", ""},
		{"role_instance", "f.principal_type = 'group'", "principal", "tenant"},
	} {
		columns := []string{id(other.column)}
		if other.tenant != "" {
			columns = append(columns, id(other.tenant))
		}
		rows, err := r.current(ctx, other.table, other.where, columns...)
		if err != nil {
			return nil, nil, err
		}
		rows = slices.DeleteFunc(rows, func(row []string) bool { return other.tenant != "" && row[1] != r.Tenant })
		all = append(all, first(rows)...)
	}
	rows, err := r.current(ctx, "azure_authorisation", "true", id("principal"))
	if err != nil {
		return nil, nil, err
	}
	maybe = map[string]bool{}
	for _, principal := range first(rows) {
		if !slices.Contains(all, principal) {
			all, maybe[principal] = append(all, principal), true
		}
	}
	slices.Sort(all)
	return slices.Compact(all), maybe, nil
}

// first is the first column, sorted and without repetition.
func first(rows [][]string) []string {
	var out []string
	for _, row := range rows {
		out = append(out, row[0])
	}
	return slices.Compact(out)
}

// nestedIn are the groups that are, or may by PIM become, members of the given ones.
func (r *runner) nestedIn(ctx context.Context, level []string) ([]string, error) {
	return r.within(ctx, level, "f.type = 'group'", "group_member", "pim_principal")
}

// unnamedIn are those in the given groups by PIM of whom it is not told what they are:
// some may be groups.
func (r *runner) unnamedIn(ctx context.Context, level []string) ([]string, error) {
	return r.within(ctx, level, `f.principal NOT IN (
		SELECT principal FROM fact_pim_principal WHERE seen_until IS NULL UNION
		SELECT principal FROM fact_group_member WHERE seen_until IS NULL UNION
		SELECT id FROM fact_directory_user WHERE seen_until IS NULL)`, "group_assignment", "group_eligibility")
}

// within are the principals that rows of the tables put into the given groups.
func (r *runner) within(ctx context.Context, level []string, where string, tables ...string) ([]string, error) {
	parents := map[string]bool{}
	for _, group := range level {
		parents[group] = true
	}
	var all []string
	for _, table := range tables {
		rows, err := r.current(ctx, table, where, id("principal"), id("group_id"))
		if err != nil {
			return nil, err
		}
		all = append(all, first(slices.DeleteFunc(rows, func(row []string) bool { return !parents[row[1]] }))...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// standingGroups are the groups that were seen, by id, and whether each is gone.
func (r *runner) standingGroups(ctx context.Context) (map[string]bool, error) {
	rows, err := r.current(ctx, "directory_group", "true", id("id"), "f.gone")
	gone := map[string]bool{}
	for _, row := range rows {
		gone[row[0]] = row[1] == "1"
	}
	return gone, err
}

// reach are the principals that are or may come to be in a group, or own it, and those
// that reach customers or administer the MSP in another way: by an Azure authorisation,
// an access package or a directory role of the MSP's tenant, or by approving for others.
func (r *runner) reach(ctx context.Context) (map[string]bool, error) {
	reach := map[string]bool{}
	for _, table := range []string{"group_member", "group_owner", "group_assignment", "group_eligibility", "access_package_target", "access_package_assignment", "azure_authorisation"} {
		rows, err := r.current(ctx, table, "f.principal IS NOT NULL", id("principal"))
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			reach[row[0]] = true
		}
	}
	holders, err := r.current(ctx, "role_instance", "true", id("principal"), id("tenant"))
	if err != nil {
		return nil, err
	}
	for _, row := range holders {
		if row[1] == r.Tenant {
			reach[row[0]] = true
		}
	}
	for _, table := range []string{"group_policy", "access_package_policy", "azure_authorisation"} {
		rows, err := r.current(ctx, table, "true", "f.approvers")
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			var approvers []string
			if err := json.Unmarshal([]byte(row[0]), &approvers); err != nil {
				return nil, err
			}
			for _, approver := range approvers {
				reach[approver] = true
			}
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

// answered are the accounts in a customer's tenant that the MSP answers for, whether
// or not they hold a role: its guests, its people's declared accounts, and the declared
// emergency accounts. since is the first snapshot that knew all of them.
func (r *runner) answered(ctx context.Context, tenant string) (accounts map[string]bool, since int64, err error) {
	var known []struct {
		ID    string
		Since int64
	}
	err = r.Store.Read().SelectContext(ctx, &known, `
		SELECT i.value AS id, min(f.seen_from) AS since FROM part p JOIN fact_customer_user f ON f.part = p.id JOIN ident i ON i.id = f.id
		WHERE  p.kind = ? AND p.scope = (SELECT id FROM ident WHERE value = ?)
		AND    (f.because LIKE '%"guest"%' OR f.because LIKE '%"emergency"%' OR f.because LIKE '%"staff"%')
		GROUP  BY i.value HAVING max(f.seen_until IS NULL)`, string(snapshot.CustomerUsers), tenant)
	accounts = map[string]bool{}
	for _, k := range known {
		accounts[k.ID], since = true, max(since, k.Since)
	}
	return accounts, since, err
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
