package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"countersign/collectors"
	"countersign/collectors/snapshot"
)

// sourceTables are the tables of the README that say what is asked of whom.
func sourceTables() string {
	var b strings.Builder
	table := func(title string, wanted func(snapshot.Kind) bool) {
		fmt.Fprintf(&b, "\n%s\n\n| kind | asked | takes | licence | without it is not known |\n|---|---|---|---|---|\n", title)
		for _, s := range collectors.Sources {
			if !wanted(s.Kind) {
				continue
			}
			mark := ""
			if s.Documented {
				mark = " ¹"
			}
			endpoint := s.Endpoint
			if s.Service == collectors.Azure || s.Service == collectors.PartnerCenter {
				endpoint = string(s.Service) + ": " + endpoint
			}
			licence := s.Licence
			if licence == "" {
				licence = "none"
			}
			fmt.Fprintf(&b, "| `%s`%s | %s | %s | %s | %s |\n", s.Kind, mark, endpoint, s.Permission, licence, s.Without)
		}
	}
	table("In your own tenant, and in Partner Center:", func(k snapshot.Kind) bool { return !k.OfCustomer() })
	table("Of customers, each on its own:", snapshot.Kind.OfCustomer)
	return b.String() + "\n"
}

// The README tells for every kind what it takes; UPDATE_SCRIPTS=1 writes it anew.
func TestREADMEListsEverySource(t *testing.T) {
	if len(collectors.Sources) != len(snapshot.Kinds) {
		t.Errorf("%d sources for %d kinds", len(collectors.Sources), len(snapshot.Kinds))
	}
	for i, s := range collectors.Sources {
		if s.Kind != snapshot.Kinds[i] || s.Endpoint == "" || s.Permission == "" || s.Without == "" {
			t.Errorf("source %d is %+v, wanted one of %s", i, s, snapshot.Kinds[i])
		}
	}
	const path, begins, ends = "../../README.md", "<!-- sources -->\n", "<!-- end of sources -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begins)
	_, after, closed := strings.Cut(rest, ends)
	if !ok || !closed {
		t.Fatal("README has no place for the sources")
	}
	want := before + begins + sourceTables() + ends + after
	if os.Getenv("UPDATE_SCRIPTS") != "" {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(text) != want {
		t.Error("README's tables of sources are not those of collectors.Sources; UPDATE_SCRIPTS=1 go test -run README ./cmd/countersign writes them")
	}
}
