package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"runtime/pprof"
	"time"

	"github.com/sentinela-pix/sentinela/scripts/internal/openloop"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/file"
)

// gcPercent trades memory for pauses, as the demo does: the heap of one process with a server inside is small.
const gcPercent = 400

// plan is the schedule of a part.
type plan struct {
	rate             float64 // payments per second
	warmup, duration time.Duration
	inFlight         int // payments under way at most
}

// calls is how many payments a part of the plan needs.
func (p plan) calls() int { return p.unmeasured() + int(p.rate*p.duration.Seconds()) }

// unmeasured is how many of them are warm-up.
func (p plan) unmeasured() int { return int(p.rate * p.warmup.Seconds()) }

// loop is the plan over a target.
func (p plan) loop(t target) *openloop.Loop {
	return &openloop.Loop{Rate: p.rate, Calls: p.calls(), WarmUp: p.unmeasured(), InFlight: p.inFlight, Call: t.call}
}

// Command returns `pixctl load`.
func Command() command.Command {
	return command.Command{Name: "load", Summary: "decisions at a fixed rate, and how long they take", Run: run}
}

// target is what is asked for decisions.
type target interface {
	// prepare makes the next n payments; those before are forgotten.
	prepare(n int) error
	// call decides payment i of those and returns what went wrong, empty when nothing did.
	call(ctx context.Context, i int) string
	close(ctx context.Context) error
}

// nothing is the target that costs nothing.
type nothing struct{}

func (nothing) prepare(int) error { return nil }

func (nothing) call(context.Context, int) string { return "" }

func (nothing) close(context.Context) error { return nil }

func open(ctx context.Context, o *options) (target, error) {
	switch {
	case o.url != "":
		return openRemote(ctx, o)
	case o.on == onNothing:
		return nothing{}, nil
	case o.on == onHTTP:
		return openServed(ctx, o, "127.0.0.1:0")
	default:
		return openLocal(ctx, o)
	}
}

func run(ctx context.Context, std command.IO, args []string) (err error) {
	o, err := parse(std, args)
	if err != nil {
		return err
	}
	if o.serve != "" {
		return serve(ctx, std, o)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	r := &runner{options: o, log: std.Err, report: newReport(o)}
	if err := r.floor(ctx); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	fmt.Fprintln(std.Err, "load: making payments")
	if r.target, err = open(ctx, o); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	defer func() { err = errors.Join(err, r.target.close(context.WithoutCancel(ctx))) }()
	stop, err := profile(o.profile, std.Err)
	if err != nil {
		return err
	}
	err = r.play(ctx)
	stop()
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if err := r.report.write(std.Out, o.json); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	if r.report.Interrupted {
		return fmt.Errorf("load: %w", ctx.Err())
	}
	return r.report.verdict(o)
}

// serve serves the score service until ctx ends. The garbage collector is as in production.
func serve(ctx context.Context, std command.IO, o *options) error {
	o.on = onHTTP
	s, err := openServed(ctx, o, o.serve)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	fmt.Fprintf(std.Out, "http://%s\n", s.listener.Addr())
	select {
	case <-ctx.Done():
	case err := <-s.ended: // by itself; close reads it again
		s.ended <- err
	}
	if err := s.close(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("load: %w", err)
	}
	return nil
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
