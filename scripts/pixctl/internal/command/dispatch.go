package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Main runs the subcommand that args name in this process's environment, until a signal ends it, and returns the exit code.
func Main(commands []Command, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	defer context.AfterFunc(ctx, stop)() // a second signal ends the process at once
	std := IO{In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv}
	return Dispatch(ctx, std, commands, args)
}

// Dispatch runs the subcommand that args name and returns the exit code.
func Dispatch(ctx context.Context, std IO, commands []Command, args []string) int {
	if len(args) == 0 {
		printHelp(std.Err, commands)
		return ExitUsage
	}
	if isHelp(args[0]) {
		printHelp(std.Out, commands)
		return ExitOK
	}
	cmd, rest, ok := find(commands, args)
	if !ok {
		return unknown(std, commands, args)
	}
	err := cmd.Run(ctx, std, rest)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case ctx.Err() != nil:
		fmt.Fprintf(std.Err, "pixctl: interrupted: %v\n", err)
		return ExitInterrupted
	default:
		fmt.Fprintf(std.Err, "pixctl: %v\n", err)
	}
	return ExitCode(err)
}

// unknown answers what names no subcommand: the first word of several names lists those, and -h after it asks for that.
func unknown(std IO, commands []Command, args []string) int {
	var group []Command
	for _, c := range commands {
		if strings.HasPrefix(c.Name, args[0]+" ") {
			group = append(group, c)
		}
	}
	switch {
	case len(group) == 0:
		fmt.Fprintf(std.Err, "pixctl: no subcommand %q\n", args[0])
		printHelp(std.Err, commands)
	case len(args) == 2 && isHelp(args[1]):
		printHelp(std.Out, group)
		return ExitOK
	default:
		fmt.Fprintf(std.Err, "pixctl: %s is followed by one of these:\n", args[0])
		printHelp(std.Err, group)
	}
	return ExitUsage
}

func isHelp(arg string) bool {
	return arg == "-h" || arg == "-help" || arg == "--help" || arg == "help"
}

// find matches the longest name first, so that "model verify" wins over a later "model".
func find(commands []Command, args []string) (Command, []string, bool) {
	best, words := Command{}, 0
	for _, c := range commands {
		name := strings.Fields(c.Name)
		if len(name) > words && len(name) <= len(args) && strings.Join(args[:len(name)], " ") == c.Name {
			best, words = c, len(name)
		}
	}
	return best, args[words:], words > 0
}

func printHelp(w io.Writer, commands []Command) {
	fmt.Fprintln(w, "usage: pixctl SUBCOMMAND [flags]   (-h after a subcommand explains it)")
	width := 0
	for _, c := range commands {
		width = max(width, len(c.Name))
	}
	for _, c := range commands {
		fmt.Fprintf(w, "  %-*s  %s\n", width, c.Name, c.Summary)
	}
	fmt.Fprintln(w, "exit codes: 0 done, 1 refused or found something, 2 usage, 130 interrupted")
}
