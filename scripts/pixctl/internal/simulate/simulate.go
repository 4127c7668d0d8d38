// Package simulate is `pixctl simulate`: it writes a simulated world as a log of payments and what became known of
// them, in wire JSON and event-time order.
//
// A third file, truth.jsonl, holds what only a simulator knows: which payments were fraud whether or not anybody
// reported them, and the sampling weight of each. Training never reads the truth; evaluation and weighting may.
package simulate

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
	_ "time/tzdata" // the world's days are local

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// Names of the files in the output directory.
const (
	EventsFile = "events.jsonl"
	LabelsFile = "labels.jsonl"
	TruthFile  = "truth.jsonl"
)

const (
	progressEvery = 100_000
	writeBuffer   = 1 << 20
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "simulate", Summary: "write a simulated Pix world as events and labels", Run: run}
}

// Truth is one line of truth.jsonl: a fraud, a look-alike or a payment with a sampling weight. Ordinary payments have no
// line.
type Truth struct {
	EndToEndID string  `json:"end_to_end_id"`
	Fraud      bool    `json:"fraud"`
	Typology   string  `json:"typology,omitempty"`
	LookAlike  string  `json:"look_alike,omitempty"`
	Weight     float64 `json:"weight"`
}

// totals is the summary of a run.
type totals struct {
	Events  int     `json:"events"`
	Frauds  int     `json:"frauds"`
	Labels  int     `json:"labels"`
	Per100k float64 `json:"fraud_per_100k_unboosted"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"events_per_second"`
}

func run(ctx context.Context, std command.IO, args []string) error {
	flags := command.NewFlags(std, "simulate", "-out DIR [flags]", 0)
	var p world.Params
	flags.IntVar(&p.Accounts, "accounts", world.DefaultAccounts, "accounts in the whole world")
	flags.IntVar(&p.Days, "days", world.DefaultDays, "days to simulate")
	flags.Uint64Var(&p.Seed, "seed", 1, "seed; the same seed gives the same bytes")
	flags.Float64Var(&p.OurShare, "share", world.DefaultOurShare, "share of the accounts that are ours")
	flags.Float64Var(&p.PaymentsPerAccountPerDay, "rate", world.DefaultPayments, "payments per account and day")
	flags.Float64Var(&p.FraudBoost, "fraud-boost", 1, "multiplies fraud, with the sampling weight in "+TruthFile)
	start := flags.String("start", "2026-01-05", "first day, local, or an RFC 3339 time")
	out := flags.String("out", "", "directory to write to; made if missing")
	asJSON := flags.Bool("json", false, "print the summary as one JSON object")
	if _, err := flags.Parse(args); err != nil {
		return err
	}
	if err := flags.Required("out"); err != nil {
		return err
	}
	var err error
	if p.Location, err = time.LoadLocation(feature.Zone); err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	if p.Start, err = parseStart(*start, p.Location); err != nil {
		return err
	}
	if err := p.Validate(); err != nil {
		return &command.UsageError{Err: err}
	}
	sum, err := write(ctx, std.Err, p, *out)
	if err != nil {
		return err
	}
	return report(std, sum, *asJSON)
}

func parseStart(s string, zone *time.Location) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t.Truncate(time.Minute), nil
	}
	t, err := time.ParseInLocation(time.DateOnly, s, zone)
	if err != nil {
		return time.Time{}, command.Usagef("simulate: -start is neither a day nor an RFC 3339 time")
	}
	return t, nil
}

func report(std command.IO, sum totals, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(std.Out).Encode(sum); err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
		return nil
	}
	fmt.Fprintf(std.Out, "%d payments, %d of them fraud (%.1f per 100,000 before the boost), %d labels, %.1f s, %.0f payments/s\n",
		sum.Events, sum.Frauds, sum.Per100k, sum.Labels, sum.Seconds, sum.Rate)
	return nil
}

// files are the three outputs, written side by side.
type files struct {
	events, labels, truth *os.File
	w                     [3]*bufio.Writer
}

func create(dir string) (*files, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("simulate: %w", err)
	}
	f := &files{}
	for i, target := range []struct {
		file **os.File
		name string
	}{{&f.events, EventsFile}, {&f.labels, LabelsFile}, {&f.truth, TruthFile}} {
		file, err := os.Create(filepath.Join(dir, target.name))
		if err != nil {
			return nil, errors.Join(fmt.Errorf("simulate: %w", err), f.close())
		}
		*target.file, f.w[i] = file, bufio.NewWriterSize(file, writeBuffer)
	}
	return f, nil
}

// close flushes and closes whatever is open and reports every failure: a full disk shows here.
func (f *files) close() error {
	var errs []error
	for i, file := range []*os.File{f.events, f.labels, f.truth} {
		if file == nil {
			continue
		}
		if err := errors.Join(f.w[i].Flush(), file.Close()); err != nil {
			errs = append(errs, fmt.Errorf("simulate: %w", err))
		}
	}
	return errors.Join(errs...)
}

func write(ctx context.Context, progress io.Writer, p world.Params, dir string) (totals, error) {
	f, err := create(dir)
	if err != nil {
		return totals{}, err
	}
	began := time.Now()
	var sum totals
	w := world.New(p)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		if err = f.put(&e); err != nil {
			break
		}
		sum.Events++
		sum.Labels += len(e.Reports)
		if e.Fraud {
			sum.Frauds++
			sum.Per100k += e.Weight
		}
		if sum.Events%progressEvery == 0 {
			fmt.Fprintf(progress, "simulate: %d payments, up to %s, %.0f/s\n", sum.Events,
				e.Submission.EventTime.Format(time.DateOnly), float64(sum.Events)/time.Since(began).Seconds())
			if err = ctx.Err(); err != nil {
				break
			}
		}
	}
	sum.Seconds = time.Since(began).Seconds()
	sum.Rate = float64(sum.Events) / sum.Seconds
	sum.Per100k *= 100_000 / max(float64(sum.Events), 1)
	return sum, errors.Join(err, f.close())
}

// put writes one payment and everything that will be said of it.
func (f *files) put(e *world.Event) error {
	line, err := event.EncodeSubmissionJSON(&e.Submission)
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	if err := writeLine(f.w[0], line); err != nil {
		return err
	}
	for _, label := range e.Labels() {
		if line, err = event.EncodeLabelJSON(&label); err != nil {
			return fmt.Errorf("simulate: %w", err)
		}
		if err := writeLine(f.w[1], line); err != nil {
			return err
		}
	}
	if !e.Fraud && e.LookAlike == "" && e.Weight == 1 {
		return nil
	}
	truth := Truth{
		EndToEndID: string(e.Submission.ID), Fraud: e.Fraud, Typology: string(e.Typology),
		LookAlike: string(e.LookAlike), Weight: e.Weight,
	}
	if line, err = json.Marshal(truth); err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	return writeLine(f.w[2], line)
}

func writeLine(w *bufio.Writer, line []byte) error {
	_, err := w.Write(line)
	if err = errors.Join(err, w.WriteByte('\n')); err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	return nil
}
