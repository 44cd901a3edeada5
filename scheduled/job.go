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

// Job is something that runs by a schedule. Run returns in a few words what it
// did; an error leaves the window due, to be tried again at the next tick.
type Job struct {
	Name string
	Cron Cron

	// CatchUp is how late a missed window may still run; later ones are recorded
	// as missed. Zero: however late.
	CatchUp time.Duration

	Run func(ctx context.Context, w Window) (note string, err error)
}
