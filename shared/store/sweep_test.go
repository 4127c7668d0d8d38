package store_test

import (
	"context"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigtable/apiv2/bigtablepb"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// tombstones counts what bttest does not show and Bigtable pays for: rows that were deleted and lie in a range that is read.
type tombstones struct {
	mu     sync.Mutex
	sorted bool
	dead   []string // row keys
	walked int      // marks
	ranges int      // of marks
	listed int      // the most closed minutes in one listing
	opens  int      // mutations of minutes' rows
}

func (c *tombstones) options() []option.ClientOption {
	return []option.ClientOption{option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(c.intercept))}
}

func (c *tombstones) intercept(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := streamer(ctx, desc, conn, method, opts...)
	return &countedStream{stream, c}, err
}

type countedStream struct {
	grpc.ClientStream
	c *tombstones
}

func (s *countedStream) SendMsg(m any) error {
	s.c.count(m)
	return s.ClientStream.SendMsg(m)
}

func (c *tombstones) count(m any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch req := m.(type) {
	case *bigtablepb.MutateRowsRequest:
		for _, e := range req.GetEntries() {
			key := string(e.GetRowKey())
			deletes := e.GetMutations()[0].GetSetCell() == nil
			switch {
			case deletes:
				c.dead, c.sorted = append(c.dead, key), false
			case strings.HasPrefix(key, "minute#"):
				c.opens++
			}
		}
	case *bigtablepb.ReadRowsRequest:
		for _, r := range req.GetRows().GetRowRanges() {
			c.walk(string(r.GetStartKeyClosed()), string(r.GetEndKeyOpen()))
		}
	}
}

func (c *tombstones) walk(begin, end string) {
	if !c.sorted {
		slices.Sort(c.dead)
		c.sorted = true
	}
	n := sort.SearchStrings(c.dead, end) - sort.SearchStrings(c.dead, begin)
	if !strings.HasPrefix(begin, "pend#") {
		c.listed = max(c.listed, n)
		return
	}
	c.ranges++
	c.walked += n
}

// take returns what was counted since the last call.
func (c *tombstones) take() (walked, ranges int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	walked, ranges, c.walked, c.ranges = c.walked, c.ranges, 0, 0
	return walked, ranges
}

// hand is a clock that a test moves.
type hand struct {
	mu  sync.Mutex
	now time.Time
}

func newHand() *hand { return &hand{now: time.Now().UTC().Truncate(time.Minute)} }

func (h *hand) clock() time.Time { return h.ahead(0)() }

// ahead is the clock of a machine whose time is wrong.
func (h *hand) ahead(by time.Duration) func() time.Time {
	return func() time.Time {
		h.mu.Lock()
		defer h.mu.Unlock()
		return h.now.Add(by)
	}
}

func (h *hand) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// sent is a bus that remembers.
type sent struct {
	mu  sync.Mutex
	ids map[pix.EndToEndID]int
}

func (b *sent) PublishDecision(_ context.Context, d *pix.Decision) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.ids == nil {
		b.ids = map[pix.EndToEndID]int{}
	}
	b.ids[d.ID()]++
	return nil
}

func (b *sent) times(id pix.EndToEndID) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ids[id]
}

func outbox(t *testing.T, s engine.Store, b *sent) *engine.Outbox {
	t.Helper()
	o, err := engine.NewOutbox(engine.OutboxDeps{Store: s, Publisher: b})
	must(t, err)
	return o
}

// current gives the n-th payment, of now and of nobody else.
func current(n int, now time.Time) pix.Transaction {
	tx := storetest.Payment(n, 1000+2*n, 1001+2*n)
	tx.DeviceToken, tx.EventTime = pix.TokenPair{}, now
	return tx
}

