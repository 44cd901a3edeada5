package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/collectors/snapshot"
	"countersign/collectors/store"
	"countersign/rules/rule"
)

func (a *app) doctorCommand() *cobra.Command {
	var format string
	var allowWrite bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Try everything live and say what is missing, and how to put it right",
		Long: `Asks every configured tenant for a token, looks at what it permits, tries to read
each kind of evidence once, and looks at this machine: clock, disk, database, keys
and mail. Nothing is kept and nothing is sent but reading requests. What it names
as a fault stands with what an administrator does about it.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd, format, allowWrite) },
	}
	cmd.Flags().StringVar(&format, "format", "table", "`form` of the result: "+formats)
	cmd.Flags().BoolVar(&allowWrite, "allow-write-permissions", false, "do not call it a fault that the app may change things")
	return cmd
}

// How a thing that doctor looked at is.
const (
	good  = "good"
	noted = "note"  // not wrong, but worth knowing
	wrong = "fault" // the exit code is 1
)

// diagnosis is one thing that doctor looked at.
type diagnosis struct {
	Subject string `json:"subject"` // this machine, or a tenant
	Check   string `json:"check"`
	State   string `json:"state"`
	Words   string `json:"words"`
}

// doctor collects what was looked at.
type doctor struct {
	msp
	clients    *clients
	allowWrite bool
	found      []diagnosis
}

func (d *doctor) say(subject, check, state, format string, args ...any) {
	d.found = append(d.found, diagnosis{subject, check, state, fmt.Sprintf(format, args...)})
}

// judge says that something is good, or what is wrong with it, fault by fault.
func (d *doctor) judge(subject, check string, err error, words string) {
	if err == nil {
		d.say(subject, check, good, "%s", words)
		return
	}
	for fault := range strings.Lines(err.Error()) { // joined errors
		d.say(subject, check, wrong, "%s", strings.TrimSpace(fault))
	}
}

func (a *app) doctor(cmd *cobra.Command, format string, allowWrite bool) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	m := msp{app: a, c: c}
	show := m.progress("looking")
	defer show.end()
	clients, err := m.clients(func(o *graph.Options) {
		show.watch(o)
		o.Limits.Tries, o.Limits.Wait = 2, time.Minute // somebody sits and waits for the answer
	})
	if err != nil {
		return err
	}
	d := &doctor{msp: m, clients: clients, allowWrite: allowWrite}
	d.machine(cmd.Context())
	d.tenants(cmd.Context())
	show.end()
	l := list{columns: []string{"subject", "check", "state", "words"}, value: d.found}
	faults := 0
	for _, f := range d.found {
		l.rows = append(l.rows, []string{f.Subject, f.Check, f.State, f.Words})
		if f.State == wrong {
			faults++
		}
	}
	if err := l.print(cmd.OutOrStdout(), format); err != nil {
		return err
	}
	if faults > 0 {
		return fmt.Errorf("doctor found %s; each line above says what to do about it", rule.Count(faults, "fault"))
	}
	return nil
}

const thisMachine = "this machine"

// machine looks at what does not leave this machine, but for mail.
func (d *doctor) machine(ctx context.Context) {
	d.judge(thisMachine, "secrets", d.c.CheckSecrets(), "every secret that the configuration names can be read")
	d.database(ctx)
	d.disk(filepath.Dir(d.c.Store.Path), "store.path")
	d.disk(d.c.Output.Dir, "output.dir")
	d.key()
	d.mail(ctx)
}

func (d *doctor) database(ctx context.Context) {
	path := d.c.Store.Path
	if err := store.Exists(path); err != nil {
		d.say(thisMachine, "database", noted, "there is none at %s yet; the first collect makes it", path)
		return
	}
	st, err := d.read(ctx, d.c)
	if err != nil {
		d.say(thisMachine, "database", wrong, "%v", err)
		return
	}
	defer st.Close()
	head, err := st.Head(ctx)
	if err != nil {
		d.say(thisMachine, "database", wrong, "%v", err)
		return
	}
	last, err := snapshot.LastAt(ctx, st.Read(), d.at)
	switch {
	case errors.Is(err, snapshot.ErrNoSnapshot):
		d.say(thisMachine, "database", good, "%s opens; it holds no snapshot yet", path)
	case err != nil:
		d.say(thisMachine, "database", wrong, "%v", err)
	default:
		d.say(thisMachine, "database", good, "%s opens, %s, the last snapshot is %d of %s; db check proves it row by row", path, rule.Count(int(head.Seq), "seal"), last.ID, last.At.Format(time.RFC3339))
	}
}

// leastSpace is what a run and its documents should find free, in bytes.
const leastSpace = 1 << 30

// disk looks at a folder that is going to be written to, as the key of the
// configuration names it.
func (d *doctor) disk(dir, key string) {
	if absolute, err := filepath.Abs(dir); err == nil {
		dir = absolute
	}
	dir = nearest(dir, os.Stat)
	if err := writable(dir, key); err != nil {
		d.say(thisMachine, "disk", wrong, "%v", err)
		return
	}
	switch free, err := freeSpace(dir); {
	case err != nil:
		d.say(thisMachine, "disk", noted, "%s: %s can be written to; how much is free there cannot be told: %v", key, dir, err)
	case free < leastSpace:
		d.say(thisMachine, "disk", wrong, "%s: %s has %d MB free: make room, a run wants 1 GB at hand", key, dir, free>>20)
	default:
		d.say(thisMachine, "disk", good, "%s: %s can be written to and has %d GB free", key, dir, free>>30)
	}
}

// writable tries whether a file can be made in a folder that a key of the
// configuration names.
func writable(dir, key string) error {
	f, err := os.CreateTemp(dir, ".countersign-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		err = at.Err // without the name of the file that was tried
	}
	if err != nil {
		return fmt.Errorf("nothing can be written to %s: %w; let the user who runs this write there, or name another folder in %s", dir, err, key)
	}
	return nil
}

// nearest is the folder itself, or the one above it that is there: in that it will be
// made. Where not even the root is there, as of a drive without a disk, it is the root.
func nearest(dir string, stat func(string) (fs.FileInfo, error)) string {
	for {
		above := filepath.Dir(dir)
		if _, err := stat(dir); !errors.Is(err, fs.ErrNotExist) || above == dir {
			return dir
		}
		dir = above
	}
}

func (d *doctor) key() {
	if d.c.Store.SigningKey.IsZero() {
		d.say(thisMachine, "signing key", noted, "store.signing_key is not set: seals are chained, but not signed")
		return
	}
	_, err := d.c.Store.SigningKey.Reveal()
	d.judge(thisMachine, "signing key", err, "can be read")
}

// tenants looks at every tenant that is asked, and at Azure and Partner Center.
func (d *doctor) tenants(ctx context.Context) {
	own := d.c.MSP.TenantID
	d.tenant(ctx, d.c.MSP.Name, graph.MicrosoftGraph, own, collectors.KindsOf(collectors.MicrosoftGraph))
	for _, n := range d.neighbours() {
		if n.wanted {
			d.tenant(ctx, string(n.name), n.service, own, collectors.KindsOf(n.name))
		} else {
			d.say(string(n.name), "configuration", noted, "is not asked; %s switches it on", n.setting)
		}
	}
	for _, c := range d.c.Declared().Customers {
		switch {
		case len(c.Collect) == 0:
		case d.c.Credential.Kind == "token":
			d.say(d.customerName(c.Tenant), "token", wrong, "a credential of kind token is good for one tenant only: use another kind, or take the customer's tenant off the column collect of customers.csv")
		default:
			d.tenant(ctx, d.customerName(c.Tenant), graph.MicrosoftGraph, c.Tenant, c.Collect)
		}
	}
}

// tenant looks at one tenant through one service: the token, what it permits, the
// clock, and each kind.
func (d *doctor) tenant(ctx context.Context, name string, service graph.Service, tenant string, kinds []snapshot.Kind) {
	client, err := d.clients.of(service, tenant)
	if err != nil {
		d.say(name, "token", wrong, "%v", err)
		return
	}
	if !d.token(ctx, name, service, client) {
		return
	}
	for _, kind := range d.kinds(kinds) {
		if kind == snapshot.Lighthouse && !d.delegated(ctx, client) {
			d.say(name, string(kind), noted, "no app is let read it, only a signed-in person: a credential of kind azure-cli or token may be one's")
			continue
		}
		reading, err := collectors.Probe(ctx, client, kind, d.at)
		switch {
		case err != nil:
			d.say(name, string(kind), wrong, "%v", err)
		case reading.State == snapshot.Complete:
			d.say(name, string(kind), good, "can be read")
		case reading.State == snapshot.NotAsked:
			d.say(name, string(kind), noted, "is not tried: %s; collect says whether it can be read", reading.Reason)
		case reading.State == snapshot.NotLicensed:
			d.say(name, string(kind), noted, "%s. Without it is not known %s", reading.Reason, collectors.SourceOf(kind).Without)
		default:
			d.say(name, string(kind), wrong, "%s. Without it is not known %s", reading.Reason, collectors.SourceOf(kind).Without)
		}
	}
	d.skew(name, client)
}

// token looks at the token; without one there is nothing else to try.
func (d *doctor) token(ctx context.Context, name string, service graph.Service, client *graph.Client) bool {
	claims, err := client.Claims(ctx)
	var said *graph.Error
	switch {
	case errors.As(err, &said) && said.Reason == graph.Unauthorized && d.c.Credential.Kind == "token":
		d.say(name, "token", noted, "%v", said.Message)
		return true
	case err != nil:
		d.say(name, "token", wrong, "%v; %s", err, d.tokenCure(said))
		return false
	}
	who := "the app " + claims.App
	if claims.Delegated {
		who = "a signed-in person, by the app " + claims.App
	}
	d.say(name, "token", good, "was given to %s, valid until %s", who, claims.Expires.Format(time.RFC3339))
	may := slices.DeleteFunc(append(slices.Clone(claims.Roles), claims.Scopes...), graph.ReadsOnly)
	switch {
	case service != graph.MicrosoftGraph:
		d.say(name, "permissions", noted, "what the app may do here cannot be told from the token: see in %s itself that it can change nothing", name)
	case len(may) == 0:
		d.say(name, "permissions", good, "%s, none of which can change anything", rule.Count(len(claims.Roles)+len(claims.Scopes), "permission"))
	case d.allowWrite:
		d.say(name, "permissions", noted, "the app may change things by %s, and was told that this is meant", strings.Join(may, ", "))
	default:
		d.say(name, "permissions", wrong, "the app may change things by %s, and Countersign never needs that: remove them in Microsoft Entra under App registrations, API permissions", strings.Join(may, ", "))
	}
	return true
}

// tokenCure says what to do when no token is given; said is nil where no service said
// anything.
func (d *doctor) tokenCure(said *graph.Error) string {
	switch kind := d.c.Credential.Kind; {
	case said != nil && said.Reason == graph.NoConsent:
		return "have an administrator of that tenant consent to the app at " + strings.TrimSuffix(d.clients.endpoints.Login, "/") +
			"/organizations/adminconsent?client_id=" + d.c.Credential.ClientID
	case kind == "azure-cli":
		return "sign in to that tenant by az login"
	case kind == "managed-identity", kind == "workload-identity":
		return "see that the platform gives this machine the identity that the configuration names"
	case said == nil, said.Status == 0:
		return "see that this machine gets through to the login service: its name, a proxy, a firewall"
	}
	return "see in Microsoft Entra, App registrations, that the app is there and that its secret or certificate is the configured one and has not expired"
}

func (d *doctor) skew(name string, client *graph.Client) {
	skew, known := client.Skew()
	switch distance := skew.Abs().Round(time.Second); {
	case !known:
	case distance > snapshot.WrongSkew:
		d.say(name, "clock", wrong, "this machine's clock is %s off the server's: set it by a time service, every instant in the evidence rests on it", distance)
	case distance > snapshot.NoticeableSkew:
		d.say(name, "clock", noted, "this machine's clock is %s off the server's", distance)
	default:
		d.say(name, "clock", good, "agrees with the server's")
	}
}
