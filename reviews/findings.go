package reviews

import (
	"slices"
	"strings"

	"countersign/rules/rule"
)

// findingIndex finds the findings that touch an item without walking all of them.
type findingIndex struct {
	person, group, related map[string][]rule.Finding
}

func indexFindings(findings []rule.Finding) findingIndex {
	x := findingIndex{map[string][]rule.Finding{}, map[string][]rule.Finding{}, map[string][]rule.Finding{}}
	for _, f := range findings {
		switch {
		case f.Person.ID != "":
			x.person[f.Person.ID] = append(x.person[f.Person.ID], f)
		default:
			if f.Group.ID != "" {
				x.group[f.Group.ID] = append(x.group[f.Group.ID], f)
			}
			if f.Relationship.ID != "" {
				x.related[f.Relationship.ID] = append(x.related[f.Relationship.ID], f)
			}
		}
	}
	return x
}

// membership takes those about the person, in general or in a group that the edge
// leads to, and those about the group as such.
func (x findingIndex) membership(e edge, above []string) []FindingLine {
	var out []rule.Finding
	for _, f := range x.person[e.principal] {
		if f.Group.ID == "" || f.Group.ID == e.group || slices.Contains(above, f.Group.ID) {
			out = append(out, f)
		}
	}
	for _, f := range x.group[e.group] {
		if f.Relationship.ID == "" && f.Role.ID == "" {
			out = append(out, f)
		}
	}
	return findingLines(out)
}

// delegation takes those about the group, at this customer or at none in particular.
func (x findingIndex) delegation(group, customer string) []FindingLine {
	var out []rule.Finding
	for _, f := range x.group[group] {
		if f.Customer.ID == customer || slices.Contains(f.Customers, customer) || f.Customer.ID == "" && len(f.Customers) == 0 {
			out = append(out, f)
		}
	}
	return findingLines(out)
}

func (x findingIndex) relationship(id string) []FindingLine { return findingLines(x.related[id]) }

// findingLines sorts from the gravest. A waived finding stays, with its message.
func findingLines(findings []rule.Finding) []FindingLine {
	slices.SortStableFunc(findings, func(a, b rule.Finding) int {
		if a.Severity != b.Severity {
			return int(b.Severity - a.Severity)
		}
		return strings.Compare(a.Rule+" "+a.Fingerprint, b.Rule+" "+b.Fingerprint)
	})
	var out []FindingLine
	for _, f := range findings {
		out = append(out, FindingLine{Rule: f.Rule, Severity: f.Severity.String(), Fingerprint: f.Fingerprint, Message: f.Message})
	}
	return out
}
