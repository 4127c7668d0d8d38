package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Values of -only.
const (
	onlyOurs   = "ours"
	onlyTheirs = "theirs"
)

// program is a scorer that was built elsewhere.
type program struct{ name, path string }

// options are the command's flags.
type options struct {
	only             string
	binaries         []program
	rates            []float64
	duration, warmup time.Duration
	rounds, history  int
	ramp             bool
	maxP99           time.Duration
	scale            bool
	core             float64 // of a processor, for each scorer of -scale
	build            string
}

const synopsis = `usage: go run ./scripts/compare [flags], from the module's root

Compares the scorer with the service that a team of Python would write (scripts/compare/theirs: FastAPI, uvloop, httptools,
pydantic, pooled Redis, LightGBM on one thread and one row of 80 precomputed features; no windows, no idempotence, no audit, no
verified callers), with one worker and with one for each processor. Everything is a process of its own on loopback: the scorer with every default, its callers
verified, on Google's Bigtable emulator and on a Pub/Sub; theirs on redis-server.

Both get the same payments in the same order, in turns: each rate to one service after the other, and so again for -rounds. Then
each service's breaking point is looked for, one service after the other, each step with the same payments for all of them (the
first of as many as the highest rate of that step takes): the rate doubles or halves, and then the gap is halved three times, so
that the point is known to within an eighth. A rate that does not hold gets three tries. The
loop is open: a payment is due at its moment, and its latency counts from there; one without a decision counts as the client's
time-out of 10 s, so that a service gains nothing by refusing what it would be slow at. What the service's own processes use is counted,
not what the store, the bus or this program does. The result is a table in Markdown: of every service at every rate, and at the
highest rate that it bears (p99 within -max-p99, at most 1 % without a decision), beside the best figure of the Python services at that rate, or
beside the first scorer's where they do not run. A loss is bold. Progress goes to standard error, what the processes say to
BUILD/comparison/*.log.

Where redis-server or a Python package cannot be had for want of it or of the network, that service is left out with a line that says so.

-binary compares programs of the scorer with each other (and with -only ours with nothing else), each on a table of its own:
  go build -trimpath -ldflags='-s -w' -o /tmp/new ./functions/score/server    # and likewise /tmp/old from another commit
  go run ./scripts/compare -only ours -binary old=/tmp/old -binary new=/tmp/new -rates 400 -rounds 4 -ramp=false

-scale asks instead whether two scorers that share a store decide twice what one decides, each held to a share of a processor,
and whether each payment still gets one decision, though both are asked for some of them at once. It needs to make cgroups.

`

func parse(args []string, out io.Writer) (*options, error) {
	o := &options{rates: []float64{200, 400, 500}}
	flags := flag.NewFlagSet("compare", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.Usage = func() { fmt.Fprint(out, synopsis); flags.PrintDefaults() }
	flags.StringVar(&o.only, "only", "", "ours or theirs; both by default")
	flags.Func("binary", "NAME=PATH of a scorer's program; again for another one. By default it is built from here, as released", o.addBinary)
	flags.Func("rates", "payments a second, with commas between (default 200,400,500)", o.setRates)
	flags.DurationVar(&o.duration, "duration", 6*time.Second, "how long a rate is measured in a round")
	flags.Func("rate", "another name of -rates", o.setRates)
	flags.DurationVar(&o.warmup, "warmup", 2*time.Second, "how long it is asked before")
	flags.IntVar(&o.rounds, "rounds", 2, "how often every service is asked at every rate")
	flags.IntVar(&o.history, "history", asAsked, "payments in a scorer's store before; -1 is as many as the run asks, so that accounts that are more have as much each")
	flags.BoolVar(&o.ramp, "ramp", true, "look for the breaking points too")
	flags.DurationVar(&o.maxP99, "max-p99", 20*time.Millisecond, "p99 above which a service has broken")
	flags.BoolVar(&o.scale, "scale", false, "two scorers on one store beside one, in place of the comparison")
	flags.Float64Var(&o.core, "core", 0.2, "of a processor, what each scorer of -scale is held to")
	flags.StringVar(&o.build, "build", "build", "directory of what is built")
	if err := flags.Parse(args); err != nil {
		return nil, fmt.Errorf("read flags: %w", err)
	}
	if flags.NArg() > 0 {
		return nil, fmt.Errorf("read flags: %q is none", flags.Arg(0))
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.history == asAsked {
		o.history = o.most()
	}
	return o, nil
}

func (o *options) addBinary(value string) error {
	name, path, ok := strings.Cut(value, "=")
	if !ok {
		name, path = "scorer", value
	}
	if name == "" || path == "" {
		return errors.New("it is NAME=PATH")
	}
	for _, b := range o.binaries {
		if b.name == name {
			return errors.New("this name is taken")
		}
	}
	o.binaries = append(o.binaries, program{name, path})
	return nil
}

func (o *options) setRates(value string) error {
	o.rates = nil
	for text := range strings.SplitSeq(value, ",") {
		rate, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return fmt.Errorf("a rate: %w", err)
		}
		o.rates = append(o.rates, rate)
	}
	return nil
}

func (o *options) validate() error {
	for _, rate := range o.rates {
		if !(rate > 0 && rate <= 100_000) {
			return errors.New("-rates must be above 0 and at most 100,000")
		}
	}
	switch {
	case o.only != "" && o.only != onlyOurs && o.only != onlyTheirs:
		return errors.New("-only must be ours or theirs")
	case o.duration <= 0 || o.duration > time.Hour || o.warmup < 0 || o.warmup > time.Hour:
		return errors.New("-duration must be above 0 and at most an hour, -warmup at most an hour")
	case o.rounds < 1 || o.rounds > 1000 || o.history < asAsked || o.history > 1_000_000:
		return errors.New("-rounds must be 1 to 1,000, -history -1 to 1,000,000")
	case o.maxP99 <= 0:
		return errors.New("-max-p99 must be above 0")
	case !(o.core >= 0.1 && o.core <= 1): // with less a period's share is shorter than one decision
		return errors.New("-core must be 0.1 to 1")
	case o.most() > mostPayments:
		return fmt.Errorf("the run needs more than %d payments: ask for less", mostPayments)
	}
	return nil
}

// asAsked is a history of as many payments as the run asks.
const asAsked = -1

// mostPayments are those that a run may need: they are kept in memory.
const mostPayments = 5_000_000

// most is how many payments the run needs at most, the ramp's with them: they are of one week, so that none meets accounts that have
// no history.
func (o *options) most() int {
	n := float64(max(o.history, 0))
	if o.scale {
		return int(n + plenty*(o.warmup+time.Duration(2*o.rounds)*o.duration).Seconds())
	}
	for _, rate := range o.rates {
		n += rate * (o.warmup + o.duration).Seconds() * float64(o.rounds)
	}
	if o.ramp {
		for at := range doublings + halvings {
			n += float64(tries * o.rampStep(o.rampMost(at)).payments())
		}
	}
	return int(n)
}
