package scheduled

import "context"

// Summaries writes every customer's access summary of the quarter that ended
// before its window, however late. A document that was written is never
// overwritten.
func Summaries(cron Cron, run func(context.Context, Window) (Result, error)) Job {
	return Job{Name: "summaries", Cron: cron, Run: run}
}
