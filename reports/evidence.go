package reports

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// Evidence is what the customer summaries of one period are made from: one sealed
// snapshot and the logs of the period, read once for all customers.
type Evidence struct {
	Access   *snapshot.Access
	Period   snapshot.Period
	Declared snapshot.Declared
	Before   *Evidence // of the quarter before, for comparison; nil: not known

	relationships map[string][]snapshot.Relationship // by customer, every status
	roles         map[string][]string                // of a relationship, by id
	policies      map[string]snapshot.GroupPolicy    // of becoming a member, by group
	users         map[string]snapshot.User
	activations   map[string][]snapshot.Activation // uses in the period, by group
	signIns       map[string][]snapshot.SignIn     // successful ones in the period, by customer
	reached       map[string][]reach               // customers signed in to, by person, in time
	days          map[string]stretch               // sign-in log: from when to when each UTC day was read
	holes         []snapshot.Hole                  // of the sign-in log
	parts         *snapshot.Parts
	firstSnapshot time.Time
	key           []byte
	previousSeal  string
	served        map[string]map[string]bool // made once, see serves
}

// reach is one sign-in of a person, to whichever customer.
type reach struct {
	at       time.Time
	customer string
}

// Load reads the evidence of a period as of a sealed snapshot.
func Load(ctx context.Context, st *store.Store, id int64, period snapshot.Period, declared snapshot.Declared) (*Evidence, error) {
	access, err := snapshot.LoadAccess(ctx, st.Read(), id)
	if err != nil {
		return nil, err
	}
	e := &Evidence{Access: access, Period: period, Declared: declared,
		relationships: map[string][]snapshot.Relationship{}, roles: map[string][]string{}, policies: map[string]snapshot.GroupPolicy{}, users: map[string]snapshot.User{},
		activations: map[string][]snapshot.Activation{}, signIns: map[string][]snapshot.SignIn{}, reached: map[string][]reach{}, days: map[string]stretch{}}
	for _, load := range []func(context.Context, *store.Store) error{e.loadAgreements, e.loadPolicies, e.loadActivations, e.loadSignIns, e.loadCoverage, e.loadSeals} {
		if err := load(ctx, st); err != nil {
			return nil, fmt.Errorf("read evidence of %s: %w", period.Name, err)
		}
	}
	return e, nil
}

func (e *Evidence) loadAgreements(ctx context.Context, st *store.Store) error {
	var rows []struct {
		ID, Name, Customer, Status string
		AutoExtend                 string `db:"auto_extend"`
		Created, Activated, Ends   store.Time
	}
	err := st.Read().SelectContext(ctx, &rows, `
		SELECT id, name, customer, status, auto_extend, created, activated, ends FROM relationship WHERE snapshot = ? ORDER BY ends, id`, e.Access.Snapshot)
	if err != nil {
		return err
	}
	for _, r := range rows {
		e.relationships[r.Customer] = append(e.relationships[r.Customer], snapshot.Relationship{ID: r.ID, Name: r.Name, Customer: r.Customer, Status: r.Status,
			AutoExtend: r.AutoExtend, Created: r.Created.Time(), Activated: r.Activated.Time(), Ends: r.Ends.Time()})
	}
	var roles []snapshot.RelationshipRole
	if err := st.Read().SelectContext(ctx, &roles, `SELECT relationship, role FROM relationship_role WHERE snapshot = ? ORDER BY relationship, role`, e.Access.Snapshot); err != nil {
		return err
	}
	for _, r := range roles {
		e.roles[r.Relationship] = append(e.roles[r.Relationship], r.Role)
	}
	return nil
}

func (e *Evidence) loadPolicies(ctx context.Context, st *store.Store) error {
	var policies []snapshot.GroupPolicy
	err := st.Read().SelectContext(ctx, &policies, `
		SELECT group_id, max_activation, mfa, justification, ticket, approval FROM group_policy WHERE snapshot = ? AND access = 'member'`, e.Access.Snapshot)
	if err != nil {
		return err
	}
	for _, p := range policies {
		e.policies[p.Group] = p
	}
	var users []snapshot.User
	if err := st.Read().SelectContext(ctx, &users, `SELECT id, job, type FROM directory_user WHERE snapshot = ?`, e.Access.Snapshot); err != nil {
		return err
	}
	for _, u := range users {
		e.users[u.ID] = u
	}
	return nil
}

