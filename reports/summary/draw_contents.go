package summary

import "fmt"

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
