package rules

import (
	"slices"
	"strings"
	"time"

	"countersign/rules/rule"
)

// UnusedWaiver is a waiver that accepted nothing, and why.
type UnusedWaiver struct {
	Waiver rule.Waiver `json:"waiver"`
	Reason string      `json:"reason"`
}

// waive marks the findings that a waiver accepts, the first that fits, and
// returns those that accepted nothing. Waivers of rules that were left out of
// this run are not judged.
func waive(findings []rule.Finding, o Options) []UnusedWaiver {
	unused := []UnusedWaiver{}
	for _, w := range o.Waivers {
		known := w.Rule
		if _, ok := Find(known); ok && len(o.Rules) > 0 && !slices.Contains(o.Rules, known) {
			continue
		}
		fault := waiverFault(w, o.At)
		if fault == "" && !accept(findings, w) {
			fault = "no finding fits it"
		}
		if fault != "" {
			unused = append(unused, UnusedWaiver{w, fault})
		}
	}
	return unused
}

func waiverFault(w rule.Waiver, at time.Time) string {
	_, known := Find(w.Rule)
	switch {
	case !known:
		return "there is no rule " + w.Rule
	case w.Until.IsZero():
		return "it has no end date"
	case !at.Before(w.Until):
		return "it ended on " + rule.Day(w.Until)
	case strings.TrimSpace(w.Reason) == "" || strings.TrimSpace(w.ApprovedBy) == "":
		return "it does not say why or by whom it was approved"
	case len(scopeOf(w)) == 0:
		return "it does not say what it is about"
	}
	return ""
}

func accept(findings []rule.Finding, w rule.Waiver) bool {
	used := false
	for i := range findings {
		if f := &findings[i]; f.Rule == w.Rule && fits(*f, scopeOf(w)) {
			used = true
			if f.Waiver == nil {
				f.State, f.Waiver = rule.Waived, &w
			}
		}
	}
	return used
}

func scopeOf(w rule.Waiver) []string {
	return strings.FieldsFunc(strings.ToLower(w.Scope), func(r rune) bool { return strings.ContainsRune(" \t,;", r) })
}

// fits: a waiver for one customer does not accept what reaches others too, so the
// customer alone is compared, not the list.
func fits(f rule.Finding, scope []string) bool {
	about := []string{"all", f.Customer.ID, f.Person.ID, f.Group.ID, f.Role.ID, f.Relationship.ID, f.Fingerprint}
	for _, id := range scope {
		if !slices.Contains(about, id) {
			return false
		}
	}
	return true
}
