// Package doctor is `pixctl doctor`: it looks at this machine, at what its environment names and at a Google Cloud project,
// and says what would not work and which command mends it.
//
// It changes nothing. What it may not look at, or what an emulator lacks, is unknown and never called right.
package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "doctor", Summary: "say what is wrong with this machine or a project, and what mends it", Run: run}
}

// Verdicts of a finding, a contract with programs.
const (
	verdictOK      = "ok"
	verdictWarn    = "warn"    // something that not everybody needs is missing
	verdictWrong   = "wrong"   // it is there and would not work
	verdictMissing = "missing" // it is not there
	verdictUnknown = "unknown" // no right to look, or nothing that could answer
)

// finding is one line of the report.
type finding struct {
	Group   string `json:"group"`
	Check   string `json:"check"`
	Verdict string `json:"verdict"`
	Detail  string `json:"detail"`
	Mend    string `json:"mend,omitempty"` // a command, or what to change
}

func ok(check, format string, args ...any) finding {
	return finding{Check: check, Verdict: verdictOK, Detail: fmt.Sprintf(format, args...)}
}

func warn(check, mend, format string, args ...any) finding {
	return finding{Check: check, Verdict: verdictWarn, Mend: mend, Detail: fmt.Sprintf(format, args...)}
}

func wrong(check, mend, format string, args ...any) finding {
	return finding{Check: check, Verdict: verdictWrong, Mend: mend, Detail: fmt.Sprintf(format, args...)}
}

func missing(check, mend, format string, args ...any) finding {
	return finding{Check: check, Verdict: verdictMissing, Mend: mend, Detail: fmt.Sprintf(format, args...)}
}

func unknown(check, format string, args ...any) finding {
	return finding{Check: check, Verdict: verdictUnknown, Detail: fmt.Sprintf(format, args...)}
}

// probe is a group of lines. Probes run side by side, so that what does not answer costs its time once.
type probe func(context.Context, *machine) []finding

// group is a part of the report under the name that -only takes.
type group struct {
	name   string
	probes []probe
}

func groups() []group {
	return []group{
		{"project", []probe{caller}},
		{"machine", []probe{tools, disk, ports, clock}},
		{"environment", []probe{environment}},
		{"artefacts", []probe{policies, models, example}},
		{"keys", []probe{keys, secrets}},
		{"topics", []probe{topics}},
		{"store", []probe{tables}},
		{"warehouse", []probe{relations}},
		{"buckets", []probe{buckets, modelsInForce}},
		{"rights", []probe{rights}},
		{"clocks", []probe{serverTime}},
		{"kafka", []probe{kafka}},
	}
}

// chosen are the groups that -only names, all where it names none.
func chosen(only string) ([]group, error) {
	all := groups()
	if only == "" {
		return all, nil
	}
	var list []group
	for name := range strings.SplitSeq(only, ",") {
		i := slices.IndexFunc(all, func(g group) bool { return g.name == name })
		if i < 0 {
			return nil, command.Usagef("doctor: -only takes %s", groupNames())
		}
		list = append(list, all[i])
	}
	return list, nil
}

func groupNames() string {
	var names []string
	for _, g := range groups() {
		names = append(names, g.name)
	}
	return strings.Join(names, ", ")
}

var (
	errFound   = errors.New("something here does not work: see the lines with wrong and missing")
	errUnknown = errors.New("something could not be looked at: see the lines with unknown")
)

const synopsis = `[-project P] [-env E] [-region R] [-only GROUP,...] [-as-workload W] [-strict] [-json]

Looks at this machine and at what the environment names, and with a project at what stands in it: what the code declares
must be there. It changes nothing. Emulators are taken where their variables are set, else Application Default Credentials.
Exit code 1: a line says wrong or missing; with -strict also where one says unknown.
`

func run(ctx context.Context, std command.IO, args []string) error {
	m := newMachine(std.Getenv)
	flags := command.NewFlags(std, "doctor", synopsis, 0)
	asJSON := flags.Bool("json", false, "print one JSON object")
	strict := flags.Bool("strict", false, "exit code 1 also for what is unknown")
	only := flags.String("only", "", "look at these groups alone, commas between: "+groupNames())
	m.flags(flags)
	if _, err := flags.Parse(args); err != nil {
		return err
	}
	list, err := chosen(*only)
	if err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return err
	}
	findings := m.examine(ctx, list)
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("doctor: %w", err)
	}
	return report(std.Out, findings, style{json: *asJSON, strict: *strict})
}

// examine runs the groups side by side and returns their lines in order.
func (m *machine) examine(ctx context.Context, list []group) (all []finding) {
	m.identify(ctx)
	found := make([][][]finding, len(list))
	var running sync.WaitGroup
	for i, g := range list {
		found[i] = make([][]finding, len(g.probes))
		for j, p := range g.probes {
			running.Go(func() { found[i][j] = p(ctx, m) })
		}
	}
	running.Wait()
	for i, g := range list {
		for _, f := range slices.Concat(found[i]...) {
			f.Group = g.name
			all = append(all, f)
		}
	}
	return all
}

// style is how the report is told.
type style struct{ json, strict bool }

// summary counts the lines of each verdict.
type summary struct {
	Findings []finding `json:"findings"`
	OK       int       `json:"ok"`
	Warn     int       `json:"warn"`
	Wrong    int       `json:"wrong"`
	Missing  int       `json:"missing"`
	Unknown  int       `json:"unknown"`
}

func count(findings []finding) summary {
	s := summary{Findings: findings}
	for _, f := range findings {
		switch f.Verdict {
		case verdictOK:
			s.OK++
		case verdictWarn:
			s.Warn++
		case verdictMissing:
			s.Missing++
		case verdictUnknown:
			s.Unknown++
		default:
			s.Wrong++
		}
	}
	return s
}

func report(w io.Writer, findings []finding, how style) error {
	s := count(findings)
	var err error
	if how.json {
		err = json.NewEncoder(w).Encode(s)
	} else {
		err = s.write(w)
	}
	switch {
	case err != nil:
		return fmt.Errorf("doctor: %w", err)
	case s.Wrong+s.Missing > 0:
		return fmt.Errorf("doctor: %w", errFound)
	case how.strict && s.Unknown > 0:
		return fmt.Errorf("doctor: %w", errUnknown)
	default:
		return nil
	}
}

// write prints a table for each group and what the lines come to.
func (s summary) write(w io.Writer) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	last := ""
	for _, f := range s.Findings {
		if f.Group != last {
			fmt.Fprintf(table, "\n%s\n", f.Group)
			last = f.Group
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\n", f.Verdict, f.Check, f.Detail)
		if f.Mend != "" {
			fmt.Fprintf(table, "  \t\tmend: %s\n", f.Mend)
		}
	}
	fmt.Fprintf(table, "\n%d ok, %d warn, %d wrong, %d missing, %d unknown\n", s.OK, s.Warn, s.Wrong, s.Missing, s.Unknown)
	return table.Flush() //nolint:wrapcheck // the caller says what was written
}

const defaultTimeout = 10 * time.Second
