package config

import (
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"countersign/collectors/snapshot"
)

// document is one YAML file on its way into a Go value. The library parses; the
// walk over its tree is ours, because the library's own decoder stops at the first
// fault, takes 1 for "1", and forgets where a value stood.
type document struct {
	file  string
	lines []string
	zone  *time.Location          // of dates
	at    map[string]*token.Token // where each path stands: its value, or its key if that is a mapping
	bad   map[string]bool         // paths already found faulty
	found *faults
}

const (
	maxYAML   = 1 << 20 // bytes
	maxTokens = 20_000  // the parser takes time by their square; 500 waivers need 15,000
	maxDepth  = 16      // of flow collections; ours need three
	maxIndent = 200     // columns, which bounds the depth of block collections
)

// decodeYAML reads text into the value that to points to, over what stands there.
// It is false when the text is not YAML, and nothing more can be said of it.
func decodeYAML(file string, text []byte, zone *time.Location, to any, found *faults) (*document, bool) {
	d := &document{file: file, lines: strings.Split(string(text), "\n"), zone: zone,
		at: map[string]*token.Token{}, bad: map[string]bool{}, found: found}
	tokens := lexer.Tokenize(string(text))
	if !d.plain(tokens) {
		return d, false
	}
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey()) // duplicates are counted below, all of them
	var syntax yaml.Error
	switch {
	case errors.As(err, &syntax):
		d.fault("", syntax.GetToken(), "not YAML: %s", syntax.GetMessage())
	case err != nil:
		d.fault("", nil, "not YAML: %v", err)
	case len(tree.Docs) > 1:
		d.fault("", tree.Docs[1].Start, "a second document; keep one in the file")
	case len(tree.Docs) == 1 && tree.Docs[0].Body != nil:
		d.value("", nil, tree.Docs[0].Body, reflect.ValueOf(to).Elem())
	}
	return d, err == nil && len(tree.Docs) <= 1
}

const writtenOut = "a secret is never written here; put it into an environment variable or a private file and write {env: NAME} or {file: PATH}"

// plain refuses, before anything is built or recursed into, what a configuration
// has no use for and a bomb is made of.
func (d *document) plain(tokens token.Tokens) bool {
	if invalid := tokens.InvalidToken(); invalid != nil {
		d.fault("", invalid, "not YAML: %s", invalid.Error)
		return false
	}
	if len(tokens) > maxTokens {
		d.fault("", tokens[maxTokens], "too much for one file; no configuration is as long as this")
		return false
	}
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case token.AnchorType, token.AliasType, token.MergeKeyType, token.TagType, token.DirectiveType:
			d.fault("", t, "anchors (&), aliases (*), merges (<<), tags (!) and directives (%%) are not allowed; write the value out, in quotes if it begins so")
			return false
		case token.MappingStartType, token.SequenceStartType:
			depth++
		case token.MappingEndType, token.SequenceEndType:
			depth--
		case token.MappingKeyType:
			d.fault("", t, "a key that begins with ? is not allowed; write key: value")
			return false
		}
		if depth > maxDepth || t.Type == token.SequenceEntryType && t.Position.Column > maxIndent ||
			depth == 0 && t.Type == token.MappingValueType && t.Position.Column > maxIndent {
			d.fault("", t, "nested too deep")
			return false
		}
	}
	return true
}

func (d *document) fault(path string, at *token.Token, format string, args ...any) {
	f := fault{file: d.file, text: printable(strings.ReplaceAll(fmt.Sprintf(format, args...), "'\t'", "tab"))}
	if path != "" {
		f.text = path + ": " + f.text
		d.bad[path] = true
	}
	if at != nil && at.Position != nil {
		f.line, f.column = at.Position.Line, at.Position.Column
		f.excerpt = d.excerpt(f.line, f.column)
	}
	*d.found = append(*d.found, f)
}

// faultAt reports a fault of a value found good in form: at its place, or at that
// of the closest mapping around it. Of a path with a fault nothing more is said.
func (d *document) faultAt(path, format string, args ...any) {
	for p := path; p != ""; p = parent(p) {
		if d.bad[p] {
			return
		}
	}
	p := path
	for p != "" && d.at[p] == nil {
		p = parent(p)
	}
	d.fault(path, d.at[p], format, args...)
}