func (e *Evidence) loadActivations(ctx context.Context, st *store.Store) error {
	var rows []struct {
		ID, Principal, Access, Action, Status, Justification, Ticket, Approval string
		Group                                                                  string `db:"group_id"`
		Starts, Ends                                                           store.Time
		ValidationOnly                                                         bool `db:"validation_only"`
	}
	err := st.Read().SelectContext(ctx, &rows, `
		SELECT id, group_id, principal, access, action, status, starts, ends, justification, ticket, approval, coalesce(validation_only, 0) AS validation_only
		FROM   activation WHERE snapshot = ? AND starts >= ? AND starts < ? ORDER BY starts, id`, e.Access.Snapshot, store.Time(e.Period.Since), store.Time(e.Period.Until))
	if err != nil {
		return err
	}
	for _, r := range rows {
		a := snapshot.Activation{ID: r.ID, Group: r.Group, Principal: r.Principal, Action: r.Action, Status: r.Status, Starts: r.Starts.Time(), Ends: r.Ends.Time(),
			Justification: r.Justification, Ticket: r.Ticket, Approval: r.Approval, ValidationOnly: r.ValidationOnly}
		if a.IsUse() && strings.EqualFold(r.Access, "member") {
			e.activations[a.Group] = append(e.activations[a.Group], a)
		}
	}
	return nil
}

func (e *Evidence) loadSignIns(ctx context.Context, st *store.Store) error {
	var rows []struct {
		ID, Principal, UPN, Name, Customer string
		At                                 store.Time
	}
	err := st.Read().SelectContext(ctx, &rows, `
		SELECT id, principal, upn, name, customer, at FROM sign_in WHERE snapshot = ? AND error_code = 0 AND at >= ? AND at < ? ORDER BY at, id`,
		e.Access.Snapshot, store.Time(e.Period.Since), store.Time(e.Period.Until))
	for _, r := range rows {
		s := snapshot.SignIn{ID: r.ID, Principal: r.Principal, UPN: r.UPN, Name: r.Name, Customer: r.Customer, At: r.At.Time()}
		e.signIns[s.Customer] = append(e.signIns[s.Customer], s)
		e.reached[s.Principal] = append(e.reached[s.Principal], reach{s.At, s.Customer})
	}
	return err
}

type stretch struct{ since, until time.Time }

func (e *Evidence) loadCoverage(ctx context.Context, st *store.Store) error {
	var days []struct {
		Object       string
		Since, Until store.Time
	}
	err := st.Read().SelectContext(ctx, &days, `
		SELECT object, min(since) AS since, max(until) AS until FROM part_coverage WHERE kind = ? AND state = 'complete' AND snapshot <= ? GROUP BY object`, snapshot.SignIns, e.Access.Snapshot)
	if err != nil {
		return err
	}
	for _, d := range days {
		e.days[d.Object] = stretch{d.Since.Time(), d.Until.Time()}
	}
	if e.holes, err = snapshot.LoadHoles(ctx, st.Read(), e.Access.Snapshot); err != nil {
		return err
	}
	e.holes = slices.DeleteFunc(e.holes, func(h snapshot.Hole) bool { return h.Kind != snapshot.SignIns })
	e.parts, err = snapshot.LoadParts(ctx, st.Read(), e.Access.Snapshot)
	return err
}

func (e *Evidence) loadSeals(ctx context.Context, st *store.Store) error {
	var first store.Time
	if err := st.Read().GetContext(ctx, &first, `SELECT min(at) FROM sealed_snapshot`); err != nil {
		return err
	}
	e.firstSnapshot = first.Time()
	if err := st.Read().GetContext(ctx, &e.previousSeal, `
		SELECT previous FROM seal WHERE seq = (SELECT seal FROM sealed_snapshot WHERE id = ?)`, e.Access.Snapshot); err != nil {
		return err
	}
	var err error
	e.key, err = st.Key(ctx)
	return err
}
