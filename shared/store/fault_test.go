package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/bigtable/apiv2/bigtablepb"
	"google.golang.org/api/option"
	rpcstatus "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// pay records, reads and commits, and returns the decision that stands and how many events the payer has.
func pay(ctx context.Context, s *store.Store, tx *pix.Transaction, by string) (*pix.Decision, int, error) {
	if err := s.Record(ctx, tx); err != nil {
		return nil, 0, err
	}
	h, _, err := s.Read(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	d, err := s.Commit(ctx, storetest.Decision(tx, by))
	return d, len(h.Payer.Out.Events), err
}

func TestLostReplyOfRecordCountsOnce(t *testing.T) {
	t.Parallel()
	faults := fault.New()
	s := open(t, config(t), server(t), faults.ClientOptions()...)
	faults.LoseReply("MutateRows", 2)
	tx := storetest.Payment(1, 10, 20)
	_, seen, err := pay(t.Context(), s, &tx, "x")
	must(t, err)
	if seen != 1 {
		t.Errorf("the payer has %d events, want 1", seen)
	}
	if got := faults.Calls("MutateRows"); got != 3 {
		t.Errorf("MutateRows was tried %d times, want 3: the fault did not bite", got)
	}
}

func TestLostReplyOfCommitIsResolvedByReading(t *testing.T) {
	t.Parallel()
	faults := fault.New()
	s := open(t, config(t), server(t), faults.ClientOptions()...)
	tx := storetest.Payment(1, 10, 20)

	faults.LoseReply("CheckAndMutateRow", 1)
	d, err := s.Commit(t.Context(), storetest.Decision(&tx, "mine"))
	must(t, err)
	if d.TraceID != storetest.Trace("mine") {
		t.Errorf("%q stands, want mine", d.TraceID)
	}

	faults.LoseReply("CheckAndMutateRow", 1)
	d, err = s.Commit(t.Context(), storetest.Decision(&tx, "other"))
	must(t, err)
	if d.TraceID != storetest.Trace("mine") {
		t.Errorf("%q stands, want mine, which was first", d.TraceID)
	}
}

func TestRefusedCommitDecidesNothing(t *testing.T) {
	t.Parallel()
	faults := fault.New()
	s := open(t, config(t), server(t), faults.ClientOptions()...)
	tx := storetest.Payment(1, 10, 20)
	faults.Refuse("CheckAndMutateRow", codes.Unavailable, 1)
	if d, err := s.Commit(t.Context(), storetest.Decision(&tx, "x")); d != nil || pix.KindOf(err) != pix.Unavailable {
		t.Errorf("Commit = %v, %v; want no decision and kind unavailable", d, err)
	}
	if d, err := s.Decision(t.Context(), tx.ID); d != nil || err != nil {
		t.Errorf("Decision = %v, %v; want none", d, err)
	}
}

// TestNoDecisionWithoutItsMark: where the event was not written the mark goes first, so that no crash and no fault between
// the two leaves a decision that nothing leads to.
func TestNoDecisionWithoutItsMark(t *testing.T) {
	t.Parallel()
	for call, marks := range map[string]int{"MutateRow": 0, "CheckAndMutateRow": 1} {
		faults := fault.New()
		s := open(t, config(t), server(t), faults.ClientOptions()...)
		tx := storetest.Payment(1, 10, 20)
		owing := storetest.Decision(&tx, "x")
		owing.Unrecorded = true
		faults.Refuse(call, codes.PermissionDenied, -1)
		if d, err := s.Commit(t.Context(), owing); d != nil || err == nil {
			t.Errorf("%s refused: Commit = %v, %v", call, d, err)
		}
		faults.Restore(call)
		if d, err := s.Decision(t.Context(), tx.ID); d != nil || err != nil {
			t.Errorf("%s refused: Decision = %v, %v; want none", call, d, err)
		}
		if list := storetest.Marks(t, s, time.Now().Add(time.Hour)); len(list) != marks {
			t.Errorf("%s refused: %d marks, want %d", call, len(list), marks)
		}
	}
}

func TestUnavailableForAWhile(t *testing.T) {
	t.Parallel()
	faults := fault.New()
	s := open(t, config(t), server(t), faults.ClientOptions()...)
	tx := storetest.Payment(1, 10, 20)
	faults.Down("*")
	soon := func() context.Context {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		t.Cleanup(cancel)
		return ctx
	}
	_, _, readErr := s.Read(soon(), &tx)
	_, commitErr := s.Commit(soon(), storetest.Decision(&tx, "x"))
	for what, err := range map[string]error{"Record": s.Record(soon(), &tx), "Read": readErr, "Commit": commitErr} {
		if kind := pix.KindOf(err); err == nil || kind != pix.Unavailable && kind != pix.Timeout {
			t.Errorf("%s while away: %v, want unavailable or timeout", what, err)
		}
		if err != nil && strings.Contains(err.Error(), string(tx.Payer.Account.Current)) {
			t.Errorf("%s: the error holds a token: %v", what, err)
		}
	}
	faults.Restore("*")
	d, seen, err := pay(t.Context(), s, &tx, "x")
	must(t, err)
	if d.TraceID != storetest.Trace("x") || seen != 1 {
		t.Errorf("after the outage %q stands on %d events, want x on 1", d.TraceID, seen)
	}
}

func TestSlowStoreIsATimeout(t *testing.T) {
	t.Parallel()
	faults := fault.New()
	cfg := config(t)
	cfg.CallTimeout = 50 * time.Millisecond
	s := open(t, cfg, server(t), faults.ClientOptions()...)
	faults.Delay("*", time.Minute)
	tx := storetest.Payment(1, 10, 20)
	began := time.Now()
	_, _, readErr := s.Read(t.Context(), &tx)
	_, commitErr := s.Commit(t.Context(), storetest.Decision(&tx, "x"))
	for what, err := range map[string]error{"Record": s.Record(t.Context(), &tx), "Read": readErr, "Commit": commitErr} {
		if pix.KindOf(err) != pix.Timeout {
			t.Errorf("%s: %v, want kind timeout", what, err)
		}
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the calls took %v: the deadline is not kept", took)
	}
}

// partial makes the server's answer to the next bulk writes report a failure of one entry, which was not applied.
type partial struct {
	mu    sync.Mutex
	code  codes.Code
	index int // of the entry
	n     int // answers left to spoil
	// meanwhile runs while one entry is in and the other is not; may be nil
	meanwhile func()
}

func (p *partial) options() []option.ClientOption {
	return []option.ClientOption{option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(p.intercept))}
}

