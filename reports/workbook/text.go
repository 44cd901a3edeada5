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

// advances are the widths of Arial's characters from space to tilde, in
// thousandths of the type size, as Adobe published them for Helvetica, its twin.
var advances = [...]int{
	278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, // to /
	556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, // to ?
	1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, // to O
	667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, // to _
	333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, // to o
	556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584, // to ~
}

// advance is the width of a rune; those of wide scripts are square.
func advance(r rune) int {
	switch {
	case r >= ' ' && r <= '~':
		return advances[r-' ']
	case r >= 0x1100 && (r <= 0x115f || r >= 0x2e80 && r <= 0xffdc || r >= 0x1f300 && r <= 0x3fffd):
		return 1000
	}
	return 650 // between a small and a capital letter of Greek and Cyrillic
}

// room is what a line holds in a column so wide. Excel gives seven pixels of
// 0.75 points to each unit and takes fourteen away for the indent and the edges.
func room(column float64) int { return int(525*column) - 1050 }

// boldly is the room that remains for bold type.
const boldly = 0.92

// lines is how many lines s takes when wrapped at spaces and hyphens.
func lines(s string, column float64) int {
	most, n := room(column), 1
	used, word := 0, 0 // of this line: up to its last break, and since
	for _, r := range s {
		switch a := advance(r); r {
		case '\n':
			n, used, word = n+1, 0, 0
		case ' ': // it may hang over the edge
			used, word = used+word+a, 0
		default:
			if word += a; used+word > most && used > 0 {
				n, used = n+1, 0
			}
			if word > most && word > a {
				n, word = n+1, a
			}
			if r == '-' {
				used, word = used+word, 0
			}
		}
	}
	return n
}

// folded breaks a mail address that is too long for a line of its column before
// "@" or ".", or after "-". Spreadsheet programs would break it anywhere.
func folded(s string, column float64) string {
	if !strings.Contains(s, "@") {
		return s
	}
	var out strings.Builder
	most, start, fold := room(column), 0, 0 // fold is where this word may be broken, 0 for nowhere yet
	word, since := 0, 0                     // widths: of the word as far as it stands on this line, and since fold
	for i, r := range s {
		if r == ' ' || r == '\n' {
			fold, word = 0, 0
			continue
		}
		if (r == '@' || r == '.') && word > 0 {
			fold, since = i, 0
		}
		word, since = word+advance(r), since+advance(r)
		if word > most && fold > 0 {
			out.WriteString(s[start:fold] + "\n")
			start, fold, word = fold, 0, since
		}
		if r == '-' {
			fold, since = i+1, 0
		}
	}
	if start == 0 {
		return s
	}
	return cut(out.String() + s[start:])
}

// key holds for ids and tokens: printed, retyped and compared as they are.
func key(s string) bool {
	return s != "" && len(s) <= 120 && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
	})
}
