package scheduled

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/store"
)

// State is what became of a window. The store holds it in these words.
type State string

// What becomes of windows.
const (
	Done   State = "done"
	Failed State = "failed" // it stays due
	Missed State = "missed" // too late to be caught up
)

// Outcome is what became of one window, and why.
type Outcome struct {
	Window
	Result
	State State
	Err   error
}

// RunDue runs every window that is due at the instant: those of the jobs that go
// first, then the others, in the order of their times, jobs of one instant in the
// order given. It is what a tick and --once do.
// A window that fails does not keep the later ones of other jobs from running;
// later ones of its own job wait for it.
func RunDue(ctx context.Context, st *store.Store, jobs []Job, at time.Time) ([]Outcome, error) {
	var outcomes []Outcome
	windows, err := plan(ctx, st, jobs, at)
	if err != nil {
		return nil, fmt.Errorf("find what is due: %w", err)
	}
	failed := map[string]bool{}
	for _, p := range windows {
		if failed[p.job.Name] {
			continue
		}
		if ctx.Err() != nil {
			return outcomes, ctx.Err()
		}
		o := p.run(ctx, at)
		failed[o.Job] = o.State == Failed
		if err := record(ctx, st, o, at); err != nil {
			return outcomes, fmt.Errorf("record %s of %s: %w", o.Job, o.Due.Format(time.RFC3339), err)
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}

type planned struct {
	job *Job
	due time.Time
}

// plan lists the windows of all jobs that are due and not done. Of a job that
// never ran, the latest window is due: earlier ones were nobody's to keep.
func plan(ctx context.Context, st *store.Store, jobs []Job, at time.Time) ([]planned, error) {
	var out []planned
	for i := range jobs {
		job := &jobs[i]
		last, err := lastSettled(ctx, st, job.Name)
		if err != nil {
			return nil, err
		}
		if last.IsZero() {
			if first := job.Cron.Latest(at); !first.IsZero() {
				out = append(out, planned{job, first})
			}
			continue
		}
		for due := job.Cron.Next(last); !due.After(at); due = job.Cron.Next(due) {
			out = append(out, planned{job, due})
		}
	}
	slices.SortStableFunc(out, func(a, b planned) int {
		switch {
		case a.job.First == b.job.First:
			return a.due.Compare(b.due)
		case a.job.First:
			return -1
		}
		return 1
	})
	return out, nil
}

func lastSettled(ctx context.Context, st *store.Store, job string) (time.Time, error) {
	var last store.Time
	err := st.Read().GetContext(ctx, &last, `SELECT due FROM schedule_window WHERE job = ? AND state IN ('done', 'missed') ORDER BY due DESC LIMIT 1`, job)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Time{}, nil
	}
	return last.Time(), err
}

func (p planned) run(ctx context.Context, at time.Time) Outcome {
	o := Outcome{Window: Window{Job: p.job.Name, Due: p.due}, State: Done}
	if late := at.Sub(p.due); p.job.CatchUp > 0 && late > p.job.CatchUp {
		o.State, o.Note = Missed, fmt.Sprintf("%s late, more than the %s that are caught up", late.Round(time.Minute), p.job.CatchUp)
		return o
	}
	if o.Result, o.Err = p.job.Run(ctx, o.Window); o.Err != nil {
		o.State, o.Note = Failed, o.Err.Error()
	}
	return o
}

func record(ctx context.Context, st *store.Store, o Outcome, at time.Time) error {
	return st.Tx(context.WithoutCancel(ctx), func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, `
			INSERT INTO schedule_window (job, due, state, settled, tries, note) VALUES (?, ?, ?, ?, 1, ?)
			ON CONFLICT (job, due) DO UPDATE SET state = excluded.state, settled = excluded.settled, tries = tries + 1, note = excluded.note`,
			o.Job, store.Time(o.Due), o.State, store.Time(at), o.Note)
		return err
	})
}

// Next tells when each job is due next, judged at the instant.
func Next(ctx context.Context, st *store.Store, jobs []Job, at time.Time) ([]Window, error) {
	var out []Window
	for _, job := range jobs {
		last, err := lastSettled(ctx, st, job.Name)
		if err != nil {
			return nil, err
		}
		due := job.Cron.Latest(at)
		if !last.IsZero() {
			due = job.Cron.Next(last)
		}
		out = append(out, Window{Job: job.Name, Due: due})
	}
	return out, nil
}
