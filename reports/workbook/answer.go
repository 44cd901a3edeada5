package workbook

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// maxReason is the longest Reason, in characters.
const maxReason = 2000

// answer judges the inputs of one row. It is false when the row stays open, and
// when there is a fault.
func (r *reader) answer(t *table, row int, was issued, found []cell) (Answer, bool) {
	where := func(head string) string { return ref(t.cols[at(r.cols, head)], row) }
	fault := func(head, problem, cure string) (Answer, bool) {
		r.fault(t.name, where(head), was.Item, problem, cure)
		return Answer{}, false
	}
	typed := func(head string) (string, bool) {
		return r.typed(t.name, where(head), was.Item, found[at(r.cols, head)])
	}
	decision, ok1 := typed(headDecision)
	changeTo, ok2 := typed(headChangeTo)
	reason, ok3 := typed(headReason)
	if !ok1 || !ok2 || !ok3 {
		return Answer{}, false
	}
	decision, changeTo = tidy(decision), tidy(changeTo)
	a := Answer{Item: was.Item, Sheet: t.name, Row: row}
	if tidy(reason) != "" {
		a.Reason = visible(strings.TrimSpace(reason))
	}

	if decision == "" {
		covered := t.all && was.reaffirm && !was.Privileged
		switch {
		case covered && changeTo == "":
			decision, a.Reaffirmed = Approve, true
		case changeTo != "" || a.Reason != "":
			return fault(headDecision, "The row has a Reason or a Change to, but no Decision.", "Please choose a Decision, or clear the other cells.")
		default:
			return Answer{}, false
		}
	}
	known := slices.IndexFunc(decisions(), func(word string) bool { return same(word, decision) })
	if known < 0 {
		return fault(headDecision, quote(decision)+" is not a decision.", "Please choose "+strings.Join(decisions(), ", ")+", or leave the cell blank.")
	}
	a.Decision = decisions()[known]

	faults := len(r.faults)
	if n := utf8.RuneCountInString(reason); n > maxReason {
		fault(headReason, fmt.Sprintf("The Reason has %d characters.", n), fmt.Sprintf("Please shorten it to %d.", maxReason))
	}
	if (was.Privileged || a.Decision != Approve) && !says(tidy(reason)) {
		why := a.Decision + " needs a Reason."
		if a.Decision == Approve {
			why = "This row is privileged and needs its own Reason."
		}
		fault(headReason, why, "Please write one short sentence.")
	}
	switch {
	case a.Decision == Change:
		to, problem := was.ChangeTo.read(changeTo)
		if a.ChangeTo = to; problem != "" {
			cure := "Please choose another decision: this row cannot be changed."
			if allowed := was.ChangeTo.String(); allowed != "" {
				cure = "Please write " + allowed + "."
			}
			fault(headChangeTo, problem, cure)
		}
	case changeTo != "":
		fault(headChangeTo, "Change to is filled in, but the Decision is "+a.Decision+".", "Please choose Change, or clear the cell.")
	}
	return a, len(r.faults) == faults
}

// read takes what stands in Change to, or says what is wrong with it.
func (c Choices) read(text string) (to, problem string) {
	if text == "" {
		return "", "Change needs an entry in Change to."
	}
	for _, word := range c.Words {
		if same(word, text) {
			return word, ""
		}
	}
	if day, err := time.Parse(time.DateOnly, text); c.Date && err == nil {
		return day.Format(time.DateOnly), ""
	}
	if len(c.Keep) < 2 {
		return "", quote(text) + " is not among what this row may be changed to."
	}
	var keep []string
	for name := range strings.SplitSeq(text, ";") {
		i := slices.IndexFunc(c.Keep, func(role string) bool { return same(visible(role), name) })
		switch {
		case tidy(name) == "":
		case i < 0:
			return "", quote(name) + " is not one of the roles of this row."
		case !slices.Contains(keep, c.Keep[i]):
			keep = append(keep, c.Keep[i])
		}
	}
	switch len(keep) {
	case 0:
		return "", "No role is named."
	case len(c.Keep):
		return "", "Every role of this row is kept, so nothing would change."
	}
	return strings.Join(keep, "; "), ""
}
