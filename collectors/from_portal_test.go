package collectors_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"countersign/collectors"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/fixtures"
)

// object is a row as Graph serves it; its values by path, such as customer.tenantId.
type object map[string]any

func (o object) text(path string) string {
	if value, ok := o[path].(string); ok { // such as @odata.type
		return value
	}
	var value any = map[string]any(o)
	for _, name := range strings.Split(path, ".") {
		m, _ := value.(map[string]any)
		value = m[name]
	}
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// list asks the fake Graph for a whole list, or one object if it is there, as a person
// with Graph Explorer could.
func (w *world) list(path string, query ...string) (all []object) {
	w.Helper()
	q := url.Values{}
	for i := 0; i < len(query); i += 2 {
		q.Set(query[i], query[i+1])
	}
	for next := w.url + path + "?" + q.Encode(); next != ""; {
		one := object{}
		r, err := http.NewRequestWithContext(w.Context(), http.MethodGet, next, nil)
		if err != nil {
			w.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer any")
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			w.Fatal(err)
		}
		var page struct {
			Value []object
			Next  string `json:"@odata.nextLink"`
		}
		text, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		if err == nil {
			err = errors.Join(json.Unmarshal(text, &page), json.Unmarshal(text, &one))
		}
		if answer.StatusCode == http.StatusNotFound {
			return nil
		}
		if err != nil || answer.StatusCode != http.StatusOK {
			w.Fatalf("%s: %d %v %.300s", path, answer.StatusCode, err, text)
		}
		if page.Value == nil {
			return []object{one}
		}
		all, next = append(all, page.Value...), page.Next
	}
	return all
}

// sheet writes objects as a portal would: columns by header and path, times by a layout.
func sheet(separator rune, layout string, columns []string, objects []object) *fstest.MapFile {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.Comma = separator
	var header []string
	for i := 0; i < len(columns); i += 2 {
		header = append(header, columns[i])
	}
	_ = w.Write(header)
	for _, o := range objects {
		var cells []string
		for i := 1; i < len(columns); i += 2 {
			cell := o.text(columns[i])
			if at, err := time.Parse(time.RFC3339Nano, cell); err == nil && layout != "" {
				cell = at.Format(layout)
			}
			cells = append(cells, cell)
		}
		_ = w.Write(cells)
	}
	w.Flush()
	return &fstest.MapFile{Data: b.Bytes()}
}

func download(objects []object) *fstest.MapFile {
	text, err := json.Marshal(objects)
	if err != nil {
		panic(err)
	}
	return &fstest.MapFile{Data: text}
}

// roleNames are the roles of an object as the portals show them.
func roleNames(o object) string {
	var names []string
	details, _ := o["accessDetails"].(map[string]any)
	for _, r := range details["unifiedRoles"].([]any) {
		names = append(names, snapshot.RoleByID(object(r.(map[string]any)).text("roleDefinitionId")).Name)
	}
	return strings.Join(names, "; ")
}

// exported is the world as people with the right roles would download it.
func (w *world) exported() fstest.MapFS {
	const gdap, german, american = "/v1.0/tenantRelationships/delegatedAdminRelationships", "02.01.2006 15:04:05", "1/2/2006, 3:04:05 PM"
	files := fstest.MapFS{}
	relationships := w.list(gdap)
	var assignments []object
	groups := map[string]bool{}
	for _, r := range relationships {
		r["roles"] = roleNames(r)
		if d := r.text("autoExtendDuration"); d == "P180D" {
			r["autoExtendDuration"] = "Yes (6 months)"
		}
		if !snapshot.MayGiveAccess(r.text("status")) {
			continue
		}
		for _, a := range w.list(gdap + "/" + r.text("id") + "/accessAssignments") {
			a["relationship"], a["roles"] = r["displayName"], roleNames(a)
			assignments = append(assignments, a)
			groups[a.text("accessContainer.accessContainerId")] = true
		}
	}
	files["gdap.csv"] = sheet(';', german, []string{"Relationship ID", "id", "Admin relationship name", "displayName", "Customer", "customer.displayName", "Customer tenant ID", "customer.tenantId",
		"Status", "status", "Created date", "createdDateTime", "Start date", "activatedDateTime", "Expiration date", "endDateTime", "Duration", "duration", "Auto extend", "autoExtendDuration",
		"Microsoft Entra roles", "roles"}, relationships)
	files["assignments.csv"] = sheet(',', "", []string{"Assignment ID", "id", "Relationship name", "relationship", "Security group ID", "accessContainer.accessContainerId",
		"Assignment status", "status", "Created date", "createdDateTime", "Roles", "roles"}, assignments)
	var all []object
	for level := groups; len(level) > 0; {
		next := map[string]bool{}
		for id := range level {
			found := w.list("/v1.0/groups/"+id, "$select", "id,displayName,securityEnabled,isAssignableToRole,groupTypes,onPremisesSyncEnabled,createdDateTime")
			if all = append(all, found...); found == nil {
				continue // gone
			}
			members := w.list("/v1.0/groups/"+id+"/members", "$select", "id,displayName,userPrincipalName")
			for _, m := range members {
				m["type"] = strings.TrimPrefix(m.text("@odata.type"), "#microsoft.graph.")
				if member := m.text("id"); m["type"] == "group" && !groups[member] {
					groups[member], next[member] = true, true
				}
			}
			files["members of "+id+".csv"] = sheet(',', "", []string{"Object ID", "id", "User principal name", "userPrincipalName", "Display name", "displayName", "Member type", "type"}, members)
		}
		level = next
	}
	files["groups.json"] = download(all)
	files["users.csv"] = sheet('\t', american, []string{"userPrincipalName", "userPrincipalName", "displayName", "displayName", "id", "id", "mail", "mail", "jobTitle", "jobTitle", "userType", "userType",
		"accountEnabled", "accountEnabled", "directorySynced", "onPremisesSyncEnabled", "createdDateTime", "createdDateTime"},
		w.list("/v1.0/users", "$select", "id,displayName,userPrincipalName,mail,jobTitle,accountEnabled,userType,onPremisesSyncEnabled,createdDateTime"))
	signIns := map[string][]object{}
	for _, s := range w.list("/beta/auditLogs/signIns", "$filter", "signInEventTypes/any(t: t eq 'interactiveUser' or t eq 'nonInteractiveUser')", "$top", "1000") {
		s["place"] = s.text("location.city") + ", " + s.text("location.state") + ", " + s.text("location.countryOrRegion")
		s["outcome"] = map[string]string{"0": "Success"}[s.text("status.errorCode")]
		signIns[s.text("isInteractive")] = append(signIns[s.text("isInteractive")], s)
	}
	for name, of := range map[string]string{"InteractiveSignIns_2026-08-18.csv": "true", "NonInteractiveSignIns_2026-08-18.csv": "false"} {
		layout := map[string]string{"true": time.RFC3339, "false": american}[of]
		files[name] = sheet(',', layout, []string{"Date (UTC)", "createdDateTime", "Request ID", "id", "Correlation ID", "correlationId", "User ID", "userId", "User", "userDisplayName",
			"Username", "userPrincipalName", "Cross tenant access type", "crossTenantAccessType", "Application", "appDisplayName", "Resource", "resourceDisplayName",
			"Resource tenant ID", "resourceTenantId", "IP address", "ipAddress", "Location", "place", "Status", "outcome", "Sign-in error code", "status.errorCode", "Client app", "clientAppUsed",
			"Operating System", "deviceDetail.operatingSystem", "Compliant", "deviceDetail.isCompliant", "Managed", "deviceDetail.isManaged", "Join Type", "deviceDetail.trustType",
			"Authentication requirement", "authenticationRequirement", "Conditional Access", "conditionalAccessStatus"}, signIns[of])
	}
	files["AuditLogs_2026-08-18.json"] = download(w.list("/v1.0/auditLogs/directoryAudits", "$filter", "activityDateTime ge "+w.at.Add(-7*24*time.Hour).Format(time.RFC3339), "$top", "999"))
	return files
}

func (w *world) portal(files fstest.MapFS, s *store.Store) (collectors.Result, error) {
	return collectors.RunFromPortal(context.Background(), collectors.Options{Tenant: w.msp.Tenant(), Store: s, At: w.at, Now: func() time.Time { return w.at }}, files)
}

// Where files and API can both say a thing, they say the same.
func TestFilesSayWhatTheAPISays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixtures.ServerOptions{})
	o := w.options(mode{8, true})
	o.Kinds = []snapshot.Kind{snapshot.Customers, snapshot.Relationships, snapshot.AccessAssignments, snapshot.Groups, snapshot.Memberships, snapshot.Users, snapshot.SignIns, snapshot.Audits}
	asked, err := collectors.Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	second := openStore(t, filepath.Join(t.TempDir(), "portal.db"))
	read, err := w.portal(w.exported(), second)
	if err != nil || len(read.Refused) > 0 {
		t.Fatal(err, read.Refused)
	}
	since := store.Time(w.at.Add(-7 * 24 * time.Hour)) // the log that the API still gives here
	for table, query := range map[string]string{
		"customer":               "SELECT tenant, name FROM customer WHERE snapshot = ?",
		"relationship":           "SELECT id, name, customer, duration, auto_extend, status, created, activated, ends FROM relationship WHERE snapshot = ?",
		"relationship_role":      "SELECT relationship, role FROM relationship_role WHERE snapshot = ?",
		"access_assignment":      "SELECT id, relationship, mapped_group, container_type, status, created FROM access_assignment WHERE snapshot = ? AND relationship IN (SELECT relationship FROM access_assignment)",
		"access_assignment_role": "SELECT access_assignment, role FROM access_assignment_role WHERE snapshot = ?",
		"group_member":           "SELECT group_id, principal, type, name, upn FROM group_member WHERE snapshot = ?",
		"directory_group":        "SELECT id, name, role_assignable, security_enabled, dynamic, synced, created FROM directory_group WHERE snapshot = ? AND gone = 0",
		"directory_user":         "SELECT id, name, upn, mail, job, enabled, type, synced, created FROM directory_user WHERE snapshot = ? AND id IN (SELECT principal FROM group_member)",
		"sign_in":                "SELECT id, principal, upn, name, customer, at, app, resource, interactive, error_code, cross_tenant, requirement, correlation FROM sign_in WHERE snapshot = ? AND at >= ?2",
		"sign_in_context":        "SELECT id, ip, country, city, client, system, trust, compliant, managed, access_policies FROM sign_in_context WHERE snapshot = ? AND id IN (SELECT id FROM sign_in WHERE at >= ?2)",
		"audit_event":            "SELECT * FROM audit_event WHERE snapshot = ? AND at >= ?2",
	} {
		var args = []any{int64(1)}
		if strings.Contains(query, "?2") {
			args = append(args, since)
		}
		want, got := lines(t, w.store, query, args...), lines(t, second, query, args...)
		slices.Sort(want)
		slices.Sort(got)
		if len(want) == 0 || !slices.Equal(got, want) {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			t.Errorf("%s: %d rows by the API, %d by files; the first that differs:\n%v\n%v", table, len(want), len(got), append(want, "none")[min(i, len(want))], append(got, "none")[min(i, len(got))])
		}
	}
	expectWhole(t, second)
	for kind, want := range map[snapshot.Kind]struct {
		state snapshot.State
		words string
	}{
		snapshot.Relationships:    {snapshot.Complete, ""},
		snapshot.Customers:        {snapshot.Complete, ""},
		snapshot.Memberships:      {snapshot.Partial, "no file tells of "},
		snapshot.Users:            {snapshot.Partial, "users.csv does not tell when somebody last signed in, nor who is whose manager, nor who has which licence"},
		snapshot.SignIns:          {snapshot.Partial, "a download holds what the page showed"},
		snapshot.Audits:           {snapshot.Partial, "a download holds what the page showed"},
		snapshot.PartnerAudits:    {snapshot.NotConfigured, "export it from Partner Center, Account settings, Activity log, Export log"},
		snapshot.GroupAssignments: {snapshot.NotConfigured, "no portal exports it"},
	} {
		if c := coverageOf(read, kind); c.State != want.state || !strings.Contains(c.Reason, want.words) {
			t.Errorf("%s: %s %q", kind, c.State, c.Reason)
		}
	}
	if c := coverageOf(read, snapshot.SignIns); c.Since.IsZero() || !c.Until.After(c.Since) || c.Until.After(w.at.Add(time.Second)) {
		t.Errorf("sign-ins from %s to %s", c.Since, c.Until)
	}
	if asked.Seal == read.Seal {
		t.Error("files are sealed as if the API had been asked")
	}
}

