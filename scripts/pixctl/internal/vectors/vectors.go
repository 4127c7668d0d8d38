// Package vectors is `pixctl vectors`: it replays a log of payments through the one feature engine and writes the
// training table as Parquet.
//
// Columns, in this order: end_to_end_id, event_time (microseconds, UTC), label_arrived_at (microseconds, missing when no
// label came), label, typology, direction, split_weight, by what a model is judged in groups (payer_account,
// payee_account, payer_age_band, payer_state, payee_age_band, payee_state; accounts are tokens), then one double per
// feature in the order of feature.Names. A missing feature is NaN, as the scorer sees it. Which labels had arrived by when
// is the trainer's decision; this table holds the label in force and its arrival.
package vectors

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "vectors", Summary: "replay events into feature vectors as Parquet", Run: run}
}

type options struct{ events, labels, statuses, weights, out string }

// errMalformed is the outcome of a run that left lines out.
var errMalformed = errors.New("some lines are malformed and were left out")

func run(ctx context.Context, std command.IO, args []string) error {
	flags := command.NewFlags(std, "vectors", "-events F [-labels F] [-statuses F] -out F.parquet", 0)
	var o options
	flags.StringVar(&o.events, "events", "", "payments in wire JSON, one a line, in event-time order")
	flags.StringVar(&o.labels, "labels", "", "labels in wire JSON, one a line; without it no payment has a label")
	flags.StringVar(&o.statuses, "statuses", "", "statuses in wire JSON, one a line, in order of occurredAt; without it no payment counts as settled, rejected or returned")
	flags.StringVar(&o.weights, "weights", "", "truth.jsonl of pixctl simulate, for the sampling weights; all 1 without it")
	flags.StringVar(&o.out, "out", "", "Parquet file to write")
	asJSON := flags.Bool("json", false, "print the summary as one JSON object")
	if _, err := flags.Parse(args); err != nil {
		return err
	}
	if err := flags.Required("events", "out"); err != nil {
		return err
	}
	if o.labels == "" {
		fmt.Fprintln(std.Err, "vectors: without -labels no payment has a label")
	}
	if o.statuses == "" {
		fmt.Fprintln(std.Err, "vectors: without -statuses no payment counts as settled, rejected or returned")
	}
	sum, err := convert(ctx, std.Err, o)
	if err != nil {
		return err
	}
	if err := report(std, sum, *asJSON); err != nil {
		return err
	}
	if sum.Malformed > 0 {
		return fmt.Errorf("vectors: %d of the events and labels: %w", sum.Malformed, errMalformed)
	}
	return nil
}

// summary is what a run prints.
type summary struct {
	Rows       int     `json:"rows"`
	Labelled   int     `json:"labelled"`
	Fraud      int     `json:"fraud"`
	Malformed  int     `json:"malformed"`
	Duplicates int     `json:"duplicates"`
	Disordered int     `json:"disordered"`
	Statuses   int     `json:"statuses"`
	Marks      int     `json:"marks"`
	Entities   int     `json:"live_entities"`
	Seconds    float64 `json:"seconds"`
	Rate       float64 `json:"rows_per_second"`
}

func report(std command.IO, s summary, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(std.Out).Encode(s); err != nil {
			return fmt.Errorf("vectors: %w", err)
		}
		return nil
	}
	fmt.Fprintf(std.Out, "%d rows, %d labelled (%d fraud), %d statuses, %d marks, %d malformed, %d duplicates, %d out of order, %d live entities, %.1f s, %.0f rows/s\n",
		s.Rows, s.Labelled, s.Fraud, s.Statuses, s.Marks, s.Malformed, s.Duplicates, s.Disordered, s.Entities, s.Seconds, s.Rate)
	return nil
}

