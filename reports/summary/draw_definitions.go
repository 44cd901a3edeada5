package summary

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
