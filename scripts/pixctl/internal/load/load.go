package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/openloop"
)

// Values of -on.
const (
	onBigtable = "bigtable"
	onMemory   = "memory"
	onNothing  = "nothing"
)

// gcPercent trades memory for pauses, as the demo does: the heap of one process with a server inside is small.
const gcPercent = 400

// plan is the schedule of a run.
type plan struct {
	rate             float64 // payments per second
	warmup, duration time.Duration
	inFlight         int // payments under way at most
}

// calls is how many payments a run of the plan needs.
func (p plan) calls() int { return p.unmeasured() + int(p.rate*p.duration.Seconds()) }

// unmeasured is how many of them are warm-up.
func (p plan) unmeasured() int { return int(p.rate * p.warmup.Seconds()) }

// loop is the plan over a target.
func (p plan) loop(t target) *openloop.Loop {
	return &openloop.Loop{Rate: p.rate, Calls: p.calls(), WarmUp: p.unmeasured(), InFlight: p.inFlight, Call: t.call}
}

// options are the command's flags.
type options struct {
	plan
	on, url string
	token   string // for the scorer
	seed    uint64
	history int
	timeout time.Duration
	maxP99  time.Duration
	json    bool
	profile string

	bigtable []option.ClientOption // on top of those of the server in this process
}

// Command returns `pixctl load`.
func Command() command.Command {
	return command.Command{Name: "load", Summary: "decisions at a fixed rate, and how long they take", Run: run}
}

const synopsis = `[-rate R] [-duration D] [-on bigtable|memory|nothing | -url URL] [-max-p99 D] [-json]

Asks for decisions at a fixed rate in an open loop: a payment is due at its moment, its latency counts from there, and
one that is due while -in-flight payments are under way is dropped and counted. By default the whole decision runs in
this process, on Bigtable's test server over gRPC; -url asks a running scorer over HTTP, with the OIDC token that
SCORER_TOKEN holds.
Exit code 1: nothing was decided; or -max-p99 was given and the 99th percentile exceeds it, or a payment was dropped or
failed.
`

func parse(std command.IO, args []string) (*options, error) {
	var o options
	flags := command.NewFlags(std, "load", synopsis, 0)
	flags.Float64Var(&o.rate, "rate", 2000, "payments per second")
	flags.DurationVar(&o.duration, "duration", 30*time.Second, "how long to measure")
	flags.DurationVar(&o.warmup, "warmup", 5*time.Second, "how long to run before measuring")
	flags.IntVar(&o.inFlight, "in-flight", 256, "payments under way at most")
	flags.StringVar(&o.on, "on", onBigtable, "what decides in this process: bigtable, memory (no Bigtable) or nothing (the loop alone)")
	flags.StringVar(&o.url, "url", "", "a running scorer, for example http://127.0.0.1:8080")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the simulated payments")
	flags.IntVar(&o.history, "history", 20_000, "payments in the store before the run, of the same accounts")
	flags.DurationVar(&o.timeout, "timeout", decisionTimeout, "deadline of a decision in this process; the store has half of it")
	flags.DurationVar(&o.maxP99, "max-p99", 0, "the 99th percentile must not exceed this; 0 does not ask")
	flags.BoolVar(&o.json, "json", false, "print the result as one JSON object")
	flags.StringVar(&o.profile, "cpuprofile", "", "file for a CPU profile of the run; default none")
	if _, err := flags.Parse(args); err != nil {
		return nil, err
	}
	switch {
	case o.rate <= 0 || o.rate > 1e6 || o.duration <= 0 || o.duration > time.Hour || o.warmup < 0 || o.warmup > time.Hour:
		return nil, command.Usagef("load: -rate must be above 0 and at most 1,000,000, -duration and -warmup at most an hour")
	case o.inFlight < 1 || o.inFlight > 100_000 || o.history < 0 || o.timeout <= 0 || o.maxP99 < 0:
		return nil, command.Usagef("load: -in-flight must be 1 to 100,000, -timeout above 0, -history and -max-p99 not negative")
	case o.on != onBigtable && o.on != onMemory && o.on != onNothing:
		return nil, command.Usagef("load: -on must be %s, %s or %s", onBigtable, onMemory, onNothing)
	case o.calls()-o.unmeasured() < 1:
		return nil, command.Usagef("load: not one payment is due within -duration")
	}
	o.url, o.token = strings.TrimSuffix(o.url, "/"), std.Getenv("SCORER_TOKEN")
	return &o, nil
}

// target is what is asked for decisions.
type target interface {
	// call decides payment i and returns what went wrong, empty when nothing did.
	call(ctx context.Context, i int) string
	close(ctx context.Context) error
}

// nothing is the target that costs nothing.
type nothing struct{}

func (nothing) call(context.Context, int) string { return "" }

func (nothing) close(context.Context) error { return nil }

func open(ctx context.Context, o *options) (target, error) {
	switch {
	case o.url != "":
		return openRemote(ctx, o)
	case o.on == onNothing:
		return nothing{}, nil
	default:
		return openLocal(ctx, o)
	}
}

func run(ctx context.Context, std command.IO, args []string) (err error) {
	o, err := parse(std, args)
	if err != nil {
		return err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	fmt.Fprintf(std.Err, "load: making %d payments\n", o.calls())
	t, err := open(ctx, o)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer func() { err = errors.Join(err, t.close(context.WithoutCancel(ctx))) }()
	stop, err := profile(o.profile, std.Err)
	if err != nil {
		return err
	}
	fmt.Fprintf(std.Err, "load: %.0f a second for %v after %v\n", o.rate, o.duration, o.warmup)
	out := o.loop(t).Run(ctx)
	stop()
	r := newReport(o, out)
	if err := r.write(std.Out, o.json); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if out.Interrupted {
		return fmt.Errorf("load: %w", ctx.Err())
	}
	return r.verdict(o.maxP99)
}

// profile records a CPU profile until the returned function is called; no name records nothing.
func profile(name string, log io.Writer) (func(), error) {
	if name == "" {
		return func() {}, nil
	}
	f, err := file.Create(name)
	if err != nil {
		return nil, fmt.Errorf("load: profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		f.Discard()
		return nil, fmt.Errorf("load: profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Commit(); err != nil {
			fmt.Fprintf(log, "load: profile: %v\n", err)
		}
	}, nil
}
