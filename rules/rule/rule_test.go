package rule_test

import (
	"context"
	"encoding/json"
	"path/filepath"
	"slices"
	"testing"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

func TestSeverityIsAWord(t *testing.T) {
	for _, word := range rule.Severities() {
		var s rule.Severity
		if err := json.Unmarshal([]byte(`"`+word+`"`), &s); err != nil {
			t.Fatal(err)
		}
		if text, err := json.Marshal(s); err != nil || string(text) != `"`+word+`"` {
			t.Errorf("%s became %s (%v)", word, text, err)
		}
	}
	if !slices.IsSorted([]rule.Severity{rule.Info, rule.Low, rule.Medium, rule.High, rule.Critical}) {
		t.Error("severities do not rise")
	}
	var s rule.Severity
	for _, word := range []string{"", "urgent"} {
		if err := s.UnmarshalText([]byte(word)); err == nil {
			t.Errorf("%q is no severity", word)
		}
	}
}

func TestDefaults(t *testing.T) {
	d := rule.Thresholds{StaleUserDays: 45}.WithDefaults()
	if d.StaleUserDays != 45 || d.PolicyMaxDays != 365 || d.PendingWarnDays != 14 || d.PendingDeadDays != 90 || !slices.Equal(d.ExpiryWarnDays, []int{60, 30, 7, 1}) {
		t.Errorf("got %+v", d)
	}
}

// A colon in a comment of a query is no parameter, and texts are bound, not pasted.
func TestAsk(t *testing.T) {
	ctx := context.Background()
	st, err := store.Open(ctx, store.Options{Path: filepath.Join(t.TempDir(), "ask.db"), Create: true})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	type row struct{ Snapshot int64 }
	ask := rule.Ask("SELECT :snapshot AS snapshot -- not :this\nUNION ALL SELECT 0 ORDER BY snapshot", func(r row, in rule.Input) (rule.Finding, bool) {
		return rule.Finding{Message: "seven"}, r.Snapshot == in.Access.Snapshot
	})
	answer, err := ask(ctx, rule.Input{DB: st.Read(), Access: &snapshot.Access{Snapshot: 7}})
	if err != nil || len(answer.Findings) != 1 || answer.Findings[0].Message != "seven" {
		t.Errorf("got %+v, %v", answer, err)
	}
	if _, err := rule.Ask("SELECT nothing", func(row, rule.Input) (rule.Finding, bool) { return rule.Finding{}, false })(ctx, rule.Input{DB: st.Read(), Access: &snapshot.Access{}}); err == nil {
		t.Error("a wrong query was taken")
	}
}
