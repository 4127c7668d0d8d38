package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/prometheus/client_golang/api"
	prometheus "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"golang.org/x/oauth2/google"
)

// Exit codes, as pixctl's.
const (
	exitOK      = 0
	exitRefused = 1
	exitUsage   = 2
)

// askTimeout bounds one question.
const askTimeout = 20 * time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the flags.
type options struct {
	address, checks string
	whole, every    time.Duration
	set             map[string]string
	asJSON          bool
	progress        io.Writer
}

func run(ctx context.Context, args []string, out, complaints io.Writer) int {
	o, err := parse(args, out)
	if errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	if err != nil {
		fmt.Fprintln(complaints, "gate:", err)
		return exitUsage
	}
	checks, err := readChecks(o.checks, o.set)
	if err != nil {
		fmt.Fprintln(complaints, "gate:", err)
		return exitUsage
	}
	ask, err := open(ctx, o.address)
	if err != nil {
		fmt.Fprintln(complaints, "gate:", err)
		return exitRefused
	}
	o.progress = complaints
	results, err := watch(ctx, ask, checks, o)
	if writeErr := report(out, results, o.asJSON); writeErr != nil {
		err = errors.Join(err, writeErr)
	}
	if err != nil {
		fmt.Fprintln(complaints, "gate: refused:", err)
		return exitRefused
	}
	return exitOK
}

func parse(args []string, out io.Writer) (options, error) {
	o := options{set: map[string]string{}}
	fs := flag.NewFlagSet("gate", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&o.address, "prometheus", "", "the Prometheus `URL`; Managed Prometheus is\nhttps://monitoring.googleapis.com/v1/projects/PROJECT/location/global/prometheus")
	fs.StringVar(&o.checks, "checks", "scripts/gate/release.json", "the `file` of checks")
	fs.DurationVar(&o.whole, "for", 10*time.Minute, "how long to watch")
	fs.DurationVar(&o.every, "every", 30*time.Second, "how often to ask")
	fs.BoolVar(&o.asJSON, "json", false, "print the results as JSON")
	fs.Func("set", "`NAME=VALUE` for $NAME in the expressions; may be given again", func(pair string) error {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return errors.New("want NAME=VALUE")
		}
		o.set[name] = value
		return nil
	})
	fs.Usage = func() {
		fmt.Fprintln(out, "usage: gate -prometheus URL [flags]\nWatches a release and exits 1 unless every check holds.")
		fs.SetOutput(out)
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return o, err //nolint:wrapcheck // the flag package's own words
	}
	switch {
	case o.address == "":
		return o, errors.New("-prometheus is required")
	case o.every <= 0 || o.whole < o.every:
		return o, errors.New("-every must be above 0 and -for at least as long")
	case fs.NArg() > 0:
		return o, fmt.Errorf("want no arguments, got %q", fs.Args())
	}
	return o, nil
}

// asker answers one expression: a number, or nil where it has none.
type asker func(ctx context.Context, query string) (*float64, error)

// open returns an asker of a Prometheus API. Google's is asked with Application Default Credentials.
func open(ctx context.Context, address string) (asker, error) {
	config := api.Config{Address: address}
	if strings.HasPrefix(address, "https://monitoring.googleapis.com/") {
		client, err := google.DefaultClient(ctx, "https://www.googleapis.com/auth/monitoring.read")
		if err != nil {
			return nil, fmt.Errorf("credentials for Managed Prometheus: %w", err)
		}
		config.Client = client
	} else {
		config.Client = &http.Client{Timeout: askTimeout}
	}
	client, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", address, err)
	}
	metrics := prometheus.NewAPI(client)
	return func(ctx context.Context, query string) (*float64, error) {
		ctx, cancel := context.WithTimeout(ctx, askTimeout)
		defer cancel()
		value, _, _, err := metrics.Query(ctx, query, time.Now())
		if err != nil {
			return nil, fmt.Errorf("ask Prometheus: %w", err)
		}
		return number(value)
	}, nil
}

// number takes the one number of an answer. Several are an error: which of them would be judged?
func number(value model.Value) (*float64, error) {
	switch v := value.(type) {
	case *model.Scalar:
		return known(float64(v.Value)), nil
	case model.Vector:
		if len(v) == 0 {
			return nil, nil //nolint:nilnil // no value is an answer
		}
		if len(v) > 1 {
			return nil, fmt.Errorf("the expression gives %d series, and a check judges one: aggregate it", len(v))
		}
		return known(float64(v[0].Value)), nil
	default:
		return nil, fmt.Errorf("the expression gives a %s, and a check judges one number", value.Type())
	}
}

// known is nil for NaN: a share of nothing is no value.
func known(value float64) *float64 {
	if math.IsNaN(value) {
		return nil
	}
	return &value
}

// watch asks until the time is over or a check has failed. Its error names what refuses.
func watch(ctx context.Context, ask asker, checks []Check, o options) ([]Result, error) {
	states := make([]*state, len(checks))
	for i, check := range checks {
		states[i] = &state{check: check, err: errors.New("not asked yet")}
	}
	ticker := time.NewTicker(o.every)
	defer ticker.Stop()
	rounds := watchTimes(o.whole, o.every)
	for round := 1; ; round++ {
		failed := false
		for _, s := range states {
			s.take(ask(ctx, s.check.Query))
			failed = failed || s.failed
		}
		fmt.Fprintf(o.progress, "gate: %d of %d\n", round, rounds)
		if failed || round >= rounds {
			return verdict(states)
		}
		select {
		case <-ctx.Done():
			results, _ := verdict(states)
			return results, fmt.Errorf("interrupted after %d of %d: %w", round, rounds, ctx.Err())
		case <-ticker.C:
		}
	}
}

func verdict(states []*state) ([]Result, error) {
	results := make([]Result, 0, len(states))
	refused := map[string]bool{}
	for _, s := range states {
		r := s.result()
		if !r.passed() {
			refused[r.Check] = true
		}
		results = append(results, r)
	}
	if len(refused) > 0 {
		return results, fmt.Errorf("%d of %d checks: %s", len(refused), len(results), strings.Join(keys(refused), "; "))
	}
	return results, nil
}

// report writes a table for people, or JSON.
func report(out io.Writer, results []Result, asJSON bool) error {
	if asJSON {
		if err := json.NewEncoder(out).Encode(results); err != nil {
			return fmt.Errorf("write report: %w", err)
		}
		return nil
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "CHECK\tVALUE\tBOUNDS\tVERDICT\tWHY")
	for i := range results {
		r := &results[i]
		value := "-"
		if r.Value != nil {
			value = fmt.Sprintf("%.4g", *r.Value)
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", r.Check, value, r.Bounds, r.Verdict, r.Why)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func keys(set map[string]bool) []string { return slices.Sorted(maps.Keys(set)) }
