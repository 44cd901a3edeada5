package term

import (
	"context"
	"fmt"
	"slices"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

const relationshipQuery = `
	SELECT id, name, customer, duration, auto_extend, status, created, activated, ends, first_seen
	FROM   relationship
	WHERE  snapshot = :snapshot
	ORDER  BY id`

type relationshipRow struct {
	ID, Name, Customer, Duration, Status string
	AutoExtend                           string `db:"auto_extend"`
	Created, Activated, Ends             store.Time
	FirstSeen                            store.Time `db:"first_seen"`
}

// over: it gives nothing and never will again. An invitation that still waits is
// not over, and best mended before it is approved.
func over(status string) bool { return status == "expired" || status == "terminated" }

// extends reports whether the relationship rolls on by itself at its end.
// https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship
func (r relationshipRow) extends() bool {
	return r.AutoExtend != "" && r.AutoExtend != "PT0S" && r.AutoExtend != "P0D"
}

// named words the relationship and its customer.
func (r relationshipRow) named(in rule.Input) string {
	if r.Customer == "" {
		return "The relationship " + r.Name + ", not yet accepted by a customer,"
	}
	return "The relationship " + r.Name + " with " + in.Customer(r.Customer).Name
}

// finding is one about the relationship as a whole.
func (r relationshipRow) finding(in rule.Input, id string) rule.Finding {
	return in.Touching(rule.Finding{
		Relationship: rule.Ref{ID: r.ID, Name: r.Name},
		Fingerprint:  rule.Fingerprint(id, r.ID),
	}, r.Customer)
}

const allowedRoleQuery = `
	SELECT relationship, role
	FROM   relationship_role
	WHERE  snapshot = :snapshot
	ORDER  BY relationship, role`

type allowedRoleRow struct{ Relationship, Role string }

// allowed asks which relationships allow one of the roles to be given out. The
// two views are joined here: over text ids SQLite would compare all with all.
func allowed(id string, roles ...string) rule.Check {
	return func(ctx context.Context, in rule.Input) (rule.Answer, error) {
		relationships, err := rule.Rows[relationshipRow](ctx, in, relationshipQuery)
		if err != nil {
			return rule.Answer{}, err
		}
		byID := make(map[string]relationshipRow, len(relationships))
		for _, r := range relationships {
			byID[r.ID] = r
		}
		return rule.Ask(allowedRoleQuery, func(a allowedRoleRow, in rule.Input) (rule.Finding, bool) {
			r, ok := byID[a.Relationship]
			if !ok || over(r.Status) || !slices.Contains(roles, a.Role) {
				return rule.Finding{}, false
			}
			f := r.finding(in, id)
			f.Role = rule.Role(a.Role)
			f.Fingerprint = rule.Fingerprint(id, r.ID, a.Role)
			f.Message = fmt.Sprintf("%s allows the role %s to be given to groups of ours", r.named(in), f.Role.Name)
			if !snapshot.GivesAccess(r.Status) {
				f.Message += " once it is approved"
			} else if held := holders(in, r, a.Role); held > 0 {
				f.Message += "; " + rule.Count(held, "group") + " of ours can use it now"
			} else if in.Seen(snapshot.AccessAssignments, r.ID) {
				f.Message += "; no group of ours has been given it"
			}
			return f, true
		})(ctx, in)
	}
}

// holders counts the groups that hold the role under the relationship.
func holders(in rule.Input, r relationshipRow, role string) int {
	groups := map[string]bool{}
	for _, g := range in.Access.Grants(r.Customer) {
		if g.Relationship.ID == r.ID && slices.Contains(g.Roles, role) {
			groups[g.Group] = true
		}
	}
	return len(groups)
}
