package reviews

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"countersign/collectors/store"
)

var planHeader = []string{"order", "action", "customer", "customer_id", "group", "group_id", "principal", "principal_id", "instance", "access_assignment",
	"relationship", "roles_to_keep", "until", "item", "decided_by", "decided_at", "reason", "how"}

// WritePlanCSV writes the plan as RFC 4180 has it: UTF-8, comma, CRLF, a header
// that never changes. A text that a spreadsheet would take for a formula gets an
// apostrophe in front.
func WritePlanCSV(w io.Writer, plan []Action) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	rows := [][]string{planHeader}
	for _, a := range plan {
		until := ""
		if !a.Until.IsZero() {
			until = a.Until.Format(time.DateOnly)
		}
		row := []string{strconv.Itoa(a.Order), a.Action, a.Customer.Name, a.Customer.ID, a.Group.Name, a.Group.ID, a.Principal.Name, a.Principal.ID, a.Instance,
			a.AccessAssignment, a.Relationship.Name, joined(a.RolesToKeep), until, a.Item, a.DecidedBy.Name, store.Time(a.DecidedAt).String(), a.Reason, a.How}
		for i := range row {
			row[i] = CSVCell(row[i])
		}
		rows = append(rows, row)
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("write plan: %w", err)
	}
	return nil
}

// CSVCell disarms a cell that begins, blanks and invisible characters aside,
// with what starts a formula in some spreadsheet, full-width forms included.
// Source: OWASP ASVS 1.2.10, CWE-1236.
func CSVCell(cell string) string {
	if cell == "" {
		return cell
	}
	if strings.ContainsRune("\t\r\n", rune(cell[0])) {
		return "'" + cell
	}
	bare := strings.TrimLeft(cell, " \t\r\n\u00a0\u200b\u200c\u200d\u2060\ufeff")
	for _, start := range []string{"=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20"} {
		if strings.HasPrefix(bare, start) {
			return "'" + cell
		}
	}
	return cell
}
