package summary

import (
	"strings"
	"unicode"
)

// wrap breaks clean text into lines no wider than limit: at spaces, a longer
// word after one of the marks that join names and addresses, else between any
// two characters. A line holds at least one character, so it always ends.
func wrap(text string, limit float64, width func(rune) float64) []string {
	var lines []string
	var line []rune
	used, gap := 0.0, width(' ')
	flush := func() {
		lines = append(lines, string(line))
		line, used = line[:0], 0
	}
	for _, field := range strings.Split(text, " ") {
		word := []rune(field)
		need := sum(word, width)
		if len(line) > 0 {
			if used+gap+need <= limit {
				line, used = append(append(line, ' '), word...), used+gap+need
				continue
			}
			flush()
		}
		for need > limit {
			cut := breakAt(word, limit, width)
			if cut == len(word) {
				break
			}
			lines = append(lines, string(word[:cut]))
			need -= sum(word[:cut], width)
			word = word[cut:]
		}
		line, used = append(line, word...), need
	}
	flush()
	return lines
}

// breakAt is how many characters of a too long word go on this line.
func breakAt(word []rune, limit float64, width func(rune) float64) int {
	fits, used := 0, 0.0
	for fits < len(word) && used+width(word[fits]) <= limit {
		used += width(word[fits])
		fits++
	}
	fits = max(fits, 1)
	for at := fits; at > fits/3 && at < len(word); at-- {
		if at > 0 && word[at-1] == '@' { // the best place in an account name
			return at
		}
	}
	for at := fits; at > fits/3 && at < len(word); at-- {
		if at > 0 && strings.ContainsRune(".@-_/\\:;,=&?", word[at-1]) {
			return at
		}
	}
	for fits > 1 && fits < len(word) && unicode.Is(unicode.M, word[fits]) {
		fits-- // a mark stays with its letter
	}
	for fits < len(word) && unicode.Is(unicode.M, word[fits]) {
		fits++
	}
	return fits
}

func sum(word []rune, width func(rune) float64) float64 {
	total := 0.0
	for _, r := range word {
		total += width(r)
	}
	return total
}

// fit is the text if it is no wider than limit, else its beginning and "…".
func fit(text string, limit float64, width func(rune) float64) string {
	runes := []rune(text)
	if sum(runes, width) <= limit {
		return text
	}
	used := width('…')
	for i, r := range runes {
		if used += width(r); used > limit {
			return strings.TrimRight(string(runes[:i]), " ") + "…"
		}
	}
	return text
}
