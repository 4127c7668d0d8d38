package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigtable/bttest"
	"google.golang.org/api/option"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// warm makes the merchant hot: it pays often enough, lets the promotion take effect and moves what was left behind.
func (m *merchant) warm() {
	m.t.Helper()
	s := m.stores[0]
	for range 80 {
		m.clock.advance(time.Second)
		tx := m.payment(m.clock.at(0)())
		m.pay(s, &tx)
		m.read(s, &tx)
	}
	m.tend()
	m.clock.advance(2 * time.Minute)
	m.settle()
	if s.Known() == 0 {
		m.t.Fatal("the merchant was not promoted")
	}
}

// settle lets upkeep come to rest: the margins for late writes pass, and reads ask for what is left to do.
func (m *merchant) settle() {
	m.t.Helper()
	for range 8 {
		m.flow(1, 0)
		m.clock.advance(15 * time.Second)
		m.tend()
	}
}

// flow makes payments one second apart and checks what the last one sees.
func (m *merchant) flow(n int, every time.Duration) (tiles int) {
	m.t.Helper()
	var tx pix.Transaction
	for range n {
		m.clock.advance(every)
		tx = m.payment(m.clock.at(0)())
		m.pay(m.stores[m.number%len(m.stores)], &tx)
	}
	return m.check(&tx)
}

func TestPromotionInTheMiddleOfTraffic(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	knowing, stale := m.process(0), m.process(0)
	seen := 0
	for range 200 {
		seen = max(seen, m.flow(2, 900*time.Millisecond))
		must(t, knowing.Tend(t.Context())) // stale learns from what it reads only
	}
	if knowing.Known() == 0 || stale.Known() == 0 || seen == 0 {
		t.Errorf("%d and %d streams are known, %d tiles were served; want some", knowing.Known(), stale.Known(), seen)
	}
}

// A process that starts while the merchant has long been hot is right with its first read.
func TestFreshProcess(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	m.process(0)
	m.warm()
	m.flow(60, 10*time.Second)
	m.settle()
	tx := m.payment(m.clock.at(0)())
	m.pay(m.stores[0], &tx)
	m.stores = []*store.Store{m.process(0)}
	if m.check(&tx) == 0 {
		t.Error("no tiles are served")
	}
	listed := m.process(0)
	must(t, listed.Tend(t.Context()))
	if listed.Known() == 0 {
		t.Error("the index does not list the merchant")
	}
}

// A process that never reads histories, as the one that takes labels, must not write statuses where nobody looks.
func TestStatusFromAProcessThatNeverReads(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	m.process(0)
	m.warm()
	cfg := m.cfg
	cfg.Clock = m.clock.at(0)
	marker := open(t, cfg, m.opts)
	tx := m.payment(m.clock.at(0)())
	m.pay(m.stores[0], &tx)
	m.flow(20, 20*time.Second)
	m.tend()
	m.mark(marker, &tx, &pix.Status{ID: tx.ID, State: pix.Settled})
	m.flow(1, time.Second)
	m.settle()
	m.flow(1, time.Second)
}

// The three calls of a payment, also to a hot merchant, and one more read for one that comes late.
func TestCallsPerPaymentToAHotMerchant(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	calls := fault.New()
	s := m.process(0, calls.ClientOptions()...)
	m.warm()
	m.flow(100, time.Second)
	m.tend()
	m.flow(1, time.Second)
	pay := func(at time.Time, want map[string]int) {
		t.Helper()
		before := map[string]int{}
		for method := range want {
			before[method] = calls.Calls(method)
		}
		tx := m.payment(at)
		m.pay(s, &tx)
		h := m.read(s, &tx)
		if len(h.Payee.In.Tiles) == 0 {
			t.Fatal("the merchant is not served from tiles")
		}
		_, err := s.Commit(t.Context(), storetest.Decision(&tx, "x"))
		must(t, err)
		for method, n := range want {
			if got := calls.Calls(method) - before[method]; got != n {
				t.Errorf("%s was called %d times, want %d", method, got, n)
			}
		}
	}
	for range 20 {
		m.clock.advance(time.Second)
		pay(m.clock.at(0)(), map[string]int{"MutateRows": 1, "ReadRows": 1, "CheckAndMutateRow": 1, "*": 3})
	}
	pay(m.clock.at(-time.Minute)(), map[string]int{"MutateRows": 1, "ReadRows": 2, "CheckAndMutateRow": 1, "*": 4})
}

