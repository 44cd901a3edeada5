package graph

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// Page is what one request brought.
type Page struct {
	// Path is the path and query as asked, without host or token; the same on
	// each page of a list, so that equal data gives equal evidence.
	Path   string
	Number int // from 1; counts on through a second reading
	// Restart: the server let the page token expire and the list begins anew with
	// this page: all rows handed on before must be dropped.
	Restart  bool
	Again    bool // of a second reading: the list moved while it was first read
	Requests int  // that were sent for it, those in vain included
	Status   int
	Rows     []json.RawMessage // compacted, valid UTF-8
	SHA256   [32]byte          // of Rows, each ended by a line feed, the server's own address left out
}

// EachPage asks path (as the Service says, escaped, query included), follows the
// links from page to page to the end and hands on each page, empty ones too. It returns
// nil only if the last page was seen; an error of page ends it and is returned as
// it is, one of Graph is an *Error, one of ctx wraps ctx.Err().
//
// A row may come more than once: the later one counts. If rows came twice, or
// their number is not the one the server announced, the list moved while it was
// read: it is read a second time and those pages are handed on as well, so that
// rows merged by their id are the union of both readings. When Page.Restart is
// set, rows handed on before must be dropped.
func (c *Client) EachPage(ctx context.Context, path string, page func(Page) error) error {
	if err := c.checkPath(path); err != nil {
		return err
	}
	leave, err := c.enter(ctx, path)
	if err != nil {
		return fmt.Errorf("%s: %w", what(path), err)
	}
	defer leave()
	l := list{Client: c, path: path, url: path, seed: maphash.MakeSeed(), hand: page}
	var first *reading
	for restarts := 0; ; {
		r, err := l.read(ctx)
		switch {
		case expired(err) && restarts < maxRestarts:
			restarts++
			l.number, l.restart, l.again, first = 0, true, false, nil
			c.warn(ctx, path, "list begins anew, its page token expired")
		case err != nil:
			return err
		case first == nil && r.doubtful():
			first, l.again = r, true
			c.warn(ctx, path, "list moved while it was read, reading it again",
				slog.Int("twice", r.twice), slog.Int("rows", r.distinct()), slog.Int("announced", r.announced()))
		default:
			if first != nil && !first.same(r) {
				c.warn(ctx, path, "two readings of a list differ, both are kept")
			}
			return r.short(path, l.number)
		}
	}
}

// Get asks one object, which comes as a Page with one row.
func (c *Client) Get(ctx context.Context, path string) (Page, error) {
	if err := c.checkPath(path); err != nil {
		return Page{}, err
	}
	var p Page
	sent, err := c.persist(ctx, request{path: path, url: path}, c.route, func(a answer) *Error {
		object, fault := compact(a.body)
		if fault != nil {
			return fault
		}
		all, err := members(object)
		if err != nil {
			return malformed("answer: %v", err)
		}
		if fault := c.envelope(all); fault != nil {
			return fault
		}
		if len(all) == 0 {
			return malformed("answer is an empty object")
		}
		if _, err := checkRow(object); err != nil {
			return malformed("answer: %v", err)
		}
		p = c.page(path, a, []json.RawMessage{object})
		return nil
	})
	if err != nil {
		return Page{}, err
	}
	p.Number, p.Requests = 1, sent
	return p, nil
}

func (c *Client) page(path string, a answer, rows []json.RawMessage) Page {
	p := Page{Path: path, Status: a.status, Rows: rows}
	sum, address := sha256.New(), []byte(c.base.String())
	for _, row := range rows {
		if bytes.Contains(row, address) {
			row = bytes.ReplaceAll(row, address, nil)
		}
		sum.Write(row)
		sum.Write([]byte("\n"))
	}
	sum.Sum(p.SHA256[:0])
	return p
}

// maxRestarts is how often a list whose page token expired begins anew.
const maxRestarts = 2

// expired: the server no longer knows the token of a later page.
func expired(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Page > 1 && (e.Code == "Directory_ExpiredPageToken" || e.Status == http.StatusGone)
}

// list is one call of EachPage; a reading is one walk from its first page to its
// last.
type list struct {
	*Client
	path    string
	url     string // of the first page; without $top once the server refused that
	seed    maphash.Seed
	hand    func(Page) error
	number  int  // of the last page handed on
	restart bool // to be said on the next page
	again   bool // to be said on each page
	lost    int  // requests sent in vain, to be counted with the next page
}

