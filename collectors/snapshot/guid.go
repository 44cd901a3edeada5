package snapshot

import "regexp"

// NoGUID is the id that no object has: Microsoft writes it where there is none.
const NoGUID = "00000000-0000-0000-0000-000000000000"

var guid = regexp.MustCompile(`(?i)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// IsGUID reports whether a text is a GUID, in any case and without braces.
func IsGUID(text string) bool { return text != "" && GUIDIn(text) == text }

// GUIDIn is the first GUID within a text, or empty.
func GUIDIn(text string) string { return guid.FindString(text) }
