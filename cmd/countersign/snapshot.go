package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"countersign/collectors/snapshot"
)

func (a *app) snapshotCommand() *cobra.Command {
	cmd := group("snapshot", "Look at the history of snapshots")
	var format string
	list := &cobra.Command{
		Use: "list", Short: "List the sealed snapshots", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.snapshotList(cmd, format) },
	}
	show := &cobra.Command{
		Use: "show [ID]", Short: "Show what a snapshot saw, kind by kind; the newest unless named",
		Args: atMostOne("snapshot number"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.snapshotShow(cmd, args, format) },
	}
	for _, c := range []*cobra.Command{list, show} {
		c.Flags().StringVar(&format, "format", "table", "`form` of the result: "+formats)
		cmd.AddCommand(c)
	}
	return cmd
}

func (a *app) snapshotList(cmd *cobra.Command, format string) (err error) {
	m, release, err := a.reader(cmd.Context())
	if err != nil {
		return err
	}
	defer release(&err)
	all, err := snapshot.History(cmd.Context(), m.st.Read())
	if err != nil {
		return err
	}
	type line struct {
		ID      int64     `json:"id"`
		At      time.Time `json:"at"`
		Request string    `json:"request"`
		Seal    string    `json:"seal"`
	}
	l := list{columns: []string{"id", "at", "asked for", "seal"}}
	lines := make([]line, 0, len(all))
	for _, s := range all {
		lines = append(lines, line{s.ID, s.At, s.Request, s.Seal})
		l.rows = append(l.rows, []string{fmt.Sprint(s.ID), s.At.Format(time.RFC3339), s.Request, s.Seal[:16]})
	}
	l.value = lines
	return l.print(cmd.OutOrStdout(), format)
}

// factCounts are the views whose rows snapshot show counts, by the kind they are of.
var factCounts = []struct {
	kind  snapshot.Kind
	query string
}{
	{snapshot.Customers, `SELECT count(*) FROM customer WHERE snapshot = ?`},
	{snapshot.Relationships, `SELECT count(*) FROM relationship WHERE snapshot = ?`},
	{snapshot.AccessAssignments, `SELECT count(*) FROM access_assignment WHERE snapshot = ?`},
	{snapshot.Groups, `SELECT count(*) FROM directory_group WHERE snapshot = ?`},
	{snapshot.GroupOwners, `SELECT count(*) FROM group_owner WHERE snapshot = ?`},
	{snapshot.GroupAssignments, `SELECT count(*) FROM group_assignment WHERE snapshot = ?`},
	{snapshot.Memberships, `SELECT count(*) FROM group_member WHERE snapshot = ?`},
	{snapshot.GroupEligibilities, `SELECT count(*) FROM group_eligibility WHERE snapshot = ?`},
	{snapshot.GroupActivations, `SELECT count(*) FROM activation WHERE snapshot = ?`},
	{snapshot.GroupPolicies, `SELECT count(*) FROM group_policy WHERE snapshot = ?`},
	{snapshot.Users, `SELECT count(*) FROM directory_user WHERE snapshot = ?`},
	{snapshot.MFARegistrations, `SELECT count(*) FROM mfa_registration WHERE snapshot = ?`},
	{snapshot.SignIns, `SELECT count(*) FROM sign_in WHERE snapshot = ?`},
	{snapshot.Audits, `SELECT count(*) FROM audit_event WHERE snapshot = ?1 AND tenant = (SELECT tenant FROM sealed_snapshot WHERE id = ?1)`},
	{snapshot.DirectoryRoles, `SELECT count(*) FROM role_instance WHERE snapshot = ?1 AND tenant = (SELECT tenant FROM sealed_snapshot WHERE id = ?1)`},
	{snapshot.Licences, `SELECT count(*) FROM subscribed_sku WHERE snapshot = ?1 AND tenant = (SELECT tenant FROM sealed_snapshot WHERE id = ?1)`},
	{snapshot.RiskyUsers, `SELECT count(*) FROM risky_user WHERE snapshot = ?`},
	{snapshot.ConditionalAccess, `SELECT count(*) FROM access_policy WHERE snapshot = ?1 AND tenant = (SELECT tenant FROM sealed_snapshot WHERE id = ?1)`},
	{snapshot.AccessPackages, `SELECT count(*) FROM access_package WHERE snapshot = ?`},
	{snapshot.Lighthouse, `SELECT count(*) FROM lighthouse_tenant WHERE snapshot = ?`},
	{snapshot.GDAPTemplates, `SELECT count(*) FROM gdap_template WHERE snapshot = ?`},
	{snapshot.PartnerCustomers, `SELECT count(*) FROM partner_customer WHERE snapshot = ?`},
	{snapshot.PartnerAudits, `SELECT count(*) FROM partner_audit WHERE snapshot = ?`},
	{snapshot.CustomerLicences, `SELECT count(*) FROM subscribed_sku WHERE snapshot = ?1 AND tenant <> (SELECT tenant FROM sealed_snapshot WHERE id = ?1)`},
	{snapshot.CustomerRoles, `SELECT count(*) FROM role_instance WHERE snapshot = ?1 AND tenant <> (SELECT tenant FROM sealed_snapshot WHERE id = ?1)`},
	{snapshot.CustomerRolePolicies, `SELECT count(*) FROM role_policy WHERE snapshot = ?`},
	{snapshot.CustomerUsers, `SELECT count(*) FROM customer_user WHERE snapshot = ?`},
	{snapshot.CustomerAccessPolicies, `SELECT count(*) FROM access_policy WHERE snapshot = ?1 AND tenant <> (SELECT tenant FROM sealed_snapshot WHERE id = ?1)`},
	{snapshot.CustomerSignIns, `SELECT count(*) FROM provider_sign_in WHERE snapshot = ?`},
	{snapshot.CustomerAudits, `SELECT count(*) FROM audit_event WHERE snapshot = ?1 AND tenant <> (SELECT tenant FROM sealed_snapshot WHERE id = ?1)`},
	{snapshot.AzureDelegations, `SELECT count(*) FROM azure_delegation WHERE snapshot = ?`},
	{snapshot.AzureActivity, `SELECT count(*) FROM azure_event WHERE snapshot = ?`},
}

