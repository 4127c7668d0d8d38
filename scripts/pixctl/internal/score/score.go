package score

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/table"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/verify"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "score", Summary: "score a table of vectors with a model", Run: run}
}

// Which rows get contributions.
const (
	explainAll    = "all"
	explainAlerts = "alerts"
	explainNone   = "none"
)

const progressEvery = 100_000

type options struct{ model, role, in, out, explain string }

func run(ctx context.Context, std command.IO, args []string) error {
	flags := command.NewFlags(std, "score", "-model DIR -in F.parquet -out F.parquet", 0)
	var o options
	flags.StringVar(&o.model, "model", "", "directory of the artefact, named <role>/<version>")
	flags.StringVar(&o.role, "role", "", "the model's question; the name of the directory's parent by default")
	flags.StringVar(&o.in, "in", "", "table of pixctl vectors")
	flags.StringVar(&o.out, "out", "", "table to write")
	flags.StringVar(&o.explain, "contributions", explainAll,
		"rows that get contributions: all, alerts (at or above the model's loosest threshold) or none")
	asJSON := flags.Bool("json", false, "print the summary as one JSON object")
	if _, err := flags.Parse(args); err != nil {
		return err
	}
	if err := flags.Required("model", "in", "out"); err != nil {
		return err
	}
	if o.explain != explainAll && o.explain != explainAlerts && o.explain != explainNone {
		return command.Usagef("score: -contributions must be all, alerts or none")
	}
	sum, err := convert(ctx, std.Err, o)
	if err != nil {
		return fmt.Errorf("score: %w", err)
	}
	return report(std.Out, sum, *asJSON)
}

// summary is what a run prints.
type summary struct {
	Model     string  `json:"model"`
	Rows      int     `json:"rows"`
	Skipped   int     `json:"skipped"` // of a direction that the model does not score
	Explained int     `json:"explained"`
	Seconds   float64 `json:"seconds"`
	Rate      float64 `json:"rows_per_second"`
}

func report(w io.Writer, s summary, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(w).Encode(s); err != nil {
			return fmt.Errorf("score: %w", err)
		}
		return nil
	}
	fmt.Fprintf(w, "%s scored %d rows, %d explained, %d of another direction left out, %.1f s, %.0f rows/s\n",
		s.Model, s.Rows, s.Explained, s.Skipped, s.Seconds, s.Rate)
	return nil
}

func convert(ctx context.Context, progress io.Writer, o options) (summary, error) {
	model, err := verify.Load(o.model, pix.Role(o.role), nil)
	if err != nil {
		return summary{}, err
	}
	in, err := table.Open(o.in, takes(feature.Names()))
	if err != nil {
		return summary{}, err
	}
	defer in.Close()
	s, err := newScorer(model, in, o.explain)
	if err != nil {
		return summary{}, err
	}
	out, err := table.Create(o.out, columns(), s.metadata(), o.in)
	if err != nil {
		return summary{}, err
	}
	defer out.Discard()
	began := time.Now()
	sum := summary{Model: s.name()}
	next := progressEvery
	err = in.Each(ctx, func(first int64, rows []parquet.Row) error {
		if err := s.batch(first, rows); err != nil {
			return err
		}
		sum.Skipped += len(rows) - len(s.out)
		for _, row := range s.out {
			if err := out.Write(row); err != nil {
				return err
			}
		}
		sum.Rows += len(s.out)
		if done := sum.Rows + sum.Skipped; done >= next {
			next += progressEvery
			fmt.Fprintf(progress, "score: %d of %d rows, %.0f/s\n", done, in.Rows(), float64(done)/time.Since(began).Seconds())
		}
		return nil
	})
	if err != nil {
		return summary{}, err
	}
	if err := out.Commit(); err != nil {
		return summary{}, err
	}
	sum.Explained, sum.Seconds = s.explained, time.Since(began).Seconds()
	sum.Rate = float64(sum.Rows) / sum.Seconds
	return sum, nil
}
