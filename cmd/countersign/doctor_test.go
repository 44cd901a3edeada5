package main

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"countersign/cmd/countersign/config"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/fixtures"
)

// dated answers with a clock that is off the true one.
type dated struct {
	http.ResponseWriter
	off time.Duration
}

func (d dated) WriteHeader(status int) {
	d.Header().Set("Date", storyNow.Add(d.off).UTC().Format(http.TimeFormat))
	d.ResponseWriter.WriteHeader(status)
}

// examine has doctor look at a world whose service behaves as the options say.
func examine(t *testing.T, customers int, o fixtures.ServerOptions, off time.Duration, change func(config string), args ...string) (map[[2]string]diagnosis, int, string) {
	t.Helper()
	w, err := newWorld(customers)
	if err != nil {
		t.Fatal(err)
	}
	o.Now, o.ClientID, o.ClientSecret = w.clock.now, w.App(), clientSecret
	w.server = fixtures.NewServer(w.MSP, o)
	url, stop, err := serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.ServeHTTP(dated{rw, off}, r) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	dir := t.TempDir()
	if err := w.configure(dir, url); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(dir, "countersign.yaml")
	if change != nil {
		change(config)
	}
	stdout, stderr, code := execute(storyNow, append([]string{"--config", config, "doctor", "--format", "json"}, args...)...)
	var all []diagnosis
	if err := json.Unmarshal([]byte(stdout), &all); err != nil {
		t.Fatalf("%v\n%s\n%s", err, stdout, stderr)
	}
	found := map[[2]string]diagnosis{}
	for _, d := range all {
		found[[2]string{d.Subject, d.Check}] = d
	}
	for _, r := range w.server.Journal() {
		if err := fixtures.CheckRequest(r); err != nil {
			t.Error(err)
		}
	}
	return found, code, stderr
}

