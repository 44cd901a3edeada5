package store_test

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// hostile are texts that a digest's JSON must escape, or must not.
var hostile = []string{
	"", `O'Neil "quoted" \ / <b>&`, "\x00", "\x00a", "a\x00b", "a", "\x01\x07\b\t\n\v\f\r\x1f\x7f", "\u2028\u2029\u0085\ufeff", "Zoë 東京 \U0001F600", "\ufffd\uffff",
}

// quoted writes a text as the comment of partDigest says.
func quoted(text string) string {
	out := `"`
	for _, r := range text {
		switch short := strings.IndexRune("\"\\\b\f\n\r\t", r); {
		case short >= 0:
			out += `\` + string(`"\bfnrt`[short])
		case r < 0x20:
			out += fmt.Sprintf(`\u%04x`, r)
		default:
			out += string(r)
		}
	}
	return out + `"`
}

// TestADigestCanBeMadeByAnybody: from the rows of a part alone, without SQLite.
func TestADigestCanBeMadeByAnybody(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	var rows []store.Row
	lines := []string{`["groups","msp","msp"]`}
	for i, text := range hostile {
		id := fmt.Sprintf("%02d", 99-i) // so that they do not come in the order of the lines
		rows = append(rows, snapshot.Customer{Tenant: id, Name: text}, member{Group: "g1", Principal: id, Type: text, Name: "n" + text, UPN: text})
	}
	take(t, st, noon, map[store.Part][]store.Row{groups: rows})
	digest := func(text string) string {
		if text == "" {
			return "null"
		}
		var label struct {
			Salt   []byte
			Digest string
		}
		if err := st.Read().Get(&label, `SELECT salt, digest FROM label WHERE text = ?`, text); err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(append(label.Salt, text...)); hex.EncodeToString(sum[:]) != label.Digest {
			t.Errorf("%q does not give its digest", text)
		}
		return `"` + label.Digest + `"`
	}
	var sorted []string
	for _, row := range rows {
		switch r := row.(type) {
		case snapshot.Customer:
			sorted = append(sorted, `["customer",`+quoted(r.Tenant)+`,`+quoted(r.Name)+`]`)
		case member:
			sorted = append(sorted, `["group_member","g1",`+quoted(r.Principal)+`,`+quoted(r.Type)+`,`+digest(r.Name)+`,`+digest(r.UPN)+`]`)
		}
	}
	slices.Sort(sorted)
	var got struct {
		Salt   []byte
		Digest string
	}
	if err := st.Read().Get(&got, `SELECT salt, lower(hex(digest)) AS digest FROM part_digest`); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(append(got.Salt, strings.Join(append(lines, sorted...), "\n")+"\n"...))
	if want := hex.EncodeToString(sum[:]); got.Digest != want {
		t.Errorf("the part's digest is %s, its rows give %s:\n%s", got.Digest, want, strings.Join(sorted, "\n"))
	}
	wantFaults(t, st)
}

// TestTextsComeBackAsTheyCame, but for bytes that are not UTF-8; an id that holds a
// NUL is refused.
func TestTextsComeBackAsTheyCame(t *testing.T) {
	st := open(t, filepath.Join(t.TempDir(), "a.db"))
	texts := append(slices.Clone(hostile), "a\xffb", "\xed\xa0\x80")
	var rows []store.Row
	var want []member
	for i, text := range texts {
		m := member{Group: "g1", Principal: fmt.Sprintf("%02d", i) + strings.ReplaceAll(text, "\x00", ""), Type: text, Name: text, UPN: text}
		rows = append(rows, m)
		valid := strings.ToValidUTF8(text, "\ufffd")
		m.Principal, m.Type, m.Name, m.UPN = strings.ToLower(strings.ToValidUTF8(m.Principal, "\ufffd")), valid, valid, valid
		want = append(want, m)
	}
	take(t, st, noon, map[store.Part][]store.Row{members: rows})
	var got []member
	if err := st.Read().Select(&got, `SELECT group_id, principal, type, name, upn FROM group_member WHERE snapshot = 1`); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b member) int { return cmp.Compare(a.Principal, b.Principal) })
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	wantFaults(t, st)

	run, _, err := st.Begin(t.Context(), noon.AddDate(0, 0, 1), "msp", "all", 0)
	if err != nil {
		t.Fatal(err)
	}
	stage := run.Stage(members)
	if err := stage.Put(t.Context(), []store.Item{{Fact: member{Group: "g1", Principal: "a\x00b"}}}); err == nil || !strings.Contains(err.Error(), "an id holds a NUL") {
		t.Errorf("an id with a NUL: got %v", err)
	}
}
