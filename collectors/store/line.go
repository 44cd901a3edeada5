package store

import (
	"crypto/sha256"
	"strconv"
)

// digest is that of a part by the lines of its rows, as partDigest describes it. Their
// labels are interned and they are in the order of their keys: in that order lines
// sort, as keys differ.
func digest(salt []byte, name string, rows []*bound) []byte {
	sum := sha256.New()
	text := make([]byte, 0, 8<<10)
	text = append(append(append(text, salt...), name...), '\n')
	for _, b := range rows {
		if text = b.appendLine(text); len(text) > 6<<10 {
			sum.Write(text)
			text = text[:0]
		}
	}
	sum.Write(text)
	return sum.Sum(nil)
}

// appendLine appends the line of a row whose labels are interned.
func (b *bound) appendLine(line []byte) []byte {
	line = append(line, b.key...)
	for _, v := range b.held[b.table.keys:] {
		k, ok := v.(*interned)
		switch {
		case ok && k.digest != "":
			line = append(append(append(line, '"'), k.digest...), '"')
		case ok:
			line = appendQuoted(line, k.text)
		default:
			line = appendJSON(line, v)
		}
		line = append(line, ',')
	}
	line[len(line)-1] = ']'
	return append(line, '\n')
}

// partName is the line that opens the digest of a part.
func partName(p Part) string {
	name := append(appendJSON([]byte{'['}, p.Kind), ',')
	name = append(appendJSON(name, fold(p.Scope)), ',')
	return string(append(appendJSON(name, fold(p.Object)), ']'))
}

// appendJSON writes an integer, a text or nil as SQLite's json_array does.
func appendJSON(out []byte, v any) []byte {
	switch v := v.(type) {
	case int64:
		return strconv.AppendInt(out, v, 10)
	case string:
		return appendQuoted(out, v)
	}
	return append(out, "null"...)
}

// escaped are the bytes that JSON escapes.
var escaped = func() (all [256]bool) {
	for c := range byte(' ') {
		all[c] = true
	}
	all['"'], all['\\'] = true, true
	return all
}()

func appendQuoted(out []byte, text string) []byte {
	const hexDigits = "0123456789abcdef"
	out = append(out, '"')
	start := 0
	for i := range len(text) {
		c := text[i]
		if !escaped[c] {
			continue
		}
		out = append(out, text[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			out = append(out, '\\', c)
		case '\b':
			out = append(out, '\\', 'b')
		case '\f':
			out = append(out, '\\', 'f')
		case '\n':
			out = append(out, '\\', 'n')
		case '\r':
			out = append(out, '\\', 'r')
		case '\t':
			out = append(out, '\\', 't')
		default:
			out = append(out, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(out, text[start:]...), '"')
}
