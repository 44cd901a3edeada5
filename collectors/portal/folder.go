package portal

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
)

// Options say what is known beside the files.
type Options struct {
	Customers map[string]string // tenant ids by name, of customers on no list in the folder
}

// Folder is what a folder of exports holds.
type Folder struct {
	Files  []*File  // those that can be read, by name
	Faults []*Fault // those that cannot, by name

	groups, customers, relationships names
}

// File is one export. Without Kinds it is known, and holds nothing that is evidence
// here.
type File struct {
	Name   string
	What   string // the export, in words
	Kinds  []snapshot.Kind
	Rows   int
	SHA256 [32]byte
	Lacks  []string // what the API tells of these kinds and the file does not
	Object string   // the group or relationship that the file is about; empty: its rows tell, or the tenant

	fsys        fs.FS
	folder      *Folder
	form        *form
	order       order
	interactive bool // the sign-ins of which no column tells it
}

// Row is what one line of a file says of a kind: an object as the API gives it, or
// the fact itself where the API has another shape.
type Row struct {
	Kind   snapshot.Kind
	Object string // of the part: a relationship or a group; empty: the tenant
	Graph  []byte // JSON
	Fact   interface{ Table() string }

	line, entry int
}

// Fault says that a row of the file cannot be taken, and why.
func (f *File) Fault(r Row, err error) *Fault {
	return f.fault(&Fault{Line: r.line, Entry: r.entry, Reason: err.Error()})
}

// largest is far above a download of 250,000 sign-ins, the most that Microsoft
// promises: 300 MB.
const largest = 2 << 30

// Open looks through a folder: it recognises each file and reads it once. Only
// trouble with the folder itself is an error; a file that cannot be read is among
// the faults. Folders in it, and files whose name begins with a dot, are passed over.
func Open(fsys fs.FS, o Options) (*Folder, error) {
	entries, err := fs.ReadDir(fsys, ".")
	if err != nil {
		return nil, fmt.Errorf("read the folder of exports: %s", unreadable(err))
	}
	folder := &Folder{groups: names{}, customers: names{}, relationships: names{}}
	var found []*File
	for _, e := range entries {
		if e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		f := &File{Name: e.Name(), fsys: fsys, folder: folder}
		if folder.took(f, f.scan()) {
			found = append(found, f)
		}
	}
	for name, tenant := range o.Customers {
		folder.customers.learn(name, tenant)
	}
	for _, f := range found {
		if f.form.settle == nil || folder.took(f, f.form.settle(f)) {
			folder.Files = append(folder.Files, f)
		}
	}
	return folder, nil
}

// took keeps why a file is refused.
func (d *Folder) took(f *File, err error) bool {
	if err != nil {
		d.Faults = append(d.Faults, f.fault(err))
	}
	return err == nil
}

// fault is an error of this file.
func (f *File) fault(err error) *Fault {
	var fault *Fault
	if !errors.As(err, &fault) {
		fault = &Fault{Reason: unreadable(err)}
	}
	fault.File, fault.Kinds = f.Name, f.Kinds
	return fault
}

// Each hands out what the file says, line by line. An error of do ends it and comes
// back; any other is a *Fault.
func (f *File) Each(do func(Row) error) error {
	var ours error
	hand := func(rows []Row, err error, line, entry int) error {
		for _, row := range rows {
			row.line, row.entry = line, entry
			if ours = do(row); ours != nil {
				return ours
			}
		}
		return err
	}
	sum, err := f.read(
		func(r record) error {
			if f.form.convert == nil {
				return nil
			}
			r.order = f.order
			rows, err := f.form.convert(r, f)
			return hand(rows, err, r.line(), 0)
		},
		func(l *list, raw []byte) error {
			rows, err := f.form.entry(raw, f)
			return l.at(hand(rows, err, 0, l.entry))
		})
	switch {
	case ours != nil:
		return ours
	case err != nil:
		return f.fault(err)
	case sum != f.SHA256:
		return f.fault(errors.New("changed while it was read"))
	}
	return nil
}

// scan recognises the file and reads it to its end: its digest, the order of its
// dates, the names it teaches.
func (f *File) scan() error {
	var dates days
	sum, err := f.read(
		func(r record) error {
			if f.form.teach != nil {
				f.form.teach(f.folder, r.text)
			}
			f.Rows++
			return dates.see(r)
		},
		func(l *list, raw []byte) error {
			f.Rows++
			return l.at(f.meet(l, raw))
		})
	if err != nil {
		return err
	}
	f.SHA256 = sum
	f.order, err = dates.decided()
	return err
}

// known keeps what kind of export the file is, once.
func (f *File) known(by *form, has func(column string) bool) {
	if f.form != nil {
		return
	}
	f.form, f.What, f.Kinds = by, by.what, by.kinds
	if by.lacks != nil {
		f.Lacks = by.lacks(has)
	}
}

// read reads the file to its end, record by record, and gives its digest.
func (f *File) read(line func(record) error, entry func(*list, []byte) error) (sum [32]byte, err error) {
	file, err := f.fsys.Open(f.Name)
	if err != nil {
		return sum, err
	}
	defer file.Close()
	switch info, err := file.Stat(); {
	case err != nil:
		return sum, err
	case !info.Mode().IsRegular():
		return sum, errors.New("is no regular file")
	case info.Size() > largest:
		return sum, fmt.Errorf("has %d bytes, more than the %d that are read: export a shorter time", info.Size(), int64(largest))
	}
	digest := sha256.New()
	text := bufio.NewReader(&sticky{from: asUTF8(io.TeeReader(file, digest))})
	start, _ := text.Peek(512) // of a shorter file all
	if start = bytes.TrimSpace(start); len(start) > 0 && (start[0] == '{' || start[0] == '[') {
		err = newList(text).each(entry)
	} else {
		err = f.lines(text, line)
	}
	if err == nil {
		_, err = io.Copy(digest, file)
	}
	digest.Sum(sum[:0])
	return sum, err
}

func (f *File) lines(text io.Reader, do func(record) error) error {
	t, err := newTable(text)
	if err != nil {
		return err
	}
	f.known(t.form, func(column string) bool { _, ok := t.at[column]; return ok })
	for {
		r, err := t.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = do(r)
		}
		if err != nil {
			return err
		}
	}
}

// names finds an id by a name. A name that two have finds none.
type names map[string][]string

func (n names) learn(name, id string) {
	name, id = nameKey(name), strings.ToLower(id)
	if name == "" || id == "" {
		return
	}
	if !slices.Contains(n[name], id) {
		n[name] = append(n[name], id)
	}
}

func (n names) id(name string) (id string, twice bool) {
	ids := n[nameKey(name)]
	if len(ids) == 1 {
		return ids[0], false
	}
	return "", len(ids) > 1
}

func nameKey(name string) string { return strings.ToLower(strings.Join(strings.Fields(name), " ")) }
