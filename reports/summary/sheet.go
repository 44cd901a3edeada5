package summary

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"strconv"

	"github.com/jung-kurt/gofpdf"
)

// A4 in mm, and the frame text stays in.
const (
	pageWidth, pageHeight = 210.0, 297.0
	left, right           = 18.0, 192.0
	frame                 = right - left
	top, bottom           = 25.0, 279.0
)

var (
	ink        = rgb{33, 37, 41}
	grey       = rgb{90, 98, 108}
	hairline   = rgb{216, 221, 227}
	pale       = rgb{243, 245, 248}
	white      = rgb{255, 255, 255}
	navy       = rgb{23, 49, 77}
	amber      = rgb{138, 84, 0}
	red        = rgb{164, 28, 38}
	body       = style{size: 9, colour: ink, leading: 4.7}
	small      = style{size: 7.5, colour: grey, leading: 3.9}
	cellType   = style{size: 8, colour: ink, leading: 4.1}
	footType   = style{size: 7, colour: grey, leading: 3.6}
	toneFills  = [...]rgb{toneGood: {230, 245, 235}, toneAttention: {255, 246, 222}, toneIncomplete: {253, 236, 236}, toneQuiet: pale}
	toneEdges  = [...]rgb{toneGood: {38, 115, 78}, toneAttention: {178, 121, 0}, toneIncomplete: red, toneQuiet: hairline}
	kindFills  = [...]rgb{UnknownKind: {150, 156, 164}, ReadSupport: {120, 167, 214}, Administration: {33, 83, 140}, HighImpact: {178, 34, 52}}
	dayFills   = [...]rgb{Missing: {52, 58, 64}, Recovered: {222, 164, 52}, Complete: {98, 168, 128}, NotServed: {222, 226, 231}}
	lookStyles = [...]style{
		normal:  cellType,
		strong:  {size: 8, bold: true, colour: ink, leading: 4.1},
		quiet:   {size: 7.2, colour: grey, leading: 3.8},
		warning: {size: 7.5, bold: true, colour: amber, leading: 3.9},
	}
)

// sheet lays blocks out on pages. Drawing is recorded and done at the end, when
// the number of pages and the place of every heading are known.
type sheet struct {
	*typesetter
	document
	brand, onBrand rgb
	logo           *gofpdf.ImageInfoType
	pages          [][]func()
	y              float64
	fresh          bool    // nothing stands on this page yet
	next           []block // the blocks after the one being drawn
	places         []place
}

// place is where a heading of level 1 stands.
type place struct {
	text string
	page int
	y    float64
	link int
}

func newSheet(pdf *gofpdf.Fpdf, d document, s Summary) (*sheet, error) {
	t, err := newTypesetter(pdf)
	if err != nil {
		return nil, err
	}
	sh := &sheet{typesetter: t, document: d, brand: colour(s.BrandColour), onBrand: white}
	if sh.brand.luminance() > 0.18 { // white on it would fall below a contrast of 4.5
		sh.onBrand = ink
	}
	if len(s.Logo) > 0 {
		if sh.logo, err = addLogo(pdf, s.Logo); err != nil {
			return nil, err
		}
	}
	sh.pages = append(sh.pages, nil)
	sh.band()
	return sh, nil
}

// colour reads "#rrggbb"; anything else is the house's navy.
func colour(hex string) rgb {
	n, err := strconv.ParseUint(hex[min(1, len(hex)):], 16, 32)
	if err != nil || len(hex) != 7 || hex[0] != '#' {
		return navy
	}
	return rgb{int(n >> 16), int(n >> 8 & 255), int(n & 255)}
}

// luminance is the relative luminance of WCAG 2, with a plain gamma of 2.2.
func (c rgb) luminance() float64 {
	linear := func(v int) float64 { f := float64(v) / 255; return f * f * (0.2 + 0.8*f) }
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}

const logoName = "logo"

// addLogo draws the picture anew, as gofpdf reads only some kinds of PNG.
func addLogo(pdf *gofpdf.Fpdf, file []byte) (*gofpdf.ImageInfoType, error) {
	config, err := png.DecodeConfig(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("logo: %w: give a PNG file", err)
	}
	if config.Width > 4000 || config.Height > 4000 {
		return nil, errors.New("logo: larger than 4000 by 4000 pixels")
	}
	picture, err := png.Decode(bytes.NewReader(file))
	if err != nil {
		return nil, fmt.Errorf("logo: %w: give a PNG file", err)
	}
	plain := image.NewNRGBA(picture.Bounds())
	draw.Draw(plain, plain.Bounds(), picture, picture.Bounds().Min, draw.Src)
	var again bytes.Buffer
	if err := png.Encode(&again, plain); err != nil {
		return nil, fmt.Errorf("logo: %w", err)
	}
	return pdf.RegisterImageOptionsReader(logoName, gofpdf.ImageOptions{ImageType: "PNG"}, &again), pdf.Error()
}

func (s *sheet) record(op func()) {
	s.pages[len(s.pages)-1] = append(s.pages[len(s.pages)-1], op)
	s.fresh = false
}

func (s *sheet) newPage() {
	s.pages = append(s.pages, nil)
	s.y, s.fresh = top, true
}

