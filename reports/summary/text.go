package summary

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
)

const textWidth = 110 // characters

// WriteText writes the summary as UTF-8 text, 110 columns wide: the same blocks
// as the PDF, without pictures and without cutting anything.
func WriteText(w io.Writer, s Summary) error {
	d, err := compose(s)
	if err != nil {
		return err
	}
	var p page
	p.lines("", d.from+" · "+documentKind+" for customers")
	p.lines("", strings.ToUpper(d.headline))
	p.lines("", joined(" · ", d.customer, d.domain))
	p.lines("", d.period)
	for _, b := range d.blocks {
		b.write(&p)
	}
	p.rule('-')
	if len(d.incomplete) > 0 {
		p.lines("", "INCOMPLETE")
	}
	p.lines("", d.foot)
	_, err = w.Write(bytes.ReplaceAll(p.Bytes(), []byte(unbroken), []byte(" "))) // so that a search finds it
	return err
}

// page collects text. Everything goes through lines or put, which clean it.
type page struct{ bytes.Buffer }

// columnsOf is how many terminal columns a character takes.
func columnsOf(r rune) float64 {
	switch {
	case unicode.Is(unicode.M, r):
		return 0
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul), r >= 0xFF01 && r <= 0xFF60, r >= 0x1F300 && r <= 0x1FAFF:
		return 2
	}
	return 1
}

func wrapText(text string, width int) []string {
	return wrap(clean(text), float64(width), columnsOf)
}

// lines writes wrapped text; every line after the first is indented as far as
// the prefix reaches.
func (p *page) lines(prefix, text string) {
	width := int(sum([]rune(prefix), columnsOf))
	for i, l := range wrapText(text, textWidth-width) {
		if i > 0 {
			prefix = strings.Repeat(" ", width)
		}
		p.WriteString(strings.TrimRight(prefix+l, " ") + "\n")
	}
}

func (p *page) gap()        { p.WriteByte('\n') }
func (p *page) rule(r rune) { p.WriteString("\n" + strings.Repeat(string(r), textWidth) + "\n") }

func (h heading) write(p *page) {
	mark := '='
	if h.level > 1 {
		mark = '-'
	}
	p.gap()
	p.lines("", h.text)
	p.WriteString(strings.Repeat(string(mark), int(sum([]rune(h.text), columnsOf))) + "\n")
}

func (t paragraph) write(p *page) { p.lines("", string(t)) }

func (a aside) write(p *page) { p.lines("", string(a)) }

func (contents) write(*page) {}

func (b bullets) write(p *page) {
	for _, item := range b {
		p.lines("- ", sentence(or(item, "No text was recorded.")))
	}
}

func (c callout) write(p *page) {
	p.gap()
	if c.title != "" {
		p.lines("! ", c.title)
	}
	if clean(c.body) != "" {
		p.lines("| ", c.body)
	}
}

func (f figures) write(p *page) {
	p.gap()
	for _, g := range f.figures {
		text := joined(" · ", or(g.Label, "no label")+": "+or(g.Value, notRecorded), g.Note)
		if clean(f.previous) != "" {
			text += " (" + f.before(g) + ")"
		}
		p.lines("* ", text)
	}
}

func (t table) write(p *page) {
	var all float64
	for _, c := range t.columns {
		all += c.width
	}
	widths := make([]int, len(t.columns))
	head, under := make([]cell, len(t.columns)), make([]string, len(t.columns))
	for i, c := range t.columns {
		widths[i] = max(int(c.width/all*textWidth)-2, len("recorded"))
		for _, word := range strings.Fields(c.title) {
			widths[i] = max(widths[i], len(word))
		}
		head[i], under[i] = cell{{text: c.title}}, strings.Repeat("-", widths[i])
	}
	t.put(p, widths, head)
	p.WriteString(strings.Join(under, "  ") + "\n")
	for i, row := range t.rows {
		if i > 0 {
			p.gap()
		}
		t.put(p, widths, row)
	}
}

// put writes one row of cells side by side.
func (t table) put(p *page, widths []int, row []cell) {
	cells, deep := make([][]string, len(row)), 0
	for i, c := range row {
		for _, part := range c {
			cells[i] = append(cells[i], wrapText(part.text, widths[i])...)
		}
		deep = max(deep, len(cells[i]))
	}
	for k := range deep {
		var line strings.Builder
		for i := range row {
			text := ""
			if k < len(cells[i]) {
				text = cells[i][k]
			}
			pad := strings.Repeat(" ", max(0, widths[i]-int(sum([]rune(text), columnsOf))))
			if t.columns[i].right {
				text, pad = pad, text
			}
			line.WriteString(text + pad + "  ")
		}
		p.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

func (d definitions) write(p *page) {
	for _, t := range d {
		p.lines("", or(t.Word, "no word")+": "+or(t.Meaning, "no meaning was recorded"))
	}
}

func (st strip) write(p *page) {
	if st.text != "" {
		p.lines("", sentence(st.text))
	}
}

func (ch chart) write(p *page) {
	for _, w := range ch {
		var counts []string
		for _, kind := range chartKinds {
			if n := w.kinds[kind]; n > 0 {
				counts = append(counts, fmt.Sprintf("%d with %s", n, kindNames[kind]))
			}
		}
		line := fmt.Sprintf("%-11s %3d signed in", w.label, w.signedIn())
		if len(counts) > 0 {
			line += " (" + strings.Join(counts, ", ") + ")"
		}
		line += fmt.Sprintf(", %d activated only", w.activated)
		if w.missing {
			line += "; records of at least one day are missing"
		}
		p.WriteString("  " + line + "\n")
	}
}
