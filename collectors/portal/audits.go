package portal

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"countersign/collectors/snapshot"
)

// The audit log spreads an entry over numbered columns, of so many targets,
// properties changed of each, and details.
const auditTargets, auditProperties, auditDetails = 3, 5, 6

// audits is the directory audit log. Columns: headers of an export of November 2024;
// Spanish and Italian: what public parsers of such files name. The file has no ids.
// https://learn.microsoft.com/entra/identity/monitoring-health/howto-download-logs
var audits = &form{
	what:    "audit log",
	kinds:   []snapshot.Kind{snapshot.Audits},
	columns: auditColumns(),
	needs:   []string{"time", "service", "category", "activity", "result", "actor type", "target1 type"},
	dates:   []string{"time"},
	tells:   []string{"activitydatetime", "activitydisplayname", "targetresources"},
	convert: audit,
	entry:   asItIs(snapshot.Audits),
}

func auditColumns() map[string][]string {
	columns := map[string][]string{
		"time":        {"Date (UTC)", "Fecha (UTC)", "Data (UTC)", "activityDateTime"},
		"correlation": {"CorrelationId"},
		"service":     {"Service", "Servicio", "Servizio", "loggedByService"},
		"category":    {"Category", "Categoría", "Categoria"},
		"activity":    {"Activity", "Actividad", "Attività", "activityDisplayName"},
		"result":      {"Result", "Resultado", "Risultato"},
		"reason":      {"ResultReason"},
		"actor type":  {"ActorType"},
		"actor name":  {"ActorDisplayName"},
		"actor id":    {"ActorObjectId"},
		"actor upn":   {"ActorUserPrincipalName"},
		"actor home":  {"ActorHomeTenantId"},
		"ip":          {"IPAddress"},
		"app id":      {"ActorServicePrincipalId"},
		"app name":    {"ActorServicePrincipalName"},
	}
	number := func(column, name string) { columns[column] = []string{name} }
	for t := 1; t <= auditTargets; t++ {
		number(fmt.Sprintf("target%d type", t), fmt.Sprintf("Target%dType", t))
		number(fmt.Sprintf("target%d name", t), fmt.Sprintf("Target%dDisplayName", t))
		number(fmt.Sprintf("target%d id", t), fmt.Sprintf("Target%dObjectId", t))
		columns[fmt.Sprintf("target%d upn", t)] = []string{fmt.Sprintf("Target%dUserPrincipalName", t), fmt.Sprintf("Objetivo%dNombrePrincipalDeUsuario", t)}
		for p := 1; p <= auditProperties; p++ {
			number(fmt.Sprintf("target%d property%d", t, p), fmt.Sprintf("Target%dModifiedProperty%dName", t, p))
			number(fmt.Sprintf("target%d old%d", t, p), fmt.Sprintf("Target%dModifiedProperty%dOldValue", t, p))
			number(fmt.Sprintf("target%d new%d", t, p), fmt.Sprintf("Target%dModifiedProperty%dNewValue", t, p))
		}
	}
	for d := 1; d <= auditDetails; d++ {
		number(fmt.Sprintf("key%d", d), fmt.Sprintf("AdditionalDetail%dKey", d))
		number(fmt.Sprintf("value%d", d), fmt.Sprintf("AdditionalDetail%dValue", d))
	}
	return columns
}

func audit(r record, _ *File) ([]Row, error) {
	at, err := r.instant("time")
	if err != nil {
		return nil, err
	}
	var targets, details []any
	for t := 1; t <= auditTargets; t++ {
		if target := r.target(fmt.Sprintf("target%d ", t)); target != nil {
			targets = append(targets, target)
		}
	}
	for d := 1; d <= auditDetails; d++ {
		if key := r.text(fmt.Sprintf("key%d", d)); key != "" {
			details = append(details, map[string]any{"key": key, "value": r.text(fmt.Sprintf("value%d", d))})
		}
	}
	by := map[string]any{}
	if id := r.text("app id"); id != "" || strings.HasPrefix(strings.ToLower(r.text("actor type")), "app") {
		by["app"] = map[string]any{"servicePrincipalId": id, "displayName": cmp.Or(r.text("app name"), r.text("actor name"))}
	} else {
		by["user"] = map[string]any{"id": r.text("actor id"), "displayName": r.text("actor name"), "userPrincipalName": r.text("actor upn"),
			"ipAddress": r.text("ip"), "homeTenantId": r.text("actor home")}
	}
	return []Row{{Kind: snapshot.Audits, Graph: entry(map[string]any{
		"activityDateTime": at, "correlationId": r.text("correlation"), "loggedByService": r.text("service"), "category": r.text("category"),
		"activityDisplayName": r.text("activity"), "result": strings.ToLower(r.text("result")), "resultReason": r.text("reason"),
		"initiatedBy": by, "targetResources": targets, "additionalDetails": details,
	})}}, nil
}

