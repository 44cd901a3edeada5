package summary

import "fmt"

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
