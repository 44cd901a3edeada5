package portal_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"countersign/collectors/portal"
	"countersign/collectors/snapshot"
)

const (
	adele   = "5f0a9a4a-6ab1-4f4f-8f69-7d4a1d3c2b10"
	fabrik  = "a1d6f3c2-0b7e-4d8c-9f35-2f6f3d9b7c44"
	tier1   = "0c2a5b9e-13f7-4a60-b5d8-6e1f2a3b4c5d"
	request = "d2f8a7c4-4a1e-4c7b-8d53-9f0e1c2b3a4d"
)

// The headers below are those of real downloads, or of the documentation of the page
// where no download is public; form.go's forms name the sources.
const (
	// Headers of sign-ins: an export of January 2026, trailing and double spaces as there.
	signInHeader = "Date (UTC),Request ID,User agent,Correlation ID,User ID,User,Username,User type,Cross tenant access type,Incoming token type,Authentication Protocol,Unique token identifier,Original transfer method,Client credential type,Token Protection - Sign In Session,Token Protection - Sign In Session StatusCode,Application,Application ID ,App owner tenant ID,Resource,Resource ID ,Resource tenant ID,Resource owner tenant ID,Home tenant ID,Home tenant name,IP address,Location,Status,Sign-in error code,Failure reason,Client app,Device ID,Browser,Operating System,Compliant,Managed,Join Type,Multifactor authentication result,Multifactor authentication auth method,Multifactor authentication auth detail,Authentication requirement,Sign-in identifier,Session ID,IP address (seen by resource),Through Global Secure Access,Global Secure Access IP address,Autonomous system  number,Flagged for review,Token issuer type,Incoming token type,Token issuer name,Latency,Conditional Access,Managed Identity type,Associated Resource Id,Federated Token Id,Federated Token Issuer"
	// Sign-ins of applications, same source.
	applicationHeader = "Date (UTC),Request ID,Correlation ID,Service principal ID,Service principal name,Credential key ID,Credential thumbprint,Application,Application ID ,App owner tenant ID,Resource,Resource ID ,Resource tenant ID,Resource owner tenant ID,Home tenant ID,Home tenant name,IP address,Location,Status,Sign-in error code,Failure reason,Conditional Access"
	// Users: an export of August 2021.
	userHeader = "userPrincipalName,displayName,surname,mail,givenName,id,userType,jobTitle,department,accountEnabled,usageLocation,streetAddress,state,country,officeLocation,city,postalCode,telephoneNumber,mobilePhone,alternateEmailAddress,ageGroup,consentProvidedForMinor,legalAgeGroupClassification,companyName,creationType,directorySynced,invitationState,identityIssuer,createdDateTime"
)

// line is a CSV line that has values in some of a header's columns.
func line(header string, values map[string]string) string {
	var cells []string
	for _, name := range strings.Split(header, ",") {
		cells = append(cells, `"`+strings.ReplaceAll(values[strings.Trim(name, `"`)], `"`, `""`)+`"`)
	}
	return strings.Join(cells, ",")
}

var signInLine = line(signInHeader, map[string]string{
	"Date (UTC)": "2026-01-12T08:19:41Z", "Request ID": request, "Correlation ID": "c1", "User ID": adele, "User": "Adele Vance", "Username": "adele@msp.example",
	"Cross tenant access type": "Service provider", "Application": "Azure Portal", "Resource": "Microsoft Graph", "Resource tenant ID": fabrik,
	"IP address": "203.0.113.7", "Location": "Melbourne, Victoria, AU", "Status": "Failure", "Sign-in error code": "50126", "Client app": "Browser",
	"Operating System": "Windows 11", "Compliant": "Yes", "Managed": "No", "Join Type": "Azure AD joined", "Authentication requirement": "Multifactor authentication", "Conditional Access": "Not Applied",
})

