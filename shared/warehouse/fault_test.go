package warehouse_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/warehouse"
)

func accept(int, [][]byte) reply { return reply{} }

// patience is more time than any machine needs: for what must happen, however slowly.
const patience = time.Minute

// appendAll appends decisions of these seeds at once and returns each one's error.
func appendAll(ctx context.Context, w *warehouse.Warehouse, seeds ...int) []error {
	errs := make([]error, len(seeds))
	var wg sync.WaitGroup
	for i, seed := range seeds {
		wg.Go(func() { errs[i] = w.AppendDecision(ctx, sampleDecision(seed)) })
	}
	wg.Wait()
	return errs
}

func seedsTo(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

// missingRows lists the seeds whose row was not acknowledged by the service, byte for byte.
func missingRows(f *fakeBigQuery, seeds ...int) []int {
	_, _, rows := f.counts()
	have := map[string]bool{}
	for _, r := range rows {
		have[r] = true
	}
	var missing []int
	for _, s := range seeds {
		if !have[string(warehouse.EncodeDecision(nil, sampleDecision(s)))] {
			missing = append(missing, s)
		}
	}
	return missing
}

func TestConcurrentRowsShareAppends(t *testing.T) {
	t.Parallel()
	f, endpoint := startFake(t, accept)
	w := openFake(t, endpoint, patience)
	const n = 3000
	for i, err := range appendAll(t.Context(), w, seedsTo(n)...) {
		if err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
	}
	if missing := missingRows(f, seedsTo(n)...); len(missing) > 0 {
		t.Errorf("%d rows were acknowledged to their callers and never arrived", len(missing))
	}
	appends, streams, rows := f.counts()
	if len(rows) != n {
		t.Errorf("%d rows arrived, want %d", len(rows), n)
	}
	if appends > n/10 {
		t.Errorf("%d appends for %d rows: callers do not share them", appends, n)
	}
	if streams != 1 {
		t.Errorf("%d connections, want 1", streams)
	}
	t.Logf("%d rows in %d appends", n, appends)
}

func TestTransientFailuresAreRetried(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]reply{
		"unavailable in the protocol": {code: codes.Unavailable},
		"internal in the protocol":    {code: codes.Internal},
		"stream cut":                  {cut: codes.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, endpoint := startFake(t, func(n int, _ [][]byte) reply {
				if n == 0 {
					return first
				}
				return reply{}
			})
			w := openFake(t, endpoint, patience)
			if err := w.AppendDecision(t.Context(), sampleDecision(1)); err != nil {
				t.Fatalf("one failure reached the caller: %v", err)
			}
			if missing := missingRows(f, 1); len(missing) > 0 {
				t.Error("the row never arrived")
			}
		})
	}
}

func TestRefusalReachesEveryCallerAndNothingIsLostOnRetry(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	away := true
	f, endpoint := startFake(t, func(int, [][]byte) reply {
		mu.Lock()
		defer mu.Unlock()
		if away {
			return reply{code: codes.ResourceExhausted}
		}
		return reply{}
	})
	w := openFake(t, endpoint, patience)
	seeds := seedsTo(50)
	for i, err := range appendAll(t.Context(), w, seeds...) {
		if pix.KindOf(err) != pix.Unavailable {
			t.Fatalf("row %d: kind %v (%v), want unavailable", i, pix.KindOf(err), err)
		}
	}
	mu.Lock()
	away = false
	mu.Unlock()
	for i, err := range appendAll(t.Context(), w, seeds...) {
		if err != nil {
			t.Fatalf("row %d after recovery: %v", i, err)
		}
	}
	if missing := missingRows(f, seeds...); len(missing) > 0 {
		t.Errorf("rows %v are missing after recovery", missing)
	}
}

