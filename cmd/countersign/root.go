package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"countersign/cmd/countersign/config"
	"countersign/collectors/store"
)

// Exit codes are a contract. When several apply: 1, then 4, then 3; the others
// stand alone.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2 // a word of the command line or of the configuration is wrong
	exitFindings    = 3 // findings at or above --fail-on
	exitGaps        = 4 // done, but some evidence was not collected
	exitLocked      = 5 // another run holds the lock
	exitRejected    = 6 // a workbook was rejected, nothing taken over
	exitInterrupted = 130
)

// exit is an error that knows the program's exit code. A nil err means that
// everything was said already.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

func usage(format string, args ...any) error {
	return &exit{code: exitUsage, err: fmt.Errorf(format, args...)}
}

// app is what every command of one run shares.
type app struct {
	env     env
	at      time.Time // the run's one instant, UTC, whole seconds
	pinned  bool      // at was given: nothing of the run depends on the clock
	log     *slog.Logger
	started bool

	configPath, atText, logFormat, logLevel string
	noProgress                              bool
}

// run is the program: arguments in, exit code out.
func run(ctx context.Context, e env, args []string) int {
	a := &app{env: e}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(e.Stdout)
	root.SetErr(e.Stderr)
	err := root.ExecuteContext(ctx)
	code := exitCode(ctx, a, err)
	var coded *exit
	if err != nil && !(errors.As(err, &coded) && coded.err == nil) {
		fmt.Fprintln(e.Stderr, "countersign: "+printable(err.Error(), true))
		if code == exitUsage && !a.started {
			fmt.Fprintln(e.Stderr, "countersign: `countersign help` shows the commands and their flags")
		}
	}
	return code
}

func exitCode(ctx context.Context, a *app, err error) int {
	var coded *exit
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &coded):
		return coded.code
	case ctx.Err() != nil:
		return exitInterrupted
	case errors.Is(err, store.ErrLocked):
		return exitLocked
	case !a.started:
		return exitUsage
	}
	return exitFailed
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "countersign",
		Short: "Who of us could do what in which customer's tenant, and who signed for it",
		Long: `Countersign reads GDAP relationships, groups and just-in-time activations from
Microsoft Graph, keeps a tamper-evident history, judges it by rules, lets
reviewers attest in workbooks, and proves that revocations happened.

It only ever reads from a tenant. Results go to standard output, logs and
progress to standard error.

New here? "countersign demo" shows all of it on an invented MSP; "countersign doctor"
says what is missing to read your own.`,
		SilenceUsage: true, SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.begin() },
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.configPath, "config", "", "configuration `file` (default $COUNTERSIGN_CONFIG, else ./countersign.yaml)")
	flags.StringVar(&a.atText, "at", "", "judge by this `instant`, such as 2026-10-05T08:00:00Z, instead of now")
	flags.StringVar(&a.logFormat, "log-format", "text", "`format` of log lines: text or json")
	flags.StringVar(&a.logLevel, "log-level", "info", "least `level` that is logged: debug, info, warn, error")
	flags.BoolVar(&a.noProgress, "no-progress", false, "show no progress")
	root.AddCommand(a.demoCommand(), a.collectCommand(), a.snapshotCommand(), a.checkCommand(), a.rulesCommand(), a.accessCommand(), a.doctorCommand(),
		a.reviewCommand(), a.reportCommand(), a.scheduleCommand(), a.configCommand(), a.dbCommand(), a.versionCommand())
	return root
}

// begin settles what all commands need before the first of them runs.
func (a *app) begin() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(a.logLevel)); err != nil {
		return usage("--log-level %q is not debug, info, warn or error", a.logLevel)
	}
	options := &slog.HandlerOptions{Level: level, ReplaceAttr: func(_ []string, attr slog.Attr) slog.Attr {
		switch {
		case attr.Key == slog.TimeKey && a.pinned:
			return slog.Attr{}
		case attr.Key == slog.TimeKey:
			return slog.Time(attr.Key, attr.Value.Time().UTC())
		}
		return attr
	}}
	switch a.logFormat {
	case "text":
		a.log = slog.New(slog.NewTextHandler(a.env.Stderr, options))
	case "json":
		a.log = slog.New(slog.NewJSONHandler(a.env.Stderr, options))
	default:
		return usage("--log-format %q is not text or json", a.logFormat)
	}
	a.at = a.env.Now().UTC().Truncate(time.Second)
	if a.atText != "" {
		at, err := time.Parse(time.RFC3339, a.atText)
		if err != nil {
			return usage("--at %q is not an instant such as 2026-10-05T08:00:00Z", a.atText)
		}
		a.at, a.pinned = at.UTC().Truncate(time.Second), true
	}
	a.started = true
	return nil
}

