package workbook

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a returned file. An issued workbook deflates to about a tenth.
const (
	maxBytes    = 8 << 20   // unless Expect says otherwise
	maxIdentify = 32 << 20  // before it is known what was issued
	maxInflated = 256 << 20 // all parts together
	maxRatio    = 1032      // what deflate can reach
	maxParts    = 2000
)

const (
	sendIssued = "fill in the file that was sent to you and save it as Excel workbook (.xlsx)"
	saveAgain  = "save it again as Excel workbook (.xlsx), without password or macros"
)

// book is a package whose every part was checked. Its worksheets are read from
// the very bytes that were checked.
type book struct {
	files  map[string]*zip.File // by lower-case name: names differ by more than case
	sheets []sheet
	texts  []string // shared strings
}

// sheet is one worksheet of the package.
type sheet struct{ name, part string }

// openBook checks the package before anything in it is believed.
func openBook(data []byte, most int) (*book, error) {
	switch {
	case len(data) > most:
		return nil, fmt.Errorf("the file has %d bytes, more than the %d a workbook may have: %s", len(data), most, sendIssued)
	case bytes.HasPrefix(data, []byte("\xd0\xcf\x11\xe0")):
		return nil, errors.New("the file is protected by a password, or an old .xls: " + saveAgain)
	case !bytes.HasPrefix(data, []byte("PK\x03\x04")):
		return nil, errors.New("the file is no workbook: " + sendIssued)
	}
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, damaged(err)
	}
	b := &book{files: make(map[string]*zip.File, len(archive.File))}
	if err := b.list(archive.File); err != nil {
		return nil, err
	}
	for _, f := range archive.File {
		if err := b.check(f); err != nil {
			return nil, err
		}
	}
	return b, b.resolve()
}

// damaged words an error whose text may come from the file.
func damaged(err error) error {
	return fmt.Errorf("the file is damaged (%s): open it, %s and send it once more", short(err.Error()), saveAgain)
}

// list takes the names of the parts in.
func (b *book) list(files []*zip.File) error {
	if len(files) > maxParts {
		return damaged(fmt.Errorf("%d parts", len(files)))
	}
	total := uint64(0)
	for _, f := range files {
		name := strings.ToLower(f.Name)
		switch {
		case name == "" || strings.HasPrefix(name, "/") || strings.ContainsAny(name, "\\\x00") || slices.Contains(strings.Split(name, "/"), "..") || !utf8.ValidString(name):
			return damaged(fmt.Errorf("odd part name %q", f.Name))
		case b.files[name] != nil:
			return damaged(fmt.Errorf("part %q is there twice", f.Name))
		case f.Flags&1 != 0:
			return errors.New("the file is protected by a password: " + saveAgain)
		case f.Method != zip.Store && f.Method != zip.Deflate:
			return damaged(fmt.Errorf("part %q is packed by method %d", f.Name, f.Method))
		}
		if size := f.UncompressedSize64; size > maxInflated || total+size > maxInflated || size > f.CompressedSize64*maxRatio+maxRatio {
			return fmt.Errorf("the file unpacks to more than a workbook may have: %s", sendIssued)
		}
		total += f.UncompressedSize64
		b.files[name] = f
	}
	switch {
	case b.files["content.xml"] != nil:
		return errors.New("the file is an OpenDocument spreadsheet (.ods): " + saveAgain)
	case b.files["xl/workbook.bin"] != nil:
		return errors.New("the file is a binary workbook (.xlsb): " + saveAgain)
	}
	return nil
}

// active names parts that run or fetch something; none has a place in an answer.
func active(name string) bool {
	for _, bad := range []string{"vbaproject", "vbadata", "/macrosheets/", "/activex/", "/externallinks/", "/embeddings/", "/querytables/", "/dialogsheets/", "/ctrlprops/", "xl/connections.xml", "customui/"} {
		if strings.Contains(name, bad) {
			return true
		}
	}
	return false
}

// check reads one part to its end, so that its length and checksum are proven.
func (b *book) check(f *zip.File) error {
	name := strings.ToLower(f.Name)
	if active(name) {
		return fmt.Errorf("the file holds macros, controls or links to other files (%s): %s", quote(f.Name), saveAgain)
	}
	data, err := b.read(name)
	if err != nil {
		return err
	}
	switch path.Ext(name) {
	case ".xml", ".rels", ".vml":
		if !utf8.Valid(data) || bytes.IndexByte(data, 0) >= 0 {
			return damaged(fmt.Errorf("part %q is not UTF-8", f.Name))
		}
		if bytes.Contains(data, []byte("<!DOCTYPE")) || bytes.Contains(data, []byte("<!ENTITY")) {
			return damaged(fmt.Errorf("part %q declares entities", f.Name))
		}
	}
	if path.Ext(name) != ".rels" {
		return nil
	}
	rels, err := relations(data)
	if err != nil {
		return damaged(fmt.Errorf("part %q: %w", f.Name, err))
	}
	for _, r := range rels {
		// Excel adds a hyperlink when somebody pastes an address into a Reason.
		if strings.EqualFold(r.Mode, "External") && !strings.HasSuffix(r.Type, "/hyperlink") {
			return fmt.Errorf("the file refers to something outside of it (%s): %s", quote(f.Name), sendIssued)
		}
	}
	return nil
}

