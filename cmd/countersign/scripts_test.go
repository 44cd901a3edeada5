package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/rogpeppe/go-internal/testscript"
	"github.com/xuri/excelize/v2"

	"countersign/collectors/store"
	"countersign/fixtures"
	"countersign/reviews"
)

func TestMain(m *testing.M) {
	testscript.Main(suite{m}, map[string]func(){"countersign": program})
}

// shared is a folder for what several tests look at.
var shared string

type suite struct{ *testing.M }

func (s suite) Run() int {
	dir, err := os.MkdirTemp("", "countersign-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	shared = dir
	os.Setenv("COUNTERSIGN_SECRET", clientSecret)
	return s.M.Run()
}

// program is the program as scripts and the kill test start it: all of it is real
// but the clock, which stands at $NOW.
func program() {
	now, err := time.Parse(time.RFC3339, os.Getenv("NOW"))
	if err == nil && os.Getenv("PID_FILE") != "" {
		err = os.WriteFile(os.Getenv("PID_FILE"), []byte(strconv.Itoa(os.Getpid())), 0o600)
	}
	if err != nil {
		panic(err)
	}
	ctx, stop := interruptible()
	code := run(ctx, env{Getenv: os.Getenv, Now: func() time.Time { return now }, Stdout: os.Stdout, Stderr: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// storyNow is when the scripts begin: a Monday, five days into a quarter.
var storyNow = time.Date(2026, 10, 5, 6, 0, 0, 0, time.UTC)

// clientSecret is the only one that the login of a world takes.
const clientSecret = "canary-client-secret-93ba"

// world is an invented MSP behind a fake Graph, shown at an instant that tests move.
type world struct {
	*fixtures.MSP
	server  *fixtures.Server
	clock   worldClock
	closed  bool                // its customers are as the story has them
	rewrite *strings.Replacer   // of what it answers; nil: nothing
	look    func(*http.Request) // at each request, one at a time; nil: nobody

	mu    sync.Mutex
	asked int
	hook  func(asked int) // called with the number of requests since the last reset
}

func newWorld(customers int) (*world, error) {
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		return nil, err
	}
	w := &world{MSP: fixtures.NewMSP(fixtures.Options{Customers: customers, Seed: 11, At: storyNow, Zone: zone}), clock: worldClock{at: storyNow}}
	w.DenyNothing()
	w.ReaderEverywhere = true
	w.server = fixtures.NewServer(w.MSP, fixtures.ServerOptions{Now: w.clock.now, PageSize: 100, ClientID: w.App(), ClientSecret: clientSecret, Tokens: []string{"none"}})
	return w, nil
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	w.asked++
	asked, hook := w.asked, w.hook
	if w.look != nil {
		w.look(r)
	}
	w.mu.Unlock()
	if hook != nil {
		hook(asked)
	}
	if w.rewrite == nil {
		w.server.ServeHTTP(rw, r)
		return
	}
	answer := recorder{header: rw.Header()}
	w.server.ServeHTTP(&answer, r)
	body := w.rewrite.Replace(answer.body.String())
	rw.Header().Set("Content-Length", strconv.Itoa(len(body)))
	rw.WriteHeader(answer.status)
	_, _ = rw.Write([]byte(body))
}

// watch forgets the requests so far and has the later ones reported.
func (w *world) watch(hook func(asked int)) (before int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	before, w.asked, w.hook = w.asked, 0, hook
	return before
}

// recorder holds an answer back.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header            { return r.header }
func (r *recorder) WriteHeader(status int)         { r.status = status }
func (r *recorder) Write(text []byte) (int, error) { return r.body.Write(text) }

// configure writes the configuration and the tables of the world into a folder. Of
// the customers only those are read in their own tenants that let everything be
// read, so that a run without a fault of its own has no gap.
func (w *world) configure(dir, url string) error {
	if err := (&demonstration{world: w.MSP, dir: dir}).writeConfig(); err != nil {
		return err
	}
	path := filepath.Join(dir, "countersign.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text = []byte(strings.NewReplacer(demoAddress, url, "{file: demo-secret}", "{env: COUNTERSIGN_SECRET}").Replace(string(text)))
	customers := filepath.Join(dir, "customers.csv")
	table, err := os.ReadFile(customers)
	if err != nil {
		return err
	}
	table = regexp.MustCompile(`(?m)^(.*),yes,,,([^,]*)$`).ReplaceAllFunc(table, func(line []byte) []byte {
		if w.closed || w.Open(string(line[:36])) {
			return line
		}
		return bytes.Replace(line, []byte(",yes,,,"), []byte(",,,,"), 1)
	})
	return errors.Join(os.WriteFile(path, text, 0o600), os.WriteFile(customers, table, 0o600), os.Remove(filepath.Join(dir, "demo-secret")))
}

// start serves the world until the test ends, and gives the configuration that it
// writes into the folder; the results go there too.
func (w *world) start(t testing.TB, dir string) (config string) {
	t.Helper()
	url, stop, err := serve(w)
	if err == nil {
		err = w.configure(dir, url)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
	return filepath.Join(dir, "countersign.yaml")
}

// TestScripts runs one story a file.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", RequireExplicitExec: true, RequireUniqueNames: true,
		UpdateScripts: os.Getenv("UPDATE_SCRIPTS") != "",
		Setup: func(e *testscript.Env) error {
			e.Values[worldKey{}] = new(*world)
			e.Setenv("NOW", storyNow.Format(time.RFC3339))
			e.Setenv("COUNTERSIGN_SECRET", clientSecret)
			e.Setenv("ESC", "\x1b")
			e.Setenv("NL", "\n")
			e.Setenv("PID_FILE", filepath.Join(e.WorkDir, ".pid"))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "serve": serveWorld, "at": moveTo, "interrupt": interrupt, "requests": requests,
			"fill": fill, "cell": setCell, "says": says, "blank": blank, "carry-out": carryOut, "lock": lock, "sql": change,
			"json": isJSON, "csv": isCSV, "quiet": isQuiet, "rewrite": rewrite, "discreet": isDiscreet, "pdf": readPDF,
		},
	})
}

type worldKey struct{}

func worldOf(ts *testscript.TestScript) **world { return ts.Value(worldKey{}).(**world) }

// exits runs a program that must end with a code: exits 3 countersign check ...
func exits(ts *testscript.TestScript, _ bool, args []string) {
	code := 0
	err := ts.Exec(args[1], args[2:]...)
	if ended := (*exec.ExitError)(nil); errors.As(err, &ended) {
		code = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("exit code %d, want %s", code, args[0])
	}
}

// serveWorld starts a world and writes its configuration into the current folder:
//
//	serve CUSTOMERS [hostile|closed] [GROUP FROM UNTIL]
//
// Closed: some customers do not let everything of their tenants be read.
// From FROM to UNTIL nobody may read the members of GROUP. In a hostile world
// names hold control characters, and characters that turn the writing round.
func serveWorld(ts *testscript.TestScript, _ bool, args []string) {
	customers, err := strconv.Atoi(args[0])
	ts.Check(err)
	hostile, closed := len(args) > 1 && args[1] == "hostile", len(args) > 1 && args[1] == "closed"
	w, err := newWorld(customers)
	ts.Check(err)
	if len(args) == 4 {
		w.Deny(args[1], parse(ts, args[2]), parse(ts, args[3]))
	}
	if hostile {
		w.rewrite = strings.NewReplacer("Ola Freelance", `Ola\u001b[2J\u202eFree\nlance\u0000\u009b31m`, "Northgate device projects", `Northgate\r\ndevice\u0007projects`)
	}
	url, stop, err := serve(w)
	ts.Check(err)
	ts.Defer(func() { ts.Check(stop()) })
	w.closed, w.ReaderEverywhere = closed, !closed
	ts.Check(w.configure(ts.MkAbs("."), url))
	*worldOf(ts) = w
}

func parse(ts *testscript.TestScript, text string) time.Time {
	at, err := time.Parse(time.RFC3339, text)
	ts.Check(err)
	return at
}

// moveTo moves the world and the program's clock: at 2026-11-01T06:00:00Z
func moveTo(ts *testscript.TestScript, _ bool, args []string) {
	at := parse(ts, args[0])
	ts.Setenv("NOW", at.Format(time.RFC3339))
	if w := *worldOf(ts); w != nil {
		w.clock.set(at)
	}
}

// interrupt has the next program interrupted when its n-th request arrives.
func interrupt(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	pidFile := ts.Getenv("PID_FILE") // the script's environment is the script's alone
	(*worldOf(ts)).watch(func(asked int) {
		if asked != n {
			return
		}
		text, err := os.ReadFile(pidFile)
		pid, convert := strconv.Atoi(string(text))
		if err = errors.Join(err, convert); err == nil {
			if process, find := os.FindProcess(pid); find == nil {
				err = process.Signal(os.Interrupt)
			}
		}
		if err != nil {
			panic(err)
		}
	})
}

// requests says how many requests were made since it was last asked: requests MIN MAX
func requests(ts *testscript.TestScript, _ bool, args []string) {
	least, err := strconv.Atoi(args[0])
	ts.Check(err)
	most, err := strconv.Atoi(args[1])
	ts.Check(err)
	if n := (*worldOf(ts)).watch(nil); n < least || n > most {
		ts.Fatalf("%d requests were made, want %s to %s", n, args[0], args[1])
	}
}

// fill answers a workbook as a reviewer would: fill SENT RETURNED [unsigned]
func fill(ts *testscript.TestScript, _ bool, args []string) {
	filled, err := fixtures.FillIn([]byte(ts.ReadFile(args[0])), fixtures.Answers{Reviewer: "A Reviewer", Date: storyNow, Unsigned: len(args) == 3})
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), filled, 0o600))
}