// downloads is a folder of two customers, by hand.
func downloads() fstest.MapFS {
	const one, two, group, adele = "a1d6f3c2-0b7e-4d8c-9f35-2f6f3d9b7c44", "b2d6f3c2-0b7e-4d8c-9f35-2f6f3d9b7c44", "0c2a5b9e-13f7-4a60-b5d8-6e1f2a3b4c5d", "5f0a9a4a-6ab1-4f4f-8f69-7d4a1d3c2b10"
	text := map[string]string{
		"gdap.csv": "Relationship name,Customer tenant ID,Customer,Status,Expiration date,Auto extend,Roles\n" +
			"North,\"" + one + "\",Fabrikam,Active,2027-01-31,No,Global Reader\nSouth,\"" + two + "\",Contoso,Active,2027-01-31,Yes (6 months),Global Reader\n",
		"assignments.csv": "Relationship,Security group ID,Role\nNorth," + group + ",Global Reader\nNorth," + group + ",Reports Reader\n",
		group + ".csv":    "Object ID,User principal name,Display name,Member type\n" + adele + ",adele@msp.example,Adele Vance,User\n" + adele + ",adele@msp.example,Adele Vance,User\n",
		"groups.csv":      "Object ID,Display name,Mail,Group type,Membership type\n" + group + ",Tier 1,,Security,Assigned\n" + two + ",Canteen,,Security,Assigned\n",
		"InteractiveSignIns.csv": "Date (UTC),Request ID,User ID,Username,Application,Resource tenant ID,Sign-in error code\n" +
			"2026-08-17T09:00:00Z,s1," + adele + ",a,x," + one + ",0\n2026-08-17T09:00:00Z,s2," + adele + ",a,x,MSP,0\n2026-08-17T09:00:00Z,s3,,,x," + one + ",0\n",
		"log.csv": "Data-ora,Cliente interessato,Azione,Eseguita da\n17/08/2026 09:00:00,Contoso,x,adele@msp.example\n16/08/2026 09:00:00,Nobody,x,adele@msp.example\n",
	}
	files := fstest.MapFS{}
	for name, text := range text {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

// portalOf takes a snapshot of files into a store of its own.
func portalOf(t testing.TB, files fstest.MapFS) (collectors.Result, *store.Store, error) {
	t.Helper()
	s := openStore(t, filepath.Join(t.TempDir(), "evidence.db"))
	r, err := collectors.RunFromPortal(context.Background(), collectors.Options{Tenant: "msp", Store: s, At: now, Now: func() time.Time { return now }}, files)
	return r, s, err
}

// Equal files give equal seals; another file another one. The files are the evidence.
func TestFilesAreSealed(t *testing.T) {
	first, s, err := portalOf(t, downloads())
	if err != nil || len(first.Refused) > 0 {
		t.Fatal(err, first.Refused)
	}
	again, _, err := portalOf(t, downloads())
	if err != nil || first.Seal != again.Seal {
		t.Errorf("%v: %s, then %s", err, first.Seal, again.Seal)
	}
	files := downloads()
	files["log.csv"].Data = append(files["log.csv"].Data, '\n')
	if other, _, err := portalOf(t, files); err != nil || other.Seal == first.Seal {
		t.Errorf("%v: another file, the same seal", err)
	}
	sum := sha256.Sum256(downloads()["gdap.csv"].Data)
	if got := lines(t, s, "SELECT p.kind, i.value, e.rows, hex(e.sha256) FROM evidence e JOIN part p ON p.id = e.part JOIN ident i ON i.id = e.path WHERE p.kind = 'relationships'"); !slices.Equal(got, []string{fmt.Sprintf("relationships gdap.csv 2 %X", sum)}) {
		t.Errorf("%q", got)
	}
}

// What a file does not tell leaves its kind partial, and what it tells is taken.
func TestAFileThatTellsLess(t *testing.T) {
	files := downloads()
	files["gdap.csv"].Data = []byte("Relationship name,Customer tenant ID,Status,Expiration date\nNorth,a1,Active,2027-01-31\n")
	files["ApplicationSignIns.csv"] = &fstest.MapFile{Data: []byte("Request ID,Service principal ID\n")}
	r, s, err := portalOf(t, files)
	if err != nil || len(r.Refused) > 0 {
		t.Fatal(err, r.Refused)
	}
	if c := coverageOf(r, snapshot.Relationships); c.State != snapshot.Partial || c.Reason != "1 of 2 not seen whole: gdap.csv does not tell which roles a relationship allows, nor whether a relationship extends itself" {
		t.Errorf("%+v", c)
	}
	if c := coverageOf(r, snapshot.Customers); c.State != snapshot.Complete {
		t.Errorf("%+v", c)
	}
	if got := lines(t, s, "SELECT id, customer FROM relationship"); !slices.Equal(got, []string{"name:north a1"}) {
		t.Errorf("%q", got)
	}
}

// Of every part that files fill, each row is stored, came twice or was passed over;
// what a file lacks makes its kind partial, and drops nothing.
func TestNoRowOfAFileIsLost(t *testing.T) {
	r, s, err := portalOf(t, downloads())
	if err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[snapshot.Kind]string{
		snapshot.Relationships: "complete 2 ", snapshot.Customers: "complete 2 ", snapshot.Memberships: "complete 2 ",
		snapshot.AccessAssignments: "partial 2 1 of 2 not seen whole: no file tells of 1 of 2 relationships, such as name:south",
		snapshot.PartnerAudits:     "partial 2 1 of 3 not seen whole: a download holds what the page showed when it was made: which days and filters were chosen is not told",
		snapshot.Groups:            "partial 2 1 of 2 not seen whole: groups.csv does not tell whether a group may hold directory roles, nor whether a group comes from a directory on premises",
		snapshot.Users:             "not-configured 0 no file of it is in the folder; export it from Microsoft Entra, Users, All users, Download users",
	} {
		if c := coverageOf(r, kind); fmt.Sprintf("%s %d %s", c.State, c.Rows, c.Reason) != want {
			t.Errorf("%s: %s %d %s", kind, c.State, c.Rows, c.Reason)
		}
	}
	if got := lines(t, s, `SELECT p.kind, s.rows - s.repeated - s.passed_over FROM part_seen s JOIN part p ON p.id = s.part WHERE s.rows > 0 ORDER BY 1, 2`); !slices.Equal(got,
		[]string{"access-assignments 1", "customers 2", "groups 0", "groups 1", "memberships 1", "partner-audits 1", "partner-audits 1", "relationships 2", "signins 0", "signins 1"}) {
		t.Errorf("%q", got)
	}
	for table, n := range map[string]int{"relationship": 2, "customer": 2, "access_assignment": 1, "access_assignment_role": 2, "group_member": 1, "partner_audit": 2, "directory_group": 1, "sign_in": 1, "effective_membership": 1} {
		if got := lines(t, s, "SELECT * FROM "+table+" WHERE snapshot = ?", r.Snapshot); len(got) != n {
			t.Errorf("%s: %q", table, got)
		}
	}
	expectWhole(t, s)
}

// A file with one bad row is refused whole, with the place; the others are taken, and
// what stood of its kind stands.
func TestABadRowRefusesItsFile(t *testing.T) {
	files := downloads()
	files["gdap.csv"].Data = append(files["gdap.csv"].Data, "East,c,Tailspin,Active,soon,No,\n"...)
	files["notes.txt"] = &fstest.MapFile{Data: []byte("remember the milk")}
	files["second "+"0c2a5b9e-13f7-4a60-b5d8-6e1f2a3b4c5d.csv"] = files["0c2a5b9e-13f7-4a60-b5d8-6e1f2a3b4c5d.csv"]
	files["0 "+"0c2a5b9e-13f7-4a60-b5d8-6e1f2a3b4c5d.csv"] = &fstest.MapFile{Data: []byte("Object ID,Member type\nx,\n")}
	r, s, err := portalOf(t, files)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{`0 0c2a5b9e-13f7-4a60-b5d8-6e1f2a3b4c5d.csv: line 2, column 3: "" does not tell a person from a group`, `gdap.csv: line 4, column 24: "soon" is not a date or time that a portal writes`, "notes.txt: line 1: its columns are those of no export that is known",
		"second 0c2a5b9e-13f7-4a60-b5d8-6e1f2a3b4c5d.csv: lists the same as 0c2a5b9e-13f7-4a60-b5d8-6e1f2a3b4c5d.csv: keep the newer of the two"} {
		if len(r.Refused) != 4 || !strings.HasPrefix(r.Refused[i], want) {
			t.Errorf("%q, want %q", r.Refused, want)
		}
	}
	if c := coverageOf(r, snapshot.Relationships); c.State != snapshot.Failed || c.Reason != "gdap.csv: line 4, column 24 cannot be read" {
		t.Errorf("%+v", c)
	}
	if got := lines(t, s, "SELECT id FROM relationship"); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if got := lines(t, s, "SELECT id FROM partner_audit"); len(got) != 2 {
		t.Errorf("%q", got)
	}
}

// Where nothing can be taken nothing is sealed, and the error says of every file why.
func TestNothingToTake(t *testing.T) {
	for want, files := range map[string]fstest.MapFS{
		"no file of the folder can be taken: there is none":                    {},
		"no file of the folder can be taken: a.csv: is empty; b.csv: is empty": {"a.csv": {}, "b.csv": {}},
		"happened on 2026-08-20, which is after this snapshot":                 {"log.csv": {Data: []byte("Date-Time,Affected customer,Action,Performed by\n2026-08-20,a,b,c\n")}},
	} {
		_, s, err := portalOf(t, files)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
		if got := lines(t, s, "SELECT id FROM snapshot"); len(got) != 0 {
			t.Errorf("snapshots %q", got)
		}
	}
}

// Relationships do not end by the half: a list that lost so many is not believed, unless
// somebody says that it is true.
func TestAShrunkenListIsNotBelieved(t *testing.T) {
	_, s, err := portalOf(t, downloads())
	if err != nil {
		t.Fatal(err)
	}
	files := downloads()
	files["gdap.csv"].Data = []byte("Relationship name,Customer tenant ID,Status,Expiration date\n")
	later := now.Add(24 * time.Hour)
	o := collectors.Options{Tenant: "msp", Store: s, At: later, Now: func() time.Time { return later }}
	r, err := collectors.RunFromPortal(t.Context(), o, files)
	if c := coverageOf(r, snapshot.Relationships); c.State != snapshot.Partial || !strings.Contains(c.Reason, "0 relationships came where 2 were known") {
		t.Errorf("%v %+v", err, c)
	}
	if got := lines(t, s, "SELECT id FROM relationship WHERE snapshot = ?", r.Snapshot); len(got) != 2 {
		t.Errorf("%q", got)
	}
	o.AcceptShrink, o.At = true, later.Add(time.Hour)
	r, err = collectors.RunFromPortal(t.Context(), o, files)
	if c := coverageOf(r, snapshot.Relationships); c.State == snapshot.Partial && strings.Contains(c.Reason, "came where") {
		t.Errorf("%v %+v", err, c)
	}
	if got := lines(t, s, "SELECT id FROM relationship WHERE snapshot = ?", r.Snapshot); len(got) != 0 {
		t.Errorf("%q", got)
	}
}

// A run that was interrupted is taken up over the same files, and ends with the same
// facts; over other files it begins anew, and nothing of the first is left.
func TestInterruptedReadingOfFiles(t *testing.T) {
	_, whole, err := portalOf(t, downloads())
	if err != nil {
		t.Fatal(err)
	}
	for _, changed := range []bool{false, true} {
		s := openStore(t, filepath.Join(t.TempDir(), "evidence.db"))
		ctx, stop := context.WithCancel(t.Context())
		o := collectors.Options{Tenant: "msp", Store: s, At: now, Now: func() time.Time { return now },
			Progress: func(p collectors.Progress) {
				if p.Kind == snapshot.Memberships {
					stop()
				}
			}}
		if _, err := collectors.RunFromPortal(ctx, o, downloads()); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		files := downloads()
		if changed {
			delete(files, "0c2a5b9e-13f7-4a60-b5d8-6e1f2a3b4c5d.csv")
		}
		o.Progress = nil
		r, err := collectors.RunFromPortal(t.Context(), o, files)
		if err != nil || r.Resumed == changed {
			t.Errorf("%v, resumed: %v", err, r.Resumed)
		}
		for _, query := range []string{"SELECT id, status FROM relationship", "SELECT id, mapped_group FROM access_assignment", "SELECT id, at FROM partner_audit", "SELECT group_id, principal FROM group_member"} {
			want, got := lines(t, whole, query), lines(t, s, query)
			slices.Sort(want)
			slices.Sort(got)
			if changed && strings.Contains(query, "group_member") {
				want = nil
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %q, want %q", query, got, want)
			}
		}
		expectWhole(t, s)
	}
}
