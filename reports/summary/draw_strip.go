package summary

import (
	"fmt"
	"time"
)

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