// auditHeader is that of an export of November 2024, every name in quotes.
var auditHeader = func() string {
	names := []string{"Date (UTC)", "CorrelationId", "Service", "Category", "Activity", "Result", "ResultReason", "User Agent", "ActorType", "ActorDisplayName",
		"ActorObjectId", "ActorUserPrincipalName", "IPAddress", "ActorHomeTenantId", "ActorHomeTenantName", "ActorServicePrincipalId", "ActorServicePrincipalName"}
	for _, t := range []string{"Target1", "Target2", "Target3"} {
		names = append(names, t+"Type", t+"DisplayName", t+"ObjectId", t+"UserPrincipalName")
		for _, p := range []string{"1", "2", "3", "4", "5"} {
			names = append(names, t+"ModifiedProperty"+p+"Name", t+"ModifiedProperty"+p+"OldValue", t+"ModifiedProperty"+p+"NewValue")
		}
	}
	for _, d := range []string{"1", "2", "3", "4", "5", "6"} {
		names = append(names, "AdditionalDetail"+d+"Key", "AdditionalDetail"+d+"Value")
	}
	return `"` + strings.Join(names, `","`) + `"`
}()

var auditLine = line(auditHeader, map[string]string{
	"Date (UTC)": "2026-01-12T08:00:00+00:00", "CorrelationId": "c2", "Service": "PIM", "Category": "GroupManagement", "Activity": "Add member to role completed (PIM activation)",
	"Result": "success", "ResultReason": "INC-7, reset", "ActorType": "User", "ActorDisplayName": "Adele Vance", "ActorObjectId": adele, "ActorUserPrincipalName": "adele@msp.example",
	"Target1Type": "Role", "Target1DisplayName": "Member", "Target2Type": "User", "Target2ObjectId": adele, "Target3Type": "Group", "Target3ObjectId": tier1, "Target3DisplayName": "Tier 1",
	"Target1ModifiedProperty1Name": "RoleDefinitionOriginType", "Target1ModifiedProperty1NewValue": `"BuiltInRole"`, "AdditionalDetail1Key": "TicketNumber", "AdditionalDetail1Value": "INC-7",
})

// said is what the folder's files hand out of a kind.
func said(t *testing.T, files map[string]string, kind snapshot.Kind) (*portal.Folder, []portal.Row) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	folder, err := portal.Open(fsys, portal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var rows []portal.Row
	for _, f := range folder.Files {
		err := f.Each(func(row portal.Row) error {
			if row.Kind == kind {
				rows = append(rows, row)
			}
			return nil
		})
		var fault *portal.Fault
		if errors.As(err, &fault) {
			folder.Faults = append(folder.Faults, fault)
		} else if err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	return folder, rows
}

// contains reports that a wanted JSON value is in another: objects may have more.
func contains(got, want any) bool {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		for name, value := range w {
			ok = ok && contains(g[name], value)
		}
		return ok
	case []any:
		g, ok := got.([]any)
		ok = ok && len(g) == len(w)
		for i := range w {
			ok = ok && contains(g[i], w[i])
		}
		return ok
	}
	return got == want
}

