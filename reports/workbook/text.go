package workbook

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// cellLimit is the most UTF-16 units a cell holds in Excel.
const cellLimit = 32767

// visible makes a text from outside safe to show: what cannot be seen, or would
// reorder its neighbours, is spelled out, and what does not fit is cut with a mark.
func visible(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == '\n':
			b.WriteRune(r)
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, "<%02X>", s[i])
		case r < 0x20:
			b.WriteRune(0x2400 + r) // control pictures: ␍, ␀
		case hidden(r) && !(joiner(r) && joins(s, i, r)):
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	return cut(b.String())
}

// plain holds for short printable ASCII in lines, the most frequent text by far.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if (s[i] < 0x20 || s[i] >= 0x7f) && s[i] != '\n' {
			return false
		}
	}
	return len(s) <= cellLimit
}

// hidden holds for runes without a shape of their own: controls, bidi marks,
// zero-width characters, noncharacters, blanks that are no spaces.
func hidden(r rune) bool {
	switch r {
	case '\u115f', '\u1160', '\u180e', '\u2800', '\u3164', '\uffa0', '\ufffe', '\uffff':
		return true
	}
	return unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Cc, r) || unicode.In(r, unicode.Zl, unicode.Zp, unicode.Co, unicode.Noncharacter_Code_Point)
}

func joiner(r rune) bool { return r == '\u200c' || r == '\u200d' }

// joins: a joiner between two runes beyond Latin shapes letters or an emoji.
func joins(s string, i int, r rune) bool {
	before, _ := utf8.DecodeLastRuneInString(s[:i])
	after, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
	return before > 0x24f && after > 0x24f && !hidden(before) && !hidden(after)
}

// cut shortens s to what a cell holds and says how much is missing.
func cut(s string) string {
	if len(s) <= cellLimit {
		return s
	}
	const room = 40 // for the mark
	keep, total := 0, 0
	for i, r := range s {
		n := 1
		if r > 0xffff {
			n = 2
		}
		if total += n; total <= cellLimit-room {
			keep = i + utf8.RuneLen(r)
		}
	}
	if total <= cellLimit {
		return s
	}
	return fmt.Sprintf("%s… [%d more characters]", s[:keep], utf8.RuneCountInString(s[keep:]))
}

// tidy is how texts are compared: without invisible characters, with single spaces.
func tidy(s string) string {
	if plain(s) && !strings.Contains(s, "  ") && !strings.Contains(s, "\n") {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case hidden(r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD"))
	return strings.Join(strings.Fields(s), " ")
}

// same compares words a person typed: tidy, case aside.
func same(a, b string) bool { return strings.EqualFold(tidy(a), tidy(b)) }

// says holds when a text has at least one letter or digit.
func says(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) })
}

// short cuts a text from the file to what fits into a message, on one line.
func short(s string) string {
	s = visible(tidy(s[:min(len(s), 1000)]))
	if utf8.RuneCountInString(s) > 120 {
		s = string([]rune(s)[:117]) + "…"
	}
	return s
}

// quote shows a value from the file in a message.
func quote(s string) string { return "“" + short(s) + "”" }

// width is the room a line takes in columns of one digit: wide scripts take two.
func width(s string) int {
	n := 0
	for _, r := range s {
		n++
		if r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xffdc || r >= 0x1f300 && r <= 0x3fffd) {
			n++
		}
	}
	return n
}

// How many characters of 10 point type one unit of column width takes: names in
// narrow columns have more capitals than prose.
const perUnit, perUnitOfProse, proseFrom = 1.15, 1.22, 60

// lines is how many lines s takes when wrapped at words in a column so wide.
func lines(s string, column float64) int {
	room, n := int(column*perUnit), 0
	if column >= proseFrom {
		room = int(column * perUnitOfProse)
	}
	for line := range strings.SplitSeq(s, "\n") {
		n++
		if len(line) <= room {
			continue
		}
		used := 0
		for word := range strings.FieldsSeq(line) {
			long := width(word)
			if used > 0 && used+1+long > room {
				n, used = n+1, 0
			} else if used > 0 {
				used++
			}
			used += long
			n, used = n+used/(room+1), used%(room+1)
		}
	}
	return n
}

// key holds for ids and tokens: printed, retyped and compared as they are.
func key(s string) bool {
	return s != "" && len(s) <= 120 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
	})
}
