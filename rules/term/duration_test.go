package term

import "testing"

func TestDaysOf(t *testing.T) {
	for text, want := range map[string]int{"P1D": 1, "P730D": 730, "P2Y": 730, "P1Y": 365, "P12M": 360, "P104W": 728, "P1Y6M10D": 555, "PT0S": 0, "P1DT12H": 1} {
		if got, ok := daysOf(text); !ok || got != want {
			t.Errorf("%s: %d days, %t; want %d", text, got, ok, want)
		}
	}
	for _, text := range []string{"", "P", "1D", "P-1D", "p1d", "P1D ", "P1X", "P99999D", "P1.5D"} {
		if got, ok := daysOf(text); ok {
			t.Errorf("%q was read as %d days", text, got)
		}
	}
}

func FuzzDaysOf(f *testing.F) {
	for _, text := range []string{"P730D", "P2Y", "PT0S", "P1Y2M3W4DT5H6M7.8S", "P", "", "P9999Y"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if days, ok := daysOf(text); days < 0 || !ok && days != 0 {
			t.Errorf("%q: %d days, %t", text, days, ok)
		}
	})
}
