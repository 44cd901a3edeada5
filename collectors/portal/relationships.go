package portal

import (
	"cmp"
	"encoding/json"
	"errors"
	"regexp"
	"strings"

	"countersign/collectors/snapshot"
)

// relationships is the list of GDAP relationships (Customers, Expiring granular
// relationships, Download). Microsoft documents what the page shows, not the columns
// of the file; known are the names on the page and those of the API.
// https://learn.microsoft.com/partner-center/customers/expiring-gdap-relationships-and-auto-extend-gdap
// https://learn.microsoft.com/graph/api/resources/delegatedadminrelationship
var relationships = &form{
	what:  "GDAP relationships",
	kinds: []snapshot.Kind{snapshot.Relationships, snapshot.Customers},
	columns: map[string][]string{
		"id":       {"Relationship ID", "Admin relationship ID", "GDAP relationship ID", "id"},
		"name":     {"Admin relationship name", "Relationship name", "GDAP relationship name", "Admin relationship", "displayName"},
		"tenant":   {"Customer tenant ID", "Customer ID", "Tenant ID", "Microsoft ID"},
		"customer": {"Customer name", "Customer", "Tenant name", "Tenant"},
		"status":   {"Relationship status", "Status"},
		"created":  {"Created date", "Created", "createdDateTime"},
		"start":    {"Start date", "Activated date", "Activation date", "activatedDateTime"},
		"end":      {"Expiration date", "Expiry date", "End date", "Expiration", "Expires on", "endDateTime"},
		"duration": {"Duration", "Duration (days)"},
		"extend":   {"Auto extend", "Autoextend", "Auto-extend", "Auto extended", "autoExtendDuration"},
		"roles":    {"Microsoft Entra roles", "Azure AD roles", "Entra roles", "Roles", "Role", "accessDetails"},
	},
	needs: []string{"id|name", "tenant|customer", "status", "end"},
	dates: []string{"created", "start", "end"},
	tells: []string{"accessdetails", "status", "duration"},
	lacks: func(has func(string) bool) []string {
		return lacking(has, "roles", "which roles a relationship allows", "extend", "whether a relationship extends itself")
	},
	teach: func(d *Folder, text func(string) string) {
		d.relationships.learn(text("name"), cmp.Or(text("id"), derived(text("name"))))
	},
	convert: relationshipOf,
	entry:   relationshipEntry,
}

// derived is the id of a relationship of which only the name is told.
func derived(name string) string {
	if name == "" {
		return ""
	}
	return "name:" + nameKey(name)
}

func relationshipOf(r record, f *File) ([]Row, error) {
	id := cmp.Or(r.text("id"), derived(r.text("name")))
	if id == "" {
		return nil, r.fault(0, "a relationship has neither id nor name")
	}
	status := spelled(r.text("status"), "created", "approvalPending", "approved", "activating", "active", "terminationRequested", "terminating", "terminated", "expiring", "expired")
	if columnKey(status) == "pending" {
		status = "approvalPending"
	}
	tenant, err := r.customer(f.folder)
	if err != nil {
		return nil, err
	}
	duration, err := r.duration()
	if err != nil {
		return nil, err
	}
	extend, err := r.extension()
	if err != nil {
		return nil, err
	}
	roles, err := r.roles()
	if err != nil {
		return nil, err
	}
	o := map[string]any{"id": id, "displayName": r.text("name"), "status": status, "duration": duration, "autoExtendDuration": extend, "accessDetails": roles}
	for _, d := range [][2]string{{"created", "createdDateTime"}, {"start", "activatedDateTime"}, {"end", "endDateTime"}} {
		at, err := r.moment(d[0])
		if err != nil {
			return nil, err
		}
		o[d[1]] = at
	}
	if tenant != "" {
		o["customer"] = map[string]any{"tenantId": tenant, "displayName": r.text("customer")}
	}
	return ofRelationship(graph(o), status, tenant, r.text("customer")), nil
}

// relationshipEntry hands out an object of the API, and the customer it names.
func relationshipEntry(raw []byte, _ *File) ([]Row, error) {
	var e struct {
		Status   string
		Customer struct{ TenantID, DisplayName string }
	}
	if err := json.Unmarshal(raw, &e); err != nil {
		return nil, err
	}
	return ofRelationship(raw, e.Status, e.Customer.TenantID, e.Customer.DisplayName), nil
}

