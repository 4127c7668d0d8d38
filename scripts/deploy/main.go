package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// Exit codes, as pixctl's.
const (
	exitOK      = 0
	exitRefused = 1
	exitUsage   = 2
)

// stopGrace is what a tool that was told to stop may still take: Terraform writes its state.
const stopGrace = time.Minute

func main() {
	// No second signal ends the way back: it is taken in until the end.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Getenv, os.Stdout)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, getenv func(string) string, out io.Writer) int {
	fs := flag.NewFlagSet("deploy", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	back := fs.Bool("back", false, "take back what a deployment left that was killed")
	build := fs.String("build", "build", "`directory` of the tools and of the images' digests")
	fs.Usage = func() {
		fmt.Fprintln(out, "usage: deploy [-back] dev|staging|prod\nPROJECT_ID and REGION are those of the environment.")
		fs.SetOutput(out)
		fs.PrintDefaults()
	}
	err := fs.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err == nil && fs.NArg() != 1 {
		err = errors.New("want one environment: dev, staging or prod")
	}
	var d *deployment
	if err == nil {
		d, err = newDeployment(fs.Arg(0), *build, getenv)
	}
	if err != nil {
		fmt.Fprintln(out, "deploy:", err)
		return exitUsage
	}
	d.out, d.run = out, execute(out)
	do := d.deploy
	if *back {
		do = d.back
	}
	if err := do(ctx); err != nil {
		fmt.Fprintln(out, "deploy:", err)
		return exitRefused
	}
	return exitOK
}

// command is one call of a tool.
type command []string

// call is a tool and its arguments.
func call(words ...string) command { return words }

// runner runs a command and returns what it printed.
type runner func(ctx context.Context, c command) (string, error)

// execute returns a runner that shows what tools print. A signal that reaches this process reaches a tool through its context
// alone, and later for those of the way back.
func execute(out io.Writer) runner {
	return func(ctx context.Context, c command) (string, error) {
		fmt.Fprintln(out, "deploy:", filepath.Base(c[0]), c[1:])
		cmd := exec.CommandContext(ctx, c[0], c[1:]...) //nolint:gosec // the tools of a deployment
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = stopGrace
		var printed bytes.Buffer
		cmd.Stdout, cmd.Stderr = io.MultiWriter(out, &printed), out
		if err := cmd.Run(); err != nil {
			return "", fmt.Errorf("%s %s: %w", filepath.Base(c[0]), c[1], err)
		}
		return printed.String(), nil
	}
}
