package workbook

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
)

// sample is a book of an invented MSP with so many rows to decide and half as
// many to re-affirm.
func sample(n int) Book {
	people := [][2]string{{"Priya Raman", "priya.admin"}, {"Søren Kjær", "soren.admin"}, {"Marta O'Neill", "marta.admin"}, {"佐藤 花子", "hanako.admin"},
		{"Olena Коваль", "olena.admin"}, {"+Plus Person", "plus.admin"}, {"עדי לוי", "adi.admin"}, {"Bartholomew Featherstonehaugh-Cholmondeley", "bartholomew.featherstonehaugh.admin"}}
	customers := []string{"Contoso Fabrication GmbH", "Łódź Logistyka Sp. z o.o.", "Fabrikam", "Adventure Works"}
	row := func(i int) Row {
		p := people[i%len(people)]
		r := Row{Item: fmt.Sprintf("AR26Q3-%06d-%02X", i+1, i*37%256), Check: fmt.Sprintf("CHK%05d", i*7919%99991), LastUsed: "2026-09-1" + fmt.Sprint(i%10), Uses: fmt.Sprint(i * 3 % 40), Level: "3 read only", Ends: "2026-12-31"}
		switch i % 3 {
		case 0:
			r.Kind, r.State, r.Who, r.Account, r.Customer = "Membership", "standing", p[0], p[1]+"@northgate-msp.example", fmt.Sprintf("%d customers", i%7+2)
			r.Access, r.Through, r.Roles, r.Ends = "SG-Tier1-Operators", "SG-All-Technicians", "Exchange Administrator; Helpdesk Administrator", "no end"
			r.ChangeTo = Choices{Words: []string{"eligible"}, Date: true}
			r.Suggestion, r.Why = "Change", "make eligible through PIM; used on 4 of 92 days"
		case 1:
			r.Kind, r.State, r.Who, r.Customer = "Delegation", "active", "SG-Tier2-Helpdesk", customers[i%4]
			r.Access, r.Roles = "Contoso managed services 2026", "User Administrator; Helpdesk Administrator; Global Reader"
			r.ChangeTo = Choices{Keep: []string{"User Administrator", "Helpdesk Administrator", "Global Reader"}}
			r.Suggestion = "Approve"
		case 2:
			r.Kind, r.State, r.Who, r.Customer = "Relationship", "active", "Contoso managed services 2026", customers[i%4]
			r.Access, r.Roles, r.Uses, r.LastUsed = "12 roles approved, 7 unused", "Privileged Role Administrator and 11 more", "not recorded", "not recorded"
			r.ChangeTo = Choices{Words: []string{"no renewal"}, Date: true}
			r.Suggestion, r.Why = "Not sure", "two owners disagree"
		}
		if i%5 == 0 {
			r.Privileged, r.Level = true, "0 full control"
			r.Findings = "Privileged role held permanently; role approved and never used in the period"
		}
		return r
	}
	b := Book{Campaign: "AR26Q3", Revision: 1, Token: "K7Q2M4XW9D", Title: "Access review, third quarter 2026", MSP: "Northgate MSP", Reviewer: "Dana Whitfield", ReviewerUPN: "dana.whitfield@northgate-msp.example",
		Contact: "access-reviews@northgate-msp.example, +44 20 7946 0123", Period: "1 July 2026 to 30 September 2026", Due: "16 October 2026, 18:00", DataAsOf: "1 October 2026, 04:00", Zone: "Europe/Berlin",
		Covered: "41 of 43 customers were seen completely. Fabrikam and Tailspin Toys could not be read: no consent. Sign-ins go back to 1 July.",
		Seal:    "9f31 c2aa 0b7e 55d1 8841 77f0 a3c9 1e02", Created: time.Date(2026, 10, 1, 4, 0, 0, 0, time.UTC)}
	for i := range n {
		b.Decide = append(b.Decide, row(i))
	}
	for i := range n / 2 {
		b.Reaffirm = append(b.Reaffirm, row(n+i))
	}
	for i, p := range people {
		b.Chains = append(b.Chains, Chain{"SG-Tier1-Operators", p[0], p[1] + "@northgate-msp.example", "SG-All-Technicians", []string{"standing", "eligible"}[i%2], "no end"})
	}
	b.Coverage = []CoverageLine{
		{"Northgate MSP", "relationships", "complete", "2026-10-01 04:00", "", "61", ""},
		{"Northgate MSP", "signins", "partial", "2026-10-01 04:07", "2026-07-01 to 2026-10-01", "18233", "the service keeps 30 days; 2 of 92 days are missing"},
		{"Fabrikam", "customer-signins", "not-permitted", "2026-10-01 04:09", "", "", "the permission AuditLog.Read.All was not consented to in this tenant"},
	}
	b.Roles = []RoleLine{
		{"Exchange Administrator", "1 high", "Can manage everything in Exchange Online: mailboxes, their permissions, mail flow rules. Can read any mailbox by granting itself access."},
		{"Global Reader", "3 read only", "Can read settings and reports of every service, and change nothing."},
	}
	return b
}

