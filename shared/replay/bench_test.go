package replay_test

import (
	"bytes"
	"syscall"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// history simulates a log with its labels and statuses.
type history struct {
	payments []pix.Submission
	labels   []pix.Label
	statuses []pix.Status
	after    []int // statuses[:after[i]] occurred before payment i
}

func simulated(p world.Params) history {
	w := world.New(p)
	var h history
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		h.statuses = append(h.statuses, w.Statuses()...)
		h.payments = append(h.payments, e.Submission)
		h.labels = append(h.labels, e.Labels()...)
		h.after = append(h.after, len(h.statuses))
	}
	h.statuses = append(h.statuses, w.Statuses()...)
	return h
}

func (h *history) files(tb testing.TB) (payments, statuses []byte) {
	tb.Helper()
	var p, s bytes.Buffer
	for i := range h.payments {
		line, err := event.EncodeSubmissionJSON(&h.payments[i])
		if err != nil {
			tb.Fatal(err)
		}
		p.Write(append(line, '\n'))
	}
	for i := range h.statuses {
		line, err := event.StatusJSON(&h.statuses[i])
		if err != nil {
			tb.Fatal(err)
		}
		s.Write(append(line, '\n'))
	}
	return p.Bytes(), s.Bytes()
}

func keep(*replay.Row) error { return nil }

func benchWorld() world.Params { return world.Params{Seed: 1, Accounts: 10_000, Days: 10} }

// From wire JSON, decoded on two goroutines.
func BenchmarkRun(b *testing.B) {
	h := simulated(benchWorld())
	payments, statuses := h.files(b)
	b.ReportAllocs()
	began := cpuTime(b)
	for b.Loop() {
		cfg := replay.Config{Labels: replay.NewLabels(h.labels), Statuses: replay.NewLines(bytes.NewReader(statuses))}
		if _, err := replay.Run(b.Context(), cfg, replay.NewLines(bytes.NewReader(payments)), keep); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(h.payments)*b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(len(h.payments)*b.N)/(cpuTime(b)-began).Seconds(), "events/cpu-s")
}

// From payments that are decoded already, on one core: what the store and the features cost.
func BenchmarkPlayer(b *testing.B) {
	h := simulated(benchWorld())
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		b.Fatal(err)
	}
	txs := make([]pix.Transaction, len(h.payments))
	for i := range txs {
		txs[i] = tokenizer.Tokenize(&h.payments[i])
	}
	b.ReportAllocs()
	began := cpuTime(b)
	for b.Loop() {
		p, err := replay.NewPlayer(replay.Config{Labels: replay.NewLabels(h.labels)}, keep)
		if err != nil {
			b.Fatal(err)
		}
		next := 0
		for i := range txs {
			for ; next < len(h.statuses) && h.statuses[next].OccurredAt.Before(txs[i].EventTime); next++ {
				if err := p.Status(b.Context(), &h.statuses[next]); err != nil {
					b.Fatal(err)
				}
			}
			if err := p.Pay(b.Context(), &txs[i]); err != nil {
				b.Fatal(err)
			}
		}
		if err := p.End(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(len(txs)*b.N)/b.Elapsed().Seconds(), "events/s")
	b.ReportMetric(float64(len(txs)*b.N)/(cpuTime(b)-began).Seconds(), "events/cpu-s")
}

// cpuTime is what the process has used so far, garbage collection included: a machine that others share lengthens the
// wall clock only.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
