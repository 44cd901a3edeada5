package store

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// doing is what is done within a transaction.
type doing func(ctx context.Context, tx transaction) error

// queue is what waits to be written while a transaction is under way.
type queue struct {
	mu  sync.Mutex
	all []*writing
}

// writing is written by whoever takes it from the queue.
type writing struct {
	do   doing
	done bool // used, as err is, by who has the run's lock
	err  error
}

func (q *queue) add(w *writing) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all = append(q.all, w)
}

func (q *queue) take() []*writing {
	q.mu.Lock()
	defer q.mu.Unlock()
	all := q.all
	q.all = nil
	return all
}

// write runs do in a transaction with all else that waits to be written by then, so that
// many small parts do not each wait for a transaction of their own. They stand or fall
// together: what one cannot write ends the run in any case.
func (r *Run) write(ctx context.Context, do doing) error {
	own := &writing{do: do}
	r.queued.add(own)
	r.mu.Lock()
	defer r.mu.Unlock()
	if own.done {
		return own.err
	}
	together := r.queued.take()
	err := r.transact(ctx, func(ctx context.Context, conn transaction, _ *sqlx.Tx) error {
		for _, w := range together {
			if err := w.do(ctx, conn); err != nil {
				return err
			}
		}
		return nil
	})
	for _, w := range together {
		w.done, w.err = true, err
	}
	return err
}
