package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"countersign/collectors/snapshot"
	"countersign/fixtures"
	"countersign/reports"
	"countersign/reviews"
	"countersign/rules/rule"
)

func (a *app) demoCommand() *cobra.Command {
	var (
		dir       string
		customers int
		seed      uint64
	)
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run the whole loop on an invented MSP and write every document",
		Long: `Serves an invented MSP on this machine the way Microsoft Graph does, takes
snapshots over two quarters, runs a review with simulated reviewers who fill in
the real workbooks, closes it, has the revocations carried out, proves them by a
later snapshot, and writes the customers' summaries. Nothing leaves this machine.`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.demo(cmd, dir, customers, seed) },
	}
	cmd.Flags().StringVar(&dir, "dir", "countersign-demo", "`folder` for the configuration, the database and out/; must not exist or be empty")
	cmd.Flags().IntVar(&customers, "customers", 25, "`number` of invented customers, 1 to 5000")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "`number` from which everything invented follows")
	return cmd
}

// demonstration is one run of the demo.
type demonstration struct {
	msp
	world *fixtures.MSP
	out   io.Writer
	dir   string
	clock *worldClock
}

// worldClock is the instant at which the invented MSP is shown.
type worldClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *worldClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *worldClock) set(at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = at
}

func (a *app) demo(cmd *cobra.Command, dir string, customers int, seed uint64) (err error) {
	if customers < 1 || customers > 5000 {
		return usage("--customers %d is not within 1 to 5000", customers)
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("folder %s is not empty; name another by --dir, or remove it", dir)
	}
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return err
	}
	world := fixtures.NewMSP(fixtures.Options{Customers: customers, Seed: seed, At: a.at, Zone: zone})
	d := demonstration{world: world, out: cmd.OutOrStdout(), dir: dir, clock: &worldClock{at: a.at}}
	url, stop, err := serve(fixtures.NewServer(world, fixtures.ServerOptions{Now: d.clock.now}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	if err := d.writeConfig(); err != nil {
		return err
	}
	quiet := env{Getenv: func(string) string { return "" }, Now: a.env.Now, Stdout: a.env.Stdout, Stderr: a.env.Stderr}
	inner := &app{env: quiet, at: a.at, pinned: true, log: slog.New(slog.DiscardHandler), configPath: filepath.Join(dir, "countersign.yaml"), noProgress: a.noProgress}
	c, err := inner.config()
	if err != nil {
		return err
	}
	c.Endpoints.Graph = url // the file names a fixed address: which port was free is nobody's business
	var entropy [32]byte
	binary.LittleEndian.PutUint64(entropy[:], seed)
	st, release, err := inner.write(cmd.Context(), c, "demo", true, rand.NewChaCha8(entropy))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	d.msp = msp{inner, c, st}
	return d.tell(cmd.Context(), a.at)
}

// serve answers on a free port of this machine.
func serve(handler http.Handler) (url string, stop func() error, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, fmt.Errorf("serve the invented MSP: %w", err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	return "http://" + listener.Addr().String(), func() error {
		closed := server.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			return errors.Join(closed, err)
		}
		return closed
	}, nil
}

// demoAddress is what the demo's configuration names as Graph: nothing listens
// there once the demo has ended.
const demoAddress = "http://127.0.0.1:4280"

func (d *demonstration) writeConfig() error {
	w := d.world
	config := fmt.Sprintf(`# The invented MSP of the demo. Every command but collect and schedule can be tried
# with it: the service it collected from ended with the demo.
msp:
  name: %s
  tenant_id: %s
  domains: [%s]
  contact: access-reviews@%s
  time_zone: %s
credential:
  kind: token
  token: {file: demo-token}
endpoints:
  graph: %s
review:
  fallback: %s
`, w.Name(), w.Tenant(), w.Domain(), w.Domain(), w.Zone(), demoAddress, w.ComplianceOfficer())
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return err
	}
	for name, text := range map[string][]byte{
		"countersign.yaml": []byte(config), "customers.csv": w.CustomersCSV(), "staff.csv": w.StaffCSV(), "groups.csv": w.GroupsCSV(), "demo-token": []byte("demo\n"),
	} {
		if err := os.WriteFile(filepath.Join(d.dir, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// moveTo moves the invented world and the program to an instant.
func (d *demonstration) moveTo(at time.Time) {
	d.at = at.UTC().Truncate(time.Second)
	d.clock.set(d.at)
}

func (d *demonstration) say(format string, args ...any) {
	fmt.Fprintf(d.out, format+"\n", args...)
}

// tell runs the loop and says what happens, as a guide would.
func (d *demonstration) tell(ctx context.Context, at time.Time) error {
	p, err := d.period("", at)
	if err != nil {
		return err
	}
	left := at.Sub(p.Until)
	after := func(part float64, most time.Duration) time.Time {
		return p.Until.Add(min(time.Duration(float64(left)*part), most))
	}
	const day = 24 * time.Hour
	opening, closing, proof := after(0.1, day), after(0.5, 15*day), after(0.8, 22*day)

	d.say("%s administers %d customers. Two quarters of history, week by week:", d.world.Name(), len(d.c.Declared().Customers))
	if err := d.history(ctx, p, opening); err != nil {
		return err
	}
	if err := d.findings(ctx); err != nil {
		return err
	}
	c, err := d.open(ctx, p)
	if err != nil {
		return err
	}
	if err := d.answer(ctx, c, after(0.3, 8*day)); err != nil {
		return err
	}
	d.moveTo(closing)
	d.say("\nThe campaign is closed on %s.", d.today())
	plan, err := d.close(ctx, d.out, c)
	if err != nil {
		return err
	}
	if err := d.carryOut(plan, closing); err != nil {
		return err
	}
	if err := d.prove(ctx, c, proof); err != nil {
		return err
	}
	d.moveTo(at)
	if _, err := d.collect(ctx, d.at, wanted{}); err != nil {
		return err
	}
	if err := d.report(ctx, p); err != nil {
		return err
	}
	return d.guide(ctx, c)
}

func (d *demonstration) today() string { return d.at.In(d.c.Zone()).Format("2 January 2006") }

// history takes a snapshot each week of two quarters, and one when the review opens.
func (d *demonstration) history(ctx context.Context, p snapshot.Period, opening time.Time) error {
	var instants []time.Time
	first := p.Before(d.c.MSP.FiscalYearStart).Since.Add(4 * time.Hour)
	for at := first; at.Before(opening); at = at.AddDate(0, 0, 7) {
		instants = append(instants, at)
	}
	instants = append(instants, opening)
	d.world.Denied = d.world.Denied[:1]
	denied := instants[len(instants)/3]
	d.world.Denied[0].From, d.world.Denied[0].Until = denied, denied.Add(time.Hour)
	show := d.progress("taking snapshots")
	defer show.end()
	for i, at := range instants {
		d.moveTo(at)
		result, err := d.collect(ctx, d.at, wanted{})
		if err != nil {
			return err
		}
		if _, err := d.check(ctx, d.at, result.Snapshot); err != nil {
			return err
		}
		if n := incomplete(result); n > 0 {
			for _, c := range result.Coverage {
				if c.State != snapshot.Complete {
					d.say("  %s: %s %s: %s", d.today(), c.Kind, c.State, c.Reason)
				}
			}
		}
		show.done(i+1, len(instants))
	}
	d.say("  %d snapshots are sealed, %s to %s.", len(instants), instants[0].In(d.c.Zone()).Format("2 January 2006"), d.today())
	return nil
}

func (d *demonstration) findings(ctx context.Context) error {
	s, err := d.snapshotAt(ctx, 0, d.at)
	if err != nil {
		return err
	}
	report, err := d.judge(ctx, d.at, s.ID, nil, nil)
	if err != nil {
		return err
	}
	d.say("\n%sThe gravest:", tally(report))
	for _, f := range report.Findings[:min(5, len(report.Findings))] {
		d.say("  %-8s %s", strings.ToUpper(f.Severity.String()), printable(f.Message, false))
	}
	return nil
}

func (d *demonstration) open(ctx context.Context, p snapshot.Period) (reviews.Campaign, error) {
	s, err := d.snapshotAt(ctx, 0, d.at)
	if err != nil {
		return reviews.Campaign{}, err
	}
	c, err := d.openReview(ctx, d.at, s, p, false)
	if err != nil {
		return c, err
	}
	files, err := d.issue(ctx, c)
	if err != nil {
		return c, err
	}
	status, err := reviews.Status(ctx, d.st, c.Name)
	if err != nil {
		return c, err
	}
	d.say("\nCampaign %s opens on %s: %d access paths in %d rows, in %d workbooks.", c.Name, d.today(), status.Paths, status.Items, len(files))
	return c, nil
}

// answer has every workbook filled in and taken over; the first one somebody
// forgot to sign. What a reviewer is not sure of comes to the next in line in a
// new revision, which is answered too.
func (d *demonstration) answer(ctx context.Context, c reviews.Campaign, at time.Time) error {
	d.moveTo(at)
	first, again := 0, 0
	for {
		issue, sent, err := d.waiting(ctx, c)
		if err != nil {
			return err
		}
		if sent == nil {
			break
		}
		who := fixtures.Answers{Reviewer: issue.Reviewer.Name, Date: d.at, NotSure: 4, Blank: 1}
		if issue.Revision > 1 {
			who.NotSure, who.Blank = 0, 0
			again++
		} else {
			first++
		}
		name := reports.ReviewerFile(c, issue)
		if first+again == 1 {
			if err := d.unsigned(ctx, name, sent, who); err != nil {
				return err
			}
		}
		if err := d.returnBook(ctx, io.Discard, name, sent, who); err != nil {
			return err
		}
	}
	d.say("  %d workbooks come back, and %d more with what others were not sure of.", first, again)
	return nil
}

// waiting is the next workbook that is out and was not answered yet.
func (d *demonstration) waiting(ctx context.Context, c reviews.Campaign) (reviews.Issue, []byte, error) {
	issues, err := reviews.Issues(ctx, d.st, c.Name)
	if err != nil {
		return reviews.Issue{}, nil, err
	}
	for _, issue := range issues {
		if !issue.Open || issue.Returned {
			continue
		}
		sent, err := os.ReadFile(filepath.Join(d.folder(c.Period).Path(), filepath.FromSlash(reports.ReviewerFile(c, issue))))
		if !errors.Is(err, os.ErrNotExist) { // it does not when everything in it was handed on
			return issue, sent, err
		}
	}
	return reviews.Issue{}, nil, nil
}

// unsigned returns a workbook without its sign-off, which is refused whole.
func (d *demonstration) unsigned(ctx context.Context, path string, sent []byte, who fixtures.Answers) error {
	who.Unsigned = true
	d.say("  One reviewer forgot to sign:")
	err := d.returnBook(ctx, indent{d.out}, path, sent, who)
	if !errors.Is(err, errRejected) {
		return errors.Join(errors.New("a workbook without a sign-off was taken over"), err)
	}
	return nil
}

var errRejected = errors.New("the workbook was rejected")

// returnBook fills a workbook in, keeps it beside the others, and imports it.
func (d *demonstration) returnBook(ctx context.Context, w io.Writer, path string, sent []byte, who fixtures.Answers) error {
	filled, err := fixtures.FillIn(sent, who)
	if err != nil {
		return fmt.Errorf("fill in %s: %w", path, err)
	}
	name := filepath.Base(path)
	if !who.Unsigned {
		returned := filepath.Join(d.dir, "returned")
		if err := errors.Join(os.MkdirAll(returned, 0o700), os.WriteFile(filepath.Join(returned, name), filled, 0o600)); err != nil {
			return err
		}
	}
	var told strings.Builder
	ok, err := d.takeOver(ctx, io.MultiWriter(w, &told), name, filled)
	switch {
	case err != nil:
		return fmt.Errorf("import %s: %w", name, err)
	case !ok && !who.Unsigned:
		return fmt.Errorf("%w: %s", errRejected, told.String())
	case !ok:
		return errRejected
	}
	return nil
}

// indent writes lines a little to the right.
type indent struct{ io.Writer }

func (i indent) Write(text []byte) (int, error) {
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Fprintf(i.Writer, "    %s", line); err != nil {
			return 0, err
		}
	}
	return len(text), nil
}

// carryOut is the MSP's administrators at work: they do what the plan says, all
// but the last thing on the list.
func (d *demonstration) carryOut(plan []reviews.Action, from time.Time) error {
	if len(plan) == 0 {
		return nil
	}
	at := from.Add(time.Hour)
	for _, a := range plan[:len(plan)-1] {
		if err := d.do(a, at); err != nil {
			return fmt.Errorf("carry out %s of %s: %w", a.Action, a.Item, err)
		}
	}
	d.say("\nThe administrators carry out %d of %d; the last one is forgotten.", len(plan)-1, len(plan))
	return nil
}

func (d *demonstration) do(a reviews.Action, at time.Time) error {
	w, group, who := d.world, a.Group.ID, a.Principal.ID
	until := a.Until
	if until.IsZero() {
		until = at.AddDate(0, 6, 0)
	}
	switch a.Action {
	case reviews.RemoveMember:
		return w.RemoveMember(group, who, at)
	case reviews.RemoveEligibility:
		return w.RemoveEligibility(group, who, at)
	case reviews.MakeEligible:
		return w.MakeEligible(group, who, until, at)
	case reviews.EndMembership:
		return w.EndMembership(group, who, until, at)
	case reviews.RemoveAccessAssignment:
		return w.RemoveAccessAssignment(a.Relationship.ID, a.AccessAssignment, at)
	case reviews.ReduceAccessAssignment:
		return w.ReduceAccessAssignment(a.Relationship.ID, a.AccessAssignment, ids(a.RolesToKeep), at)
	case reviews.EndRelationship:
		return w.TerminateRelationship(a.Relationship.ID, at)
	case reviews.StopRenewal:
		return w.StopRenewal(a.Relationship.ID, at)
	}
	return fmt.Errorf("there is no way to do it in the invented MSP")
}

func ids(refs []rule.Ref) []string {
	var out []string
	for _, r := range refs {
		out = append(out, r.ID)
	}
	return out
}

// prove takes a later snapshot and holds the plan against it.
func (d *demonstration) prove(ctx context.Context, c reviews.Campaign, at time.Time) error {
	d.moveTo(at)
	result, err := d.collect(ctx, d.at, wanted{})
	if err != nil {
		return err
	}
	v, err := reviews.Verify(ctx, d.st, c.Name, result.Snapshot, d.at)
	if err != nil {
		return err
	}
	counts := map[reviews.Outcome]int{}
	for _, r := range v.Results {
		counts[r.Outcome]++
	}
	d.say("A snapshot of %s proves it: %d gone, %d still there, %d came back, %d moved to another path, %d cannot be told.", d.today(),
		counts[reviews.Gone], counts[reviews.StillThere], counts[reviews.CameBack], counts[reviews.Moved], counts[reviews.CannotTell])
	for _, r := range v.Results {
		if r.Outcome != reviews.Gone {
			d.say("  %s: %s %s", r.Outcome, r.Action.Action, printable(actionWords(r.Action), false))
		}
	}
	return nil
}

func (d *demonstration) report(ctx context.Context, p snapshot.Period) error {
	s, err := d.snapshotOf(ctx, p, 0)
	if err != nil {
		return err
	}
	files, err := d.summaries(ctx, d.at, s, p, nil)
	if err != nil {
		return err
	}
	d.say("\n%d files of access summaries are written, a PDF and a text for each customer.", len(files))
	return nil
}

// guide says where to look and what to try.
func (d *demonstration) guide(ctx context.Context, c reviews.Campaign) error {
	head, err := d.st.Head(ctx)
	if err != nil {
		return err
	}
	config := filepath.Join(d.dir, "countersign.yaml")
	d.say(`Seal head: %s

Look at
  %s   what reviewers were sent
  %s   what they sent back
  %s   what each customer gets
  %s   what to remove where

Try
  countersign --config %s access --customer alder
  countersign --config %s check
  countersign --config %s review verify
  countersign --config %s db check`,
		head.Hash, filepath.Join(d.folder(c.Period).Path(), "reviews"), filepath.Join(d.dir, "returned"), filepath.Join(d.folder(c.Period).Path(), "customers"),
		filepath.Join(d.folder(c.Period).Path(), "reviews", c.Name+"_plan.csv"), config, config, config, config)
	return nil
}