// ofRelationship: who has an active relationship is a customer, as the API has it.
func ofRelationship(raw []byte, status, tenant, name string) []Row {
	rows := []Row{{Kind: snapshot.Relationships, Graph: raw}}
	if strings.EqualFold(status, "active") && tenant != "" {
		rows = append(rows, Row{Kind: snapshot.Customers, Graph: graph(map[string]any{"tenantId": tenant, "displayName": name})})
	}
	return rows
}

// customer is the tenant of a row: told, or found by the name. An open invitation
// may have none yet.
func (r record) customer(d *Folder) (string, error) {
	name := r.text("customer")
	if tenant := r.text("tenant"); tenant != "" || name == "" {
		return tenant, nil
	}
	tenant, twice := d.customers.id(name)
	switch {
	case twice:
		return "", r.wrong("customer", "is the name of two customers, and no column tells the tenant id")
	case tenant == "":
		return "", r.wrong("customer", "is a customer of whom no tenant id is known: add Partner Center's list of customers (Customers, Export customers) to the folder, or the customer to customers.csv")
	}
	return tenant, nil
}

var daysShown = regexp.MustCompile(`^(\d{1,4})(?: ?[[:alpha:]]+)?$`)

// duration is ISO 8601; the portal shows days.
func (r record) duration() (string, error) {
	text := r.text("duration")
	if text == "" || strings.HasPrefix(text, "P") {
		return text, nil
	}
	if m := daysShown.FindStringSubmatch(text); m != nil {
		return "P" + m[1] + "D", nil
	}
	return "", r.wrong("duration", "is no number of days")
}

var parenthesis = regexp.MustCompile(`\s*\(.*$`)

// extension is by how much a relationship extends itself. The portal says "Yes (6
// months)", which is the only choice there is.
func (r record) extension() (string, error) {
	text := r.text("extend")
	if strings.HasPrefix(text, "P") {
		return text, nil
	}
	extends, ok := mark(parenthesis.ReplaceAllString(text, ""))
	switch {
	case !ok:
		return "", r.wrong("extend", "does not say whether the relationship extends itself")
	case extends == nil:
		return "", nil
	case *extends:
		return "P180D", nil
	}
	return "PT0S", nil
}

// roles are those that a cell names, by id or by Microsoft's English name.
func (r record) roles() (any, error) {
	var roles []any
	for _, word := range strings.FieldsFunc(r.text("roles"), func(c rune) bool { return strings.ContainsRune(";,|\n", c) }) {
		if word = strings.TrimSpace(word); word == "" {
			continue
		}
		id, ok := snapshot.RoleNamed(word)
		if snapshot.IsGUID(word) {
			id, ok = strings.ToLower(word), true
		}
		if !ok {
			return nil, r.wrong("roles", "names the role %s, which is none of Microsoft's built-in ones in English", short(word))
		}
		roles = append(roles, map[string]any{"roleDefinitionId": id})
	}
	return map[string]any{"unifiedRoles": roles}, nil
}

// accessAssignments is which group holds which roles under a relationship, one role
// or several a line. No portal documents the columns of such a list (Microsoft 365
// Lighthouse, Permissions, Delegated access); known are the words of the page and
// those that scripts over the API write.
// https://learn.microsoft.com/graph/api/resources/delegatedadminaccessassignment
var accessAssignments = &form{
	what:  "access assignments of GDAP relationships",
	kinds: []snapshot.Kind{snapshot.AccessAssignments},
	columns: map[string][]string{
		"relationship id": {"Relationship ID", "Admin relationship ID", "GDAP relationship ID"},
		"relationship":    {"Admin relationship name", "Relationship name", "GDAP relationship name", "Relationship"},
		"group id":        {"Security group ID", "Group ID", "Group object ID"},
		"group":           {"Security group", "Security group name", "Security groups", "Group", "Group name"},
		"id":              {"Assignment ID", "Access assignment ID"},
		"status":          {"Assignment status", "Access assignment status"},
		"roles":           {"Microsoft Entra roles", "Azure AD roles", "Entra roles", "Roles", "Role", "Role ID", "Role name"},
		"created":         {"Created date", "Created", "createdDateTime"},
	},
	needs:   []string{"relationship id|relationship", "group id|group", "roles"},
	dates:   []string{"created"},
	tells:   []string{"accesscontainer", "accessdetails", "status"},
	settle:  assignmentsByContext,
	convert: accessAssignment,
	entry:   asItIs(snapshot.AccessAssignments),
}

