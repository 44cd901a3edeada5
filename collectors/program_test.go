package collectors_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// built is the folder of the program while the tests run; "" where none needed it.
var built string

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(built)
	os.Exit(code)
}

// program is countersign itself, built by the first test that runs it.
var program = sync.OnceValues(func() (path string, err error) {
	if built, err = os.MkdirTemp("", "countersign"); err != nil {
		return "", err
	}
	path = filepath.Join(built, "countersign.exe")
	out, err := exec.Command("go", "build", "-o", path, "countersign/cmd/countersign").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// msp is a folder with the configuration of an MSP whose Graph is a service on this
// machine, for the program to collect from.
type msp struct {
	testing.TB
	dir string
}

func newMSP(t testing.TB, h http.Handler) *msp {
	t.Helper()
	s := httptest.NewServer(batched(h))
	t.Cleanup(s.Close)
	m := &msp{t, t.TempDir()}
	m.write("countersign.yaml", "msp: {name: Northgate, tenant_id: "+tenant+"}\ncredential: {kind: token, token: {env: COUNTERSIGN_TOKEN}}\nendpoints: {graph: "+s.URL+"}\n")
	return m
}

func (m *msp) write(name, text string) {
	m.Helper()
	if err := os.WriteFile(filepath.Join(m.dir, name), []byte(text), 0o600); err != nil {
		m.Fatal(err)
	}
}

// command is the program with its arguments, as of an instant.
func (m *msp) command(at time.Time, args ...string) *exec.Cmd {
	m.Helper()
	path, err := program()
	if err != nil {
		m.Fatal(err)
	}
	c := exec.Command(path, append([]string{"--config", filepath.Join(m.dir, "countersign.yaml"), "--at", at.Format(time.RFC3339)}, args...)...)
	c.Env = append(os.Environ(), "COUNTERSIGN_TOKEN=any")
	return c
}

// run gives what the program said and its exit code.
func (m *msp) run(at time.Time, args ...string) (string, int) {
	m.Helper()
	out, err := m.command(at, args...).CombinedOutput()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		m.Fatal(err)
	} else if err != nil {
		return string(out), ended.ExitCode()
	}
	return string(out), 0
}

// expectRun fails unless the program ends so and says these words.
func (m *msp) expectRun(at time.Time, code int, words string, args ...string) {
	m.Helper()
	if out, got := m.run(at, args...); got != code || !strings.Contains(out, words) {
		m.Errorf("%q ended with %d, want %d, and said %q, want %q in it", args, got, code, out, words)
	}
}

// signalAt starts a child and sends it a signal when the moment has come that watch
// tells; the request that comes then gets no answer before the child has ended.
func signalAt(t testing.TB, child *exec.Cmd, c *canned, now func(asked int) bool, with os.Signal) string {
	t.Helper()
	started, arrived, dead := make(chan struct{}), make(chan struct{}), make(chan struct{})
	come := sync.OnceFunc(func() {
		close(arrived)
		<-dead
	})
	c.watch(func(asked int) {
		<-started // else nobody may look at the child's process
		if now(asked) {
			come()
		}
	})
	var out bytes.Buffer
	child.Stdout, child.Stderr = &out, &out
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	close(started)
	ended := make(chan error)
	go func() { ended <- child.Wait() }()
	var err error
	select {
	case <-arrived:
		err = errors.Join(child.Process.Signal(with), <-ended)
	case err = <-ended:
	}
	close(dead)
	c.watch(nil)
	if err == nil {
		t.Fatalf("the child came to its end\n%s", &out)
	}
	return out.String()
}
