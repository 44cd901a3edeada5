package reviews

import (
	"fmt"
	"slices"
	"strings"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// Missing is a part of the population that the snapshot did not see whole.
type Missing struct {
	Kind   snapshot.Kind
	Object string // id of the relationship or group that was asked, else of the tenant
	Name   string // its name, where one is known
	State  snapshot.State
	Reason string
}

// String words the gap.
func (m Missing) String() string {
	text := fmt.Sprintf("%s of %s: %s", m.Kind, m.Name, m.State)
	if m.Reason != "" {
		text += ", " + m.Reason
	}
	return text
}

// IncompleteError refuses a campaign: what was not seen, or was seen too long ago,
// cannot be reviewed.
type IncompleteError struct {
	Snapshot int64
	Missing  []Missing
	Days     int // how old the snapshot is, when that is too old; else 0
}

// Error implements error.
func (e *IncompleteError) Error() string {
	return fmt.Sprintf("snapshot %d does not hold the whole population: %s; collect again, or force the campaign, which then says INCOMPLETE",
		e.Snapshot, strings.Join(e.reasons(), "; "))
}

func (e *IncompleteError) reasons() []string {
	var reasons []string
	if e.Days > 0 {
		reasons = append(reasons, fmt.Sprintf("the snapshot is %d days old", e.Days))
	}
	for _, m := range e.Missing {
		reasons = append(reasons, m.String())
	}
	return reasons
}

// missing lists what items are made of and the snapshot did not see whole: parts
// with a gap, kinds that were not asked at all, and relationships and groups in
// reach whose own part is not there. A group that the directory no longer has
// needs none.
func (w *world) missing() []Missing {
	var out []Missing
	asked := map[snapshot.Kind]bool{}
	of := map[string]bool{}
	for _, p := range w.parts {
		asked[p.Kind] = true
		of[string(p.Kind)+" "+p.Object] = true
		if p.State != store.Whole && slices.Contains(snapshot.Population, p.Kind) {
			out = append(out, Missing{p.Kind, p.Object, w.objectName(p), snapshot.State(p.State), p.Reason})
		}
	}
	need := func(kind snapshot.Kind, object, name string) {
		if !of[string(kind)+" "+object] {
			out = append(out, Missing{kind, object, name, snapshot.NotAsked, "this snapshot did not ask for it"})
		}
	}
	for _, kind := range snapshot.Population {
		if !asked[kind] && !slices.Contains(memberKinds, kind) && kind != snapshot.AccessAssignments {
			out = append(out, Missing{kind, "", "the MSP", snapshot.NotAsked, "this snapshot did not ask for it"})
		}
	}
	for _, r := range w.relationships {
		if r.opens() {
			need(snapshot.AccessAssignments, r.ID, r.ref().Name)
		}
	}
	for group := range w.above {
		if !w.Groups[group].Gone {
			for _, kind := range memberKinds {
				need(kind, group, w.GroupName(group))
			}
		}
	}
	slices.SortFunc(out, func(a, b Missing) int {
		return strings.Compare(string(a.Kind)+" "+a.Name+" "+a.Object, string(b.Kind)+" "+b.Name+" "+b.Object)
	})
	return out
}

func (w *world) objectName(p part) string {
	if r, ok := w.relationships[p.Object]; ok {
		return r.ref().Name
	}
	if _, ok := w.Groups[p.Object]; ok {
		return w.GroupName(p.Object)
	}
	if p.Object == p.Scope {
		return "the MSP"
	}
	return p.Object
}
