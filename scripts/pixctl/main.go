// Command pixctl is the tool for people and jobs around Sentinela: it simulates, replays, verifies, publishes and
// explains. See pixctl -h.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second signal ends the process at once
	std := command.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
	return command.Dispatch(ctx, std, commands(), os.Args[1:])
}
