package feature

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// busy gives histories of n events each for payer and payee, spread over 30 days in time order.
func busy(n int) *Histories { return histories(n, n) }

// histories gives n events to the payer, half of them from this device and a tenth to this payee, who has m.
func histories(n, m int) *Histories {
	random := rand.New(rand.NewPCG(1, uint64(n)))
	stream := func(n int) Stream {
		out := make([]Event, n)
		for i := range out {
			age := time.Duration(n-i) * (30 * 24 * time.Hour) / time.Duration(n+1)
			out[i] = event(i, age, 2+random.IntN(max(n/3, 1)), pix.Money(random.IntN(500_00)+1))
		}
		return Stream{Events: out}
	}
	use := stream(n / 2)
	for i := range use.Events {
		use.Events[i].Counterparty = use.Events[0].Counterparty // the payer's own device
	}
	return &Histories{
		Payer:  History{Out: stream(n / 2), In: stream(n / 2)},
		Payee:  History{Out: stream(m / 2), In: stream(m / 2)},
		Device: History{Use: use},
		Pair:   History{Out: stream(n / 10)},
	}
}

// cpuTime is what the process has used so far: a machine that others share lengthens the wall clock only.
func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// timed runs f as a benchmark and reports its CPU time too.
func timed(b *testing.B, f func()) {
	b.Helper()
	b.ReportAllocs()
	f()
	began := cpuTime(b)
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(cpuTime(b)-began)/float64(b.N), "cpu-ns/op")
}

// A payer with n events of 30 days and a payee with as many, or an ordinary one with 30: half of them out, as many from the
// payer's one device as the payer paid, a tenth to this payee.
func BenchmarkVector(b *testing.B) {
	for _, n := range [][2]int{{0, 0}, {30, 30}, {100, 100}, {1000, 30}, {1000, 1000}} {
		b.Run(fmt.Sprintf("payer=%d,payee=%d", n[0], n[1]), func(b *testing.B) {
			s, tx, h := newSet(b), full(), histories(n[0], n[1])
			v := make([]float64, s.Width())
			timed(b, func() { v = s.Vector(v, &tx, h) })
		})
	}
}

// The floor of BenchmarkVector: it reads the same events once and adds up their times and amounts.
func BenchmarkVectorFloor(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run("events="+strconv.Itoa(n), func(b *testing.B) {
			h := busy(n)
			sum, bytes := int64(0), 0
			timed(b, func() {
				bytes = 0
				for _, s := range streams(h) {
					bytes += len(*s) * int(unsafe.Sizeof(Event{}))
					for i := range *s {
						e := &(*s)[i]
						sum += e.At + int64(e.Amount) + int64(e.Counterparty.Current) + int64(e.State)
					}
				}
			})
			b.ReportMetric(float64(bytes), "bytes-read/op")
		})
	}
}

func BenchmarkSortNearlySorted(b *testing.B) {
	events := busy(2000).Payer.Out.Events
	b.ReportAllocs()
	for b.Loop() {
		events[10], events[11] = events[11], events[10]
		events = Sort(events)
	}
}

// The frame is taken by hand: under the race detector a sync.Pool drops what it is given, at random.
func TestVectorDoesNotAllocate(t *testing.T) { //nolint:paralleltest // AllocsPerRun counts the whole process
	s, tx, h := newSet(t), full(), busy(1000)
	f, v := new(frame), make([]float64, Width())
	if got := testing.AllocsPerRun(200, func() {
		f.fill(&tx, h, s.zone)
		for i := range s.entries {
			v[i] = s.entries[i].value(f)
		}
		f.release()
	}); got > 0 {
		t.Errorf("%v allocations per vector, want none", got)
	}
}
