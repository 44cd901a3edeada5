package reviews

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/store"
	"countersign/rules/rule"
)

// Answer is one row of a returned workbook, already read.
type Answer struct {
	Item       string
	Decision   string // see ParseVerdict
	ChangeTo   string
	Reason     string
	Reaffirmed bool   // approved by the one input above the rows
	Sheet      string // where it stands, for faults
	Cell       string
}

// SignOff is the statement over one returned workbook.
type SignOff struct {
	Reviewer  string // the name as typed; shown, never trusted
	Date      string // ISO
	Statement string
}

// ImportOptions is a returned workbook: its bytes, and what a parser read in them.
type ImportOptions struct {
	Campaign string // empty: the only open one
	Reviewer string // key of the person the workbook was issued to
	Revision int
	Token    string
	File     []byte
	Answers  []Answer
	SignOff  SignOff
	At       time.Time
	Importer string // who ran the import
}

// Receipt says what an import took over.
type Receipt struct {
	Import   int64
	SHA256   string // of the file, hex
	Decided  map[Verdict]int
	Open     int      // items of the reviewer still without a decision
	Moved    []Move   // items handed on by Not sure
	Notes    []string // what a person should know, such as a file imported before
	Repeated bool     // the same file was taken over before: nothing was done
	Seal     string
}

// Move is an item handed on to the next in line. To is zero when nobody
// independent is left.
type Move struct {
	Item   string
	To     rule.Ref
	Passed []Substitution
}

// Fault is one thing wrong with a returned workbook, in words for its reviewer.
type Fault struct{ Sheet, Cell, Item, Problem, Cure string }

// Refused says that nothing was taken over, and everything that was wrong.
type Refused struct{ Faults []Fault }

// Error implements error.
func (r *Refused) Error() string {
	return "nothing was taken over: " + rule.Count(len(r.Faults), "fault")
}

// Import takes over a returned workbook whole or not at all. A refusal is a
// *Refused with every fault; it leaves an attempt on record and nothing else. The
// same file a second time changes nothing and says so. Whoever is not sure of an
// item hands it to the next in line who is independent, and that reviewer's
// workbook is issued again.
func Import(ctx context.Context, st *store.Store, o ImportOptions) (Receipt, error) {
	if o.Importer == "" {
		return Receipt{}, errors.New("import: who imports is not named")
	}
	var receipt Receipt
	var refused *Refused
	err := st.Tx(ctx, func(tx *sqlx.Tx) error {
		r, err := load(ctx, st, tx, o.Campaign)
		if err != nil {
			return err
		}
		in := &intake{round: r, o: o, w: newWriter(ctx, st, tx)}
		receipt, err = in.run(ctx, tx)
		if errors.As(err, &refused) {
			return in.attempt(refused) // committed: the refusal is on record
		}
		return err
	})
	if err == nil && refused != nil {
		err = refused
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("import: %w", err)
	}
	return receipt, nil
}

// maxReason is the longest reason, in characters.
const maxReason = 2000

// intake is one workbook on its way in.
type intake struct {
	*round
	o      ImportOptions
	w      *writer
	issue  Issue
	faults []Fault
	notes  []string
}

// judged is an answer that stands up.
type judged struct {
	item     *Item
	verdict  Verdict
	changeTo string
	Answer
}

func (in *intake) run(ctx context.Context, tx *sqlx.Tx) (Receipt, error) {
	sum := sha256.Sum256(in.o.File)
	receipt := Receipt{SHA256: hex.EncodeToString(sum[:]), Decided: map[Verdict]int{}}
	var before int64
	err := tx.GetContext(ctx, &before, `SELECT id FROM review_import WHERE sha256 = ?`, receipt.SHA256)
	if err == nil {
		receipt.Import, receipt.Repeated = before, true
		receipt.Notes = []string{"this file was taken over before; nothing was changed"}
		return receipt, nil
	}
	if !errors.Is(err, sql.ErrNoRows) {
		return Receipt{}, err
	}
	if err := in.findIssue(ctx); err != nil {
		return Receipt{}, err
	}
	if len(in.faults) > 0 {
		return Receipt{}, &Refused{in.faults} // its rows cannot be judged against an issue that does not stand
	}
	in.judgeSignOff()
	answers := in.judge()
	if len(in.faults) > 0 {
		return Receipt{}, &Refused{in.faults}
	}
	receipt.Import = in.w.add("review_import", "issue, at, importer, sha256, file, signed_by, signed_on, statement",
		in.issue.id, store.Time(in.o.At), in.w.label(in.o.Importer), receipt.SHA256, in.o.File,
		in.w.label(in.o.SignOff.Reviewer), in.o.SignOff.Date, in.w.label(in.o.SignOff.Statement))
	for _, a := range answers {
		in.w.add("review_decision", "campaign, number, import, verdict, change_to, reason, reaffirmed",
			in.id, a.item.Number, receipt.Import, a.verdict, a.changeTo, in.w.label(a.Reason), a.Reaffirmed)
		receipt.Decided[a.verdict]++
		a.item.Decision = &Decision{Verdict: a.verdict}
		if a.verdict == NotSure {
			a.item.Decision = nil
		}
	}
	if receipt.Moved, err = in.handOn(ctx, receipt.Import, answers); err != nil {
		return Receipt{}, err
	}
	for _, item := range in.items {
		if item.Reviewer.ID == in.issue.Reviewer.Key && item.Decision == nil {
			receipt.Open++
		}
	}
	receipt.Notes = in.notes
	receipt.Seal = in.w.seal(in.id, "import", receipt.Import, in.o.At)
	return receipt, in.w.err
}

