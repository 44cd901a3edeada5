package reports

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/reports/summary"
	"countersign/rules/rule"
)

// soon is how long before its end an agreement needs the customer's attention.
const soon = 60 * 24 * time.Hour

// attention lists what the customer must know or decide.
func (v customerView) attention(zone *time.Location, held summary.Reading) []summary.Attention {
	var out []summary.Attention
	if n := v.standing(); n > 0 && held == summary.Whole {
		out = append(out, summary.Attention{Title: "Privileged access is held permanently.",
			Text: fmt.Sprintf("%d of our people can use a privileged role at any time, without asking first; the table People and roles names them. Ask us whether it could be on request instead.", n)})
	}
	for _, r := range v.relationships[v.tenant] {
		switch {
		case snapshot.GivesAccess(r.Status) && !r.Extends() && !r.Ends.IsZero() && r.Ends.Sub(v.Access.At) < soon:
			out = append(out, summary.Attention{Title: fmt.Sprintf("Your approval for our access ends on %s.", r.Ends.In(zone).Format("2 January 2006")),
				Text: fmt.Sprintf("The agreement %q then ends by itself. If we are to keep serving you, approve a new one; if not, nothing has to be done.", v.safe(r.Name)), By: r.Ends})
		case strings.EqualFold(r.Status, "approvalPending"):
			out = append(out, summary.Attention{Title: "A request of ours waits for your approval.",
				Text: fmt.Sprintf("We asked for the agreement %q on %s. You decide in the Microsoft 365 admin center under Settings > Partner relationships; a request not approved within 90 days lapses.", v.safe(r.Name), r.Created.In(zone).Format("2 January 2006"))})
		}
		if snapshot.GivesAccess(r.Status) && slices.Contains(v.roles[r.ID], snapshot.GlobalAdministrator) {
			out = append(out, summary.Attention{Title: "An agreement allows full control of your tenant.",
				Text: fmt.Sprintf("The agreement %q includes Global Administrator, the role that can do everything. Ask us why it is needed, or end it under Settings > Partner relationships.", v.safe(r.Name))})
		}
	}
	return out
}

// figures are the four numbers on the first page, each beside that of the quarter
// before where it is known.
func (v customerView) figures(s summary.Summary, before []string) []summary.Figure {
	out := []summary.Figure{
		{Label: "can have access", Note: "people and other accounts of ours"},
		{Label: "times signed in", Note: fmt.Sprintf("by %d of our people", persons(s.SignedIn.Rows))},
		{Label: "activations without a sign-in", Note: "allowed entry, none seen here"},
		{Label: "hold privileged access permanently", Note: "of our people"},
	}
	for i, value := range v.numbers(s) {
		out[i].Value = value
		if before != nil {
			out[i].Previous = before[i]
		}
	}
	return out
}

// numbers counts people, stays, activations and permanent holders of privileged
// roles; empty where the record does not allow a number.
func (v customerView) numbers(s summary.Summary) []string {
	return []string{number(len(s.People.Rows), s.People.Read), number(len(s.SignedIn.Rows), s.SignedIn.Read),
		number(len(s.ActivatedOnly.Rows), s.ActivatedOnly.Read), number(v.standing(), s.People.Read)}
}

// standing counts those who hold a privileged role all the time.
func (v customerView) standing() int {
	n := 0
	for _, holds := range v.holdings {
		if slices.ContainsFunc(holds, func(h holding) bool { return h.member.State == snapshot.Standing && privileged(h.roles) }) {
			n++
		}
	}
	return n
}

func privileged(roles []string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return snapshot.RoleByID(r).Tier.Privileged() })
}

// number is a count that an unread record may fall short of.
func number(n int, read summary.Reading) string {
	switch {
	case read == summary.Whole:
		return fmt.Sprint(n)
	case n > 0:
		return fmt.Sprintf("at least %d", n)
	}
	return ""
}

func persons(uses []summary.Use) int {
	seen := map[string]bool{}
	for _, u := range uses {
		seen[u.Person+"\n"+u.Account] = true
	}
	return len(seen)
}

