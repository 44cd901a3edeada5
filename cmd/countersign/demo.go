package main

import (
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
	"sync"
	"time"

	"github.com/spf13/cobra"

	"countersign/cmd/countersign/config"
	"countersign/fixtures"
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
		Args: noArgs,
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
	defer func() { released(&err, stop()) }()
	if err := d.writeConfig(); err != nil {
		return err
	}
	quiet := env{Getenv: func(string) string { return "" }, Now: d.clock.now, Stdout: a.env.Stdout, Stderr: a.env.Stderr}
	inner := &app{env: quiet, at: a.at, pinned: true, log: slog.New(slog.DiscardHandler), configPath: filepath.Join(dir, "countersign.yaml"), noProgress: a.noProgress}
	c, err := inner.config()
	if err != nil {
		return err
	}
	c.Endpoints = config.Endpoints{Graph: url, Login: url, ARM: url, PartnerCenter: url} // the file names a fixed address: which port was free is nobody's business
	var entropy [32]byte
	binary.LittleEndian.PutUint64(entropy[:], seed)
	st, release, err := inner.write(cmd.Context(), c, "demo", true, rand.NewChaCha8(entropy))
	if err != nil {
		return err
	}
	defer func() { released(&err, release()) }()
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
	text := fmt.Sprintf(`# The invented MSP of the demo. Every command but collect, schedule and doctor can be
# tried with it: the service it collected from ended with the demo.
msp:
  name: %s
  tenant_id: %s
  domains: [%s]
  contact: access-reviews@%s
  time_zone: %s
credential:
  kind: secret
  client_id: %s
  secret: {file: demo-secret}
endpoints:
  graph: %[7]s
  login: %[7]s
  arm: %[7]s
  partner_center: %[7]s
sources:
  azure: true
  partner_center: true
review:
  fallback: %[8]s
`, w.Name(), w.Tenant(), w.Domain(), w.Domain(), w.Zone(), w.App(), demoAddress, w.ComplianceOfficer())
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		return fmt.Errorf("%w; name a folder that can be made by --dir", err)
	}
	for name, content := range map[string][]byte{
		"countersign.yaml": []byte(text), "customers.csv": w.CustomersCSV(), "staff.csv": w.StaffCSV(), "groups.csv": w.GroupsCSV(),
		"templates.csv": w.TemplatesCSV(), "demo-secret": []byte("demo\n"),
	} {
		if err := os.WriteFile(filepath.Join(d.dir, name), content, 0o600); err != nil {
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
