package rule

import (
	"fmt"
	"time"

	"countersign/collectors/snapshot"
)

// Day words an instant as a date in UTC, such as 2026-12-31.
func Day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

// Days is a number of days as a duration.
func Days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

// Ago is how many whole days lie between an instant and the one judged by.
func (in Input) Ago(t time.Time) int { return int(in.At.Sub(t) / Days(1)) }

// Count words a number with its noun: 1 day, 3 days.
func Count(n int, noun string) string { return Counted(n, noun, noun+"s") }

// Counted words a number with what follows it: 1 person holds, 3 people hold.
func Counted(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Where words the customers that something touches without naming any, unless it
// is one alone.
func (in Input) Where(customers []string) string {
	switch len(customers) {
	case 0:
		return "no customer"
	case 1:
		return in.Customer(customers[0]).Name
	}
	return Count(len(customers), "customer")
}

// Who words a principal by name and address: people often have two accounts of
// one name.
func (in Input) Who(id string) string {
	p := in.Access.Principal(id)
	who := p.Label()
	if p.UPN != "" && p.UPN != who {
		who += " (" + p.UPN + ")"
	}
	if p.Type != snapshot.TypeUser && p.Type != "" {
		return "The " + kindOf(p.Type) + " " + who
	}
	return who
}

func kindOf(principal string) string {
	switch principal {
	case snapshot.TypeServicePrincipal:
		return "app"
	case snapshot.TypeGroup, snapshot.TypeDevice:
		return principal
	}
	return "directory object"
}
