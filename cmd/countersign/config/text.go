package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// readText reads a file of at most limit bytes and checks that it is UTF-8 text. On
// a fault of its content the text is nil.
func readText(path string, limit int64, found *faults) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	say := func(line int, what string) ([]byte, error) {
		*found = append(*found, fault{file: path, line: line, text: what})
		return nil, nil
	}
	switch {
	case int64(len(text)) > limit:
		return say(0, fmt.Sprintf("larger than %d MB", limit>>20))
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return say(0, "is UTF-16; save it as UTF-8")
	}
	for i, line := range bytes.Split(text, []byte("\n")) {
		switch {
		case !utf8.Valid(line):
			return say(i+1, "is not UTF-8; save the file as UTF-8")
		case bytes.IndexByte(line, 0) >= 0:
			return say(i+1, "holds a NUL byte; this is not a text file")
		}
	}
	return append([]byte{}, text...), nil
}

// unmarked drops a byte order mark.
func unmarked(text []byte) []byte { return bytes.TrimPrefix(text, []byte("\ufeff")) }

func isText(content []byte) bool { return utf8.Valid(content) && bytes.IndexByte(content, 0) < 0 }

// controls says what is wrong with a text that is not one line of characters.
func controls(text string) string {
	if strings.ContainsAny(text, "\r\n") {
		return "holds a line break; write it on one line"
	}
	if i := strings.IndexFunc(text, unicode.IsControl); i >= 0 {
		r, _ := utf8.DecodeRuneInString(text[i:])
		return fmt.Sprintf("holds the control character %U; remove it", r)
	}
	return ""
}

// parseDate reads a day as its midnight in the zone.
func parseDate(text string, zone *time.Location) (time.Time, error) {
	day, err := time.ParseInLocation(time.DateOnly, text, zone)
	if err != nil || day.Year() < 1990 || day.Year() > 2200 {
		return time.Time{}, errors.New("is not a date; write it as 2026-03-31")
	}
	return day, nil
}

// loadZone loads an IANA time zone. Local, which would mean another zone on every
// machine, is none.
func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		return nil, errors.New("is not a time zone; write an IANA name such as Europe/Berlin or UTC")
	}
	return zone, nil
}
