package evaluate

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "evaluate", Summary: "say what a table of scores would have caught", Run: run}
}

// Defaults of the settings.
const (
	defaultBudget     = 50
	defaultTop        = 100
	defaultReplicates = 200
)

type options struct {
	scores, truth, plots string
	beside               []string
	window               window
	settings             settings
	asJSON               bool
}

func run(ctx context.Context, std command.IO, args []string) error {
	o, err := parse(std, args)
	if err != nil {
		return err
	}
	var known *truth
	if o.truth != "" {
		if known, err = readTruth(ctx, o.truth); err != nil {
			return fmt.Errorf("evaluate: %w", err)
		}
	}
	r, err := compare(ctx, o, known)
	if err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	if o.plots != "" {
		if err := plots(ctx, r, o.plots); err != nil {
			return fmt.Errorf("evaluate: %w", err)
		}
	}
	if !o.asJSON {
		return write(std.Out, r, o.settings.budget)
	}
	if err := json.NewEncoder(std.Out).Encode(r); err != nil {
		return fmt.Errorf("evaluate: %w", err)
	}
	return nil
}

func parse(std command.IO, args []string) (options, error) {
	flags := command.NewFlags(std, "evaluate", "-scores F.parquet [flags]", 0)
	var o options
	flags.StringVar(&o.scores, "scores", "", "table of pixctl score")
	flags.StringVar(&o.truth, "truth", "", "truth.jsonl of pixctl simulate; without it only reported frauds are known")
	flags.Func("beside", "another table on the same payments to compare with; may be repeated", func(name string) error {
		o.beside = append(o.beside, name)
		return nil
	})
	flags.StringVar(&o.plots, "plots", "", "directory to write PNG plots to; made if missing")
	flags.Float64Var(&o.settings.budget, "budget", defaultBudget, "daily alert budget, alerts per 100,000 payments")
	flags.IntVar(&o.settings.top, "top", defaultTop, "accounts a day for the precision among the most suspicious")
	flags.IntVar(&o.settings.replicates, "replicates", defaultReplicates, "replicates of the bootstrap")
	flags.Uint64Var(&o.settings.seed, "seed", 1, "seed of the bootstrap")
	flags.BoolVar(&o.asJSON, "json", false, "print the report as one JSON object")
	times := map[string]*time.Time{"from": &o.window.from, "to": &o.window.to, "known-at": &o.window.knownAt}
	for name, about := range map[string]string{
		"from":     "leave out payments before this RFC 3339 time",
		"to":       "leave out payments from this RFC 3339 time on",
		"known-at": "take reports that arrived after this RFC 3339 time as unknown",
	} {
		flags.Func(name, about, func(text string) error {
			at, err := time.Parse(time.RFC3339, text)
			if err != nil {
				return fmt.Errorf("not an RFC 3339 time: %w", err)
			}
			*times[name] = at
			return nil
		})
	}
	if _, err := flags.Parse(args); err != nil {
		return o, err
	}
	if err := flags.Required("scores"); err != nil {
		return o, err
	}
	if o.settings.budget <= 0 || o.settings.top <= 0 || o.settings.replicates < 0 || o.settings.replicates > 10_000 {
		return o, command.Usagef("evaluate: -budget and -top must be above zero, -replicates 0 to 10,000")
	}
	return o, nil
}
