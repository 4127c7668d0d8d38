package load

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/api/option"

	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
)

// Values of -on.
const (
	onHTTP     = "http"
	onBigtable = "bigtable"
	onMemory   = "memory"
	onNothing  = "nothing"
)

// Values of -profile.
const (
	shapeSteady = "steady"
	shapeBurst  = "burst"
	shapeRamp   = "ramp"
	shapeSlow   = "slow"
	shapeOutage = "outage"
)

// options are the command's flags.
type options struct {
	plan
	shape     string
	on, url   string
	serve     string
	token     string // for the scorer
	tokenFile string
	seed      uint64
	history   int
	forget    bool
	timeout   time.Duration
	maxP99    time.Duration
	floor     time.Duration
	slow      int
	json      bool
	profile   string

	bigtable []option.ClientOption // on top of those of the server in this process
}

const synopsis = `[-profile steady|burst|ramp|slow|outage] [-rate R] [-duration D] [-on http|memory|bigtable|nothing | -url URL] [-max-p99 D] [-json]

Asks for decisions in an open loop: a payment is due at its moment whether or not the ones before are answered, its latency
counts from there, and one that is due while -in-flight payments are under way is dropped and counted.

What is asked, -on: bigtable (the whole decision in this process, on Bigtable's test server over gRPC), memory (the same with
the store in memory), http (the score service over HTTP on loopback, store in memory) or nothing. -url asks a running scorer,
with the OIDC token in -token-file, which is read for every request, or in SCORER_TOKEN; its caller needs the roles decide
and replay. -serve ADDR serves what -on http asks until it is interrupted, for a -url from another process.

What -on http and -serve leave out of a deployed scorer, whose figures are therefore worse: callers' tokens are not verified,
there is no TLS, no span is recorded, no challenger scores beside the champions, models and policy are not looked for anew,
decisions are encoded and acknowledged without a broker, and lines of the log are formatted and thrown away. The store in
memory answers at once. Requests carry no budget of their own.

How, -profile:
  steady  -rate for -duration
  burst   -rate, three times as much, -rate again, each for -duration
  ramp    looks for the breaking point from -rate on, -duration a step: the highest rate with p99 within -max-p99 (20ms unless
          it is given) and at most 1 % shed or dropped; then three times that rate
  slow    -rate alone, then beside -slow clients that send a byte at a time, each for -duration
  outage  -on http alone: the store hangs from the second of five parts to the fourth

Every run begins with the floor: the loop at -rate against a handler that does nothing.
Exit code 1: nothing was decided; no rate of a ramp is within its bounds; in an outage nobody was answered or more than 1 % of
the payments were dropped or failed while the store was away, or less than 99 % were decided in the last part; or -max-p99 was
given and a p99 exceeds it (outage: of the answers while the store is away), or a payment of steady, burst or slow was
dropped, shed, answered provisionally or failed.
`

// rampP99 is a ramp's bound where none is given.
const rampP99 = 20 * time.Millisecond

