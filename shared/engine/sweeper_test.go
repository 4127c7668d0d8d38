package engine_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// replica is one process of a fleet that shares a store.
type replica struct {
	*memory.Store
	name string
	stop context.CancelFunc
	done chan error

	mu     sync.Mutex
	dead   bool // hears nothing and says nothing any more
	loses  bool // the reply of its next swap
	sweeps []time.Time
	errs   []error
}

func (r *replica) Value(ctx context.Context, name string) (string, error) {
	if r.gone() {
		return "", away()
	}
	return r.Store.Value(ctx, name)
}

func (r *replica) Swap(ctx context.Context, name, was, next string) (string, error) {
	if r.gone() {
		return "", away()
	}
	got, err := r.Store.Swap(ctx, name, was, next)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.loses {
		r.loses = false
		return "", away()
	}
	return got, err
}

func (r *replica) gone() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dead
}

func (r *replica) set(f func(*replica)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(r)
}

// since is how often it swept after a moment.
func (r *replica) since(at time.Time) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.sweeps {
		if s.After(at) {
			n++
		}
	}
	return n
}

func (r *replica) report(held bool, _ engine.Swept, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if held {
		r.sweeps = append(r.sweeps, time.Now())
	}
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

// every is the tick that Sweeper.Run means.
const every = 10 * time.Second

// fleet starts replicas whose clocks differ by up to five minutes, each a second after the other.
func fleet(t *testing.T, store *memory.Store, b *bus, n int) map[string]*replica {
	t.Helper()
	all := map[string]*replica{}
	for i := range n {
		r := &replica{Store: store, name: fmt.Sprint("replica", i), done: make(chan error, 1)}
		o, err := engine.NewOutbox(engine.OutboxDeps{Store: store, Publisher: b})
		if err != nil {
			t.Fatal(err)
		}
		skew := time.Duration(i-n/2) * 150 * time.Second
		s, err := engine.NewSweeper(engine.SweeperDeps{
			Outbox: o, Register: r, Holder: r.name, Age: 30 * time.Second, Report: r.report,
			Clock: func() time.Time { return time.Now().Add(skew) },
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		r.stop = cancel
		ticker := time.NewTicker(every)
		go func() {
			defer ticker.Stop()
			r.done <- s.Run(ctx, ticker.C)
		}()
		all[r.name] = r
		time.Sleep(time.Second)
	}
	return all
}

// sweepers names the replicas that swept after a moment.
func sweepers(all map[string]*replica, at time.Time) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if all[name].since(at) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// TestOneReplicaSweeps: of five with different clocks, one sweeps at every tick. When it dies another takes over within the
// stated bound and publishes what was left; when that one stops in good order, the next takes over at once.
func TestOneReplicaSweeps(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store, b := memory.New(time.Now), &bus{}
		all := fleet(t, store, b, 5)
		began := time.Now()
		time.Sleep(10 * time.Minute)
		first := sweepers(all, began)
		if len(first) != 1 || all[first[0]].since(began) < 59 {
			t.Fatalf("%v swept, want one replica at every tick", first)
		}

		all[first[0]].set(func(r *replica) { r.dead = true })
		died := time.Now()
		tx := payment(1, pix.Outbound)
		if err := store.Record(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Commit(t.Context(), storetest.Decision(tx, "x")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(50 * time.Second)
		if got := sweepers(all, died); len(got) != 0 {
			t.Errorf("%v took over within 50 seconds: a holder that is busy would be robbed", got)
		}
		time.Sleep(time.Minute + 2*every - 50*time.Second)
		second := sweepers(all, died)
		if len(second) != 1 || second[0] == first[0] {
			t.Fatalf("%v took over, want one other replica within leaseTerm and two ticks", second)
		}
		time.Sleep(10 * time.Minute) // the new one's clock may be slow
		if !slices.Equal(b.ids(), []pix.EndToEndID{tx.ID}) {
			t.Errorf("published %v, want the payment once", b.ids())
		}
		all[first[0]].set(func(r *replica) { r.dead = false }) // it comes back and finds another
		time.Sleep(time.Minute)
		if got := sweepers(all, died); !slices.Equal(got, second) {
			t.Errorf("%v swept, want only %v", got, second)
		}

		all[second[0]].stop()
		if err := <-all[second[0]].done; err != nil {
			t.Error(err)
		}
		stopped := time.Now()
		time.Sleep(every)
		if got := sweepers(all, stopped); len(got) != 1 || got[0] == second[0] {
			t.Errorf("%v took over at the next tick, want one other", got)
		}
		for _, r := range all {
			r.stop()
		}
		synctest.Wait()
	})
}

// TestLostReplyOfTheLease: a lease whose reply was lost is found to be ours at the next tick.
func TestLostReplyOfTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		all := fleet(t, memory.New(time.Now), &bus{}, 1)
		r := all["replica0"]
		r.set(func(r *replica) { r.loses = true })
		time.Sleep(25 * time.Second)
		r.set(func(r *replica) {
			if len(r.errs) != 1 || pix.KindOf(r.errs[0]) != pix.Unavailable || len(r.sweeps) != 1 {
				t.Errorf("%d sweeps, errors %v; want one of each", len(r.sweeps), r.errs)
			}
		})
		r.stop()
		synctest.Wait()
	})
}

// TestTwoSweepAtOnce: the lease is no guarantee, and need not be one.
func TestTwoSweepAtOnce(t *testing.T) {
	t.Parallel()
	w, b := newWorld(t, 0), &bus{}
	const payments = 1_500
	for n := range payments {
		decide(t, w, n)
	}
	var group sync.WaitGroup
	for range 3 {
		o := newOutbox(t, w, b)
		group.Go(func() {
			if _, err := o.Sweep(t.Context(), start.Add(time.Hour)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if got := slices.Compact(b.ids()); len(got) != payments || pending(t, w) != 0 {
		t.Errorf("published %d of %d, %d marks left", len(got), payments, pending(t, w))
	}
}

func TestSweeperNeedsItsDeps(t *testing.T) {
	t.Parallel()
	if _, err := engine.NewSweeper(engine.SweeperDeps{}); pix.KindOf(err) != pix.Invalid {
		t.Errorf("a sweeper of nothing: %v", err)
	}
}
