package scheduled

import (
	"context"
	"time"
)

// Window is one planned run of a job: the instant at which it was due.
type Window struct {
	Job string
	Due time.Time
}

// Result is what a job did.
type Result struct {
	Note string // in a few words
	Gaps bool   // it was done, but some evidence was not seen whole
}

// Job is something that runs by a schedule. An error of Run leaves the window due,
// to be tried again at the next tick.
type Job struct {
	Name string
	Cron Cron

	// First puts the job's windows before those of all others that are due, whatever
	// their times.
	First bool

	// CatchUp is how late a missed window may still run; later ones are recorded
	// as missed. Zero: however late.
	CatchUp time.Duration

	Run func(ctx context.Context, w Window) (Result, error)
}
