package workbook

import "github.com/xuri/excelize/v2"

// Colours: dark text on pale ground, every pair at a contrast of 4.5 or more.
const (
	navy, ink, grey, red = "1F3864", "222222", "595959", "8A1C00"
	white, line          = "FFFFFF", "DDE1E8"
	paleYellow, amber    = "FFFBE8", "FFE08A"
	paleRed, yellowLine  = "FCE8E0", "D9C27A"
)

// font has metric twins on every system, so that nothing wraps differently there.
const font = "Arial"

// styles holds the style ids of one file.
type styles struct {
	title, lead, heading, label, text, link, banner   int
	head, inputHead, cell, bold, number, alarm, input int
	ok, no, edit, ask, missing                        int // conditional
}

// styles are made in one fixed order, which is the order of their ids.
func newStyles(f *excelize.File) (s styles, err error) {
	cell := func(size float64, bold bool, colour, ground, edge string) *excelize.Style {
		st := &excelize.Style{
			Font:      &excelize.Font{Family: font, Size: size, Bold: bold, Color: colour},
			Alignment: &excelize.Alignment{Horizontal: "left", Vertical: "top", WrapText: true, Indent: 1},
		}
		if ground != "" {
			st.Fill = excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{ground}}
		}
		if edge != "" {
			st.Border = []excelize.Border{{Type: "bottom", Color: edge, Style: 1}}
			st.Alignment.Vertical = "center"
			if edge == yellowLine {
				for _, side := range []string{"left", "right", "top"} {
					st.Border = append(st.Border, excelize.Border{Type: side, Color: edge, Style: 1})
				}
			}
		}
		return st
	}
	title, head, inputHead := cell(18, true, navy, "", ""), cell(10, true, white, navy, ""), cell(10, true, ink, amber, "")
	title.Alignment.Vertical, head.Alignment.Vertical, inputHead.Alignment.Vertical = "center", "center", "center"
	banner := cell(11, true, red, paleRed, "")
	banner.Alignment.Vertical = "center"
	link := cell(10, false, navy, "", "")
	link.Font.Underline, link.Alignment.WrapText = "single", false
	number := cell(10, false, ink, "", line)
	number.Alignment.Horizontal = "center"
	input := cell(10, false, ink, paleYellow, yellowLine)
	input.NumFmt = 49 // text: what is typed stays as typed, "=..." included
	input.Protection = &excelize.Protection{Locked: false}

	for _, made := range []struct {
		id *int
		st *excelize.Style
	}{
		{&s.title, title},
		{&s.lead, cell(10, false, grey, "", "")},
		{&s.heading, cell(12, true, navy, "", "")},
		{&s.label, cell(10, false, grey, "", "")},
		{&s.text, cell(10, false, ink, "", "")},
		{&s.link, link},
		{&s.banner, banner},
		{&s.head, head},
		{&s.inputHead, inputHead},
		{&s.cell, cell(10, false, ink, "", line)},
		{&s.bold, cell(10, true, ink, "", line)},
		{&s.number, number},
		{&s.alarm, cell(10, true, red, paleRed, line)},
		{&s.input, input},
	} {
		if *made.id, err = f.NewStyle(made.st); err != nil {
			return s, err
		}
	}
	for _, made := range []struct {
		id          *int
		ink, ground string
	}{
		{&s.ok, "1E5B2E", "DFF2E1"},
		{&s.no, red, "F9DCD3"},
		{&s.edit, "6B4A00", "FFE9B0"},
		{&s.ask, "3D4654", "E4E8EE"},
		{&s.missing, red, "F6B8A6"},
	} {
		*made.id, err = f.NewConditionalStyle(&excelize.Style{
			Font: &excelize.Font{Bold: true, Color: made.ink},
			Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{made.ground}},
		})
		if err != nil {
			return s, err
		}
	}
	return s, nil
}
