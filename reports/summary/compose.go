package summary

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// document is a summary taken apart into blocks. Both writers print the same
// blocks, so that they say the same.
type document struct {
	from, headline, customer, domain, period string // title band
	subject                                  string // "Access summary Q3 2026"
	foot                                     string
	incomplete                               []string // reasons; none: complete
	blocks                                   []block
}

// block is one piece of a document; each knows how it looks on both media.
type block interface {
	draw(*sheet)
	write(*page)
}

type (
	heading struct {
		text    string
		level   int  // 1 or 2; level 1 stands in the contents
		newPage bool // in the PDF
	}
	paragraph string
	aside     string // a paragraph in small grey type
	bullets   []string
	callout   struct {
		tone        tone
		title, body string
		big         bool
	}
	figures struct {
		figures  []Figure
		previous string
	}
	contents struct{} // in the PDF only
	table    struct {
		columns []column
		rows    [][]cell
	}
	definitions []Term
	strip       struct {
		days []DayState
		from time.Time // midday of the first day, in the reader's zone
		text string    // the same in words
	}
	chart []week
)

type tone int

const (
	toneGood tone = iota
	toneAttention
	toneIncomplete
	toneQuiet
)

type column struct {
	title string
	width float64 // mm
	right bool
}

// cell is a list of parts, each on a line of its own.
type cell []part

type part struct {
	text string
	look look
	// instead is drawn for the whole cell where this first part is a name of
	// which the fonts have no letter; nil where any text will do.
	instead cell
}

type look int

const (
	normal look = iota
	strong
	quiet
	warning
)

// week counts the uses that began in one week.
type week struct {
	label     string
	kinds     [len(kindNames)]int // sign-ins by kind of role
	activated int
	missing   bool // a day of it is Missing
}

func (w week) signedIn() int {
	n := 0
	for _, k := range w.kinds {
		n += k
	}
	return n
}

// compose words and orders the document, or says what the value lacks.
func compose(s Summary) (document, error) {
	switch {
	case s.Created.IsZero():
		return document{}, errors.New("access summary: no creation date: set Created")
	case !s.Since.Before(s.Until) || s.Until.Sub(s.Since) > 5*366*24*time.Hour:
		return document{}, errors.New("access summary: Since and Until must name a period of at most five years")
	case s.Zone == time.Local:
		return document{}, errors.New("access summary: Zone is this machine's: name one")
	case len(s.Answer) == 0:
		return document{}, errors.New("access summary: no answer")
	}
	if s.Zone == nil {
		s.Zone = time.UTC
	}
	c := composer{Summary: s, calendar: calendar{s.Zone, s.Since.In(s.Zone).Year()}, days: days(s)}
	d := document{
		from:       or(s.MSP, "MSP: no name"),
		headline:   title,
		customer:   or(s.Customer, "Customer: no name"),
		domain:     s.CustomerDomain,
		period:     c.period(),
		subject:    strings.TrimSpace(documentKind + " " + clean(s.ShortPeriod)),
		foot:       "Verification code " + or(s.VerificationCode, "not given") + " · Confidential: for " + or(s.Customer, "the customer"),
		incomplete: c.incomplete(),
	}
	c.front(d.incomplete)
	c.people()
	c.uses()
	c.agreements()
	c.records()
	c.verify()
	d.blocks = c.blocks
	return d, nil
}

type composer struct {
	Summary
	calendar
	days   []DayState
	blocks []block
}

func (c *composer) add(b ...block) { c.blocks = append(c.blocks, b...) }

// days is the state of each day of the period; a day not given is Missing.
func days(s Summary) []DayState {
	given := map[string]DayState{}
	for _, d := range s.Days {
		key := d.Date.In(s.Zone).Format(time.DateOnly)
		if before, twice := given[key]; twice {
			d.State = min(before, d.State) // two answers: the worse one
		}
		given[key] = d.State
	}
	var states []DayState
	for d := midday(s.Since.In(s.Zone)); d.Before(s.Until); d = d.AddDate(0, 0, 1) {
		state := given[d.Format(time.DateOnly)]
		if state < Missing || int(state) >= len(dayNames) {
			state = Missing
		}
		states = append(states, state)
	}
	return states
}