func (in *intake) fault(a Answer, problem, cure string) {
	in.faults = append(in.faults, Fault{a.Sheet, a.Cell, a.Item, problem, cure})
}

func (in *intake) findIssue(ctx context.Context) error {
	issues, err := in.issues(ctx)
	if err != nil {
		return err
	}
	if !in.Closed.IsZero() {
		in.fault(Answer{}, fmt.Sprintf("Campaign %s was closed on %s.", in.Name, day(in.Closed)), "No more answers are taken; please tell whoever runs the review.")
		return nil
	}
	newest, answered := 0, 0
	for _, u := range issues {
		if u.Reviewer.Key != strings.ToLower(in.o.Reviewer) {
			continue
		}
		newest = u.Revision
		if u.Returned {
			answered = u.Revision
		}
		if u.Token == in.o.Token && u.Revision == in.o.Revision {
			in.issue = u
		}
	}
	switch {
	case in.issue.id == 0:
		in.fault(Answer{}, "The workbook was not issued to this reviewer.", "Please return the file that was sent to you.")
	case in.issue.Revision < answered:
		in.fault(Answer{}, fmt.Sprintf("Revision %d is superseded by revision %d, which came back already.", in.issue.Revision, answered), "Please fill in the newest workbook.")
	case in.issue.Revision < newest:
		// Filled in before more rows were handed on: nobody's work is thrown away.
		in.notes = append(in.notes, fmt.Sprintf("revision %d is out with the rows that are still open", newest))
	}
	return nil
}

func (in *intake) judgeSignOff() {
	s := in.o.SignOff
	for _, input := range []struct{ label, text string }{{"Reviewer", s.Reviewer}, {"Date", s.Date}, {"Statement", s.Statement}} {
		if !says(input.text) {
			in.fault(Answer{Sheet: "Sign-off"}, input.label+" is blank.", "Please fill in the sign-off: without it nothing is attested.")
		}
	}
	if _, err := time.Parse(time.DateOnly, s.Date); says(s.Date) && err != nil {
		in.fault(Answer{Sheet: "Sign-off"}, fmt.Sprintf("Date %q is not a date.", s.Date), "Please write it as 2026-12-31.")
	}
	if says(s.Reviewer) && !strings.EqualFold(strings.TrimSpace(s.Reviewer), in.issue.Reviewer.Ref().Name) {
		in.notes = append(in.notes, fmt.Sprintf("the workbook was issued to %s and signed as %q", in.issue.Reviewer.Ref().Name, s.Reviewer))
	}
}

// judge checks every answer against the issue; it lists all faults, not the first.
func (in *intake) judge() []judged {
	var out []judged
	seen := map[string]bool{}
	for _, a := range in.o.Answers {
		i, known := in.byID[a.Item]
		switch {
		case !known:
			in.fault(a, "The item is not part of campaign "+in.Name+".", "Please leave the Item column as it was sent.")
			continue
		case !slices.Contains(in.issue.numbers, i+1):
			in.fault(a, "The item was not given to this reviewer.", "Please remove the row.")
			continue
		case seen[a.Item]:
			in.fault(a, "The item stands there twice.", "Please keep one row of it.")
			continue
		}
		seen[a.Item] = true
		item := &in.items[i]
		verdict, ok := ParseVerdict(a.Decision)
		if !ok {
			in.fault(a, fmt.Sprintf("%q is not a decision.", a.Decision), "Please choose Approve, Revoke, Change or Not sure.")
			continue
		}
		if item.Reviewer.ID != in.issue.Reviewer.Key {
			if verdict != NotSure {
				in.fault(a, "The item was handed on to another reviewer.", "Please clear the row.")
			} else {
				in.notes = append(in.notes, "item "+a.Item+" was handed on before")
			}
			continue
		}
		if got, ok := in.judgeRow(item, verdict, a); ok {
			out = append(out, got)
		}
	}
	slices.SortFunc(out, func(a, b judged) int { return a.item.Number - b.item.Number })
	return out
}

