package config

import "time"

// Record is a row of records.csv: something done that no directory shows.
type Record struct {
	Date     time.Time
	Kind     string // breakglass-test, training, ...: see recordKinds
	Customer string // tenant id, lower case; empty: the MSP itself
	Subject  string // the account, system or document meant
	By       string
	Note     string
}

var recordKinds = []string{"breakglass-test", "breakglass-use", "jit-test", "training", "drill", "briefing", "onboarding",
	"document-confirmed", "credential-separation", "emergency-procedure", "edge-case", "audit-request"}

// readRecords reads records.csv. Equal rows are no fault: a thing may be done twice a day.
func readRecords(t *table) (all []Record) {
	for _, r := range readTable(t, func(r *Record) []column {
		return []column{
			{"date", true, t.date(&r.Date)},
			{"kind", true, oneOf(&r.Kind, recordKinds...)},
			{"customer", false, id(&r.Customer)},
			{"subject", false, plain(&r.Subject)},
			{"by", false, plain(&r.By)},
			{"note", false, plain(&r.Note)},
		}
	}) {
		all = append(all, r.row)
	}
	return all
}