// TestSweepsWalkFewTombstones: an hour and a half of payments, all published, swept every ten seconds. A sweep that read every mark
// there ever was would step over all of theirs each time.
func TestSweepsWalkFewTombstones(t *testing.T) {
	t.Parallel()
	const minutes, perMinute = 90, 18
	h, c := newHand(), &tombstones{}
	cfg := config(t)
	cfg.Clock = h.clock
	s := open(t, cfg, server(t), c.options()...)
	o := outbox(t, s, &sent{})
	most, total := 0, 0
	sweep := func(o *engine.Outbox) (walked, ranges int) {
		c.take()
		if _, err := o.Sweep(t.Context(), h.clock().Add(-30*time.Second)); err != nil {
			t.Fatal(err)
		}
		return c.take()
	}
	for n := range minutes * perMinute {
		tx := current(n, h.clock())
		must(t, s.Record(t.Context(), &tx))
		must(t, s.MarkPublished(t.Context(), []engine.Mark{engine.MarkOf(&tx)}))
		h.pass(time.Minute / perMinute)
		if n%3 == 2 { // ten seconds
			walked, _ := sweep(o)
			most, total = max(most, walked), total+walked
		}
	}
	const payments = minutes * perMinute
	t.Logf("%d marks were removed; a sweep stepped over %d at most, all of %d together over %.1f for each payment",
		payments, most, payments/3, float64(total)/payments)
	if most > 40*perMinute {
		t.Errorf("a sweep stepped over %d tombstones, want at most those of 40 minutes: %d", most, 40*perMinute)
	}
	if total > 12*payments {
		t.Errorf("all sweeps stepped over %d tombstones, want at most 12 for each payment: %d", total, 12*payments)
	}
	if fresh, _ := sweep(outbox(t, s, &sent{})); fresh > 40*perMinute {
		t.Errorf("the first sweep of a new process stepped over %d tombstones, want at most those of 40 minutes: %d", fresh, 40*perMinute)
	}
	if c.listed > minutes {
		t.Errorf("a listing of minutes stepped over %d that were closed, want %d at most", c.listed, minutes)
	}
	if c.opens < minutes*3 || c.opens > minutes*4 {
		t.Errorf("%d minutes were opened, want one in 20 seconds: %d", c.opens, minutes*3)
	}
	for range 12 * 6 {
		h.pass(50 * time.Second)
		sweep(o)
	}
	if _, ranges := sweep(o); ranges != 0 {
		t.Errorf("an hour later a sweep reads %d ranges of marks, want none", ranges)
	}
}

// TestMarksOfOtherClocks: a process whose clock is five minutes off, either way, leaves payments of any time: each is
// published, though another process sweeps and closes minutes by its own clock all the while.
func TestMarksOfOtherClocks(t *testing.T) {
	t.Parallel()
	for name, skew := range map[string]time.Duration{"right": 0, "slow": -5 * time.Minute, "fast": 5 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, opts, cfg := newHand(), server(t), config(t)
			cfg.Clock = h.clock
			b := &sent{}
			o := outbox(t, open(t, cfg, opts), b)
			cfg.Clock = h.ahead(skew)
			writer := open(t, cfg, opts)
			var ids []pix.EndToEndID
			late := []time.Duration{0, time.Minute, 17 * time.Minute, 26 * time.Hour, -4 * time.Minute}
			for n := range 180 { // half an hour; three in a row are of one minute, which the first opens
				h.pass(10 * time.Second)
				tx := current(n, h.clock().Add(-late[n/3%len(late)]))
				must(t, writer.Record(t.Context(), &tx))
				_, err := writer.Commit(t.Context(), storetest.Decision(&tx, "x"))
				must(t, err)
				ids = append(ids, tx.ID)
				_, err = o.Sweep(t.Context(), h.clock().Add(-30*time.Second))
				must(t, err)
			}
			for range 100 {
				h.pass(10 * time.Second)
				_, err := o.Sweep(t.Context(), h.clock().Add(-30*time.Second))
				must(t, err)
			}
			for n, id := range ids {
				if b.times(id) != 1 {
					t.Errorf("payment %d, %v late, was published %d times, want once", n, late[n/3%len(late)], b.times(id))
				}
			}
		})
	}
}