// midday never falls into a clock change, so that days can be counted from it.
func midday(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, t.Location())
}

func (c *composer) period() string {
	first, last := c.Since.In(c.zone), midday(c.Since.In(c.zone)).AddDate(0, 0, len(c.days)-1)
	from := first.Format("2 January 2006")
	if first.Year() == last.Year() {
		from = first.Format("2 January")
	}
	return fmt.Sprintf("%s – %s (%s, all times %s)", from, c.day(last), plural(len(c.days), "day", "days"), c.zone)
}

// incomplete lists why the document is so.
func (c *composer) incomplete() []string {
	var reasons []string
	say := func(reason string) {
		for _, r := range reasons {
			if r == reason {
				return
			}
		}
		reasons = append(reasons, reason)
	}
	if c.Incomplete != "" {
		say(sentence(or(c.Incomplete, "The reason was not recorded.")))
	}
	if n := count(c.days, Missing); n > 0 {
		say(fmt.Sprintf("The records of %d of %s are missing.", n, plural(len(c.days), "day", "days")))
	}
	for _, list := range []struct {
		what string
		read Reading
		gap  string
	}{
		{"people with access", c.People.Read, c.People.Gap},
		{"sign-ins", c.SignedIn.Read, c.SignedIn.Gap},
		{"activations", c.ActivatedOnly.Read, c.ActivatedOnly.Gap},
		{"agreements", c.Agreements.Read, c.Agreements.Gap},
	} {
		if list.read != Whole {
			say(unread(list.what, list.read, list.gap))
		}
	}
	return reasons
}

func unread(what string, read Reading, gap string) string {
	state := "could not be read"
	if read == InPart {
		state = "could be read only in part"
	}
	return sentence(fmt.Sprintf("The record of %s %s: %s", what, state, or(gap, "the reason was not recorded")))
}

func (c *composer) front(incomplete []string) {
	answer := callout{tone: toneAttention, body: joined(" ", c.Answer...), big: true}
	if len(incomplete) > 0 {
		c.add(callout{tone: toneIncomplete, title: "INCOMPLETE", body: strings.Join(incomplete, " ")})
	} else if c.AnswerTone == Good {
		answer.tone = toneGood
	}
	answer.body = or(answer.body, "No answer was recorded.")
	c.add(answer)
	if len(c.Figures) > 0 {
		c.add(figures{c.Figures, c.PreviousPeriod})
	}
	c.add(heading{text: "What needs your attention", level: 1})
	for _, a := range c.Attention {
		title := or(a.Title, "Please read")
		if !a.By.IsZero() {
			title += " · by " + c.day(a.By)
		}
		c.add(callout{tone: toneAttention, title: title, body: a.Text})
	}
	if len(c.Attention) == 0 {
		none := nothingToDecide
		if len(incomplete) > 0 {
			none += " " + incompleteHint
		}
		c.add(paragraph(none))
	}
	c.add(heading{text: "How complete is this report?", level: 1},
		paragraph(joined(" ", append([]string{c.coverage()}, c.Coverage...)...)),
		strip{c.days, midday(c.Since.In(c.zone)), c.stripText()},
		contents{})
}

func (c *composer) coverage() string {
	all := len(c.days) - count(c.days, NotServed)
	switch complete := count(c.days, Complete); {
	case all == 0:
		return "No agreement between us stood on any day of this period."
	case complete == all && all == len(c.days):
		return fmt.Sprintf("The records of all %s are complete.", plural(all, "day", "days"))
	case all == len(c.days):
		return fmt.Sprintf("The records of %d of %s are complete.", complete, plural(all, "day", "days"))
	default:
		return fmt.Sprintf("An agreement between us stood on %s; the records of %d of them are complete.", plural(all, "day", "days"), complete)
	}
}