func parse(std command.IO, args []string) (*options, error) {
	var o options
	flags := command.NewFlags(std, "load", synopsis, 0)
	flags.StringVar(&o.shape, "profile", shapeSteady, "how it is asked: steady, burst, ramp, slow or outage")
	flags.Float64Var(&o.rate, "rate", 2000, "payments per second")
	flags.DurationVar(&o.duration, "duration", 30*time.Second, "how long to measure, for each part")
	flags.DurationVar(&o.warmup, "warmup", 5*time.Second, "how long to run before measuring")
	flags.IntVar(&o.inFlight, "in-flight", 400, "payments under way at most; a scorer takes 512 connections, those of slow clients too")
	flags.StringVar(&o.on, "on", onBigtable, "what is asked in this process: http, memory, bigtable or nothing (the loop alone)")
	flags.StringVar(&o.url, "url", "", "a running scorer, for example http://127.0.0.1:8080")
	flags.StringVar(&o.serve, "serve", "", "serve what -on http asks at this address, and ask nothing")
	flags.StringVar(&o.tokenFile, "token-file", "", "file of the token for -url; default the variable SCORER_TOKEN")
	flags.Uint64Var(&o.seed, "seed", 1, "seed of the simulated payments")
	flags.IntVar(&o.history, "history", 20_000, "payments in the store before the run, of the same accounts")
	flags.BoolVar(&o.forget, "forget", false, "in memory keep the history alone: what is decided would be the most of what the process holds")
	flags.DurationVar(&o.timeout, "timeout", decisionTimeout, "deadline of a decision in this process; the store has half of it")
	flags.DurationVar(&o.maxP99, "max-p99", 0, "the 99th percentile must not exceed this; 0 does not ask")
	flags.DurationVar(&o.floor, "floor", 3*time.Second, "how long to measure the loop's own floor; 0 leaves it out")
	flags.IntVar(&o.slow, "slow", 100, "slow clients of the profile slow")
	flags.BoolVar(&o.json, "json", false, "print the result as one JSON object")
	flags.StringVar(&o.profile, "cpuprofile", "", "file for a CPU profile of the run; default none")
	if _, err := flags.Parse(args); err != nil {
		return nil, err
	}
	if err := o.validate(); err != nil {
		return nil, err
	}
	if o.shape == shapeRamp && o.maxP99 == 0 {
		o.maxP99 = rampP99
	}
	o.url, o.token = strings.TrimSuffix(o.url, "/"), std.Getenv("SCORER_TOKEN")
	return &o, nil
}

func (o *options) validate() error {
	switch {
	case !(o.rate > 0 && o.rate <= 1e6) || o.duration <= 0 || o.duration > time.Hour || o.warmup < 0 || o.warmup > time.Hour || o.floor < 0 || o.floor > time.Hour:
		return command.Usagef("load: -rate must be above 0 and at most 1,000,000, -duration, -warmup and -floor at most an hour")
	case o.inFlight < 1 || o.inFlight > 100_000 || o.history < 0 || o.timeout <= 0 || o.maxP99 < 0 || o.slow < 1 || o.slow > 10_000:
		return command.Usagef("load: -in-flight must be 1 to 100,000, -slow 1 to 10,000, -timeout above 0, -history and -max-p99 not negative")
	case !slices.Contains([]string{onHTTP, onBigtable, onMemory, onNothing}, o.on):
		return command.Usagef("load: -on must be %s, %s, %s or %s", onHTTP, onMemory, onBigtable, onNothing)
	case !slices.Contains([]string{shapeSteady, shapeBurst, shapeRamp, shapeSlow, shapeOutage}, o.shape):
		return command.Usagef("load: -profile must be %s, %s, %s, %s or %s", shapeSteady, shapeBurst, shapeRamp, shapeSlow, shapeOutage)
	case o.shape == shapeOutage && (o.on != onHTTP || o.url != ""):
		return command.Usagef("load: -profile %s needs -on %s: it takes away a store of its own", shapeOutage, onHTTP)
	case o.forget && o.on != onHTTP && o.on != onMemory && o.serve == "":
		return command.Usagef("load: -forget needs -on %s, -on %s or -serve", onHTTP, onMemory)
	case o.shape == shapeSlow && o.on != onHTTP && o.url == "":
		return command.Usagef("load: -profile %s needs -on %s or -url: there are no slow clients without a network", shapeSlow, onHTTP)
	case o.calls()-o.unmeasured() < 1:
		return command.Usagef("load: not one payment is due within -duration")
	}
	return nil
}

// rampParts is about how many parts at -rate a ramp takes: 1, 2 and 4 times as much, the search between, three times the most.
const rampParts = 25

// most is about how many payments a run needs: the simulated week has so many, and a longer run another week.
func (o *options) most() int {
	switch o.shape {
	case shapeRamp:
		return o.unmeasured() + rampParts*int(o.rate*o.duration.Seconds())
	case shapeBurst, shapeOutage, shapeSlow:
		return o.unmeasured() + int(o.rate*(5*o.duration).Seconds())
	default:
		return o.calls()
	}
}
