package engine

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// Bounds of a circuit.
const (
	// tripAfter is how many different payments in a row must fail. In a row, since a store that still answers some
	// payments must be asked by all; different ones, since a payment that is poison, and comes back, must not take the
	// store away from the others.
	tripAfter = 10
	// The first probe comes soon, in case that it was nothing; while probes fail each waits twice as long as the one
	// before, and whoever is the probe pays for it with the whole deadline.
	firstProbe = 100 * time.Millisecond
	lastProbe  = time.Second
)

var errStoreAway = errors.New("the store did not answer the last payments and is not asked")

// circuit is a breaker in front of one half of what the engine asks of the store. While it is open nobody asks, but for
// one payment at a time, at a growing interval: the probe. It closes when a probe succeeds. It has no goroutine.
type circuit struct {
	name  string
	clock func() time.Time
	limit time.Duration // of an attempt; zero means none

	mu         sync.Mutex
	generation uint64                    // of the state: what began before the last change says nothing about now
	run        [tripAfter]pix.EndToEndID // the payments that failed in a row while it was closed
	failures   int                       // of the run, and of the probes after it
	open       bool
	since      time.Time // it is open
	interval   time.Duration
	probeAt    time.Time
	probing    bool
	openings   uint64
}

// attempt is one payment's turn to ask. It must end, once; later ends do nothing.
type attempt struct {
	circuit    *circuit
	id         pix.EndToEndID
	generation uint64
	probe      bool
	hurried    bool // whoever asks gives less time than the limit
	began      time.Time
	asked      time.Time // the store's own time runs from here: what came before it took none of
}

// begin reports whether the payment may ask the store.
func (c *circuit) begin(id pix.EndToEndID) (attempt, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := attempt{circuit: c, id: id, generation: c.generation, began: c.clock()}
	a.asked = a.began
	if !c.open {
		return a, true
	}
	if c.probing || a.began.Before(c.probeAt) {
		return attempt{}, false
	}
	c.probing, a.probe = true, true
	return a, true
}

// end says what the store answered: nil, or an error with a kind. A store that refuses this payment for good answers.
func (a *attempt) end(err error) {
	switch kind := pix.KindOf(err); {
	case err == nil, kind == pix.Invalid, kind == pix.Conflict, kind == pix.TooLarge:
		a.conclude((*circuit).answered)
	case kind == pix.Unavailable, kind == pix.Timeout && !a.overdue() && !a.hasty(err):
		a.conclude((*circuit).failed)
	default: // a caller that has gone, or a failure that may be the payment's own, says nothing
		a.conclude(nil)
	}
}

// overdue reports that a time-out was noticed well after its time: what was late is this process, which waits for its
// processors, and to ask no store would not make it faster.
func (a *attempt) overdue() bool {
	return a.circuit != nil && a.circuit.limit > 0 && a.circuit.clock().Sub(a.began) > a.circuit.limit*5/4
}

// ask says that the store is asked now, and not when the attempt began.
func (a *attempt) ask() {
	if a.circuit != nil {
		a.asked = a.circuit.clock()
	}
}

// hasty reports a time-out of a caller in a hurry for which the store had less than a quarter of its time: a caller that gives
// it next to none must not take the store away from the others. Longer ones count, or a store that hangs would be asked by
// everybody whose budget is below the limit.
func (a *attempt) hasty(err error) bool {
	return a.hurried && pix.KindOf(err) == pix.Timeout && a.circuit != nil && a.circuit.clock().Sub(a.asked) < a.circuit.limit/4
}

// leave ends an attempt that came to nothing: the store was not asked, or the call did not return.
func (a *attempt) leave() { a.conclude(nil) }

func (a *attempt) conclude(change func(*circuit, pix.EndToEndID)) {
	c := a.circuit
	if c == nil {
		return
	}
	a.circuit = nil
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.probe {
		c.probing = false
	}
	if change != nil && a.generation == c.generation {
		change(c, a.id)
	}
}

func (c *circuit) answered(pix.EndToEndID) {
	c.failures = 0
	if c.open {
		c.open = false
		c.generation++
	}
}

func (c *circuit) failed(id pix.EndToEndID) {
	if c.open {
		c.failures++
		c.interval = min(2*c.interval, lastProbe)
		c.probeAt = c.clock().Add(c.interval)
		return
	}
	if slices.Contains(c.run[:c.failures], id) {
		return
	}
	c.run[c.failures] = id
	c.failures++
	if c.failures < tripAfter {
		return
	}
	c.open, c.since, c.interval = true, c.clock(), firstProbe
	c.probeAt = c.since.Add(c.interval)
	c.generation++
	c.openings++
}

// state tells since when the circuit is open; nil while it is closed.
func (c *circuit) state() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.open {
		return nil
	}
	return fmt.Errorf("%s: open for %v, %d failures", c.name, c.clock().Sub(c.since).Round(time.Second), c.failures)
}

func (c *circuit) opened() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.openings
}

// StoreState is nil while the store is asked by every payment. Otherwise its text tells which half of the breaker is open:
// without histories payments are decided as if features were missing, without decisions they are not decided at all.
func (e *Engine) StoreState() error {
	return errors.Join(e.histories.state(), e.decisions.state())
}

// StoreOpenings is how often the store's breaker opened so far.
func (e *Engine) StoreOpenings() uint64 { return e.histories.opened() + e.decisions.opened() }