func (p *partial) intercept(ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string,
	streamer grpc.Streamer, opts ...grpc.CallOption,
) (grpc.ClientStream, error) {
	stream, err := streamer(ctx, desc, conn, method, opts...)
	if err != nil || !strings.HasSuffix(method, "/MutateRows") {
		return stream, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == 0 {
		return stream, nil
	}
	p.n--
	return &partialStream{ClientStream: stream, p: p}, nil
}

// partialStream drops one entry from the request and puts its failure into the answer.
type partialStream struct {
	grpc.ClientStream
	p *partial
}

func (s *partialStream) SendMsg(m any) error {
	req, ok := m.(*bigtablepb.MutateRowsRequest)
	if !ok || len(req.GetEntries()) <= s.p.index {
		return errors.New("unexpected request")
	}
	kept := &bigtablepb.MutateRowsRequest{TableName: req.GetTableName(), AppProfileId: req.GetAppProfileId()}
	for i, e := range req.GetEntries() {
		if i != s.p.index {
			kept.Entries = append(kept.Entries, e)
		}
	}
	return s.ClientStream.SendMsg(kept)
}

func (s *partialStream) RecvMsg(m any) error {
	if err := s.ClientStream.RecvMsg(m); err != nil {
		return err
	}
	res, ok := m.(*bigtablepb.MutateRowsResponse)
	if !ok {
		return errors.New("unexpected answer")
	}
	for _, e := range res.GetEntries() {
		if e.GetIndex() >= int64(s.p.index) {
			e.Index++
		}
	}
	res.Entries = append(res.Entries, &bigtablepb.MutateRowsResponse_Entry{
		Index: int64(s.p.index), Status: &rpcstatus.Status{Code: int32(s.p.code)},
	})
	if s.p.meanwhile != nil {
		s.p.meanwhile()
	}
	return nil
}

func TestPartialRecord(t *testing.T) {
	t.Parallel()
	t.Run("what may pass is retried until all entries are in", func(t *testing.T) {
		t.Parallel()
		for index := range 6 { // payer, payee, device, pair, minute, mark
			p := &partial{code: codes.Unavailable, index: index, n: 1}
			s := open(t, config(t), server(t), p.options()...)
			tx := storetest.Payment(1, 10, 20)
			must(t, s.Record(t.Context(), &tx))
			h, _, err := s.Read(t.Context(), &tx)
			must(t, err)
			if len(h.Payer.Out.Events) != 1 || len(h.Payee.In.Events) != 1 || len(h.Device.Use.Events) != 1 {
				t.Errorf("entry %d failed once: %d out, %d in, %d use; want 1 each",
					index, len(h.Payer.Out.Events), len(h.Payee.In.Events), len(h.Device.Use.Events))
			}
			if left := storetest.Marks(t, s, time.Now().Add(time.Hour)); len(left) != 1 {
				t.Errorf("entry %d failed once: %d marks, want 1", index, len(left))
			}
		}
	})
	t.Run("what stays refused is an error", func(t *testing.T) {
		t.Parallel()
		for index := range 6 {
			p := &partial{code: codes.PermissionDenied, index: index, n: 1}
			s := open(t, config(t), server(t), p.options()...)
			tx := storetest.Payment(1, 10, 20)
			if err := s.Record(t.Context(), &tx); pix.KindOf(err) != pix.Unavailable || err == nil {
				t.Errorf("entry %d was refused: Record = %v, want kind unavailable", index, err)
			}
			must(t, s.Record(t.Context(), &tx)) // again, by whoever publishes or by a sweep: whatever was missing is written now
			if left := storetest.Marks(t, s, time.Now().Add(time.Hour)); len(left) != 1 {
				t.Errorf("entry %d was refused, then recorded again: %d marks, want 1", index, len(left))
			}
		}
	})
}

// Lost replies at random, on every method, with duplicates: what stands must be what a reader of the table finds.
func TestRandomLossKeepsOneDecision(t *testing.T) {
	t.Parallel()
	faults := fault.New()
	s := open(t, config(t), server(t), faults.ClientOptions()...)
	for n := range 30 {
		tx := storetest.Payment(n, 10, 20)
		stands := make([]string, 4)
		var group sync.WaitGroup
		for i := range stands {
			faults.LoseReply([]string{"MutateRows", "ReadRows", "CheckAndMutateRow"}[(n+i)%3], 1)
			group.Go(func() {
				for {
					d, _, err := pay(t.Context(), s, &tx, string(rune('a'+i)))
					if err == nil {
						stands[i] = d.TraceID
						return
					}
				}
			})
		}
		group.Wait()
		d, err := s.Decision(t.Context(), tx.ID)
		must(t, err)
		for i, got := range stands {
			if got != d.TraceID {
				t.Fatalf("payment %d: deliverer %d was told %q, but %q stands", n, i, got, d.TraceID)
			}
		}
	}
	tx := storetest.Payment(30, 10, 20)
	h, _, err := s.Read(t.Context(), &tx)
	must(t, err)
	if len(h.Payer.Out.Events) != 30 {
		t.Errorf("the payer has %d events, want 30", len(h.Payer.Out.Events))
	}
}
