package portal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// list reads a JSON download, one object at a time: an array, or an answer of
// Graph with the array in "value".
type list struct {
	ration  *rationed
	from    *json.Decoder
	context string // of an answer of Graph: what it was asked
	entry   int    // the object being read, from 1
}

func newList(text io.Reader) *list {
	l := &list{ration: &rationed{from: text}}
	l.ration.record()
	l.from = json.NewDecoder(l.ration)
	return l
}

// at adds to a fault which entry it is in.
func (l *list) at(err error) error {
	if err == nil {
		return nil
	}
	var fault *Fault
	if !errors.As(err, &fault) {
		fault = &Fault{Reason: unreadable(err)}
	}
	fault.Entry = l.entry
	return fault
}

func (l *list) each(do func(*list, []byte) error) error {
	start, err := l.from.Token()
	if err != nil {
		return l.at(err)
	}
	found := true
	if start == json.Delim('[') {
		err = l.array(do)
	} else {
		found, err = l.answer(do)
	}
	if err != nil {
		return err
	}
	if !found {
		return errors.New(`is JSON, but no list: neither an array nor an answer of Graph with "value"`)
	}
	if l.entry == 0 {
		return errors.New("is an empty list, so that nothing in it tells what it lists")
	}
	l.ration.record()
	if _, err := l.from.Token(); !errors.Is(err, io.EOF) {
		return errors.New("goes on after the end of its list")
	}
	return nil
}

// answer reads an object up to its end, and the list in it.
func (l *list) answer(do func(*list, []byte) error) (found bool, err error) {
	for l.from.More() {
		l.ration.record()
		name, err := l.from.Token()
		if err != nil {
			return false, l.at(err)
		}
		if name == "value" {
			found = true
			start, err := l.from.Token()
			if err != nil || start != json.Delim('[') {
				return false, errors.New(`has a "value" that is no list`)
			}
			if err := l.array(do); err != nil {
				return false, err
			}
			continue
		}
		var other json.RawMessage
		if err := l.from.Decode(&other); err != nil {
			return false, l.at(err)
		}
		switch name {
		case "@odata.context":
			_ = json.Unmarshal(other, &l.context) // what is no text tells nothing
		case "@odata.nextLink":
			return false, errors.New("is one page of a longer list (@odata.nextLink): the other pages are missing")
		}
	}
	_, err = l.from.Token()
	return found, l.at(err)
}

// array reads up to the closing bracket.
func (l *list) array(do func(*list, []byte) error) error {
	for l.from.More() {
		l.entry++
		l.ration.record()
		var raw json.RawMessage
		if err := l.from.Decode(&raw); err != nil {
			return l.at(err)
		}
		switch {
		case raw[0] != '{':
			return l.at(errors.New("is no object"))
		case !utf8.Valid(raw):
			return l.at(errors.New("is not UTF-8"))
		}
		if err := do(l, raw); err != nil {
			return err
		}
	}
	_, err := l.from.Token()
	return l.at(err)
}

// meet recognises the list by the properties of its first object, and learns names.
func (f *File) meet(l *list, raw []byte) error {
	if f.form == nil {
		var first map[string]json.RawMessage
		if err := json.Unmarshal(raw, &first); err != nil {
			return err
		}
		properties := map[string]bool{}
		for name := range first {
			properties[strings.ToLower(name)] = true
		}
		by := recogniseEntry(properties)
		if by == nil {
			return fmt.Errorf("its properties are those of no list that is known: %s", strings.Join(entriesKnown(), ", "))
		}
		f.known(by, func(column string) bool {
			for _, called := range by.columns[column] {
				if properties[strings.ToLower(called)] {
					return true
				}
			}
			return false
		})
		if m := assignmentsOf.FindStringSubmatch(l.context); m != nil {
			f.Object = strings.ToLower(m[1])
		}
	}
	if f.form.teach == nil {
		return nil
	}
	var e struct{ ID, DisplayName string }
	if err := json.Unmarshal(raw, &e); err != nil {
		return err
	}
	f.form.teach(f.folder, func(column string) string { return map[string]string{"id": e.ID, "name": e.DisplayName}[column] })
	return nil
}

// graph renders an object as the API would; what is empty is left out.
func graph(o map[string]any) []byte {
	for name, value := range o {
		if at, ok := value.(time.Time); value == nil || value == "" || ok && at.IsZero() {
			delete(o, name)
		}
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(o); err != nil {
		panic("an object of texts, numbers and lists: " + err.Error()) // there is nothing in it that JSON cannot hold
	}
	return b.Bytes()
}
