package reviews

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

// Outcome says what became of an action.
type Outcome string

// The outcomes.
const (
	Gone       Outcome = "gone"
	StillThere Outcome = "still-there"
	CameBack   Outcome = "came-back"   // gone in a snapshot in between, there now
	Moved      Outcome = "moved"       // gone, but the person holds the same role at the same customer by another path
	CannotTell Outcome = "cannot-tell" // the part was not seen whole, or the day has not come
)

// Verification is a plan held against a later snapshot.
type Verification struct {
	Campaign   string    `json:"campaign"`
	Snapshot   int64     `json:"snapshot"`
	SnapshotAt time.Time `json:"snapshot_at"`
	At         time.Time `json:"at"`
	Results    []Result  `json:"results"`
	Seal       string    `json:"seal"`
}

// Result is the outcome of one action.
type Result struct {
	Action
	Outcome Outcome `json:"outcome"`
	Detail  string  `json:"detail"`
	Days    int     `json:"days"` // whole days from the decision to the snapshot
}

// Verify holds the plan of a closed campaign against a sealed snapshot that was
// taken after the closing, and seals the outcome. The same snapshot a second time
// gives the outcome that is sealed already.
func Verify(ctx context.Context, st *store.Store, campaign string, snapshot int64, at time.Time) (Verification, error) {
	v, err := verify(ctx, st, campaign, snapshot, at)
	if err != nil {
		return Verification{}, fmt.Errorf("verify campaign %s by snapshot %d: %w", campaign, snapshot, err)
	}
	return v, nil
}

func verify(ctx context.Context, st *store.Store, campaign string, id int64, at time.Time) (Verification, error) {
	var name string
	err := st.Tx(ctx, func(tx *sqlx.Tx) error {
		r, err := load(ctx, st, tx, campaign)
		if err != nil {
			return err
		}
		name = r.Name
		if r.Closed.IsZero() {
			return fmt.Errorf("the campaign is open; close it first")
		}
		later, err := loadWorld(ctx, tx, id)
		if err != nil {
			return err
		}
		if !later.At.After(r.Closed) {
			return fmt.Errorf("it was taken at %s, not after the closing at %s; collect again", store.Time(later.At), store.Time(r.Closed))
		}
		var done int
		if err := tx.GetContext(ctx, &done, `SELECT count(*) FROM verification WHERE campaign = ? AND snapshot = ?`, r.id, id); err != nil || done > 0 {
			return err
		}
		results, err := r.verify(ctx, later)
		if err != nil {
			return err
		}
		w := newWriter(ctx, st, tx)
		ref := w.add("verification", "campaign, snapshot, at", r.id, id, store.Time(at))
		for _, result := range results {
			w.add("verification_result", "verification, number, outcome, detail, days", ref, result.Order, result.Outcome, result.Detail, result.Days)
		}
		w.seal(r.id, "verification", ref, at)
		return w.err
	})
	if err != nil {
		return Verification{}, err
	}
	all, err := Verifications(ctx, st, name)
	for _, v := range all {
		if v.Snapshot == id {
			return v, err
		}
	}
	return Verification{}, err
}

// Verifications lists what was verified of a campaign, by snapshot.
func Verifications(ctx context.Context, st *store.Store, campaign string) ([]Verification, error) {
	r, err := load(ctx, st, st.Read(), campaign)
	if err != nil {
		return nil, err
	}
	plan, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	var heads []struct {
		ID, Snapshot int64
		Taken, At    store.Time
		Seal         string
	}
	err = sqlx.SelectContext(ctx, r.q, &heads, `
		SELECT v.id, v.snapshot, n.at AS taken, v.at, s.hash AS seal
		FROM   verification v
		JOIN   snapshot n ON n.id = v.snapshot
		JOIN   review_seal r ON r.kind = 'verification' AND r.ref = v.id
		JOIN   seal s ON s.seq = r.seal
		WHERE  v.campaign = ? ORDER BY v.snapshot`, r.id)
	if err != nil {
		return nil, fmt.Errorf("verifications of %s: %w", r.Name, err)
	}
	var out []Verification
	for _, h := range heads {
		v := Verification{Campaign: r.Name, Snapshot: h.Snapshot, SnapshotAt: h.Taken.Time(), At: h.At.Time(), Seal: h.Seal}
		var rows []struct {
			Number, Days int
			Outcome      Outcome
			Detail       string
		}
		if err := sqlx.SelectContext(ctx, r.q, &rows, `SELECT number, outcome, detail, days FROM verification_result WHERE verification = ? ORDER BY number`, h.ID); err != nil {
			return nil, fmt.Errorf("verifications of %s: %w", r.Name, err)
		}
		for _, row := range rows {
			v.Results = append(v.Results, Result{plan[row.Number-1], row.Outcome, row.Detail, row.Days})
		}
		out = append(out, v)
	}
	return out, nil
}

// verify judges every action by the later snapshot, then looks in the snapshots
// in between for those that are still there.
func (r *round) verify(ctx context.Context, later *world) ([]Result, error) {
	plan, err := r.plan(ctx)
	if err != nil {
		return nil, err
	}
	p := &proof{round: r, before: newHeld(r.world, r.people), after: newHeld(later, newPeople(later, r.people.declared)), siblings: map[string]map[string]bool{}}
	for _, a := range plan {
		if p.siblings[a.Item] == nil {
			p.siblings[a.Item] = map[string]bool{}
		}
		p.siblings[a.Item][a.Instance] = true
	}
	results := make([]Result, len(plan))
	still := map[int]bool{}
	for i, a := range plan {
		results[i] = p.judge(a, later)
		results[i].Days = int(later.At.Sub(a.DecidedAt) / (24 * time.Hour))
		still[i] = results[i].Outcome == StillThere
	}
	between, err := r.between(ctx, later)
	if err != nil {
		return nil, err
	}
	for _, id := range between {
		if !anyTrue(still) {
			break
		}
		w, err := loadWorld(ctx, r.q, id)
		if err != nil {
			return nil, err
		}
		for i := range results {
			if still[i] && p.presence(plan[i], w) == absent {
				results[i].Outcome, results[i].Detail = CameBack, "gone on "+day(w.At)+", there again on "+day(later.At)
				still[i] = false
			}
		}
	}
	return results, nil
}

