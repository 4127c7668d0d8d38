package replay_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// A log of a million payments of which one payee receives half: what a row of it costs beside one of an ordinary payee of
// the same log, once it is busy. Payments arrive some hundred milliseconds after they were made, not in that order.
func BenchmarkBusyPayee(b *testing.B) {
	const payments, accounts = 1_000_000, 50_000
	for _, within := range []time.Duration{10 * time.Minute, 24 * time.Hour, 30 * 24 * time.Hour} {
		b.Run(fmt.Sprintf("within=%v", within), func(b *testing.B) {
			var took [2][]time.Duration
			for b.Loop() {
				p, err := replay.NewPlayer(replay.Config{Sorted: true}, keep)
				if err != nil {
					b.Fatal(err)
				}
				for n := range payments {
					ordinary := n % 2
					payee := accounts * (1 + ordinary)
					tx := storetest.Payment(n, n*104729%accounts, payee+ordinary*n*7919%accounts)
					tx.DeviceToken = storetest.Pair(pix.DeviceToken, n*104729%accounts)
					tx.ReceivedAt = storetest.Start().Add(within / payments * time.Duration(n)).Truncate(time.Millisecond)
					tx.EventTime = tx.ReceivedAt.Add(-time.Duration(n*31%700) * time.Millisecond)
					began := time.Now()
					if err := p.Pay(b.Context(), &tx); err != nil {
						b.Fatal(err)
					}
					if n >= payments/10 {
						took[ordinary] = append(took[ordinary], time.Since(began))
					}
				}
			}
			var mean, median [2]float64
			for i, list := range took {
				slices.Sort(list)
				list = list[:len(list)*999/1000] // the garbage collector's pauses and other processes fall on either
				sum := time.Duration(0)
				for _, d := range list {
					sum += d
				}
				mean[i], median[i] = float64(sum.Nanoseconds())/float64(len(list))/1000, float64(list[len(list)/2].Nanoseconds())/1000
			}
			b.ReportMetric(median[0], "busy_p50_us")
			b.ReportMetric(median[1], "ordinary_p50_us")
			b.ReportMetric(median[0]/median[1], "ratio_p50")
			b.ReportMetric(mean[0]/mean[1], "ratio_mean")
		})
	}
}
