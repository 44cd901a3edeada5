package scheduled

import (
	"context"
	"time"
)

// Collect takes and seals a snapshot. Each window gives one sealed snapshot; a
// window missed for longer than catchUp is recorded as missed, as the past can no
// longer be seen.
func Collect(cron Cron, catchUp time.Duration, run func(context.Context, Window) (string, error)) Job {
	return Job{Name: "collect", Cron: cron, CatchUp: catchUp, Run: run}
}
