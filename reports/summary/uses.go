package summary

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

func (c *composer) uses() {
	c.add(heading{text: "When access was used", level: 1})
	if len(c.SignedIn.Rows)+len(c.ActivatedOnly.Rows) > 0 {
		weeks, undated := c.weeks()
		c.add(paragraph(chartExplained))
		if min(c.SignedIn.Read, c.ActivatedOnly.Read) != Whole {
			c.add(paragraph(chartPartial))
		}
		if undated > 0 {
			c.add(paragraph("Not in the picture, for want of a recorded start within this period: " + plural(undated, "use", "uses") + "."))
		}
		c.add(chart(weeks))
	} else {
		c.none(min(c.SignedIn.Read, c.ActivatedOnly.Read), "No sign-in and no activation is recorded in this period.", "No use is in the records we could read.")
	}
	c.add(heading{text: "Every use of access", level: 1}, paragraph(usesExplained))
	c.add(heading{text: fmt.Sprintf("Signed in to your tenant (%s)", c.listed(c.SignedIn)), level: 2})
	c.unreadNote("sign-ins", c.SignedIn.Read, c.SignedIn.Gap)
	if len(c.SignedIn.Rows) > 0 {
		c.add(aside(purposeExplained), c.useTable(c.SignedIn.Rows, "Signed in"))
	} else {
		c.none(c.SignedIn.Read, "Microsoft recorded no sign-in of our people to your tenant in this period.", "No sign-in is in the records we could read.")
	}
	told, withheld := together(c.ActivatedOnly.Rows)
	c.add(heading{text: fmt.Sprintf("Activated only (%s)", c.listed(c.ActivatedOnly)), level: 2}, paragraph(activationExplained))
	c.unreadNote("activations", c.ActivatedOnly.Read, c.ActivatedOnly.Gap)
	if c.SignedIn.Read != Whole && len(c.ActivatedOnly.Rows) > 0 {
		c.add(paragraph("As not all sign-ins could be read, some of these may have been used in your tenant."))
	}
	if len(told) > 0 {
		c.add(c.useTable(told, "Activated"))
		if rest := len(c.ActivatedOnly.Rows) - len(told); rest > 0 {
			c.add(heading{text: fmt.Sprintf("Of these, without a purpose to show (%d)", rest), level: 2})
		}
	}
	if len(withheld) > 0 {
		c.add(paragraph(togetherExplained), c.togetherTable(withheld))
	}
	if len(c.ActivatedOnly.Rows) == 0 {
		c.none(c.ActivatedOnly.Read, "No role was activated without a sign-in to your tenant tied to it.", "No activation is in the records we could read.")
	}
}

func (c *composer) listed(l List[Use]) string {
	switch {
	case l.Read == Whole:
		return fmt.Sprint(len(l.Rows))
	case l.Read == InPart:
		return fmt.Sprintf("%d seen, incomplete", len(l.Rows))
	case len(l.Rows) > 0:
		return fmt.Sprintf("%d known, record not read", len(l.Rows))
	}
	return "not read"
}

func (c *composer) useTable(rows []Use, start string) table {
	t := table{columns: []column{{start, 22, false}, {"Person", 38, false}, {"Role", 33, false}, {"Duration", 19, false}, {"Purpose and ticket", 42, false}, {"Approval", 20, false}}}
	for _, u := range rows {
		var why cell
		switch {
		case clean(u.Withheld) != "":
			why = cell{{text: "Not shown: " + u.Withheld, look: quiet}}
		case clean(u.Ticket) == "" && clean(u.Purpose) == "":
			why = cell{{text: notRecorded, look: quiet}}
		default:
			if clean(u.Ticket) != "" {
				why = cell{{text: u.Ticket, look: strong}}
			}
			if clean(u.Purpose) != "" {
				why = append(why, part{text: u.Purpose})
			}
		}
		t.rows = append(t.rows, []cell{{{text: c.moment(u.Start), look: strong}}, person(u.Person, u.Account, ""), role(u),
			{unknownQuiet(part{text: length(u.Lasted)})}, why, {unknownQuiet(part{text: or(u.Approval, notRecorded)})}})
	}
	return t
}

