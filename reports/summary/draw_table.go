package summary

const (
	cellGap  = 2.0 // between columns
	cellPad  = 1.5 // above and below
	rowLines = 52  // a row taller than this would not fit on a page; cut with a mark
)

var columnHead = style{size: 7.5, bold: true, colour: navy, leading: 4}

// header breaks the titles of the columns into lines; deep is the most of them.
func (s *sheet) header(t table) (titles [][]string, deep int, height float64) {
	for _, c := range t.columns {
		titles = append(titles, s.wrap(c.title, columnHead, c.width-cellGap))
		deep = max(deep, len(titles[len(titles)-1]))
	}
	return titles, deep, float64(deep)*columnHead.leading + 2.6
}

// row breaks the cells of a row into lines.
func (s *sheet) row(t table, row []cell) (cells [][]setLine, height float64) {
	for i, c := range row {
		lines, tall := s.set(c, t.columns[i].width-cellGap), 0.0
		for _, l := range lines {
			tall += l.style.leading
		}
		cells, height = append(cells, lines), max(height, tall)
	}
	return cells, height + 2*cellPad
}

// opening is the height of a table's header and first row.
func (s *sheet) opening(t table) float64 {
	_, _, header := s.header(t)
	_, first := s.row(t, t.rows[0])
	return header + first
}

func (t table) draw(s *sheet) {
	header := func() {
		titles, deep, height := s.header(t)
		s.fill(left, s.y, frame, height, toneFills[toneQuiet])
		s.fill(left, s.y+height-0.3, frame, 0.3, navy)
		x := left
		for i, c := range t.columns {
			y := s.y + 1.2 + float64(deep-len(titles[i]))*columnHead.leading
			for _, l := range titles[i] {
				s.line(x+cellGap/2, y, c.width-cellGap, align(c), columnHead, l)
				y += columnHead.leading
			}
			x += c.width
		}
		s.y += height
	}
	s.need(s.opening(t))
	header()
	for _, row := range t.rows {
		cells, height := s.row(t, row)
		if s.y+height > bottom {
			s.newPage()
			header()
		}
		x := left
		for i, lines := range cells {
			y := s.y + cellPad
			for _, l := range lines {
				s.line(x+cellGap/2, y, t.columns[i].width-cellGap, align(t.columns[i]), l.style, l.text)
				y += l.style.leading
			}
			x += t.columns[i].width
		}
		s.y += height
		s.rule(s.y, hairline)
	}
	s.y += 3
}

func align(c column) float64 {
	if c.right {
		return 1
	}
	return 0
}

// setLine is one line of a cell, ready to draw.
type setLine struct {
	text  string
	style style
}

func (s *sheet) set(c cell, width float64) []setLine {
	for len(c) > 0 && c[0].instead != nil && s.unprintable(c[0].text) {
		c, s.unnamed = c[0].instead, true
	}
	var lines []setLine
	for _, p := range c {
		for _, l := range s.wrap(p.text, lookStyles[p.look], width) {
			lines = append(lines, setLine{l, lookStyles[p.look]})
		}
	}
	if len(lines) > rowLines {
		lines = lines[:rowLines]
		for _, l := range s.wrap(cutMark, lookStyles[warning], width) {
			lines = append(lines, setLine{l, lookStyles[warning]})
		}
	}
	return lines
}
