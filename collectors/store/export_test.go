package store

import (
	"context"

	"github.com/jmoiron/sqlx"
)

// HoldAtMost makes a run spill what is more than n waiting fields.
func (r *Run) HoldAtMost(n int64) { r.most = n }

// RunTx is Tx on the connection of runs.
func (s *Store) RunTx(ctx context.Context, do func(tx *sqlx.Tx) error) error {
	return transact(ctx, s.runs, func(_ context.Context, _ *sqlx.Conn, tx *sqlx.Tx) error { return do(tx) })
}

// Write is write.
func (r *Run) Write(ctx context.Context, do func(ctx context.Context, tx sqlx.ExecerContext) error) error {
	return r.write(ctx, func(ctx context.Context, tx transaction) error { return do(ctx, tx) })
}

// Waiting is how much waits to be written.
func (r *Run) Waiting() int {
	r.queued.mu.Lock()
	defer r.queued.mu.Unlock()
	return len(r.queued.all)
}
