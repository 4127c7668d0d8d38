package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"time"
	_ "time/tzdata" // the world's days are local

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// How many payments lie between two lines of progress, and between two looks at whether to stop.
const (
	progressEvery  = 100_000
	interruptEvery = 1000
)

// Command returns the subcommand.
func Command() command.Command {
	return command.Command{Name: "simulate", Summary: "write a simulated Pix world as events and labels", Run: run}
}

// totals is the summary of a run.
type totals struct {
	Events  int     `json:"events"`
	Frauds  int     `json:"frauds"`
	Labels  int     `json:"labels"`
	Per100k float64 `json:"fraud_per_100k_unboosted"`
	Returns int     `json:"returns"`
	Seconds float64 `json:"seconds"`
	Rate    float64 `json:"events_per_second"`
	Memory  float64 `json:"memory_mb"` // that the process has from the system
}

// options are what the flags say.
type options struct {
	world          world.Params
	start, out     string
	dry, asked, js bool
}

func parse(std command.IO, args []string) (options, error) {
	flags := command.NewFlags(std, "simulate", "-out DIR [flags]", 0)
	var o options
	p := &o.world
	flags.IntVar(&p.Accounts, "accounts", world.DefaultAccounts, "accounts in the whole world")
	flags.IntVar(&p.Days, "days", world.DefaultDays, "days to simulate")
	flags.Uint64Var(&p.Seed, "seed", 1, "seed; the same seed gives the same bytes")
	flags.Float64Var(&p.OurShare, "share", world.DefaultOurShare, "share of the accounts that are ours")
	flags.Float64Var(&p.PaymentsPerAccountPerDay, "rate", world.DefaultPayments, "payments per account and day")
	flags.Float64Var(&p.FraudBoost, "fraud-boost", 1, boostHelp)
	flags.IntVar(&p.DriftDay, "drift-day", 0, driftHelp)
	flags.IntVar(&p.BreachDay, "breach-day", 0, breachHelp)
	flags.StringVar(&o.start, "start", "2026-01-05", "first day, local, or an RFC 3339 time")
	flags.StringVar(&o.out, "out", "", "directory to write to; made if missing")
	flags.BoolVar(&o.dry, "dry", false, "write nothing: count, and print rate and memory")
	flags.BoolVar(&o.asked, "describe", false, "only print how a reference world compares with what is published")
	flags.BoolVar(&o.js, "json", false, "print the summary as one JSON object")
	if _, err := flags.Parse(args); err != nil || o.asked {
		return o, err
	}
	if !o.dry {
		if err := flags.Required("out"); err != nil {
			return o, err
		}
	}
	// The world takes zero for its default; who asks for no fraud or for no days must not get them.
	if p.Accounts == 0 || p.Days == 0 || p.OurShare == 0 || p.PaymentsPerAccountPerDay == 0 || p.FraudBoost == 0 {
		return o, command.Usagef("simulate: -accounts, -days, -share, -rate and -fraud-boost must be above zero")
	}
	var err error
	if p.Location, err = time.LoadLocation(feature.Zone); err != nil {
		return o, fmt.Errorf("simulate: %w", err)
	}
	if p.Start, err = parseStart(o.start, p.Location); err != nil {
		return o, err
	}
	if err := p.Validate(); err != nil {
		return o, &command.UsageError{Err: err}
	}
	return o, nil
}

func run(ctx context.Context, std command.IO, args []string) error {
	o, err := parse(std, args)
	if err != nil {
		return err
	}
	if o.asked {
		return describe(std.Out)
	}
	f := &files{}
	if !o.dry {
		if f, err = create(o.out); err != nil {
			return err
		}
	}
	defer f.discard()
	sum, err := write(ctx, std.Err, o.world, f)
	if err != nil {
		return err
	}
	if err := f.commit(); err != nil {
		return err
	}
	return report(std, sum, o.js)
}

const (
	boostHelp = "multiplies fraud for training; samplingWeight of every event undoes it, but for what docs/world.md says"
	driftHelp = "day on which the newest typologies begin and mule networks change; 0 is the middle of a world of " +
		"20 days or more, -1 never"
	breachHelp = "day in whose night another institution's treasury is emptied; 0 is 85 % of a world of 20 days or " +
		"more, -1 never"
)

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
	fmt.Fprintf(std.Out, "%d payments, %d of them fraud (%.1f per 100,000 by weight), %d labels, %d returns, %.1f s, "+
		"%.0f payments/s, %.0f MB\n",
		sum.Events, sum.Frauds, sum.Per100k, sum.Labels, sum.Returns, sum.Seconds, sum.Rate, sum.Memory)
	return nil
}

// write runs a world into files, or into nothing.
func write(ctx context.Context, progress io.Writer, p world.Params, f *files) (totals, error) {
	began := time.Now()
	var sum totals
	weights := 0.0
	w := world.New(p)
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		if err := f.put(w, &e); err != nil {
			return sum, err
		}
		sum.count(w, &e)
		weights += e.Weight
		if sum.Events%interruptEvery != 0 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return sum, fmt.Errorf("simulate: %w", err)
		}
		if sum.Events%progressEvery == 0 {
			fmt.Fprintf(progress, "simulate: %d payments, up to %s, %.0f/s\n", sum.Events,
				e.Submission.EventTime.Format(time.DateOnly), float64(sum.Events)/time.Since(began).Seconds())
		}
	}
	sum.Seconds = time.Since(began).Seconds()
	sum.Rate = float64(sum.Events) / sum.Seconds
	sum.Per100k *= 100_000 / max(weights, 1)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	sum.Memory = float64(memory.Sys) / (1 << 20)
	return sum, f.follow(w)
}

func (t *totals) count(w *world.World, e *world.Event) {
	t.Events++
	t.Labels += len(e.Reports)
	if e.Fraud {
		t.Frauds++
		t.Per100k += e.Weight
	}
	for _, s := range w.Statuses() {
		if s.State == pix.Returned {
			t.Returns++
		}
	}
}
