package workbook

import "time"

// Book is one reviewer's workbook. All texts arrive worded, all lists sorted.
type Book struct {
	Campaign string // "AR26Q3", also the prefix of item ids; letters, digits, ".", "_", "-"
	Revision int    // 1, 2 ...: the newest is open, older ones are superseded
	Token    string // ties a returned file to reviewer and revision; same alphabet as Campaign

	Title       string // "Access review, third quarter 2026"
	MSP         string
	Reviewer    string
	ReviewerUPN string
	Contact     string // whom to ask: a mail address, a phone number
	Period      string
	Due         string
	DataAsOf    string
	Zone        string // time zone of every time in the book
	Incomplete  string // why the population is incomplete; not empty puts INCOMPLETE on every sheet and page
	Covered     string // one sentence: what the evidence covers and what it does not
	Seal        string // head of the seal chain
	Created     time.Time

	Decide   []Row // to be decided one by one
	Reaffirm []Row // unchanged since their approval; may be approved together
	Chains   []Chain
	Coverage []CoverageLine
	Roles    []RoleLine
}

// Row is one review item as the reviewer sees it. Every field is a locked cell,
// or part of one; Read refuses a row that does not come back as issued.
type Row struct {
	Item       string // "AR26Q3-000123-7F": counted, ending in check letters; plain ASCII
	Kind       string // Membership, Delegation, Relationship ...
	Who        string // person, group or relationship the row is about
	Account    string // its sign-in name, if any
	Customer   string // one customer, or "3 customers"
	Access     string // what is held: the group, the agreement
	Through    string // the way into it, when it is not direct
	Roles      string // role names, separated by "; "
	Level      string // "0 full control"
	State      string // standing, time-bound, eligible, activated
	Ends       string // ISO date, or words such as "no end"
	LastUsed   string // ISO date, or "never", "not recorded"
	Uses       string // times used in the period; digits become a number
	Findings   string
	Suggestion string // what the evidence speaks for: a decision, "Change: eligible", "Review", or empty
	Why        string // reason for the suggestion
	Privileged bool   // tier 0 or 1: needs its own decision and reason
	ChangeTo   Choices
	Check      string // MAC over the row, made by the caller; stands in a hidden column
}

// Choices is what may stand in Change to. The zero value: the row cannot be changed.
type Choices struct {
	Words []string // fixed answers: "eligible", "no renewal"
	Date  bool     // a new end date, 2026-12-31
	Keep  []string // role names of which some may be kept, separated by ";"
}

// Chain says who is in which group, and how.
type Chain struct{ Group, Member, Account, Through, State, Until string }

// CoverageLine is one kind of evidence of one scope.
type CoverageLine struct{ Scope, Kind, State, AskedAt, Window, Rows, Reason string }

// RoleLine explains one role in plain words.
type RoleLine struct{ Role, Level, Allows string }

// Expect is what was issued: the file must be an answer to exactly this.
type Expect struct {
	Campaign, Token  string
	Revision         int
	Decide, Reaffirm []Row
	Closed           bool // the campaign takes no more answers
	MaxBytes         int  // cap on the file, 0 means 8 MiB
}

// Returned is a whole workbook that came back without a fault.
type Returned struct {
	Answers                   []Answer // sorted by item
	Reviewer, Date, Statement string   // from Sign-off; Date is ISO
	Blank                     int      // issued items without an answer: still open
}

// Answer is one decision. ChangeTo is canonical: a word as issued, an ISO date,
// or the role names to keep joined by "; ".
type Answer struct {
	Item, Decision, ChangeTo, Reason string
	Sheet                            string
	Row                              int  // 1-based
	Reaffirmed                       bool // approved by the one input above the rows
}

// The four decisions.
const (
	Approve = "Approve"
	Revoke  = "Revoke"
	Change  = "Change"
	NotSure = "Not sure"
)

// Fault is one thing wrong with a returned workbook, in words for its reviewer.
type Fault struct{ Sheet, Cell, Item, Problem, Cure string }
