package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/rules/rule"
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
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.collect(cmd, kinds, wanted{customers: customers, acceptShrink: acceptShrink, exports: exports})
		},
	}
	cmd.Flags().StringVar(&exports, "from-portal", "", "read what was exported from the portals into this `folder`, instead of asking Microsoft")
	cmd.Flags().StringArrayVar(&customers, "customer", nil, "of what belongs to one customer read only this tenant `id`'s: access assignments, Azure, the customer's own tenant; may be repeated")
	cmd.Flags().StringArrayVar(&kinds, "kind", nil, "read this `kind` of evidence only; may be repeated: "+strings.Join(kindNames(), ", "))
	cmd.Flags().BoolVar(&acceptShrink, "accept-shrink", false, "believe a list of customers, relationships or subscriptions that lost more than a fifth of what was known, or is empty, and that an Azure delegation has ended which Azure does not show any more; without it both count as not seen whole")
	return cmd
}

// wanted is what collect is asked for; empty lists mean all.
type wanted struct {
	kinds        []snapshot.Kind
	customers    []string
	acceptShrink bool
	exports      string // folder of files from the portals, instead of asking Microsoft
}

// collect takes and seals a snapshot.
func (m msp) collect(ctx context.Context, w wanted) (collectors.Result, error) {
	o := collectors.Options{Tenant: m.c.MSP.TenantID, Store: m.st, At: m.at, Now: m.now, Declared: m.c.Declared(), Domains: m.c.MSP.Domains,
		Kinds: m.kinds(w.kinds), Customers: w.customers, AcceptShrink: w.acceptShrink, Log: m.log}
	if w.exports != "" {
		show := m.progress("reading exports")
		defer show.end()
		o.Progress = show.collected
		return collectors.RunFromPortal(ctx, o, os.DirFS(w.exports))
	}
	show := m.progress("collecting")
	defer show.end()
	c, err := m.clients(show.watch)
	if err != nil {
		return collectors.Result{}, err
	}
	own, err := c.of(graph.MicrosoftGraph, o.Tenant)
	if err != nil {
		return collectors.Result{}, err
	}
	o.Client, o.Delegated = own, m.delegated(ctx, own)
	if m.c.Credential.Kind != "token" {
		o.Customer = func(tenant string) (collectors.Client, error) { return c.of(graph.MicrosoftGraph, tenant) }
	}
	for _, n := range m.neighbours() {
		if !n.wanted {
			continue
		}
		client, err := c.of(n.service, o.Tenant)
		if err != nil {
			return collectors.Result{}, err
		}
		*n.client(&o) = client
	}
	o.Progress = show.collected
	result, err := collectors.Run(ctx, o)
	if said := (*graph.Error)(nil); errors.As(err, &said) {
		err = fmt.Errorf("%w; nothing was sealed: `countersign doctor` says what is missing and how to put it right", err)
	}
	return result, err
}

// delegated reports that the token is a signed-in person's. A token that cannot be
// had or read is taken for the app's: what it is good for shows when it is used.
func (m msp) delegated(ctx context.Context, c *graph.Client) bool {
	if kind := m.c.Credential.Kind; kind != "azure-cli" && kind != "token" {
		return false
	}
	claims, err := c.Claims(ctx)
	return err == nil && claims.Delegated
}

// kinds are those asked for, less those that the configuration leaves out.
func (m msp) kinds(asked []snapshot.Kind) []snapshot.Kind {
	if len(m.c.Sources.LeaveOut) == 0 {
		return asked
	}
	if len(asked) == 0 {
		asked = snapshot.Kinds
	}
	return slices.DeleteFunc(slices.Clone(asked), func(k snapshot.Kind) bool { return slices.Contains(m.c.Sources.LeaveOut, string(k)) })
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
	if info, err := os.Stat(w.exports); w.exports != "" && (err != nil || !info.IsDir()) {
		return usage("--from-portal: there is no folder %s; name the one in which the exported files lie", w.exports)
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
	result, err := m.collect(cmd.Context(), w)
	if errors.Is(err, collectors.ErrUnknownCustomer) {
		return usage("--customer: %w; %s, or declare the customer in that file. Nothing was sealed", err, nameTenant)
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
	if s.Skew != 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "The clock of this machine is %s that of Microsoft: set it, and keep it set.\n", snapshot.Apart(s.Skew))
	}
	for _, refused := range result.Refused {
		fmt.Fprintf(cmd.OutOrStdout(), "Not taken: %s\n", refused)
	}
	missed, asked := incomplete(result.Coverage)
	if missed > 0 {
		fmt.Fprintf(cmd.OutOrStdout(), "Of %s asked for, %s.\n", rule.Counted(asked, "kind of evidence", "kinds of evidence"),
			rule.Counted(missed, "was not seen whole; what rests on it is not assessed", "were not seen whole; what rests on them is not assessed"))
	}
	if missed+len(result.Refused) > 0 {
		return &exit{code: exitGaps}
	}
	return nil
}

// incomplete counts the kinds that were asked for, and those of them that were not
// seen whole.
func incomplete(coverage []snapshot.Coverage) (missed, asked int) {
	for _, c := range coverage {
		switch c.State {
		case snapshot.NotAsked, snapshot.NotConfigured:
			continue
		case snapshot.Complete:
		default:
			missed++
		}
		asked++
	}
	return missed, asked
}
