package main

import (
	"fmt"
	"io"
	"os"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"countersign/collectors"
	"countersign/collectors/snapshot"
)

// progress shows on a terminal how far a step is; elsewhere, and with
// --no-progress, it is silent: the log has a line for each step.
type progress struct {
	bar          *progressbar.ProgressBar
	done_, total map[snapshot.Kind]int
}

func (a *app) progress(what string) *progress {
	w := io.Discard
	if f, ok := a.env.Stderr.(*os.File); ok && !a.noProgress && term.IsTerminal(int(f.Fd())) {
		w = f
	}
	return &progress{
		bar: progressbar.NewOptions(1, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(what),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(30)),
		done_: map[snapshot.Kind]int{}, total: map[snapshot.Kind]int{},
	}
}

// collected follows the parts of all kinds of a snapshot.
func (p *progress) collected(c collectors.Progress) {
	p.done_[c.Kind], p.total[c.Kind] = c.Done, c.Total
	var done, total int
	for kind := range p.total {
		done, total = done+p.done_[kind], total+p.total[kind]
	}
	p.bar.Describe(fmt.Sprintf("collecting %s", c.Kind))
	p.done(done, total)
}

func (p *progress) done(done, total int) {
	p.bar.ChangeMax(max(total, 1))
	_ = p.bar.Set(done) // it fails only when the terminal went away
}

func (p *progress) end() { _ = p.bar.Finish() }