type reading struct {
	ids   map[uint64]struct{} // hashes of raw ids
	twice int                 // rows whose id came before
	bare  int                 // rows without an id
	count *int                // @odata.count of the first page
}

func (r *reading) distinct() int { return len(r.ids) + r.bare }

func (r *reading) announced() int {
	if r.count == nil {
		return r.distinct()
	}
	return *r.count
}

func (r *reading) doubtful() bool { return r.twice > 0 || r.announced() != r.distinct() }

func (r *reading) same(o *reading) bool {
	if len(r.ids) != len(o.ids) || r.bare != o.bare {
		return false
	}
	for id := range r.ids {
		if _, ok := o.ids[id]; !ok {
			return false
		}
	}
	return true
}

// short refuses a list that lacks more than 1 % of the rows announced, or has
// that many more; below, the count is a hint that lags behind.
func (r *reading) short(path string, page int) error {
	off := r.announced() - r.distinct()
	if max(off, -off)*100 <= r.announced() {
		return nil
	}
	e := malformed("list has %d rows, the server announced %d", r.distinct(), r.announced())
	e.Path, e.Page, e.Status = path, page, http.StatusOK
	return e
}

// read walks the list once.
func (l *list) read(ctx context.Context) (*reading, error) {
	r := &reading{ids: map[uint64]struct{}{}}
	mark := func(at cursor) uint64 { return maphash.Comparable(l.seed, at) }
	target := cursor{url: l.url}
	seen := map[uint64]bool{mark(target): true}
	for n := 1; target != (cursor{}); n++ {
		p, next, err := l.page(ctx, target, n, r)
		if n == 1 && err != nil && l.withoutTop(err) {
			target.url = l.url
			seen[mark(target)] = true
			p, next, err = l.page(ctx, target, n, r)
		}
		if err != nil {
			return nil, err
		}
		l.number++
		p.Number, p.Again, p.Restart, l.restart = l.number, l.again, l.restart, false
		if err := l.hand(p); err != nil {
			return nil, err
		}
		if again := seen[mark(next)]; again || n >= l.limits.Pages && next != (cursor{}) {
			e := once(Broken, "its nextLink leads in a circle")
			if !again {
				e = once(Broken, "list has more than %d pages", l.limits.Pages)
			}
			e.Path, e.Page, e.Status = l.path, n, http.StatusOK
			return nil, e
		}
		if target = next; target != (cursor{}) {
			seen[mark(target)] = true
		}
	}
	return r, nil
}

var top = regexp.MustCompile(`(?i)(^|&)(\$|%24)top=[^&]*`)

// withoutTop drops $top from the list's URL, once, when the server would not have it.
func (l *list) withoutTop(err error) bool {
	var e *Error
	path, query, _ := strings.Cut(l.url, "?")
	if !errors.As(err, &e) || e.Status != http.StatusBadRequest || e.Reason != Rejected || !top.MatchString(query) {
		return false
	}
	l.url = path
	if query = strings.TrimPrefix(top.ReplaceAllString(query, ""), "&"); query != "" {
		l.url += "?" + query
	}
	return true
}

// page asks for one page and gives where the next one is.
func (l *list) page(ctx context.Context, target cursor, n int, r *reading) (Page, cursor, error) {
	var p Page
	var next cursor
	var ids [][]byte
	var count *int
	sent, err := l.persist(ctx, request{path: l.path, page: n, url: target.url, token: target.token}, l.route, func(a answer) *Error {
		body, fault := compact(a.body)
		if fault != nil {
			return fault
		}
		all, err := members(body)
		if err != nil {
			return malformed("answer: %v", err)
		}
		if fault := l.envelope(all); fault != nil {
			return fault
		}
		value, err := field(all, l.rows)
		if err != nil || len(value) == 0 || value[0] != '[' {
			return malformed("answer has no %s array", l.rows)
		}
		var rows []json.RawMessage
		ids = ids[:0]
		for _, row := range elements(value) {
			id, err := checkRow(row)
			if err != nil {
				return malformed("row %d: %v", len(rows)+1, err)
			}
			rows, ids = append(rows, row), append(ids, id)
		}
		if next, fault = l.next(l.base, l.path, all); fault != nil {
			return fault
		}
		count = nil
		// Of the page on some paths, of the list where it was asked for; Partner
		// Center's tells which only where one page is the list.
		for key, of := range map[string]bool{"@odata.count": advanced(l.path), "totalCount": n == 1 && next == (cursor{})} {
			if raw, err := field(all, key); err == nil && raw != nil && of {
				_ = json.Unmarshal(raw, &count) // a hint: unreadable is as good as absent
			}
		}
		p = l.Client.page(l.path, a, rows)
		return nil
	})
	sent += l.lost
	if err != nil {
		l.lost = sent
		if e := (*Error)(nil); errors.As(err, &e) {
			e.Attempts = sent
		}
		return Page{}, cursor{}, err
	}
	l.lost = 0
	if n == 1 {
		r.count = count
	}
	for _, id := range ids {
		mark := maphash.Bytes(l.seed, id)
		if _, twice := r.ids[mark]; id == nil {
			r.bare++
		} else if twice {
			r.twice++
		}
		if id != nil {
			r.ids[mark] = struct{}{}
		}
	}
	p.Requests = sent
	return p, next, nil
}

