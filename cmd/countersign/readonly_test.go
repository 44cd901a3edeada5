package main

import (
	"bytes"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"countersign/fixtures"
)

// A whole run of the program asks only what Microsoft's description of Graph
// knows, and only by GET; its secrets reach no file, no log and no result.
func TestReadsOnlyAndKeepsSecrets(t *testing.T) {
	w, err := newWorld(2)
	if err != nil {
		t.Fatal(err)
	}
	var tokens []string
	w.look = func(r *http.Request) {
		if token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "); token != "" {
			tokens = append(tokens, token)
		}
	}
	dir := t.TempDir()
	config := w.start(t, dir)
	var told strings.Builder
	for _, args := range [][]string{{"collect"}, {"check", "--format", "json"}, {"access"}, {"review", "open"}, {"config", "print"}, {"snapshot", "show", "--format", "json"}} {
		stdout, stderr, code := execute(storyNow, append([]string{"--log-level", "debug", "--config", config}, args...)...)
		if code != exitDone {
			t.Fatalf("%v: exit code %d\n%s", args, code, stderr)
		}
		told.WriteString(stdout + stderr)
	}

	gets, batches, logins := 0, 0, 0
	for _, r := range w.server.Journal() {
		if err := fixtures.CheckRequest(r); err != nil {
			t.Error(err)
		}
		switch {
		case r.Method == http.MethodGet:
			gets++
		case r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/$batch"):
			batches++
			for _, part := range r.Batch {
				if part.Method != http.MethodGet {
					t.Errorf("a batch holds %s %s", part.Method, part.Path)
				}
			}
		case r.Method == http.MethodPost && strings.HasSuffix(r.Path, "/oauth2/v2.0/token"):
			logins++
		default:
			t.Errorf("%s %s was asked", r.Method, r.Path)
		}
	}
	if gets == 0 || batches == 0 || logins == 0 || len(tokens) == 0 {
		t.Fatalf("%d GETs, %d batches, %d token requests, %d tokens seen", gets, batches, logins, len(tokens))
	}
	all := files(t, dir, ".")
	all["what was printed"] = []byte(told.String())
	if len(all) < 8 || all["countersign.db"] == nil {
		t.Fatalf("%d files", len(all))
	}
	for name, text := range all {
		for _, hidden := range append(tokens, clientSecret) {
			if bytes.Contains(text, []byte(hidden)) {
				t.Errorf("%s holds a secret", filepath.Base(name))
				break
			}
		}
	}
}
