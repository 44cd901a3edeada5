package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A certificate file that is missing, is none, or has expired ends a run before
// anything is asked; the file is named, and nothing of what is in it.
func TestCertificateFiles(t *testing.T) {
	const canary = "canary-in-the-file"
	public, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.CreateCertificate(nil, &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: canary}, NotAfter: storyNow.AddDate(-20, 0, 0)},
		&x509.Certificate{}, public, key)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	expired := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: raw})...)
	for name, c := range map[string]struct {
		content []byte
		want    string
	}{"missing": {nil, "no such file"}, "none": {[]byte(canary), "it must be PEM or PKCS#12"}, "expired": {expired, "the certificate expired on"}} {
		t.Run(name, func(t *testing.T) {
			w, err := newWorld(1)
			if err != nil {
				t.Fatal(err)
			}
			config := w.start(t, t.TempDir())
			text, err := os.ReadFile(config)
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(filepath.Dir(config), "app.pem")
			if c.content != nil {
				write(t, file, c.content)
			}
			changed := strings.NewReplacer("  kind: secret\n", "  kind: certificate\n", "  secret: {env: COUNTERSIGN_SECRET}", "  certificate: {file: app.pem}", "  login: ", "  # ").Replace(string(text))
			write(t, config, []byte(changed))
			stdout, stderr, code := execute(storyNow, "--config", config, "collect")
			if code == exitDone || !strings.Contains(stderr, c.want) || !strings.Contains(stderr, "app.pem") || strings.Contains(stdout+stderr, canary) {
				t.Errorf("the file is named? exit code %d\n%s%s", code, stdout, stderr)
			}
			if asked := len(w.server.Journal()); asked > 0 {
				t.Errorf("%d requests were made", asked)
			}
		})
	}
}

// A run that nobody answers says what broke, and where to find what to do about it.
func TestCollectWithoutAnAnswer(t *testing.T) {
	w, err := newWorld(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config := w.start(t, dir)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "wrong"), []byte("not the secret"))
	write(t, config, bytes.Replace(text, []byte("{env: COUNTERSIGN_SECRET}"), []byte("{file: wrong}"), 1))
	_, stderr, code := execute(storyNow, "--config", config, "collect")
	if code != exitFailed || !strings.Contains(stderr, "nothing can be read from tenant "+w.Tenant()+": ") ||
		!strings.Contains(stderr, "the client secret is wrong; configure its value, not its id; nothing was sealed: `countersign doctor` says what is missing") {
		t.Errorf("exit code %d\n%s", code, stderr)
	}
	if got := seals(t, dir); len(got) > 0 {
		t.Errorf("sealed %v", got)
	}
}

// TestTerminated asks the program to end by SIGTERM, as a service manager does: it
// ends at once with code 130, nothing half is seen, and the next run goes on.
func TestTerminated(t *testing.T) {
	w, err := newWorld(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	args := []string{"--config", w.start(t, dir), "collect", "--kind", "relationships", "--kind", "access-assignments"}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	child := exec.Cmd{Path: program, Args: append([]string{"countersign"}, args...), Stdout: &out, Stderr: &out, Env: append(os.Environ(), "NOW="+storyNow.Format(time.RFC3339))}
	arrived, dead := make(chan struct{}), make(chan struct{})
	w.watch(func(asked int) {
		if asked == 2 {
			close(arrived)
			<-dead
		}
	})
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	select {
	case <-arrived:
		err = errors.Join(child.Process.Signal(syscall.SIGTERM), <-ended)
	case err = <-ended:
	}
	close(dead)
	if child.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("ended with %v: %v\n%s", child.ProcessState, err, &out)
	}
	w.watch(nil)
	if got := seals(t, dir); len(got) > 0 {
		t.Errorf("sealed %v", got)
	}
	stdout, stderr, code := execute(storyNow, args...)
	if code != exitDone || !strings.Contains(stdout, "A run that was interrupted was taken up") {
		t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
	}
}
