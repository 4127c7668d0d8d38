package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestPatience: every way in which a step does not end by itself ends within its bound, with an error that says where it
// was and a line to read before.
func TestPatience(t *testing.T) {
	t.Parallel()
	const limit = 2 * time.Minute
	tests := map[string]struct {
		step   func(ctx context.Context, release <-chan struct{}) error
		where  func(began time.Time) string
		cancel time.Duration // when SIGINT comes; zero is never
		within time.Duration
		cause  error
		text   string
	}{
		"ends": {
			step:   func(context.Context, <-chan struct{}) error { time.Sleep(time.Hour); return nil },
			where:  func(began time.Time) string { return fmt.Sprint(time.Since(began).Minutes()) },
			within: time.Hour,
		},
		"stalls": {
			step: func(ctx context.Context, _ <-chan struct{}) error { <-ctx.Done(); return ctx.Err() },
			where: func(began time.Time) string {
				return fmt.Sprint(min(int(time.Since(began).Seconds()), 30), " answered")
			},
			within: limit + 31*time.Second, cause: errStalled, text: "30 answered",
		},
		"no answer": {
			step:   func(ctx context.Context, _ <-chan struct{}) error { <-ctx.Done(); return ctx.Err() },
			within: limit, cause: errStalled, text: "no answer yet",
		},
		"ignores its end": {
			step:   func(_ context.Context, release <-chan struct{}) error { <-release; return nil },
			within: limit + abandonAfter, cause: errStalled, text: "left behind",
		},
		"interrupted": {
			step:   func(ctx context.Context, _ <-chan struct{}) error { <-ctx.Done(); return ended(ctx) },
			cancel: time.Second, within: time.Second, cause: context.Canceled, text: "interrupted",
		},
		"interrupted, ignores it": {
			step:   func(_ context.Context, release <-chan struct{}) error { <-release; return nil },
			cancel: time.Second, within: time.Second + abandonAfter, cause: context.Canceled, text: "left behind",
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				began, release, out := time.Now(), make(chan struct{}), new(strings.Builder)
				defer close(release)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tc.cancel > 0 {
					time.AfterFunc(tc.cancel, cancel)
				}
				p := patience{out: &narrator{out: out, start: began}, what: "the step", limit: limit}
				if tc.where != nil {
					p.where = func() string { return tc.where(began) }
				}
				err := p.run(ctx, func(ctx context.Context) error { return tc.step(ctx, release) })
				if took := time.Since(began); took > tc.within {
					t.Errorf("took %v, want at most %v", took, tc.within)
				}
				if !errors.Is(err, tc.cause) || (err == nil) != (tc.cause == nil) || err != nil && !strings.Contains(err.Error(), tc.text) {
					t.Errorf("got %v", err)
				}
				if tc.within > time.Minute && !strings.Contains(out.String(), "\n") {
					t.Error("there was nothing to read")
				}
			})
		})
	}
}
