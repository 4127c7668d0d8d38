// Command compare compares the scorer with the Python service that would be written in its place, in one run on one machine: same
// payments, same order, rates in turns. See synopsis, which -h prints.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "compare:", err)
		os.Exit(1)
	}
}

// comparison is one run.
type comparison struct {
	*options
	log      io.Writer
	source   *source
	children *children
	ground   *ground    // of the scorers; nil before they start
	services []*service // in the order of the table
	rows     map[cell]*row
	broken   []line
}

// cell is where a row stands.
type cell struct {
	rate    float64
	service string
}

func run(ctx context.Context, args []string, out, log io.Writer) error {
	o, err := parse(args, log)
	if err != nil {
		return err
	}
	c := &comparison{options: o, log: log, source: newSource(o.most()), rows: map[cell]*row{}}
	c.children = &children{logs: filepath.Join(o.build, "comparison")}
	if err := os.MkdirAll(c.children.logs, 0o750); err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	defer c.stop()
	if o.scale {
		return c.scaled(ctx, out)
	}
	before := machine(time.Now())
	if err := c.start(ctx); err != nil {
		return err
	}
	if len(c.services) == 0 {
		return nil
	}
	if err := c.play(ctx); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%s; %d rounds of %v at each rate, payments of one seed, answers in JSON\n\n%s", before, o.rounds, o.duration, table(c.lines(), c.base()))
	if err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

// stop ends what was started.
func (c *comparison) stop() {
	c.children.stop()
	if c.ground != nil {
		c.ground.close()
	}
}

func (c *comparison) say(format string, args ...any) {
	fmt.Fprintf(c.log, "compare: "+format+"\n", args...)
}

// start starts everything that is compared.
func (c *comparison) start(ctx context.Context) error {
	if c.only != onlyOurs {
		if err := c.startTheirs(ctx); err != nil && !errors.Is(err, errMissing) {
			return err
		} else if err != nil {
			c.say("the Python service is %v", err)
		}
	}
	if c.only != onlyTheirs {
		return c.startOurs(ctx)
	}
	return nil
}

func (c *comparison) startTheirs(ctx context.Context) error {
	c.say("starting the Python service (its environment is made once)")
	r, err := openRival(ctx, c.children, c.build)
	if err != nil {
		return err
	}
	for _, workers := range slices.Compact([]int{1, runtime.NumCPU()}) {
		s, err := r.service(ctx, fmt.Sprintf("python-%d", workers), workers)
		if err != nil {
			return err
		}
		c.services = append(c.services, s)
	}
	return nil
}

func (c *comparison) startOurs(ctx context.Context) error {
	programs, err := c.programs(ctx)
	if err != nil {
		return err
	}
	if c.ground, err = openGround(ctx, c.children, c.children.logs); err != nil {
		return err
	}
	history, err := c.source.submissions(c.history)
	if err != nil {
		return err
	}
	for _, b := range programs {
		c.say("writing a history of %d payments for %s", c.history, b.name)
		if err := c.ground.remember(ctx, b.name, history); err != nil {
			return err
		}
		s, err := c.ground.scorer(ctx, b.name, b.name, b.path)
		if err != nil {
			return err
		}
		c.services = append(c.services, s)
	}
	return nil
}

// programs builds what runs, and returns the scorers.
func (c *comparison) programs(ctx context.Context) ([]program, error) {
	scorer := filepath.Join(c.children.logs, "scorer")
	builds := [][]string{
		{"-o", filepath.Join(c.children.logs, "cbtemulator"), "cloud.google.com/go/bigtable/cmd/emulator"},
		{"-o", filepath.Join(c.children.logs, "pubsub"), "./scripts/pubsub"},
	}
	out := c.binaries
	if len(out) == 0 {
		// As a release is built: scripts/images.
		builds = append(builds, []string{"-trimpath", "-ldflags=-s -w", "-tags=disable_grpc_modules", "-o", scorer, "./functions/score/server"})
		out = []program{{"scorer", scorer}}
	}
	for _, b := range builds {
		c.say("building %s", b[len(b)-1])
		if err := finish(ctx, append([]string{"go", "build"}, b...)...); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// play asks every service at every rate, in turns and each round in the other direction, and then looks where each breaks.
func (c *comparison) play(ctx context.Context) error {
	for round := range c.rounds {
		for _, rate := range c.rates {
			at := step{rate, c.warmup, c.duration}
			payments, err := c.source.take(at.payments())
			if err != nil {
				return err
			}
			turns := slices.Clone(c.services)
			if round%2 == 1 {
				slices.Reverse(turns)
			}
			for _, s := range turns {
				r, err := measure(ctx, s, at, payments)
				if err != nil {
					return err
				}
				c.keep(cell{rate, s.name}, r)
				c.say("round %d, %s", round+1, r.brief(rate, s.name))
			}
		}
	}
	if !c.ramp {
		return nil
	}
	payments, err := c.rampPayments()
	if err != nil {
		return err
	}
	for _, s := range c.services {
		if err := c.breakingPoint(ctx, s, payments); err != nil {
			return err
		}
	}
	return nil
}

func (c *comparison) keep(at cell, r *row) {
	if c.rows[at] == nil {
		c.rows[at] = &row{}
	}
	c.rows[at].add(r)
}

// brief is a row as progress shows it.
func (r *row) brief(rate float64, name string) string {
	text := fmt.Sprintf("%.0f/s, %s: %d of %d answered, p50 %.2f ms, p99 %.2f ms, %d µs of processor an answer",
		rate, name, r.answered, r.due, r.ms(50), r.ms(99), r.mean().Microseconds())
	if len(r.failed) > 0 {
		text += fmt.Sprintf(", failed %v", r.failed)
	}
	return text
}

// base are the services that the others stand beside: the Python ones, or else the first.
func (c *comparison) base() []string {
	var out []string
	for _, s := range c.services {
		if s.before != nil {
			out = append(out, s.name)
		}
	}
	if out == nil {
		return []string{c.services[0].name}
	}
	return out
}

// lines are those of the table: rate after rate, then the breaking points.
func (c *comparison) lines() []line {
	var out []line
	for _, rate := range c.rates {
		for _, s := range c.services {
			out = append(out, line{rate: rate, service: s.name, row: c.rows[cell{rate, s.name}]})
		}
	}
	return append(out, c.broken...)
}
