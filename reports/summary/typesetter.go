package summary

import (
	_ "embed"
	"fmt"
	"strings"
	"unicode"

	"github.com/jung-kurt/gofpdf"
	"golang.org/x/image/font/sfnt"
)

//go:embed fonts/NotoSans-Regular.ttf
var notoRegular []byte

//go:embed fonts/NotoSans-Bold.ttf
var notoBold []byte

//go:embed fonts/DroidSansFallbackFull.ttf
var droidFallback []byte

// face is one of the embedded fonts. The fallback (Han and kana) has one
// weight only and is loaded by documents that need it: it triples their cost.
type face int

const (
	regular face = iota
	bold
	fallback
)

var faces = [...]struct {
	family, weight string
	ttf            []byte
}{
	regular:  {"Noto", "", notoRegular},
	bold:     {"Noto", "B", notoBold},
	fallback: {"Droid", "", droidFallback},
}

const pointsPerMM = 72 / 25.4

// style is how a line of text looks; size in points, leading in mm.
type style struct {
	size    float64
	bold    bool
	colour  rgb
	leading float64
}

type rgb struct{ r, g, b int }

// typesetter is the only door to gofpdf's text: whatever goes through it is
// clean, within the Basic Multilingual Plane and covered by a loaded font. With
// anything else gofpdf panics or draws nothing. One document each.
type typesetter struct {
	pdf      *gofpdf.Fpdf
	fonts    [len(faces)]*sfnt.Font
	buffer   sfnt.Buffer
	loaded   [len(faces)]bool
	glyphs   map[rune]glyph
	replaced bool // some character could not be shown
	unnamed  bool // some name could not, and something else stands for it
}

// glyph is where a character is drawn from, and its advance in 1/1000 of the
// font size in regular and bold.
type glyph struct {
	fallback bool
	known    bool
	advance  [2]float64
}

func newTypesetter(pdf *gofpdf.Fpdf) (*typesetter, error) {
	t := &typesetter{pdf: pdf, glyphs: map[rune]glyph{}}
	for i := range faces {
		font, err := sfnt.Parse(faces[i].ttf)
		if err != nil {
			return nil, fmt.Errorf("embedded font %s: %w", faces[i].family, err)
		}
		t.fonts[i] = font
	}
	return t, nil
}

// use selects a face. gofpdf scribbles into the font it is given, so it gets a
// copy (jung-kurt/gofpdf issue 316).
func (t *typesetter) use(f face, size float64) {
	if !t.loaded[f] {
		t.pdf.AddUTF8FontFromBytes(faces[f].family, faces[f].weight, append([]byte(nil), faces[f].ttf...))
		t.loaded[f] = true
	}
	t.pdf.SetFont(faces[f].family, faces[f].weight, size)
}

func (t *typesetter) has(f face, r rune) bool {
	index, err := t.fonts[f].GlyphIndex(&t.buffer, r)
	return err == nil && index != 0
}

func (t *typesetter) glyph(r rune) glyph {
	g, ok := t.glyphs[r]
	if ok || r > 0xFFFF {
		return g
	}
	weights := [2]face{regular, bold}
	switch {
	case t.has(regular, r) && t.has(bold, r):
		g.known = true
	case t.has(fallback, r):
		g.known, g.fallback, weights = true, true, [2]face{fallback, fallback}
	}
	if g.known {
		for i, f := range weights {
			t.use(f, 10)
			g.advance[i] = float64(t.pdf.GetStringSymbolWidth(string(r)))
		}
	}
	t.glyphs[r] = g
	return g
}

// shown is the text as it can be drawn: clean, and with U+FFFD for what no font
// covers. Scripts that need shaping (Arabic, Indic) or run right to left are
// not covered on purpose: drawn letter by letter they would be wrong. Nor is Hangul.
func (t *typesetter) shown(text string) string {
	return strings.Map(func(r rune) rune {
		if t.glyph(r).known {
			return r
		}
		t.replaced = true
		return '\uFFFD'
	}, clean(text))
}

// unprintable tells a name of which no letter can be drawn. What is in brackets
// does not count: in "דנה לוי (admin)" it names nobody.
func (t *typesetter) unprintable(name string) bool {
	brackets, lost := 0, false
	for _, r := range clean(name) {
		switch {
		case r == '(':
			brackets++
		case r == ')':
			brackets = max(0, brackets-1)
		case brackets > 0 || !unicode.IsLetter(r):
		case t.glyph(r).known:
			return false
		default:
			lost = true
		}
	}
	return lost
}

func (t *typesetter) width(s style) func(rune) float64 {
	weight := 0
	if s.bold {
		weight = 1
	}
	scale := s.size / 1000 / pointsPerMM
	return func(r rune) float64 { return t.glyph(r).advance[weight] * scale }
}

func (t *typesetter) measure(text string, s style) float64 {
	return sum([]rune(t.shown(text)), t.width(s))
}

func (t *typesetter) wrap(text string, s style, width float64) []string {
	return wrap(t.shown(text), width, t.width(s))
}

func (t *typesetter) fit(text string, s style, width float64) string {
	return fit(t.shown(text), width, t.width(s))
}

// draw puts one line with its baseline at y, changing fonts where it must.
func (t *typesetter) put(x, y float64, s style, text string) {
	width := t.width(s)
	t.pdf.SetTextColor(s.colour.r, s.colour.g, s.colour.b)
	runes := []rune(t.shown(text))
	for start := 0; start < len(runes); {
		end := start + 1
		for end < len(runes) && t.glyph(runes[end]).fallback == t.glyph(runes[start]).fallback {
			end++
		}
		switch {
		case t.glyph(runes[start]).fallback:
			t.use(fallback, s.size)
		case s.bold:
			t.use(bold, s.size)
		default:
			t.use(regular, s.size)
		}
		t.pdf.Text(x, y, string(runes[start:end]))
		x += sum(runes[start:end], width)
		start = end
	}
}
