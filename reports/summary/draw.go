package summary

import (
	"fmt"
	"time"
)

func (h heading) draw(s *sheet) {
	st, before, after := style{size: 13, bold: true, colour: navy, leading: 6.5}, 7.0, 2.0
	if h.level > 1 {
		st, before, after = style{size: 10, bold: true, colour: navy, leading: 5.2}, 4.5, 1.2
	}
	if h.newPage && !s.fresh {
		s.newPage()
	}
	if !s.fresh {
		s.y += before
	}
	s.need(before + st.leading + s.keep())
	if h.level == 1 {
		s.places = append(s.places, place{text: h.text, page: len(s.pages), y: s.y})
	}
	s.lines(left, frame, st, h.text)
	s.y += after
}

// keep is how much must stand below a heading on the same page.
func (s *sheet) keep() float64 {
	keep := 0.0
	for _, b := range s.next {
		switch b := b.(type) {
		case heading:
			keep += 11
		case paragraph:
			keep += 3 * body.leading
		case aside:
			keep += 2 * small.leading
		case table:
			return keep + s.opening(b)
		case definitions:
			return keep + s.whole(b)
		case chart:
			return keep + chartHeight
		default:
			return keep + 14
		}
		if keep > 40 {
			return keep
		}
	}
	return keep
}

func (p paragraph) draw(s *sheet) {
	s.introduce(string(p), body)
	s.lines(left, frame, body, string(p))
	s.y += 1.8
}

// introduce keeps a text on one page with the first row of the table below it.
func (s *sheet) introduce(text string, st style) {
	if len(s.next) == 0 {
		return
	}
	if t, ok := s.next[0].(table); ok {
		s.need(st.leading*float64(len(s.wrap(text, st, frame))) + 2 + s.opening(t))
	}
}

func (a aside) draw(s *sheet) {
	s.introduce(string(a), small)
	s.lines(left, frame, small, string(a))
	s.y += 1.6
}

func (b bullets) draw(s *sheet) {
	for _, item := range b {
		s.need(2 * body.leading)
		s.line(left+1, s.y, 4, 0, body, "•")
		s.lines(left+5, frame-5, body, sentence(or(item, "No text was recorded.")))
		s.y += 1
	}
	s.y += 0.8
}

// A callout longer than this many lines is cut with a visible mark; the text
// rendering has it whole.
const calloutLines = 30

const cutMark = "[… cut here; the text version has the rest]"

func (c callout) draw(s *sheet) {
	head := style{size: 9, bold: true, colour: ink, leading: 4.8}
	st, pad := style{size: 9, colour: ink, leading: 4.7}, 3.0
	if c.big {
		st, pad = style{size: 12, bold: true, colour: ink, leading: 6.3}, 4.5
	}
	width := frame - 10
	var title, text []string
	if c.title != "" {
		title = cut(s.wrap(c.title, head, width), 4, cutMark)
	}
	if clean(c.body) != "" {
		text = cut(s.wrap(c.body, st, width), calloutLines, cutMark)
	}
	height := 2*pad + head.leading*float64(len(title)) + st.leading*float64(len(text))
	s.need(height)
	s.fill(left, s.y, frame, height, toneFills[c.tone])
	s.fill(left, s.y, 1.4, height, toneEdges[c.tone])
	y := s.y + pad
	if c.tone == toneIncomplete {
		head.colour = red
	}
	for _, l := range title {
		s.line(left+6, y, width, 0, head, l)
		y += head.leading
	}
	for _, l := range text {
		s.line(left+6, y, width, 0, st, l)
		y += st.leading
	}
	s.y += height + 3
}

// cut keeps the first lines and puts a mark in the place of the rest.
func cut(lines []string, most int, mark string) []string {
	if len(lines) > most {
		lines = append(lines[:most-1:most-1], mark)
	}
	return lines
}

