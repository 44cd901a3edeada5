package rule

import (
	"context"
	"fmt"
	"strings"

	"countersign/collectors/snapshot"
)

// Rule is a fixed question asked of evidence. Controls are filled in by the
// catalogue from its control map.
type Rule struct {
	ID       string          `json:"id"` // printed in reports; never reused
	Theme    string          `json:"theme"`
	Title    string          `json:"title"`
	Severity Severity        `json:"severity"` // the judge may raise or lower it
	Why      string          `json:"why"`
	Fix      string          `json:"fix"`
	Needs    []snapshot.Kind `json:"needs"` // not seen whole: the rule is not assessed
	Controls []Control       `json:"controls"`
	Check    Check           `json:"-"`
}

// Control is one requirement of a framework that the rule relates to. The title
// is our own short wording.
type Control struct {
	Framework string `json:"framework"`
	ID        string `json:"control_id"`
	Title     string `json:"title"`
}

// Check answers a rule. Errors are our own trouble, never what was found.
type Check func(ctx context.Context, in Input) (Answer, error)

// Answer is what a rule found, and in words what it could not judge though its
// needs were met; an answer with a gap is never clear.
type Answer struct {
	Findings []Finding
	Gap      string
}

// Outcome says how a rule ended.
type Outcome string

// The outcomes. Clear is said only when everything needed was seen whole.
const (
	Clear       Outcome = "clear"
	Found       Outcome = "found"
	NotAssessed Outcome = "not-assessed"
)

// Severity orders findings; the zero value means that of the rule.
type Severity int

// The severities, with the time within which to act.
const (
	Info     Severity = iota + 1
	Low               // hygiene
	Medium            // this quarter
	High              // within seven days
	Critical          // today
)

var severities = []string{"", "info", "low", "medium", "high", "critical"}

// Severities lists the words of all severities from the least.
func Severities() []string { return append([]string{}, severities[1:]...) }

// String is the severity's word.
func (s Severity) String() string {
	if s < 0 || int(s) >= len(severities) {
		return fmt.Sprintf("severity %d", int(s))
	}
	return severities[s]
}

// MarshalText writes the severity's word.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads a severity's word.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, word := range severities {
		if i > 0 && strings.EqualFold(word, string(text)) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("severity %q is not one of %s", text, strings.Join(severities[1:], ", "))
}

// ByTier is the severity of privileged access: critical for what is or can become
// Global Administrator, high for the rest.
func ByTier(t snapshot.Tier) Severity {
	if t == snapshot.Tier0 {
		return Critical
	}
	return High
}