func TestHeadersOfRealDownloads(t *testing.T) {
	for _, c := range []struct {
		name, file, text string
		what             string
		kind             snapshot.Kind
		graph            string // of the first row
		fact             any
	}{
		{"sign-ins", "NonInteractiveSignIns_2026-01-10_2026-01-17.csv", signInHeader + "\n" + signInLine, "sign-ins", snapshot.SignIns,
			`{"id": "` + request + `", "createdDateTime": "2026-01-12T08:19:41Z", "userId": "` + adele + `", "userPrincipalName": "adele@msp.example", "resourceTenantId": "` + fabrik + `",
			"crossTenantAccessType": "serviceProvider", "isInteractive": false, "status": {"errorCode": 50126}, "authenticationRequirement": "multiFactorAuthentication",
			"location": {"city": "Melbourne", "countryOrRegion": "AU"}, "deviceDetail": {"isCompliant": true, "isManaged": false, "trustType": "Azure AD joined"}, "conditionalAccessStatus": "notApplied"}`, nil},
		{"audit log", "AuditLogs_2026-01-17.csv", auditHeader + "\n" + auditLine, "audit log", snapshot.Audits,
			`{"activityDateTime": "2026-01-12T08:00:00Z", "loggedByService": "PIM", "category": "GroupManagement", "result": "success", "resultReason": "INC-7, reset",
			"initiatedBy": {"user": {"id": "` + adele + `"}}, "additionalDetails": [{"key": "TicketNumber", "value": "INC-7"}],
			"targetResources": [{"type": "Role", "modifiedProperties": [{"displayName": "RoleDefinitionOriginType", "newValue": "\"BuiltInRole\""}]}, {"type": "User"}, {"type": "Group", "id": "` + tier1 + `"}]}`, nil},
		{"audit log in Spanish", "registros.csv", strings.NewReplacer("Date (UTC)", "Fecha (UTC)", `"Service"`, `"Servicio"`, `"Category"`, `"Categoría"`, `"Activity"`, `"Actividad"`, `"Result"`, `"Resultado"`,
			"Target1UserPrincipalName", "Objetivo1NombrePrincipalDeUsuario").Replace(auditHeader) + "\n" + auditLine, "audit log", snapshot.Audits, `{"loggedByService": "PIM", "result": "success"}`, nil},
		{"audit log in Italian", "controllo.csv", strings.Replace(auditHeader, "Date (UTC)", "Data (UTC)", 1) + "\n" + auditLine, "audit log", snapshot.Audits, `{"loggedByService": "PIM"}`, nil},
		{"users", "exportUsers_2021-8-19.csv", userHeader + "\n" + line(userHeader, map[string]string{"userPrincipalName": "adele@msp.example", "displayName": "=1+3 Vance", "id": adele, "userType": "Member",
			"accountEnabled": "True", "createdDateTime": "8/19/2021 1:25:31 PM"}), "users", snapshot.Users,
			`{"id": "` + adele + `", "displayName": "=1+3 Vance", "accountEnabled": true, "createdDateTime": "2021-08-19T13:25:31Z"}`, nil},
		{"members", tier1 + ".csv", "Object ID,User principal name,Display name,Member type\n" + adele + ",adele@msp.example,Adele Vance,User\n", "members of a group", snapshot.Memberships,
			`{"@odata.type": "#microsoft.graph.user", "id": "` + adele + `", "displayName": "Adele Vance"}`, nil},
		{"groups in Chinese", "groups.csv", "对象 ID,显示名称,邮件,组类型,成员身份类型\n" + tier1 + ",Tier 1,,安全,动态\n", "groups", snapshot.Groups,
			`{"id": "` + tier1 + `", "displayName": "Tier 1", "securityEnabled": true, "groupTypes": ["DynamicMembership"]}`, nil},
		{"customers of Partner Center", "Customers.csv", "Microsoft ID,Company name,Primary domain name,Relationship,Tags\n" + fabrik + ",Fabrikam,fabrikam.example,Cloud Reseller,\n",
			"customers of Partner Center", snapshot.PartnerCustomers, "", snapshot.PartnerCustomer{Tenant: fabrik, Name: "Fabrikam", Domain: "fabrikam.example", Relationship: "reseller"}},
		{"relationships", "gdap.csv", "Customer name;Customer tenant ID;Admin relationship name;Status;Start date;Expiration date;Auto extend;Duration (days);Microsoft Entra roles\n" +
			"Fabrikam;" + fabrik + ";Fabrikam Support;Active;18.08.2025;18.08.2026;Yes (6 months);365;Global Reader|Helpdesk Administrator\n", "GDAP relationships", snapshot.Relationships,
			`{"id": "name:fabrikam support", "customer": {"tenantId": "` + fabrik + `"}, "status": "active", "duration": "P365D", "autoExtendDuration": "P180D", "endDateTime": "2026-08-18T00:00:00Z",
			"accessDetails": {"unifiedRoles": [{"roleDefinitionId": "f2ef992c-3afb-46b9-b7cf-a126ee74c451"}, {"roleDefinitionId": "729827e3-9c14-49f7-bb1b-9608f156bbb8"}]}}`, nil},
		{"access assignments", "assignments.csv", "Relationship ID,Security group ID,Role name\nR-1," + tier1 + ",Global Reader\n", "access assignments of GDAP relationships", snapshot.AccessAssignments,
			`{"id": "r-1/` + tier1 + `", "accessContainer": {"accessContainerId": "` + tier1 + `"}, "accessDetails": {"unifiedRoles": [{"roleDefinitionId": "f2ef992c-3afb-46b9-b7cf-a126ee74c451"}]}}`, nil},
		{"PIM audit history", "pim.csv", "Time\tRequestor\tUser\tRole\tAction\tReasoning\tExpiration\n2026-01-12 08:00\tadele@msp.example\tAdele Vance\tGlobal Reader\tActivate\tINC-7\t2026-01-12 16:00\n",
			"PIM audit history", snapshot.Audits, `{"loggedByService": "PIM", "activityDisplayName": "Activate", "initiatedBy": {"user": {"userPrincipalName": "adele@msp.example"}},
			"additionalDetails": [{"key": "Justification", "value": "INC-7"}, {"key": "ExpirationTime", "value": "2026-01-12T16:00:00Z"}]}`, nil},
		{"registrations", "mfa.csv", "id,userPrincipalName,isMfaRegistered,isMfaCapable,methodsRegistered\n" + adele + `,a,True,False,"sms, fido2"`, "registrations for multifactor authentication",
			snapshot.MFARegistrations, `{"id": "` + adele + `", "isMfaRegistered": true, "isMfaCapable": false, "methodsRegistered": ["sms", "fido2"]}`, nil},
		{"sign-ins of applications", "ApplicationSignIns.csv", applicationHeader + "\n", "sign-ins of applications", snapshot.SignIns, "", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder, rows := said(t, map[string]string{c.file: c.text}, c.kind)
			if len(folder.Faults) > 0 || len(folder.Files) != 1 || folder.Files[0].What != c.what {
				t.Fatalf("%v %+v", folder.Faults, folder.Files)
			}
			switch {
			case c.graph == "" && c.fact == nil:
				if len(rows) != 0 {
					t.Errorf("%d rows", len(rows))
				}
			case len(rows) != 1:
				t.Errorf("%d rows", len(rows))
			case c.fact != nil:
				if rows[0].Fact != c.fact {
					t.Errorf("%+v", rows[0].Fact)
				}
			default:
				var got, want any
				if err := json.Unmarshal([]byte(c.graph), &want); err != nil {
					t.Fatal(err)
				}
				if err := json.Unmarshal(rows[0].Graph, &got); err != nil || !contains(got, want) {
					t.Errorf("%v\n%s", err, rows[0].Graph)
				}
			}
		})
	}
}

