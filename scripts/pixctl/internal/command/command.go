// Package command is the frame that every pixctl subcommand hangs in: what it gets, and how its error becomes an exit
// code.
//
// A subcommand is a value, not a global, so that tests run it with their own streams and environment.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
)

// Exit codes, a contract with callers.
const (
	ExitOK      = 0
	ExitRefused = 1 // refused, or found something
	ExitUsage   = 2
	// ExitInterrupted is what a shell reports of a process that SIGINT ended: whatever was asked for was not finished.
	ExitInterrupted = 130
)

// IO is everything of the outside that a subcommand may touch besides files and network.
type IO struct {
	In     io.Reader
	Out    io.Writer // results
	Err    io.Writer // progress and complaints
	Getenv func(string) string
}

// Command is one subcommand. Name may hold a space ("model verify").
type Command struct {
	Name    string
	Summary string // one line
	Run     func(ctx context.Context, std IO, args []string) error
}

// UsageError is a mistake in the arguments.
type UsageError struct{ Err error }

// Error implements error.
func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *UsageError) Unwrap() error { return e.Err }

// Usagef returns a UsageError.
func Usagef(format string, args ...any) error {
	return &UsageError{Err: fmt.Errorf(format, args...)}
}

// ExitCode maps a subcommand's error to an exit code.
func ExitCode(err error) int {
	var usage *UsageError
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	default:
		return ExitRefused
	}
}

// Flags is a flag.FlagSet that prints help on standard output where it was asked for, on standard error where it was not,
// and returns mistakes instead of exiting.
type Flags struct {
	*flag.FlagSet
	std        IO
	positional int
}

// NewFlags returns the flags of one subcommand. Synopsis follows the name in the help; positional is the exact number
// of arguments after the flags.
func NewFlags(std IO, name, synopsis string, positional int) *Flags {
	fs := flag.NewFlagSet(name, flag.ContinueOnError)
	fs.SetOutput(io.Discard) // the error says what was wrong, and Dispatch prints it once
	fs.Usage = func() {
		fmt.Fprintf(fs.Output(), "usage: pixctl %s %s\n", name, synopsis)
		fs.PrintDefaults()
	}
	return &Flags{FlagSet: fs, std: std, positional: positional}
}

// usage prints the help to w.
func (f *Flags) usage(w io.Writer) {
	f.SetOutput(w)
	f.Usage()
	f.SetOutput(io.Discard)
}

// Parse parses args. Flags may also follow the positional arguments. Help asked for is flag.ErrHelp; anything else
// wrong is a UsageError.
func (f *Flags) Parse(args []string) ([]string, error) {
	var rest []string
	for {
		if err := f.FlagSet.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				f.usage(f.std.Out)
				return nil, flag.ErrHelp
			}
			f.usage(f.std.Err)
			return nil, &UsageError{Err: err}
		}
		if f.NArg() == 0 {
			break
		}
		rest = append(rest, f.Arg(0))
		args = f.Args()[1:]
	}
	if len(rest) != f.positional {
		f.usage(f.std.Err)
		return nil, Usagef("%s: want %d arguments, got %d", f.Name(), f.positional, len(rest))
	}
	return rest, nil
}

// Required returns a UsageError that names every flag of the list whose value is empty.
func (f *Flags) Required(names ...string) error {
	var missing []error
	for _, name := range names {
		if g := f.Lookup(name); g == nil || g.Value.String() == "" {
			missing = append(missing, fmt.Errorf("-%s is required", name))
		}
	}
	if err := errors.Join(missing...); err != nil {
		f.usage(f.std.Err)
		return &UsageError{Err: fmt.Errorf("%s: %w", f.Name(), err)}
	}
	return nil
}
