package config

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// fault is one thing wrong at one place. A line of 0 means the file as a whole, a
// column of 0 the line as a whole.
type fault struct {
	file         string
	line, column int // counted from 1
	text         string
	excerpt      string // the line with a caret under the column
}

func (f fault) Error() string {
	var b strings.Builder
	b.WriteString(f.file)
	for _, n := range []int{f.line, f.column} {
		if n > 0 {
			fmt.Fprintf(&b, ":%d", n)
		}
	}
	b.WriteString(": " + f.text)
	if f.excerpt != "" {
		b.WriteString("\n" + f.excerpt)
	}
	return b.String()
}

// faults are gathered over all files.
type faults []fault

// maxFaults are listed; who has more mends these first.
const maxFaults = 100

// err joins the faults by file and line; nil when there are none.
func (f faults) err() error {
	slices.SortStableFunc(f, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.column, b.column), cmp.Compare(a.text, b.text))
	})
	f = slices.Compact(f)
	var all []error
	for i, one := range f {
		if i == maxFaults {
			all = append(all, fmt.Errorf("and %d more faults", len(f)-i))
			break
		}
		all = append(all, one)
	}
	return errors.Join(all...)
}

// quote shows foreign text within a message: on one line, cut, controls escaped.
func quote(text string) string {
	if runes := []rune(text); len(runes) > 60 {
		text = string(runes[:60]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// among words a choice.
func among(words []string) string {
	if len(words) == 1 {
		return words[0]
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}

// printable is the text with every control character, and what turns the direction
// of writing, shown as a dot.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '·'
	}, text)
}