// setCell types into a workbook: cell FILE SHEET CELL TEXT
func setCell(ts *testscript.TestScript, _ bool, args []string) {
	f, err := excelize.OpenFile(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	ts.Check(f.SetCellStr(args[1], args[2], args[3]))
	ts.Check(f.Save())
}

// says demands that a sheet of a workbook holds a text: says FILE SHEET TEXT
func says(ts *testscript.TestScript, _ bool, args []string) {
	f, err := excelize.OpenFile(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	rows, err := f.GetRows(args[1])
	ts.Check(err)
	if !strings.Contains(fmt.Sprint(rows), args[2]) {
		ts.Fatalf("sheet %s of %s does not say %q", args[1], args[0], args[2])
	}
}

// rewrite puts one text of a file in place of another: rewrite FILE OLD NEW
func rewrite(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s does not hold %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Replace(text, args[1], args[2], 1)), 0o600))
}

// blank makes a workbook that is not ours: blank FILE
func blank(ts *testscript.TestScript, _ bool, args []string) {
	f := excelize.NewFile()
	ts.Check(errors.Join(f.SetCellStr("Sheet1", "A1", "Item"), f.SaveAs(ts.MkAbs(args[0])), f.Close()))
}

// carryOut does the first things of a plan in the invented MSP: carry-out plan.json 2
func carryOut(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	var plan []reviews.Action
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &plan))
	w := *worldOf(ts)
	for _, a := range plan[:n] {
		ts.Check((&demonstration{world: w.MSP}).do(a, w.clock.now()))
	}
}

