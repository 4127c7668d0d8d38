package load

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"
)

// capable is a scorer that takes so many payments of a part and sheds the others, whatever the clock says.
type capable struct {
	takes  int
	slow   time.Duration // every answer takes so long
	hiccup int           // this part, counted from 1, it sheds whole
	parts  int
}

func (c *capable) prepare(int) error {
	c.parts++
	return nil
}

func (c *capable) call(_ context.Context, i int) string {
	time.Sleep(c.slow)
	if i >= c.takes || c.parts == c.hiccup {
		return shed
	}
	return ""
}

func (c *capable) close(context.Context) error { return nil }

// TestRamp: what is found is within the bounds, and at most a ninth below the first rate that is not; whether the search begins
// below or above it.
func TestRamp(t *testing.T) {
	t.Parallel()
	const duration = 100 * time.Millisecond
	for name, c := range map[string]struct {
		from  float64
		takes int
		slow  time.Duration
		most  bool
		hic   int
	}{
		"a hiccup below":   {from: 1000, takes: 333, hic: 1},
		"a hiccup between": {from: 1000, takes: 333, hic: 5},
		"from below":       {from: 1000, takes: 333},
		"from above":       {from: 8000, takes: 333},
		"where it begins":  {from: 3000, takes: 333},
		"more than asked":  {from: 100, takes: 100_000, most: true},
		"too slow for any": {from: 1000, takes: 100_000, slow: 3 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &options{plan: plan{rate: c.from, duration: duration, inFlight: 10_000}, shape: shapeRamp, on: onNothing, maxP99: time.Minute}
			if c.slow > 0 {
				o.maxP99 = time.Millisecond
			}
			r := &runner{options: o, log: io.Discard, report: newReport(o), target: &capable{takes: c.takes, slow: c.slow, hiccup: c.hic}}
			if err := r.play(t.Context()); err != nil {
				t.Fatal(err)
			}
			b := r.report.Breaking
			if c.slow > 0 {
				if b != nil || r.report.verdict(o) == nil {
					t.Errorf("%+v", b)
				}
				return
			}
			// A part with 1 % more than it takes is still within the bounds.
			limit := float64(c.takes) / (1 - rampShed) / duration.Seconds()
			if b == nil || b.Rate > limit+10 || !c.most && b.Rate < limit*8/9 || b.Most != c.most || r.report.verdict(o) != nil {
				t.Errorf("%+v, limit %v", b, limit)
			}
			over := r.report.Parts[len(r.report.Parts)-1]
			if over.Name != "overload" || over.Rate != burst*b.Rate || !c.most && (over.Shed == 0 || over.Decided != int64(c.takes)) {
				t.Errorf("%+v", over)
			}
		})
	}
}

// recorded counts how often each payment is asked for.
type recorded struct {
	nothing
	mu    sync.Mutex
	asked map[int]int
}

func (r *recorded) call(_ context.Context, i int) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[i]++
	return ""
}

// TestStagesShareOutThePayments: a payment that is asked for twice costs the scorer less than one that is new.
func TestStagesShareOutThePayments(t *testing.T) {
	t.Parallel()
	o := &options{plan: plan{rate: 1000, duration: 20 * time.Millisecond, warmup: 10 * time.Millisecond, inFlight: 10_000}, shape: shapeBurst}
	target := &recorded{asked: map[int]int{}}
	r := &runner{options: o, log: io.Discard, report: newReport(o), target: target}
	if err := r.play(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 10 + 20 + 60 + 20 {
		if target.asked[i] != 1 {
			t.Errorf("payment %d was asked for %d times", i, target.asked[i])
		}
	}
	if len(target.asked) != 110 {
		t.Errorf("%d payments", len(target.asked))
	}
}

// TestAnotherWeek: payments go on when a week is over, and none comes twice.
func TestAnotherWeek(t *testing.T) {
	t.Parallel()
	r := &remote{supply: newSupply(1, 10)}
	seen, worlds := map[string]bool{}, r.supply.seed
	for range 3 {
		if err := r.prepare(3000); err != nil {
			t.Fatal(err)
		}
		for i := range 3000 {
			seen[string(r.supply.payments.at(i))] = true
		}
	}
	if len(seen) != 9000 || r.supply.seed == worlds {
		t.Errorf("%d different payments of %d worlds", len(seen), r.supply.seed-worlds+1)
	}
}
