package warehouse

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cloud.google.com/go/bigquery/storage/apiv1/storagepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// stuck is a send that ends with its context only.
func stuck(ctx context.Context, rows []pendingRow) {
	<-ctx.Done()
	answer(rows, ctx.Err())
}

// A full queue holds its callers; Close neither waits for them nor leaves one without an answer.
func TestCloseHonoursItsContextWhileCallersBlock(t *testing.T) {
	t.Parallel()
	for name, callers := range map[string]int{
		"appends stuck":    maxInFlight,
		"queue filling":    maxInFlight*maxBatchRows + queueRows/2,
		"queue overflowed": maxInFlight*maxBatchRows + 2*queueRows,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newGroup(t.Context(), 100*time.Millisecond, stuck)
				errs := make([]error, callers)
				var all sync.WaitGroup
				for i := range errs {
					all.Go(func() { errs[i] = g.append(t.Context(), []byte("row")) })
				}
				synctest.Wait()
				time.Sleep(time.Second)
				ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
				defer cancel()
				began := time.Now()
				if err := g.close(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("close = %v, want its deadline", err)
				}
				if took := time.Since(began); took != 100*time.Millisecond {
					t.Errorf("close took %v, want 100ms", took)
				}
				select {
				case <-g.done:
				default:
					t.Error("close returned before what it had begun")
				}
				all.Wait()
				for i, err := range errs {
					if err == nil {
						t.Fatalf("row %d was acknowledged although nothing was sent", i)
					}
				}
			})
		})
	}
}

// Rows race with Close: each is either sent and acknowledged or refused, and no caller waits for ever.
func TestCloseAnswersEveryRowOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		sent := 0
		g := newGroup(t.Context(), 10*time.Millisecond, func(_ context.Context, rows []pendingRow) {
			time.Sleep(time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			sent += len(rows)
			answer(rows, nil)
		})
		const callers = 20_000
		errs := make([]error, callers)
		var all sync.WaitGroup
		for i := range errs {
			all.Go(func() {
				time.Sleep(time.Duration(i) * time.Microsecond)
				errs[i] = g.append(t.Context(), []byte("row"))
			})
		}
		time.Sleep(callers / 2 * time.Microsecond)
		if err := g.close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if g.life.Err() == nil {
			t.Error("the context of the appends is not released")
		}
		all.Wait()
		acknowledged := 0
		for i, err := range errs {
			switch {
			case err == nil:
				acknowledged++
			case !errors.Is(err, ErrClosed) || pix.KindOf(err) != pix.Cancelled:
				t.Fatalf("row %d: %v", i, err)
			}
		}
		if acknowledged != sent || sent == 0 || sent == callers {
			t.Errorf("%d rows sent, %d acknowledged, of %d", sent, acknowledged, callers)
		}
	})
}

func TestCallerOfAFullQueueMayLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newGroup(t.Context(), 100*time.Millisecond, stuck)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		for range maxInFlight*maxBatchRows + 2*queueRows {
			all.Go(func() {
				if err := g.append(ctx, []byte("row")); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("append = %v, want the caller's deadline", err)
				}
			})
		}
		all.Wait()
		_ = g.close(ctx)
	})
}

// Appends are as large as they may be and no larger, in rows and in bytes, and no row is left between two of them.
func TestAppendsAreBounded(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rows []int // bytes of each, which come at once
		want []int // rows of each append, the smallest first
	}{
		"one":                 {[]int{1}, []int{1}},
		"as many as may be":   {slices.Repeat([]int{1}, maxBatchRows), []int{maxBatchRows}},
		"one more":            {slices.Repeat([]int{1}, maxBatchRows+1), []int{1, maxBatchRows}},
		"as large as may be":  {[]int{maxBatchBytes / 2, maxBatchBytes / 2}, []int{2}},
		"a byte more":         {[]int{maxBatchBytes/2 + 1, maxBatchBytes/2 + 1}, []int{1, 1}},
		"the largest rows":    {slices.Repeat([]int{maxRowBytes}, 3), []int{1, 1, 1}},
		"three of four large": {slices.Repeat([]int{maxBatchBytes / 3}, 4), []int{1, 3}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var mu sync.Mutex
			var got []int
			g := newGroup(t.Context(), 100*time.Millisecond, func(_ context.Context, rows []pendingRow) {
				mu.Lock()
				defer mu.Unlock()
				got = append(got, len(rows))
				answer(rows, nil)
			})
			var all sync.WaitGroup
			for _, size := range c.rows {
				all.Go(func() {
					if err := g.append(t.Context(), make([]byte, size)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			if err := g.close(t.Context()); err != nil {
				t.Error(err)
			}
			slices.Sort(got)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("%s: appends (-want +got):\n%s", name, diff)
			}
		})
	}
}

// What an append can end in, and what its caller may do about it.
func TestKindsOfFailure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want pix.Kind
	}{
		"a refused row":       {fmt.Errorf("a: %w", pix.E(pix.Invalid, "write row", errRejected)), pix.Invalid},
		"our deadline":        {fmt.Errorf("a: %w", context.DeadlineExceeded), pix.Timeout},
		"BigQuery's deadline": {status.Error(codes.DeadlineExceeded, "late"), pix.Timeout},
		"the caller left":     {fmt.Errorf("a: %w", context.Canceled), pix.Cancelled},
		"no such table":       {status.Error(codes.NotFound, "none"), pix.Unavailable},
		"replaced":            {errReplaced, pix.Unavailable},
	} {
		if got := kindOf(c.err); got != c.want {
			t.Errorf("%s: kind %v, want %v", name, got, c.want)
		}
	}
}

// Only rows that are in the batch can be named as malformed.
func TestMalformedRowsAreOfTheBatch(t *testing.T) {
	t.Parallel()
	response := &storagepb.AppendRowsResponse{}
	for _, i := range []int64{-1, 0, 2, 3} {
		response.RowErrors = append(response.RowErrors, &storagepb.RowError{Index: i})
	}
	if diff := cmp.Diff([]int{0, 2}, malformed(response, 3)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}
