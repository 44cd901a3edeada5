package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKilledProgram kills the program when its n-th request arrives, which gets no
// answer. What was sealed before stays whole, nothing of the killed run is seen,
// and the next run seals a whole snapshot. (The collectors' own test kills at every
// request, at writes, and in the midst of sealing.)
func TestKilledProgram(t *testing.T) {
	t.Parallel()
	w, err := newWorld(1)
	if err != nil {
		t.Fatal(err)
	}
	base := t.TempDir()
	config := w.start(t, base)
	if _, stderr, code := execute(storyNow, "--config", config, "collect"); code != exitDone {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	sealed := seals(t, base)
	next := storyNow.AddDate(0, 0, 1)
	w.clock.set(next)

	// How many requests a run makes that nobody kills.
	requests := 0
	for n := 1; n <= 1 || n < requests; n += max((requests+8)/9, 1) {
		dir := filepath.Join(t.TempDir(), "copy")
		if err := os.CopyFS(dir, os.DirFS(base)); err != nil {
			t.Fatal(err)
		}
		config := filepath.Join(dir, "countersign.yaml")
		if requests == 0 {
			w.watch(nil)
			if _, stderr, code := execute(next, "--config", config, "collect"); code != exitDone {
				t.Fatalf("exit code %d\n%s", code, stderr)
			}
			requests = w.watch(nil)
			if requests < 10 {
				t.Fatalf("a run makes only %d requests", requests)
			}
			continue
		}
		t.Run(fmt.Sprintf("request %d of %d", n, requests), func(t *testing.T) {
			program, err := os.Executable()
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			child := exec.Cmd{Path: program, Args: []string{"countersign", "--config", config, "collect"}, Stdout: &out, Stderr: &out,
				Env: append(os.Environ(), "NOW="+next.Format(time.RFC3339))}
			arrived, dead := make(chan struct{}), make(chan struct{})
			w.watch(func(asked int) {
				if asked == n {
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
				err = errors.Join(child.Process.Kill(), <-ended)
			case err = <-ended:
			}
			close(dead)
			w.watch(nil)
			if err == nil || child.ProcessState.Exited() {
				t.Fatalf("the program was not killed: %v\n%s", err, &out)
			}

			expect := func(snapshots int, args ...string) {
				t.Helper()
				stdout, stderr, code := execute(next, append([]string{"--config", config}, args...)...)
				if code != exitDone || snapshots > 0 && strings.Count(stdout, "\n") != snapshots+1 {
					t.Errorf("%v: exit code %d\n%s%s", args, code, stdout, stderr)
				}
			}
			expect(0, "db", "check")
			expect(1, "snapshot", "list", "--format", "csv")
			if got := seals(t, dir); len(got) != 1 || got[0] != sealed[0] {
				t.Errorf("the seals are %v, want %v", got, sealed)
			}
			expect(0, "collect")
			expect(2, "snapshot", "list", "--format", "csv")
			expect(0, "db", "check")
		})
	}
}