// The activity log in the languages of its documentation.
func TestActivityLogInSeveralLanguages(t *testing.T) {
	var first any
	for _, header := range []string{
		"Date-Time,Affected customer,Action,Performed by", "Date-Time,Affected customer,Action,Partner user",
		"Date-Heure,Client affecté,Action,Utilisateur partenaire", "Data-ora,Cliente interessato,Azione,Eseguita da",
		"Data-Hora,Cliente afetado,Ação,Executado por", "日時,影響を受ける顧客,アクション,実行者",
	} {
		folder, rows := said(t, map[string]string{"log.csv": "\uFEFF" + header + "\r\n2026-01-12 08:00:00,Fabrikam,granular admin relationship terminated,adele@msp.example\r\n"}, snapshot.PartnerAudits)
		if len(rows) != 1 {
			t.Errorf("%s: %v", header, folder.Faults)
			continue
		}
		if first == nil {
			first = rows[0].Fact
		}
		if rows[0].Fact != first {
			t.Errorf("%s: %+v, want %+v", header, rows[0].Fact, first)
		}
	}
}

// Names find their ids in the lists beside them.
func TestNamesFindTheirIDs(t *testing.T) {
	files := map[string]string{
		"Customers.csv":        "Microsoft ID,Company name,Primary domain name,Relationship\n" + fabrik + ",Fabrikam,fabrikam.example,x\n",
		"groups.csv":           "Object ID,Display name,Mail,Group type,Membership type\n" + tier1 + ",Tier  1,,Security,Assigned\n",
		"gdap.csv":             "Relationship name,Relationship ID,Customer,Status,End date\nSupport,R-9,fabrikam,Active,2026-08-18\n",
		"assignments.csv":      "Relationship name,Security group,Roles\nSUPPORT,tier 1,Global Reader;Reports Reader\n",
		"Tier 1_2026-1-17.csv": "Object ID,User principal name,Display name,Member type\n" + adele + ",a,b,User\n",
	}
	folder, rows := said(t, files, snapshot.AccessAssignments)
	if len(folder.Faults) > 0 || len(rows) != 1 || rows[0].Object != "r-9" || !strings.Contains(string(rows[0].Graph), tier1) {
		t.Errorf("%v %+v", folder.Faults, rows)
	}
	if _, rows := said(t, files, snapshot.Memberships); len(rows) != 1 || rows[0].Object != tier1 {
		t.Errorf("%+v", rows)
	}
	if _, rows := said(t, files, snapshot.Customers); len(rows) != 1 || !strings.Contains(string(rows[0].Graph), fabrik) {
		t.Errorf("%+v", rows)
	}
}

