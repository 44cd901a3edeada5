package people

import (
	"context"

	"countersign/collectors/store"
	"countersign/rules/rule"
)

const accountQuery = `
	SELECT id, enabled, type, created
	FROM   directory_user
	WHERE  snapshot = :snapshot
	ORDER  BY id`

type accountRow struct {
	ID, Type string
	Enabled  *bool // nil: not told
	Created  store.Time
}

func (a accountRow) disabled() bool { return a.Enabled != nil && !*a.Enabled }

// accounts reads the accounts of the MSP's tenant that are in reach, by id.
func accounts(ctx context.Context, in rule.Input) (map[string]accountRow, error) {
	rows, err := rule.Rows[accountRow](ctx, in, accountQuery)
	out := make(map[string]accountRow, len(rows))
	for _, r := range rows {
		out[r.ID] = r
	}
	return out, err
}

// withRole names the most powerful role behind the finding's group.
func withRole(f rule.Finding, reach rule.Reach) rule.Finding {
	if reach.Role != "" {
		f.Role = rule.Role(reach.Role)
	}
	return f
}
