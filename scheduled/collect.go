package scheduled

import (
	"context"
	"time"
)

// Collect takes and seals a snapshot. Each window gives one sealed snapshot; a
// window missed for longer than catchUp is recorded as missed, as the past can no
// longer be seen. It goes first: the other jobs judge, review and report what it sees.
func Collect(cron Cron, catchUp time.Duration, run func(context.Context, Window) (Result, error)) Job {
	return Job{Name: "collect", Cron: cron, First: true, CatchUp: catchUp, Run: run}
}