// A name that two have finds neither.
func TestNamesOfTwo(t *testing.T) {
	folder, rows := said(t, map[string]string{
		"Customers.csv":   "Microsoft ID,Company name,Primary domain name,Relationship\n" + fabrik + ",Fabrikam,a.example,x\n" + adele + ",FABRIKAM,b.example,x\n" + fabrik + ",Fabrikam,a.example,y\n",
		"groups.csv":      "Object ID,Display name,Mail,Group type,Membership type\n" + tier1 + ",Tier 1,,Security,Assigned\n" + adele + ",Tier 1,,Security,Assigned\n",
		"gdap.csv":        "Relationship name,Customer,Status,End date\nSupport,Fabrikam,Active,2026-08-18\n",
		"assignments.csv": "Relationship name,Security group,Roles\nSupport,Tier 1,Global Reader\n",
		"Tier 1.csv":      "Object ID,Member type\n" + adele + ",User\n",
		"log.csv":         "Date-Time,Affected customer,Action,Performed by\n2026-01-12,Fabrikam,a,b\n",
	}, snapshot.PartnerAudits)
	if len(rows) != 1 || rows[0].Fact.(snapshot.PartnerAudit).Customer != "" {
		t.Errorf("%+v", rows)
	}
	for i, want := range []string{"two groups have that name", `line 2, column 9: "Tier 1" is the name of two groups`, `line 2, column 9: "Fabrikam" is the name of two customers`} {
		if len(folder.Faults) != 3 || !strings.Contains(folder.Faults[i].Error(), want) {
			t.Errorf("%v, want %s", folder.Faults, want)
		}
	}
}

// What a file lacks is said, so that its kind is not called whole.
func TestLacks(t *testing.T) {
	folder, _ := said(t, map[string]string{"gdap.csv": "Relationship name,Customer tenant ID,Status,End date\nSupport," + fabrik + ",Active,2026-08-18\n"}, "")
	if len(folder.Files) != 1 || !slices.Equal(folder.Files[0].Lacks, []string{"which roles a relationship allows", "whether a relationship extends itself"}) {
		t.Errorf("%v %+v", folder.Faults, folder.Files)
	}
}