func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

var (
	secretKey = regexp.MustCompile(`(?i)(?:secret|password|token|key|certificate|env)["']?\s*:\s*`)
	reference = regexp.MustCompile(`^\{\s*(?:env\s*:\s*[A-Za-z_][A-Za-z0-9_]*|file\s*:[^{}]*)\s*\}`)
	longValue = regexp.MustCompile(`[0-9A-Za-z+/=_.~-]{24,}`)
)

// excerpt is a line and a caret under its column. What could be a secret that
// somebody wrote out is not repeated.
func (d *document) excerpt(line, column int) string {
	if line > len(d.lines) {
		return ""
	}
	text := []rune(printable(strings.TrimRight(masked(d.lines[line-1]), "\r")))
	caret := max(0, min(column-1, len(text)))
	from := max(0, caret-60)
	return fmt.Sprintf("%5d | %s\n      | %s^", line, string(text[from:min(len(text), from+100)]), strings.Repeat(" ", caret-from))
}

// masked hides the rest of a line after a key of secrets, unless a reference
// stands there, and every run of characters that is long and mixed enough to be a
// part of a key.
func masked(line string) string {
	for at := 0; ; {
		key := secretKey.FindStringIndex(line[at:])
		if key == nil {
			break
		}
		at += key[1]
		known := reference.FindString(line[at:])
		if known == "" && at < len(line) {
			line = line[:at] + "***"
			break
		}
		at += len(known)
	}
	return longValue.ReplaceAllStringFunc(line, func(s string) string {
		if snapshot.IsGUID(s) || !strings.ContainsFunc(s, unicode.IsUpper) || !strings.ContainsFunc(s, unicode.IsLower) || !strings.ContainsFunc(s, unicode.IsDigit) {
			return s
		}
		return strings.Repeat("*", len(s))
	})
}

// value decodes one node. key is the token of its key, nil for a list's element.
func (d *document) value(path string, key *token.Token, n ast.Node, to reflect.Value) {
	here := key
	if _, scalar := n.(ast.ScalarNode); here == nil || scalar && n.Type() != ast.NullType {
		here = n.GetToken()
	}
	if path != "" {
		d.at[path] = here
	}
	if n.Type() == ast.NullType {
		if to.Kind() != reflect.Struct && to.Kind() != reflect.Map { // a section may have all its lines commented out
			d.fault(path, here, "has no value; give it one or remove the line (a value that begins with # needs quotes)")
		}
		return
	}
	switch to.Addr().Interface().(type) {
	case *Secret:
		if pairs, ok := pairsOf(n); !ok || len(pairs) != 1 {
			d.fault(path, key, writtenOut)
			return
		}
	case *time.Time, encoding.TextUnmarshaler:
		d.text(path, here, n, to)
		return
	}
	switch to.Kind() {
	case reflect.Struct, reflect.Map:
		d.mapping(path, here, n, to)
	case reflect.Slice:
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			d.fault(path, here, "must be a list, such as [a, b]")
			return
		}
		to.Set(reflect.MakeSlice(to.Type(), len(list.Values), len(list.Values)))
		for i, element := range list.Values {
			d.value(fmt.Sprintf("%s[%d]", path, i), nil, element, to.Index(i))
		}
	case reflect.Int:
		number, err := strconv.Atoi(n.GetToken().Value)
		if n.Type() != ast.IntegerType || err != nil {
			d.fault(path, here, "must be a whole number")
			return
		}
		to.SetInt(int64(number))
	case reflect.Bool:
		word, ok := n.(*ast.BoolNode)
		if !ok {
			d.fault(path, here, "must be true or false")
			return
		}
		to.SetBool(word.Value)
	case reflect.Interface: // a threshold
		d.any(path, here, n, to)
	default:
		d.text(path, here, n, to)
	}
}

