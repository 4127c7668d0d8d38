package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// BenchmarkFastPayer lets one payer make so many payments a second for 80 seconds of the store's clock, with a round of
// upkeep every half second of it, and measures Record, Read and vector of one of its payments beside those of a payer of 100
// a day, 25 times a second. ratio_p99 and cells/read are of the last 20 seconds, most_cells of those before: that is the
// promotion.
// Where BIGTABLE_EMULATOR_HOST is set it runs there.
func BenchmarkFastPayer(b *testing.B) {
	for _, rate := range []int{10, 50, 200, 500, 1667} {
		b.Run(fmt.Sprint("payments=", rate, "/s"), func(b *testing.B) {
			for b.Loop() {
				newRace(b).run(rate, 80*time.Second)
			}
		})
	}
}

const (
	fastPayer      = 1
	ordinaryPayer  = 2 // the first of them
	ordinaryPayers = 20
)

// race is a fast payer beside an ordinary one.
type race struct {
	*flat
	set    *feature.Set
	vector []float64
	number int
	took   map[int][]time.Duration
	failed int
}

func newRace(b *testing.B) *race {
	b.Helper()
	set, err := feature.NewSet()
	if err != nil {
		b.Fatal(err)
	}
	r := &race{flat: newFlat(b), set: set, took: map[int][]time.Duration{}}
	for payer := range ordinaryPayers {
		for n := range 3000 {
			r.add(ordinaryPayer+payer, r.now.Add(time.Duration(n-3000)*29*24*time.Hour/3000))
		}
	}
	r.flush()
	return r
}

func (r *race) payment(payer int, at time.Time) *pix.Transaction {
	r.number++
	tx := storetest.Payment(r.number, payer, 10_000+r.number%5000)
	tx.DeviceToken = pix.TokenPair{}
	tx.EventTime = at.Truncate(time.Millisecond)
	return &tx
}

// add queues the payment's events as Record would write them.
func (r *race) add(payer int, at time.Time) {
	tx := r.payment(payer, at)
	var b batch
	if err := r.store.place(r.b.Context(), &b, tx, arrival{feature.Cells(tx)[:2], at.UnixMilli()}); err != nil {
		r.b.Fatal(err)
	}
	for i, key := range b.keys {
		r.pending.keys, r.pending.mutations = append(r.pending.keys, key), append(r.pending.mutations, b.mutations[i])
	}
	if len(r.pending.keys) >= 500 {
		r.flush()
	}
}

// decide measures one payment.
func (r *race) decide(payer int) (cells float64) {
	tx := r.payment(payer, r.now)
	before, _ := r.sum("pix_store_read_cells")
	began := time.Now()
	if err := r.store.Record(r.b.Context(), tx); err != nil {
		r.b.Fatal(err)
	}
	h, _, err := r.store.Read(r.b.Context(), tx)
	if err != nil {
		r.failed++
		return 0
	}
	r.vector = r.set.Vector(r.vector, tx, &h)
	kind := min(payer, ordinaryPayer)
	r.took[kind] = append(r.took[kind], time.Since(began))
	after, _ := r.sum("pix_store_read_cells")
	return after - before
}

func (r *race) run(rate int, length time.Duration) {
	start, most, read := r.now, 0.0, 0.0
	var upkeep time.Duration
	const slice, last = 40 * time.Millisecond, 20 * time.Second
	for n := 0; r.now.Sub(start) < length; n++ {
		r.now = r.now.Add(slice)
		for i := range rate*(n+1)/25 - rate*n/25 {
			r.add(fastPayer, r.now.Add(-time.Duration(i)*slice/time.Duration(rate/25+1)))
		}
		r.flush()
		if cells := r.decide(fastPayer); length-r.now.Sub(start) < last {
			read += cells
		} else {
			most = max(most, cells)
		}
		r.decide(ordinaryPayer + n%ordinaryPayers)
		if n%13 == 12 {
			began := time.Now()
			if err := r.store.Tend(r.b.Context()); err != nil {
				r.b.Fatal(err)
			}
			upkeep = max(upkeep, time.Since(began))
		}
		if length-r.now.Sub(start) == last {
			r.took = map[int][]time.Duration{}
		}
	}
	at := func(payer int, share float64) float64 {
		slices.Sort(r.took[payer])
		if len(r.took[payer]) == 0 {
			return 0
		}
		return float64(r.took[payer][int(share*float64(len(r.took[payer])-1))].Microseconds())
	}
	r.b.ReportMetric(read/float64(len(r.took[fastPayer])), "cells/read")
	r.b.ReportMetric(most, "most_cells")
	r.b.ReportMetric(float64(r.failed), "failed")
	r.b.ReportMetric(float64(upkeep.Milliseconds()), "longest_round_ms")
	r.b.ReportMetric(at(fastPayer, 0.5), "p50_us")
	r.b.ReportMetric(at(fastPayer, 0.99), "p99_us")
	r.b.ReportMetric(at(ordinaryPayer, 0.5), "ordinary_p50_us")
	r.b.ReportMetric(at(ordinaryPayer, 0.99), "ordinary_p99_us")
	r.b.ReportMetric(at(fastPayer, 0.99)/max(at(ordinaryPayer, 0.99), 1), "ratio_p99")
}
