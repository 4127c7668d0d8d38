package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// Dispatch runs the subcommand that args name and returns the exit code.
func Dispatch(ctx context.Context, std IO, commands []Command, args []string) int {
	if len(args) == 0 {
		printHelp(std.Err, commands)
		return ExitUsage
	}
	if args[0] == "-h" || args[0] == "-help" || args[0] == "--help" || args[0] == "help" {
		printHelp(std.Out, commands)
		return ExitOK
	}
	cmd, rest, ok := find(commands, args)
	if !ok {
		fmt.Fprintf(std.Err, "pixctl: no subcommand %q\n", args[0])
		printHelp(std.Err, commands)
		return ExitUsage
	}
	err := cmd.Run(ctx, std, rest)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(std.Err, "pixctl: %v\n", err)
	}
	return ExitCode(err)
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
	for _, c := range commands {
		fmt.Fprintf(w, "  %-14s %s\n", c.Name, c.Summary)
	}
	fmt.Fprintln(w, "exit codes: 0 done, 1 refused or found something, 2 usage")
}
