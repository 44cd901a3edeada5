package main

import (
	"encoding/json"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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
		case snapshot.Lighthouse, snapshot.AzureActivity: // for a person only; by subscription
			of, words := subject, "only a signed-in person"
			if kind == snapshot.AzureActivity {
				of, words = "Azure", "is not tried: it takes a subscription to try"
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
		{"Bäckerei Sonnentau GmbH", "token"}:                     "no consent",
		{"Zakłady Mleczne Źródło Sp. z o.o.", "customer-audits"}: "AuditLog.Read.All",
		{thisMachine, "mail"}:                                    "connect",
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
