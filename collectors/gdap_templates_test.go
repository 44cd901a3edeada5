package collectors_test

import (
	"crypto/sha256"
	"strings"
	"testing"

	"countersign/collectors"
	"countersign/collectors/snapshot"
	"countersign/fixtures"
)

// GDAP templates come from the MSP's own file, with its digest for evidence; without a
// file they are not configured, and what was known stands.
func TestGDAPTemplates(t *testing.T) {
	w := newCanned().start(t)
	only := func(o *collectors.Options) { o.Kinds = []snapshot.Kind{snapshot.GDAPTemplates} }
	expectState(t, w.run(only), snapshot.GDAPTemplates, snapshot.NotConfigured, "write them in templates.csv")
	sum := sha256.Sum256([]byte("the file"))
	r := w.run(only, func(o *collectors.Options) {
		o.Declared.TemplatesSHA256 = sum
		o.Declared.Templates = []snapshot.DeclaredTemplate{
			{Name: "Base", Group: "G1", Role: "Global Reader", JIT: true, Customers: []string{"c2", "c1"}},
			{Name: "Base", Group: "g2", Role: "62e90394-69f5-4237-9190-012177145e10"},
		}
	})
	expectState(t, r, snapshot.GDAPTemplates, snapshot.Complete, "")
	const known = `SELECT name || ' ' || group_id || ' ' || role || ' ' || jit || ' ' || customers FROM gdap_template WHERE snapshot = ? ORDER BY group_id`
	want := []string{`Base g1 Global Reader 1 ["c1","c2"]`, "Base g2 62e90394-69f5-4237-9190-012177145e10 0 []"}
	expectLines(t, "templates", lines(t, w.store, known, r.Snapshot), want...)
	var digest []byte
	if err := w.store.Read().Get(&digest, `SELECT e.sha256 FROM evidence e JOIN ident i ON i.id = e.path WHERE e.snapshot = ? AND i.value = 'templates.csv'`, r.Snapshot); err != nil || string(digest) != string(sum[:]) {
		t.Errorf("digest %x, %v", digest, err)
	}
	expectConserved(t, w.store, r.Snapshot)
	later := w.run(only)
	expectState(t, later, snapshot.GDAPTemplates, snapshot.NotConfigured, "no API has GDAP templates")
	expectLines(t, "without the file", lines(t, w.store, known, later.Snapshot), want...)
	files := newWorld(t, fixtures.ServerOptions{})
	exported, err := files.portal(files.exported(), files.store)
	if err != nil {
		t.Fatal(err)
	}
	expectState(t, exported, snapshot.GDAPTemplates, snapshot.NotConfigured, "write them in templates.csv")
	if n := len(w.asked); n != 0 {
		t.Errorf("%d requests: %s", n, strings.Join(w.asked, " "))
	}
}
