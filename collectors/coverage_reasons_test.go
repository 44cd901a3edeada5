package collectors_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/collectors"
	"countersign/collectors/snapshot"
	"countersign/fixtures"
)

var permission = regexp.MustCompile(`[A-Z]\w+(\.\w+){2}`)

// permissions are those that the sources of some kinds name.
func permissions(of func(snapshot.Kind) bool) (all []string) {
	for _, s := range collectors.Sources {
		if of(s.Kind) {
			all = append(all, permission.FindAllString(s.Permission, -1)...)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func without(list []string, one string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == one })
}

// refusable are the kinds that Microsoft refuses to a tenant without the licence that
// their source names. Of the others that name one it gives less: logs of a week, roles
// without PIM, accounts without their last sign-in, of access policies those that need
// none, customers that Lighthouse lists as not eligible.
var refusable = []snapshot.Kind{snapshot.GroupAssignments, snapshot.GroupEligibilities, snapshot.GroupActivations, snapshot.GroupPolicies,
	snapshot.MFARegistrations, snapshot.SignIns, snapshot.RiskyUsers, snapshot.ConditionalAccess, snapshot.AccessPackages,
	snapshot.CustomerRolePolicies, snapshot.CustomerSignIns}

// TestCoverageReasons brings every kind into every state that it can be in, in one
// history, and reads the words: each says what an administrator does about it.
func TestCoverageReasons(t *testing.T) {
	t.Parallel()
	healthy := fixtures.ServerOptions{PageSize: 200, Delegated: true, Consent: permissions(snapshot.Kind.OfCustomer),
		Permissions: append(permissions(func(k snapshot.Kind) bool { return !k.OfCustomer() }), fixtures.PartnerCenterAccess)}
	w := newWorld(t, healthy)
	msp, customers := w.msp, w.declared()
	scope := func(kind snapshot.Kind) string {
		if kind.OfCustomer() {
			return customers[0].Tenant
		}
		return msp.Tenant()
	}
	// next takes a snapshot a minute later.
	next := func(change func(*collectors.Options), kinds ...snapshot.Kind) collectors.Result {
		t.Helper()
		w.at = w.at.Add(time.Minute)
		o := w.everything(kinds...)
		o.Delegated = true
		if change != nil {
			change(&o)
		}
		r, err := collectors.Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	expect := func(t *testing.T, r collectors.Result, scope string, kind snapshot.Kind, state snapshot.State, words ...string) {
		t.Helper()
		c := w.stateOf(r, scope, kind)
		if c.State != state || state != snapshot.Complete && c.Reason == "" {
			t.Errorf("%s is %s, want %s: %q", kind, c.State, state, c.Reason)
		}
		for _, said := range words {
			if !strings.Contains(c.Reason, said) {
				t.Errorf("%s is %s: %q, want %q in it", kind, c.State, c.Reason, said)
			}
		}
	}
	each := func(t *testing.T, check func(collectors.Source)) {
		for _, s := range collectors.Sources {
			if s.Kind != snapshot.GDAPTemplates { // no service answers for it
				check(s)
			}
		}
	}
	// inVain expects it of every kind of a run that could read nothing: accounts follow from roles.
	inVain := func(t *testing.T, r collectors.Result, state snapshot.State, words ...string) {
		each(t, func(s collectors.Source) {
			if s.Kind == snapshot.CustomerUsers {
				expect(t, r, scope(s.Kind), s.Kind, snapshot.Failed, "customer roles were not seen whole; they must be collected too")
				return
			}
			expect(t, r, scope(s.Kind), s.Kind, state, words...)
		})
	}

	// The permissions that the sources name are enough for everything.
	whole := next(nil)
	expectConserved(t, w.store, whole.Snapshot)
	t.Run("complete", func(t *testing.T) {
		each(t, func(s collectors.Source) { expect(t, whole, scope(s.Kind), s.Kind, snapshot.Complete) })
	})

	// And each of them is needed.
	t.Run("not permitted", func(t *testing.T) {
		each(t, func(s collectors.Source) {
			for _, missing := range permission.FindAllString(s.Permission, -1) {
				o := healthy
				o.Permissions, o.Consent, o.Delegated = without(o.Permissions, missing), without(o.Consent, missing), s.Kind != snapshot.Lighthouse
				w.serve(msp, o)
				words := []string{missing, "grant admin consent"}
				if s.Kind == snapshot.Lighthouse {
					words = []string{"no app can hold " + missing, "sign in as a person"}
				}
				kinds := []snapshot.Kind{s.Kind}
				if s.Kind == snapshot.CustomerUsers {
					kinds = append(kinds, snapshot.CustomerRoles)
				}
				expect(t, next(nil, kinds...), scope(s.Kind), s.Kind, snapshot.NotPermitted, words...)
			}
		})
		o := healthy
		o.Permissions = without(o.Permissions, fixtures.PartnerCenterAccess)
		w.serve(msp, o)
		r := next(nil, snapshot.PartnerCustomers, snapshot.PartnerAudits)
		for _, kind := range []snapshot.Kind{snapshot.PartnerCustomers, snapshot.PartnerAudits} {
			expect(t, r, msp.Tenant(), kind, snapshot.NotPermitted, "access of the app to the Partner Center API", "register the app in Partner Center")
		}
		o = healthy
		o.NoAzureRole = true
		w.serve(msp, o)
		r = next(nil, snapshot.AzureDelegations, snapshot.AzureActivity)
		for _, kind := range []snapshot.Kind{snapshot.AzureDelegations, snapshot.AzureActivity} {
			expect(t, r, scope(kind), kind, snapshot.NotPermitted, "the Azure role Reader", "let the customer deploy it again")
		}
	})

	t.Run("no consent", func(t *testing.T) {
		for _, kind := range snapshot.TenantKinds {
			expect(t, whole, customers[1].Tenant, kind, snapshot.NotPermitted, "an administrator of this tenant must consent to the app", "adminconsent",
				"login.microsoftonline.us in the clouds of the US Government, login.chinacloudapi.cn in China")
		}
	})

	t.Run("not licensed", func(t *testing.T) {
		w.serve(fixtures.NewMSP(fixtures.Options{Customers: 5, Seed: 5, At: now, NoPremium: true}), healthy)
		r := next(nil)
		each(t, func(s collectors.Source) {
			of := scope(s.Kind)
			if slices.Contains(snapshot.TenantKinds, s.Kind) {
				of = customers[3].Tenant
			}
			switch {
			case slices.Contains(refusable, s.Kind):
				expect(t, r, of, s.Kind, snapshot.NotLicensed, s.Licence, "buy it for this tenant")
			case s.Licence != "":
				expect(t, r, of, s.Kind, snapshot.Complete)
			}
		})
	})

	t.Run("failed", func(t *testing.T) {
		o := healthy
		for _, path := range []string{"/v1.0/", "/beta/", "/v1/", "/subscriptions"} {
			o.Faults = append(o.Faults, fixtures.Fault{Path: path, Kind: fixtures.Unavailable})
		}
		w.serve(msp, o)
		r := next(nil)
		inVain(t, r, snapshot.Failed, "503", "collect again later")
	})

	t.Run("partial", func(t *testing.T) {
		w.serve(msp, healthy)
		ids := regexp.MustCompile(`"(\w*(?:[iI]d|ID|isEnabled))":\s*(?:"[^"]*"|true|false)`)
		spoil := alters(func(_ *http.Request, _ http.Header, body string) string { return ids.ReplaceAllString(body, `"$1":{}`) })
		front := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, q *http.Request) {
			if q.Method == http.MethodGet {
				spoil(rw, q, w.server)
			} else {
				w.server.ServeHTTP(rw, q)
			}
		}))
		t.Cleanup(front.Close)
		w.url, w.mode.batch = front.URL, false
		r := next(nil)
		w.mode.batch = true
		expectConserved(t, w.store, r.Snapshot)
		inVain(t, r, snapshot.Partial, "a row cannot be read: page 1, row 1: ", "nothing of the list was kept")
	})

	w.serve(msp, healthy)
	t.Run("not configured", func(t *testing.T) {
		r := next(func(o *collectors.Options) {
			o.Azure, o.Partner, o.Delegated, o.Declared.Customers = nil, nil, false, nil
		})
		for kind, words := range map[snapshot.Kind]string{
			snapshot.AzureDelegations: "set sources.azure", snapshot.AzureActivity: "set sources.azure",
			snapshot.PartnerCustomers: "set sources.partner_center", snapshot.PartnerAudits: "set sources.partner_center",
			snapshot.Lighthouse: "only a signed-in person: sign in with a credential of kind azure-cli or token",
		} {
			expect(t, r, msp.Tenant(), kind, snapshot.NotConfigured, words)
			if c := coverageOf(r, kind); c.State != snapshot.NotConfigured {
				t.Errorf("%+v", c)
			}
		}
		for _, kind := range snapshot.TenantKinds {
			if c := coverageOf(r, kind); c.State != snapshot.NotConfigured || !strings.Contains(c.Reason, "name the kind in the column collect of customers.csv") {
				t.Errorf("%+v", c)
			}
		}
		for _, c := range w.seen(whole).Customer(&snapshot.Access{}, customers[4].Tenant) { // declared without anything to collect
			if slices.Contains(snapshot.TenantKinds, c.Kind) && (c.State != snapshot.NotConfigured || !strings.Contains(c.Reason, "column collect of customers.csv")) {
				t.Errorf("%+v", c)
			}
		}
	})

	t.Run("not asked", func(t *testing.T) {
		r := next(func(o *collectors.Options) {
			o.Customers = []string{"somebody else"}
			o.Declared.Customers = append(o.Declared.Customers, snapshot.DeclaredCustomer{Tenant: "somebody else"})
		})
		each(t, func(s collectors.Source) {
			if s.Kind.OfCustomer() {
				expect(t, r, scope(s.Kind), s.Kind, snapshot.NotAsked, "left out by --customer")
			}
		})
		expect(t, r, msp.Tenant(), snapshot.AccessAssignments, snapshot.NotAsked, "left out by --customer")
		for i, only := range []snapshot.Kind{snapshot.Customers, snapshot.Relationships} {
			r := next(nil, only)
			each(t, func(s collectors.Source) {
				if s.Kind != only && (i == 0 || s.Kind == snapshot.Customers) {
					of := scope(s.Kind)
					if strings.HasPrefix(string(s.Kind), "azure-") {
						of = msp.Tenant()
					}
					expect(t, r, of, s.Kind, snapshot.NotAsked, "left out by --kind")
				}
			})
		}
	})
	expectWhole(t, w.store)
	if len(collectors.Sources) != len(snapshot.Kinds) {
		t.Errorf("%d kinds, %d of them with a source", len(snapshot.Kinds), len(collectors.Sources))
	}
}