func TestLateEventsAndStatusesReachTheirTiles(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	s := m.process(0)
	m.warm()
	start := m.clock.at(0)()
	m.flow(200, 20*time.Second)
	m.settle()
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
	m.settle()
	m.flow(1, time.Second)
	for range 3 {
		m.clock.advance(time.Minute)
		m.settle()
	}
	if got := raw(); got > before+16 {
		t.Errorf("%d raw events are read, %d before: late ones stay outside of their tiles", got, before)
	}
	m.pay(s, &late)
	m.flow(1, time.Second)
	m.clock.advance(25 * time.Hour) // served from hours and days
	m.flow(30, time.Second)
	m.settle()
	m.pay(s, &late)
	m.mark(s, &settled, &pix.Status{ID: late.ID, State: pix.Returned, Returned: 80, ReturnID: "D3"})
	m.flow(1, time.Second)
	m.settle()
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
	m.settle()
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
	m.settle()
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
			m.settle()
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
			m.settle()
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
			m.settle()
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
			m.settle()
			m.flow(1, time.Second)
		})
	}
}

func TestTwoProcessesSealAtOnce(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	a, b := m.process(0), m.process(3*time.Second)
	m.warm()
	for range 40 {
		m.flow(12, time.Second)
		var group sync.WaitGroup
		for _, s := range []*store.Store{a, b} {
			group.Go(func() { _ = s.Tend(t.Context()) }) // one may find the other ahead and come back later
		}
		group.Wait()
		if m.flow(1, time.Millisecond) == 0 {
			t.Fatal("no tiles are served")
		}
	}
}

// A sealer that dies anywhere between its first tile and its watermark leaves nothing wrong behind.
func TestCrashOfTheSealer(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	faults := fault.New()
	m.process(0)
	dying := m.process(0, faults.ClientOptions()...)
	m.warm()
	old := m.clock.at(0)()
	for n := range 60 {
		late := m.payment(old.Add(time.Duration(n) * time.Second))
		m.pay(m.stores[n%2], &late)
		m.flow(12, time.Second)
		for range n % 6 { // how many writes it lives
			faults.Restore("MutateRows")
		}
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		group.Go(func() {
			if err := faults.Await(ctx, "MutateRows", faults.Calls("MutateRows")+1+n%5); err == nil {
				faults.Refuse("MutateRows", codes.PermissionDenied, -1)
			}
		})
		_ = dying.Tend(t.Context())
		cancel()
		group.Wait()
		faults.Restore("MutateRows")
		m.flow(1, time.Millisecond)
		if n%4 == 0 {
			must(t, m.stores[0].Tend(t.Context()))
			m.flow(1, time.Millisecond)
		}
	}
}

// A sealer some of whose tiles are refused, while everything after them passes, does not move the watermark past them.
func TestRefusedTilesHoldTheWatermark(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	faults := fault.New()
	m.process(0)
	refused := m.process(0, faults.ClientOptions()...)
	m.warm()
	failures := 0
	for range 12 {
		m.flow(30, 2*time.Second)
		faults.Refuse("MutateRows", codes.PermissionDenied, 1)
		if err := refused.Tend(t.Context()); err != nil {
			failures++
		}
		faults.Restore("MutateRows")
		m.flow(1, time.Millisecond)
	}
	if failures < 6 {
		t.Errorf("upkeep failed %d times: the fault did not bite", failures)
	}
}

// Clocks of writers and sealers differ by up to five minutes. What a writer took for punctual may be seen late, but
// once the second look has passed everything is exact.
func TestClockSkew(t *testing.T) {
	t.Parallel()
	const most = 5 * time.Minute
	for _, skews := range [][]time.Duration{{0, -most}, {0, most}, {-most, most}} {
		t.Run(fmt.Sprint(skews), func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, small())
			for _, skew := range skews {
				m.process(skew)
			}
			r := rand.New(rand.NewPCG(5, 5))
			for n := range 250 {
				m.clock.advance(time.Duration(r.IntN(4000)) * time.Millisecond)
				at := m.clock.at(0)()
				if n%5 == 0 {
					at = at.Add(-time.Duration(r.IntN(300)) * time.Second)
				}
				s := m.stores[r.IntN(len(m.stores))]
				tx := m.payment(at)
				m.pay(s, &tx)
				m.read(s, &tx)
				if n%4 == 0 {
					_ = m.stores[r.IntN(len(m.stores))].Tend(t.Context())
				}
			}
			for range 40 {
				m.clock.advance(time.Minute)
				tx := m.payment(m.clock.at(0)())
				m.pay(m.stores[0], &tx)
				for _, s := range m.stores {
					m.read(s, &tx)
					_ = s.Tend(t.Context())
				}
			}
			if m.flow(1, time.Second) == 0 {
				t.Error("no tiles are served")
			}
		})
	}
}

