package live

import (
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Spans of the sliding windows.
const (
	seconds       = 64 // one minute and what begins
	minutes       = 61 // one hour and what begins
	rateOver      = 10 // seconds
	latencySpan   = 10 * time.Second
	latencySpans  = 6
	longestMicros = 60_000_000
)

// second counts what was given within one second of the clock.
type second struct {
	at                                    int64
	given, missing, provisional, standing int
	lost                                  int                 // hand-overs
	without                               map[engine.Part]int // of the few parts that there are
}

// minute sums what was newly decided of live payments within one minute of the clock.
type minute struct {
	at              int64
	outcomes        map[pix.Outcome]int // of the four
	stopped         pix.Money           // amounts of what was not approved
	expectedStopped pix.Money
	expectedPassed  pix.Money // of what was approved
}

// window counts over the last minute and the last hour. A slot is used again when its time comes round.
type window struct {
	began   time.Time
	seconds [seconds]second
	minutes [minutes]minute
	micros  *hdrhistogram.WindowedHistogram
	turned  time.Time // when the newest part of micros began
}

func newWindow(now time.Time) *window {
	return &window{began: now, turned: now, micros: hdrhistogram.NewWindowed(latencySpans, 1, longestMicros, 2)}
}

func (w *window) second(at time.Time) *second {
	n := at.Unix()
	s := &w.seconds[n%seconds]
	if s.at != n {
		*s = second{at: n, without: map[engine.Part]int{}}
	}
	return s
}

func (w *window) minute(at time.Time) *minute {
	n := at.Unix() / 60
	m := &w.minutes[n%minutes]
	if m.at != n {
		*m = minute{at: n, outcomes: map[pix.Outcome]int{}}
	}
	return m
}

func (w *window) without(at time.Time, part engine.Part) { w.second(at).without[part]++ }

// decided counts a decision; into the hour only where it counts.
func (w *window) decided(at time.Time, seen Seen, counts bool) {
	w.turn(at)
	_ = w.micros.Current.RecordValue(min(max(seen.Took.Microseconds(), 1), longestMicros)) // within its bounds
	s, d := w.second(at), seen.Decision
	s.given++
	switch {
	case seen.Repeated:
		s.standing++
		return
	case d.Provisional:
		s.provisional++
		return
	case d.FeaturesMissing:
		s.missing++
	}
	if !counts {
		return
	}
	m := w.minute(at)
	m.outcomes[d.Outcome]++
	expected, _ := d.Expected()
	if d.Outcome == pix.Approve {
		m.expectedPassed += expected
		return
	}
	m.stopped += d.Transaction.Amount
	m.expectedStopped += expected
}

// turn lets the oldest part of the latencies go when its time is over.
func (w *window) turn(now time.Time) {
	for i := 0; now.Sub(w.turned) >= latencySpan; i++ {
		if i == latencySpans { // after a silence
			w.turned = now
			return
		}
		w.micros.Rotate()
		w.turned = w.turned.Add(latencySpan)
	}
}

// totals are what a window holds at one moment.
type totals struct {
	Rate        float64 // a second, over the last whole seconds
	Each        []int   // of the last 60 whole seconds, oldest first
	Given       int     // in the last minute
	Missing     int
	Provisional int
	Standing    int
	Lost        int
	Without     map[engine.Part]int
	Hour        minute
	P50, P99    time.Duration // of the last minute
	Worst       time.Duration
}

func (w *window) totals(now time.Time) totals {
	w.turn(now)
	t := totals{Each: make([]int, 60), Without: map[engine.Part]int{}, Hour: minute{outcomes: map[pix.Outcome]int{}}}
	sec := now.Unix()
	for i := range t.Each {
		s := &w.seconds[(sec-60+int64(i))%seconds]
		if s.at != sec-60+int64(i) {
			continue
		}
		t.Each[i] = s.given
		t.Given += s.given
		t.Missing += s.missing
		t.Provisional += s.provisional
		t.Standing += s.standing
		t.Lost += s.lost
		for part, n := range s.without {
			t.Without[part] += n
		}
	}
	over := min(max(int(now.Sub(w.began).Seconds()), 1), rateOver)
	lately := 0
	for _, n := range t.Each[60-over:] {
		lately += n
	}
	t.Rate = float64(lately) / float64(over)
	for i := range w.minutes {
		if m := &w.minutes[i]; m.at > sec/60-minutes && m.at <= sec/60 {
			t.Hour.add(m)
		}
	}
	latencies := w.micros.Merge()
	quantile := func(q float64) time.Duration { return time.Duration(latencies.ValueAtQuantile(q)) * time.Microsecond }
	t.P50, t.P99, t.Worst = quantile(50), quantile(99), quantile(100)
	return t
}

func (m *minute) add(other *minute) {
	for o, n := range other.outcomes {
		m.outcomes[o] += n
	}
	m.stopped += other.stopped
	m.expectedStopped += other.expectedStopped
	m.expectedPassed += other.expectedPassed
}
