package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/collectors"
	"countersign/collectors/snapshot"
)

func (a *app) collectCommand() *cobra.Command {
	var customers, kinds []string
	var exports string
	var acceptShrink bool
	cmd := &cobra.Command{
		Use:   "collect",
		Short: "Take and seal a snapshot of the MSP and its customers",
		Long: `Reads relationships, groups, just-in-time rights and logs from Microsoft Graph,
seals what was seen and says what was not. A run that was interrupted goes on
where it stopped when it is started again within six hours.

With --from-portal nothing is asked: the snapshot is taken from files that people
exported from Partner Center, Microsoft Entra and Microsoft 365 Lighthouse (CSV or
JSON) into a folder. Each file is recognised by its columns; name the list of a
group's members after the group's object id. What cannot be read is named with its
line, and nothing of that file is taken. The coverage says where a kind of evidence
that is missing is exported.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.collect(cmd, kinds, wanted{customers: customers, acceptShrink: acceptShrink, exports: exports})
		},
	}
	cmd.Flags().StringVar(&exports, "from-portal", "", "read what was exported from the portals into this `folder`, instead of asking Microsoft")
	cmd.Flags().StringArrayVar(&customers, "customer", nil, "of what belongs to one customer read only this tenant `id`'s: access assignments, Azure, the customer's own tenant; may be repeated")
	cmd.Flags().StringArrayVar(&kinds, "kind", nil, "read this `kind` of evidence only; may be repeated: "+strings.Join(kindNames(), ", "))
	cmd.Flags().BoolVar(&acceptShrink, "accept-shrink", false, "believe a list of customers, relationships or subscriptions that lost more than half of what was known, and that an Azure delegation has ended which Azure does not show any more; without it both count as not seen whole")
	return cmd
}

func kindNames() []string {
	var out []string
	for _, k := range snapshot.Kinds {
		out = append(out, string(k))
	}
	return out
}

func (a *app) collect(cmd *cobra.Command, kinds []string, w wanted) (err error) {
	if w.exports != "" && len(kinds)+len(w.customers) > 0 {
		return usage("--from-portal takes what is in the folder: leave out --kind and --customer")
	}
	for _, k := range kinds {
		if !slices.Contains(kindNames(), k) {
			return usage("--kind %q is not one of %s", k, strings.Join(kindNames(), ", "))
		}
		w.kinds = append(w.kinds, snapshot.Kind(k))
	}
	m, release, err := a.writer(cmd.Context(), "collect", true)
	if err != nil {
		return err
	}
	defer release(&err)
	result, err := m.collect(cmd.Context(), a.at, w)
	if errors.Is(err, collectors.ErrUnknownCustomer) {
		return usage("--customer: %w; name the tenant id that `countersign access --format csv` or customers.csv shows, or declare the customer there. Nothing was sealed", err)
	}
	if err != nil {
		return err
	}
	s, err := snapshot.ByID(cmd.Context(), m.st.Read(), result.Snapshot)
	if err != nil {
		return err
	}
	if err := coverageList(result.Coverage, m.c.Zone()).table(cmd.OutOrStdout()); err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout())
	if err := m.showTenants(cmd, s.ID, false); err != nil {
		return err
	}
	if err := m.showHoles(cmd, s.ID); err != nil {
		return err
	}
	if result.Resumed {
		fmt.Fprintln(cmd.OutOrStdout(), "A run that was interrupted was taken up; what it had seen was not asked again.")
	}
	fmt.Fprintf(cmd.OutOrStdout(), "Snapshot %d of %s is sealed: %s\n", s.ID, s.At.Format(time.RFC3339), s.Seal)
	if result.Skew != 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "The clock of this machine is %s that of Microsoft: set it, and keep it set.\n", apart(result.Skew))
	}
	for _, refused := range result.Refused {
		fmt.Fprintf(cmd.OutOrStdout(), "Not taken: %s\n", refused)
	}
	missed := incomplete(result)
	if missed > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "%d of %d kinds of evidence were not seen whole; what rests on them is not assessed.\n", missed, asked(result))
	}
	if missed+len(result.Refused) > 0 {
		return &exit{code: exitGaps}
	}
	return nil
}

func apart(ahead time.Duration) string {
	if ahead < 0 {
		return (-ahead).Round(time.Second).String() + " behind"
	}
	return ahead.Round(time.Second).String() + " ahead of"
}

// asked counts the kinds that were asked for.
func asked(r collectors.Result) int {
	n := 0
	for _, c := range r.Coverage {
		if c.State != snapshot.NotAsked && c.State != snapshot.NotConfigured {
			n++
		}
	}
	return n
}

// incomplete counts the kinds that were asked for and not seen whole.
func incomplete(r collectors.Result) int {
	n := 0
	for _, c := range r.Coverage {
		if c.State != snapshot.Complete && c.State != snapshot.NotAsked && c.State != snapshot.NotConfigured {
			n++
		}
	}
	return n
}

// showTenants prints what was seen of customers' own tenants and subscriptions: all
// of it, or what was not seen whole.
func (m msp) showTenants(cmd *cobra.Command, id int64, all bool) error {
	parts, err := snapshot.LoadParts(cmd.Context(), m.st.Read(), id)
	if err != nil {
		return err
	}
	coverage := parts.Tenants()
	if !all {
		coverage = slices.DeleteFunc(coverage, func(c snapshot.Coverage) bool { return c.State == snapshot.Complete || c.State == snapshot.NotAsked })
	}
	if len(coverage) == 0 {
		return nil
	}
	l := coverageList(coverage, m.c.Zone())
	l.columns = append([]string{"customer"}, l.columns...)
	for i, c := range coverage {
		l.rows[i] = append([]string{m.customerName(c.Scope)}, l.rows[i]...)
	}
	if err := l.table(cmd.OutOrStdout()); err != nil {
		return err
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout())
	return err
}

// showHoles names the stretches of logs that no snapshot up to this one read, and
// whether the next one still can.
func (m msp) showHoles(cmd *cobra.Command, id int64) error {
	holes, err := snapshot.LoadHoles(cmd.Context(), m.st.Read(), id)
	if err != nil || len(holes) == 0 {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), "Holes in logs:")
	for _, h := range holes {
		rest := "Microsoft no longer keeps it: it is lost"
		if h.Closable {
			rest = "Microsoft still keeps it: the next run asks again"
		}
		of := string(h.Kind) + " of " + m.customerName(h.Scope)
		if h.Log != "" {
			of += ", " + h.Log
		}
		fmt.Fprintf(cmd.OutOrStdout(), "  %s: %s to %s; %s\n", printable(of, false), moment(h.Since, m.c.Zone(), ""), moment(h.Until, m.c.Zone(), ""), rest)
	}
	_, err = fmt.Fprintln(cmd.OutOrStdout())
	return err
}

// customerName is how the MSP's own files call a tenant, or its id.
func (m msp) customerName(tenant string) string {
	if tenant == m.c.MSP.TenantID {
		return m.c.MSP.Name
	}
	if d, ok := m.c.Declared().Customer(tenant); ok && d.Name != "" {
		return d.Name
	}
	return tenant
}

// coverageLine is the coverage of one kind in the JSON contract.
type coverageLine struct {
	snapshot.Coverage
	From     instant `json:"from"`
	To       instant `json:"to"`
	Asked    instant `json:"asked"`
	LastSeen instant `json:"last_seen"`
}

func coverageLines(coverage []snapshot.Coverage) []coverageLine {
	lines := make([]coverageLine, len(coverage))
	for i, c := range coverage {
		lines[i] = coverageLine{c, instant(c.Since), instant(c.Until), instant(c.Asked), instant(c.LastSeen)}
	}
	return lines
}

func coverageList(coverage []snapshot.Coverage, zone *time.Location) list {
	l := list{columns: []string{"kind", "state", "requests", "pages", "rows", "window", "last seen whole", "reason"}, value: coverageLines(coverage)}
	for _, c := range coverage {
		window := ""
		if !c.Since.IsZero() {
			window = c.Since.In(zone).Format("2006-01-02 15:04") + " to " + c.Until.In(zone).Format("2006-01-02 15:04")
		}
		l.rows = append(l.rows, []string{string(c.Kind), string(c.State), fmt.Sprint(c.Requests), fmt.Sprint(c.Pages), fmt.Sprint(c.Rows), window, moment(c.LastSeen, zone, "never"), c.Reason})
	}
	return l
}

func moment(at time.Time, zone *time.Location, none string) string {
	if at.IsZero() {
		return none
	}
	return at.In(zone).Format("2006-01-02 15:04")
}