// answer says in one or two sentences what the customer wants to know first.
func (v customerView) answer(s summary.Summary, logs, held summary.Reading) ([]string, summary.Tone) {
	var out []string
	atLeast := ""
	if logs != summary.Whole {
		atLeast = "at least "
	}
	switch {
	case len(s.SignedIn.Rows) > 0:
		out = append(out, fmt.Sprintf("%s%d of our people signed in to your tenant, %s%s.", capital(atLeast), persons(s.SignedIn.Rows), atLeast, rule.Count(len(s.SignedIn.Rows), "time")))
	case logs == summary.Whole:
		out = append(out, "None of us signed in to your tenant.")
	default:
		out = append(out, "We cannot say whether one of us signed in to your tenant: the record was not read whole.")
	}
	standing := v.standing()
	switch {
	case held != summary.Whole:
		out = append(out, "Who holds access could not be read whole.")
	case standing == 0:
		out = append(out, "Nobody holds privileged access permanently.")
	default:
		out = append(out, fmt.Sprintf("%d of our people %s privileged access permanently.", standing, map[bool]string{true: "holds", false: "hold"}[standing == 1]))
	}
	if n := len(s.Attention); n > 0 {
		out = append(out, rule.Counted(n, "item needs", "items need")+" your attention.")
	}
	if len(s.Attention) == 0 && standing == 0 && held == summary.Whole && logs == summary.Whole {
		return out, summary.Good
	}
	return out, summary.NeedsAttention
}

func capital(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}

// reading is how far a record was read, with the reason when not whole.
type reading struct {
	read  summary.Reading
	gap   string
	holes []string
}

// reading judges the kinds by the parts that this customer's chains need.
func (v customerView) reading(kinds ...snapshot.Kind) reading {
	r := reading{read: summary.Whole}
	for _, c := range v.coverage {
		if !slices.Contains(kinds, c.Kind) || c.State == snapshot.Complete {
			continue
		}
		r.read = summary.InPart
		gap := fmt.Sprintf("%s could not be read whole.", sourceName(c.Kind))
		if !strings.Contains(r.gap, gap) {
			r.gap = strings.TrimSpace(r.gap + " " + gap)
		}
	}
	return r
}

// signInReading judges the sign-in log by the days of the period.
func (v customerView) signInReading(zone *time.Location) reading {
	r := reading{read: summary.Whole}
	var from time.Time
	flush := func(until time.Time) {
		if !from.IsZero() {
			r.holes = append(r.holes, fmt.Sprintf("The sign-in log was not read from %s to %s.", from.In(zone).Format("2 January"), until.Add(-time.Second).In(zone).Format("2 January")))
			from = time.Time{}
		}
	}
	missing := 0
	days := v.dayStates(zone)
	for _, d := range days {
		if d.State == summary.Missing {
			missing++
			if from.IsZero() {
				from = d.Date
			}
			continue
		}
		flush(d.Date)
	}
	flush(v.Period.Until)
	if missing > 0 {
		r.read, r.gap = summary.InPart, fmt.Sprintf("The sign-in log was not read on %s of %d.", rule.Count(missing, "day"), len(days))
	}
	if missing == len(days) {
		r.read = summary.NotRead
	}
	if r.read == summary.Whole && len(v.servedHoles()) > 0 {
		r.read, r.gap = summary.InPart, "What reached the sign-in log late was not read on all days."
	}
	return r
}

// servedHoles are the holes of the sign-in log, as far as they lie in the period and in
// the time since the first agreement.
func (v customerView) servedHoles() (out []snapshot.Hole) {
	since := v.Period.Since
	if served := v.servedSince(); served.After(since) {
		since = served
	}
	for _, h := range v.holes {
		if h.Since.Before(since) {
			h.Since = since
		}
		if h.Until.After(v.Period.Until) {
			h.Until = v.Period.Until
		}
		if h.Since.Before(h.Until) {
			out = append(out, h)
		}
	}
	return out
}

