package summary

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
