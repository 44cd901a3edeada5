package workbook

import (
	"slices"
	"strconv"
	"strings"
)

// Sheet names and labels a returned file is searched for.
const (
	sheetStart    = "Start"
	sheetDecide   = "Decide"
	sheetReaffirm = "Re-affirm"
	sheetChains   = "Chains"
	sheetCoverage = "Coverage"
	sheetRoles    = "Roles"
	sheetSignOff  = "Sign-off"
	sheetLists    = "_lists" // what the drop-downs offer; very hidden

	headItem     = "Item"
	headDecision = "Decision"
	headChangeTo = "Change to"
	headReason   = "Reason"

	labelCode      = "Workbook code"
	labelAll       = "Approve all rows below"
	labelReviewer  = "Reviewer"
	labelDate      = "Date"
	labelStatement = "Statement"
)

// ownReason stands in the Level cell of a privileged row, so that no rule of
// the sheet rests on colour alone.
const ownReason = "reason needed"

// statement is what the Sign-off sheet offers to be signed.
const statement = "I looked at each row myself and decided it as written here."

// Header rows of the sheets that are only read.
func chainHeads() []string {
	return []string{"Group", "Member", "Account", "Through", "State", "Until"}
}
func coverageHeads() []string {
	return []string{"Scope", "Evidence", "State", "Asked at", "Window", "Rows", "Reason"}
}
func roleHeads() []string { return []string{"Role", "Level", "What it allows"} }

// tableHeads tells the header row of every sheet of rows.
func tableHeads() [][]string {
	return [][]string{{headItem, headDecision}, chainHeads(), coverageHeads(), roleHeads()}
}

// signOffLabels are the labels beside the inputs of Sign-off.
func signOffLabels() []string { return []string{labelReviewer, labelDate, labelStatement} }

// decisions are the words the Decision column takes.
func decisions() []string { return []string{Approve, Revoke, Change, NotSure} }

// column is one column of Decide and Re-affirm. Write fills it and Read finds
// it by its head; a column with a fact must come back as it was issued.
type column struct {
	head   string
	width  float64
	fact   func(Row) string // nil for the reviewer's own columns
	number bool             // digits are written as a number, centred
	hidden bool
	help   string // tooltip of an input
}

// text is what the cell of a row shows.
func (c column) text(r Row) string {
	text := visible(c.fact(r))
	if c.hidden {
		return text
	}
	return folded(text, c.width)
}

// columns lists the columns in the order they are written.
func columns() []column {
	return []column{
		{head: headItem, width: 22.5, fact: func(r Row) string { return r.Item }},
		{head: "Who or what", width: 30, fact: func(r Row) string { return twoLines(r.Who, "", r.Account) }},
		{head: "Customer", width: 18.5, fact: func(r Row) string { return r.Customer }},
		{head: "Kind", width: 13, fact: func(r Row) string { return twoLines(r.Kind, "", r.State) }},
		{head: "Access", width: 20, fact: func(r Row) string { return twoLines(r.Access, "through ", r.Through) }},
		{head: "Roles", width: 21, fact: func(r Row) string { return r.Roles }},
		{head: "Level", width: 16, fact: level},
		{head: "Ends", width: 12.5, fact: func(r Row) string { return r.Ends }},
		{head: "Last used", width: 12, fact: func(r Row) string { return r.LastUsed }},
		{head: "Uses", width: 9, number: true, fact: func(r Row) string { return r.Uses }},
		{head: "Findings", width: 44, fact: func(r Row) string { return r.Findings }},
		{head: "Suggestion", width: 31, fact: func(r Row) string { return twoLines(r.Suggestion, "", r.Why) }},
		{head: headDecision, width: 12, help: "Approve: keep it as it is. Revoke: remove it. Change: keep it, but as you write in Change to. Not sure: the next in line decides. Blank: still open."},
		{head: headChangeTo, width: 14, help: "Only with Change. Membership: eligible, or an end date such as 2026-12-31. Delegation: the roles to keep, separated by ; . Otherwise: no renewal, or an end date."},
		{head: headReason, width: 26, help: "Needed for everything but Approve, and always where Level says “" + ownReason + "”. One short sentence."},
		{head: "Check", width: 12, hidden: true, fact: func(r Row) string { return r.Check }},
	}
}

func level(r Row) string {
	if r.Privileged {
		return twoLines(r.Level, "", ownReason)
	}
	return r.Level
}

// twoLines puts a second thing below the first, when there is one.
func twoLines(first, joint, second string) string {
	switch {
	case second == "":
		return first
	case first == "":
		return joint + second
	}
	return first + "\n" + joint + second
}

// at is the index of the column with this head.
func at(cols []column, head string) int {
	return slices.IndexFunc(cols, func(c column) bool { return c.head == head })
}

// number reads a plain count; anything else stays text.
func number(s string) (int, bool) {
	n, err := strconv.Atoi(s)
	return n, err == nil && strconv.Itoa(n) == s && n >= 0
}

// choices words what may stand in Change to.
func (c Choices) String() string {
	words := slices.Clone(c.Words)
	if c.Date {
		words = append(words, "an end date such as 2026-12-31")
	}
	if len(c.Keep) > 1 {
		words = append(words, "the roles to keep out of "+strings.Join(c.Keep, "; "))
	}
	return strings.Join(words, ", or ")
}
