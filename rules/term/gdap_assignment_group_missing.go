package term

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

// Access that was given to a group which the directory no longer has.
var AssignmentGroupMissing = rule.Rule{
	ID:       "gdap-assignment-group-missing",
	Theme:    "term",
	Title:    "Access is assigned to a deleted group",
	Severity: rule.High,
	Why:      "Who worked through the group has lost access, a deleted group can be restored with its members for 30 days, and nobody reviews what it holds.",
	Fix:      "Remove its access assignments, and map the group that took its place.",
	Needs:    []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups},
	Check:    checkGroupMissing,
}

// A deleted group has no name any more: the one it last had is shown.
const formerNameQuery = `
	SELECT id, name, max(snapshot) AS last
	FROM   directory_group
	WHERE  snapshot < :snapshot AND name <> ''
	GROUP  BY id
	ORDER  BY id`

type formerNameRow struct {
	ID, Name string
	Last     int64
}

func checkGroupMissing(ctx context.Context, in rule.Input) (rule.Answer, error) {
	missing := slices.DeleteFunc(in.Access.MappedGroups(), func(group string) bool { return !in.Access.Groups[group].Gone })
	if len(missing) == 0 {
		return rule.Answer{}, nil
	}
	former, err := rule.Rows[formerNameRow](ctx, in, formerNameQuery)
	if err != nil {
		return rule.Answer{}, err
	}
	names := make(map[string]string, len(former))
	for _, r := range former {
		names[r.ID] = r.Name
	}
	var answer rule.Answer
	for _, group := range missing {
		reach := in.Reach[group]
		f := in.Touching(rule.Finding{
			Group:       rule.Ref{ID: group, Name: cmp.Or(names[group], group)},
			Fingerprint: rule.Fingerprint("gdap-assignment-group-missing", group),
		}, reach.Customers...)
		if reach.Role != "" {
			f.Role = rule.Role(reach.Role)
		}
		f.Message = fmt.Sprintf("The group %s no longer exists, but is still assigned access at %s", f.Group.Name, in.Where(reach.Customers))
		answer.Findings = append(answer.Findings, f)
	}
	return answer, nil
}