// That the client connects anew by itself, in its own time, is not enough.
func TestStuckConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	_, endpoint := startFake(t, func(n int, _ [][]byte) reply { return reply{hang: n == 0} })
	registry := prometheus.NewRegistry()
	w, err := warehouse.Open(t.Context(), warehouse.Config{ProjectID: "p", Dataset: "fraud", AppendTimeout: 300 * time.Millisecond, Metrics: registry},
		emulator.GRPC(endpoint)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.AppendDecision(t.Context(), sampleDecision(1)); pix.KindOf(err) != pix.Timeout {
		t.Fatalf("kind %v (%v), want timeout", pix.KindOf(err), err)
	}
	appended(t, w)
	if n := counted(t, registry)["pix_warehouse_streams_total decisions"]; n < 2 || replaced(t, registry) < 1 {
		t.Errorf("%v streams were opened, want another", n)
	}
	if err := w.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestMalformedRowFailsAlone(t *testing.T) {
	t.Parallel()
	poison := string(warehouse.EncodeDecision(nil, sampleDecision(3)))
	f, endpoint := startFake(t, func(_ int, rows [][]byte) reply {
		for i, r := range rows {
			if string(r) == poison {
				return reply{code: codes.InvalidArgument, bad: []int64{int64(i)}}
			}
		}
		return reply{}
	})
	w := openFake(t, endpoint, patience)
	for i, err := range appendAll(t.Context(), w, seedsTo(40)...) {
		if i != 3 && err != nil {
			t.Errorf("row %d failed for its neighbour: %v", i, err)
		}
		if i == 3 && (pix.KindOf(err) != pix.Invalid || strings.Contains(err.Error(), "SECRETVALUE")) {
			t.Errorf("malformed row: %v, want invalid without BigQuery's own text", err)
		}
	}
	if missing := missingRows(f, seedsTo(3)...); len(missing) > 0 {
		t.Errorf("rows %v are missing", missing)
	}
}

func TestRowsThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	_, endpoint := startFake(t, accept)
	w := openFake(t, endpoint, patience)
	noID, noTime := sampleDecision(1), sampleDecision(1)
	noID.Transaction.ID = ""
	noTime.Transaction.EventTime = time.Time{}
	largest, larger := sized(8<<20), sized(8<<20+1)
	for name, c := range map[string]struct {
		d    *pix.Decision
		want pix.Kind
	}{"no id": {noID, pix.Invalid}, "no event time": {noTime, pix.Invalid}, "too large": {larger, pix.TooLarge}} {
		if err := w.AppendDecision(t.Context(), c.d); err == nil || pix.KindOf(err) != c.want {
			t.Errorf("%s: %v, want kind %v", name, err, c.want)
		}
	}
	if err := w.AppendDecision(t.Context(), largest); err != nil {
		t.Errorf("the largest row, after the refused ones: %v", err)
	}
}

// sized is a decision whose row has so many bytes.
func sized(n int) *pix.Decision {
	d := sampleDecision(1)
	d.PolicyVersion = filler(n / 2) // its length takes as many bytes as that of the final text
	d.PolicyVersion = filler(n/2 + n - warehouse.DecisionRowBytes(d))
	return d
}

// Large rows are split over appends so that none exceeds BigQuery's limit.
func TestAppendsStayBelowTheByteLimit(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	largest := 0
	_, endpoint := startFake(t, func(_ int, rows [][]byte) reply {
		size := 0
		for _, r := range rows {
			size += len(r)
		}
		mu.Lock()
		defer mu.Unlock()
		largest = max(largest, size)
		return reply{}
	})
	w := openFake(t, endpoint, patience)
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			d := sampleDecision(i)
			d.PolicyVersion = filler(3 << 20)
			if err := w.AppendDecision(t.Context(), d); err != nil {
				t.Errorf("row %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	if largest > 8<<20 {
		t.Errorf("an append of %d bytes", largest)
	}
}

func TestCloseDrains(t *testing.T) {
	t.Parallel()
	slow := make(chan struct{})
	f, endpoint := startFake(t, func(int, [][]byte) reply { <-slow; return reply{} })
	w := openFake(t, endpoint, patience)
	errs := make(chan []error, 1)
	go func() { errs <- appendAll(t.Context(), w, seedsTo(20)...) }()
	waitFor(t, func() bool { n, _, _ := f.counts(); return n > 0 })
	closed := make(chan error, 1)
	go func() { closed <- w.Close(t.Context()) }()
	waitFor(t, func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		return errors.Is(w.AppendDecision(ctx, sampleDecision(99)), warehouse.ErrClosed)
	})
	close(slow)
	if err := <-closed; err != nil {
		t.Fatalf("close: %v", err)
	}
	// A caller that came after Close is told so; every other row has arrived.
	for i, err := range <-errs {
		if err == nil && len(missingRows(f, i)) > 0 {
			t.Errorf("row %d was acknowledged and is missing", i)
		}
		if err != nil && pix.KindOf(err) != pix.Cancelled {
			t.Errorf("row %d: %v", i, err)
		}
	}
}

func TestCloseGivesUpAtItsDeadline(t *testing.T) {
	t.Parallel()
	f, endpoint := startFake(t, func(int, [][]byte) reply { return reply{hang: true} })
	w := openFake(t, endpoint, patience)
	errs := make(chan []error, 1)
	go func() { errs <- appendAll(t.Context(), w, 1, 2, 3) }()
	waitFor(t, func() bool { n, _, _ := f.counts(); return n > 0 })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	start := time.Now()
	if err := w.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("close: %v, want the deadline", err)
	}
	if took := time.Since(start); took > patience/2 {
		t.Errorf("close took %v", took)
	}
	for i, err := range <-errs {
		if err == nil {
			t.Errorf("row %d was acknowledged although nothing arrived", i)
		}
	}
}

func TestCallerMayLeave(t *testing.T) {
	t.Parallel()
	_, endpoint := startFake(t, func(int, [][]byte) reply { return reply{hang: true} })
	w := openFake(t, endpoint, time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := w.AppendDecision(ctx, sampleDecision(1)); pix.KindOf(err) != pix.Timeout {
		t.Errorf("%v, want timeout", err)
	}
}

func waitFor(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("waited in vain")
}