// lock holds the lock of a database until the script ends: lock countersign.db 'who holds it'
func lock(ts *testscript.TestScript, _ bool, args []string) {
	held, err := store.TryLock(ts.MkAbs(args[0]), args[1])
	ts.Check(err)
	ts.Defer(func() { ts.Check(held.Release()) })
}

// change runs statements on a database behind the program's back: sql countersign.db 'DROP TRIGGER ...' ...
func change(ts *testscript.TestScript, _ bool, args []string) {
	ctx := context.Background()
	st, err := store.Open(ctx, store.Options{Path: ts.MkAbs(args[0])})
	ts.Check(err)
	defer st.Close()
	ts.Check(st.Tx(ctx, func(tx *sqlx.Tx) error {
		for _, statement := range args[1:] {
			result, err := tx.ExecContext(ctx, statement)
			if err != nil {
				return err
			}
			if n, _ := result.RowsAffected(); n == 0 && strings.HasPrefix(statement, "UPDATE") {
				return fmt.Errorf("%s changed nothing", statement)
			}
		}
		return nil
	}))
}

// isJSON demands that a file is one JSON value and nothing else: json stdout
func isJSON(ts *testscript.TestScript, _ bool, args []string) {
	if text := ts.ReadFile(args[0]); !json.Valid([]byte(text)) {
		ts.Fatalf("%s is not one JSON value", args[0])
	}
}

// isCSV demands that a file is CSV with this heading and so many rows at least: csv stdout 1 id,at
func isCSV(ts *testscript.TestScript, _ bool, args []string) {
	rows, err := csv.NewReader(strings.NewReader(ts.ReadFile(args[0]))).ReadAll()
	ts.Check(err)
	least, err := strconv.Atoi(args[1])
	ts.Check(err)
	if len(rows) < least+1 || strings.Join(rows[0], ",") != args[2] {
		ts.Fatalf("%s has %d rows under %q", args[0], len(rows)-1, rows[0])
	}
}

// readPDF writes what another program reads in the only PDF that fits a pattern, its lines
// joined: pdf PATTERN TO
func readPDF(ts *testscript.TestScript, _ bool, args []string) {
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%d files are %s", len(found), args[0])
	}
	ts.Check(ts.Exec("pdftotext", found[0], "-"))
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(strings.Join(strings.Fields(ts.ReadFile("stdout")), " ")), 0o600))
}

// isQuiet demands that a text can be shown on a terminal: no control character
// but line ends, nothing that turns the direction of writing.
func isQuiet(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		for n, line := range strings.Split(ts.ReadFile(name), "\n") {
			if printable(line, false) != line {
				ts.Fatalf("%s, line %d: %q", name, n+1, line)
			}
		}
	}
}

// isDiscreet demands that a text names nobody: no person, no customer, no mail
// address, no token.
func isDiscreet(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	words := []string{"@", clientSecret}
	w := *worldOf(ts)
	for _, table := range [][]byte{w.CustomersCSV(), w.StaffCSV()} {
		rows, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
		ts.Check(err)
		name := slices.Index(rows[0], "name")
		for _, row := range rows[1:] {
			words = append(words, row[name])
		}
	}
	for _, word := range words {
		if strings.Contains(text, word) {
			ts.Fatalf("%s names %q", args[0], word)
		}
	}
}
