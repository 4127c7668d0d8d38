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

type options struct {
	events, labels, statuses, weights, out string
	sort, json                             bool
}

var (
	errMalformed = errors.New("some lines are malformed and were left out")
	errStrangers = errors.New("the files belong to different logs, and no table was written")
)

const synopsis = `-events F [-labels F] [-statuses F] [-sort] -out F.parquet

Inputs are lines of wire JSON, plain or gzip. Payments take effect when they became visible (receivedAt, else eventTime).
Payments and statuses come in that order, give or take 5 minutes: what is further out of order ends the run with exit code 1
and no table. With -sort they may come in any order. Exit code 1 also: a line was malformed and left out; no label, status or
weight is of a payment of the log.
`

func parse(std command.IO, args []string) (options, error) {
	flags := command.NewFlags(std, "vectors", synopsis, 0)
	var o options
	flags.StringVar(&o.events, "events", "", "payments, in order of eventTime or of receivedAt")
	flags.StringVar(&o.labels, "labels", "", "labels, in any order; without it no payment has a label")
	flags.StringVar(&o.statuses, "statuses", "", "statuses, in order of occurredAt; without it no payment counts as settled, rejected or returned")
	flags.StringVar(&o.weights, "weights", "", "truth.jsonl of pixctl simulate, for the sampling weights; all 1 without it")
	flags.StringVar(&o.out, "out", "", "Parquet file to write")
	flags.BoolVar(&o.sort, "sort", false, "sort payments and statuses first, in little memory; takes as much room in $TMPDIR as they have, unpacked")
	flags.BoolVar(&o.json, "json", false, "print the summary as one JSON object")
	if _, err := flags.Parse(args); err != nil {
		return o, err
	}
	return o, flags.Required("events", "out")
}

