package main

import (
	"strings"
	"testing"
)

// Columns stand under each other whatever is written in them: an ideograph is two wide,
// an accent of its own nothing.
func TestTable(t *testing.T) {
	l := list{columns: []string{"name", "role", "why"}, rows: [][]string{
		{"\u682a\u5f0f\u4f1a\u793e", "admin", ""}, {"Zoe\u0301", "reader", "asked"}, {"", "", ""}, {"\x1bB", "owner", "gave"},
	}}
	want := "NAME      ROLE    WHY\n" +
		"\u682a\u5f0f\u4f1a\u793e  admin\n" +
		"Zoe\u0301       reader  asked\n" +
		"\n" +
		"□B        owner   gave\n"
	var text strings.Builder
	if err := l.table(&text); err != nil || text.String() != want {
		t.Errorf("%v\n%s", err, text.String())
	}
}
