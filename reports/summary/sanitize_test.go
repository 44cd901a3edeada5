package summary

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"Contoso\r\nBcc: x":          "Contoso Bcc: x",
		" \t two  spaces \u2003":     "two spaces",
		"Contoso \u202etxt.exe":      "Contoso txt.exe",
		"Con\u00adto\u200bso":        "Contoso",
		"\x1b[2J":                    "[2J",
		"e\u0301":                    "é",
		"\xc3(":                      "\uFFFD(",
		"a\u0301\u0301\u0301\u0301b": "á\u0301\u0301b", // two over the composed letter
		"8\u00a0h":                   "8\u00a0h",
		"\u2800\u200d":               "",
		"x\ue000y":                   "x\uFFFDy",
		"Việt Nam, Łódź, 佐藤 花子":      "Việt Nam, Łódź, 佐藤 花子",
	} {
		if got := clean(in); got != want {
			t.Errorf("clean(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever comes in, one harmless line comes out, and wrapping it loses
// nothing but the spaces it broke at.
func FuzzSanitize(f *testing.F) {
	for _, seed := range []string{"Contoso", "a\u0301\u0301\u0301b", "\xff\xfe", "\u202e=1+1", "x\r\ny", "👨‍👩‍👧‍👦", "\u1100\u1161\u11a8", strings.Repeat("a.b@c/", 40)} {
		f.Add(seed, 9)
	}
	f.Fuzz(func(t *testing.T, text string, width int) {
		got := clean(text)
		if !utf8.ValidString(got) || got != clean(got) || got != strings.Trim(got, " ") || strings.Contains(got, "  ") || !norm.NFC.IsNormalString(got) {
			t.Fatalf("clean(%q) = %q", text, got)
		}
		for _, r := range got {
			if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) {
				t.Fatalf("clean(%q) keeps %U", text, r)
			}
		}
		limit := 1 + (width%40+40)%40
		lines := wrapText(text, limit)
		if strings.ReplaceAll(strings.Join(lines, ""), " ", "") != strings.ReplaceAll(got, " ", "") {
			t.Fatalf("wrapping %q changed it: %q", got, lines)
		}
		for _, l := range lines {
			letters := strings.TrimFunc(l, func(r rune) bool { return unicode.Is(unicode.M, r) })
			if sum([]rune(l), columnsOf) > float64(limit) && utf8.RuneCountInString(letters) > 1 {
				t.Fatalf("%q is wider than %d", l, limit)
			}
		}
	})
}
