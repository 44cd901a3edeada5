package collectors

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"countersign/collectors/snapshot"
	"countersign/collectors/store"
)

// partnerAudits lists, for one window, the records of Partner Center. It is asked by
// the day: records of that day outside the window are passed over.
// https://learn.microsoft.com/partner-center/developer/get-a-record-of-partner-center-activity-by-user
type partnerAudits struct{ window window }

func (partnerAudits) Kind() snapshot.Kind { return snapshot.PartnerAudits }

func (c partnerAudits) Collect(ctx context.Context, _ snapshot.Part, s *stage) error {
	s.seen.Since, s.seen.Until = c.window.since, c.window.until
	first, last := c.window.since, c.window.until.Add(-time.Second) // both days are read whole
	path := "/v1/auditrecords" + query("startDate", first.Format(time.DateOnly), "endDate", last.Format(time.DateOnly), "size", "500")
	return s.list(ctx, path, func(raw json.RawMessage) (store.Item, error) {
		got, err := decodePartnerAudit(raw)
		if err == nil && (got.At.Before(c.window.since) || !got.At.Before(c.window.until)) {
			return store.Item{}, nil
		}
		return store.Item{Fact: got}, err
	})
}

// pair is one entry of a record's additional data.
type pair struct {
	Key   string
	Value any
}

func decodePartnerAudit(raw json.RawMessage) (snapshot.PartnerAudit, error) {
	var w struct {
		ID, CustomerID                                                                               ident
		CustomerName, UserPrincipalName, ApplicationID, ResourceType, OperationType, OperationStatus string
		OperationDate                                                                                instant
		CustomizedData                                                                               []pair
	}
	if err := json.Unmarshal(raw, &w); err != nil {
		return snapshot.PartnerAudit{}, err
	}
	if w.OperationDate.IsZero() {
		return snapshot.PartnerAudit{}, errNoTime
	}
	digest, err := digestOf(raw)
	return snapshot.PartnerAudit{
		ID: cmp.Or(string(w.ID), digest), At: w.OperationDate.Time, Customer: string(w.CustomerID), CustomerName: w.CustomerName,
		Actor: w.UserPrincipalName, App: w.ApplicationID, Resource: w.ResourceType, Operation: w.OperationType,
		Status: strings.ToLower(w.OperationStatus), Details: detailsOf(w.CustomizedData),
	}, err
}

// digestOf names a record that came without an id: SHA-256, in hex, of its JSON with
// sorted keys, without spaces and escapes for HTML. Records that say the same of the same instant are one.
func digestOf(raw json.RawMessage) (string, error) {
	numbers := json.NewDecoder(bytes.NewReader(raw))
	numbers.UseNumber()
	var record map[string]any
	if err := numbers.Decode(&record); err != nil {
		return "", err
	}
	delete(record, "attributes") // of the answer, not of what was done
	var canonical bytes.Buffer
	out := json.NewEncoder(&canonical)
	out.SetEscapeHTML(false)
	err := out.Encode(record)
	sum := sha256.Sum256(bytes.TrimSuffix(canonical.Bytes(), []byte("\n")))
	return hex.EncodeToString(sum[:]), err
}

var secretKey = regexp.MustCompile(`(?i)passw|pwd|secret|token|credential|private|api_?key|access_?key`)

// detailsOf writes additional data as sorted lines key=value. Values whose key
// speaks of a secret are left out.
func detailsOf(data []pair) string {
	lines := make([]string, 0, len(data))
	for _, d := range data {
		value := ""
		switch v := d.Value.(type) {
		case nil:
		case string:
			value = v
		default:
			text, _ := json.Marshal(v) // it was JSON
			value = string(text)
		}
		if secretKey.MatchString(d.Key) {
			value = "(left out)"
		}
		lines = append(lines, strings.Join(strings.Fields(d.Key+"="+value), " ")) // one line each
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