func TestRotationOfAHotMerchant(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	m.process(0)
	m.warm()
	m.flow(100, time.Second)
	m.settle()
	before := m.payment(m.clock.at(0)())
	m.pay(m.stores[0], &before)
	m.rotate = storetest.Rotated
	for range 60 {
		m.flow(4, time.Second)
		m.tend()
	}
	m.clock.advance(3 * time.Hour)
	if m.flow(80, time.Second) == 0 {
		t.Error("no tiles are served")
	}
	m.settle()
	// Redelivered under the new token, hours later: it is in a tile of the old one.
	before.Payee.Account, before.Payer.Account = m.rotate(pix.AccountToken, payee), m.rotate(pix.AccountToken, 1)
	must(t, m.stores[0].Record(t.Context(), &before))
	tx := m.payment(m.clock.at(0)())
	m.pay(m.stores[0], &tx)
	want := m.stream(feature.Rows(&tx).Payee, feature.FamilyIn)
	got := m.read(m.stores[0], &tx).Payee.In
	if n := windows(t, &tx, feature.FamilyIn, got)[5].Totals.Count; n != len(want.Events)-1 {
		t.Errorf("%d events are seen, want %d", n, len(want.Events)-1)
	}
}

func TestQuietAgainIsExact(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	calls := fault.New()
	s := m.process(0, calls.ClientOptions()...)
	m.warm()
	m.flow(100, time.Second)
	m.settle()
	m.clock.advance(feature.MaxWindow - time.Hour)
	m.flow(20, time.Minute)
	m.settle()
	m.clock.advance(2 * time.Hour) // the busy days have left the window: every event is wanted again
	fresh := m.process(0)
	tx := m.payment(m.clock.at(0)())
	m.pay(s, &tx)
	if got := m.read(fresh, &tx).Payee.In; len(got.Tiles) > 0 || len(got.Events) < 20 {
		t.Errorf("a new process is served %d tiles and %d events, want events only", len(got.Tiles), len(got.Events))
	}
	if got := m.read(s, &tx).Payee.In; len(got.Tiles) > 0 || len(got.Events) < 20 {
		t.Errorf("%d tiles and %d events are served, want events only", len(got.Tiles), len(got.Events))
	}
	m.check(&tx)
	before := calls.Calls("ReadRows")
	m.read(s, &tx)
	if got := calls.Calls("ReadRows") - before; got != 1 {
		t.Errorf("%d reads, want 1: the process has learned", got)
	}
	m.flow(100, time.Second) // and busy once more
	m.settle()
	if m.flow(2, time.Second) == 0 {
		t.Error("no tiles are served")
	}
}

func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, store.Tuning{Busy: 1000, MaxCells: 120})
	s := m.process(0)
	var tx pix.Transaction
	for range 200 {
		tx = m.payment(m.clock.at(0)())
		must(t, s.Record(t.Context(), &tx))
	}
	if _, _, err := s.Read(t.Context(), &tx); err == nil || pix.KindOf(err) != pix.Unavailable {
		t.Errorf("Read of a row with 200 cells = %v, want kind unavailable", err)
	}
}

// relay is a TCP server in front of the store that can be cut and come back on the same address.
type relay struct {
	t      *testing.T
	target string
	addr   string
	mu     sync.Mutex
	listen net.Listener
	conns  []net.Conn
	work   sync.WaitGroup
}

func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	r := &relay{t: t, target: target, addr: "127.0.0.1:0"}
	r.start()
	t.Cleanup(r.cut)
	return r
}

func (r *relay) start() {
	r.t.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", r.addr)
	must(r.t, err)
	r.mu.Lock()
	r.listen, r.addr = l, l.Addr().String()
	r.mu.Unlock()
	r.work.Go(func() {
		for {
			in, err := l.Accept()
			if errors.Is(err, net.ErrClosed) || err != nil {
				return
			}
			out, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", r.target)
			if err != nil {
				_ = in.Close()
				continue
			}
			r.mu.Lock()
			r.conns = append(r.conns, in, out)
			r.mu.Unlock()
			r.work.Go(func() { _, _ = io.Copy(in, out); _ = in.Close() })
			r.work.Go(func() { _, _ = io.Copy(out, in); _ = out.Close() })
		}
	})
}

func (r *relay) cut() {
	r.mu.Lock()
	_ = r.listen.Close()
	for _, c := range r.conns {
		_ = c.Close()
	}
	r.conns = nil
	r.mu.Unlock()
	r.work.Wait()
}

// The store goes away and comes back with its data: calls fail or wait, then everything is as it was.
func TestRestartOfTheStore(t *testing.T) {
	t.Parallel()
	server, err := bttest.NewServer("127.0.0.1:0", pixtest.OneWriter()...)
	must(t, err)
	t.Cleanup(server.Close)
	r := newRelay(t, server.Addr)
	m := newMerchant(t, small())
	m.opts = reach(r.addr)
	s := m.process(0, option.WithGRPCConnectionPool(1))
	m.warm()
	for range 3 {
		m.flow(30, time.Second)
		r.cut()
		tx := m.payment(m.clock.at(0)())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if err := s.Record(ctx, &tx); err == nil {
			t.Fatal("a store that is away took a payment")
		}
		_ = s.Tend(ctx)
		cancel()
		r.start()
		must(t, s.Record(t.Context(), &tx)) // the client connects again by itself
		m.record(&tx)
		m.flow(30, time.Second)
		m.settle()
	}
}
