package graph

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Service is the kind of server a Client speaks to: it decides the base URL, the
// token's scope, how a page is built and whether $batch may be used.
type Service int

const (
	// MicrosoftGraph: paths "/v1.0/..." and "/beta/...", rows in value.
	MicrosoftGraph Service = iota
	// ResourceManager is Azure Resource Manager: any path with its api-version in
	// the query, rows in value. It has no $batch.
	// https://learn.microsoft.com/rest/api/azure/#async-operations-throttling-and-paging
	ResourceManager
	// PartnerCenter: paths "/v1/...", rows in items. It has no $batch.
	// https://learn.microsoft.com/partner-center/developer/partner-center-rest-api
	PartnerCenter
)

// dialect is what a Client must know of its service.
type dialect struct {
	name    string
	setting string // under endpoints in the configuration
	base    func(Endpoints) string
	roots   []string // a path begins with one of them
	version string   // and its query holds this
	rows    string   // key of a page's rows
	headers map[string]string
	next    func(*url.URL, string, []member) (cursor, *Error) // from base and path
	batch   bool
}

var dialects = [...]dialect{
	MicrosoftGraph: {"Microsoft Graph", "graph", func(e Endpoints) string { return e.Graph }, []string{"/v1.0/", "/beta/"}, "", "value",
		map[string]string{"Prefer": "include-unknown-enum-members", "x-ms-throttle-priority": "low"}, nextLink("@odata.nextLink"), true},
	ResourceManager: {"Azure Resource Manager", "arm", func(e Endpoints) string { return e.ARM }, []string{"/"}, "api-version=", "value",
		nil, nextLink("nextLink"), false},
	PartnerCenter: {"Partner Center", "partner_center", func(e Endpoints) string { return e.PartnerCenter }, []string{"/v1/"}, "", "items",
		nil, nextUnderLinks, false},
}

func (s Service) dialect() (dialect, error) {
	if s < 0 || int(s) >= len(dialects) {
		return dialect{}, fmt.Errorf("service %d is none of those known", s)
	}
	return dialects[s], nil
}

// baseURL gives where the service is in this cloud.
func (d dialect) baseURL(e Endpoints) (*url.URL, error) {
	text := d.base(e)
	if text == "" {
		return nil, fmt.Errorf("endpoints.%s: Microsoft documents no %s for this cloud; name its base URL, or leave out what is read from it", d.setting, d.name)
	}
	base, err := baseURL(text)
	if err != nil {
		return nil, fmt.Errorf("endpoints.%s: %w", d.setting, err)
	}
	return base, nil
}

// cursor is where a page is: what follows the origin, and the token that goes with
// it in a header. The zero value is after the last page.
type cursor struct{ url, token string }

// nextLink reads the link of the next page from a key; absent, null and "" end the
// list.
func nextLink(key string) func(*url.URL, string, []member) (cursor, *Error) {
	return func(base *url.URL, path string, all []member) (cursor, *Error) {
		link, err := text(all, key)
		if err != nil || link == "" {
			return cursor{}, unreadable(err)
		}
		rest, fault := checkNext(base, path, link)
		return cursor{url: rest}, fault
	}
}

// continuation is the header in which Partner Center wants the token of a page:
// the link alone is the same for all pages.
const continuation = "MS-ContinuationToken"

// nextUnderLinks reads links.next: a URI, often relative and without its version,
// and the header to send with it.
// https://learn.microsoft.com/partner-center/developer/get-a-list-of-customers
func nextUnderLinks(base *url.URL, path string, all []member) (cursor, *Error) {
	links, err := object(all, "links")
	if err != nil {
		return cursor{}, unreadable(err)
	}
	next, err := object(links, "next")
	if err != nil || next == nil {
		return cursor{}, unreadable(err)
	}
	link, err := text(next, "uri")
	method, err2 := text(next, "method")
	token, err3 := continuationOf(next)
	switch err = errors.Join(err, err2, err3); {
	case err != nil:
		return cursor{}, unreadable(err)
	case method != "" && !strings.EqualFold(method, http.MethodGet):
		return cursor{}, once(Refused, "its next link is no GET but %q", oneLine(method, 20, ""))
	case link == "" && token == "":
		return cursor{}, nil
	}
	if strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//") {
		if version := firstSegment(path); !strings.HasPrefix(link, version) {
			link = version + link[1:]
		}
		link = base.String() + link
	}
	rest, fault := checkNext(base, path, link)
	return cursor{rest, token}, fault
}

// continuationOf reads the headers of a link, [{"key": ..., "value": ...}]. Any but
// the token's is refused: without it the next page might be the first one again.
func continuationOf(next []member) (string, error) {
	headers, err := field(next, "headers")
	if err != nil || headers == nil || string(headers) == "null" {
		return "", err
	}
	if headers[0] != '[' {
		return "", errors.New("headers of its next link are no list")
	}
	var token string
	for _, h := range elements(headers) {
		all, err := members(h)
		if err != nil {
			return "", err
		}
		key, err := text(all, "key")
		value, err2 := text(all, "value")
		switch {
		case err != nil || err2 != nil:
			return "", errors.Join(err, err2)
		case !strings.EqualFold(key, continuation) || token != "":
			return "", fmt.Errorf("its next link wants the header %q, which is unknown or there twice", oneLine(key, 60, ""))
		case value == "" || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }):
			return "", errors.New("its continuation token is no text that a header may hold")
		}
		token = value
	}
	return token, nil
}

// unreadable is nil for nil, else the fault of an answer that ends no list.
func unreadable(err error) *Error {
	if err == nil {
		return nil
	}
	return malformed("answer: %s", oneLine(err.Error(), 300, ""))
}

// text gives a field that is a string; absent and null are "".
func text(all []member, key string) (string, error) {
	raw, err := field(all, key)
	if err != nil || raw == nil {
		return "", err
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil {
		return "", fmt.Errorf("its %s is not text", key)
	}
	return s, nil
}

// object gives the members of a field that is an object; none when it is absent or
// null.
func object(all []member, key string) ([]member, error) {
	raw, err := field(all, key)
	if err != nil || raw == nil || string(raw) == "null" {
		return nil, err
	}
	return members(raw)
}

// firstSegment of a path, with both its slashes: the version.
func firstSegment(path string) string {
	return path[:strings.IndexByte(path[1:], '/')+2]
}