func TestDoctorOfTheHealthy(t *testing.T) {
	found, code, stderr := examine(t, 3, fixtures.ServerOptions{}, 0, nil)
	if code != exitDone {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	for at, d := range found {
		if d.State == wrong {
			t.Errorf("%v: %s", at, d.Words)
		}
	}
	customer := "Alder & Finch Ltd"
	for _, kind := range snapshot.Kinds {
		subject := "Northgate MSP"
		switch kind {
		case snapshot.GDAPTemplates: // of no service
			continue
		case snapshot.Lighthouse, snapshot.AzureActivity: // for a person only; by subscription
			of, words := subject, "only a signed-in person"
			if kind == snapshot.AzureActivity {
				of, words = "Azure", "is not tried: nothing can be tried before it is collected"
			}
			if d := found[[2]string{of, string(kind)}]; d.State != noted || !strings.Contains(d.Words, words) {
				t.Errorf("%s: %+v", kind, d)
			}
			continue
		case snapshot.PartnerCustomers, snapshot.PartnerAudits:
			subject = "Partner Center"
		case snapshot.AzureDelegations:
			subject = "Azure"
		default:
			if kind.OfCustomer() {
				subject = customer
			}
		}
		if d := found[[2]string{subject, string(kind)}]; d.State != good {
			t.Errorf("%s of %s: %q %s", kind, subject, d.State, d.Words)
		}
	}
	for _, check := range [][2]string{{thisMachine, "secrets"}, {thisMachine, "disk"}, {customer, "token"}, {"Northgate MSP", "permissions"}, {"Northgate MSP", "clock"}, {"Azure", "token"}} {
		if d := found[check]; d.State != good {
			t.Errorf("%v: %q %s", check, d.State, d.Words)
		}
	}
	for _, check := range [][2]string{{thisMachine, "database"}, {thisMachine, "signing key"}, {thisMachine, "mail"}, {"Azure", "permissions"}, {"Partner Center", "permissions"}} {
		if d := found[check]; d.State != noted {
			t.Errorf("%v: %q %s", check, d.State, d.Words)
		}
	}
}

// What an administrator must know stands in the words: the permission, the consent,
// the licence, the setting.
func TestDoctorNamesTheCure(t *testing.T) {
	permissions := []string{"DelegatedAdminRelationship.Read.All", "GroupMember.Read.All", "Group.ReadWrite.All"}
	whole := func(config string) { // as the MSP wrote it: some customers do not let everything be read
		table, err := os.ReadFile(filepath.Join(filepath.Dir(config), "customers.csv"))
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(filepath.Dir(config), "customers.csv"), regexp.MustCompile(`(?m),,,,([^,]*)$`).ReplaceAll(table, []byte(",yes,,,$1")))
		text, err := os.ReadFile(config)
		if err != nil {
			t.Fatal(err)
		}
		write(t, config, []byte(string(text)+"delivery: {kind: smtp, host: localhost, port: 1, from: a@msp.example}\nstore: {signing_key: {file: nowhere.pem}}\n"))
	}
	found, code, stderr := examine(t, 4, fixtures.ServerOptions{Permissions: permissions}, 11*time.Minute, whole)
	if code != exitFailed || !strings.Contains(stderr, "doctor found ") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	for check, words := range map[[2]string]string{
		{"Northgate MSP", "permissions"}:                         "may change things by Group.ReadWrite.All",
		{"Northgate MSP", "clock"}:                               "11m0s off",
		{"Northgate MSP", "users"}:                               "needs the application permission User.Read.All",
		{"Northgate MSP", "group-policies"}:                      "RoleManagementPolicy.Read.AzureADGroup",
		{"Northgate MSP", "risky-users"}:                         "IdentityRiskyUser.Read.All",
		{"Bäckerei Sonnentau GmbH", "token"}:                     "/organizations/adminconsent?client_id=",
		{"Zakłady Mleczne Źródło Sp. z o.o.", "customer-audits"}: "AuditLog.Read.All",
		{thisMachine, "mail"}:                                    "check delivery.host and delivery.port",
		{thisMachine, "signing key"}:                             "nowhere.pem",
	} {
		if d := found[check]; d.State != wrong || !strings.Contains(d.Words, words) {
			t.Errorf("%v: %q %s", check, d.State, d.Words)
		}
	}
	if d := found[[2]string{"Northgate MSP", "memberships"}]; d.State != good {
		t.Errorf("memberships: %+v", d)
	}
	if d := found[[2]string{"Καφεκοπτεία Αιγαίου ΑΕ", "customer-signins"}]; d.State != noted || !strings.Contains(d.Words, "P1 or P2") {
		t.Errorf("a customer without the licence: %+v", d)
	}
	found, _, _ = examine(t, 1, fixtures.ServerOptions{Permissions: permissions}, 3*time.Minute, nil, "--allow-write-permissions")
	for _, check := range []string{"permissions", "clock"} {
		if d := found[[2]string{"Northgate MSP", check}]; d.State != noted {
			t.Errorf("%s: %+v", check, d)
		}
	}
}

// Whatever is wrong with this machine, the words say which key of the configuration, or
// what on the machine, puts it right; each fault has a line of its own.
func TestDoctorOfThisMachine(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, file, nil)
	d := &doctor{}
	d.disk(file, "output.dir")
	d.judge(thisMachine, "secrets", errors.Join(errors.New("one"), errors.New("other")), "")
	want := []diagnosis{
		{thisMachine, "disk", wrong, "nothing can be written to " + file + ": not a directory; let the user who runs this write there, or name another folder in output.dir"},
		{thisMachine, "secrets", wrong, "one"}, {thisMachine, "secrets", wrong, "other"},
	}
	if !slices.Equal(d.found, want) {
		t.Errorf("%q", d.found)
	}
	d = &doctor{}
	d.disk(filepath.Join(dir, "to", "be", "made"), "output.dir")
	if d.found[0].State != good || !strings.HasPrefix(d.found[0].Words, "output.dir: "+dir+" can be written to and has ") {
		t.Errorf("%q", d.found)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Errorf("%v left behind, %v", left, err)
	}
}