// target is one of an entry's targets; nil: there is none.
func (r record) target(prefix string) map[string]any {
	id, name, kind := r.text(prefix+"id"), r.text(prefix+"name"), r.text(prefix+"type")
	if id == "" && name == "" && kind == "" {
		return nil
	}
	var changed []any
	for p := 1; p <= auditProperties; p++ {
		if property := r.text(fmt.Sprintf("%sproperty%d", prefix, p)); property != "" {
			changed = append(changed, map[string]any{"displayName": property,
				"oldValue": r.text(fmt.Sprintf("%sold%d", prefix, p)), "newValue": r.text(fmt.Sprintf("%snew%d", prefix, p))})
		}
	}
	return map[string]any{"id": id, "displayName": name, "type": kind, "userPrincipalName": r.text(prefix + "upn"), "modifiedProperties": changed}
}

// entry gives an object of a log the digest of what it says for an id.
func entry(o map[string]any) []byte {
	o["id"] = digest(graph(o))
	return graph(o)
}

func digest(said []byte) string {
	sum := sha256.Sum256(said)
	return "portal:" + hex.EncodeToString(sum[:16])
}

// pimAudit is the audit history of Privileged Identity Management. Microsoft
// documents the columns of the page, not of its export:
// https://learn.microsoft.com/entra/id-governance/privileged-identity-management/pim-how-to-use-audit-log
// It names people and roles without ids.
var pimAudit = &form{
	what:  "PIM audit history",
	kinds: []snapshot.Kind{snapshot.Audits},
	columns: map[string][]string{
		"time":      {"Time", "Date", "DateTime"},
		"requestor": {"Requestor"},
		"action":    {"Action"},
		"subject":   {"Subject", "Member", "User"},
		"role":      {"Role", "Primary target"},
		"resource":  {"Resource name", "Resource"},
		"reason":    {"Reasoning", "Status reason", "Justification"},
		"status":    {"Status"},
		"expires":   {"Expiration"},
		"ticket":    {"Ticket number"},
		"system":    {"Ticket system"},
	},
	needs: []string{"time", "requestor", "action", "subject"},
	dates: []string{"time", "expires"},
	lacks: func(func(string) bool) []string {
		return []string{"ids of the people, groups and roles in PIM's history"}
	},
	convert: pimEntry,
}

func pimEntry(r record, _ *File) ([]Row, error) {
	at, err := r.instant("time")
	if err != nil {
		return nil, err
	}
	expires, err := r.moment("expires")
	if err != nil {
		return nil, err
	}
	var details, targets []any
	detail := func(key, value string) {
		if value != "" {
			details = append(details, map[string]any{"key": key, "value": value})
		}
	}
	detail("Justification", r.text("reason"))
	if !expires.IsZero() {
		detail("ExpirationTime", expires.Format("2006-01-02T15:04:05Z"))
	}
	detail("TicketNumber", r.text("ticket"))
	detail("TicketSystem", r.text("system"))
	for _, t := range [][2]string{{"Role", "role"}, {"User", "subject"}, {"Other", "resource"}} {
		if name := r.text(t[1]); name != "" {
			targets = append(targets, person(map[string]any{"type": t[0], "displayName": name}))
		}
	}
	return []Row{{Kind: snapshot.Audits, Graph: entry(map[string]any{
		"activityDateTime": at, "loggedByService": "PIM", "activityDisplayName": r.text("action"), "result": outcome(r.text("status")),
		"resultReason": r.text("reason"), "initiatedBy": map[string]any{"user": person(map[string]any{"displayName": r.text("requestor")})},
		"targetResources": targets, "additionalDetails": details,
	})}}, nil
}

// person takes a name that is an address for the user principal name too.
func person(o map[string]any) map[string]any {
	if name := o["displayName"].(string); strings.Contains(name, "@") {
		o["userPrincipalName"] = name
	}
	return o
}

func outcome(status string) string {
	switch strings.ToLower(status) {
	case "succeeded", "completed", "":
		return "success"
	case "failed":
		return "failure"
	}
	return strings.ToLower(status)
}