// stripText lists the ranges of days that are not complete.
func (c *composer) stripText() string {
	var ranges []string
	first := midday(c.Since.In(c.zone))
	for i := 0; i < len(c.days); {
		j := i
		for j < len(c.days) && c.days[j] == c.days[i] {
			j++
		}
		if c.days[i] != Complete {
			when := c.short(first.AddDate(0, 0, i)) // as in "15 Aug to 16 Aug"
			if j-i > 1 {
				when += " to " + c.short(first.AddDate(0, 0, j-1))
			}
			ranges = append(ranges, when+": "+dayNames[c.days[i]])
		}
		i = j
	}
	return strings.Join(ranges, "; ")
}

func (c *composer) people() {
	c.add(heading{text: "People and roles", level: 1, newPage: true})
	c.unreadNote("people with access", c.People.Read, c.People.Gap)
	if len(c.People.Rows) == 0 {
		c.none(c.People.Read, "None of our people held access to your tenant, or could obtain it, in this period.", "No person with access is in the records we could read.")
		return
	}
	t := table{columns: []column{{"Person", 46, false}, {"Roles in your tenant", 40, false}, {"How access is obtained", 44, false},
		{"Signed in", 13, true}, {"Activated only", 15, true}, {"Last use", 16, true}}}
	for _, p := range c.People.Rows {
		last := part{text: c.short(p.LastUse)}
		whole := c.SignedIn.Read == Whole && c.ActivatedOnly.Read == Whole
		if p.LastUse.IsZero() && whole && p.SignedIn == Number(0) && p.Activated == Number(0) {
			last = part{text: "not used", look: warning}
		}
		t.rows = append(t.rows, []cell{
			person(p.Name, p.Account, p.Job), {{text: or(joined("; ", p.Roles...), notRecorded)}}, {{text: or(p.How, notRecorded)}},
			{counted(p.SignedIn, c.SignedIn.Read)}, {counted(p.Activated, c.ActivatedOnly.Read)}, {unknownQuiet(last)}})
	}
	c.add(t)
}

func (c *composer) agreements() {
	c.add(heading{text: "Agreements between us", level: 1},
		paragraph("What you have approved that we may do, and until when. You can end an agreement at any time: Microsoft 365 admin center, Settings, Partner relationships."))
	c.unreadNote("agreements", c.Agreements.Read, c.Agreements.Gap)
	if len(c.Agreements.Rows) == 0 {
		c.none(c.Agreements.Read, "No agreement between us stood in this period.", "No agreement is in the records we could read.")
		return
	}
	t := table{columns: []column{{"Agreement", 38, false}, {"Roles", 56, false}, {"From", 20, false}, {"Until", 22, false}, {"Status and renewal", 38, false}}}
	for _, a := range c.Agreements.Rows {
		end := part{text: c.fullShort(a.End), look: strong}
		if a.Endless {
			end = part{text: "no end date", look: warning}
		}
		name := cell{{text: or(a.Name, "no name"), look: strong}}
		if clean(a.Note) != "" {
			name = append(name, part{text: a.Note, look: quiet})
		}
		t.rows = append(t.rows, []cell{name, {{text: or(joined("; ", a.Roles...), notRecorded)}}, {unknownQuiet(part{text: c.fullShort(a.Start)})},
			{unknownQuiet(end)}, {{text: or(a.Status, "status "+notRecorded)}, {text: or(a.Renewal, "renewal "+notRecorded), look: quiet}}})
	}
	c.add(t)
}

func (c *composer) fullShort(t time.Time) string {
	if t.IsZero() {
		return notRecorded
	}
	return t.In(c.zone).Format("2 Jan 2006")
}

