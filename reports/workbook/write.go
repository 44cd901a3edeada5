package workbook

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/xuri/excelize/v2"
)

// maxRows leaves room above the rows of one sheet, which ends at 1,048,576.
const maxRows = 1_000_000

// Write writes b as .xlsx. It refuses a book without rows, or with ids that
// would not come back letter for letter. Of a sheet above 16 MiB excelize keeps
// the rows in a private temporary file, which is gone when Write returns.
func Write(w io.Writer, b Book) error {
	if err := b.check(); err != nil {
		return fmt.Errorf("workbook of campaign %s for %s: %w", quote(b.Campaign), quote(b.Reviewer), err)
	}
	f := excelize.NewFile()
	defer f.Close()
	f.SetZipWriter(func(to io.Writer) excelize.ZipWriter { return &steadyZip{to: to} })
	if err := (&writer{f: f, b: b}).all(); err != nil {
		return fmt.Errorf("write workbook of campaign %s for %s: %w", quote(b.Campaign), quote(b.Reviewer), err)
	}
	return f.Write(w)
}

func (b Book) check() error {
	if len(b.Decide)+len(b.Reaffirm) == 0 {
		return fmt.Errorf("no rows to review")
	}
	if max(len(b.Decide), len(b.Reaffirm), len(b.Chains)) > maxRows {
		return fmt.Errorf("more than %d rows on one sheet", maxRows)
	}
	if !key(b.Campaign) || !key(b.Token) || b.Revision < 1 {
		return fmt.Errorf("campaign %q, token and revision %d must be plain ids and a count from 1", b.Campaign, b.Revision)
	}
	seen := make(map[string]bool, len(b.Decide)+len(b.Reaffirm))
	for _, rows := range [][]Row{b.Decide, b.Reaffirm} {
		for _, r := range rows {
			if !key(r.Item) || !strings.HasPrefix(r.Item, b.Campaign+"-") || seen[r.Item] {
				return fmt.Errorf("item id %q is not a plain id of this campaign, or is there twice", r.Item)
			}
			seen[r.Item] = true
		}
	}
	return nil
}

// writer fills one file. Sheets are set up first and streamed last: a setting
// made after the rows of its sheet were flushed is lost without an error.
type writer struct {
	f      *excelize.File
	b      Book
	style  styles
	stream []func() error
}

func (w *writer) all() error {
	steps := []func() error{w.sheets, w.lists, w.properties, w.start, w.decide, w.reaffirm, w.chains, w.coverage, w.roles, w.signOff}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	for _, rows := range w.stream {
		if err := rows(); err != nil {
			return err
		}
	}
	return nil
}

// sheets makes all sheets and the styles, before anything else.
func (w *writer) sheets() (err error) {
	if err := w.f.SetDefaultFont(font); err != nil {
		return err
	}
	if err := w.f.SetSheetName("Sheet1", sheetStart); err != nil {
		return err
	}
	for _, name := range []string{sheetDecide, sheetReaffirm, sheetChains, sheetCoverage, sheetRoles, sheetSignOff, sheetLists} {
		if _, err := w.f.NewSheet(name); err != nil {
			return err
		}
	}
	w.f.SetActiveSheet(0)
	if w.style, err = newStyles(w.f); err != nil {
		return err
	}
	return w.f.ProtectWorkbook(&excelize.WorkbookProtectionOptions{LockStructure: true})
}

// lists fills the sheet behind the drop-downs. Named lists survive a resave.
func (w *writer) lists() error {
	for i, list := range []struct {
		name  string
		words []string
	}{
		{"DecisionList", decisions()},
		{"AllList", []string{Approve}},
		{"StatementList", []string{statement}},
	} {
		col := string(rune('A' + i))
		for j, word := range list.words {
			if err := w.f.SetCellStr(sheetLists, fmt.Sprintf("%s%d", col, j+1), word); err != nil {
				return err
			}
		}
		if err := w.f.SetDefinedName(&excelize.DefinedName{Name: list.name, RefersTo: fmt.Sprintf("'%s'!$%s$1:$%s$%d", sheetLists, col, col, len(list.words))}); err != nil {
			return err
		}
	}
	if err := w.f.SetSheetDimension(sheetLists, "A1:C4"); err != nil {
		return err
	}
	return w.f.SetSheetVisible(sheetLists, false, true)
}

// properties writes docProps/core.xml itself: excelize's own leaves out the
// prefix of lastModifiedBy, and exceljs then cannot open the file.
func (w *writer) properties() error {
	var core bytes.Buffer
	core.WriteString(xml.Header + `<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">`)
	created := w.b.Created.UTC().Format(time.RFC3339)
	for _, p := range [][3]string{
		{"dc:title", "", visible(w.b.Title)},
		{"dc:subject", "", "Campaign " + w.b.Campaign},
		{"dc:creator", "", visible(w.b.MSP)},
		{"cp:lastModifiedBy", "", visible(w.b.MSP)},
		{"dc:language", "", "en-GB"},
		{"dcterms:created", ` xsi:type="dcterms:W3CDTF"`, created},
		{"dcterms:modified", ` xsi:type="dcterms:W3CDTF"`, created},
	} {
		core.WriteString("<" + p[0] + p[1] + ">")
		if err := xml.EscapeText(&core, []byte(p[2])); err != nil {
			return err
		}
		core.WriteString("</" + p[0] + ">")
	}
	core.WriteString("</cp:coreProperties>")
	w.f.Pkg.Store("docProps/core.xml", core.Bytes())
	return w.f.SetAppProps(&excelize.AppProperties{Application: "Countersign", Company: visible(w.b.MSP)})
}

