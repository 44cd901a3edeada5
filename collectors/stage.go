package collectors

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// Pager asks for one list or object.
type Pager interface {
	EachPage(ctx context.Context, path string, page func(graph.Page) error) error
	Get(ctx context.Context, path string) (graph.Page, error)
}

// Client is what runner and stages see of a service: it asks for many parts together too.
type Client interface {
	Pager
	Together(ctx context.Context, n int, do func(ctx context.Context, i int))
}

// A collector hands the facts of one part to the stage page by page and returns
// nil only if it saw the last page. On error the runner drops that part: half a
// list is not evidence. No collector holds more than a page, unless it says so.
type collector interface {
	Kind() snapshot.Kind
	Collect(ctx context.Context, part snapshot.Part, s *stage) error
}

// decoder reads one row of a list. An item without a fact is passed over.
type decoder func(raw json.RawMessage) (store.Item, error)

// stage takes what a collector brings of one part, and notes the evidence: what
// was asked, when, and the digest of what came. It is used by one goroutine.
type stage struct {
	Client
	asked      time.Time
	rows       *store.Stage
	seen       store.Seen
	requests   []store.Request
	forget     []func()        // empty what the collector keeps of the rows
	moved      bool            // a list was read twice
	nameless   map[string]bool // types of objects of which id and type came and nothing else
	said       []string        // what else must be said of the part
	noActivity bool            // the tenant has no licence for the last sign-in of accounts
	known      *store.Store    // what earlier snapshots brought
}

// collect collects the part, and all of it anew where one of its lists after the
// first began anew: what the lists before brought is dropped with it.
func (s *stage) collect(ctx context.Context, c collector, part snapshot.Part) error {
	for range attempts {
		s.forget, s.said = nil, nil
		err := c.Collect(ctx, part, s)
		if !errors.Is(err, errRestart) {
			return err
		}
		if err := s.restart(ctx); err != nil {
			return err
		}
	}
	return errRestart
}

const attempts = 3

var errRestart = errors.New("one of several lists began anew each time they were read")

// list asks for a list and stages its rows. A part may have several.
func (s *stage) list(ctx context.Context, path string, decode decoder) error {
	first := s.seen.Pages == 0
	return s.EachPage(ctx, path, func(p graph.Page) error {
		if p.Restart && !first {
			return errRestart
		}
		return s.page(ctx, p, decode)
	})
}

// onRestart has forget run when what was staged is dropped because a list began anew:
// it empties what a collector keeps of the rows beside staging them.
func (s *stage) onRestart(forget func()) { s.forget = append(s.forget, forget) }

// count is list, and tells how many rows came with different keys.
func (s *stage) count(ctx context.Context, path string, decode decoder, key func(store.Row) string) (int, error) {
	came := map[string]bool{}
	s.onRestart(func() { clear(came) })
	err := s.list(ctx, path, func(raw json.RawMessage) (store.Item, error) {
		item, err := decode(raw)
		if err == nil {
			came[key(item.Fact)] = true
		}
		return item, err
	})
	return len(came), err
}

// one asks for a single object and stages it.
func (s *stage) one(ctx context.Context, path string, decode decoder) error {
	p, err := s.Get(ctx, path)
	if err != nil {
		return err
	}
	return s.page(ctx, p, decode)
}

// restart drops all that is staged and noted of the part but how often was asked.
func (s *stage) restart(ctx context.Context) error {
	s.requests, s.nameless, s.moved, s.seen = nil, nil, false, store.Seen{Requests: s.seen.Requests}
	for _, forget := range s.forget {
		forget()
	}
	return s.rows.Restart(ctx)
}

// page stages the rows of one page.
func (s *stage) page(ctx context.Context, p graph.Page, decode decoder) error {
	if p.Restart {
		if err := s.restart(ctx); err != nil {
			return err
		}
	}
	s.note(p)
	items := make([]store.Item, 0, len(p.Rows))
	for i, raw := range p.Rows {
		item, err := decode(raw)
		switch {
		case err != nil:
			return &rowError{page: p.Number, row: i + 1, why: err}
		case item.Fact == nil:
			s.seen.PassedOver++
		default:
			items = append(items, item)
		}
	}
	if len(items) == 0 {
		return nil
	}
	return s.rows.Put(ctx, items)
}

// note keeps the evidence of a request that was answered.
func (s *stage) note(p graph.Page) {
	s.moved = s.moved || p.Again
	s.seen.Requests += p.Requests
	s.seen.Pages++
	s.seen.Rows += len(p.Rows)
	s.requests = append(s.requests, store.Request{Path: p.Path, Status: p.Status, Asked: s.asked, Rows: len(p.Rows), SHA256: p.SHA256})
}

// remark is what must be said of a part that was seen whole: which warnings its
// reading gave.
func (s *stage) remark() string {
	var words []string
	if s.moved {
		words = append(words, "the list moved while it was read, so it was read twice and both readings are kept")
	}
	for _, kind := range slices.Sorted(maps.Keys(s.nameless)) {
		words = append(words, "objects of type "+kind+" came with their id alone: the app may not read their names; "+toRead(kind))
	}
	return strings.Join(append(words, s.said...), "; ")
}

// say adds to the remark, each thing once.
func (s *stage) say(words string) {
	if !slices.Contains(s.said, words) {
		s.said = append(s.said, words)
	}
}

// refused keeps the evidence of a request that was refused, if one was sent that no
// page counts.
func (s *stage) refused(err error) {
	var e *graph.Error
	if errors.As(err, &e) && e.Attempts > 0 {
		s.seen.Requests += e.Attempts
		s.requests = append(s.requests, store.Request{Path: e.Path, Status: e.Status, Asked: s.asked, SHA256: sha256.Sum256(nil)})
	}
}

// rowError is a row that cannot be read, so that its part is not whole.
type rowError struct {
	page, row int
	why       error
}

func (e *rowError) Error() string { return fmt.Sprintf("page %d, row %d: %v", e.page, e.row, e.why) }

func (e *rowError) Unwrap() error { return e.why }

// query renders query options in the given order: name, value, name, value. OData
// servers take %20 for a space, not a plus sign.
func query(options ...string) string {
	var b strings.Builder
	for i := 0; i < len(options); i += 2 {
		b.WriteByte("?&"[min(i, 1)])
		b.WriteString(options[i] + "=" + strings.ReplaceAll(url.QueryEscape(options[i+1]), "+", "%20"))
	}
	return b.String()
}

// quoted is a text literal of an OData filter.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
