package reports

import (
	"slices"
	"strings"
	"unicode"
)

// hidden takes the place of what would name another customer.
const hidden = "[another customer]"

// names knows what names any customer: whole names, their telling words, tenant
// ids. It is made once for all customers.
type names struct {
	words   map[string]bool // folded
	lengths map[rune][]int  // of the words that begin with the rune, in runes, the longest first
}

// common words of company names name nobody.
var common = map[string]bool{
	"gmbh": true, "limited": true, "corp": true, "group": true, "gruppe": true, "holding": true, "services": true, "service": true, "solutions": true,
	"systems": true, "partners": true, "company": true, "international": true, "global": true, "dental": true, "medical": true, "clinic": true, "bank": true,
	"school": true, "office": true, "mail": true, "mailbox": true, "user": true, "users": true, "admin": true, "account": true, "password": true,
	"reset": true, "license": true, "licence": true, "exchange": true, "teams": true, "contact": true, "customer": true, "tenant": true,
}

// add learns one customer's texts.
func (n *names) add(texts ...string) {
	if n.words == nil {
		n.words, n.lengths = map[string]bool{}, map[rune][]int{}
	}
	for w := range naming(texts) {
		n.words[w] = true
		runes := []rune(w)
		if l := n.lengths[runes[0]]; !slices.Contains(l, len(runes)) {
			l = append(l, len(runes))
			slices.SortFunc(l, func(a, b int) int { return b - a })
			n.lengths[runes[0]] = l
		}
	}
}

// naming is the folded texts and each word of four letters or more in them that
// is not common.
func naming(texts []string) map[string]bool {
	out := map[string]bool{}
	for _, text := range texts {
		text = strings.TrimSpace(fold(text))
		for _, w := range append(strings.FieldsFunc(text, func(r rune) bool { return !inWord(r) }), text) {
			if w == text && w != "" || len([]rune(w)) >= 4 && !common[w] {
				out[w] = true
			}
		}
	}
	return out
}

func fold(text string) string { return strings.Map(unicode.ToLower, text) }

func inWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) }

// masker hides what names any customer but its own. A customer's own words stay,
// even where another's name shares them.
type masker struct {
	all  *names
	own  map[string]bool
	done map[string]string // texts that were masked already: the same few come again and again
}

func (n *names) masker(own ...string) masker { return masker{n, naming(own), map[string]string{}} }

// mask hides other customers; named says that there was one. What begins like a
// name is hidden to the end of the word, so that its forms are hidden too.
func (m masker) mask(text string) (masked string, named bool) {
	masked, ok := m.done[text]
	if !ok {
		masked = m.hide(text)
		m.done[text] = masked
	}
	return masked, masked != text
}

func (m masker) hide(text string) string {
	runes, folded := []rune(text), []rune(fold(text))
	var out []rune
	for i := 0; i < len(runes); {
		length := 0
		if i == 0 || !inWord(folded[i-1]) || !inWord(folded[i]) {
			length = m.match(folded[i:])
		}
		if length == 0 {
			out = append(out, runes[i])
			i++
			continue
		}
		out = append(out, []rune(hidden)...)
		for i += length; i < len(folded) && inWord(folded[i]); i++ {
		}
	}
	return string(out)
}

// match is the length of the longest name that the text begins with; an own name
// that is as long or longer protects the text.
func (m masker) match(text []rune) int {
	for _, length := range m.all.lengths[text[0]] {
		if length > len(text) {
			continue
		}
		if word := string(text[:length]); m.all.words[word] {
			if m.own[word] {
				return 0
			}
			return length
		}
	}
	return 0
}