func run(ctx context.Context, std command.IO, args []string) error {
	o, err := parse(std, args)
	if err != nil {
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
		return fmt.Errorf("vectors: %w", err)
	}
	if err := report(std, sum, o.json); err != nil {
		return err
	}
	if sum.Malformed > 0 {
		return fmt.Errorf("vectors: %d of the events, statuses and labels: %w", sum.Malformed, errMalformed)
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
	Statuses   int     `json:"statuses"`
	Unknown    int     `json:"statuses_without_payment"`
	Marks      int     `json:"marks"`
	Unlabelled int     `json:"labels_without_payment"`
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
	fmt.Fprintf(std.Out, "%d rows, %d labelled (%d fraud), %d statuses, %d marks, %d malformed, %d duplicates, %d live entities, %.1f s, %.0f rows/s\n",
		s.Rows, s.Labelled, s.Fraud, s.Statuses, s.Marks, s.Malformed, s.Duplicates, s.Entities, s.Seconds, s.Rate)
	if s.Unlabelled+s.Unknown > 0 {
		fmt.Fprintf(std.Out, "of no payment in the log: %d labelled payments, %d statuses\n", s.Unlabelled, s.Unknown)
	}
	return nil
}

// convert replays the log into o.out. The file appears under its name only when it is complete.
func convert(ctx context.Context, progress io.Writer, o options) (summary, error) {
	began := time.Now()
	labels, malformed, err := readLabels(ctx, o.labels)
	if err != nil {
		return summary{}, err
	}
	complain(progress, o.labels, malformed)
	weights, err := readWeights(ctx, o.weights)
	if err != nil {
		return summary{}, err
	}
	log, err := o.openLog(ctx, progress, o.events, replay.PaymentMoment)
	if err != nil {
		return summary{}, err
	}
	defer log.Close()
	statuses, err := o.openLog(ctx, progress, o.statuses, replay.StatusMoment)
	if err != nil {
		return summary{}, err
	}
	defer statuses.Close()
	out, err := createTable(o.out, o.events, o.labels, o.statuses, o.weights)
	if err != nil {
		return summary{}, err
	}
	defer out.Discard()
	cfg := replay.Config{
		Labels: labels, Statuses: statuses, Weights: weights, Sorted: o.sort,
		Progress: func(s replay.Stats) {
			fmt.Fprintf(progress, "vectors: %d rows, %.0f/s\n", s.Events, float64(s.Events)/time.Since(began).Seconds())
		},
	}
	stats, err := replay.Run(ctx, cfg, log, func(r *replay.Row) error { return out.Write(record(r)) })
	if err == nil {
		err = related(&stats, labels.Payments(), len(weights))
	}
	if err != nil {
		return summary{}, o.explain(err)
	}
	complain(progress, o.events, stats.Malformed)
	complain(progress, o.statuses, stats.MalformedStatuses)
	if err := out.Commit(); err != nil {
		return summary{}, err
	}
	return summarise(&stats, malformed.Lines, time.Since(began).Seconds()), nil
}

// explain says which file is out of order, and what to do.
func (o *options) explain(err error) error {
	var disorder *replay.DisorderError
	if !errors.As(err, &disorder) {
		return err
	}
	name := o.events
	if disorder.Status {
		name = o.statuses
	}
	return fmt.Errorf("%s: %w; the vectors would know what came later, so no table was written; -sort puts the log in order", name, disorder)
}

// related is errStrangers when there are labels, statuses or weights and none is of a payment of the log.
func related(s *replay.Stats, labels, weights int) error {
	for _, f := range [...]struct {
		flag        string
		given, used int
	}{{"labels", labels, s.Labelled}, {"statuses", s.Unknown, s.Statuses}, {"weights", weights, s.Weighted}} {
		if s.Events > 0 && f.given > 0 && f.used == 0 {
			return fmt.Errorf("none of the %d -%s is of a payment in -events: %w", f.given, f.flag, errStrangers)
		}
	}
	return nil
}

func summarise(s *replay.Stats, malformedLabels int, seconds float64) summary {
	return summary{
		Rows: s.Events, Labelled: s.Labelled, Fraud: s.Fraud,
		Malformed:  malformedLabels + s.Malformed.Lines + s.MalformedStatuses.Lines,
		Duplicates: s.Duplicates, Statuses: s.Statuses, Unknown: s.Unknown, Marks: s.Marks, Unlabelled: s.Unlabelled,
		Entities: s.Entities, Seconds: seconds, Rate: float64(s.Events) / seconds,
	}
}

func complain(w io.Writer, file string, malformed replay.Malformed) {
	for _, p := range malformed.First {
		fmt.Fprintf(w, "vectors: %s:%d: %v\n", file, p.Line, p.Err)
	}
	if more := malformed.Lines - len(malformed.First); more > 0 {
		fmt.Fprintf(w, "vectors: %s: %d more malformed lines\n", file, more)
	}
}

// readLabels reads all labels; without a name there are none.
func readLabels(ctx context.Context, name string) (*replay.Labels, replay.Malformed, error) {
	if name == "" {
		return replay.NewLabels(nil), replay.Malformed{}, nil
	}
	f, err := file.Text(ctx, name)
	if errors.Is(err, file.ErrEmpty) {
		err = fmt.Errorf("%w; leave -labels out for a table without labels", err)
	}
	if err != nil {
		return nil, replay.Malformed{}, err
	}
	defer func() { _ = f.Close() }()
	return replay.ReadLabels(replay.NewLines(f))
}

// readWeights reads the sampling weights other than 1.
func readWeights(ctx context.Context, name string) (map[pix.EndToEndID]float64, error) {
	if name == "" {
		return nil, nil
	}
	f, err := file.Text(ctx, name)
	if err != nil {
		return nil, err
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
			return nil, fmt.Errorf("weights: %w", err)
		}
		if line.Weight <= 0 {
			return nil, errors.New("weights: a weight is not above zero")
		}
		if line.Weight != 1 {
			weights[line.EndToEndID] = line.Weight
		}
	}
}
