package portal

import (
	"strings"
	"time"

	"countersign/collectors/snapshot"
)

// activityLog is the activity log of Partner Center. Columns as its documentation
// names them, in English, French, Italian, Portuguese and Japanese:
// https://learn.microsoft.com/partner-center/customers/gdap-activity-logs
var activityLog = &form{
	what:  "activity log of Partner Center",
	kinds: []snapshot.Kind{snapshot.PartnerAudits},
	columns: map[string][]string{
		"time":     {"Date-Time", "Date and time", "Date-Heure", "Data-ora", "Data-Hora", "日時"},
		"customer": {"Affected customer", "Client affecté", "Cliente interessato", "Cliente afetado", "影響を受ける顧客"},
		"action":   {"Action", "Azione", "Ação", "アクション"},
		"by":       {"Performed by", "Partner user", "Utilisateur partenaire", "Effectué par", "Eseguita da", "Executado por", "実行者"},
	},
	needs:   []string{"time", "customer", "action", "by"},
	dates:   []string{"time"},
	convert: activity,
}

// activity gives an entry the digest of what it says for an id, as the API's entries
// have it. A customer that is on no list keeps its name alone.
func activity(r record, f *File) ([]Row, error) {
	at, err := r.instant("time")
	if err != nil {
		return nil, err
	}
	said := []string{at.Format(time.RFC3339), r.text("customer"), r.text("action"), r.text("by")}
	tenant, _ := f.folder.customers.id(r.text("customer"))
	return []Row{{Kind: snapshot.PartnerAudits, Fact: snapshot.PartnerAudit{
		ID: digest([]byte(strings.Join(said, "\x1f"))), At: at, Customer: tenant, CustomerName: r.text("customer"), Actor: r.text("by"), Operation: r.text("action"),
	}}}, nil
}
