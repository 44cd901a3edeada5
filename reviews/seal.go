package reviews

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"countersign/collectors/store"
)

// sealKinds says under which kind each record of a campaign stands in the chain,
// and how its body follows from the stored rows.
var sealKinds = map[string]struct {
	kind string
	body func(ctx context.Context, q sqlx.QueryerContext, ref int64) (map[string]any, error)
}{
	"opening":      {"campaign-opening", openingBody},
	"import":       {"import", importBody},
	"closing":      {"closing", closingBody},
	"verification": {"verification", verificationBody},
}

// seal appends the record of rows that this transaction wrote.
func (w *writer) seal(campaign int64, kind string, ref int64, at time.Time) string {
	if w.err != nil {
		return ""
	}
	k := sealKinds[kind]
	body, err := k.body(w.ctx, w.tx, ref)
	if err != nil {
		w.err = err
		return ""
	}
	seal, err := store.Append(w.ctx, w.tx, k.kind, at, body)
	if err != nil {
		w.err = err
		return ""
	}
	w.add("review_seal", "seal, campaign, kind, ref", seal.Seq, campaign, kind, ref)
	return seal.Hash
}

// Check derives every record of every campaign again from the stored rows and
// returns in words each that differs; none means all is whole.
func Check(ctx context.Context, st *store.Store) ([]string, error) {
	var rows []struct {
		Name, Kind, Body string
		Seq, Ref         int64
	}
	err := st.Read().SelectContext(ctx, &rows, `
		SELECT c.name, r.kind, s.body, s.seq, r.ref
		FROM   review_seal r JOIN seal s ON s.seq = r.seal JOIN campaign c ON c.id = r.campaign ORDER BY s.seq`)
	if err != nil {
		return nil, fmt.Errorf("check campaigns: %w", err)
	}
	var faults []string
	for _, r := range rows {
		body, err := sealKinds[r.Kind].body(ctx, st.Read(), r.Ref)
		if err != nil {
			return nil, fmt.Errorf("check campaign %s: %w", r.Name, err)
		}
		same, err := sameJSON(body, r.Body)
		if err != nil {
			return nil, fmt.Errorf("check campaign %s: %w", r.Name, err)
		}
		if !same {
			faults = append(faults, fmt.Sprintf("campaign %s: its rows do not give what seal %d (%s) covers", r.Name, r.Seq, r.Kind))
		}
	}
	return faults, nil
}

func sameJSON(body map[string]any, sealed string) (bool, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return false, err
	}
	var texts [2][]byte
	for i, text := range [][]byte{raw, []byte(sealed)} {
		var loose any
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&loose); err != nil {
			return false, err
		}
		if texts[i], err = json.Marshal(loose); err != nil { // keys sorted
			return false, err
		}
	}
	return bytes.Equal(texts[0], texts[1]), nil
}

// list puts the rows of a query, each one text, into a body by number and digest.
func list(ctx context.Context, q sqlx.QueryerContext, query string, ref int64) (map[string]any, error) {
	var lines []string
	if err := sqlx.SelectContext(ctx, q, &lines, query, ref); err != nil {
		return nil, err
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return map[string]any{"count": len(lines), "sha256": hex.EncodeToString(sum[:])}, nil
}

// bodyOf reads one row as the record's plain part and adds the lists.
func bodyOf(ctx context.Context, q sqlx.QueryerContext, ref int64, plain string, lists map[string]string) (map[string]any, error) {
	var text string
	if err := sqlx.GetContext(ctx, q, &text, plain, ref); err != nil {
		return nil, err
	}
	body := map[string]any{}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&body); err != nil {
		return nil, err
	}
	for name, query := range lists {
		var err error
		if body[name], err = list(ctx, q, query, ref); err != nil {
			return nil, err
		}
	}
	return body, nil
}

