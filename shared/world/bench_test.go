package world_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/world"
)

// processorTime is what this process has used.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkNext prints the events that the seat sees a second, by the clock and by processor time: on a busy machine only
// the second says something.
func BenchmarkNext(b *testing.B) {
	for _, accounts := range []int{10_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("accounts=%d", accounts), func(b *testing.B) {
			w := world.New(world.Params{Seed: 1, Accounts: accounts, Days: 3650})
			b.ReportAllocs()
			began := processorTime(b)
			for b.Loop() {
				if _, ok := w.Next(); !ok {
					b.Fatal("the world ended")
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(b.N)/(processorTime(b)-began).Seconds(), "events/cpu-s")
			b.ReportMetric(world.AccountBytes, "B/account")
		})
	}
}
