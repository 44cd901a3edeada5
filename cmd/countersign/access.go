package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/collectors/snapshot"
	"countersign/rules/rule"
)

func (a *app) accessCommand() *cobra.Command {
	var person, customer, role, on, format string
	cmd := &cobra.Command{
		Use:   "access",
		Short: "Show who can do what where, with the chain; past days too",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.access(cmd, pathFilter{person, customer, role}, on, format)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&person, "person", "", "only this person: id, address or part of the `name`")
	flags.StringVar(&customer, "customer", "", "only this customer: tenant id or part of the `name`")
	flags.StringVar(&role, "role", "", "only this role: template id or part of the `name`")
	flags.StringVar(&on, "on", "", "as known on this `day`, 2026-03-31 (default: now)")
	flags.StringVar(&format, "format", "table", "`form` of the result: "+formats)
	return cmd
}

// pathFilter picks access paths; empty fields pick all.
type pathFilter struct{ person, customer, role string }

func (f pathFilter) fits(a *snapshot.Access, c snapshot.Customer, p snapshot.Path) bool {
	who := a.Principal(p.Member.Principal)
	return matches(f.person, who.ID, who.UPN, who.Name) && matches(f.customer, c.Tenant, c.Name) && matches(f.role, p.Role, snapshot.RoleByID(p.Role).Name)
}

func matches(wanted string, texts ...string) bool {
	return wanted == "" || slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(strings.ToLower(t), strings.ToLower(wanted)) })
}

// accessLine is one access path in the JSON contract.
type accessLine struct {
	Person       rule.Ref `json:"person"`
	Customer     rule.Ref `json:"customer"`
	Role         rule.Ref `json:"role"`
	Tier         int      `json:"tier"`
	State        string   `json:"state"`
	Chain        string   `json:"chain"`
	Relationship rule.Ref `json:"relationship"`
	Until        instant  `json:"until"`
}

func (a *app) access(cmd *cobra.Command, f pathFilter, on, format string) (err error) {
	m, release, err := a.reader(cmd.Context())
	if err != nil {
		return err
	}
	defer release(&err)
	at := a.at
	if on != "" {
		day, err := time.ParseInLocation(time.DateOnly, on, m.c.Zone())
		if err != nil {
			return usage("--on %q is not a day such as 2026-03-31", on)
		}
		at = day.AddDate(0, 0, 1).Add(-time.Second)
	}
	s, err := m.snapshotAt(cmd.Context(), 0, at)
	if err != nil {
		return err
	}
	access, err := snapshot.LoadAccess(cmd.Context(), m.st.Read(), s.ID)
	if err != nil {
		return err
	}
	gaps, err := populationGaps(cmd.Context(), m, s.ID)
	if err != nil {
		return err
	}
	lines := pathLines(access, f)
	l := list{columns: []string{"person", "customer", "role", "tier", "state", "until", "chain"}, value: lines}
	for _, p := range lines {
		l.rows = append(l.rows, []string{p.Person.Name, p.Customer.Name, p.Role.Name, fmt.Sprint(p.Tier), p.State, moment(time.Time(p.Until), m.c.Zone(), "no end"), p.Chain})
	}
	if err := l.print(cmd.OutOrStdout(), format); err != nil {
		return err
	}
	if format == "table" {
		fmt.Fprintf(cmd.OutOrStdout(), "\n%s as of snapshot %d of %s.\n", rule.Count(len(lines), "access path"), s.ID, s.At.Format(time.RFC3339))
		if err := showOtherWays(cmd, m, access, f); err != nil {
			return err
		}
	}
	if len(lines) == 0 && f != (pathFilter{}) {
		a.log.Warn("no access path fits what was asked for; a mistyped name looks the same: try a part of it")
	}
	if gaps != "" {
		a.log.Warn("this snapshot did not see everything; there may be more access than is listed", "run", s.ID, "kinds", gaps)
	}
	return nil
}

// showOtherWays lists by what customers are reached beside GDAP, where something is
// known of it: whom an Azure delegation or the legacy DAP lets in, with how many people.
func showOtherWays(cmd *cobra.Command, m msp, a *snapshot.Access, f pathFilter) error {
	ways, err := snapshot.LoadOtherWays(cmd.Context(), m.st.Read(), a.Snapshot)
	if err != nil {
		return err
	}
	l := list{columns: []string{"customer", "way", "who", "people", "role", "state", "where"}}
	for _, tenant := range slices.Sorted(maps.Keys(ways)) {
		name := m.customerName(tenant)
		if i := slices.IndexFunc(a.Customers, func(c snapshot.Customer) bool { return c.Tenant == tenant }); i >= 0 {
			name = a.Customers[i].Name
		}
		for _, w := range ways[tenant] {
			people := a.Members(w.Principal.ID)
			who := []string{w.Principal.ID, w.Principal.UPN, w.Principal.Name}
			for _, p := range people {
				of := a.Principal(p.Principal)
				who = append(who, of.ID, of.UPN, of.Name)
			}
			if !matches(f.customer, tenant, name) || !matches(f.role, w.Role, w.RoleName()) || !matches(f.person, who...) {
				continue
			}
			where := cmp.Or(w.SubscriptionName, w.Subscription, "the whole tenant")
			l.rows = append(l.rows, []string{name, string(w.Kind), w.Principal.Label(), fmt.Sprint(max(len(people), 1)), w.RoleName(), string(w.State), where})
		}
	}
	if len(l.rows) == 0 {
		return nil
	}
	slices.SortStableFunc(l.rows, func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	fmt.Fprintln(cmd.OutOrStdout(), "\nBeside GDAP:")
	return l.table(cmd.OutOrStdout())
}

// populationGaps names the kinds of which chains are made that were not seen whole.
func populationGaps(ctx context.Context, m msp, id int64) (string, error) {
	coverage, err := snapshot.LoadCoverage(ctx, m.st.Read(), id)
	if err != nil {
		return "", err
	}
	var gaps []string
	for _, c := range coverage {
		if slices.Contains(snapshot.Population, c.Kind) && c.State != snapshot.Complete {
			gaps = append(gaps, string(c.Kind)+" "+string(c.State))
		}
	}
	return strings.Join(gaps, ", "), nil
}

func pathLines(a *snapshot.Access, f pathFilter) []accessLine {
	lines := []accessLine{}
	for _, c := range a.Customers {
		for p := range a.Paths(c.Tenant) {
			if !f.fits(a, c, p) {
				continue
			}
			role := snapshot.RoleByID(p.Role)
			lines = append(lines, accessLine{
				Person: rule.Ref{ID: p.Member.Principal, Name: a.Principal(p.Member.Principal).Label()}, Customer: rule.Ref{ID: c.Tenant, Name: c.Name},
				Role: rule.Ref{ID: p.Role, Name: role.Name}, Tier: int(role.Tier), State: string(p.State()), Chain: a.Chain(p),
				Relationship: rule.Ref{ID: p.Grant.Relationship.ID, Name: p.Grant.Relationship.Name}, Until: instant(p.Until()),
			})
		}
	}
	slices.SortStableFunc(lines, func(x, y accessLine) int {
		return cmp.Or(strings.Compare(x.Customer.Name, y.Customer.Name), cmp.Compare(x.Tier, y.Tier), strings.Compare(x.Person.Name, y.Person.Name), strings.Compare(x.Role.Name, y.Role.Name), strings.Compare(x.Chain, y.Chain))
	})
	return lines
}