// together parts the uses that say what they were for, or that this is not
// recorded, from those that withhold it. The latter say little each, so they are
// put together: the uses of a group differ in start and duration only. Whatever
// order they come in, groups go by person and role, the uses of each by start.
func together(rows []Use) (told []Use, groups [][]Use) {
	var withheld []Use
	for _, u := range rows {
		if clean(u.Withheld) == "" {
			told = append(told, u)
		} else {
			withheld = append(withheld, u)
		}
	}
	slices.SortFunc(withheld, func(a, b Use) int {
		return cmp.Or(cmp.Compare(a.Person, b.Person), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Account, b.Account), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Withheld, b.Withheld), cmp.Compare(a.Approval, b.Approval), a.Start.Compare(b.Start), cmp.Compare(a.Lasted, b.Lasted))
	})
	for i, u := range withheld {
		if i == 0 || shared(u) != shared(withheld[i-1]) {
			groups = append(groups, nil)
		}
		groups[len(groups)-1] = append(groups[len(groups)-1], u)
	}
	return told, groups
}

// shared is what the uses of a group have in common and a reader may see.
func shared(u Use) Use {
	u.Start, u.Lasted, u.Purpose, u.Ticket = time.Time{}, 0, "", ""
	return u
}

// A row lists at most this many starts, so that it fits on a page even where
// each start takes a line; the others follow in rows marked as continued.
const startsInRow = 42

func (c *composer) togetherTable(groups [][]Use) table {
	t := table{columns: []column{{"Person", 37, false}, {"Role and approval", 35, false}, {"How often", 18, false}, {"Activated on", 84, false}}}
	for _, g := range groups {
		often, starts := c.often(g)
		withheld := part{text: "Purpose not shown: " + g[0].Withheld, look: quiet}
		role := append(role(g[0]), part{text: "approval " + or(g[0].Approval, notRecorded), look: quiet})
		rows := (len(starts) + startsInRow - 1) / startsInRow
		for listed := range slices.Chunk(starts, (len(starts)+rows-1)/rows) {
			t.rows = append(t.rows, []cell{person(g[0].Person, g[0].Account, ""), role, often, {{text: strings.Join(listed, ", ")}, withheld}})
			often = cell{{text: "continued", look: quiet}}
		}
	}
	return t
}

// often says how many uses a group holds and lists their starts. The duration
// stands once if it is the same for all, else behind each start.
func (c *composer) often(group []Use) (often cell, starts []string) {
	lasted, same := length(group[0].Lasted), true
	for _, u := range group {
		same = same && length(u.Lasted) == lasted
	}
	for _, u := range group {
		start := c.moment(u.Start)
		if !same {
			start += " (" + length(u.Lasted) + ")"
		}
		starts = append(starts, strings.ReplaceAll(start, " ", unbroken))
	}
	often = cell{{text: plural(len(group), "time", "times"), look: strong}}
	switch {
	case !same:
		return often, starts
	case lasted == notRecorded:
		lasted = "duration " + lasted
	case len(group) == 1:
		lasted = "for " + strings.ReplaceAll(lasted, " ", unbroken)
	default:
		lasted = "each for " + strings.ReplaceAll(lasted, " ", unbroken)
	}
	return append(often, part{text: lasted, look: quiet}), starts
}

func role(u Use) cell {
	r := cell{{text: or(u.Role, notRecorded)}}
	if u.Kind == HighImpact {
		r = append(r, part{text: "high impact", look: warning})
	}
	return r
}

// weeks counts uses by the Monday before their start, and those that cannot be
// placed: without a start, or with one outside the period.
func (c *composer) weeks() ([]week, int) {
	first := midday(c.Since.In(c.zone))
	lead := (int(first.Weekday()) + 6) % 7 // days since Monday
	weeks := make([]week, (lead+len(c.days)+6)/7)
	for i := range weeks {
		weeks[i].label = c.short(first.AddDate(0, 0, 7*i-lead))
	}
	for i, state := range c.days {
		if state == Missing {
			weeks[(lead+i)/7].missing = true
		}
	}
	undated := 0
	place := func(u Use, count func(*week)) {
		if u.Start.Before(c.Since) || !u.Start.Before(c.Until) {
			undated++
			return
		}
		day := int(midday(u.Start.In(c.zone)).Sub(first).Hours()/24 + 0.5)
		count(&weeks[min((lead+day)/7, len(weeks)-1)])
	}
	for _, u := range c.SignedIn.Rows {
		kind := u.Kind
		if kind < UnknownKind || int(kind) >= len(kindNames) {
			kind = UnknownKind
		}
		place(u, func(w *week) { w.kinds[kind]++ })
	}
	for _, u := range c.ActivatedOnly.Rows {
		place(u, func(w *week) { w.activated++ })
	}
	return weeks, undated
}
