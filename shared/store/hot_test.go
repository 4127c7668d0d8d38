package store_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store"
)

// small figures make a stream hot after few events.
func small() store.Tuning { return store.Tuning{Busy: 60, SealBatch: 8, HotDelay: time.Minute} }

// A merchant over 33 days, with disorder, duplicates, late events and statuses, and returns weeks later: what every
// payment sees is what one pass over the raw list gives, to the millisecond, whatever is in tiles.
func TestHotStreamIsExact(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			m := newMerchant(t, small())
			processes := []*store.Store{m.process(0), m.process(0)}
			r := rand.New(rand.NewPCG(seed, 46))
			var past []pix.Transaction
			tiles := 0
			for _, gap := range []time.Duration{
				0, time.Minute, 50 * time.Minute, 3 * time.Hour, 20 * time.Hour, 24 * time.Hour, 6 * 24 * time.Hour,
				10 * time.Minute, 22 * 24 * time.Hour, time.Hour,
			} {
				m.clock.advance(gap)
				for range 60 {
					m.clock.advance(time.Duration(r.IntN(6000)) * time.Millisecond)
					now := m.clock.at(0)()
					s := processes[r.IntN(2)]
					at := now
					if r.IntN(8) == 0 { // late
						at = now.Add(-time.Duration(r.IntN(40*60)) * time.Second)
					}
					tx := m.payment(at)
					m.pay(s, &tx)
					past = append(past, tx)
					old := &past[len(past)-1-r.IntN(min(len(past), 200))]
					switch r.IntN(6) {
					case 0:
						m.pay(s, old) // redelivered
					case 1:
						m.mark(s, old, &pix.Status{ID: old.ID, State: pix.Settled, OccurredAt: now})
					case 2:
						m.mark(s, old, &pix.Status{
							ID: old.ID, State: pix.Returned, OccurredAt: now, Returned: old.Amount/2 + 1, ReturnID: fmt.Sprint("D", r.IntN(3)),
						})
					}
					tiles = max(tiles, m.check(&tx))
					if r.IntN(3) == 0 {
						m.tend()
					}
				}
			}
			if tiles == 0 {
				t.Error("no payment was served from tiles")
			}
		})
	}
}
