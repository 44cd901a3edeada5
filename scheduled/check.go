package scheduled

import (
	"context"
	"time"
)

// Check judges the newest sealed snapshot by all rules and records what it found.
// It changes nothing when run again.
func Check(cron Cron, catchUp time.Duration, run func(context.Context, Window) (Result, error)) Job {
	return Job{Name: "check", Cron: cron, CatchUp: catchUp, Run: run}
}