func anyTrue(m map[int]bool) bool {
	for _, v := range m {
		if v {
			return true
		}
	}
	return false
}

// between lists the sealed snapshots after the closing and before the later one.
func (r *round) between(ctx context.Context, later *world) ([]int64, error) {
	var ids []int64
	err := sqlx.SelectContext(ctx, r.q, &ids, `SELECT id FROM sealed_snapshot WHERE at > ? AND id < ? ORDER BY id`, store.Time(r.Closed), later.Snapshot)
	return ids, err
}

// presence is whether what an action was to end is in a snapshot.
type presence int

const (
	absent presence = iota
	present
	unseen // the part was not seen whole
	early  // the day has not come
)

type proof struct {
	*round
	before, after *held
	siblings      map[string]map[string]bool // item -> instances that its actions name
}

func (p *proof) judge(a Action, later *world) Result {
	switch p.presence(a, later) {
	case unseen:
		return Result{Action: a, Outcome: CannotTell, Detail: p.blind(a, later)}
	case early:
		return Result{Action: a, Outcome: CannotTell, Detail: "not due before " + day(a.Until)}
	case present:
		return Result{Action: a, Outcome: StillThere, Detail: "there on " + day(later.At)}
	}
	if detail := p.moved(a); detail != "" {
		return Result{Action: a, Outcome: Moved, Detail: detail}
	}
	detail := "no longer there"
	if n := len(later.missing()); n > 0 {
		detail += "; other ways could not be ruled out: " + rule.Counted(n, "part was", "parts were") + " not seen whole"
	}
	return Result{Action: a, Outcome: Gone, Detail: detail}
}

// presence looks for what the action was to end. What nothing leads to any more,
// such as a member of a group that was deleted, is gone with it.
func (p *proof) presence(a Action, w *world) presence {
	switch a.Action {
	case RemoveMember, RemoveEligibility, MakeEligible, EndMembership:
		switch {
		case w.Groups[a.Group.ID].Gone && w.seenAll(snapshot.Groups), w.leadsNowhere(a.Group.ID):
			return absent
		case !w.seenGroup(a.Group.ID):
			return unseen
		}
		for _, h := range w.holds[edge{a.Group.ID, a.Principal.ID}] {
			if h.Instance != a.Instance && p.siblings[a.Item][h.Instance] {
				continue // another action's
			}
			if a.ends(h) {
				return present
			}
		}
		return absent
	}
	rel, known := w.relationships[a.Relationship.ID]
	switch {
	case !w.seenAll(snapshot.Relationships):
		return unseen
	case !known || !rel.opens():
		return absent // with all that stood under it
	}
	switch a.Action {
	case StopRenewal:
		return presenceOf(rel.renews())
	case SetRelationshipEnd:
		switch stands := rel.Ends.IsZero() || rel.Ends.Time().After(a.Until.AddDate(0, 0, 1)); {
		case stands && w.At.Before(a.Until):
			return early
		default:
			return presenceOf(stands)
		}
	case EndRelationship:
		return present
	}
	if !w.seen(snapshot.AccessAssignments, a.Relationship.ID) {
		return unseen
	}
	grant := w.grant[a.AccessAssignment]
	return presenceOf(grant != nil && len(beyond(grant.Roles, a)) > 0)
}

func presenceOf(there bool) presence {
	if there {
		return present
	}
	return absent
}

// ends reports whether the action was to end such a hold. Of a membership that
// was to get an end, the day itself is granted.
func (a Action) ends(h Hold) bool {
	switch a.Action {
	case RemoveEligibility:
		return h.State == snapshot.Eligible
	case EndMembership:
		return h.State != snapshot.Activated && (h.Ends.IsZero() || h.Ends.After(a.Until.AddDate(0, 0, 1)))
	}
	return h.active() || h.State == snapshot.Activated && a.Instance != "" && h.Instance == a.Instance
}

// beyond lists the roles that the action did not let stand.
func beyond(roles []string, a Action) []string {
	kept := map[string]bool{}
	for _, r := range a.RolesToKeep {
		kept[r.ID] = true
	}
	var out []string
	for _, r := range roles {
		if !kept[r] {
			out = append(out, r)
		}
	}
	return out
}

// blind words why nothing can be told.
func (p *proof) blind(a Action, w *world) string {
	object, kinds := a.Group.ID, memberKinds
	name := w.GroupName(a.Group.ID)
	if a.Principal.ID == "" {
		object, kinds, name = a.Relationship.ID, []snapshot.Kind{snapshot.Relationships, snapshot.AccessAssignments}, a.Relationship.Name
	}
	var words []string
	for _, part := range w.parts {
		for _, kind := range kinds {
			if part.Kind == kind && part.State != store.Whole && (part.Object == object || kind == snapshot.Relationships) {
				words = append(words, Missing{kind, part.Object, name, snapshot.State(part.State), part.Reason}.String())
			}
		}
	}
	if len(words) == 0 {
		return name + " was not read in that snapshot"
	}
	return strings.Join(words, "; ")
}