// Where a mail server does not do what is configured, the step is named, with the keys
// to look at.
func TestDoctorOfMailServers(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS() // by a certificate that nobody vouches for
	defer secure.Close()
	for name, c := range map[string]struct {
		tls, says string
		address   net.Addr
		want      string
	}{
		"no mail server": {"", "HTTP/1.1 400 Bad Request\r\n", nil, "does not greet as a mail server: "},
		"no TLS":         {"", "220 mail\r\n250 mail\r\n502 not implemented\r\n", nil, "does not begin TLS, and without it nothing is sent: 502 \"not implemented\"; check delivery.port, delivery.tls"},
		"no trust":       {"implicit", "", secure.Listener.Addr(), "and the server's certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.address == nil {
				server, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer server.Close()
				c.address = server.Addr()
				go func() {
					if connection, err := server.Accept(); err == nil {
						_, _ = io.WriteString(connection, c.says)
						_, _ = io.Copy(io.Discard, connection)
					}
				}()
			}
			d := &doctor{msp: msp{&app{env: env{Now: time.Now}}, &config.Config{Delivery: config.Delivery{Kind: "smtp", Host: "127.0.0.1", Port: c.address.(*net.TCPAddr).Port, TLS: c.tls}}, nil}}
			d.mail(t.Context())
			if got := d.found[0]; got.State != wrong || !strings.Contains(got.Words, c.want) {
				t.Errorf("%q", got)
			}
		})
	}
}

// Somebody waits for what doctor says: what does not answer is asked once more, no oftener.
func TestDoctorDoesNotLinger(t *testing.T) {
	found, _, _ := examine(t, 1, fixtures.ServerOptions{Faults: []fixtures.Fault{{Path: "riskyUsers", Kind: fixtures.Unavailable, RetryAfter: "1", Times: 2}}}, 0, nil)
	if d := found[[2]string{"Northgate MSP", "risky-users"}]; d.State != wrong || !strings.Contains(d.Words, "503") {
		t.Errorf("%+v", d)
	}
}

// Whatever keeps a token from being given, the words say where to look.
func TestDoctorOnTokens(t *testing.T) {
	for kind, c := range map[string]struct {
		said *graph.Error
		want string
	}{
		"secret":           {&graph.Error{Reason: graph.NoConsent, Status: 400}, "consent to the app at https://login.example/organizations/adminconsent?client_id=the-app"},
		"certificate":      {&graph.Error{Reason: graph.Unauthorized, Status: 401}, "has not expired"},
		"token":            {&graph.Error{Reason: graph.Broken}, "gets through to the login service"},
		"azure-cli":        {nil, "az login"},
		"managed-identity": {nil, "the platform gives this machine the identity"},
	} {
		d := &doctor{msp: msp{c: &config.Config{Credential: config.Credential{Kind: kind, ClientID: "the-app"}}}, clients: &clients{endpoints: graph.Endpoints{Login: "https://login.example/"}}}
		if got := d.tokenCure(c.said); !strings.Contains(got, c.want) {
			t.Errorf("%s: %s", kind, got)
		}
	}
}

// An empty list of subscriptions is Azure's way to say that the app has no role.
func TestDoctorOfAzureThatListsNothing(t *testing.T) {
	found, code, _ := examine(t, 3, fixtures.ServerOptions{NoAzureRole: true}, 0, nil)
	if d := found[[2]string{"Azure", "azure-delegations"}]; code != exitFailed || d.State != wrong || !strings.Contains(d.Words, "no delegated subscription is listed") {
		t.Errorf("exit code %d: %+v", code, d)
	}
}

func TestNearestFolder(t *testing.T) {
	dir := t.TempDir()
	if got := nearest(filepath.Join(dir, "a", "b"), os.Stat); got != dir {
		t.Errorf("above a folder that is not there: %s", got)
	}
	root := filepath.VolumeName(dir) + string(filepath.Separator)
	gone := func(string) (fs.FileInfo, error) { return nil, fs.ErrNotExist }
	if got := nearest(dir, gone); got != root {
		t.Errorf("on a drive that is not there: %s, want %s", got, root)
	}
}