func (in *intake) judgeRow(item *Item, verdict Verdict, a Answer) (judged, bool) {
	before := len(in.faults)
	a.Reason = strings.TrimSpace(a.Reason)
	switch {
	case a.Reaffirmed && (verdict != Approve || !item.Reaffirmable(in.ReaffirmLimit)):
		in.fault(a, "The row cannot be approved together with others.", "Please decide it on its own.")
	case len([]rune(a.Reason)) > maxReason:
		in.fault(a, fmt.Sprintf("The Reason is longer than %d characters.", maxReason), "Please shorten it.")
	case !says(a.Reason) && verdict != Approve:
		in.fault(a, "This decision needs a Reason.", "Please write one short sentence.")
	case !says(a.Reason) && item.Privileged():
		in.fault(a, "The row is privileged and needs its own Reason.", "Please write one short sentence.")
	}
	to := strings.TrimSpace(a.ChangeTo)
	if verdict == Change {
		var problem string
		if to, problem = item.changeTo(to, in.o.At); problem != "" {
			in.fault(a, problem, "Please write "+item.Choices.words()+", or choose another decision.")
		}
	} else if to != "" {
		in.fault(a, "Change to is filled in, but the decision is not Change.", "Please choose Change, or clear the cell.")
	}
	return judged{item, verdict, to, a}, len(in.faults) == before
}

// says reports whether a text holds a letter or a digit.
func says(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) })
}

// changeTo takes what stands in Change to, or says why it is not allowed.
func (i Item) changeTo(text string, at time.Time) (to, problem string) {
	for _, word := range i.Choices.Words {
		if strings.EqualFold(word, text) {
			return word, ""
		}
	}
	if end, err := time.Parse(time.DateOnly, text); err == nil && i.Choices.Date {
		switch {
		case !end.After(at):
			return "", "The date " + text + " has passed."
		case !i.Ends.IsZero() && !end.Before(i.Ends):
			return "", "The date " + text + " is not before the end on " + day(i.Ends) + "."
		}
		return text, ""
	}
	if text == "" || len(i.Choices.Keep) == 0 {
		return "", fmt.Sprintf("%q is not among what this row may be changed to.", text)
	}
	keep, unknown := i.keep(text)
	switch {
	case unknown != "":
		return "", fmt.Sprintf("%q is not one of the roles of this row.", unknown)
	case len(keep) == 0:
		return "", "No role is named."
	case len(keep) == len(i.Choices.Keep):
		return "", "Every role of this row is kept, so nothing would change."
	}
	return joined(keep), ""
}

// keep reads role names parted by ";", in the order of the row.
func (i Item) keep(text string) (keep []rule.Ref, unknown string) {
	named := map[string]bool{}
	for name := range strings.SplitSeq(text, ";") {
		if name = strings.TrimSpace(name); name != "" {
			named[strings.ToLower(name)] = true
			if !slices.ContainsFunc(i.Choices.Keep, func(r rule.Ref) bool { return strings.EqualFold(r.Name, name) }) {
				unknown = name
			}
		}
	}
	for _, r := range i.Choices.Keep {
		if named[strings.ToLower(r.Name)] {
			keep = append(keep, r)
		}
	}
	return keep, unknown
}

// words says what may stand in Change to.
func (c Choices) words() string {
	words := slices.Clone(c.Words)
	if c.Date {
		words = append(words, "an earlier end date such as 2026-12-31")
	}
	if len(c.Keep) > 0 {
		words = append(words, "the roles to keep, parted by ;")
	}
	return strings.Join(words, " or ")
}

// handOn gives what the reviewer was not sure of to the next in line, and issues
// the workbooks of those who got something again.
func (in *intake) handOn(ctx context.Context, imported int64, answers []judged) ([]Move, error) {
	unsure := slices.DeleteFunc(slices.Clone(answers), func(a judged) bool { return a.verdict != NotSure })
	if len(unsure) == 0 || in.w.err != nil {
		return nil, in.w.err
	}
	log, err := loadLogbook(ctx, in.q, in.world, in.Period)
	if err != nil {
		return nil, err
	}
	bench := newBench(in.world, in.people, log, in.Fallback, in.o.At)
	for i := range in.items {
		if who, ok := in.people.persons[in.items[i].Reviewer.ID]; ok {
			bench.take(&in.items[i], who, bench.about(&in.items[i]))
		}
	}
	var moves []Move
	again := map[string][]int{}
	for _, a := range unsure {
		bench.leave(a.item)
		var asked []string // everybody it was ever given to
		for _, s := range in.seats[a.item.Number-1] {
			asked = append(asked, s.reviewer.ID)
		}
		bench.seat(a.item, asked)
		in.w.assign(in.id, *a.item, imported)
		moves = append(moves, Move{a.item.ID, a.item.Reviewer, a.item.Substitutions})
		if a.item.Reviewer.ID != "" {
			again[a.item.Reviewer.ID] = nil
		}
	}
	for _, item := range in.items {
		if rows, ok := again[item.Reviewer.ID]; ok && item.Decision == nil {
			again[item.Reviewer.ID] = append(rows, item.Number)
		}
	}
	in.w.issue(in.id, imported, in.o.At, again)
	return moves, in.w.err
}

// attempt records a refusal.
func (in *intake) attempt(refused *Refused) error {
	sum := sha256.Sum256(in.o.File)
	in.w.add("review_attempt", "campaign, at, importer, sha256, size, faults", in.id, store.Time(in.o.At), in.w.label(in.o.Importer),
		hex.EncodeToString(sum[:]), len(in.o.File), in.w.label(plainJSON(refused.Faults)))
	return in.w.err
}
