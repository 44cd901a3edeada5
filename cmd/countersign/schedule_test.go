package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// logged keeps what is logged, and calls until when it holds a text.
type logged struct {
	mu    sync.Mutex
	text  bytes.Buffer
	holds string
	until func()
}

func (l *logged) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(line)
	if strings.Contains(l.text.String(), l.holds) {
		l.until()
	}
	return len(line), nil
}

// A daemon warns of what it did not see whole: that is no error.
func TestDaemonWarnsOfGaps(t *testing.T) {
	w, err := newWorld(1)
	if err != nil {
		t.Fatal(err)
	}
	config := w.start(t, t.TempDir())
	if _, stderr, code := execute(storyNow, "--config", config, "schedule", "--once"); code != exitDone {
		t.Fatalf("exit code %d\n%s", code, stderr)
	}
	now := storyNow.Add(24 * time.Hour)
	w.clock.set(now)
	w.Deny("SG-GDAP-Projects", storyNow, now.Add(time.Hour))
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	log := &logged{holds: `level=WARN msg="not everything was seen whole"`, until: stop}
	run(ctx, env{Getenv: os.Getenv, Now: func() time.Time { return now }, Stdout: io.Discard, Stderr: log}, []string{"--config", config, "schedule"})
	if text := log.text.String(); !strings.Contains(text, log.holds) || strings.Contains(text, "level=ERROR") {
		t.Error(text)
	}
}
