package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
	_ "time/tzdata" // zones on machines that have none
)

func main() {
	ctx, stop := interruptible()
	code := run(ctx, env{Getenv: os.Getenv, Now: time.Now, Stdout: os.Stdout, Stderr: os.Stderr}, os.Args[1:])
	stop()
	os.Exit(code)
}

// interruptible ends with Ctrl-C, and when a service manager asks for it.
func interruptible() (context.Context, context.CancelFunc) {
	return signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
}

// env is every door to the outside; tests pass their own.
type env struct {
	Getenv         func(string) string
	Now            func() time.Time
	Stdout, Stderr io.Writer
}
