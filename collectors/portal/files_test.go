package portal_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode/utf16"

	"countersign/collectors/portal"
	"countersign/collectors/snapshot"
)

const logHeader = "Date-Time,Affected customer,Action,Performed by\n"

func utf16Of(text string, order binary.AppendByteOrder) string {
	out := order.AppendUint16(nil, 0xFEFF)
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// However a table is written, it says the same.
func TestEncodingsAndSeparators(t *testing.T) {
	plain := logHeader + "2026-01-12 08:00:00,\"Müller, Söhne\n& Co 😀\",\"=cmd|' /C calc'!A0\",\"adele \"\"A\"\" Vance\"\n"
	for name, text := range map[string]string{
		"plain":                             plain,
		"byte order mark":                   "\uFEFF" + plain,
		"UTF-16, little end first":          utf16Of(plain, binary.LittleEndian),
		"UTF-16, big end first":             utf16Of(plain, binary.BigEndian),
		"carriage returns":                  strings.ReplaceAll(plain, "\n", "\r\n"),
		"separator named":                   "sep=,\n" + plain,
		"semicolons":                        "Date-Time;Affected customer;Action;Performed by\n2026-01-12 08:00:00;\"Müller, Söhne\n& Co 😀\";=cmd|' /C calc'!A0;\"adele \"\"A\"\" Vance\"\n",
		"tabs, other order, more of it":     "Performed by\tTags, and; more\tACTION\t Affected  Customer \tDATE - TIME\n\"adele \"\"A\"\" Vance\"\tx\t=cmd|' /C calc'!A0\t\"Müller, Söhne\n& Co 😀\"\t2026-01-12 08:00:00\n",
		"a column doubled that is not read": "Date-Time,Tags,Tags,Affected customer,Action,Performed by\n2026-01-12 08:00:00,a,b,\"Müller, Söhne\n& Co 😀\",\"=cmd|' /C calc'!A0\",\"adele \"\"A\"\" Vance\"",
	} {
		folder, rows := said(t, map[string]string{"log.csv": text}, snapshot.PartnerAudits)
		if len(rows) != 1 {
			t.Errorf("%s: %v", name, folder.Faults)
			continue
		}
		got := rows[0].Fact.(snapshot.PartnerAudit)
		if got.CustomerName != "Müller, Söhne\n& Co 😀" || got.Operation != "=cmd|' /C calc'!A0" || got.Actor != `adele "A" Vance` ||
			!got.At.Equal(time.Date(2026, 1, 12, 8, 0, 0, 0, time.UTC)) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestDates(t *testing.T) {
	for _, c := range []struct{ file, want string }{ // days and times of the log, what they mean; or the fault
		{"2026-01-12T08:00:00Z", "2026-01-12T08:00:00Z"},
		{"2026-01-12T08:00:00.1234567+02:00", "2026-01-12T06:00:00Z"},
		{"2026-01-12 08:00", "2026-01-12T08:00:00Z"},
		{"2026/1/2 15:04:05", "2026-01-02T15:04:05Z"},
		{"1/31/2026, 3:04:05 PM", "2026-01-31T15:04:05Z"},
		{"1/31/2026, 3:04:05\u202fPM", "2026-01-31T15:04:05Z"},
		{"1/31/2026 12:04:05 AM", "2026-01-31T00:04:05Z"},
		{"31.01.2026 15:04:05", "2026-01-31T15:04:05Z"},
		{"05.01.2026, 15:04", "2026-01-05T15:04:00Z"},
		{"05/01/2026 10:00:00|15/01/2026 10:00:00", "2026-01-05T10:00:00Z"},
		{"1/5/2026 10:00:00 AM|1/15/2026 10:00:00 AM", "2026-01-05T10:00:00Z"},
		{"5/5/2026", "2026-05-05T00:00:00Z"},
		{"18-8-2026 15:04:05", "2026-08-18T15:04:05Z"},
		{"8/5/2026 10:00:00", `log.csv: line 2, column 1: "8/5/2026 10:00:00" may be two days`},
		{"13/1/2026|1/13/2026", `line 3, column 1: "1/13/2026" and "13/1/2026" cannot both be dates`},
		{"31.02.2026 10:00:00", "is no day or time of day, read day first"},
		{"1/31/2026 13:04:05 PM", "is no day or time of day, read month first"},
		{"2026-01-12 25:00", "is no day or time of day"},
		{"yesterday", `line 2, column 1: "yesterday" is not a date or time`},
		{"", `line 2, column 1: "" is no time`},
		{"12.01.26", "is not a date or time"},
	} {
		text := logHeader
		for i, day := range strings.Split(c.file, "|") {
			text += fmt.Sprintf("%q,Fabrikam,a%d,b\n", day, i)
		}
		fsys := fstest.MapFS{"log.csv": {Data: []byte(strings.ReplaceAll(text, `\u202f`, "\u202f"))}}
		folder, err := portal.Open(fsys, portal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for _, f := range folder.Faults {
			got = f.Error()
		}
		for _, f := range folder.Files {
			if err := f.Each(func(r portal.Row) error {
				if got == "" {
					got = r.Fact.(snapshot.PartnerAudit).At.Truncate(time.Second).Format(time.RFC3339)
				}
				return nil
			}); err != nil {
				got = err.Error()
			}
		}
		if got != c.want && (!strings.Contains(c.want, " ") || !strings.Contains(got, c.want)) {
			t.Errorf("%s: %s, want %s", c.file, got, c.want)
		}
	}
}

// What cannot be taken is named with its place, and nothing of its file is handed on.
func TestFaults(t *testing.T) {
	wide := strings.Repeat("a,", 10_000) + "a\n"
	for _, c := range []struct{ name, file, text, want string }{
		{"nothing known", "x.csv", "a,b\n1,2\n", "x.csv: line 1: its columns are those of no export that is known: sign-ins, "},
		{"nearly known", "x.csv", "Date-Time,Affected customer,Acción,Performed by\n", `x.csv: line 1: looks like activity log of Partner Center, but has no column "Action"; where the portal speaks another language`},
		{"sign-ins without the tenant", "InteractiveSignIns.csv", "Date (UTC),Request ID,User ID,Username,Application,Sign-in error code\n", `looks like sign-ins, but has no column "Resource tenant ID"`},
		{"empty", "x.csv", "", "x.csv: is empty"},
		{"blank", "x.csv", "\uFEFF \r\n", "is empty"},
		{"a doubled column", "x.csv", "Date-Time,Affected customer,Action,Action,Performed by\n", `line 1: column "Action" stands twice`},
		{"another number of cells", "x.csv", logHeader + "2026-01-12,a,b,c\n2026-01-12,a,b\n", "x.csv: line 3: has another number of cells than the header"},
		{"a stray quote", "x.csv", logHeader + "2026-01-12,a,b\"c,d\n", `x.csv: line 2, column 15: has a quotation mark in a cell that does not begin with one`},
		{"a stray quote in the header", "x.csv", "a\"b,c\n", `x.csv: line 1, column 2: has a quotation mark in a cell`},
		{"an open quote", "x.csv", logHeader + "2026-01-12,a,\"b,d\n2026-01-12,a,b,c\n", `x.csv: line 2: begins a cell with a quotation mark that does not end it`},
		{"NUL", "x.csv", logHeader + "2026-01-12,a,b\x00c,d\n", `x.csv: line 2, column 14: "b\x00c" has a NUL byte`},
		{"not UTF-8", "x.csv", logHeader + "2026-01-12,M\xfcller,b,c\n", `line 2, column 12: "M\xfcller" is not UTF-8`},
		{"half a UTF-16 unit", "x.csv", utf16Of(logHeader, binary.LittleEndian) + "x", "breaks off"},
		{"half a surrogate pair", "x.csv", utf16Of(logHeader, binary.LittleEndian) + "\x00\xd8a\x00", "is not sound UTF-16"},
		{"a cell of 3 MB", "x.csv", logHeader + "2026-01-12,a,\"" + strings.Repeat("b", 3<<20) + "\",d\n", "a record is longer than 1 MB"},
		{"10,000 columns", "x.csv", wide, "no export"},
		{"10,000 columns behind the known ones", "x.csv", strings.TrimSpace(logHeader) + "," + wide, "which no export has"},
		{"members of which group", "members.csv", "Object ID,Member type\n", "members.csv: are members of a group, but not of which: put the group's object id"},
		{"interactive or not", "signins.csv", signInHeader + "\n" + signInLine, "no column tells whether people or their programs made them"},
		{"a code that is none", "InteractiveSignIns.csv", strings.Replace(signInHeader+"\n"+signInLine, "50126", "none", 1), `"none" is no error code, and the status "Failure" does not say success`},
		{"an unknown customer", "x.csv", "Relationship name,Customer,Status,End date\na,Fabrikam,Active,2026-08-18\n", `line 2, column 3: "Fabrikam" is a customer of whom no tenant id is known`},
		{"a translated role", "x.csv", "Relationship name,Tenant ID,Status,End date,Roles\na," + fabrik + ",Active,2026-08-18,Globaler Leser\n", `names the role "Globaler Leser"`},
		{"a group by name alone", "x.csv", "Relationship ID,Security group,Roles\na,Tier 1,Global Reader\n", `line 2, column 3: "Tier 1" is a group of which no id is known`},
		{"neither yes nor no", "x.csv", "id,userPrincipalName,accountEnabled\n1,a,maybe\n", `line 2, column 5: "maybe" is neither yes nor no`},
		{"JSON of something", "x.json", `[{"a": 1}]`, "x.json: entry 1: its properties are those of no list that is known: sign-ins, audit log, "},
		{"JSON without a list", "x.json", `{"error": {"code": "x"}}`, "is JSON, but no list"},
		{"an empty list", "x.json", `{"value": []}`, "is an empty list"},
		{"a page of several", "x.json", `{"value": [{"activityDateTime": "x", "activityDisplayName": "", "targetResources": []}], "@odata.nextLink": "https://x"}`, "is one page of a longer list"},
		{"JSON cut off", "x.json", `[{"activityDateTime": "2026-01-12T08:00:00Z", "activityDisplayName": "", "targetResources": []}, {"a`, "x.json: entry 2: breaks off"},
		{"JSON with an end of its own", "x.json", `[{"activityDateTime": "x", "activityDisplayName": "", "targetResources": []}] x`, "goes on after the end"},
		{"a list of numbers", "x.json", `[1]`, "x.json: entry 1: is no object"},
		{"a deep object", "x.json", `[{"a":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + "}]", "x.json: entry 1: "},
		{"an entry of 3 MB", "x.json", `[{"a":"` + strings.Repeat("b", 3<<20) + `"}]`, "a record is longer than 1 MB"},
		{"assignments of what", "x.json", `[{"accessContainer": {}, "accessDetails": {}, "status": "active"}]`, "but not of which relationship"},
	} {
		folder, err := portal.Open(fstest.MapFS{c.file: {Data: []byte(c.text)}}, portal.Options{})
		if err != nil {
			t.Fatal(err)
		}
		got, rows := "", 0
		for _, f := range folder.Files {
			if err := f.Each(func(portal.Row) error { rows++; return nil }); err != nil {
				got = err.Error()
			}
		}
		for _, f := range folder.Faults {
			got = f.Error()
		}
		if !strings.Contains(got, c.want) || !strings.HasPrefix(got, c.file+": ") || rows > 0 || len(got) > 700 {
			t.Errorf("%s: %d rows, %.800s", c.name, rows, got)
		}
	}
}

// Objects of the API are handed on as they are, from an array and from an answer.
func TestJSONIsHandedOn(t *testing.T) {
	one := `{"accessContainer": {"accessContainerId": "G"}, "accessDetails": {}, "id": "A", "status": "active"}`
	_, rows := said(t, map[string]string{"x.json": "\uFEFF" + `{"@odata.context": "https://graph.microsoft.com/v1.0/$metadata#tenantRelationships/delegatedAdminRelationships('R-1')/accessAssignments", "@odata.count": 1, "value": [` + one + `]}`}, snapshot.AccessAssignments)
	if len(rows) != 1 || rows[0].Object != "r-1" || string(rows[0].Graph) != one {
		t.Errorf("%+v", rows)
	}
	_, rows = said(t, map[string]string{"x.json": `[{"id": "R-1", "displayName": "x", "accessDetails": {}, "duration": "P1D", "status": "active", "customer": {"tenantId": "T", "displayName": "Fabrikam"}}]`}, snapshot.Customers)
	if len(rows) != 1 || !strings.Contains(string(rows[0].Graph), `"tenantId":"T"`) {
		t.Errorf("%+v", rows)
	}
}

// Our own trouble is not a file's.
func TestEachGivesBackTheErrorOfItsCaller(t *testing.T) {
	folder, err := portal.Open(fstest.MapFS{"log.csv": {Data: []byte(logHeader + "2026-01-12,a,b,c\n")}}, portal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	if err := folder.Files[0].Each(func(portal.Row) error { return full }); err != full {
		t.Error(err)
	}
}

// A file that changes after it was looked through is not taken.
func TestFileThatChanges(t *testing.T) {
	fsys := fstest.MapFS{"log.csv": {Data: []byte(logHeader + "2026-01-12,a,b,c\n")}}
	folder, err := portal.Open(fsys, portal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	fsys["log.csv"] = &fstest.MapFile{Data: []byte(logHeader + "2026-01-12,a,b,d\n")}
	if err := folder.Files[0].Each(func(portal.Row) error { return nil }); err == nil || !strings.Contains(err.Error(), "changed while it was read") {
		t.Error(err)
	}
}

// endless is a file of so many lines that no file system holds.
type endless struct {
	fs.File
	io.Reader
}

func (e endless) Read(p []byte) (int, error) { return e.Reader.Read(p) }

type endlessFS struct {
	fstest.MapFS
	lines int
}

func (e endlessFS) Open(name string) (fs.File, error) {
	f, err := e.MapFS.Open(name)
	if err != nil || name == "." {
		return f, err
	}
	return endless{f, io.MultiReader(strings.NewReader(logHeader), &repeated{line: []byte("2026-01-12 08:00:00,Fabrikam," + strings.Repeat("x", 200) + ",adele@msp.example\n"), left: e.lines})}, nil
}

type repeated struct {
	line []byte
	rest []byte
	left int
}

func (r *repeated) Read(p []byte) (int, error) {
	if len(r.rest) == 0 {
		if r.left == 0 {
			return 0, io.EOF
		}
		r.left--
		r.rest = r.line
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// 40,000 lines, 10 MB, are read in the memory of a few records.
func TestMemoryIsBounded(t *testing.T) {
	folder, err := portal.Open(endlessFS{fstest.MapFS{"log.csv": {}}, 40_000}, portal.Options{})
	if err != nil || len(folder.Files) != 1 || folder.Files[0].Rows != 40_000 {
		t.Fatal(err, folder)
	}
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	rows, most := 0, uint64(0)
	err = folder.Files[0].Each(func(portal.Row) error {
		if rows++; rows%10_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
		return nil
	})
	if err != nil || rows != 40_000 {
		t.Error(rows, err)
	}
	if most > before.HeapAlloc+4<<20 {
		t.Errorf("%d bytes held where there were %d", most, before.HeapAlloc)
	}
}

// FuzzFile: whatever a file holds, reading it ends, twice with the same rows, and no
// row of a file with a fault is left unsaid.
func FuzzFile(f *testing.F) {
	for _, seed := range []string{
		logHeader + "2026-01-12 08:00:00,a,b,c\n", "\uFEFF" + logHeader + "1/13/2026 3:04:05 PM,\"a\nb\",c,d\n", utf16Of(logHeader+"31.01.2026,a,b,c\n", binary.LittleEndian),
		signInHeader + "\n" + signInLine, auditHeader + "\n" + auditLine, userHeader + "\n", "sep=;\nDate-Time;Affected customer;Action;Performed by\n",
		"Relationship name,Tenant ID,Status,End date,Roles,Auto extend,Duration\na,b,Active,2026-08-18,Global Reader,Yes (6 months),365 days\n",
		`{"@odata.context": "x", "value": [{"activityDateTime": "x", "activityDisplayName": "", "targetResources": []}]}`, `[{"accessdetails": {}, "status": "active", "duration": ""}]`, `[{`, `{"value": 1}`,
	} {
		f.Add("InteractiveSignIns_"+tier1+".csv", []byte(seed))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		if !fs.ValidPath(name) || name == "." || strings.ContainsAny(name, "/") {
			return
		}
		read := func() string {
			folder, err := portal.Open(fstest.MapFS{name: {Data: data}}, portal.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			for _, fault := range folder.Faults {
				fmt.Fprintln(&out, fault.Error())
			}
			for _, file := range folder.Files {
				err := file.Each(func(r portal.Row) error {
					fmt.Fprintf(&out, "%s %s %s %+v\n", r.Kind, r.Object, r.Graph, r.Fact)
					return nil
				})
				var fault *portal.Fault
				if err != nil && !errors.As(err, &fault) {
					t.Fatalf("%v is no fault", err)
				}
				fmt.Fprintln(&out, file.What, file.Rows, err)
			}
			return out.String()
		}
		if one, two := read(), read(); one != two || one == "" && !strings.HasPrefix(name, ".") {
			t.Errorf("once %s\nthen %s", one, two)
		}
	})
}
