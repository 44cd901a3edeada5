package graph

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// encoding/json takes the last of two equal keys and matches keys in any case: a
// fault on the way could then change an id or end a list. So the keys that decide
// are checked here, on bytes that json.Compact has found valid and cleared of white
// space. Others may repeat: Microsoft's own sign-in examples have homeTenantId twice.

// compact gives an answer's JSON as valid UTF-8 without white space. A byte order
// mark is dropped, bytes that are no UTF-8 become U+FFFD.
func compact(body []byte) ([]byte, *Error) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	if !utf8.Valid(body) {
		body = bytes.ToValidUTF8(body, []byte("\ufffd"))
	}
	var out bytes.Buffer
	out.Grow(len(body))
	if err := json.Compact(&out, body); err != nil {
		return nil, malformed("answer is not whole JSON: %s", oneLine(err.Error(), 100, ""))
	}
	return out.Bytes(), nil
}

// skip gives the index after the value that begins at b[i].
func skip(b []byte, i int) int {
	for depth := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			i = closing(b, i)
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return i
}

// closing gives the index of the quote that ends the string begun at b[i].
func closing(b []byte, i int) int {
	for i++; b[i] != '"'; i++ {
		if b[i] == '\\' {
			i++
		}
	}
	return i
}

// member is a key and its value. A key with escapes is unquoted.
type member struct {
	key   string
	value []byte
}

// mostMembers bounds the work on one hostile object; Graph's widest, the user,
// has about 150.
const mostMembers = 1000

// members splits an object.
func members(object []byte) ([]member, error) {
	if len(object) == 0 || object[0] != '{' {
		return nil, errors.New("an object was expected")
	}
	all := make([]member, 0, 16)
	for i := 1; object[i] != '}'; {
		end := closing(object, i)
		key := string(object[i+1 : end])
		if strings.IndexByte(key, '\\') >= 0 {
			if err := json.Unmarshal(object[i:end+1], &key); err != nil {
				return nil, err
			}
		}
		i = skip(object, end+2)
		if all = append(all, member{key, object[end+2 : i]}); len(all) > mostMembers {
			return nil, fmt.Errorf("an object has more than %d keys", mostMembers)
		}
		if object[i] == ',' {
			i++
		}
	}
	return all, nil
}

// elements splits an array.
func elements(array []byte) [][]byte {
	var all [][]byte
	for i := 1; array[i] != ']'; {
		end := skip(array, i)
		all = append(all, array[i:end:end])
		if i = end; array[i] == ',' {
			i++
		}
	}
	return all
}

// field gives the value of key in an object, nil without it. The key twice, or in
// another case, is an error.
func field(all []member, key string) ([]byte, error) {
	var value []byte
	for _, m := range all {
		switch {
		case len(m.key) != len(key) || !strings.EqualFold(m.key, key):
		case value != nil:
			return nil, fmt.Errorf("key %q stands twice", key)
		case m.key != key:
			return nil, fmt.Errorf("key %q is written %q", key, oneLine(m.key, 60, ""))
		default:
			value = m.value
		}
	}
	return value, nil
}

// mostDepth bounds nesting; Graph's deepest payloads have about ten levels.
const mostDepth = 64

// checkRow looks through a row: an object, one id in each object of it, no expanded
// list cut off inside. It gives the raw id, nil without one.
func checkRow(row []byte) ([]byte, error) {
	all, err := members(row)
	if err == nil {
		err = checkMembers(all, 1)
	}
	if err != nil {
		return nil, err
	}
	return field(all, "id")
}

// damaged: a part of an id was no UTF-8, so that U+FFFD stands for it.
func damaged(id []byte) bool {
	var text string
	return id[0] == '"' && (bytes.IndexByte(id, '\\') >= 0 || bytes.Contains(id, []byte("\ufffd"))) &&
		json.Unmarshal(id, &text) == nil && strings.ContainsRune(text, utf8.RuneError)
}

func checkValue(value []byte, depth int) error {
	if depth > mostDepth {
		return fmt.Errorf("nesting is deeper than %d", mostDepth)
	}
	switch value[0] {
	case '{':
		all, err := members(value)
		if err != nil {
			return err
		}
		return checkMembers(all, depth)
	case '[':
		for _, e := range elements(value) {
			if err := checkValue(e, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkMembers looks through an object at a depth.
func checkMembers(all []member, depth int) error {
	ids := 0
	for _, m := range all {
		if n := len(m.key) - 2; n >= 0 && strings.EqualFold(m.key[n:], "id") {
			if n == 0 {
				ids++
			}
			if damaged(m.value) {
				return fmt.Errorf("the value of %q is damaged: two ids may look the same", oneLine(m.key, 60, ""))
			}
		}
		if list, cut := strings.CutSuffix(m.key, "@odata.nextLink"); cut && string(m.value) != "null" {
			return fmt.Errorf("a row holds only the beginning of its list %q", oneLine(list, 60, ""))
		}
		if err := checkValue(m.value, depth+1); err != nil {
			return err
		}
	}
	if ids > 1 {
		return fmt.Errorf("key %q stands twice", "id")
	}
	return nil
}
