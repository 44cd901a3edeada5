package portal

import (
	"fmt"
	"unicode/utf8"

	"countersign/collectors/snapshot"
)

// Fault says why a file is refused. Line and Column count from 1, the column in
// bytes; of a JSON file Entry counts the objects instead. Zero: the file as a whole.
type Fault struct {
	File                string
	Line, Column, Entry int
	Reason              string
	Kinds               []snapshot.Kind // that the file would have filled; empty: it was not recognised
}

func (f *Fault) Error() string { return f.Place() + ": " + f.Reason }

// Place is the file and where in it, without what stands there: that may name people.
func (f *Fault) Place() string {
	place := f.File
	for _, p := range []struct {
		before string
		n      int
	}{{": line", f.Line}, {", column", f.Column}, {": entry", f.Entry}} {
		if p.n > 0 {
			place += fmt.Sprintf("%s %d", p.before, p.n)
		}
	}
	return place
}

// short quotes a text for a message: its beginning, escapes for what does not print.
func short(text string) string {
	const longest = 60
	if len(text) > longest {
		cut := longest
		for !utf8.RuneStart(text[cut]) {
			cut--
		}
		return fmt.Sprintf("%q...", text[:cut])
	}
	return fmt.Sprintf("%q", text)
}
