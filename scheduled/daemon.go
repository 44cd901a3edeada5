package scheduled

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/jonboulle/clockwork"
)

// retryEvery is how often a daemon looks again for windows that failed.
const retryEvery = 15 * time.Minute

// Serve runs tick at once, at each window of any job and every quarter of an hour
// between them, until ctx ends. Ticks never overlap: the one that comes while
// another runs is dropped, as what is due is found from the store.
func Serve(ctx context.Context, clock clockwork.Clock, zone *time.Location, jobs []Job, log *slog.Logger, tick func(ctx context.Context)) error {
	s, err := gocron.NewScheduler(gocron.WithClock(clock), gocron.WithLocation(zone), gocron.WithLimitConcurrentJobs(1, gocron.LimitModeReschedule), gocron.WithLogger(log))
	if err != nil {
		return fmt.Errorf("start schedule: %w", err)
	}
	task := gocron.NewTask(func() { tick(ctx) })
	_, err = s.NewJob(gocron.DurationJob(retryEvery), task, gocron.WithName("retry"), gocron.WithSingletonMode(gocron.LimitModeReschedule),
		gocron.WithStartAt(gocron.WithStartImmediately()))
	for _, job := range jobs {
		_, e := s.NewJob(gocron.CronJob(job.Cron.text, false), task, gocron.WithName(job.Name), gocron.WithSingletonMode(gocron.LimitModeReschedule),
			gocron.WithCronImplementation(job.Cron))
		err = errors.Join(err, e)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("start schedule: %w", err), s.Shutdown())
	}
	s.Start()
	<-ctx.Done()
	return s.Shutdown()
}
