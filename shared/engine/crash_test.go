package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
)

// fate is what becomes of one call that a process makes to the store or the bus.
type fate int

const (
	well       fate = iota
	refused         // nothing happened, and the process is told so
	lost            // it happened, and the process is told that it did not
	diesBefore      // the process ends and nothing happened
	diesAfter       // it happened, and the process ended before it knew
	fates
)

var errGone = pix.E(pix.Unavailable, "call", errors.New("no answer"))

// mortal is what one process sees of the world that outlives it. Once it has died no call of its does anything.
type mortal struct {
	engine.Store
	bus  *bus
	next func() fate
	dead bool
}

// call makes one call and returns what the process hears of it.
func (m *mortal) call(do func() error) error {
	if m.dead {
		return errGone
	}
	f := m.next()
	m.dead = f == diesBefore || f == diesAfter
	if f == refused || f == diesBefore {
		return errGone
	}
	if err := do(); err != nil || f == well {
		return err
	}
	return errGone
}

func (m *mortal) Record(ctx context.Context, tx *pix.Transaction) error {
	return m.call(func() error { return m.Store.Record(ctx, tx) })
}

func (m *mortal) Withdraw(ctx context.Context, tx, standing *pix.Transaction) error {
	return m.call(func() error { return m.Store.Withdraw(ctx, tx, standing) })
}

func (m *mortal) Read(ctx context.Context, tx *pix.Transaction) (h feature.Histories, d *pix.Decision, err error) {
	err = m.call(func() (err error) { h, d, err = m.Store.Read(ctx, tx); return err })
	if err != nil {
		return feature.Histories{}, nil, err
	}
	return h, d, nil
}

func (m *mortal) Commit(ctx context.Context, d *pix.Decision) (won *pix.Decision, err error) {
	err = m.call(func() (err error) { won, err = m.Store.Commit(ctx, d); return err })
	if err != nil {
		return nil, err
	}
	return won, nil
}

func (m *mortal) MarkPublished(ctx context.Context, marks []engine.Mark) error {
	return m.call(func() error { return m.Store.MarkPublished(ctx, marks) })
}

func (m *mortal) DropMarks(ctx context.Context, marks []engine.Mark) error {
	return m.call(func() error { return m.Store.DropMarks(ctx, marks) })
}

func (m *mortal) PublishDecision(ctx context.Context, d *pix.Decision) error {
	return m.call(func() error { return m.bus.PublishDecision(ctx, d) })
}

// eternal is the world that outlives processes, and what the senders know.
type eternal struct {
	*world                        // for its models, policy and clock; its engine is not used
	memory *memory.Store          //
	bus    *bus                   //
	told   map[int]*pix.Decision  // what HTTP callers were answered, provisional answers aside
	acked  map[int]bool           // pushed payments that need not come back
	sent   map[int]func(int) bool // every payment that was sent; true where it was pushed
}

func newEternal(w *world) *eternal {
	return &eternal{
		world: w, memory: memory.New((&fakeClock{now: start.Add(time.Second)}).Now), bus: &bus{},
		told: map[int]*pix.Decision{}, acked: map[int]bool{}, sent: map[int]func(int) bool{},
	}
}

// process is an engine and an outbox that live until fate has it otherwise.
func (e *eternal) process(t failing, next func() fate) (*mortal, *engine.Engine, *engine.Outbox) {
	m := &mortal{Store: e.memory, bus: e.bus, next: next}
	features, err := feature.NewSet()
	if err != nil {
		t.Fatalf("features: %v", err)
	}
	decider, err := engine.New(engine.Deps{
		Store: m, Models: e.models, Policies: e.policies, Features: features, Clock: (&fakeClock{now: start.Add(time.Minute)}).Now,
	})
	if err != nil {
		t.Fatalf("engine: %v", err)
	}
	outbox, err := engine.NewOutbox(engine.OutboxDeps{Store: m, Publisher: m})
	if err != nil {
		t.Fatalf("outbox: %v", err)
	}
	return m, decider, outbox
}

type failing interface {
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
	Context() context.Context
}

// push is what the pushed form does: the message is acknowledged once nothing failed.
func (e *eternal) push(ctx context.Context, n int, m *mortal, d *engine.Engine, o *engine.Outbox) {
	decision, _, err := d.Decide(ctx, live(payment(n, pix.Outbound)))
	if err == nil {
		err = o.Send(ctx, decision)
	}
	if err == nil && !m.dead {
		e.acked[n] = true
	}
}

// ask is what the HTTP form does: the answer first, the rest later.
func (e *eternal) ask(ctx context.Context, n int, m *mortal, d *engine.Engine, o *engine.Outbox) {
	decision, _, err := d.Answer(ctx, live(payment(n, pix.Outbound)))
	if err != nil || m.dead || decision.Provisional {
		return
	}
	e.told[n] = decision
	_ = o.Send(ctx, decision)
}

// recover lets a process without faults do what follows any crash: what was not acknowledged is pushed again, and a sweep
// runs. Then nothing may be missing.
func (e *eternal) recover(t failing) {
	m, d, o := e.process(t, func() fate { return well })
	for n, pushed := range e.sent {
		if pushed(n) && !e.acked[n] {
			e.push(t.Context(), n, m, d, o)
		}
	}
	if err := o.Flush(t.Context()); err != nil {
		t.Fatalf("flush: %v", err)
	}
	if _, err := o.Sweep(t.Context(), start.Add(30*time.Minute)); err != nil {
		t.Fatalf("sweep: %v", err)
	}
	for n, pushed := range e.sent {
		e.accounted(t, n, pushed(n))
	}
}

