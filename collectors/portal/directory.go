package portal

import (
	"errors"
	"path"
	"regexp"
	"strings"

	"countersign/collectors/snapshot"
)

// groupMembers is the list of one group's members. Its columns do not tell of which
// group: the person names the file when the download is started.
// https://learn.microsoft.com/entra/identity/users/groups-bulk-download-members
var groupMembers = &form{
	what:  "members of a group",
	kinds: []snapshot.Kind{snapshot.Memberships},
	columns: map[string][]string{
		"id":   {"Object ID", "id"},
		"type": {"Member type", "Object type", "@odata.type"},
		"name": {"Display name"},
		"upn":  {"User principal name"},
	},
	needs:   []string{"id", "type"},
	tells:   []string{"@odata.type", "id", "displayname"},
	settle:  membersByName,
	convert: member,
	entry:   asItIs(snapshot.Memberships),
}

var dateBehind = regexp.MustCompile(`[-_ ]\d{4}-\d{1,2}-\d{1,2}.*$`) // as the portal proposes

// membersByName finds the group by the id in the file's name, or by the name it is.
func membersByName(f *File) error {
	if id := snapshot.GUIDIn(f.Name); id != "" {
		f.Object = strings.ToLower(id)
		return nil
	}
	name := strings.TrimSuffix(f.Name, path.Ext(f.Name))
	for _, name := range []string{name, dateBehind.ReplaceAllString(name, "")} {
		id, twice := f.folder.groups.id(name)
		if twice {
			return errors.New("are members of a group, and two groups have that name: put the group's object id into the name of the file")
		}
		if id != "" {
			f.Object = id
			return nil
		}
	}
	return errors.New("are members of a group, but not of which: put the group's object id into the name of the file, or its name and the list of groups (Microsoft Entra, Groups, Download groups) beside it")
}

func member(r record, f *File) ([]Row, error) {
	id, kind := r.text("id"), spelled(r.text("type"), snapshot.TypeUser, snapshot.TypeGroup, snapshot.TypeServicePrincipal, snapshot.TypeDevice)
	if id == "" {
		return nil, r.wrong("id", "is no id")
	}
	if kind == "" {
		return nil, r.wrong("type", "does not tell a person from a group")
	}
	return []Row{{Kind: snapshot.Memberships, Object: f.Object, Graph: graph(map[string]any{
		"@odata.type": "#microsoft.graph." + kind, "id": id, "displayName": r.text("name"), "userPrincipalName": r.text("upn"),
	})}}, nil
}

// groups is the list of groups, in English and Chinese as documented.
// https://learn.microsoft.com/entra/identity/users/groups-bulk-download
var groups = &form{
	what:  "groups",
	kinds: []snapshot.Kind{snapshot.Groups},
	columns: map[string][]string{
		"id":         {"Object ID", "对象 ID", "id"},
		"name":       {"Display name", "显示名称"},
		"type":       {"Group type", "组类型", "groupTypes"},
		"membership": {"Membership type", "成员身份类型"},
		"security":   {"Security enabled"},
		"roles":      {"Is assignable to role", "Role assignments allowed"},
		"synced":     {"On-premises sync enabled"},
		"created":    {"Created date time", "Created on"},
	},
	needs: []string{"id", "name", "type", "membership"},
	dates: []string{"created"},
	tells: []string{"grouptypes", "securityenabled", "displayname"},
	lacks: func(has func(string) bool) []string {
		return lacking(has, "roles", "whether a group may hold directory roles", "synced", "whether a group comes from a directory on premises")
	},
	teach:   func(d *Folder, text func(string) string) { d.groups.learn(text("name"), text("id")) },
	convert: group,
	entry:   asItIs(snapshot.Groups),
}