func openingBody(ctx context.Context, q sqlx.QueryerContext, campaign int64) (map[string]any, error) {
	return bodyOf(ctx, q, campaign, `
		SELECT json_object('campaign', c.name, 'snapshot', s.hash, 'period', c.period, 'since', c.since, 'until', c.until, 'opened', c.opened, 'due', c.due,
			'incomplete', json(c.incomplete), 'fallback', c.fallback, 'reaffirm_limit', c.reaffirm_limit, 'declared', d.digest)
		FROM   campaign c JOIN sealed_snapshot s ON s.id = c.snapshot JOIN label d ON d.id = c.declared WHERE c.id = ?`,
		map[string]string{
			"items":    `SELECT body FROM review_item WHERE campaign = ?`,
			"findings": `SELECT json_array(f.fingerprint, l.digest) FROM review_finding f JOIN label l ON l.id = f.message WHERE f.campaign = ?`,
			"reviewers": `SELECT json_array(a.number, r.value, a.member, a.passed)
				FROM review_assignment a LEFT JOIN ident r ON r.id = a.reviewer WHERE a.campaign = ? AND a.import = 0`,
			"issues": `SELECT json_array(r.value, u.revision, i.number) FROM review_issue u
				JOIN review_issue_item i ON i.issue = u.id JOIN ident r ON r.id = u.reviewer WHERE u.campaign = ? AND u.import = 0`,
		})
}

func importBody(ctx context.Context, q sqlx.QueryerContext, id int64) (map[string]any, error) {
	return bodyOf(ctx, q, id, `
		SELECT json_object('campaign', c.name, 'reviewer', r.value, 'revision', u.revision, 'at', m.at, 'file', m.sha256, 'importer', i.digest,
			'signed_by', b.digest, 'signed_on', m.signed_on, 'statement', t.digest)
		FROM   review_import m JOIN review_issue u ON u.id = m.issue JOIN campaign c ON c.id = u.campaign JOIN ident r ON r.id = u.reviewer
		JOIN   label i ON i.id = m.importer JOIN label b ON b.id = m.signed_by JOIN label t ON t.id = m.statement WHERE m.id = ?`,
		map[string]string{
			"decisions": `SELECT json_array(d.number, d.verdict, d.change_to, l.digest, d.reaffirmed)
				FROM review_decision d LEFT JOIN label l ON l.id = d.reason WHERE d.import = ?`,
			"handed_on": `SELECT json_array(a.number, r.value, a.member, a.passed)
				FROM review_assignment a LEFT JOIN ident r ON r.id = a.reviewer WHERE a.import = ?`,
			"issues": `SELECT json_array(r.value, u.revision, i.number) FROM review_issue u
				JOIN review_issue_item i ON i.issue = u.id JOIN ident r ON r.id = u.reviewer WHERE u.import = ?`,
		})
}

func closingBody(ctx context.Context, q sqlx.QueryerContext, campaign int64) (map[string]any, error) {
	return bodyOf(ctx, q, campaign, `
		SELECT json_object('campaign', c.name, 'at', x.at, 'items', x.items, 'decided', x.decided, 'paths', x.paths, 'paths_covered', x.paths_covered, 'paths_attested', x.paths_attested)
		FROM   campaign_closing x JOIN campaign c ON c.id = x.campaign WHERE x.campaign = ?`,
		map[string]string{
			"uncovered": `SELECT json_array(p.value, g.value, a.value, t.value, u.paths, u.missing) FROM campaign_uncovered u
				JOIN ident p ON p.id = u.principal JOIN ident g ON g.id = u.mapped_group JOIN ident a ON a.id = u.access_assignment JOIN ident t ON t.id = u.customer
				WHERE u.campaign = ?`,
			"plan": `SELECT body FROM campaign_action WHERE campaign = ?`,
		})
}

func verificationBody(ctx context.Context, q sqlx.QueryerContext, id int64) (map[string]any, error) {
	return bodyOf(ctx, q, id, `
		SELECT json_object('campaign', c.name, 'snapshot', s.hash, 'at', v.at)
		FROM   verification v JOIN campaign c ON c.id = v.campaign JOIN sealed_snapshot s ON s.id = v.snapshot WHERE v.id = ?`,
		map[string]string{
			"results": `SELECT json_array(number, outcome, detail, days) FROM verification_result WHERE verification = ?`,
		})
}
