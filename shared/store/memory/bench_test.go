package memory_test

import (
	"fmt"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// The replay's inner loop: 10⁴ accounts, a device each, in event-time order, about 20 events an account at the end.
func BenchmarkRecordReadVector(b *testing.B) {
	const accounts, payments = 10_000, 100_000
	s, set := memory.New(time.Now), mustSet(b)
	txs := make([]pix.Transaction, payments)
	for n := range txs {
		txs[n] = storetest.Payment(n, n*7919%accounts, n*104729%accounts)
		txs[n].DeviceToken = storetest.Pair(pix.DeviceToken, n*7919%accounts)
		txs[n].EventTime = storetest.Start().Add(time.Duration(n) * 10 * time.Second)
	}
	var vector []float64
	b.ReportAllocs()
	began := cpuTime(b)
	for n := 0; b.Loop(); n++ {
		tx := &txs[n%payments]
		if err := s.Record(b.Context(), tx); err != nil {
			b.Fatal(err)
		}
		h, _, err := s.Read(b.Context(), tx)
		if err != nil {
			b.Fatal(err)
		}
		vector = set.Vector(vector, tx, &h)
	}
	b.ReportMetric(float64(b.N)/(cpuTime(b)-began).Seconds(), "events/cpu-s")
}

// Reading a merchant of 10⁶ events a day costs what reading one of 10² does, and so does its vector.
func BenchmarkMerchant(b *testing.B) {
	for _, perDay := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprintf("per_day=%d", perDay), func(b *testing.B) {
			s, set := memory.New(time.Now), mustSet(b)
			n := min(perDay*30, 1_500_000) // of the largest a day and a half: 30 would take 4 GB
			gap := 24 * time.Hour / time.Duration(perDay)
			for i := range n {
				tx := storetest.Payment(i, i%1000, 5000)
				tx.Payer, tx.DeviceToken = pix.Party{}, pix.TokenPair{}
				tx.EventTime = storetest.Start().Add(time.Duration(i) * gap).Truncate(time.Millisecond)
				if err := s.Record(b.Context(), &tx); err != nil {
					b.Fatal(err)
				}
			}
			tx := storetest.Payment(n, 1, 5000)
			tx.EventTime = storetest.Start().Add(time.Duration(n) * gap).Truncate(time.Millisecond)
			var vector []float64
			var h feature.Histories
			b.ReportAllocs()
			began := cpuTime(b)
			for b.Loop() {
				var err error
				if h, _, err = s.Read(b.Context(), &tx); err != nil {
					b.Fatal(err)
				}
				vector = set.Vector(vector, &tx, &h)
			}
			b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N), "cpu-ns/op")
			b.ReportMetric(float64(len(h.Payee.In.Events)), "events-read")
			b.ReportMetric(float64(len(h.Payee.In.Tiles)), "tiles-read")
		})
	}
}

// A payer that pays so many times in so long, from one device, beside one of 100 payments a day for 30 days: Record, Read
// and vector of each in turn, so that both meet the same machine. ratio_p99 is what the issue asks of 100,000 in a minute.
func BenchmarkPayer(b *testing.B) {
	for _, c := range []struct {
		payments int
		within   time.Duration
	}{{10_000, time.Minute}, {100_000, time.Minute}, {1_000_000, 10 * time.Minute}} {
		b.Run(fmt.Sprintf("payments=%d/within=%v", c.payments, c.within), func(b *testing.B) {
			const busy, ordinary = 1, 2
			s, set := memory.New(time.Now), mustSet(b)
			now := storetest.Start().Add(40 * 24 * time.Hour)
			number := 0
			payment := func(payer int, at time.Time) *pix.Transaction {
				number++
				tx := storetest.Payment(number, payer, 5000+number%1000)
				tx.DeviceToken = storetest.Pair(pix.DeviceToken, payer)
				tx.EventTime = at.Truncate(time.Millisecond)
				return &tx
			}
			for payer, n := range map[int]int{busy: c.payments, ordinary: 3000} {
				within := map[int]time.Duration{busy: c.within, ordinary: 30 * 24 * time.Hour}[payer]
				for i := range n {
					if err := s.Record(b.Context(), payment(payer, now.Add(within/time.Duration(n)*time.Duration(i-n)))); err != nil {
						b.Fatal(err)
					}
				}
			}
			var vector []float64
			var h feature.Histories
			took := map[int][]time.Duration{}
			b.ReportAllocs()
			for b.Loop() {
				now = now.Add(600 * time.Microsecond)
				for _, payer := range [...]int{busy, ordinary} {
					tx := payment(payer, now)
					began := time.Now()
					if err := s.Record(b.Context(), tx); err != nil {
						b.Fatal(err)
					}
					var err error
					if h, _, err = s.Read(b.Context(), tx); err != nil {
						b.Fatal(err)
					}
					vector = set.Vector(vector, tx, &h)
					took[payer] = append(took[payer], time.Since(began))
				}
			}
			at := func(payer int, share float64) float64 {
				slices.Sort(took[payer])
				return float64(took[payer][int(share*float64(len(took[payer])-1))].Microseconds())
			}
			b.ReportMetric(at(busy, 0.5), "p50_us")
			b.ReportMetric(at(busy, 0.99), "p99_us")
			b.ReportMetric(at(ordinary, 0.5), "ordinary_p50_us")
			b.ReportMetric(at(ordinary, 0.99), "ordinary_p99_us")
			b.ReportMetric(at(busy, 0.99)/at(ordinary, 0.99), "ratio_p99")
		})
	}
}

// Memory of a live account: four payments each in 20 days, two to each of two accounts, from a device of its own.
func BenchmarkMemoryPerAccount(b *testing.B) {
	for _, accounts := range []int{100_000, 1_000_000} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			if accounts > 100_000 && testing.Short() {
				b.Skip("takes 5 GB")
			}
			var perAccount, perEvent float64
			for b.Loop() {
				perAccount, perEvent = footprint(b, accounts)
			}
			b.ReportMetric(perAccount, "B/account")
			b.ReportMetric(perEvent, "B/payment")
		})
	}
}

// footprint fills a store and returns its live bytes for an account and for a payment.
func footprint(b *testing.B, accounts int) (perAccount, perPayment float64) {
	b.Helper()
	const each = 4
	before := liveBytes()
	s := memory.New(time.Now)
	for n := range accounts * each {
		payer := n % accounts
		tx := storetest.Payment(n, payer, (payer*7919+n/accounts/2)%accounts)
		tx.DeviceToken = storetest.Pair(pix.DeviceToken, payer)
		tx.EventTime = storetest.Start().Add(time.Duration(n) * 20 * 24 * time.Hour / time.Duration(accounts*each)).Truncate(time.Millisecond)
		if err := s.Record(b.Context(), &tx); err != nil {
			b.Fatal(err)
		}
		if err := s.MarkPublished(b.Context(), []engine.Mark{engine.MarkOf(&tx)}); err != nil {
			b.Fatal(err)
		}
	}
	used := float64(liveBytes() - before)
	runtime.KeepAlive(s)
	return used / float64(accounts), used / float64(accounts*each)
}

func liveBytes() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func mustSet(tb testing.TB) *feature.Set {
	tb.Helper()
	set, err := feature.NewSet()
	if err != nil {
		tb.Fatal(err)
	}
	return set
}
