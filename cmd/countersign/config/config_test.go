package config_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"countersign/cmd/countersign/config"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/fixtures"
)

var update = flag.Bool("update", false, "rewrite the golden files")

const minimal = `
msp: {name: Example MSP, tenant_id: 11111111-2222-3333-4444-555555555555}
credential: {kind: token, token: {env: COUNTERSIGN_TOKEN}}
`

const (
	contoso  = "aaaaaaaa-0000-4000-8000-000000000001"
	fabrikam = "aaaaaaaa-0000-4000-8000-000000000002"
)

// load writes the files into a new folder and loads countersign.yaml from there.
// Errors are given relative to that folder.
func load(t testing.TB, files map[string]string, o config.Options) (*config.Config, string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(dir, "countersign.yaml"), o)
	if err == nil {
		return c, ""
	}
	if c != nil {
		t.Error("a configuration with faults is handed out")
	}
	return nil, strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "") + "\n"
}

func mustLoad(t testing.TB, files map[string]string) *config.Config {
	t.Helper()
	c, faults := load(t, files, config.Options{Getenv: os.Getenv})
	if faults != "" {
		t.Fatal(faults)
	}
	return c
}

// sections reads a file in which "-- name --" begins each part.
func sections(t testing.TB, path string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	head := regexp.MustCompile(`(?m)^-- (\S+) --\n`)
	at := head.FindAllStringSubmatchIndex(string(text), -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		files[string(text[m[2]:m[3]])] = string(text[m[1]:end])
	}
	return files
}

