package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
)

func TestLateEventsAndStatusesReachTheirTiles(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	s := m.process(0)
	m.warm()
	start := m.clock.at(0)()
	m.flow(200, 20*time.Second)
	m.rest()
	late := m.payment(start.Add(10 * time.Minute))
	settled := late
	for range 2 { // the second is a redelivery
		m.pay(s, &late)
		m.mark(s, &settled, &pix.Status{ID: late.ID, State: pix.Settled})
		m.mark(s, &settled, &pix.Status{ID: late.ID, State: pix.Returned, Returned: 60, ReturnID: "D1"})
		m.mark(s, &settled, &pix.Status{ID: late.ID, State: pix.Returned, Returned: 70, ReturnID: "D2"})
		m.flow(1, time.Second)
	}
	raw := func() int {
		tx := m.payment(m.clock.at(0)())
		return len(m.read(s, &tx).Payee.In.Events)
	}
	before := raw()
	m.rest()
	m.flow(1, time.Second)
	for range 3 {
		m.clock.advance(time.Minute)
		m.rest()
	}
	if got := raw(); got > before+16 {
		t.Errorf("%d raw events are read, %d before: late ones stay outside of their tiles", got, before)
	}
	m.pay(s, &late)
	m.flow(1, time.Second)
	m.clock.advance(25 * time.Hour) // served from hours and days
	m.flow(30, time.Second)
	m.rest()
	m.pay(s, &late)
	m.mark(s, &settled, &pix.Status{ID: late.ID, State: pix.Returned, Returned: 80, ReturnID: "D3"})
	m.flow(1, time.Second)
	m.rest()
	m.flow(1, time.Second)
}

// The process that wrote a late event dies before it made the tile again: whoever reads the event does it.
func TestLateEventsOfADeadWriter(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	m.process(0)
	m.warm()
	start := m.clock.at(0)()
	m.flow(200, 20*time.Second)
	m.rest()
	cfg := m.cfg
	cfg.Clock = m.clock.at(0)
	dead := open(t, cfg, m.opts)
	must(t, dead.Tend(t.Context()))
	for n := range 40 {
		late := m.payment(start.Add(5*time.Minute + time.Duration(n)*time.Second))
		m.pay(dead, &late)
	}
	count := func() int {
		tx := m.payment(m.clock.at(0)())
		return len(m.read(m.stores[0], &tx).Payee.In.Events)
	}
	before := count()
	m.clock.advance(time.Minute)
	m.rest()
	if after := count(); after > before-20 {
		t.Errorf("%d single events are read, %d before: the late ones are in no tile", after, before)
	}
	m.flow(1, time.Second)
}

func TestLostRepliesAtAHotMerchant(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	faults := fault.New()
	s := m.process(0, faults.ClientOptions()...)
	m.warm()
	r := rand.New(rand.NewPCG(9, 9))
	for n := range 300 {
		faults.LoseReply([]string{"MutateRows", "ReadRows", "CheckAndMutateRow"}[n%3], r.IntN(3))
		at := m.clock.at(0)()
		if n%7 == 0 {
			at = at.Add(-time.Duration(r.IntN(600)) * time.Second)
		}
		tx := m.payment(at)
		m.pay(s, &tx)
		if n%10 == 0 {
			must(t, s.Tend(t.Context()))
			m.check(&tx)
		}
		m.clock.advance(time.Second)
	}
}

// A bulk write of which one entry fails is an error; the redelivery must make the event count once, in every place.
func TestPartialRecordAtAHotMerchant(t *testing.T) {
	t.Parallel()
	for index := range 9 { // raw row, four tile rows, the others
		t.Run(fmt.Sprint("entry ", index), func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, small())
			p := &partial{code: codes.PermissionDenied, index: index}
			s := m.process(0, p.options()...)
			m.warm()
			old := m.clock.at(0)()
			m.flow(100, 40*time.Second)
			m.rest()
			tx := m.payment(old)
			p.mu.Lock()
			p.n = 1
			p.mu.Unlock()
			if err := s.Record(t.Context(), &tx); err == nil {
				t.Fatal("a partial write passed")
			}
			m.pay(s, &tx)
			for range 3 { // half of the write may have left a tile without it for as long as a late event takes
				m.clock.advance(time.Minute)
				must(t, s.Tend(t.Context()))
			}
			m.flow(1, time.Second)
			m.rest()
			m.flow(1, time.Second)
		})
	}
}

// A late write whose entries are not applied at the same moment, as Bigtable's are not, while another process seals:
// whichever entry comes last, the event is neither lost nor counted twice.
func TestSealingBetweenTheEntriesOfALateWrite(t *testing.T) {
	t.Parallel()
	for index := range 8 { // three rows of entities, the raw row, three tile rows, the mark
		t.Run(fmt.Sprint("entry ", index), func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, small())
			p := &partial{code: codes.Unavailable, index: index}
			writer, sealer := m.process(0, p.options()...), m.process(0)
			m.warm()
			old := m.clock.at(0)()
			m.flow(100, 40*time.Second)
			m.rest()
			near := m.payment(old.Add(time.Minute)) // makes the sealer look at these tiles
			m.pay(sealer, &near)
			m.clock.advance(31 * time.Second)
			tx := m.payment(old.Add(61 * time.Second))
			var sealed error
			p.mu.Lock()
			p.n, p.meanwhile = 1, func() { sealed = sealer.Tend(t.Context()) }
			p.mu.Unlock()
			m.pay(writer, &tx)
			must(t, sealed)
			m.flow(1, time.Second)
			m.rest()
			m.flow(1, time.Second)
		})
	}
}
