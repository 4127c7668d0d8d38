// Package clock finds out that this machine's clock is slow, from moments that servers stamped.
//
// A decision depends on time: a payment too far in the future is refused for good. A machine whose clock is six minutes
// slow would refuse every payment. What a server has stamped has happened, so a stamp that lies in our future shows that
// ours is the wrong clock. That a clock is fast cannot be seen this way: an old stamp may be a backlog.
package clock

import (
	"fmt"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// DefaultTolerance is how far our clock may be behind a server's: well below the five minutes from which a payment is in
// the future, well above what synchronised clocks differ by.
const DefaultTolerance = 2 * time.Minute

// memory is how long a stamp counts. One that was wrong is forgotten; one that was right comes again with the next
// message.
const memory = 10 * time.Minute

// Watch compares one process's clock with the servers'. It is safe for concurrent use.
type Watch struct {
	tolerance time.Duration
	now       func() time.Time

	mu     sync.Mutex
	latest time.Time // the latest moment a server has stamped; zero when none counts
	seen   time.Time // when we saw it, with the monotonic clock, which nobody sets
	alarm  func(behind time.Duration)
	rang   time.Time // when alarm was called last, with the monotonic clock
}

// alarmEvery is how often a slow clock is complained of: every message meets it, and one line is enough.
const alarmEvery = time.Minute

// NewWatch returns a Watch of the clock that now reads. A tolerance of zero means DefaultTolerance.
func NewWatch(tolerance time.Duration, now func() time.Time) *Watch {
	if tolerance == 0 {
		tolerance = DefaultTolerance
	}
	return &Watch{tolerance: tolerance, now: now}
}

// Alarm has f called, at most once a minute, when Err is asked while our clock is behind. Set it before anybody asks.
func (w *Watch) Alarm(f func(behind time.Duration)) { w.alarm = f }

// Saw notes a moment that a server stamped on something that has happened: Pub/Sub's publish time, Kafka's time of a
// record in a topic with LogAppendTime. What a producer says of itself must not be passed: it is its own word.
func (w *Watch) Saw(stamp time.Time) {
	seen := time.Now()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.latest.IsZero() || stamp.After(w.latest.Add(seen.Sub(w.seen))) {
		w.latest, w.seen = stamp, seen
	}
}

// Behind returns how far our clock is behind the latest stamp, carried on by the monotonic clock; zero when it is not, or
// within the tolerance. It heals by itself when the clock is set right.
func (w *Watch) Behind() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.latest.IsZero() {
		return 0
	}
	since := time.Since(w.seen)
	if since > memory {
		w.latest = time.Time{}
		return 0
	}
	behind := w.latest.Add(since).Sub(w.now().Round(0))
	if behind <= w.tolerance {
		return 0
	}
	return behind
}

// Err returns an Unavailable error while our clock is behind: payments must wait.
func (w *Watch) Err() error {
	behind := w.Behind()
	if behind == 0 {
		return nil
	}
	w.ring(behind)
	return pix.E(pix.Unavailable, "read the clock", fmt.Errorf("this machine's clock is %s behind the servers'", behind.Round(time.Second)))
}

// ring calls the alarm unless it was called just now.
func (w *Watch) ring(behind time.Duration) {
	if w.alarm == nil {
		return
	}
	w.mu.Lock()
	due := w.rang.IsZero() || time.Since(w.rang) >= alarmEvery
	if due {
		w.rang = time.Now()
	}
	w.mu.Unlock()
	if due {
		w.alarm(behind)
	}
}