// accounted expects of a payment that what is known of it outside stands, is published and is in the histories.
func (e *eternal) accounted(t failing, n int, pushed bool) {
	tx := payment(n, pix.Outbound)
	standing, err := e.memory.Decision(t.Context(), tx.ID)
	if err != nil {
		t.Fatalf("decision: %v", err)
	}
	if told := e.told[n]; told != nil && (standing == nil || !told.DecidedAt.Equal(standing.DecidedAt) || told.Outcome != standing.Outcome) {
		t.Errorf("payment %d: answered %+v, %+v stands", n, told, standing)
	}
	if pushed && standing == nil {
		t.Errorf("payment %d was acknowledged and is not decided", n)
	}
	if standing == nil {
		return
	}
	if !slices.Contains(e.bus.ids(), tx.ID) {
		t.Errorf("payment %d is decided and never published", n)
	}
	h, _, err := e.memory.Read(t.Context(), tx)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	own := 0
	for _, ev := range h.Payer.Out.Events {
		if ev.ID == tx.ID {
			own++
		}
	}
	if own != 1 {
		t.Errorf("payment %d is decided and %d times in its payer's history", n, own)
	}
	marks, err := e.memory.Unpublished(t.Context(), engine.MarkQuery{
		Minutes: []time.Time{engine.MarkOf(tx).Minute}, Before: start.AddDate(1, 0, 0), Limit: 100,
	})
	if err != nil || slices.ContainsFunc(marks, func(m engine.Mark) bool { return m.ID == tx.ID }) {
		t.Errorf("payment %d is still marked: %v", n, err)
	}
}

// TestEveryCrashPoint tries every course that one payment can take: each call to the store and the bus succeeds, is
// refused, loses its reply, or is the last thing before or after which the process dies.
func TestEveryCrashPoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	for name, pushed := range map[string]bool{"pushed": true, "over HTTP": false} {
		courses := 0
		for course := []fate{}; course != nil; course = after(course) {
			courses++
			e, at := newEternal(w), 0
			next := func() fate {
				if at == len(course) {
					course = append(course, well)
				}
				at++
				return course[at-1]
			}
			m, d, o := e.process(t, next)
			e.sent[1] = func(int) bool { return pushed }
			if pushed {
				e.push(t.Context(), 1, m, d, o)
			} else {
				e.ask(t.Context(), 1, m, d, o)
			}
			_ = o.Flush(t.Context())
			if e.recover(t); t.Failed() {
				t.Fatalf("%s, course %v", name, course)
			}
		}
		if courses < 50 {
			t.Errorf("%s: only %d courses", name, courses)
		}
		t.Logf("%s: %d courses", name, courses)
	}
}

// after is the next course in order, nil after the last.
func after(course []fate) []fate {
	for len(course) > 0 && course[len(course)-1] == fates-1 {
		course = course[:len(course)-1]
	}
	if len(course) == 0 {
		return nil
	}
	course[len(course)-1]++
	return course
}

// TestCrashesAmongManyPayments lets processes follow each other, each with its own faults and its death, while payments
// come in both ways and come again.
func TestCrashesAmongManyPayments(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	rapid.Check(t, func(t *rapid.T) {
		e := newEternal(w)
		one := rapid.SampledFrom([]fate{well, well, well, well, refused, refused, lost, diesBefore, diesAfter})
		for life := range rapid.IntRange(1, 4).Draw(t, "lives") {
			m, d, o := e.process(t, func() fate { return one.Draw(t, "fate") })
			for range rapid.IntRange(1, 8).Draw(t, fmt.Sprintf("payments of life %d", life)) {
				n := rapid.IntRange(0, 5).Draw(t, "payment")
				e.sent[n] = func(n int) bool { return n%2 == 0 }
				if n%2 == 0 {
					e.push(t.Context(), n, m, d, o)
				} else {
					e.ask(t.Context(), n, m, d, o)
				}
				if rapid.Bool().Draw(t, "flush") {
					_ = o.Flush(t.Context())
				}
			}
		}
		e.recover(t)
	})
}

// closing tells which minutes are closed.
type closing struct {
	*faultyStore
	closed []engine.OpenMinute
}

func (c *closing) CloseMinutes(_ context.Context, minutes []engine.OpenMinute) error {
	c.closed = append(c.closed, minutes...)
	return nil
}

// TestAMinuteWithAMarkStaysOpen: however long a decision could not be published, its minute stays in the list that sweeps
// go by, until the bus is back.
func TestAMinuteWithAMarkStaysOpen(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{fail: func(pix.EndToEndID) error { return away() }}
	decide(t, w, 1)
	store := &closing{faultyStore: w.store}
	o, err := engine.NewOutbox(engine.OutboxDeps{Store: store, Publisher: b})
	if err != nil {
		t.Fatal(err)
	}
	for day := range 40 {
		if _, err := o.Sweep(t.Context(), start.AddDate(0, 0, day)); len(store.closed) > 0 || err == nil && day > 0 {
			t.Fatalf("day %d: closed %v: %v", day, store.closed, err)
		}
	}
	b.fail = nil
	for day := range 2 {
		if _, err := o.Sweep(t.Context(), start.AddDate(0, 0, 41+day)); err != nil {
			t.Fatal(err)
		}
	}
	if len(b.ids()) != 1 || pending(t, w) != 0 || len(store.closed) == 0 {
		t.Errorf("published %v, %d marks left, closed %v", b.ids(), pending(t, w), store.closed)
	}
}