func (a *app) snapshotShow(cmd *cobra.Command, args []string, format string) (err error) {
	var id int64
	if len(args) == 1 {
		if id, err = strconv.ParseInt(args[0], 10, 64); err != nil || id < 1 {
			return usage("snapshot %q is not a number that `countersign snapshot list` shows", args[0])
		}
	}
	m, release, err := a.reader(cmd.Context())
	if err != nil {
		return err
	}
	defer release(&err)
	s, err := m.snapshotAt(cmd.Context(), id, a.at)
	if err != nil {
		return err
	}
	parts, err := snapshot.LoadParts(cmd.Context(), m.st.Read(), s.ID)
	if err != nil {
		return err
	}
	coverage := parts.Kinds()
	counts := map[snapshot.Kind]int{}
	for _, c := range factCounts {
		var n int
		if err := m.st.Read().GetContext(cmd.Context(), &n, c.query, s.ID); err != nil {
			return err
		}
		counts[c.kind] = n
	}
	l := coverageList(coverage, m.c.Zone())
	l.value = map[string]any{"id": s.ID, "at": s.At, "seal": s.Seal, "clock_ahead_seconds": clockAhead(s), "coverage": coverageLines(append(coverage, parts.Tenants()...)), "counts": counts}
	if format == "table" {
		fmt.Fprintf(cmd.OutOrStdout(), "Snapshot %d of %s\nAsked for: %s\nSeal: %s\n", s.ID, s.At.Format(time.RFC3339), s.Request, s.Seal)
		if s.Skew != 0 {
			fmt.Fprintf(cmd.OutOrStdout(), "Clock: %s that of Microsoft; every instant of this snapshot may be wrong by as much\n", snapshot.Apart(s.Skew))
		}
		fmt.Fprintln(cmd.OutOrStdout())
		l.columns = append([]string{"kind", "held"}, l.columns[1:]...)
		for i, row := range l.rows {
			l.rows[i] = append([]string{row[0], fmt.Sprint(counts[coverage[i].Kind])}, row[1:]...)
		}
		if err := l.table(cmd.OutOrStdout()); err != nil {
			return err
		}
		fmt.Fprintln(cmd.OutOrStdout())
		if err := m.showTenants(cmd, s.ID, true); err != nil {
			return err
		}
		if err := m.showActivations(cmd, s.ID); err != nil {
			return err
		}
		return m.showHoles(cmd, s.ID)
	}
	return l.print(cmd.OutOrStdout(), format)
}

// clockAhead is by how many seconds the clock that dated a snapshot was ahead of
// Microsoft's, where that matters; else 0, and nil where it was not measured.
func clockAhead(s snapshot.Sealed) any {
	if !s.Timed {
		return nil
	}
	return int(s.Skew.Seconds())
}

// showActivations sums up the uses of PIM, each counted once although its requests and
// the audit log both tell of it.
func (m msp) showActivations(cmd *cobra.Command, id int64) error {
	uses, err := snapshot.LoadPIMActivations(cmd.Context(), m.st.Read(), id)
	if err != nil || len(uses) == 0 {
		return err
	}
	count, decided := map[string]int{}, 0
	for _, u := range uses {
		count[u.Provider]++
		if u.Approver != "" {
			decided++
		}
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "Activations through PIM: %d of groups, %d of directory roles, %d of Azure roles; somebody decided on %d of them.\n\n",
		count[snapshot.PIMGroup], count[snapshot.PIMRole], count[snapshot.PIMAzure], decided)
	return err
}
