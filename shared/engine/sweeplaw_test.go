package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// TestAnyHistoryIsPublished is the law of the outbox: whatever is recorded, decided, refused and swept in whatever order,
// a mark is removed only when its decision was published or its payment is an old orphan (as another one under the id of a
// decided payment may be), and when all is well again
// everything that was decided is published.
func TestAnyHistoryIsPublished(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		h := newHistory(t, r)
		r.Repeat(map[string]func(*rapid.T){
			"record": h.record,
			"decide": h.decide,
			"refuse": h.refuse,
			"sweep":  h.sweep,
			"":       h.check,
		})
		h.bus.fail, h.store.decision, h.store.mark = nil, nil, nil
		for range 500 { // longer than any mark waits
			h.now = h.now.Add(10 * time.Second)
			if _, err := h.outbox.Sweep(t.Context(), h.now); err != nil {
				r.Fatal(err)
			}
		}
		h.check(r)
		if left := storetest.Marks(t, h.store, h.now.Add(time.Hour)); len(left) > 0 {
			r.Fatalf("%d marks are left when all is well", len(left))
		}
		for id := range h.decided {
			if !h.sent[id] {
				r.Fatalf("%s was never published", id)
			}
		}
	})
}

// history is a store, a bus and a sweep, and what must be true of them.
type history struct {
	t       *testing.T
	store   *faultyStore
	bus     *bus
	outbox  *engine.Outbox
	now     time.Time
	latest  map[engine.Mark]time.Time      // when each was recorded last
	decided map[pix.EndToEndID]engine.Mark // that of the payment whose decision stands
	sent    map[pix.EndToEndID]bool
}

func newHistory(t *testing.T, r *rapid.T) *history {
	t.Helper()
	h := &history{
		t: t, bus: &bus{}, now: start, latest: map[engine.Mark]time.Time{}, decided: map[pix.EndToEndID]engine.Mark{}, sent: map[pix.EndToEndID]bool{},
	}
	h.store = &faultyStore{Store: memory.New(func() time.Time { return h.now })}
	var err error
	if h.outbox, err = engine.NewOutbox(engine.OutboxDeps{Store: h.store, Publisher: h.bus}); err != nil {
		r.Fatal(err)
	}
	return h
}

func (h *history) payment(r *rapid.T) *pix.Transaction {
	tx := payment(rapid.IntRange(0, 60).Draw(r, "payment"), pix.Outbound)
	tx.EventTime = tx.EventTime.Add(-time.Duration(rapid.IntRange(0, 12).Draw(r, "late")) * time.Minute)
	return tx
}

func (h *history) record(r *rapid.T) {
	for range rapid.IntRange(1, 10).Draw(r, "payments") {
		tx := h.payment(r)
		if err := h.store.Record(h.t.Context(), tx); err != nil {
			r.Fatal(err)
		}
		h.latest[engine.MarkOf(tx)] = h.now
	}
}

func (h *history) decide(r *rapid.T) {
	tx := h.payment(r)
	if err := h.store.Record(h.t.Context(), tx); err != nil {
		r.Fatal(err)
	}
	h.latest[engine.MarkOf(tx)] = h.now
	if _, err := h.store.Commit(h.t.Context(), storetest.Decision(tx, "x")); err != nil {
		r.Fatal(err)
	}
	if _, stands := h.decided[tx.ID]; !stands {
		h.decided[tx.ID] = engine.MarkOf(tx)
	}
}

// refuse makes the bus, or the store's decisions or removals, fail for some payments, or for none.
func (h *history) refuse(r *rapid.T) {
	h.bus.fail, h.store.decision, h.store.mark = nil, nil, nil
	kind := rapid.SampledFrom([]pix.Kind{pix.TooLarge, pix.Unavailable, pix.Timeout, pix.Unexpected}).Draw(r, "kind")
	failure := pix.E(kind, "x", errors.New("refused"))
	every := func(context.Context) error { return failure }
	switch rapid.SampledFrom([]string{"", "", "bus", "some", "decision", "mark"}).Draw(r, "what") {
	case "bus":
		h.bus.fail = func(pix.EndToEndID) error { return failure }
	case "some":
		n := rapid.IntRange(2, 5).Draw(r, "one in")
		h.bus.fail = func(id pix.EndToEndID) error {
			if int(id[len(id)-1])%n == 0 {
				return failure
			}
			return nil
		}
	case "decision":
		h.store.decision = every
	case "mark":
		h.store.mark = every
	}
}

func (h *history) sweep(r *rapid.T) {
	h.now = h.now.Add(time.Duration(rapid.IntRange(1, 3_000).Draw(r, "seconds")) * time.Second)
	_, _ = h.outbox.Sweep(h.t.Context(), h.now)
}

func (h *history) check(r *rapid.T) {
	for _, id := range h.bus.ids() {
		h.sent[id] = true
		if _, stands := h.decided[id]; !stands {
			r.Fatalf("%s was published and never decided", id)
		}
	}
	left := map[engine.Mark]bool{}
	for _, m := range storetest.Marks(h.t, h.store, h.now.Add(time.Hour)) {
		left[engine.Mark{ID: m.ID, Minute: m.Minute}] = true
	}
	for m, at := range h.latest {
		if left[m] {
			continue
		}
		delete(h.latest, m)
		if !h.sent[m.ID] && (h.decided[m.ID] == m || h.now.Sub(at) <= engine.DefaultOrphanAge) {
			r.Fatalf("the mark of %s is gone: decided %v, recorded %v ago", m.ID, h.decided[m.ID] == m, h.now.Sub(at))
		}
	}
}