// text decodes a scalar that is meant as text.
func (d *document) text(path string, here *token.Token, n ast.Node, to reflect.Value) {
	var text string
	switch n := n.(type) {
	case *ast.StringNode:
		text = n.Value
	case *ast.LiteralNode:
		text = strings.TrimSuffix(n.Value.Value, "\n")
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		if _, own := to.Addr().Interface().(encoding.TextUnmarshaler); !own {
			d.fault(path, here, "must be text; write it in quotes")
			return
		}
		text = n.GetToken().Value
	default:
		d.fault(path, here, "must be one text, not a list or mapping")
		return
	}
	if fault := controls(text); fault != "" {
		d.fault(path, here, "%s", fault)
		return
	}
	switch own := to.Addr().Interface().(type) {
	case *time.Time:
		day, err := parseDate(text, d.zone)
		if err != nil {
			d.fault(path, here, "%s %v", quote(text), err)
			return
		}
		*own = day
	case encoding.TextUnmarshaler:
		if err := own.UnmarshalText([]byte(text)); err != nil {
			d.fault(path, here, "%s %v", quote(text), err)
		}
	default:
		to.SetString(text)
	}
}

// any decodes what a threshold may be: a whole number, a text, or a list of these.
func (d *document) any(path string, here *token.Token, n ast.Node, to reflect.Value) {
	var got any
	switch n := n.(type) {
	case *ast.SequenceNode:
		var numbers []int
		var texts []string
		if len(n.Values) > 0 && n.Values[0].Type() == ast.IntegerType {
			d.value(path, here, n, reflect.ValueOf(&numbers).Elem())
			got = numbers
		} else {
			d.value(path, here, n, reflect.ValueOf(&texts).Elem())
			got = texts
		}
	case *ast.IntegerNode:
		var number int
		d.value(path, here, n, reflect.ValueOf(&number).Elem())
		got = number
	case *ast.StringNode, *ast.LiteralNode:
		var text string
		d.text(path, here, n, reflect.ValueOf(&text).Elem())
		got = text
	default:
		d.fault(path, here, "must be a whole number, a text, or a list of either")
		return
	}
	to.Set(reflect.ValueOf(got))
}

// mapping decodes key by key into a struct's fields or a map with text keys.
func (d *document) mapping(path string, here *token.Token, n ast.Node, to reflect.Value) {
	pairs, ok := pairsOf(n)
	if !ok {
		d.fault(path, here, "must be a mapping of keys to values")
		return
	}
	fields := fieldsOf(to)
	seen := map[string]int{}
	for _, pair := range pairs {
		key := pair.Key.GetToken()
		name, inside := key.Value, key.Value
		if path != "" {
			inside = path + "." + name
		}
		if to.Kind() == reflect.Map {
			inside = fmt.Sprintf("%s[%s]", path, name)
		}
		if line, twice := seen[name]; twice {
			d.fault("", key, "key %s stands here a second time, first in line %d; remove one", quote(name), line)
			continue
		}
		seen[name] = key.Position.Line
		if to.Kind() == reflect.Map {
			element := reflect.New(to.Type().Elem()).Elem()
			d.value(inside, key, pair.Value, element)
			if to.IsNil() {
				to.Set(reflect.MakeMap(to.Type()))
			}
			to.SetMapIndex(reflect.ValueOf(name), element)
			continue
		}
		i := slices.Index(fields, name)
		if i < 0 || name == "" {
			known := slices.DeleteFunc(slices.Clone(fields), func(s string) bool { return s == "" })
			if to.Type() == reflect.TypeFor[Secret]() {
				d.fault(path, key, writtenOut) // and not repeated
				continue
			}
			d.fault("", key, "unknown key %s; known here are %s", quote(name), strings.Join(known, ", "))
			continue
		}
		d.value(inside, key, pair.Value, to.Field(i))
	}
}

// fieldsOf lists the keys of a struct by field index; "" for what no file holds.
func fieldsOf(v reflect.Value) []string {
	if v.Kind() != reflect.Struct {
		return nil
	}
	names := make([]string, v.NumField())
	for i := range names {
		names[i] = keyOf(v.Type().Field(i))
	}
	return names
}

// keyOf is the key of a field in the file.
func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	return strings.TrimPrefix(name, "-")
}

func pairsOf(n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := n.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}