func expect(b Book) Expect {
	return Expect{Campaign: b.Campaign, Token: b.Token, Revision: b.Revision, Decide: b.Decide, Reaffirm: b.Reaffirm}
}

func written(t testing.TB, b Book) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := Write(&out, b); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// edited opens a file with excelize, as a reviewer would with Excel, and saves it.
func edited(t testing.TB, data []byte, edit func(f *excelize.File)) []byte {
	t.Helper()
	f, err := excelize.OpenReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	edit(f)
	f.SetZipWriter(func(to io.Writer) excelize.ZipWriter { return &steadyZip{to: to} })
	var out bytes.Buffer
	if err := f.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// cellOf finds a cell of a review sheet by its item and its column's head.
func cellOf(t testing.TB, f *excelize.File, sheet, item, head string) string {
	t.Helper()
	rows, err := f.GetRows(sheet)
	if err != nil {
		t.Fatal(err)
	}
	col, itemCol := 0, 0
	for i, row := range rows {
		for j, text := range row {
			switch {
			case text == head:
				col = j + 1
			case text == headItem:
				itemCol = j
			}
		}
		if col > 0 && itemCol < len(row) && row[itemCol] == item {
			return ref(col, i+1)
		}
	}
	t.Fatalf("no cell %s of %s on %s", head, item, sheet)
	return ""
}

// set types text into an input of a row, as a reviewer does.
func set(t testing.TB, f *excelize.File, sheet, item, head, text string) {
	t.Helper()
	if err := f.SetCellStr(sheet, cellOf(t, f, sheet, item, head), text); err != nil {
		t.Fatal(err)
	}
}

// sign fills in Sign-off.
func sign(t testing.TB, f *excelize.File) {
	t.Helper()
	rows, err := f.GetRows(sheetSignOff)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if len(row) > 0 {
			if text := map[string]string{labelReviewer: "Dana Whitfield", labelDate: "2026-10-12", labelStatement: statement}[row[0]]; text != "" {
				if err := f.SetCellStr(sheetSignOff, ref(2, i+1), text); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// filled is a signed copy with these inputs: sheet, item, head, text each.
func filled(t testing.TB, b Book, inputs ...[4]string) []byte {
	t.Helper()
	return edited(t, written(t, b), func(f *excelize.File) {
		sign(t, f)
		for _, in := range inputs {
			set(t, f, in[0], in[1], in[2], in[3])
		}
	})
}

// approveAll fills the one input of Re-affirm.
func approveAll(t testing.TB, f *excelize.File) {
	t.Helper()
	found, err := f.SearchSheet(sheetReaffirm, labelAll)
	if err != nil || len(found) != 1 {
		t.Fatalf("input of Re-affirm: %v %v", found, err)
	}
	if err := f.SetCellStr(sheetReaffirm, "B"+found[0][1:], Approve); err != nil {
		t.Fatal(err)
	}
}

// taken reads a file that must be without fault.
func taken(t testing.TB, data []byte, e Expect) Returned {
	t.Helper()
	got, faults, err := Read(data, e)
	if err != nil || len(faults) > 0 {
		t.Fatalf("error %v, faults %v", err, faults)
	}
	return got
}
