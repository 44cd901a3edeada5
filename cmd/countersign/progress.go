package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"countersign/collectors"
	"countersign/collectors/graph"
	"countersign/rules/rule"
)

// progress shows on a terminal how far a step is; elsewhere, and with
// --no-progress, it is silent: the log has a line for each step.
type progress struct {
	bar *progressbar.ProgressBar

	requests, waiting atomic.Int64 // of Graph: sent, and put off at its own wish
}

func (a *app) progress(what string) *progress {
	w := io.Discard
	if f, ok := a.env.Stderr.(*os.File); ok && !a.noProgress && term.IsTerminal(int(f.Fd())) {
		w = f
	}
	return newProgress(w, what)
}

func newProgress(w io.Writer, what string) *progress {
	return &progress{
		bar: progressbar.NewOptions(1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30)),
	}
}

// watch counts the requests of a client.
func (p *progress) watch(o *graph.Options) {
	o.OnRequest = func(string, int) { p.requests.Add(1) }
	o.OnWait = func(string, time.Duration) { p.waiting.Add(1) }
}

// collected follows a snapshot.
func (p *progress) collected(c collectors.Progress) {
	p.bar.Describe(describe(c, p.requests.Load(), p.waiting.Load()))
	p.done(c.Done, c.Total)
}

// describe words how far a snapshot is.
func describe(c collectors.Progress, requests, waits int64) string {
	text := fmt.Sprintf("%d of %s, %s; %s", c.CustomersDone, rule.Count(c.Customers, "customer"), c.Kind, rule.Count(int(requests), "request"))
	if waits > 0 {
		text += fmt.Sprintf(", %s because the service asked for it", rule.Count(int(waits), "wait"))
	}
	return text
}

func (p *progress) done(done, total int) {
	p.bar.ChangeMax(max(total, 1))
	_ = p.bar.Set(done) // it fails only when the terminal went away
}

func (p *progress) end() { _ = p.bar.Finish() }
