package collectors

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// instant is a time as Graph writes it: ISO 8601 with up to 7 digits and a zone.
// Null, an empty text and the years 1 and 9999 mean that there is none.
type instant struct{ time.Time }

func (t *instant) UnmarshalJSON(raw []byte) error {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		return errors.New("a time is not text")
	}
	*t = instant{}
	if text == nil || *text == "" {
		return nil
	}
	at, err := time.Parse(time.RFC3339Nano, *text)
	if err != nil {
		return fmt.Errorf("%.60q is not a time with a zone", *text)
	}
	if at = at.UTC(); at.Year() > 1 && at.Year() < 9999 {
		t.Time = at
	}
	return nil
}

// ident is an outside id, folded to lower case; empty for null.
type ident string

// longest is far above any id of Graph; relationship ids have 73 characters.
const longest = 512

func (i *ident) UnmarshalJSON(raw []byte) error {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil {
		return errors.New("an id is not text")
	}
	*i = ""
	if text == nil {
		return nil
	}
	if len(*text) > longest || strings.ContainsFunc(*text, unicode.IsControl) {
		return errors.New("an id is too long or has control characters")
	}
	folded := strings.ToLower(*text)
	if inside, ok := strings.CutPrefix(folded, "{"); ok && strings.HasSuffix(inside, "}") {
		folded = strings.TrimSuffix(inside, "}") // as some tools write a GUID
	}
	*i = ident(folded)
	return nil
}

// identOf is the id that a text holds; empty when it is none.
func identOf(text string) string {
	var id ident
	raw, err := json.Marshal(text)
	if err == nil && id.UnmarshalJSON(raw) == nil {
		return string(id)
	}
	return ""
}

// loose is a value that is documented as text; whatever else comes is kept as it came.
type loose string

func (l *loose) UnmarshalJSON(raw []byte) error {
	var text *string
	switch {
	case json.Unmarshal(raw, &text) != nil:
		*l = loose(raw)
	case text != nil:
		*l = loose(*text)
	}
	return nil
}

// text is the value without the JSON that some services wrap it in.
func (l loose) text() string {
	var inner *string
	switch {
	case json.Unmarshal([]byte(l), &inner) != nil:
		return string(l)
	case inner == nil:
		return ""
	}
	return *inner
}

// moment is the instant that a text tells, zero when it tells none. Without a zone it
// is taken for UTC.
func moment(text string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "1/2/2006 3:04:05 PM", "01/02/2006 15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil && at.UTC().Year() > 1 && at.UTC().Year() < 9999 {
			return at.UTC()
		}
	}
	return time.Time{}
}

var errNoID = errors.New("has no id")

// like reports that a word is one of those known, in any case.
func like(word string, known ...string) bool {
	return slices.ContainsFunc(known, func(k string) bool { return strings.EqualFold(k, word) })
}

// spelled gives the known spelling of a word that came in any case, and an unknown
// word as it came.
func spelled(word string, known ...string) string {
	for _, k := range known {
		if strings.EqualFold(word, k) {
			return k
		}
	}
	return word
}

var durationPattern = regexp.MustCompile(`^P(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?(?:T(?:(\d{1,7})H)?(?:(\d{1,7})M)?(?:(\d{1,9})(?:\.\d+)?S)?)?$`)

// after adds an ISO 8601 duration, such as PT8H30M, to an instant.
func after(t time.Time, duration string) (time.Time, error) {
	m := durationPattern.FindStringSubmatch(strings.ToUpper(duration))
	if m == nil || strings.HasSuffix(strings.ToUpper(duration), "T") || len(duration) < 3 {
		return time.Time{}, fmt.Errorf("%.40q is not an ISO 8601 duration", duration)
	}
	var n [8]int
	for i := 1; i < len(m); i++ {
		n[i], _ = strconv.Atoi(m[i]) // digits or nothing, by the pattern
	}
	return t.AddDate(n[1], n[2], 7*n[3]+n[4]).Add(time.Duration(n[5])*time.Hour + time.Duration(n[6])*time.Minute + time.Duration(n[7])*time.Second), nil
}
