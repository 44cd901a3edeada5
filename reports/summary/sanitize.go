package summary

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Marks over one letter that are kept. Vietnamese needs two; piles of them
// would paint over the rows above.
const maxMarks = 2

// clean makes outside text one harmless line: valid UTF-8 in composed form,
// controls and line breaks as spaces, no invisible or direction-changing
// characters, single spaces, none at the ends. It is idempotent.
func clean(text string) string {
	if plain(text) {
		return text
	}
	var b strings.Builder
	b.Grow(len(text))
	marks, space := 0, true // a space is due only after something else
	for _, r := range norm.NFC.String(strings.ToValidUTF8(text, "\uFFFD")) {
		switch {
		case r == '\u00a0': // kept: holds "8 h" together
			space = false
		case unicode.IsSpace(r), unicode.Is(unicode.Cc, r), r == '\u2800': // braille blank
			if !space {
				b.WriteByte(' ')
			}
			space, marks = true, 0
			continue
		case unicode.In(r, unicode.Cf, unicode.Variation_Selector), r == '\u034f': // combining grapheme joiner
			continue
		case unicode.In(r, unicode.Co, unicode.Noncharacter_Code_Point):
			r = utf8.RuneError
		}
		if unicode.Is(unicode.M, r) {
			if marks++; marks > maxMarks {
				continue
			}
		} else {
			marks = 0
		}
		space = false
		b.WriteRune(r)
	}
	return norm.NFC.String(strings.TrimRight(b.String(), " "))
}

// plain tells whether clean has nothing to do: printable ASCII, single spaces
// inside only.
func plain(text string) bool {
	before := byte(' ')
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' || text[i] == ' ' && before == ' ' {
			return false
		}
		before = text[i]
	}
	return text == "" || before != ' '
}