// TestMarkIsFoundSoon: what a crash left is published within two minutes of its recording, however late its event is and
// however busy its minute.
func TestMarkIsFoundSoon(t *testing.T) {
	t.Parallel()
	h, cfg := newHand(), config(t)
	cfg.Clock = h.clock
	s, b := open(t, cfg, server(t)), &sent{}
	o := outbox(t, s, b)
	old := h.clock().Add(-3 * time.Hour)
	recorded, found := map[pix.EndToEndID]time.Time{}, map[pix.EndToEndID]time.Duration{}
	for n := range 240 { // every payment is of the same minute for half an hour, then it is quiet
		h.pass(10 * time.Second)
		if n < 180 {
			tx := current(n, old)
			must(t, s.Record(t.Context(), &tx))
			_, err := s.Commit(t.Context(), storetest.Decision(&tx, "x"))
			must(t, err)
			recorded[tx.ID] = h.clock()
		}
		_, err := o.Sweep(t.Context(), h.clock().Add(-30*time.Second))
		must(t, err)
		for id, at := range recorded {
			if _, known := found[id]; !known && b.times(id) > 0 {
				found[id] = h.clock().Sub(at)
			}
		}
	}
	for id := range recorded {
		if took, known := found[id]; !known || took > 2*time.Minute {
			t.Errorf("%s was published %v after its recording (%v), want two minutes at most", id, took, known)
		}
	}
}

// TestUnopenedMinute: a write that took the mark and not the opening is no opening: the next payment opens the minute.
func TestUnopenedMinute(t *testing.T) {
	t.Parallel()
	const minuteEntry = 4 // of the bulk write, after payer, payee, device and pair, before the mark
	p := &partial{code: codes.PermissionDenied, index: minuteEntry, n: 1}
	s := open(t, config(t), server(t), p.options()...)
	lost, next := storetest.Payment(1, 10, 20), storetest.Payment(2, 10, 20)
	next.EventTime = lost.EventTime
	if err := s.Record(t.Context(), &lost); err == nil {
		t.Fatal("a write that was refused in part succeeded")
	}
	must(t, s.Record(t.Context(), &next))
	if left := storetest.Marks(t, s, time.Now().Add(time.Hour)); len(left) != 2 {
		t.Errorf("%d marks are found, want 2", len(left))
	}
}

// TestLostReplyOfSwap: a swap whose reply was lost is resolved by reading, whether it was carried out or not.
func TestLostReplyOfSwap(t *testing.T) {
	t.Parallel()
	faults := fault.New()
	s := open(t, config(t), server(t), faults.ClientOptions()...)
	swap := func(was, next string) string {
		got, err := s.Swap(t.Context(), "x", was, next)
		must(t, err)
		return got
	}
	faults.LoseReply("CheckAndMutateRow", 1)
	if got := swap("", "mine#1"); got != "mine#1" {
		t.Errorf("%q stands, want mine#1", got)
	}
	faults.LoseReply("CheckAndMutateRow", 1)
	if got := swap("mine#1", "mine#2"); got != "mine#2" {
		t.Errorf("%q stands, want mine#2", got)
	}
	faults.Refuse("CheckAndMutateRow", codes.Unavailable, 1)
	if got, err := s.Swap(t.Context(), "x", "mine#2", "mine#3"); pix.KindOf(err) != pix.Unavailable || got != "" {
		t.Errorf("a swap that was refused: %q, %v", got, err)
	}
	if d := cmp.Diff("mine#2", swap("other", "other#1")); d != "" {
		t.Errorf("what stands (-want +got):\n%s", d)
	}
}

// TestOneSwapWins: of many processes that swap the same value at once, one succeeds and all learn who.
func TestOneSwapWins(t *testing.T) {
	t.Parallel()
	opts, cfg := server(t), config(t)
	var stores []*store.Store
	for range 3 {
		stores = append(stores, open(t, cfg, opts))
	}
	got := make([]string, 24)
	var group sync.WaitGroup
	for i := range got {
		group.Go(func() {
			var err error
			if got[i], err = stores[i%3].Swap(t.Context(), "x", "", string(rune('a'+i))); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if len(slices.Compact(got)) != 1 {
		t.Errorf("%q stand, want one value", got)
	}
}
