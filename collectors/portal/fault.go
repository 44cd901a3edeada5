package portal

import (
	"fmt"
	"strings"
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

func (f *Fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ": line %d", f.Line)
	}
	if f.Column > 0 {
		fmt.Fprintf(&b, ", column %d", f.Column)
	}
	if f.Entry > 0 {
		fmt.Fprintf(&b, ": entry %d", f.Entry)
	}
	return b.String() + ": " + f.Reason
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
