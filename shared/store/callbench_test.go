package store

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// BenchmarkPayment makes the store's calls of a payment as the engine makes them (Record, Read, Commit, and the marks of a
// hundred removed at once), with so many payments in flight. cpu_us and B/op are this process's for one payment. Where
// BIGTABLE_EMULATOR_HOST is set the table's end is no part of them.
func BenchmarkPayment(b *testing.B) {
	for _, flying := range []int{1, 4, 16, 64} {
		b.Run(fmt.Sprint("flying=", flying), func(b *testing.B) {
			f := newFlat(b)
			f.live(b)
			payBy(b, f, flying)
		})
	}
}

func payBy(b *testing.B, f *flat, flying int) {
	b.Helper()
	var next, failed atomic.Int64
	before := processor()
	var was, is runtime.MemStats
	runtime.ReadMemStats(&was)
	b.ResetTimer()
	var wg sync.WaitGroup
	for range flying {
		wg.Go(func() {
			var marks []engine.Mark
			for {
				n := int(next.Add(1))
				if n > b.N {
					return
				}
				d, err := f.pay(b, n)
				if err != nil {
					failed.Add(1)
					continue
				}
				if marks = append(marks, engine.MarkOf(&d.Transaction)); len(marks) == 100 {
					if err := f.store.MarkPublished(b.Context(), marks); err != nil {
						failed.Add(1)
					}
					marks = marks[:0]
				}
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	runtime.ReadMemStats(&is)
	b.ReportMetric(float64((processor()-before).Microseconds())/float64(b.N), "cpu_us")
	b.ReportMetric(float64(is.TotalAlloc-was.TotalAlloc)/float64(b.N), "B/payment")
	read, reads := f.sum("pix_store_read_cells")
	b.ReportMetric(read/float64(max(reads, 1)), "cells/read")
	if failed.Load() > 0 {
		b.Errorf("%d calls failed", failed.Load())
	}
}

const (
	benchAccounts = 2000
	benchPast     = 12 // payments that each made in the month before
)

// live gives every account a month of payments.
func (f *flat) live(b *testing.B) {
	b.Helper()
	for n := range benchAccounts * benchPast {
		tx := benchPayment(n)
		tx.EventTime = f.now.Add(-time.Duration(n/benchAccounts+1) * 50 * time.Hour)
		if err := f.store.place(b.Context(), &f.pending, tx, arrival{feature.Cells(tx), tx.EventTime.UnixMilli()}); err != nil {
			b.Fatal(err)
		}
		if n%100 == 99 {
			f.flush()
		}
	}
	f.flush()
}

func benchPayment(n int) *pix.Transaction {
	payer := n % benchAccounts
	tx := storetest.Payment(n, payer, (payer+1+n/benchAccounts%5*n)%benchAccounts)
	tx.DeviceToken = storetest.Pair(pix.DeviceToken, payer)
	return &tx
}

func (f *flat) pay(b *testing.B, n int) (*pix.Decision, error) {
	b.Helper()
	tx := benchPayment(benchAccounts*benchPast + n)
	tx.EventTime = f.now.Add(time.Duration(n) * time.Millisecond)
	if err := f.store.Record(b.Context(), tx); err != nil {
		return nil, err
	}
	if _, _, err := f.store.Read(b.Context(), tx); err != nil {
		return nil, err
	}
	d := storetest.Decision(tx, "bench")
	d.Vector = make([]float64, 208)
	return f.store.Commit(b.Context(), d)
}

func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