// assignmentsOf finds the relationship in what an answer of Graph says it answers.
var assignmentsOf = regexp.MustCompile(`delegatedAdminRelationships\('([^'/]+)'\)/accessAssignments`)

func assignmentsByContext(f *File) error {
	if f.Object == "" && strings.HasSuffix(strings.ToLower(f.Name), ".json") {
		return errors.New("are access assignments, but not of which relationship: keep the answer of Graph whole, with its @odata.context")
	}
	return nil
}

func accessAssignment(r record, f *File) ([]Row, error) {
	relationship, err := r.known("relationship", f.folder.relationships, "relationship", "the list of relationships (Customers, Expiring granular relationships, Download)")
	if err != nil {
		return nil, err
	}
	group, err := r.known("group", f.folder.groups, "group", "the list of groups (Microsoft Entra, Groups, Download groups)")
	if err != nil {
		return nil, err
	}
	roles, err := r.roles()
	if err != nil {
		return nil, err
	}
	created, err := r.moment("created")
	if err != nil {
		return nil, err
	}
	return []Row{{Kind: snapshot.AccessAssignments, Object: relationship, Graph: graph(map[string]any{
		"id": cmp.Or(r.text("id"), relationship+"/"+group), "status": cmp.Or(r.text("status"), "active"), "createdDateTime": created,
		"accessContainer": map[string]any{"accessContainerId": group, "accessContainerType": "securityGroup"}, "accessDetails": roles,
	})}}, nil
}

// known is the id that a row tells, or that a list in the folder has for the name.
func (r record) known(column string, by names, what, list string) (string, error) {
	if id := r.text(column + " id"); id != "" {
		return strings.ToLower(id), nil
	}
	name := r.text(column)
	id, twice := by.id(name)
	switch {
	case snapshot.IsGUID(name):
		return strings.ToLower(name), nil
	case twice:
		return "", r.wrong(column, "is the name of two %ss, and no column tells the id", what)
	case id == "":
		return "", r.wrong(column, "is a %s of which no id is known: add %s to the folder", what, list)
	}
	return id, nil
}

// partnerCustomers is Partner Center's list of customers, which is whole whatever
// the page shows. Columns as its documentation names them, in English, Chinese and
// Japanese.
// https://learn.microsoft.com/partner-center/customers/see-your-customer-list
var partnerCustomers = &form{
	what:  "customers of Partner Center",
	kinds: []snapshot.Kind{snapshot.PartnerCustomers},
	columns: map[string][]string{
		"id":           {"Microsoft ID"},
		"name":         {"Company name", "公司名称", "会社名"},
		"domain":       {"Primary domain name", "主域名", "プライマリ ドメイン名"},
		"relationship": {"Relationship", "关系", "関係"},
	},
	needs: []string{"id", "name", "domain", "relationship"},
	lacks: func(func(string) bool) []string {
		return []string{"whether the legacy delegated administration (DAP) stands"}
	},
	teach:   func(d *Folder, text func(string) string) { d.customers.learn(text("name"), text("id")) },
	convert: partnerCustomer,
}

func partnerCustomer(r record, _ *File) ([]Row, error) {
	if !snapshot.IsGUID(r.text("id")) {
		return nil, r.wrong("id", "is no tenant id")
	}
	return []Row{{Kind: snapshot.PartnerCustomers, Fact: snapshot.PartnerCustomer{Tenant: strings.ToLower(r.text("id")), Name: r.text("name"),
		Domain: r.text("domain"), Relationship: strings.TrimPrefix(strings.ToLower(r.text("relationship")), "cloud ")}}}, nil // the API: reseller
}
