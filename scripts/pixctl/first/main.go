// Command first shows the first decisions while the SQL engine of the BigQuery emulator is still to be compiled. It is
// what `make demo` runs first on a machine that has compiled nothing, and nothing else needs it.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/demo"
)

func main() {
	os.Exit(run())
}

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second signal ends the process at once
	std := command.IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
	first := demo.First()
	return command.Dispatch(ctx, std, []command.Command{first}, []string{first.Name})
}
