package replay_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// A log in which one payee receives every second payment, half of a million in all: what a row of it costs over one of
// an ordinary payee of the same log, once the payee is busy.
func BenchmarkBusyPayee(b *testing.B) {
	const payments, busy = 1_000_000, 7_000_000
	for _, days := range []int{1, 30} {
		b.Run(fmt.Sprintf("days=%d", days), func(b *testing.B) {
			gap := time.Duration(days) * 24 * time.Hour / payments
			var took [2]time.Duration
			var rows [2]int
			for b.Loop() {
				p, err := replay.NewPlayer(replay.Config{}, keep)
				if err != nil {
					b.Fatal(err)
				}
				for n := range payments {
					payee := busy
					if n%2 == 1 {
						payee = 1_000_000 + n*7919%50_000
					}
					tx := storetest.Payment(n, n*104729%50_000, payee)
					tx.DeviceToken = storetest.Pair(pix.DeviceToken, n*104729%50_000)
					tx.EventTime = storetest.Start().Add(time.Duration(n) * gap).Truncate(time.Millisecond)
					began := time.Now()
					if err := p.Pay(b.Context(), &tx); err != nil {
						b.Fatal(err)
					}
					if n >= payments/10 {
						took[n%2] += time.Since(began)
						rows[n%2]++
					}
				}
			}
			row := func(i int) float64 { return float64(took[i].Nanoseconds()) / float64(rows[i]) / 1000 }
			b.ReportMetric(row(0), "busy_us/row")
			b.ReportMetric(row(1), "ordinary_us/row")
			b.ReportMetric(row(0)/row(1), "ratio")
		})
	}
}
