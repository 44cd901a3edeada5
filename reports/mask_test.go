package reports

import (
	"strings"
	"testing"
)

func TestMaskHidesOtherCustomersOnly(t *testing.T) {
	var all names
	all.add("Alpine Dental Group GmbH", "11111111-0000-4000-8000-000000000001", "alpine.example")
	all.add("Łódź Logistyka Sp. z o.o.", "22222222-0000-4000-8000-000000000002")
	all.add("佐藤 商事", "33333333-0000-4000-8000-000000000003")
	all.add("Harbor & Sons", "44444444-0000-4000-8000-000000000004", "harbor.example")
	own := all.masker("Harbor & Sons", "44444444-0000-4000-8000-000000000004", "harbor.example")
	for text, want := range map[string]string{
		"INC-20418 mailbox delegation":                "INC-20418 mailbox delegation",
		"fix for Alpine Dental Group GmbH":            "fix for [another customer]",
		"ALPINE's mail queue":                         "[another customer]'s mail queue",
		"alpine-tenant":                               "[another customer]-tenant",
		"moved from Łódź to here":                     "moved from [another customer] to here",
		"Logistykas Konto":                            "[another customer] Konto",
		"call 佐藤 商事 back":                             "call [another customer] back",
		"tenant 11111111-0000-4000-8000-000000000001": "tenant [another customer]",
		"admin@alpine.example":                        "admin@[another customer]",
		"Harbor & Sons: Harbor mail":                  "Harbor & Sons: Harbor mail",
		"Harbor and Alpine together":                  "Harbor and [another customer] together",
		"dental group user":                           "dental group user",
		"":                                            "",
	} {
		got, named := own.mask(text)
		if got != want || named != strings.Contains(want, hidden) {
			t.Errorf("%q: got %q, %v; want %q", text, got, named, want)
		}
	}
}

func FuzzMask(f *testing.F) {
	f.Add("Alpine", "fix for ALPINE\xff and İstanbul")
	f.Fuzz(func(t *testing.T, name, text string) {
		var all names
		all.add(name)
		masked, _ := all.masker("Harbor").mask(text)
		if name = strings.TrimSpace(name); len([]rune(name)) >= 4 && !common[fold(name)] && strings.Contains(" "+masked+" ", " "+name+" ") {
			t.Errorf("%q still stands in %q", name, masked)
		}
	})
}
