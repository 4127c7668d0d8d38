package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// bus counts publications; what refused names fails.
type bus struct {
	mu      sync.Mutex
	sent    map[pix.EndToEndID]int
	refused map[pix.EndToEndID]pix.Kind
}

func newBus() *bus {
	return &bus{sent: map[pix.EndToEndID]int{}, refused: map[pix.EndToEndID]pix.Kind{}}
}

// PublishDecision implements engine.Publisher.
func (b *bus) PublishDecision(_ context.Context, d *pix.Decision) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if kind, ok := b.refused[d.ID()]; ok {
		return pix.E(kind, "publish", errors.New("refused"))
	}
	b.sent[d.ID()]++
	return nil
}

func outbox(t *testing.T, s engine.Store, b *bus) *engine.Outbox {
	t.Helper()
	o, err := engine.NewOutbox(engine.OutboxDeps{Store: s, Publisher: b, OrphanAge: time.Hour})
	must(t, err)
	return o
}

// sweeps are the laws of a sweep over the store.
func sweeps(t *testing.T, open Factory) {
	hold(t, open, map[string]law{
		"nothing is starved by marks that must wait": notStarved,
		"of any set of marks":                        anyMarks,
		"an orphan that is recorded again is kept":   orphanRecordedAgain,
		"quiet minutes are closed":                   quietMinutesClose,
		"a minute with a mark is not closed":         keptMinutesStay,
	})
}

// unlike gives the n-th of payments that share nothing but the minute.
func unlike(n int) pix.Transaction {
	tx := Payment(n, 10_000+n, 20_000+n)
	tx.EventTime, tx.DeviceToken = Start().Add(time.Duration(n)*time.Millisecond), pix.TokenPair{}
	return tx
}

// More marks without a decision than a page holds, all too young to drop, lie before decisions that were never published.
func notStarved(t *testing.T, open Factory) {
	const orphans, decided = 1_200, 48 // some in every shard, so that most lie behind the first page
	h := newHand()
	s, b := open(t, h.clock), newBus()
	for n := range orphans + decided {
		tx := unlike(n)
		must(t, s.Record(t.Context(), &tx))
		if n >= orphans {
			_, err := s.Commit(t.Context(), Decision(&tx, "x"))
			must(t, err)
		}
	}
	swept, err := outbox(t, s, b).Sweep(t.Context(), h.pass(time.Minute))
	must(t, err)
	same(t, "swept", engine.Swept{Published: decided, Finished: true}, swept)
	if left := len(Marks(t, s, h.now)); left != orphans || len(b.sent) != decided {
		t.Errorf("%d marks are left and %d decisions published, want %d and %d", left, len(b.sent), orphans, decided)
	}
}

// fate is what one mark is given.
type fate struct {
	decided, old, refused bool
	kind                  pix.Kind // of the refusal
}

// Whatever the marks are: one sweep publishes every decision that the bus takes, and removes no mark but those of published
// decisions and of old orphans.
func anyMarks(t *testing.T, open Factory) {
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			h := newHand()
			s, b := open(t, h.clock), newBus()
			fates := drawFates(t, lottery{s, b, h, rand.New(rand.NewPCG(11, seed))})
			o := outbox(t, s, b)
			swept, err := o.Sweep(t.Context(), h.pass(time.Minute))
			checkFates(t, s, b, fates)
			failed := 0
			for _, f := range fates {
				if f.decided && f.refused {
					failed++
				}
			}
			if swept.Failed != failed || !swept.Finished || (err != nil) != (failed > 0) || swept.Stuck.IsZero() != (failed == 0) {
				t.Errorf("swept %+v: %v; want %d failed", swept, err, failed)
			}
			clear(b.refused)
			swept, err = o.Sweep(t.Context(), h.pass(time.Minute))
			must(t, err)
			if swept.Published != failed || !swept.Stuck.IsZero() {
				t.Errorf("swept %+v after the bus was well again, want %d published and nothing stuck", swept, failed)
			}
		})
	}
}

// lottery gives fates to the marks of a store.
type lottery struct {
	engine.Store
	bus  *bus
	hand *hand
	*rand.Rand
}

// drawFates records payments long ago and lately, and decides some.
func drawFates(t *testing.T, l lottery) map[pix.EndToEndID]fate {
	t.Helper()
	const each, mostAway = 50, 15 // more failures than that in a row would be taken for an outage
	kinds := []pix.Kind{pix.TooLarge, pix.Invalid, pix.Unavailable, pix.Timeout, pix.Unexpected}
	fates, away := map[pix.EndToEndID]fate{}, 0
	for n := range 2 * each {
		if n == each {
			l.hand.pass(2 * time.Hour)
		}
		tx := unlike(n)
		tx.EventTime = Start().Add(time.Duration(l.IntN(12)) * time.Minute)
		f := fate{decided: l.IntN(2) == 0, old: n < each, refused: l.IntN(3) == 0, kind: kinds[l.IntN(len(kinds))]}
		if f.decided && f.refused && !f.kind.Disposition().DeadLetter {
			if away++; away > mostAway {
				f.kind = pix.TooLarge
			}
		}
		must(t, l.Record(t.Context(), &tx))
		if f.decided {
			_, err := l.Commit(t.Context(), Decision(&tx, "x"))
			must(t, err)
		}
		if f.refused {
			l.bus.refused[tx.ID] = f.kind
		}
		fates[tx.ID] = f
	}
	return fates
}