// Each case holds files and every fault that they must give, in order.
func TestFaults(t *testing.T) {
	cases, _ := filepath.Glob("testdata/faults/*.txtar")
	if len(cases) < 10 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, path := range cases {
		t.Run(filepath.Base(path), func(t *testing.T) {
			files := sections(t, path)
			want := files["want"]
			delete(files, "want")
			_, got := load(t, files, config.Options{
				KnownRules: []string{"user-stale", "standing-privileged-access"}, KnownThresholds: []string{"stale_user_days"}})
			if *update {
				text, _ := os.ReadFile(path)
				text = append(text[:bytes.Index(text, []byte("-- want --\n"))], "-- want --\n"+got...)
				if err := os.WriteFile(path, text, 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestMinimal(t *testing.T) {
	c := mustLoad(t, map[string]string{"countersign.yaml": minimal})
	if c.Zone() != time.UTC || c.Cloud != "global" || c.MSP.FiscalYearStart != 1 || c.Review.DueDays != 14 ||
		c.Schedule.Collect != "0 4 * * *" || c.Store.Retain != (config.Span{Years: 7}) || c.Delivery.Kind != "none" {
		t.Errorf("defaults: %+v", c)
	}
	if d := c.Declared(); len(d.Customers)+len(d.Staff)+len(d.Groups)+len(c.Waivers)+len(c.Records)+len(d.Templates) != 0 {
		t.Errorf("declared out of nothing: %+v", d)
	}
	e, err := c.GraphEndpoints()
	if err != nil || e.Graph != "https://graph.microsoft.com" {
		t.Error(e, err)
	}
}

// The seam of the fake Graph: token and loopback endpoints.
func TestLoopbackSeam(t *testing.T) {
	t.Setenv("COUNTERSIGN_TOKEN", "a-token")
	for _, url := range []string{"http://127.0.0.1:8080", "http://127.9.9.9:1", "http://[::1]:8080", "http://localhost:8080"} {
		c := mustLoad(t, map[string]string{"countersign.yaml": minimal + "endpoints: {graph: '" + url + "', login: '" + url + "', partner_center: '" + url + "'}\n"})
		e, err := c.GraphEndpoints()
		if err != nil || e.Graph != url || e.Login != url || e.PartnerCenter != url {
			t.Error(url, e, err)
		}
		o, err := c.CredentialOptions(contoso)
		if err != nil || string(o.Token) != "a-token" || o.Tenant != contoso || o.Login != url {
			t.Error(o, err)
		}
	}
}

func TestExample(t *testing.T) {
	mustLoad(t, map[string]string{"countersign.yaml": string(config.Example())})
}

// Every commented key of the example is known: with all of them written out, and
// the credential of one kind, it still loads.
func TestExampleUncommented(t *testing.T) {
	text := regexp.MustCompile(`(?m)^( *)# ( *[a-z_]+:)`).ReplaceAllString(string(config.Example()), "$1$2")
	text = regexp.MustCompile(`(?m)^ +(logo|secret|token|token_file): .*\n`).ReplaceAllString(text, "")
	dir := map[string]string{"countersign.yaml": text, "records.csv": "date,kind\n", "groups.csv": "group_id\n",
		"customers.csv": "tenant_id\n", "templates.csv": "template,group_id,role\n", "waivers.yaml": "",
		"staff.csv": "person,upn\nkim,kim@example.com\n"}
	_, faults := load(t, dir, config.Options{})
	if strings.Count(faults, "\n") != 3 || !strings.Contains(faults, "rules.custom: there is no folder") {
		t.Error(faults)
	}
	top := reflect.TypeFor[config.Config]()
	for i := range top.NumField() {
		if key, _, _ := strings.Cut(top.Field(i).Tag.Get("yaml"), ","); key != "-" && key != "" && !regexp.MustCompile(`(?m)^`+key+":").MatchString(text) {
			t.Errorf("the example does not show %s", key)
		}
	}
}

func TestFiles(t *testing.T) {
	files := sections(t, "testdata/whole.txtar")
	c := mustLoad(t, files)
	zone, _ := time.LoadLocation("Europe/Berlin")
	day := func(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, zone) }
	wantDeclared := snapshot.Declared{
		Customers: []snapshot.DeclaredCustomer{
			{Tenant: contoso, Name: `Contoso, "the" Ltd`, CustomerTier: "gold", Services: []string{"exchange", "entra"},
				ContractStart: day(2024, 2, 29), ContractEnd: day(2026, 12, 31), Owner: "bo", Contacts: []string{"it@contoso.example", "ceo@contoso.example"},
				Language: "de-CH", TimeZone: "Pacific/Apia", Interval: "monthly", Collect: []snapshot.Kind{snapshot.CustomerRoles, snapshot.CustomerAudits}, Notify: "yes",
				CustomerApprover: "Eve", EmergencyAccounts: []string{"bg1@contoso.example"}},
			{Tenant: fabrikam, Name: `=HYPERLINK("http://evil.example","x")`},
		},
		Staff: []snapshot.StaffAccount{
			{Person: "ada", UPN: "ada@msp.example", Account: "daily", Name: "Ada Łukasz"},
			{Person: "bo", UPN: "bo@msp.example", Account: "daily", Manager: "ada", Team: "Desk", LeftOn: day(2026, 3, 1)},
			{Person: "bo", UPN: "bo.admin@msp.example", Account: "admin", Manager: "ada", Team: "Desk",
				SupportRole: "Service Desk Agent", Tasks: []string{"reset passwords", "unlock"}, Certifications: []string{"MS-900"}},
		},
		Groups: []snapshot.DeclaredGroup{{ID: "bbbbbbbb-0000-4000-8000-000000000001", Label: "Desk", SupportRole: "Service Desk Agent",
			Owners: []string{"ada", "bo"}, Purpose: "first line"}},
		Templates: []snapshot.DeclaredTemplate{{Name: "Base", Group: "bbbbbbbb-0000-4000-8000-000000000001", Role: "Global Reader", JIT: true,
			Customers: []string{contoso, fabrikam}}},
		TemplatesSHA256: sha256.Sum256([]byte(files["templates.csv"])),
	}
	if got := c.Declared(); !reflect.DeepEqual(got, wantDeclared) {
		t.Errorf("declared\n%+v\nwant\n%+v", got, wantDeclared)
	}
	if want := []config.Record{{Date: day(2026, 1, 15), Kind: "drill", Customer: contoso, Subject: "ransomware", By: "ada", Note: "ok"}}; !reflect.DeepEqual(c.Records, want) {
		t.Errorf("records %+v", c.Records)
	}
	if want := []config.Waiver{{Rule: "user-stale", Scope: config.Scope{Person: "bo@msp.example"}, Reason: "parental leave", ApprovedBy: "ada",
		Until: day(2026, 9, 1)}}; !reflect.DeepEqual(c.Waivers, want) {
		t.Errorf("waivers %+v", c.Waivers)
	}
	if want := map[string]any{"stale_user_days": 45, "expiry_warn_days": []int{60, 30}, "approval_roles": []string{"Global Administrator"}, "work_hours": "07:00-19:00"}; !reflect.DeepEqual(c.Rules.Thresholds, want) {
		t.Errorf("thresholds %#v", c.Rules.Thresholds)
	}
	if c.MSP.TenantID != "abcdefab-2222-3333-4444-555555555555" || c.MSP.Language != "no" || c.Zone().String() != "Europe/Berlin" {
		t.Errorf("msp %+v", c.MSP)
	}
}

// A byte order mark, CRLF and columns in another order change nothing.
func TestDialects(t *testing.T) {
	plain := mustLoad(t, map[string]string{"countersign.yaml": minimal, "staff.csv": "person,upn,team\nada,ada@msp.example,Desk\n"})
	other := mustLoad(t, map[string]string{"countersign.yaml": "\ufeff" + strings.ReplaceAll(minimal, "\n", "\r\n"),
		"staff.csv": "\ufeffteam,upn,person\r\n Desk ,ADA@msp.example,ADA\r\n,,\r\n"})
	if !reflect.DeepEqual(plain.Declared(), other.Declared()) {
		t.Errorf("%+v\n%+v", plain.Declared(), other.Declared())
	}
}

func TestPrint(t *testing.T) {
	files := sections(t, "testdata/whole.txtar")
	c := mustLoad(t, files)
	var first, second bytes.Buffer
	if err := c.Print(&first); err != nil {
		t.Fatal(err)
	}
	// What is printed loads again, anywhere, and prints the same.
	again := mustLoad(t, map[string]string{"countersign.yaml": first.String()})
	if err := again.Print(&second); err != nil || first.String() != second.String() {
		t.Errorf("%v\n%s\n%s", err, &first, &second)
	}
	got := strings.ReplaceAll(first.String(), filepath.Dir(c.StaffFile)+string(filepath.Separator), "")
	golden := "testdata/whole.printed.yaml"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || got != string(want) {
		t.Errorf("%v\n%s", err, got)
	}
}

const canary = "Canary-8fJ2kQ"

// A secret that is read appears in nothing that prints, marshals or fails.
func TestSecretsStaySecret(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte(canary+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("COUNTERSIGN_TEST_SECRET", canary)
	text := "msp: {name: M, tenant_id: 11111111-2222-3333-4444-555555555555}\n" +
		"credential: {kind: secret, client_id: 11111111-2222-3333-4444-555555555555, secret: {env: COUNTERSIGN_TEST_SECRET}}\n" +
		"store: {signing_key: {file: " + file + "}}\n"
	c := mustLoad(t, map[string]string{"countersign.yaml": text})
	if err := c.CheckSecrets(); err != nil {
		t.Fatal(err)
	}
	options, err := c.CredentialOptions(contoso)
	if err != nil || string(options.Secret) != canary {
		t.Fatal("the variable is not read", err)
	}
	key, err := c.Store.SigningKey.Reveal()
	if err != nil || string(key) != canary {
		t.Fatal("the file is not read", err)
	}
	var out bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&out, nil))
	for _, v := range []any{c, *c, c.Credential, c.Credential.Secret, &c.Credential.Secret, options, key} {
		fmt.Fprintf(&out, "%v %+v %#v %s %q\n", v, v, v, v, v)
		text, err := json.Marshal(dropFunctions(v))
		if err != nil {
			t.Error(err)
		}
		out.Write(text)
		logger.Info("config", "value", dropFunctions(v))
	}
	if err := c.Print(&out); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), canary) {
		t.Error("a secret is printed")
	}
	for _, want := range []string{"env: COUNTERSIGN_TEST_SECRET", "***"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%s is not printed", want)
		}
	}
}

// dropFunctions takes from the credential options what JSON cannot hold.
func dropFunctions(v any) any {
	if o, ok := v.(graph.CredentialOptions); ok {
		o.HTTP, o.Clock = nil, nil
		return o
	}
	return v
}

// A secret that somebody wrote out is refused and not repeated by the refusal.
func TestWrittenOutSecrets(t *testing.T) {
	for _, credential := range []string{
		"{kind: secret, secret: " + canary + "}",
		"{kind: secret, secret: " + canary + ", unknown: 1}",
		"{kind: secret, secret: \"" + canary + "\"}",
		"{kind: secret, secret: {" + canary + "}}",
		"{kind: secret, secret: {" + canary + ": x}}",
		"{kind: secret, secret: {value: " + canary + "}}",
		"{kind: secret, secret: {env: '" + canary + "'}}",
		"{kind: secret, secret: {env: A, file: " + canary + "}}",
		"{kind: secret, secret: [" + canary + "]}",
		"{kind: token, token: {env: OK}, client_secret: " + canary + "}",
		"{kind: token, token: {env: OK}, secret: " + canary,
		"\n  kind: secret\n  secret:\n    " + canary,
		"\n  kind: secret\n  secret:\n    env: " + canary,
		"\n  kind: secret\n  secret: |\n    " + canary + "\n  token: " + canary,
		"\n  kind: secret\n  secret: \"" + canary + "\n  token: x",
		"\n  kind: secret\n  secret: " + canary + ": " + canary,
		"\n  kind: secret\n  secret: *" + canary,
		"\n  kind: secret\n  secret: !" + canary,
		"\n  kind: secret\n  secret: '" + canary + "' " + canary,
		"\n  kind: certificate\n  certificate: |\n-----BEGIN PRIVATE KEY-----\nMIIEvQ" + canary + "IBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ\n",
	} {
		_, faults := load(t, map[string]string{"countersign.yaml": "msp: {name: M, tenant_id: " + contoso + "}\ncredential: " + credential + "\n"}, config.Options{})
		if faults == "" || strings.Contains(faults, canary) {
			t.Errorf("%s\n%s", credential, faults)
		}
	}
}

func TestSecretFiles(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	binary := "0\x82\x01\x00 binary\n"
	if err := os.WriteFile(file, []byte(binary), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := (config.Secret{File: file}).Reveal(); err != nil || string(got) != binary {
		t.Errorf("bytes of a key store are changed: %q %v", string(got), err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o620, 0o644} {
		if err := os.Chmod(file, mode); err != nil {
			t.Fatal(err)
		}
		_, err := (config.Secret{File: file}).Reveal()
		if runtime.GOOS != "windows" && (err == nil || !strings.Contains(err.Error(), "chmod 600")) {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
	empty := filepath.Join(dir, "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{dir: "not a plain file", empty: "is empty", filepath.Join(dir, "none"): "no such file"} {
		if _, err := (config.Secret{File: path}).Reveal(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", path, err)
		}
	}
	c := mustLoad(t, map[string]string{"countersign.yaml": strings.Replace(minimal, "COUNTERSIGN_TOKEN", "COUNTERSIGN_NOT_SET", 1)})
	if err := c.CheckSecrets(); err == nil || !strings.Contains(err.Error(), "credential.token: environment variable COUNTERSIGN_NOT_SET is not set") {
		t.Error(err)
	}
}

func TestSpan(t *testing.T) {
	at := time.Date(2028, 2, 29, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"7y": time.Date(2021, 3, 1, 12, 0, 0, 0, time.UTC), "18mo": time.Date(2026, 8, 29, 12, 0, 0, 0, time.UTC),
		"4w": at.AddDate(0, 0, -28), "90d": at.AddDate(0, 0, -90), "72h": at.AddDate(0, 0, -3), "30m": at.Add(-30 * time.Minute),
	} {
		var s config.Span
		if err := s.UnmarshalText([]byte(text)); err != nil || !s.Before(at).Equal(want) {
			t.Errorf("%s: %v, %v", text, s.Before(at), err)
		}
		var again config.Span
		if err := again.UnmarshalText([]byte(s.String())); err != nil || again != s {
			t.Errorf("%s is written as %s", text, s)
		}
	}
	for _, text := range []string{"", "14", "0d", "-1d", "1.5h", "7 y", "7Y", "1y2mo", "999999d"} {
		if err := new(config.Span).UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestNamedFileMustExist(t *testing.T) {
	for _, key := range []string{"customers", "staff", "records", "groups", "templates", "waivers"} {
		_, faults := load(t, map[string]string{"countersign.yaml": minimal + key + ": missing.csv\n"}, config.Options{})
		if !strings.HasPrefix(faults, "countersign.yaml:4:") || !strings.Contains(faults, key+": open missing.csv: no such file") {
			t.Errorf("%s: %s", key, faults)
		}
	}
	if _, faults := load(t, nil, config.Options{}); !strings.Contains(faults, "countersign.yaml: no such file") {
		t.Error(faults)
	}
}

func TestSchedules(t *testing.T) {
	take := []string{"daily", "weekly", "monthly", "quarterly", "0 4 * * *", "*/5 * * * *", "0,30 8-18/2 1,15 * *", "0 0 1 jan,APR,jul,10 *", "59 23 31 12 sat", "5/15 * * * MON-FRI", "0  4 * * *"}
	refuse := []string{"", "hourly", "@daily", "CRON_TZ=UTC 0 4 * * *", "0 4 * *", "0 0 4 * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 13 *",
		"* * * * 7", "* * * foo *", "*/0 * * * *", "5-1 * * * *", "1-2-3 * * * *", "1/2/3 * * * *", "-1 * * * *", "1,, * * * *", "1.5 * * * *", "*-5 * * * *", "١ * * * *"}
	for i, s := range append(take, refuse...) {
		_, faults := load(t, map[string]string{"countersign.yaml": minimal + fmt.Sprintf("schedule: {collect: %q}\n", s)}, config.Options{})
		if (faults == "") != (i < len(take)) {
			t.Errorf("%q: %s", s, faults)
		}
	}
}

// The files of the invented MSP load as they are.
func TestInventedMSP(t *testing.T) {
	m := fixtures.NewMSP(fixtures.Options{Customers: 8, Seed: 1, At: time.Date(2026, 10, 5, 8, 0, 0, 0, time.UTC)})
	c := mustLoad(t, map[string]string{"countersign.yaml": minimal, "customers.csv": string(m.CustomersCSV()),
		"staff.csv": string(m.StaffCSV()), "groups.csv": string(m.GroupsCSV()), "templates.csv": string(m.TemplatesCSV())})
	d := c.Declared()
	if len(d.Customers) != 8 || len(d.Staff) < 20 || len(d.Groups) == 0 || len(d.Templates) == 0 {
		t.Errorf("%d customers, %d staff, %d groups, %d templates", len(d.Customers), len(d.Staff), len(d.Groups), len(d.Templates))
	}
}