// need starts a new page unless height fits on this one.
func (s *sheet) need(height float64) {
	if s.y+height > bottom && !s.fresh {
		s.newPage()
	}
}

// line puts one line of text with its top at y; align 0 is left, 1 right.
func (s *sheet) line(x, y, width, align float64, st style, text string) {
	if text == "" {
		return
	}
	base := baseline(y, st)
	if align > 0 {
		x += align * (width - s.measure(text, st))
	}
	s.record(func() { s.put(x, base, st, text) })
}

// baseline of a line with its top at y: capitals stand in its middle.
func baseline(y float64, st style) float64 { return y + st.leading/2 + st.size/pointsPerMM*0.36 }

// lines puts wrapped text from s.y on and moves s.y below it; it breaks over
// pages between lines.
func (s *sheet) lines(x, width float64, st style, text string) {
	for _, l := range s.wrap(text, st, width) {
		s.need(st.leading)
		s.line(x, s.y, width, 0, st, l)
		s.y += st.leading
	}
}

func (s *sheet) fill(x, y, w, h float64, c rgb) {
	s.record(func() {
		s.pdf.SetFillColor(c.r, c.g, c.b)
		s.pdf.Rect(x, y, w, h, "F")
	})
}

func (s *sheet) outline(x, y, w, h float64, c rgb) {
	s.record(func() {
		s.pdf.SetDrawColor(c.r, c.g, c.b)
		s.pdf.SetLineWidth(0.25)
		s.pdf.Rect(x, y, w, h, "D")
	})
}

func (s *sheet) rule(y float64, c rgb) { s.fill(left, y-0.1, frame, 0.2, c) }

// band is the head of the first page.
func (s *sheet) band() {
	headline := style{size: 19, bold: true, colour: s.onBrand, leading: 9}
	name := style{size: 12, bold: true, colour: s.onBrand, leading: 6}
	light := style{size: 9, colour: s.onBrand, leading: 5}
	width := frame
	if s.logo != nil {
		width -= 45
	}
	names := s.wrap(joined(" · ", s.customer, s.domain), name, width)
	if len(names) > 3 {
		names = append(names[:2], s.fit(names[2]+"…", name, width))
	}
	height := 37 + name.leading*float64(len(names)) + light.leading
	s.fill(0, 0, pageWidth, height, s.brand)
	s.line(left, 11, frame, 0, light, s.fit(s.from+" · "+documentKind+" for customers", light, frame))
	s.line(left, 19, frame, 0, headline, s.headline)
	s.y = 32
	for _, n := range names {
		s.line(left, s.y, width, 0, name, n)
		s.y += name.leading
	}
	s.line(left, s.y+0.5, width, 0, light, s.period)
	if s.logo != nil {
		w, h := s.logo.Extent()
		scale := min(40/w, 16/h)
		s.record(func() {
			s.pdf.ImageOptions(logoName, right-w*scale, 31, w*scale, h*scale, false, gofpdf.ImageOptions{ImageType: "PNG"}, 0, "")
		})
	}
	s.y = height + 8
}

// print draws every page with its head and foot.
func (s *sheet) print() {
	pdf := s.pdf
	for i := range s.places {
		s.places[i].link = pdf.AddLink()
		pdf.SetLink(s.places[i].link, max(0, s.places[i].y-3), s.places[i].page)
	}
	for i, ops := range s.pages {
		pdf.AddPage()
		if i > 0 {
			s.head()
		}
		for _, p := range s.places {
			if p.page == i+1 {
				s.use(bold, body.size)
				pdf.Bookmark(p.text, 0, p.y-3)
			}
		}
		for _, op := range ops {
			op()
		}
		s.feet(i + 1)
	}
}

func (s *sheet) head() {
	middle := 0.0
	if len(s.incomplete) > 0 {
		alarm := style{size: 8, bold: true, colour: red}
		s.put(pageWidth/2-s.measure("INCOMPLETE", alarm)/2, 15, alarm, "INCOMPLETE")
		middle = 14
	}
	half := frame/2 - middle
	s.put(left, 15, footType, s.fit(s.subject+" · "+s.customer, footType, half))
	from := s.fit(s.from, footType, half-4)
	s.put(right-s.measure(from, footType), 15, footType, from)
	s.pdf.SetFillColor(hairline.r, hairline.g, hairline.b)
	s.pdf.Rect(left, 17.5, frame, 0.2, "F")
}

func (s *sheet) feet(page int) {
	s.pdf.SetFillColor(hairline.r, hairline.g, hairline.b)
	s.pdf.Rect(left, 283, frame, 0.2, "F")
	x := left
	if len(s.incomplete) > 0 {
		alarm := style{size: 7, bold: true, colour: red}
		s.put(x, 287.5, alarm, "INCOMPLETE")
		x += s.measure("INCOMPLETE ", alarm) + 1
	}
	number := fmt.Sprintf("Page %d of %d", page, len(s.pages))
	width := s.measure(number, footType)
	s.put(x, 287.5, footType, s.fit(s.foot, footType, right-x-width-6))
	s.put(right-width, 287.5, footType, number)
}