// draw sets the boxes four to a row. Label, note and the period before stand in
// bands, each as deep as its longest text in the row, so that a label on two
// lines moves the bands of all boxes and meets nothing.
func (f figures) draw(s *sheet) {
	const gap, inset, under = 4.0, 4.0, 15.5 // under: from a box's top to its label
	width := (frame - 3*gap) / 4
	bands := [...]struct {
		style
		most  int     // lines
		above float64 // mm of air
	}{{style{size: 8.5, colour: ink, leading: 4.3}, 4, 0}, {small, 4, 1.2}, {small, 3, 1.6}}
	for start := 0; start < len(f.figures); start += 4 {
		row := f.figures[start:min(start+4, len(f.figures))]
		texts, deep := make([][len(bands)][]string, len(row)), [len(bands)]float64{}
		for i, g := range row {
			before := ""
			if clean(f.previous) != "" {
				before = f.before(g)
			}
			for k, text := range []string{g.Label, g.Note, before} {
				if clean(text) == "" {
					continue
				}
				texts[i][k] = cut(s.wrap(text, bands[k].style, width-2*inset), bands[k].most, "[…]")
				deep[k] = max(deep[k], bands[k].above+float64(len(texts[i][k]))*bands[k].leading)
			}
		}
		height := under + deep[0] + deep[1] + deep[2] + 2.6
		s.need(height)
		for i, g := range row {
			x := left + float64(i)*(width+gap)
			s.outline(x, s.y, width, height, hairline)
			s.fill(x, s.y, width, 0.9, s.brand)
			value := style{size: 20, bold: true, colour: navy, leading: 10}
			if clean(g.Value) == "" {
				value.colour = grey
			}
			text := s.shown(or(g.Value, notRecorded))
			for value.size > 10 && s.measure(text, value) > width-2*inset {
				value.size--
			}
			s.line(x+inset, s.y+4.5, width, 0, value, s.fit(text, value, width-2*inset))
			y := s.y + under
			for k, band := range bands {
				for n, l := range texts[i][k] {
					s.line(x+inset, y+band.above+float64(n)*band.leading, width, 0, band.style, l)
				}
				y += deep[k]
			}
		}
		s.y += height + 2
	}
}

func (f figures) before(g Figure) string { return f.previous + ": " + or(g.Previous, notRecorded) }

// draw lists the headings to come with their pages, where that still fits on
// the first page; the bookmarks hold them in any case.
func (contents) draw(s *sheet) {
	const width = 95.0
	var names []string
	for _, b := range s.next {
		if h, ok := b.(heading); ok && h.level == 1 {
			names = append(names, h.text)
		}
	}
	step := body.leading + 0.4
	if s.y+12+step*float64(len(names)) > bottom {
		return
	}
	s.next = nil // nothing to keep with the heading
	heading{text: "In this document", level: 2}.draw(s)
	already := len(s.places)
	for i, name := range names {
		y := s.y
		s.line(left, y, frame, 0, body, name)
		s.record(func() { // the page is known when all is laid out
			p := s.places[already+i]
			st := style{size: body.size, colour: grey, leading: body.leading}
			number := fmt.Sprintf("page %d", p.page)
			s.put(left+width-s.measure(number, st), baseline(y, st), st, number)
			s.pdf.Link(left, y, width, body.leading, p.link)
		})
		s.fill(left, y+body.leading-0.15, width, 0.15, hairline)
		s.y += step
	}
}

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

const termWidth = 42.0

var (
	termWord    = style{size: 8.5, bold: true, colour: ink, leading: 4.5}
	termMeaning = style{size: 8.5, colour: ink, leading: 4.5}
)

func (s *sheet) term(t Term) (words, meanings []string, height float64) {
	words = cut(s.wrap(or(t.Word, "no word"), termWord, termWidth-3), calloutLines, "[…]")
	meanings = cut(s.wrap(or(t.Meaning, "no meaning was recorded"), termMeaning, frame-termWidth), calloutLines, cutMark)
	return words, meanings, float64(max(len(words), len(meanings)))*termMeaning.leading + 1
}

// whole is the height of a short list, which stays together, and of the first
// term of a longer one.
func (s *sheet) whole(d definitions) float64 {
	all, first := 0.0, 0.0
	for i, t := range d {
		_, _, height := s.term(t)
		if all += height; i == 0 {
			first = height
		}
	}
	if all < (bottom-top)/3 {
		return all
	}
	return first
}

func (d definitions) draw(s *sheet) {
	s.need(s.whole(d))
	for _, t := range d {
		words, meanings, height := s.term(t)
		s.need(height)
		for i, l := range words {
			s.line(left, s.y+float64(i)*termWord.leading, termWidth, 0, termWord, l)
		}
		for i, l := range meanings {
			s.line(left+termWidth, s.y+float64(i)*termMeaning.leading, frame, 0, termMeaning, l)
		}
		s.y += height
	}
	s.y += 1.5
}

