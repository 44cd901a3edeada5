package rules_test

import (
	"strings"
	"testing"
)

// archive is a case file: a comment, then sections that each begin with a line
// "-- name --", as in the txtar format.
type archive struct {
	comment  string
	sections []section
}

type section struct{ name, text string }

func parseArchive(text string) archive {
	var a archive
	for line := range strings.Lines(text) {
		name, ok := strings.CutPrefix(strings.TrimSpace(line), "-- ")
		switch {
		case ok && strings.HasSuffix(name, " --"):
			a.sections = append(a.sections, section{name: strings.TrimSuffix(name, " --")})
		case len(a.sections) == 0:
			a.comment += line
		default:
			a.sections[len(a.sections)-1].text += line
		}
	}
	return a
}

func (a archive) String() string {
	text := a.comment
	for _, s := range a.sections {
		text += "-- " + s.name + " --\n" + s.text
	}
	return text
}

func TestArchiveIsKept(t *testing.T) {
	text := "At 2026-03-31.\n-- facts --\n2026-01-01 snapshot\n-- want --\nclear\n"
	if got := parseArchive(text).String(); got != text {
		t.Errorf("got %q", got)
	}
}