// Paper sizes of the OOXML pageSetup element.
const paperA3, paperA4 = 8, 9

// page is what holds for a whole sheet.
type page struct {
	sheet     string
	paper     int
	landscape bool
	widths    []float64
	hidden    int // number of the hidden column, 0 for none
	head      int // header row, frozen and repeated on each page; 0 for none
	frozen    int // columns that stay in sight
	last      int // last row
	high      int // printed pages, 0 for as many as it takes
	only      int // last printed row, 0 for all
}

// across tells how many columns the texts above a table run over, and their
// width: a longer line is hard to read.
func (p page) across() (cols int, room float64) {
	for i, width := range p.widths {
		if i+1 != p.hidden && room+width <= 160 {
			cols, room = i+1, room+width
		}
	}
	return cols, room
}

func ref(col, row int) string {
	name, _ := excelize.CoordinatesToCellName(col, row) // both are counted here, and small
	return name
}

// setUp sets what belongs to the sheet as a whole. SetSheetDimension matters to
// readers that trust it: excelize would leave A1 on a streamed sheet.
func (w *writer) setUp(p page) error {
	orientation := "portrait"
	if p.landscape {
		orientation = "landscape"
	}
	wide, yes, no, margin, edge := 1, true, false, 0.4, 0.6
	top := ""
	if w.b.Incomplete != "" {
		top = "&C&9" + pageText("INCOMPLETE: "+w.b.Incomplete, 200)
	}
	foot := "&L&8" + pageText("Campaign "+w.b.Campaign+", revision "+fmt.Sprint(w.b.Revision)+", for "+w.b.Reviewer, 100) + "&C&8&A"
	if w.b.Incomplete != "" {
		foot += " - INCOMPLETE"
	}
	foot += "&R&8Page &P of &N"
	for _, err := range []error{
		w.f.SetSheetProps(p.sheet, &excelize.SheetPropsOptions{FitToPage: &yes}),
		w.f.SetSheetView(p.sheet, 0, &excelize.ViewOptions{ShowGridLines: &no}),
		w.f.SetPageLayout(p.sheet, &excelize.PageLayoutOptions{Size: &p.paper, Orientation: &orientation, FitToWidth: &wide, FitToHeight: &p.high}),
		w.f.SetPageMargins(p.sheet, &excelize.PageLayoutMarginsOptions{Left: &margin, Right: &margin, Top: &edge, Bottom: &edge, Header: &margin, Footer: &margin}),
		w.f.SetHeaderFooter(p.sheet, &excelize.HeaderFooterOptions{OddHeader: top, OddFooter: foot}),
		w.f.SetSheetDimension(p.sheet, "A1:"+ref(len(p.widths), p.last)),
		w.f.ProtectSheet(p.sheet, &excelize.SheetProtectionOptions{AutoFilter: true, Sort: true, FormatColumns: true, FormatRows: true, SelectLockedCells: true, SelectUnlockedCells: true}),
	} {
		if err != nil {
			return fmt.Errorf("sheet %s: %w", p.sheet, err)
		}
	}
	switch {
	case p.only > 0:
		cols, _ := p.across()
		last, _ := excelize.ColumnNumberToName(cols)
		return w.f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Area", Scope: p.sheet, RefersTo: fmt.Sprintf("'%s'!$A$1:$%s$%d", p.sheet, last, p.only)})
	case p.head == 0:
		return nil
	}
	return w.f.SetDefinedName(&excelize.DefinedName{Name: "_xlnm.Print_Titles", Scope: p.sheet, RefersTo: fmt.Sprintf("'%s'!$%d:$%d", p.sheet, p.head, p.head)})
}

// pageText makes a text safe for page headers and footers: "&" starts a code
// there, and all of one line holds 255 UTF-16 units.
func pageText(s string, most int) string {
	s = strings.ReplaceAll(tidy(visible(s)), "&", "&&")
	units := utf16.Encode([]rune(s))
	if len(units) <= most {
		return s
	}
	return strings.TrimRight(string(utf16.Decode(units[:most])), "&\uFFFD") + "…"
}

// open starts the stream of a sheet that was set up.
func (w *writer) open(p page) (*excelize.StreamWriter, error) {
	sw, err := w.f.NewStreamWriter(p.sheet)
	if err != nil {
		return nil, err
	}
	if p.head > 0 {
		pane := "bottomLeft"
		if p.frozen > 0 {
			pane = "bottomRight"
		}
		if err := sw.SetPanes(&excelize.Panes{Freeze: true, XSplit: p.frozen, YSplit: p.head, TopLeftCell: ref(p.frozen+1, p.head+1), ActivePane: pane}); err != nil {
			return nil, err
		}
	}
	for i, width := range p.widths {
		if err := sw.SetColWidth(i+1, i+1, width); err != nil {
			return nil, err
		}
	}
	if p.hidden > 0 {
		if err := sw.SetColVisible(p.hidden, p.hidden, false); err != nil {
			return nil, err
		}
	}
	return sw, nil
}
