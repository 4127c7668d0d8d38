package store_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/api/option"
	"google.golang.org/grpc"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// gate holds the calls of a client while it is closed.
type gate struct {
	mu    sync.Mutex
	open  chan struct{}
	calls atomic.Int64
}

func (g *gate) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open = make(chan struct{})
}

func (g *gate) options() []option.ClientOption {
	return []option.ClientOption{option.WithGRPCDialOption(grpc.WithChainStreamInterceptor(func(
		ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		g.mu.Lock()
		open := g.open
		g.mu.Unlock()
		g.calls.Add(1)
		<-open
		return streamer(ctx, desc, conn, method, opts...)
	}))}
}

// together does n things at once, all of whose calls are held until every one of them has come; it returns how many calls
// that took.
func (g *gate) together(t *testing.T, s *store.Store, n int, do func(i int) error) int64 {
	t.Helper()
	g.close()
	before := g.calls.Load()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			if err := do(i); err != nil {
				t.Errorf("%d: %v", i, err)
			}
		})
	}
	for {
		writes, reads := s.Grouped()
		if writes+reads == n-store.GroupCalls {
			break
		}
		time.Sleep(time.Millisecond)
	}
	close(g.open)
	all.Wait()
	return g.calls.Load() - before
}

// TestPaymentsTogether: what payments write and read in calls that they share is what they write and read alone, also when
// together they are more than one read may take.
func TestPaymentsTogether(t *testing.T) {
	t.Parallel()
	const payments = 16
	for _, most := range []int{30, 40_000} {
		t.Run(fmt.Sprint("cells=", most), func(t *testing.T) {
			t.Parallel()
			g := &gate{open: make(chan struct{})}
			close(g.open)
			s := open(t, store.Tuned(config(t), store.Tuning{MaxCells: most}), server(t), g.options()...)
			var all []*pix.Transaction
			for n := range payments {
				tx := storetest.Payment(n, n%5, 100+n%3)
				tx.DeviceToken = storetest.Pair(pix.DeviceToken, n%5)
				all = append(all, &tx)
			}
			writes := g.together(t, s, payments, func(i int) error { return s.Record(t.Context(), all[i]) })
			must(t, decide(t, s, all[0]))
			var alone [payments]feature.Histories
			for i, tx := range all {
				h, _, err := s.Read(t.Context(), tx)
				must(t, err)
				alone[i] = h
			}
			reads := g.together(t, s, payments, func(i int) error {
				h, d, err := s.Read(t.Context(), all[i])
				if diff := cmp.Diff(alone[i], h); diff != "" || (d != nil) != (i == 0) {
					t.Errorf("payment %d, decision %v: %s", i, d, diff)
				}
				return err
			})
			if writes != store.GroupCalls+1 {
				t.Errorf("%d calls wrote %d payments, want %d", writes, payments, store.GroupCalls+1)
			}
			want := int64(store.GroupCalls + 1)
			if most < 100 { // the shared one, and then each alone
				want += payments - store.GroupCalls
			}
			if reads != want {
				t.Errorf("%d calls read %d payments, want %d", reads, payments, want)
			}
		})
	}
}

func decide(t *testing.T, s *store.Store, tx *pix.Transaction) error {
	t.Helper()
	_, err := s.Commit(t.Context(), storetest.Decision(tx, "x"))
	return err
}
