package store

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"github.com/jmoiron/sqlx"
)

// putter stages rows within one transaction: those added wait until they are
// flushed, so that their new texts are interned together.
type putter struct {
	run     *Run
	tx      *sqlx.Tx
	inserts map[*plan]*sqlx.Stmt // prepared once
	rows    []boundRow
	blanks  []blank
}

// boundRow is a row that waits to be staged.
type boundRow struct {
	plan   *plan
	values []any
	fact   bool // the main fact of its item
}

// blank is a bound value that waits for its text to be interned.
type blank struct {
	value *any
	texts *texts
	text  string
}

func newPutter(r *Run, tx *sqlx.Tx) *putter {
	return &putter{run: r, tx: tx, inserts: map[*plan]*sqlx.Stmt{}}
}

func (p *putter) close() error {
	var errs []error
	for _, s := range p.inserts {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

// add binds the values of a row. An empty text in an interned column is NULL.
func (p *putter) add(part int64, row Row, fact bool) error {
	plan, err := p.run.plan(row)
	if err != nil {
		return err
	}
	fields, values := reflect.ValueOf(row), make([]any, len(plan.columns)+1)
	values[0] = part
	for i, c := range plan.columns {
		field, value := fields.Field(plan.fields[i]), &values[i+1]
		if c.kind == plainColumn {
			if *value, err = plain(field); err != nil {
				return fmt.Errorf("%s.%s: %w", plan.table.name, c.name, err)
			}
		} else if texts, text := p.run.intern.of(c.kind, field.String()); text == "" {
			continue
		} else if id, ok := texts.known[text]; ok {
			*value = id
		} else {
			texts.said = append(texts.said, text)
			p.blanks = append(p.blanks, blank{value, texts, text})
		}
	}
	p.rows = append(p.rows, boundRow{plan, values, fact})
	return nil
}

// flush stages the rows added, and counts the facts whose key was staged already.
func (p *putter) flush(ctx context.Context) (repeated int, err error) {
	if err := p.run.intern.learn(ctx, p.tx); err != nil {
		return 0, err
	}
	for _, b := range p.blanks {
		*b.value = b.texts.known[b.text]
	}
	for _, r := range p.rows {
		fresh, err := p.insert(ctx, r)
		if err != nil {
			return 0, fmt.Errorf("stage: %w", err)
		}
		if fresh {
			continue
		}
		if r.fact {
			repeated++
		}
		if _, err := p.tx.ExecContext(ctx, r.plan.table.replace, r.values...); err != nil {
			return 0, fmt.Errorf("stage: %w", err)
		}
	}
	p.blanks, p.rows = p.blanks[:0], p.rows[:0]
	return repeated, nil
}

// insert stages a row unless its key was staged already.
func (p *putter) insert(ctx context.Context, r boundRow) (fresh bool, err error) {
	statement, ok := p.inserts[r.plan]
	if !ok {
		if statement, err = p.tx.PreparexContext(ctx, r.plan.table.insert); err != nil {
			return false, err
		}
		p.inserts[r.plan] = statement
	}
	result, err := statement.ExecContext(ctx, r.values...)
	if err != nil {
		return false, err
	}
	added, err := result.RowsAffected()
	return added == 1, err
}