// convert replays the log into o.out. The file appears under its name only when it is complete.
func convert(ctx context.Context, progress io.Writer, o options) (summary, error) {
	labels, malformed, err := readLabels(o.labels)
	if err != nil {
		return summary{}, err
	}
	complain(progress, o.labels, malformed)
	weights, err := readWeights(o.weights)
	if err != nil {
		return summary{}, err
	}
	log, err := file.Open(o.events)
	if err != nil {
		return summary{}, fmt.Errorf("vectors: %w", err)
	}
	defer func() { _ = log.Close() }()
	statuses, err := openOptional(o.statuses)
	if err != nil {
		return summary{}, err
	}
	defer func() { _ = statuses.Close() }()
	out, err := createTable(o.out, o.events, o.labels, o.statuses, o.weights)
	if err != nil {
		return summary{}, err
	}
	defer out.Discard()
	began := time.Now()
	cfg := replay.Config{Labels: labels, Statuses: statuses, Weights: weights, Progress: func(s replay.Stats) {
		fmt.Fprintf(progress, "vectors: %d rows, %.0f/s\n", s.Events, float64(s.Events)/time.Since(began).Seconds())
	}}
	stats, err := replay.Run(ctx, cfg, log, func(r *replay.Row) error { return out.Write(record(r)) })
	if err != nil {
		return summary{}, fmt.Errorf("vectors: %w", err)
	}
	complain(progress, o.events, stats.Malformed)
	complain(progress, o.statuses, stats.MalformedStatuses)
	if err := out.Commit(); err != nil {
		return summary{}, fmt.Errorf("vectors: %w", err)
	}
	seconds := time.Since(began).Seconds()
	return summary{
		Rows: stats.Events, Labelled: stats.Labelled, Fraud: stats.Fraud,
		Malformed:  malformed.Lines + stats.Malformed.Lines + stats.MalformedStatuses.Lines,
		Duplicates: stats.Duplicates, Disordered: stats.Disordered, Statuses: stats.Statuses, Marks: stats.Marks,
		Entities: stats.Entities, Seconds: seconds, Rate: float64(stats.Events) / seconds,
	}, nil
}

func complain(w io.Writer, file string, malformed replay.Malformed) {
	for _, p := range malformed.First {
		fmt.Fprintf(w, "vectors: %s:%d: %v\n", file, p.Line, p.Err)
	}
	if more := malformed.Lines - len(malformed.First); more > 0 {
		fmt.Fprintf(w, "vectors: %s: %d more malformed lines\n", file, more)
	}
}

// openOptional opens an input; without a name it holds nothing.
func openOptional(name string) (io.ReadCloser, error) {
	if name == "" {
		return io.NopCloser(strings.NewReader("")), nil
	}
	f, err := file.Open(name)
	if err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	return f, nil
}

func readLabels(name string) (*replay.Labels, replay.Malformed, error) {
	f, err := openOptional(name)
	if errors.Is(err, file.ErrEmpty) {
		err = fmt.Errorf("%w; leave -labels out for a table without labels", err)
	}
	if err != nil {
		return nil, replay.Malformed{}, err
	}
	defer func() { _ = f.Close() }()
	labels, malformed, err := replay.ReadLabels(f)
	if err != nil {
		return nil, malformed, fmt.Errorf("vectors: %w", err)
	}
	return labels, malformed, nil
}

// readWeights reads the sampling weights other than 1.
func readWeights(name string) (map[pix.EndToEndID]float64, error) {
	if name == "" {
		return nil, nil
	}
	f, err := file.Open(name)
	if err != nil {
		return nil, fmt.Errorf("vectors: %w", err)
	}
	defer func() { _ = f.Close() }()
	weights := map[pix.EndToEndID]float64{}
	lines := json.NewDecoder(bufio.NewReader(f))
	for {
		var line struct {
			EndToEndID pix.EndToEndID `json:"end_to_end_id"`
			Weight     float64        `json:"weight"`
		}
		err := lines.Decode(&line)
		if errors.Is(err, io.EOF) {
			return weights, nil
		}
		if err != nil {
			return nil, fmt.Errorf("vectors: weights: %w", err)
		}
		if line.Weight <= 0 {
			return nil, errors.New("vectors: weights: a weight is not above zero")
		}
		if line.Weight != 1 {
			weights[line.EndToEndID] = line.Weight
		}
	}
}