func group(r record, _ *File) ([]Row, error) {
	o := map[string]any{"id": r.text("id"), "displayName": r.text("name"), "securityEnabled": strings.EqualFold(r.text("type"), "security") || strings.HasPrefix(r.text("type"), "安全")}
	if m := strings.ToLower(r.text("membership")); strings.HasPrefix(m, "dynamic") || strings.HasPrefix(m, "动态") {
		o["groupTypes"] = []string{"DynamicMembership"}
	}
	return described(r, snapshot.Groups, o, map[string]string{"security": "securityEnabled", "roles": "isAssignableToRole", "synced": "onPremisesSyncEnabled"})
}

// described adds to an object the marks that a row has, and when it was created.
func described(r record, kind snapshot.Kind, o map[string]any, marks map[string]string) ([]Row, error) {
	if o["id"] == "" {
		return nil, r.wrong("id", "is no id")
	}
	for column, property := range marks {
		told, err := r.yes(column)
		if err != nil {
			return nil, err
		}
		if told != nil {
			o[property] = *told
		}
	}
	created, err := r.moment("created")
	if err != nil {
		return nil, err
	}
	o["createdDateTime"] = created
	return []Row{{Kind: kind, Graph: graph(o)}}, nil
}

// users is the list of users. Columns: the header of an export of 2021, printed in a
// public report about its quoting, and the older one that had objectId.
// https://learn.microsoft.com/entra/identity/users/users-bulk-download
var users = &form{
	what:  "users",
	kinds: []snapshot.Kind{snapshot.Users},
	columns: map[string][]string{
		"id":       {"id", "Object ID"},
		"upn":      {"User principal name"},
		"name":     {"Display name"},
		"mail":     {"mail"},
		"job":      {"Job title"},
		"enabled":  {"Account enabled"},
		"type":     {"User type"},
		"synced":   {"directorySynced", "On-premises sync enabled"},
		"created":  {"Created date time"},
		"manager":  {"manager"},
		"plans":    {"assignedPlans"},
		"activity": {"signInActivity"},
	},
	needs: []string{"id", "upn", "enabled"},
	dates: []string{"created"},
	tells: []string{"userprincipalname", "accountenabled"},
	lacks: func(has func(string) bool) []string {
		return lacking(has, "activity", "when somebody last signed in", "manager", "who is whose manager", "plans", "who has which licence")
	},
	convert: user,
	entry:   asItIs(snapshot.Users),
}

func user(r record, _ *File) ([]Row, error) {
	return described(r, snapshot.Users, map[string]any{"id": r.text("id"), "userPrincipalName": r.text("upn"), "displayName": r.text("name"),
		"mail": r.text("mail"), "jobTitle": r.text("job"), "userType": r.text("type")}, map[string]string{"enabled": "accountEnabled", "synced": "onPremisesSyncEnabled"})
}

// registrations is who has registered for multifactor authentication, by the names
// that the API has.
// https://learn.microsoft.com/graph/api/resources/userregistrationdetails
var registrations = &form{
	what:  "registrations for multifactor authentication",
	kinds: []snapshot.Kind{snapshot.MFARegistrations},
	columns: map[string][]string{
		"id":           {"id", "User ID", "Object ID"},
		"registered":   {"isMfaRegistered"},
		"capable":      {"isMfaCapable"},
		"passwordless": {"isPasswordlessCapable"},
		"methods":      {"methodsRegistered"},
	},
	needs:   []string{"id", "registered", "capable"},
	tells:   []string{"id", "ismfaregistered", "ismfacapable"},
	lacks:   func(has func(string) bool) []string { return lacking(has, "methods", "which methods are registered") },
	convert: registration,
	entry:   asItIs(snapshot.MFARegistrations),
}

func registration(r record, _ *File) ([]Row, error) {
	methods := []string{}
	for _, m := range strings.FieldsFunc(r.text("methods"), func(c rune) bool { return strings.ContainsRune(`;,[]"|`, c) }) {
		if m = strings.TrimSpace(m); m != "" {
			methods = append(methods, m)
		}
	}
	return described(r, snapshot.MFARegistrations, map[string]any{"id": r.text("id"), "methodsRegistered": methods},
		map[string]string{"registered": "isMfaRegistered", "capable": "isMfaCapable", "passwordless": "isPasswordlessCapable"})
}
