package summary

import (
	"strconv"
	"time"
)

// Summary is one customer's access summary: worded, sorted and decided by the
// caller, for one customer only. Whatever is left at its zero value reads as
// unknown ("not recorded", "not read"), never as nothing happened. Times are
// instants; they are printed in Zone. All text is plain and untrusted.
type Summary struct {
	MSP         string // who writes, as the customer knows them
	MSPContact  string // mail and phone for questions
	BrandColour string // "#rrggbb" of the title band; anything else gives the house's navy
	Logo        []byte // PNG, or nil

	Customer       string
	CustomerDomain string
	TenantID       string

	Since, Until   time.Time      // the period, half-open; both are midnights in Zone
	Zone           *time.Location // nil is UTC
	ShortPeriod    string         // "Q3 2026"
	PreviousPeriod string         // "Q2 2026", the column of Figure.Previous; "" where there is none
	Created        time.Time      // when the evidence was judged; the only date in the file's properties

	// Incomplete says in words what is missing. The document also calls itself
	// incomplete, without being told, when a day is Missing or a list was not
	// read Whole.
	Incomplete string

	Answer     []string // one to three sentences; the first thing the customer reads
	AnswerTone Tone     // Good is shown only where the document is complete
	Figures    []Figure // four fit
	Attention  []Attention

	Coverage   []string // sentences on how the records were read
	Days       []Day    // a day of the period that is not here is Missing
	Gaps       []string // each hole in the records: what, from when to when, why
	NotCovered []string // what this document does not speak of, beside the fixed lines

	People        List[Person]
	SignedIn      List[Use] // uses with a sign-in to this customer behind them
	ActivatedOnly List[Use] // activations that allowed entry here, without a sign-in tied to them
	Agreements    List[Agreement]
	Sources       []Source

	Checks   []string // further ways to check, beside the fixed ones
	Glossary []Term   // further words; one of the fixed words is redefined by naming it

	VerificationCode string // in each footer
	Seal             string // of the evidence this was made from
	PreviousSeal     string // of the record before it
}

// Reading says how far a record was read for the whole period.
type Reading int

const (
	NotRead Reading = iota // nothing may be concluded from an empty list
	InPart
	Whole
)

// List is what one record says and how far that record was read. An empty list
// says "none" only when it was read Whole.
type List[T any] struct {
	Rows []T
	Read Reading
	Gap  string // why it was not read whole, as a sentence
}

// Tone colours the answer.
type Tone int

const (
	NeedsAttention Tone = iota
	Good
)

// Count is a number that may be unknown. The zero value is "not recorded".
type Count struct {
	n     int
	known bool
}

// Number is a counted n; a negative n is not recorded.
func Number(n int) Count { return Count{n, n >= 0} }

// String is the number, or "not recorded".
func (c Count) String() string {
	if !c.known {
		return notRecorded
	}
	return strconv.Itoa(c.n)
}

// Figure is one key figure. An empty Value or Previous is "not recorded".
type Figure struct {
	Value    string // "31", "1 h 52 min"
	Label    string // "sign-ins to your tenant"
	Note     string // "longest: 4 h"
	Previous string // the same figure in PreviousPeriod
}

// Attention is one thing the customer must decide or do.
type Attention struct {
	Title string
	Text  string
	By    time.Time // zero: no date
}

// DayState says how much of one day's records was read.
type DayState int

const (
	Missing   DayState = iota // a record needed for this report was not read
	Recovered                 // read later, or from a second source
	Complete
	NotServed // no agreement stood on that day
)

// Day is the state of one calendar day in Zone; the time of day does not matter.
type Day struct {
	Date  time.Time
	State DayState
}

// Person is somebody who holds or can obtain access to this customer.
type Person struct {
	Name      string
	Account   string // sign-in name; identifies the person where the name cannot be shown
	Job       string
	Roles     []string // in this customer's tenant
	How       string   // "on request, at most 8 h, a second person approves"
	SignedIn  Count    // rows of Summary.SignedIn
	Activated Count    // rows of Summary.ActivatedOnly
	// LastUse is the last sign-in or activation known, in the period or before it.
	// Zero is "not used" where both counts are a known 0, else "not recorded".
	LastUse time.Time
}

// RoleKind is how much a role can do, in three steps a customer can tell apart.
type RoleKind int

const (
	UnknownKind    RoleKind = iota
	ReadSupport             // reads, or helps users
	Administration          // changes settings
	HighImpact              // controls the tenant, or can come to control it
)

// Use is one sign-in or one activation. Purpose and Ticket are given only where
// they are tied to this customer; else Withheld says why they are not shown,
// and then neither is printed. Uses in ActivatedOnly that withhold are put together
// where they differ in start and duration only; each start is still listed.
type Use struct {
	Start    time.Time
	Lasted   time.Duration // 0: not recorded
	Person   string
	Account  string
	Role     string
	Kind     RoleKind
	Purpose  string // as written by the person
	Ticket   string
	Withheld string // "also used for other customers"
	Approval string // "not needed", "by a second person"; "" is not recorded
}

// Agreement is what the customer has agreed the MSP may do, and until when.
type Agreement struct {
	Name       string
	Roles      []string
	Start, End time.Time // zero: not recorded
	Endless    bool      // it has no end date; End is then not printed
	Status     string    // "active"
	Renewal    string    // "renews by itself for 6 months", "ends unless you approve again"
	Note       string
}

// Source is one record this document was made from.
type Source struct {
	Name   string    // "Sign-in log of Northgate MSP"
	ReadAt time.Time // last reading; zero: not recorded
	Window string    // "1 July to 30 September 2026"
	State  Reading
	Note   string // why not whole
}

// Term explains one word.
type Term struct{ Word, Meaning string }
