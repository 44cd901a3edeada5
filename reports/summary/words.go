package summary

import (
	"fmt"
	"strings"
	"time"
)

// The sentences that are the same for every customer. They claim no more than
// the records hold; TestWordsClaimNothing keeps them so.
const (
	notRecorded  = "not recorded"
	documentKind = "Access summary"
	title        = "Who had access to your Microsoft 365 tenant"

	nothingToDecide = "We found nothing that needs a decision from you."
	incompleteHint  = "The records are incomplete, so something may be open that we could not see."

	usesExplained = "Each use stands in one of two lists. “Signed in to your tenant” means that Microsoft recorded a sign-in of this person to your tenant. " +
		"“Activated only” means that a role was switched on and no sign-in to your tenant is tied to it."
	activationExplained = "Our people switch on (activate) a role through a group, and a group may serve several customers. " +
		"An activation therefore allows entry to every customer the group serves, for as long as it lasts. " +
		"It does not prove that anybody entered your tenant: it may have been used for another customer."
	togetherExplained = "Uses whose purpose is not shown are put together by person, role and reason: each row says how often, " +
		"and lists when every use began, with its duration in brackets unless that is the same for all."
	purposeExplained = "Purpose and ticket are what our engineer wrote. They are shown only where they belong to your tenant; otherwise the row says why not."
	chartExplained   = "Uses by the week they began in. Weeks start on Monday."
	chartLegend      = "Filled bars count sign-ins, by kind of role; outlined bars count activations only."
	chartPartial     = "The records behind this picture were not read whole, so there may have been more uses than it shows."

	replacedExplained = "\uFFFD stands for a character that the fonts of this document cannot show. In a person's name, the account name beside it says who it is."

	unprintableName  = "name in a script this document cannot print"
	unnamedExplained = "Where a person's name is in a script that this document cannot print, the account name stands in its place. The text version has the name."

	unbroken = "\u00a0" // a space at which no line breaks
)

var notCovered = []string{
	"What was read or changed after signing in. This report shows who could enter, who signed in and which roles were switched on.",
	"Access of your own staff, of Microsoft, and of other companies.",
}

var checks = []string{
	"See and end what you have granted us: Microsoft 365 admin center, Settings, Partner relationships. You can end an agreement there at any time, without asking us.",
	"See our sign-ins yourself: Microsoft Entra admin center, Sign-in logs, with the filter “Cross tenant access type: Service provider”. Microsoft keeps these logs for 7 or 30 days, depending on your licence.",
	"See what we changed: Microsoft Entra admin center, Audit logs, and the audit search of Microsoft Purview.",
	"To check that this document is ours and unaltered, send us the verification code from the foot of the page by a way you already know, not by an address in this document.",
}

var glossary = []Term{
	{"Activation", "Switching on a role for a limited time. Before and after it, the person holds nothing."},
	{"Agreement (GDAP)", "What you approved that we may do in your tenant: a list of roles, with an end date. Microsoft calls it granular delegated admin privileges."},
	{"Approval", "A second person must agree before the role is switched on."},
	{"High-impact role", "A role that controls the whole tenant, or from which such control can be gained."},
	{"Not recorded", "We do not know. It does not mean none."},
	{"On request (PIM)", "The person may switch the role on when needed, and it switches itself off. Microsoft calls it Privileged Identity Management."},
	{"Permanent access", "Access that is there all the time, without switching it on."},
	{"Role", "A bundle of rights that Microsoft defines, such as Helpdesk Administrator."},
	{"Seal", "A fingerprint of the records behind this document. Changed records have another seal."},
	{"Sign-in", "Microsoft's record that a person entered your tenant."},
	{"Tenant", "Your organisation's own area in Microsoft's cloud, with its users and data."},
}

var kindNames = [...]string{
	UnknownKind:    "roles of a kind not recorded",
	ReadSupport:    "read or support roles",
	Administration: "administration roles",
	HighImpact:     "high-impact roles",
}

var dayNames = [...]string{
	Missing:   "missing",
	Recovered: "recovered later or from a second source",
	Complete:  "complete",
	NotServed: "no agreement between us",
}

var readingNames = [...]string{NotRead: "not read", InPart: "read in part", Whole: "read whole"}

// calendar prints instants in the reader's zone. A year is printed where it is
// not the one the period began in.
type calendar struct {
	zone *time.Location
	year int
}

func (c calendar) day(t time.Time) string {
	if t.IsZero() {
		return notRecorded
	}
	return t.In(c.zone).Format("2 January 2006")
}

func (c calendar) short(t time.Time) string {
	if t.IsZero() {
		return notRecorded
	}
	if t = t.In(c.zone); t.Year() != c.year {
		return t.Format("2 Jan 2006")
	}
	return t.Format("2 Jan")
}

// moment adds the zone's abbreviation in the hour that a clock change repeats.
func (c calendar) moment(t time.Time) string {
	if t.IsZero() {
		return notRecorded
	}
	clock := t.In(c.zone).Format("15:04")
	for _, other := range []time.Duration{-time.Hour, time.Hour} {
		if t.Add(other).In(c.zone).Format("15:04") == clock {
			clock += " " + t.In(c.zone).Format("MST")
		}
	}
	return c.short(t) + " " + clock
}

// length prints a duration to the minute; nothing is rounded down to 0.
func length(d time.Duration) string {
	minutes := int((d + 30*time.Second) / time.Minute)
	switch {
	case d <= 0:
		return notRecorded
	case minutes == 0:
		return "under 1 min"
	case minutes < 60:
		return fmt.Sprintf("%d min", minutes)
	case minutes%60 == 0:
		return fmt.Sprintf("%d h", minutes/60)
	}
	return fmt.Sprintf("%d h %02d", minutes/60, minutes%60)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// or is the text, or what stands for a text without anything to read in it.
func or(text, otherwise string) string {
	if strings.Trim(clean(text), " \uFFFD") == "" {
		return otherwise
	}
	return text
}

// sentence ends a text with a full stop unless it ends with a mark already.
func sentence(text string) string {
	if text = clean(text); text == "" || strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}
