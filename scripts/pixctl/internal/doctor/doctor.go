// Package doctor is `pixctl doctor`: it looks at this machine and at what its environment names, and says what would not
// work and which command mends it.
//
// What is in a Google Cloud project is not checked here, and the report says so.
package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "doctor", Summary: "say what is wrong with this machine, and what mends it", Run: run}
}

// Levels of a finding.
const (
	levelOK   = "ok"
	levelWarn = "warn" // something that not everybody needs is missing
	levelFail = "fail"
	levelSkip = "skip" // not checked here
)

// finding is one line of the report.
type finding struct {
	Check  string `json:"check"`
	Level  string `json:"level"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"` // a command, or what to change
}

func ok(check, format string, args ...any) finding {
	return finding{Check: check, Level: levelOK, Detail: fmt.Sprintf(format, args...)}
}

func warn(check, mend, format string, args ...any) finding {
	return finding{Check: check, Level: levelWarn, Mend: mend, Detail: fmt.Sprintf(format, args...)}
}

func fail(check, mend, format string, args ...any) finding {
	return finding{Check: check, Level: levelFail, Mend: mend, Detail: fmt.Sprintf(format, args...)}
}

// machine is what is looked at.
type machine struct {
	getenv  func(string) string
	root    string        // of the repository; empty outside of one
	timeout time.Duration // of everything that may not answer
	now     func() time.Time
}

// probe is a group of lines. Probes run side by side, so that what does not answer costs its time once.
type probe func(context.Context, *machine) []finding

func probes() []probe {
	return []probe{tools, disk, ports, clock, environment, policies, models, example, keys, cloud}
}

var errFound = errors.New("something here does not work: see the lines with fail")

func run(ctx context.Context, std command.IO, args []string) error {
	flags := command.NewFlags(std, "doctor", "[-json]\n\nExit code 1: a line says fail.\n", 0)
	asJSON := flags.Bool("json", false, "print one JSON object")
	timeout := flags.Duration("timeout", 3*time.Second, "how long to wait for what the environment names")
	if _, err := flags.Parse(args); err != nil {
		return err
	}
	if *timeout <= 0 {
		return command.Usagef("doctor: -timeout must be above zero")
	}
	m := &machine{getenv: std.Getenv, root: repository("."), timeout: *timeout, now: time.Now}
	findings := m.examine(ctx)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	return report(std.Out, findings, *asJSON)
}

func (m *machine) examine(ctx context.Context) (all []finding) {
	lists := make([][]finding, len(probes()))
	var running sync.WaitGroup
	for i, p := range probes() {
		running.Go(func() { lists[i] = p(ctx, m) })
	}
	running.Wait()
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

func report(w io.Writer, findings []finding, asJSON bool) error {
	failed := 0
	for _, f := range findings {
		if f.Level == levelFail {
			failed++
		}
	}
	var err error
	if asJSON {
		err = json.NewEncoder(w).Encode(struct {
			Findings []finding `json:"findings"`
			Failed   int       `json:"failed"`
		}{findings, failed})
	} else {
		err = write(w, findings)
	}
	switch {
	case err != nil:
		return fmt.Errorf("doctor: %w", err)
	case failed > 0:
		return fmt.Errorf("doctor: %w", errFound)
	default:
		return nil
	}
}

func write(w io.Writer, findings []finding) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, f := range findings {
		mend := ""
		if f.Mend != "" {
			mend = "; mend: " + f.Mend
		}
		fmt.Fprintf(table, "%s\t%s\t%s%s\n", f.Level, f.Check, f.Detail, mend)
	}
	return table.Flush() //nolint:wrapcheck // the caller says what was written
}

// cloud says what this command does not do.
func cloud(context.Context, *machine) []finding {
	return []finding{{Check: "Google Cloud", Level: levelSkip, Detail: "not checked here: project, APIs, permissions, topics, subscriptions, tables"}}
}
