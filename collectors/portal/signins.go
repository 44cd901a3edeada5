package portal

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"countersign/collectors/snapshot"
)

// signIns are interactive and non-interactive sign-ins, of which the columns are the
// same. English: headers of exports of January 2026, 56 columns; Spanish and Italian:
// what public parsers of such files name. The older portals wrote fewer columns,
// without the resource tenant: those tell of no customer and are refused.
// https://learn.microsoft.com/entra/identity/monitoring-health/howto-download-logs
var signIns = &form{
	what:  "sign-ins",
	kinds: []snapshot.Kind{snapshot.SignIns},
	columns: map[string][]string{
		"time":            {"Date (UTC)", "Fecha (UTC)", "Data (UTC)", "createdDateTime"},
		"id":              {"Request ID", "id"},
		"user id":         {"User ID", "Id. de usuario", "userId"},
		"user":            {"User", "Usuario", "Utente", "userDisplayName"},
		"username":        {"Username", "Nombre de usuario", "Nome utente", "userPrincipalName"},
		"tenant":          {"Resource tenant ID", "resourceTenantId"},
		"cross":           {"Cross tenant access type", "crossTenantAccessType"},
		"application":     {"Application", "Aplicación", "Applicazione", "appDisplayName"},
		"resource":        {"Resource", "Recurso", "Risorsa", "resourceDisplayName"},
		"status":          {"Status", "Estado", "Stato"},
		"code":            {"Sign-in error code"},
		"requirement":     {"Authentication requirement", "Requisito de autenticación", "Requisito per l'autenticazione", "authenticationRequirement"},
		"correlation":     {"Correlation ID", "Id. de correlación", "correlationId"},
		"ip":              {"IP address", "Dirección IP", "Indirizzo IP", "ipAddress"},
		"location":        {"Location", "Ubicación", "Località", "location"},
		"client":          {"Client app", "Aplicación cliente", "clientAppUsed"},
		"system":          {"Operating System", "Sistema operativo"},
		"join":            {"Join Type"},
		"compliant":       {"Compliant", "Conforme"},
		"managed":         {"Managed"},
		"access policies": {"Conditional Access", "Accesso condizionale", "conditionalAccessStatus"},
	},
	needs: []string{"time", "id", "user id", "username", "tenant", "application", "code"},
	dates: []string{"time"},
	tells: []string{"createddatetime", "userprincipalname", "resourcetenantid"},
	lacks: func(has func(string) bool) []string {
		return lacking(has, "cross", "by which way a person came to another tenant", "requirement", "whether a second factor was asked for")
	},
	settle:  signInsByName,
	convert: signIn,
	entry:   asItIs(snapshot.SignIns),
}

// Sign-in downloads that tell of no person's sign-in to a customer.
var (
	signInDetails = &form{
		what:    "authentication details of sign-ins",
		columns: map[string][]string{"id": {"Request ID"}, "method": {"Authentication method"}},
		needs:   []string{"id", "method"},
	}
	applicationSignIns = &form{
		what:    "sign-ins of applications",
		columns: map[string][]string{"id": {"Request ID"}, "principal": {"Service principal ID"}},
		needs:   []string{"id", "principal"},
	}
)

// lacking words what is not told, for pairs of a column and what it tells.
func lacking(has func(string) bool, pairs ...string) (lacks []string) {
	for i := 0; i < len(pairs); i += 2 {
		if !has(pairs[i]) {
			lacks = append(lacks, pairs[i+1])
		}
	}
	return lacks
}

// asItIs hands out the objects of a JSON download, which are those of the API.
func asItIs(kind snapshot.Kind) func([]byte, *File) ([]Row, error) {
	return func(raw []byte, f *File) ([]Row, error) {
		return []Row{{Kind: kind, Object: f.Object, Graph: raw}}, nil
	}
}

var nameOfSignIns = regexp.MustCompile(`(?i)(non[-_ ]?)?interactive`)

