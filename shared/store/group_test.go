package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// calls is what a grouper calls: it keeps what each call was asked for and holds it until it is told how it ends.
type calls struct {
	mu   sync.Mutex
	all  [][]int
	hold chan struct{}
	end  func(items []int) ([]error, error)
}

func (c *calls) call(ctx context.Context, items []int) ([]error, error) {
	c.mu.Lock()
	c.all = append(c.all, items)
	c.mu.Unlock()
	select {
	case <-c.hold:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return c.end(items)
}

// grouping starts a grouper whose calls are held, and asks for items 0 to n-1 one after the other.
func grouping(n int, end func(items []int) ([]error, error)) (c *calls, g *grouper[int], results []chan error) {
	c = &calls{hold: make(chan struct{}), end: end}
	g = &grouper[int]{timeout: time.Minute, call: c.call}
	for i := range n {
		results = append(results, ask(context.Background(), g, i))
	}
	return c, g, results
}

func ask(ctx context.Context, g *grouper[int], item int) chan error {
	result := make(chan error, 1)
	go func() { result <- g.do(ctx, item) }()
	synctest.Wait()
	return result
}

func well([]int) ([]error, error) { return nil, nil }

func TestCallsAreSharedOnlyWhenManyFly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const waiting = groupSize + 5
		c, g, results := grouping(groupCalls+waiting, well)
		if len(c.all) != groupCalls {
			t.Fatalf("%d calls in flight, want %d", len(c.all), groupCalls)
		}
		close(c.hold)
		for i, r := range results {
			if err := <-r; err != nil {
				t.Errorf("item %d: %v", i, err)
			}
		}
		synctest.Wait()
		var seen []int
		most := 0
		for i, items := range c.all {
			if i < groupCalls && len(items) != 1 {
				t.Errorf("call %d carried %v although nobody had to wait", i, items)
			}
			most = max(most, len(items))
			seen = append(seen, items...)
		}
		slices.Sort(seen)
		if most != groupSize || len(c.all) > groupCalls+2 || len(slices.Compact(seen)) != groupCalls+waiting {
			t.Errorf("calls carried %v", c.all)
		}
		if g.flying != 0 || len(g.waiting) != 0 {
			t.Errorf("%d in flight and %d waiting at the end", g.flying, len(g.waiting))
		}
	})
}

func TestAFailureIsItsOwn(t *testing.T) {
	t.Parallel()
	poison, bad := groupCalls+1, errors.New("bad")
	for name, tc := range map[string]struct {
		end   func(items []int) ([]error, error)
		fails func(item int) bool
		calls int
	}{
		"of one entry": {func(items []int) ([]error, error) {
			each := make([]error, len(items))
			if i := slices.Index(items, poison); i >= 0 {
				each[i] = bad
			}
			return each, nil
		}, func(item int) bool { return item == poison }, groupCalls + 1},
		"for which a call is refused": {func(items []int) ([]error, error) {
			if slices.Contains(items, poison) {
				return nil, status.Error(codes.InvalidArgument, "")
			}
			return nil, nil
		}, func(item int) bool { return item == poison }, groupCalls + 1 + 3},
		"of the service is everybody's": {func(items []int) ([]error, error) {
			if len(items) > 1 {
				return nil, status.Error(codes.Unavailable, "")
			}
			return nil, nil
		}, func(item int) bool { return item >= groupCalls }, groupCalls + 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _, results := grouping(groupCalls+3, tc.end)
				close(c.hold)
				for i, r := range results {
					if err := <-r; (err != nil) != tc.fails(i) {
						t.Errorf("item %d: %v", i, err)
					}
				}
				if len(c.all) != tc.calls {
					t.Errorf("%d calls: %v", len(c.all), c.all)
				}
			})
		})
	}
}

// TestWhoLeavesIsNotCarried: a payment whose time has run out costs no part of a later call, and its place is free again.
func TestWhoLeavesIsNotCarried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, g, results := grouping(groupCalls, well)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		leaving, staying := ask(ctx, g, 100), ask(t.Context(), g, 101)
		time.Sleep(2 * time.Second)
		if err := <-leaving; !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it left with %v", err)
		}
		close(c.hold)
		for _, r := range append(results, staying) {
			if err := <-r; err != nil {
				t.Error(err)
			}
		}
		if last := c.all[len(c.all)-1]; !slices.Equal(last, []int{101}) {
			t.Errorf("the shared call carried %v", last)
		}
		synctest.Wait()
		if g.flying != 0 {
			t.Errorf("%d in flight", g.flying)
		}
	})
}

// TestASharedCallHasTheTimeOfItsMembers: no call outlives those who wait for it, so a store that hangs frees its places.
func TestASharedCallHasTheTimeOfItsMembers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, g, _ := grouping(groupCalls, well)
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		waiting := ask(ctx, g, 100)
		c.hold <- struct{}{} // one call ends, and the next hangs
		synctest.Wait()
		began := time.Now()
		if err := <-waiting; err == nil {
			t.Error("a call that hangs was a success")
		}
		synctest.Wait()
		if took := time.Since(began); took > 5*time.Second || g.flying != groupCalls-1 {
			t.Errorf("after %v %d are in flight, want %d", took, g.flying, groupCalls-1)
		}
		close(c.hold)
	})
}
