package engine_test

import (
	"context"
	"slices"
	"sync"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestTheLaterOfTwoConcurrentPaymentsSeesTheEarlier: both write before either reads, so that whatever their race, the
// later one's vector counts the earlier.
func TestTheLaterOfTwoConcurrentPaymentsSeesTheEarlier(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	var arrived sync.WaitGroup
	arrived.Add(2)
	w.store.read = func(context.Context) error { // the closest race there is: they read at one moment
		arrived.Done()
		arrived.Wait()
		return nil
	}
	pair := [2]*pix.Transaction{payment(1, pix.Outbound), payment(4, pix.Outbound)}
	var seen [2]float64
	count := slices.Index(feature.Names(), "payer_out_count_30d")
	var group sync.WaitGroup
	for i, tx := range pair {
		group.Go(func() {
			d, _, err := w.engine.Decide(t.Context(), live(tx))
			if err != nil {
				t.Error(err)
				return
			}
			seen[i] = d.Vector[count]
		})
	}
	group.Wait()
	if pair[0].Payer != pair[1].Payer || seen != [2]float64{0, 1} {
		t.Errorf("the earlier counts %v payments and the later %v, want 0 and 1", seen[0], seen[1])
	}
}