// signInsByName takes from the name that the portal gives a file what its columns
// do not tell: InteractiveSignIns_..., NonInteractiveSignIns_...
func signInsByName(f *File) error {
	if strings.HasSuffix(strings.ToLower(f.Name), ".json") {
		return nil
	}
	m := nameOfSignIns.FindStringSubmatch(f.Name)
	if m == nil {
		return errors.New("are sign-ins, and no column tells whether people or their programs made them: keep the name that the portal gave the file (InteractiveSignIns_..., NonInteractiveSignIns_...), or take the JSON download")
	}
	f.interactive = m[1] == ""
	return nil
}

func signIn(r record, f *File) ([]Row, error) {
	at, err := r.instant("time")
	if err != nil {
		return nil, err
	}
	code, err := r.errorCode()
	if err != nil {
		return nil, err
	}
	compliant, err := r.yes("compliant")
	if err != nil {
		return nil, err
	}
	managed, err := r.yes("managed")
	if err != nil {
		return nil, err
	}
	device := map[string]any{"operatingSystem": r.text("system"), "trustType": r.text("join")}
	if compliant != nil {
		device["isCompliant"] = *compliant
	}
	if managed != nil {
		device["isManaged"] = *managed
	}
	return []Row{{Kind: snapshot.SignIns, Graph: graph(map[string]any{
		"id": r.text("id"), "createdDateTime": at, "userId": r.text("user id"), "userDisplayName": r.text("user"), "userPrincipalName": r.text("username"),
		"resourceTenantId": r.text("tenant"), "appDisplayName": r.text("application"), "resourceDisplayName": r.text("resource"),
		"crossTenantAccessType":     spelled(r.text("cross"), "none", "b2bCollaboration", "b2bDirectConnect", "microsoftSupport", "serviceProvider", "passthrough"),
		"authenticationRequirement": spelled(r.text("requirement"), "multiFactorAuthentication", "singleFactorAuthentication"),
		"isInteractive":             f.interactive, "status": map[string]any{"errorCode": code}, "correlationId": r.text("correlation"), "ipAddress": r.text("ip"),
		"location": place(r.text("location")), "clientAppUsed": r.text("client"), "deviceDetail": device,
		"conditionalAccessStatus": spelled(r.text("access policies"), "success", "failure", "notApplied"),
	})}}, nil
}

// errorCode is 0 for a success. The portal writes no number then, in some versions.
func (r record) errorCode() (int, error) {
	text := r.text("code")
	if code, err := strconv.Atoi(text); err == nil {
		return code, nil
	}
	if (text == "" || strings.EqualFold(text, "none")) && strings.EqualFold(r.text("status"), "success") {
		return 0, nil
	}
	return 0, r.wrong("code", "is no error code, and the status %s does not say success", short(r.text("status")))
}

// yes reads a mark; nil for an empty cell.
func (r record) yes(column string) (*bool, error) {
	told, ok := mark(r.text(column))
	if !ok {
		return nil, r.wrong(column, "is neither yes nor no")
	}
	return told, nil
}

func mark(text string) (told *bool, ok bool) {
	switch strings.ToLower(text) {
	case "":
		return nil, true
	case "true", "yes", "sí", "sì", "oui", "ja", "sim", "enabled":
		return new(true), true
	case "false", "no", "non", "nein", "nee", "não", "disabled":
		return new(false), true
	}
	return nil, false
}

// spelled gives the word that the API has for one that the portal shows with other
// spaces and case, and an unknown one as it came.
func spelled(shown string, words ...string) string {
	for _, w := range words {
		if columnKey(shown) == strings.ToLower(w) {
			return w
		}
	}
	return shown
}

// place takes "City, State, CC" apart; the last is the country.
func place(text string) map[string]any {
	if text == "" {
		return nil
	}
	parts := strings.Split(text, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	out := map[string]any{"countryOrRegion": parts[len(parts)-1]}
	if len(parts) > 1 {
		out["city"] = parts[0]
	}
	return out
}