func (st strip) draw(s *sheet) {
	s.need(20)
	cell := frame / float64(len(st.days))
	gap := min(0.25, cell/5)
	for i, state := range st.days {
		s.fill(left+float64(i)*cell, s.y, cell-gap, 6, dayFills[state])
	}
	s.y += 6.6
	month, until := time.Month(0), 0.0
	for i := range st.days {
		d := st.from.AddDate(0, 0, i)
		x := left + float64(i)*cell
		if d.Month() != month && x >= until && x < right-8 {
			s.fill(x, s.y, 0.2, 3.2, grey)
			s.line(x+0.8, s.y, 20, 0, footType, d.Format("Jan"))
			until = x + 9
		}
		month = d.Month()
	}
	s.y += 4.8
	var keys []key
	for _, state := range []DayState{Complete, Recovered, Missing, NotServed} {
		if n := count(st.days, state); n > 0 || state != NotServed {
			keys = append(keys, key{colour: dayFills[state], text: fmt.Sprintf("%s (%d)", dayNames[state], n)})
		}
	}
	s.legend(left, keys...)
	if st.text != "" {
		s.lines(left, frame, small, sentence(st.text))
	}
	s.y += 1
}

// key is one entry of a legend.
type key struct {
	colour rgb
	hollow bool
	text   string
}

// legend draws keys side by side from x on, over as many lines as they need.
func (s *sheet) legend(from float64, keys ...key) {
	x := from
	for _, k := range keys {
		width := 3.8 + s.measure(k.text, small)
		if x > from && x+width > right {
			x = from
			s.y += 4.4
		}
		if k.hollow {
			s.outline(x+0.1, s.y+0.7, 2.4, 2.4, k.colour)
		} else {
			s.fill(x, s.y+0.6, 2.6, 2.6, k.colour)
		}
		s.line(x+3.8, s.y, width, 0, small, k.text)
		x += width + 6
	}
	s.y += 4.8
}

const chartHeight = 62.0

var chartKinds = [...]RoleKind{ReadSupport, Administration, HighImpact, UnknownKind}

func unlessZero(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(n)
}

func (ch chart) draw(s *sheet) {
	s.need(chartHeight)
	const plot, axis = 40.0, 7.0
	most, missing := 1, false
	for _, w := range ch {
		most = max(most, w.signedIn(), w.activated)
		missing = missing || w.missing
	}
	step := 1
	for _, nice := range []int{2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000} {
		if most > 5*step {
			step = nice
		}
	}
	ceiling := (most + step - 1) / step * step
	unit := (plot - 5) / float64(ceiling)
	base := s.y + plot
	for v := 0; v <= ceiling; v += step {
		y := base - float64(v)*unit
		s.fill(left+axis, y-0.08, frame-axis, 0.16, hairline)
		s.line(left, y-1.8, axis-2, 1, footType, fmt.Sprint(v))
	}
	slot := (frame - axis) / float64(len(ch))
	wide := min(slot*0.36, 8)
	every := (len(ch) + 13) / 14
	number := style{size: 7, bold: true, colour: ink, leading: 3.6}
	for i, w := range ch {
		x := left + axis + float64(i)*slot
		if w.missing {
			s.fill(x, base+0.3, slot, 1, dayFills[Missing])
		}
		y, bar, beside := base, x+slot/2-wide-0.3, x+slot/2+0.3
		for _, kind := range chartKinds {
			if h := float64(w.kinds[kind]) * unit; h > 0 {
				y -= h
				s.fill(bar, y, wide, h, kindFills[kind])
			}
		}
		if h := float64(w.activated) * unit; h > 0 {
			s.outline(beside+0.1, base-h, wide-0.2, h, grey)
		}
		if slot > 8 {
			s.line(bar, y-4, wide, 0.5, number, unlessZero(w.signedIn()))
			s.line(beside, base-float64(w.activated)*unit-4, wide, 0.5, footType, unlessZero(w.activated))
		}
		if i%every == 0 {
			s.line(x, base+1.8, slot, 0.5, footType, w.label)
		}
	}
	s.y = base + 7.5
	var keys []key
	for _, kind := range chartKinds {
		n := 0
		for _, w := range ch {
			n += w.kinds[kind]
		}
		if n > 0 || kind != UnknownKind {
			keys = append(keys, key{colour: kindFills[kind], text: kindNames[kind]})
		}
	}
	keys = append(keys, key{colour: grey, hollow: true, text: "activated only"})
	if missing {
		keys = append(keys, key{colour: dayFills[Missing], text: "below a week: records of at least one day are missing"})
	}
	s.legend(left+axis, keys...)
	s.line(left+axis, s.y, frame, 0, small, chartLegend)
	s.y += 6
}
