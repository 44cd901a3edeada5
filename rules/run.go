package rules

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// Options says which snapshot is judged, by what and for whom. Empty Rules and
// Customers mean all.
type Options struct {
	Snapshot  int64
	At        time.Time
	Declared  snapshot.Declared
	Rules     []string // ids
	Customers []string // tenant ids: only findings that touch one of them
	Settings  Settings
	Waivers   []rule.Waiver
}

// Settings are what an MSP changes about the rules.
type Settings struct {
	Disable    []string                 // ids of rules that are not asked
	Severity   map[string]rule.Severity // by rule: takes the place of what the rule says
	Thresholds rule.Thresholds
}

// Report is the answer of the rules about one snapshot. Lists are never nil.
type Report struct {
	Snapshot      int64                   `json:"snapshot"`
	At            time.Time               `json:"at"`
	Coverage      []snapshot.Coverage     `json:"coverage"`
	Findings      []rule.Finding          `json:"findings"` // the worst first, then by customer, rule and fingerprint
	NotAssessed   []NotAssessed           `json:"not_assessed"`
	Outcomes      map[string]rule.Outcome `json:"outcomes"` // by rule
	UnusedWaivers []UnusedWaiver          `json:"unused_waivers"`

	taken time.Time // the snapshot's own instant
}

// NotAssessed names a rule that could not be answered, wholly or in part.
type NotAssessed struct {
	Rule   string `json:"rule"`
	Reason string `json:"reason"`
}

// ErrUnknownCustomer says that Options.Customers names a tenant of which the snapshot
// knows nothing.
var ErrUnknownCustomer = errors.New("no such customer")

// Run asks the rules of one sealed snapshot.
func Run(ctx context.Context, st *store.Store, o Options) (Report, error) {
	report, err := run(ctx, st, o)
	if err != nil {
		return Report{}, fmt.Errorf("check snapshot %d: %w", o.Snapshot, err)
	}
	return report, nil
}

func run(ctx context.Context, st *store.Store, o Options) (Report, error) {
	if err := checkIDs(o); err != nil {
		return Report{}, err
	}
	e, err := gather(ctx, st, o)
	if err != nil {
		return Report{}, err
	}
	for _, c := range o.Customers {
		if !slices.ContainsFunc(e.Customers, func(r rule.Ref) bool { return strings.EqualFold(r.ID, c) }) {
			return Report{}, fmt.Errorf("%w: %s", ErrUnknownCustomer, c)
		}
	}
	report := Report{Snapshot: o.Snapshot, At: o.At, Coverage: e.kinds, Findings: []rule.Finding{}, NotAssessed: []NotAssessed{},
		Outcomes: map[string]rule.Outcome{}, taken: e.Access.At}
	for _, r := range Catalog {
		if len(o.Rules) > 0 && !slices.Contains(o.Rules, r.ID) {
			continue
		}
		if err := report.ask(ctx, r, e, o.Settings); err != nil {
			return Report{}, fmt.Errorf("rule %s: %w", r.ID, err)
		}
	}
	if err := report.dateFindings(ctx, st); err != nil {
		return Report{}, err
	}
	report.UnusedWaivers = waive(report.Findings, o)
	report.Findings = forCustomers(report.Findings, o.Customers)
	slices.SortFunc(report.Findings, byUrgency)
	return report, nil
}

// ask answers one rule: what was found, and why it may not be all.
func (r *Report) ask(ctx context.Context, q rule.Rule, e evidence, s Settings) error {
	if slices.Contains(s.Disable, q.ID) {
		r.Outcomes[q.ID] = rule.NotAssessed
		r.NotAssessed = append(r.NotAssessed, NotAssessed{q.ID, "switched off in the configuration"})
		return nil
	}
	answer, err := q.Check(ctx, e.Input)
	if err != nil {
		return err
	}
	reasons := missing(q, e.Coverage)
	if answer.Gap != "" {
		reasons = append(reasons, answer.Gap)
	}
	switch {
	case len(answer.Findings) > 0:
		r.Outcomes[q.ID] = rule.Found
	case len(reasons) > 0:
		r.Outcomes[q.ID] = rule.NotAssessed
	default:
		r.Outcomes[q.ID] = rule.Clear
	}
	if len(reasons) > 0 {
		r.NotAssessed = append(r.NotAssessed, NotAssessed{q.ID, strings.Join(reasons, "; ")})
	}
	for _, f := range answer.Findings {
		f.Rule, f.State = q.ID, rule.Open
		f.Severity = cmp.Or(s.Severity[q.ID], f.Severity, q.Severity)
		if f.Customers == nil {
			f.Customers = []string{}
		}
		f.LastSeen = e.lastSeen(q, f)
		if f.LastSeen.Before(r.taken) {
			f.Message += fmt.Sprintf("; last seen on %s, it could not be read again since", rule.Day(f.LastSeen))
		}
		r.Findings = append(r.Findings, f)
	}
	return nil
}

// missing words the kinds that a rule needs and the snapshot did not see whole.
func missing(q rule.Rule, c rule.Coverage) []string {
	var out []string
	for _, kind := range q.Needs {
		if k := c.Of(kind); k.State != snapshot.Complete {
			out = append(out, fmt.Sprintf("%s: %s (%s)", kind, k.State, k.Reason))
		}
	}
	return out
}

// forCustomers keeps the findings that touch one of the customers, and of their
// customers these alone.
func forCustomers(findings []rule.Finding, customers []string) []rule.Finding {
	if len(customers) == 0 {
		return findings
	}
	kept := []rule.Finding{}
	for _, f := range findings {
		f.Customers = slices.DeleteFunc(slices.Clone(f.Customers), func(c string) bool {
			return !slices.ContainsFunc(customers, func(id string) bool { return strings.EqualFold(id, c) })
		})
		if len(f.Customers) > 0 {
			kept = append(kept, f)
		}
	}
	return kept
}

func byUrgency(a, b rule.Finding) int {
	return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.Customer.Name, b.Customer.Name), cmp.Compare(a.Customer.ID, b.Customer.ID),
		cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Fingerprint, b.Fingerprint))
}

// checkIDs refuses rules that do not exist.
func checkIDs(o Options) error {
	named := slices.Concat(o.Rules, o.Settings.Disable)
	for id := range o.Settings.Severity {
		named = append(named, id)
	}
	slices.Sort(named)
	for _, id := range named {
		if _, ok := Find(id); !ok {
			var known []string
			for _, r := range Catalog {
				known = append(known, r.ID)
			}
			return fmt.Errorf("there is no rule %q; the rules are %s", id, strings.Join(known, ", "))
		}
	}
	return nil
}

func ids(refs []rule.Ref) []string {
	out := make([]string, len(refs))
	for i, r := range refs {
		out[i] = r.ID
	}
	return out
}