// holeWords says of each hole from when to when it is, and whether it can be closed.
func (v customerView) holeWords(zone *time.Location) (out []string) {
	for _, h := range v.servedHoles() {
		why := "were not read in time. Microsoft no longer keeps the record of them, so this gap cannot be closed."
		switch {
		case h.Late:
			why = "were read once, and not again. What Microsoft recorded of them up to two days late may be missing, and cannot be had any more."
		case h.Closable:
			why = "have not been read yet. Microsoft still keeps the record of them, so our next reading can close this gap."
		}
		out = append(out, "Our sign-ins "+dates(h.Since.In(zone), h.Until.Add(-time.Second).In(zone))+" "+why)
	}
	return out
}

// dates names the days from the first to the last.
func dates(first, last time.Time) string {
	const day = "2 January 2006"
	if first.Format(day) == last.Format(day) {
		return "of " + last.Format(day)
	}
	return "from " + first.Format(day) + " to " + last.Format(day)
}

// dayStates says of each day in the zone whether the sign-in log was read whole.
func (v customerView) dayStates(zone *time.Location) []summary.Day {
	served := v.servedSince()
	var out []summary.Day
	for day := v.Period.Since; day.Before(v.Period.Until); {
		l := day.In(zone)
		next := time.Date(l.Year(), l.Month(), l.Day()+1, 0, 0, 0, 0, zone)
		state := summary.Missing
		switch {
		case !served.IsZero() && !next.After(served):
			state = summary.NotServed
		case v.signInsRead(day, next) && !slices.ContainsFunc(v.holes, func(h snapshot.Hole) bool { return !h.Late && h.Since.Before(next) && h.Until.After(day) }):
			state = summary.Complete
		}
		out = append(out, summary.Day{Date: day, State: state})
		day = next
	}
	return out
}

func (v customerView) servedSince() time.Time {
	var first time.Time
	for _, r := range v.relationships[v.tenant] {
		if !r.Activated.IsZero() && (first.IsZero() || r.Activated.Before(first)) {
			first = r.Activated
		}
	}
	return first
}

// signInsRead reports whether the log was read over [from, until).
func (v customerView) signInsRead(from, until time.Time) bool {
	for day := from.UTC().Truncate(24 * time.Hour); day.Before(until); day = day.Add(24 * time.Hour) {
		begin, end := day, day.Add(24*time.Hour)
		if from.After(begin) {
			begin = from
		}
		if until.Before(end) {
			end = until
		}
		if read := v.days[day.Format(time.DateOnly)]; read.since.After(begin) || read.until.Before(end.Add(-time.Second)) {
			return false
		}
	}
	return true
}

// sources names the records the document was made from.
func (v customerView) sources(sender Sender, zone *time.Location) []summary.Source {
	asOf := "as of " + v.Access.At.In(zone).Format("2 January 2006")
	var out []summary.Source
	for _, kind := range []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments, snapshot.Memberships, snapshot.GroupEligibilities} {
		r := v.reading(kind)
		out = append(out, summary.Source{Name: sourceName(kind) + " of " + sender.Name, ReadAt: v.Access.At, Window: asOf, State: r.read, Note: r.gap})
	}
	const period = "the period of this report"
	acts, logs := v.reading(snapshot.GroupActivations), v.signInReading(zone)
	return append(out,
		summary.Source{Name: sourceName(snapshot.GroupActivations) + " of " + sender.Name, ReadAt: v.Access.At, Window: period, State: acts.read, Note: acts.gap},
		summary.Source{Name: "Sign-in log of " + sender.Name + " (Microsoft Entra)", ReadAt: v.Access.At, Window: period, State: logs.read, Note: logs.gap})
}

func sourceName(kind snapshot.Kind) string {
	switch kind {
	case snapshot.Relationships:
		return "The list of agreements (GDAP relationships)"
	case snapshot.AccessAssignments:
		return "The list of which group holds which roles"
	case snapshot.Memberships:
		return "The member lists of the groups"
	case snapshot.GroupEligibilities, snapshot.GroupAssignments:
		return "The list of just-in-time rights"
	case snapshot.GroupActivations:
		return "The log of activations"
	}
	return "The record of " + string(kind)
}
