package graph

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode"
)

// Reason says in a word or two why a request ended without an answer that counts.
type Reason string

const (
	NotPermitted Reason = "not permitted" // 403: the app lacks a permission
	NotLicensed  Reason = "not licensed"  // the tenant lacks the licence the data needs
	NoConsent    Reason = "no consent"    // the app is unknown or not consented in this tenant
	Unauthorized Reason = "unauthorized"  // no token, or a fresh token was refused
	NotFound     Reason = "not found"     // 404
	Rejected     Reason = "rejected"      // any other answer that a repetition will not better
	Throttled    Reason = "throttled"     // 429 to the end of tries or of the time allowed
	Broken       Reason = "broken"        // 5xx, lost connections, malformed answers, to the end of tries
	Refused      Reason = "refused"       // by us: a foreign nextLink or redirect, another tenant's token
	Untrusted    Reason = "untrusted"     // the server cannot prove who it is, or speaks too old a TLS
)

// Error is a request that ended without an answer that counts. Its text holds no
// query, token or answer body.
type Error struct {
	Path      string // as asked, query included; "" of a token alone
	Page      int    // from 1; 0 when not in a list
	Status    int    // of the last try; 0 without an answer
	Code      string // Graph's error code, or AADSTS code of a token request
	Message   string // Graph's words, one line, shortened, or our own
	RequestID string // Microsoft's request-id of the last try
	Attempts  int    // requests sent for it that no Page counts; 0: none left, or what came is at fault
	Reason    Reason

	tries int           // how often such a fault is worth trying; 0 = Limits.Tries
	after time.Duration // the server's Retry-After; 0 = none
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(what(e.Path))
	if e.Page > 1 {
		fmt.Fprintf(&b, " page %d", e.Page)
	}
	fmt.Fprintf(&b, ": %s", e.Reason)
	if e.Status != 0 {
		fmt.Fprintf(&b, ": %d", e.Status)
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " %s", e.Code)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (%d tries)", e.Attempts)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, " (request-id %s)", e.RequestID)
	}
	return b.String()
}

// once is a fault that a repetition will not better.
func once(reason Reason, format string, args ...any) *Error {
	return &Error{Reason: reason, Message: fmt.Sprintf(format, args...), tries: 1}
}

// malformed is an answer that cannot be read; a broken proxy may do better next time.
func malformed(format string, args ...any) *Error {
	return &Error{Reason: Broken, Message: fmt.Sprintf(format, args...), tries: 3}
}

// judge says what an answer's status, type and error object mean; nil for an
// answer worth reading.
func judge(a answer, now time.Time) *Error {
	if a.status == http.StatusOK {
		e := judgeType(a.header)
		if e != nil {
			e.Status, e.RequestID = a.status, oneLine(a.requestID(), 100, a.token)
		}
		return e
	}
	e := &Error{Status: a.status, tries: 1}
	e.describe(a)
	switch a.status {
	case http.StatusTooManyRequests:
		e.Reason, e.tries, e.after = Throttled, 0, retryAfter(a.header, now)
	case http.StatusRequestTimeout, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable,
		http.StatusGatewayTimeout, 509, // bandwidth limit exceeded
		http.StatusFailedDependency: // a batch lost as a whole: our parts depend on nothing
		e.Reason, e.tries, e.after = Broken, 0, retryAfter(a.header, now)
	case http.StatusNotFound:
		e.Reason = NotFound
	case http.StatusUnauthorized:
		e.Reason = Unauthorized
	case http.StatusForbidden:
		e.Reason = NotPermitted
	default:
		e.Reason = Rejected
		if a.status < 300 {
			e.Reason, e.tries, e.Message = Broken, 3, "is not a whole answer"
		} else if a.status < 400 {
			e.Reason, e.Message = Refused, "leads elsewhere"
		}
	}
	if a.status >= 400 && a.status < 500 && a.status != http.StatusTooManyRequests {
		switch {
		case e.Code == "Authorization_IdentityNotFound":
			e.Reason = NoConsent
		case licenceCodes[e.Code] || licenceText.MatchString(e.Message):
			e.Reason = NotLicensed
		}
	}
	return e
}

// Codes and words with which Graph says that a licence is missing (400 or 403).
var (
	licenceCodes = map[string]bool{
		"AadPremiumLicenseRequired":                             true,
		"Authentication_RequestFromNonPremiumTenantOrB2CTenant": true,
	}
	licenceText = regexp.MustCompile(`(?i)\b(premium|P[12]|governance)\b.*\blicen[sc]e|\blicen[sc]e.*\b(premium|P[12]|governance)\b|\btenant is not licen[sc]ed\b`)
)

// describe takes code, message and request-id from the answer, made safe to print.
// Partner Center, and Azure Resource Manager at times, leave out the outer object;
// Partner Center's codes are numbers too.
// https://learn.microsoft.com/graph/errors
// https://learn.microsoft.com/partner-center/developer/error-codes
func (e *Error) describe(a answer) {
	type words struct {
		Code                 any
		Message, Description string
		InnerError           struct {
			RequestID string `json:"request-id"`
		}
	}
	var said struct {
		Error words
		words
	}
	if err := json.Unmarshal(a.body, &said); err == nil {
		for _, w := range []words{said.words, said.Error} {
			if w.Code != nil {
				e.Code = oneLine(fmt.Sprint(w.Code), 100, a.token)
			}
			if text := cmp.Or(w.Message, w.Description); text != "" {
				e.Message = oneLine(text, 300, a.token)
			}
		}
	}
	e.RequestID = oneLine(a.requestID(), 100, a.token)
	if e.RequestID == "" {
		e.RequestID = oneLine(said.Error.InnerError.RequestID, 100, a.token)
	}
	if e.Message == "" && e.Code == "" {
		e.Message = http.StatusText(e.Status)
	}
}

// oneLine makes a server's text fit for an error or a log line: printable, at
// most n runes, without the token should the server echo it.
func oneLine(text string, n int, token Secret) string {
	if token != "" {
		text = strings.ReplaceAll(text, string(token), hidden)
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > n {
		text = string(runes[:n]) + "…"
	}
	return text
}

// what names a request in a message.
func what(path string) string {
	if path == "" {
		return "token"
	}
	return "GET " + withoutQuery(path)
}

// withoutQuery keeps filter values out of logs and messages.
func withoutQuery(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}
