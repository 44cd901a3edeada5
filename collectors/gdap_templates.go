package collectors

import (
	"context"
	"slices"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// gdapTemplates takes the GDAP templates from the file in which the MSP wrote them: no
// API has them. The file is the evidence: its digest is sealed.
type gdapTemplates struct{ declared snapshot.Declared }

func (gdapTemplates) Kind() snapshot.Kind { return snapshot.GDAPTemplates }

func (c gdapTemplates) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	items := make([]store.Item, len(c.declared.Templates))
	for i, t := range c.declared.Templates {
		customers := append([]string{}, t.Customers...)
		slices.Sort(customers)
		items[i].Fact = snapshot.GDAPTemplate{Name: t.Name, Group: t.Group, Role: t.Role, JIT: t.JIT, Customers: slices.Compact(customers)}
	}
	s.seen.Pages, s.seen.Rows = 1, len(items)
	s.requests = []store.Request{{Path: templatesFile, Asked: s.asked, Rows: len(items), SHA256: c.declared.TemplatesSHA256}}
	return s.rows.Put(ctx, items)
}

const templatesFile = "templates.csv"

// templates takes the MSP's own word of its GDAP templates.
func (r *runner) templates(ctx context.Context) {
	if r.Declared.TemplatesSHA256 == [32]byte{} {
		r.notConfigured(ctx, snapshot.GDAPTemplates, "no API has GDAP templates: write them in "+templatesFile)
		return
	}
	r.part(ctx, r.msp(), gdapTemplates{r.Declared}, r.Tenant)
}
