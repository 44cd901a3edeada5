package summary

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