var foreignContext = regexp.MustCompile(`/([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})/\$metadata`)

// envelope looks at what stands around the data: an error in a 200, or the
// context of another tenant.
func (c *Client) envelope(all []member) *Error {
	fault, err := field(all, "error")
	if err == nil && fault != nil {
		var said struct{ Code, Message string }
		_ = json.Unmarshal(fault, &said) // of whatever shape, it is no data
		e := malformed("answer is an error: %s", oneLine(said.Message, 300, ""))
		e.Code = oneLine(said.Code, 100, "")
		return e
	}
	context, err := field(all, "@odata.context")
	if err != nil {
		return malformed("answer: %v", err)
	}
	if m := foreignContext.FindSubmatch(context); m != nil && guid.MatchString(c.tenant) && !strings.EqualFold(string(m[1]), c.tenant) {
		return once(Refused, "answer is about tenant %s, not %s", m[1], c.tenant)
	}
	return nil
}

// checkNext lets a nextLink through only to the origin and path of the list, in
// whatever case: Azure Resource Manager changes it. It gives what follows the origin,
// unchanged.
func checkNext(base *url.URL, path, link string) (string, *Error) {
	for _, r := range link {
		if r <= ' ' || r > '~' || strings.ContainsRune("\\\"<>#", r) {
			return "", once(Broken, "its nextLink is not a URL")
		}
	}
	u, err := url.Parse(link)
	if err != nil || !u.IsAbs() {
		return "", once(Broken, "its nextLink is not an absolute URL")
	}
	if !sameOrigin(u, base) {
		return "", once(Refused, "its nextLink leads to another server, %s://%s", u.Scheme, oneLine(u.Host, 100, ""))
	}
	origin := u.Scheme + "://" + u.Host
	want := withoutQuery(path)
	if len(link) < len(origin) || !strings.EqualFold(link[:len(origin)], origin) {
		return "", once(Broken, "its nextLink is not a plain URL")
	}
	rest := link[len(origin):]
	if asked, err := url.PathUnescape(want); err != nil || !strings.EqualFold(asked, u.Path) || !strings.HasPrefix(rest, firstSegment(want)) {
		return "", once(Refused, "its nextLink leads to another path, %s", oneLine(u.Path, 200, ""))
	}
	return rest, nil
}

// checkPath refuses a path that could mean another server or another request than
// it says.
func (d dialect) checkPath(path string) error {
	refuse := func(why string) error {
		e := once(Refused, "path %s", why)
		e.Path = path
		return e
	}
	plain, query, _ := strings.Cut(path, "?")
	u, err := url.Parse(path)
	switch {
	case !slices.ContainsFunc(d.roots, func(root string) bool { return strings.HasPrefix(path, root) }):
		return refuse("must begin with " + strings.Join(d.roots, " or "))
	case !strings.Contains(query, d.version):
		return refuse("must say its " + strings.TrimSuffix(d.version, "="))
	case strings.ContainsFunc(path, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("\\\"<>#", r) }):
		return refuse("must be escaped")
	case err != nil || u.Host != "" || u.EscapedPath() != plain || u.RawQuery != query:
		return refuse("is not a URL path")
	case strings.Contains(u.Path, "//") || strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./"):
		return refuse("must not hold empty or dot segments")
	}
	return nil
}

func (c *Client) warn(ctx context.Context, path, text string, attrs ...slog.Attr) {
	c.log.LogAttrs(ctx, slog.LevelWarn, fmt.Sprintf("graph: %s", text),
		append(attrs, slog.String("tenant", c.tenant), slog.String("path", withoutQuery(path)))...)
}