// read inflates one part. A header that lies about the length is an error as
// soon as one byte too many arrives.
func (b *book) read(name string) ([]byte, error) {
	f := b.files[strings.ToLower(name)]
	if f == nil {
		return nil, damaged(fmt.Errorf("part %q is missing", name))
	}
	r, err := f.Open()
	if err != nil {
		return nil, damaged(fmt.Errorf("part %q: %w", f.Name, err))
	}
	defer r.Close()
	var text bytes.Buffer
	text.Grow(int(f.UncompressedSize64) + bytes.MinRead + 1)
	if _, err := text.ReadFrom(r); err != nil { // a wrong length or checksum included
		return nil, damaged(fmt.Errorf("part %q: %w", f.Name, err))
	}
	return text.Bytes(), nil
}

// relation is one entry of a .rels part.
type relation struct {
	ID     string `xml:"Id,attr"`
	Type   string `xml:"Type,attr"`
	Target string `xml:"Target,attr"`
	Mode   string `xml:"TargetMode,attr"`
}

func relations(data []byte) ([]relation, error) {
	var list struct {
		XMLName xml.Name   `xml:"Relationships"`
		All     []relation `xml:"Relationship"`
	}
	err := xml.Unmarshal(data, &list)
	return list.All, err
}

// related reads the relations of a part, with targets as part names. The name
// "" stands for the package itself. A part without relations has none.
func (b *book) related(name string) ([]relation, error) {
	dir, base := path.Split(name)
	rels := path.Join(dir, "_rels", base+".rels")
	if b.files[strings.ToLower(rels)] == nil {
		return nil, nil
	}
	data, err := b.read(rels)
	if err != nil {
		return nil, err
	}
	list, err := relations(data)
	for i, r := range list {
		if strings.HasPrefix(r.Target, "/") {
			list[i].Target = strings.TrimPrefix(path.Clean(r.Target), "/")
		} else {
			list[i].Target = path.Join(dir, r.Target)
		}
	}
	return list, err
}

// resolve follows the relations from the package to its worksheets.
func (b *book) resolve() error {
	if b.files[strings.ToLower(contentTypes)] == nil {
		return errors.New("the file is no workbook: " + sendIssued)
	}
	root, err := b.related("")
	if err != nil {
		return err
	}
	root = slices.DeleteFunc(root, func(r relation) bool { return !strings.HasSuffix(r.Type, "/officeDocument") })
	if len(root) != 1 {
		return errors.New("the file is no workbook: " + sendIssued)
	}
	data, err := b.read(root[0].Target)
	if err != nil {
		return err
	}
	var workbook struct {
		XMLName xml.Name `xml:"workbook"`
		Sheets  []struct {
			Name  string     `xml:"name,attr"`
			Attrs []xml.Attr `xml:",any,attr"`
		} `xml:"sheets>sheet"`
	}
	if err := xml.Unmarshal(data, &workbook); err != nil {
		return damaged(fmt.Errorf("part %q: %w", root[0].Target, err))
	}
	rels, err := b.related(root[0].Target)
	if err != nil {
		return err
	}
	if len(workbook.Sheets) > maxParts || len(rels) > maxParts {
		return damaged(fmt.Errorf("%d sheets and %d relations", len(workbook.Sheets), len(rels)))
	}
	for _, s := range workbook.Sheets {
		for _, r := range rels {
			isID := func(a xml.Attr) bool { return a.Name.Local == "id" && a.Name.Space != "" && a.Value == r.ID }
			if strings.HasSuffix(r.Type, "/worksheet") && slices.ContainsFunc(s.Attrs, isID) {
				if slices.ContainsFunc(b.sheets, func(other sheet) bool { return strings.EqualFold(other.part, r.Target) }) {
					return damaged(fmt.Errorf("two sheets share the part %q", r.Target))
				}
				b.sheets = append(b.sheets, sheet{name: short(s.Name), part: r.Target})
			}
		}
	}
	for _, r := range rels {
		if strings.HasSuffix(r.Type, "/sharedStrings") {
			return b.shared(r.Target)
		}
	}
	return nil
}
