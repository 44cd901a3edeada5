package scheduled

import "context"

// Campaign opens the review of the quarter that ended before its window, however
// late: a quarter that was not reviewed cannot be made up later. A campaign that
// is open already is left as it is.
func Campaign(cron Cron, run func(context.Context, Window) (Result, error)) Job {
	return Job{Name: "campaign", Cron: cron, Run: run}
}
