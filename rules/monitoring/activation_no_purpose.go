package monitoring

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// A use of access that does not say what for. A ticket number is a purpose.
var ActivationNoPurpose = rule.Rule{
	ID:       "activation-no-purpose",
	Theme:    "monitoring",
	Title:    "Activation without a purpose",
	Severity: rule.Medium,
	Why:      "The customer is owed an answer to why somebody came in; without a purpose or a ticket nobody can give it.",
	Fix:      "Ask the person and keep the answer; demand a justification and a ticket in the group's PIM policy.",
	Needs:    []snapshot.Kind{snapshot.GroupActivations},
	Check:    rule.Ask(activationQuery, judgePurpose),
}

const activationQuery = `
	SELECT id, group_id, principal, action, status, created, starts, justification, ticket, validation_only
	FROM   activation
	WHERE  snapshot = :snapshot
	ORDER  BY id`

type activationRow struct {
	ID, Principal, Action, Status, Justification, Ticket string
	Group                                                string `db:"group_id"`
	Created, Starts                                      store.Time
	ValidationOnly                                       bool `db:"validation_only"`
}

// judgePurpose looks at uses within the review period before the instant. It
// never quotes the text, which may name any customer.
func judgePurpose(r activationRow, in rule.Input) (rule.Finding, bool) {
	began := r.Starts
	if began.IsZero() {
		began = r.Created
	}
	use := snapshot.Activation{Action: r.Action, Status: r.Status, ValidationOnly: r.ValidationOnly}.IsUse()
	recent := !began.Time().After(in.At) && in.At.Sub(began.Time()) <= rule.Days(in.Thresholds.ReviewPeriodDays)
	fault := purposeFault(r.Justification, r.Ticket, in.Thresholds.PurposeMinChars)
	if !use || !recent || fault == "" {
		return rule.Finding{}, false
	}
	reach := in.Reach[r.Group]
	f := in.Touching(rule.Finding{
		Person:      in.Person(r.Principal),
		Group:       in.Group(r.Group),
		Fingerprint: rule.Fingerprint("activation-no-purpose", r.ID),
	}, reach.Customers...)
	if reach.Role != "" {
		f.Role = rule.Role(reach.Role)
	}
	f.Message = fmt.Sprintf("%s activated the group %s, which reaches %s, on %s UTC: %s",
		in.Who(r.Principal), f.Group.Name, in.Where(reach.Customers), began.Time().Format("2006-01-02 15:04"), fault)
	return f, true
}

// A text that is a ticket number and nothing more: INC0012345, #4711, SD-204711.
var ticketNumber = regexp.MustCompile(`^(?i:ticket|case|inc|incident|chg|change|req|request|task)?[\s:#-]*[A-Za-z]{0,8}[\s:#-]*\d{3,}$`)

// Words that say that somebody works, not what for.
var stopWords = strings.Fields(`
	a access activate activation admin administration administrator again and as asked because check checks customer customers daily do doing
	elevate elevation for fix general global group have i in is issue it job just log login maintenance me my n na need needed needs nil no none
	not now of on pim please privileged required requirement requirements role routine same see some something stuff support task tasks temp
	temporary test testing tests the thing things this ticket to todo troubleshoot troubleshooting use user various want with work working xxx`)

// purposeFault words what a purpose lacks, empty when it will do.
func purposeFault(justification, ticket string, shortest int) string {
	text := strings.TrimSpace(justification)
	switch {
	case strings.TrimSpace(ticket) != "" || ticketNumber.MatchString(text):
		return ""
	case text == "":
		return "no purpose was given"
	case length(text) < shortest:
		return fmt.Sprintf("the purpose given has only %d characters", len([]rune(text)))
	case empty(text):
		return "the purpose given says nothing of the work"
	}
	return ""
}

// length counts characters; those of scripts that write a word in one or two
// count twice.
func length(text string) int {
	n := 0
	for _, r := range text {
		n++
		if unicode.In(r, unicode.Han, unicode.Hangul, unicode.Hiragana, unicode.Katakana) {
			n++
		}
	}
	return n
}

// empty: made of general words alone, or of fewer than four different letters.
func empty(text string) bool {
	letters := map[rune]bool{}
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r) })
	telling := false
	for _, w := range words {
		telling = telling || !slices.Contains(stopWords, w)
		for _, r := range w {
			letters[r] = true
		}
	}
	return !telling || len(letters) < 4
}