func (c *composer) records() {
	c.add(heading{text: "Where this comes from", level: 1})
	if len(c.Sources) > 0 {
		t := table{columns: []column{{"Record", 64, false}, {"Last read", 26, false}, {"Covers", 46, false}, {"State", 38, false}}}
		for _, src := range c.Sources {
			state := cell{{text: readingNames[NotRead], look: warning}}
			switch src.State {
			case Whole:
				state = cell{{text: readingNames[Whole]}}
			case InPart:
				state = cell{{text: readingNames[InPart], look: warning}}
			}
			if clean(src.Note) != "" {
				state = append(state, part{text: src.Note, look: quiet})
			}
			t.rows = append(t.rows, []cell{{{text: or(src.Name, "no name"), look: strong}}, {unknownQuiet(part{text: c.moment(src.ReadAt)})}, {unknownQuiet(part{text: or(src.Window, notRecorded)})}, state})
		}
		c.add(t)
	} else {
		c.add(paragraph("The sources of this document were not recorded."))
	}
	c.add(heading{text: "Gaps in the records", level: 2})
	switch {
	case len(c.Gaps) > 0:
		c.add(bullets(c.Gaps))
	case len(c.incomplete()) == 0:
		c.add(paragraph("No gap is known."))
	default:
		c.add(paragraph("See the reasons on the first page."))
	}
	c.add(heading{text: "Not part of this report", level: 2}, bullets(append(append([]string{}, notCovered...), c.NotCovered...)))
}

func (c *composer) verify() {
	c.add(heading{text: "How to check this yourself", level: 1}, bullets(append(append([]string{}, checks...), c.Checks...)))
	c.add(definitions{
		{"Questions", or(c.MSPContact, "no contact was recorded")},
		{"Tenant ID", or(c.TenantID, notRecorded)},
		{"Made from records as of", c.day(c.Created) + ", " + c.Created.In(c.zone).Format("15:04 MST")},
		{"Verification code", or(c.VerificationCode, notRecorded)},
		{"Seal of the records", or(c.Seal, notRecorded)},
		{"Seal before it", or(c.PreviousSeal, notRecorded)},
	})
	c.add(heading{text: "Words used", level: 1}, definitions(c.words()))
}

// words is the fixed glossary with the caller's words in it, in order.
func (c *composer) words() []Term {
	words := append([]Term{}, glossary...)
	for _, t := range c.Glossary {
		at := 0
		for at < len(words) && strings.ToLower(words[at].Word) < strings.ToLower(clean(t.Word)) {
			at++
		}
		if at < len(words) && strings.EqualFold(words[at].Word, clean(t.Word)) {
			words[at] = t
			continue
		}
		words = append(words[:at], append([]Term{t}, words[at:]...)...)
	}
	return words
}

// none says that a list is empty, or that this cannot be said.
func (c *composer) none(read Reading, none, unknown string) {
	if read != Whole {
		none = unknown + " This does not mean that there was none."
	}
	c.add(paragraph(none))
}

func (c *composer) unreadNote(what string, read Reading, gap string) {
	if read != Whole {
		c.add(callout{tone: toneIncomplete, body: unread(what, read, gap)})
	}
}

// person is a name over the account and a note, or, where the name cannot be
// drawn, the account in its place.
func person(name, account, note string) cell {
	var notes cell
	if clean(note) != "" {
		notes = cell{{text: note, look: quiet}}
	}
	below := append(cell{{text: or(account, "account "+notRecorded), look: quiet}}, notes...)
	unnamed := append(cell{{text: unprintableName, look: strong}}, below...)
	if or(account, "") != "" {
		unnamed = append(cell{{text: account, look: strong, instead: unnamed}}, notes...)
	}
	return append(cell{{text: or(name, "no name"), look: strong, instead: unnamed}}, below...)
}

// counted prints a count taken from a list; from a list not read whole it is a
// lower bound, and none seen is not none.
func counted(c Count, read Reading) part {
	switch {
	case read == Whole || !c.known:
		return unknownQuiet(part{text: c.String()})
	case c.n == 0:
		return part{text: notRecorded, look: quiet}
	}
	return part{text: "at least " + c.String()}
}

// unknownQuiet greys what is not recorded, so that it cannot pass for a value.
func unknownQuiet(p part) part {
	if p.text == notRecorded {
		p.look = quiet
	}
	return p
}

// joined joins the texts that hold something to read.
func joined(separator string, texts ...string) string {
	var kept []string
	for _, t := range texts {
		if t = clean(t); t != "" {
			kept = append(kept, t)
		}
	}
	return strings.Join(kept, separator)
}

func count(days []DayState, state DayState) int {
	n := 0
	for _, d := range days {
		if d == state {
			n++
		}
	}
	return n
}
