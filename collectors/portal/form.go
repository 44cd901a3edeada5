package portal

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
)

// form is one kind of export: by what it is known, and what is read from it.
type form struct {
	what    string
	kinds   []snapshot.Kind // empty: it holds nothing that is evidence here
	columns map[string][]string
	needs   []string // columns, or several of which one will do: "group id|group"
	dates   []string // columns with a day that may be ambiguous
	tells   []string // properties, in lower case, by which its JSON download is known; none: it has no such download
	lacks   func(has func(column string) bool) []string
	teach   func(d *Folder, text func(column string) string) // names, to find ids by
	settle  func(f *File) error                              // once all files are known
	convert func(r record, f *File) ([]Row, error)
	entry   func(raw []byte, f *File) ([]Row, error) // of the JSON download
}

// recognise finds the form whose columns a header has.
func recognise(header []string) *form {
	names := foldedAll(header)
	for _, f := range forms {
		if !slices.ContainsFunc(f.needs, func(need string) bool { return !f.has(need, names) }) {
			return f
		}
	}
	return nil
}

// recogniseEntry finds the form of a JSON download by the properties of its first
// object, in lower case.
func recogniseEntry(properties map[string]bool) *form {
	for _, f := range forms {
		if len(f.tells) > 0 && !slices.ContainsFunc(f.tells, func(p string) bool { return !properties[p] }) {
			return f
		}
	}
	return nil
}

func entriesKnown() (all []string) {
	for _, f := range forms {
		if len(f.tells) > 0 {
			all = append(all, f.what)
		}
	}
	return all
}

func foldedAll(header []string) map[string]bool {
	names := map[string]bool{}
	for _, name := range header {
		names[columnKey(name)] = true
	}
	return names
}

// has reports whether the header has the column, or one of several.
func (f *form) has(need string, names map[string]bool) bool {
	return slices.ContainsFunc(strings.Split(need, "|"), func(column string) bool {
		return slices.ContainsFunc(f.columns[column], func(called string) bool { return names[columnKey(called)] })
	})
}

// places finds the columns of the form in a header. A column that is read may stand
// there once; Microsoft doubles some that are not.
func (f *form) places(header []string) (map[string]int, error) {
	at, first := map[string]int{}, map[string]int{}
	double := map[string]bool{}
	for i, name := range header {
		name = columnKey(name)
		if _, ok := first[name]; ok {
			double[name] = true
			continue
		}
		first[name] = i
	}
	for _, column := range slices.Sorted(maps.Keys(f.columns)) {
		for _, name := range f.columns[column] {
			i, ok := first[columnKey(name)]
			if !ok {
				continue
			}
			if double[columnKey(name)] {
				return nil, fmt.Errorf("column %s stands twice", short(header[i]))
			}
			at[column] = i
			break
		}
	}
	return at, nil
}

// miss is a form that a header nearly has.
type miss struct {
	form    *form
	found   int
	missing []string
}

func nearestTo(header []string) miss {
	names := foldedAll(header)
	var nearest miss
	for _, f := range forms {
		m := miss{form: f}
		for _, need := range f.needs {
			if f.has(need, names) {
				m.found++
				continue
			}
			var called []string
			for _, column := range strings.Split(need, "|") {
				called = append(called, short(f.columns[column][0]))
			}
			m.missing = append(m.missing, strings.Join(called, " or "))
		}
		if m.found > nearest.found || m.found == nearest.found && nearest.form != nil && len(m.missing) < len(nearest.missing) {
			nearest = m
		}
	}
	return nearest
}

const inEnglish = "; where the portal speaks another language, take the JSON download or set the portal to English"

// words say what was expected.
func (m miss) words() string {
	if m.found < 2 {
		var all []string
		for _, f := range forms {
			if len(f.kinds) > 0 {
				all = append(all, f.what)
			}
		}
		return "its columns are those of no export that is known: " + strings.Join(all, ", ") + inEnglish
	}
	return "looks like " + m.form.what + ", but has no column " + strings.Join(m.missing, ", ") + inEnglish
}

// forms lists the exports, the more special ones first.
var forms = []*form{
	signInDetails, applicationSignIns, signIns, audits, pimAudit, activityLog,
	accessAssignments, relationships, partnerCustomers, groupMembers, groups, registrations, users,
}