// now is the run's clock: it stands still when --at was given.
func (a *app) now() time.Time {
	if a.pinned {
		return a.at
	}
	return a.env.Now().UTC()
}

// config loads the configuration, or says which words of it are wrong.
func (a *app) config() (*config.Config, error) {
	path := a.configPath
	if path == "" {
		path = a.env.Getenv("COUNTERSIGN_CONFIG")
	}
	if path == "" {
		path = "countersign.yaml"
	}
	c, err := config.Load(path, config.Options{Getenv: a.env.Getenv, KnownRules: knownRules(), KnownThresholds: knownThresholds()})
	if _, gone := os.Stat(path); errors.Is(gone, fs.ErrNotExist) {
		return nil, usage("there is no configuration %s: name another by --config, or write one (`countersign config example` prints all of it); `countersign demo` takes none", path)
	}
	if err != nil {
		return nil, &exit{code: exitUsage, err: err}
	}
	return c, nil
}

// read opens the database for a command that only looks.
func (a *app) read(ctx context.Context, c *config.Config) (*store.Store, error) {
	return store.Open(ctx, store.Options{Path: c.Store.Path})
}

// write opens the database for a command that adds to it, under the writer's lock.
func (a *app) write(ctx context.Context, c *config.Config, command string, create bool, entropy io.Reader) (*store.Store, func() error, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown host"
	}
	if err := store.Exists(c.Store.Path); err != nil && !create {
		return nil, nil, err
	}
	lock, err := store.TryLock(c.Store.Path, fmt.Sprintf("%s on %s, process %d, since %s", command, host, os.Getpid(), a.env.Now().UTC().Format(time.RFC3339)))
	if err != nil {
		return nil, nil, err
	}
	st, err := store.Open(ctx, store.Options{Path: c.Store.Path, Create: create, Entropy: entropy})
	if err != nil {
		return nil, nil, errors.Join(err, lock.Release())
	}
	return st, func() error { return errors.Join(st.Close(), lock.Release()) }, nil
}

// reader opens the configured database for a command that only looks; release
// closes it and adds its trouble to the command's error.
func (a *app) reader(ctx context.Context) (m msp, release func(*error), err error) {
	c, err := a.config()
	if err != nil {
		return msp{}, nil, err
	}
	st, err := a.read(ctx, c)
	if err != nil {
		return msp{}, nil, err
	}
	return msp{a, c, st}, func(err *error) { released(err, st.Close()) }, nil
}

// writer is reader for a command that adds to the database.
func (a *app) writer(ctx context.Context, command string, create bool) (m msp, release func(*error), err error) {
	c, err := a.config()
	if err != nil {
		return msp{}, nil, err
	}
	st, done, err := a.write(ctx, c, command, create, nil)
	if err != nil {
		return msp{}, nil, err
	}
	return msp{a, c, st}, func(err *error) { released(err, done()) }, nil
}

// released adds what went wrong when a command closed what it had opened. The
// command then failed, whatever its exit code would have been.
func released(err *error, closing error) {
	if closing == nil {
		return
	}
	if coded := (*exit)(nil); errors.As(*err, &coded) && coded.err == nil {
		*err = nil // it was said already
	}
	*err = &exit{exitFailed, errors.Join(*err, closing)}
}

// group is a command that only holds others: alone it shows them, a word that
// names none of them is refused.
func group(use, short string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("unknown command %q for %q", args[0], cmd.CommandPath())
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
}

// noArgs is cobra.NoArgs in this program's words.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("%s takes no arguments", cmd.CommandPath())
	}
	return nil
}

// atMostOne takes one argument or none.
func atMostOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > 1 {
			return usage("%s takes one %s at most", cmd.CommandPath(), what)
		}
		return nil
	}
}