func checkFates(t *testing.T, s engine.Store, b *bus, fates map[pix.EndToEndID]fate) {
	t.Helper()
	left := map[pix.EndToEndID]bool{}
	for _, m := range Marks(t, s, time.Now().Add(100*time.Hour)) {
		left[m.ID] = true
	}
	for id, f := range fates {
		published := f.decided && !f.refused
		stays := f.decided && f.refused || !f.decided && !f.old
		if (b.sent[id] == 1) != published || b.sent[id] > 1 || left[id] != stays {
			t.Errorf("%+v: published %d times, mark stays: %v", f, b.sent[id], left[id])
		}
	}
}

// recordsAgain records a payment after its decision was looked for.
type recordsAgain struct {
	engine.Store
	again func()
}

func (s *recordsAgain) Decision(ctx context.Context, id pix.EndToEndID) (*pix.Decision, error) {
	d, err := s.Store.Decision(ctx, id)
	s.again()
	return d, err
}

// A payment that comes back just as its old mark is dropped is decided after that: its mark must be there.
func orphanRecordedAgain(t *testing.T, open Factory) {
	h := newHand()
	s, b := open(t, h.clock), newBus()
	tx := Payment(1, 10, 20)
	must(t, s.Record(t.Context(), &tx))
	before := h.pass(2 * time.Hour)
	again := &recordsAgain{s, func() {
		h.pass(time.Second)
		must(t, s.Record(t.Context(), &tx))
	}}
	swept, err := outbox(t, again, b).Sweep(t.Context(), before)
	must(t, err)
	same(t, "swept", engine.Swept{Dropped: 1, Finished: true}, swept)
	_, err = s.Commit(t.Context(), Decision(&tx, "x"))
	must(t, err)
	swept, err = outbox(t, s, b).Sweep(t.Context(), h.pass(time.Minute))
	must(t, err)
	same(t, "swept after the decision", engine.Swept{Published: 1, Finished: true}, swept)
}

// A minute is closed within half an hour of its last payment, and opened by the next.
func quietMinutesClose(t *testing.T, open Factory) {
	h := newHand()
	s, b := open(t, h.clock), newBus()
	o := outbox(t, s, b)
	tx := Payment(1, 10, 20)
	must(t, s.Record(t.Context(), &tx))
	must(t, s.MarkPublished(t.Context(), []engine.Mark{engine.MarkOf(&tx)}))
	sweep := func(after time.Duration) int {
		before := h.now.Add(after)
		for h.now.Before(before) {
			_, err := o.Sweep(t.Context(), h.pass(10*time.Second).Add(-30*time.Second))
			must(t, err)
		}
		return len(openMinutes(t, s))
	}
	if got := sweep(30 * time.Minute); got != 0 {
		t.Errorf("%d minutes are open after half an hour, want none", got)
	}
	must(t, s.Record(t.Context(), &tx))
	_, err := s.Commit(t.Context(), Decision(&tx, "x"))
	must(t, err)
	sweep(50 * time.Second)
	if b.sent[tx.ID] != 1 {
		t.Errorf("a payment of a closed minute was published %d times, want once", b.sent[tx.ID])
	}
}

// A mark that waits, or cannot be resolved, keeps its minute open for as long as it takes.
func keptMinutesStay(t *testing.T, open Factory) {
	h := newHand()
	s, b := open(t, h.clock), newBus()
	o := outbox(t, s, b)
	refused, orphan := Payment(1, 10, 20), Payment(100, 10, 20)
	b.refused[refused.ID] = pix.TooLarge
	for _, tx := range []*pix.Transaction{&refused, &orphan} {
		must(t, s.Record(t.Context(), tx))
	}
	_, err := s.Commit(t.Context(), Decision(&refused, "x"))
	must(t, err)
	var all engine.Swept
	for range 45 { // an hour and a half
		swept, _ := o.Sweep(t.Context(), h.pass(2*time.Minute))
		all.Failed, all.Dropped = all.Failed+swept.Failed, all.Dropped+swept.Dropped
	}
	clear(b.refused)
	swept, err := o.Sweep(t.Context(), h.pass(2*time.Minute))
	must(t, err)
	if all.Failed != 45 || all.Dropped != 1 || swept.Published != 1 {
		t.Errorf("failed %d times, dropped %d, then published %d; want 45, 1 and 1", all.Failed, all.Dropped, swept.Published)
	}
}
