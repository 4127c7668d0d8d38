package store

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"cloud.google.com/go/bigtable"
	"cloud.google.com/go/bigtable/bttest"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sentinela-pix/sentinela/shared/emulator"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// BenchmarkFlat measures Record, Read and the vector of a payment to a payee of 10², 10⁴ and 10⁶ events a day, for 30
// days, and among 10⁴ and 10⁶ accounts. Compare p99_us, cells/read and bytes/read of its lines; ns/op is their mean.
func BenchmarkFlat(b *testing.B) {
	for _, perDay := range []int{100, 10_000, 1_000_000} {
		b.Run(fmt.Sprint("events=", perDay, "/day"), func(b *testing.B) {
			f := newFlat(b)
			f.fillPayee(perDay)
			f.run(func(int) int { return payeeNumber })
		})
	}
	for _, accounts := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint("accounts=", accounts), func(b *testing.B) {
			f := newFlat(b)
			f.fillAccounts(accounts)
			f.run(func(n int) int { return n * 7919 % accounts })
		})
	}
}

const payeeNumber = 7777

// flat is a store with a filled table, whose clock stands.
type flat struct {
	b        *testing.B
	store    *Store
	now      time.Time
	registry *prometheus.Registry
	pending  batch
}

func newFlat(b *testing.B) *flat {
	b.Helper()
	addr := os.Getenv("BIGTABLE_EMULATOR_HOST")
	if addr == "" {
		server, err := bttest.NewServer("127.0.0.1:0", pixtest.OneWriter()...)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(server.Close)
		addr = server.Addr
	}
	opts := emulator.Bigtable(func(string) string { return addr }) // dialled as the store dials, whatever the SDK's own variable says
	f := &flat{b: b, now: storetest.Start().Add(40*24*time.Hour + 7*time.Minute), registry: prometheus.NewRegistry()}
	cfg := Config{
		ProjectID: "p", InstanceID: fmt.Sprint("i", time.Now().UnixNano()), CallTimeout: time.Minute, Metrics: f.registry,
		Clock: func() time.Time { return f.now },
	}
	if err := CreateSchema(b.Context(), cfg, Retention{Events: 100 * 365 * 24 * time.Hour}, opts...); err != nil {
		b.Fatal(err)
	}
	var err error
	if f.store, err = Open(b.Context(), cfg, opts...); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = f.store.Close() })
	return f
}

// put queues a mutation and writes the queue when it is long.
func (f *flat) put(row string, set func(m *bigtable.Mutation)) {
	if n := len(f.pending.keys); n == 0 || f.pending.keys[n-1] != row {
		if n >= 1000 {
			f.flush()
		}
		f.pending.keys, f.pending.mutations = append(f.pending.keys, row), append(f.pending.mutations, bigtable.NewMutation())
	}
	set(f.pending.mutations[len(f.pending.mutations)-1])
}

func (f *flat) flush() {
	f.b.Helper()
	if len(f.pending.keys) == 0 {
		return
	}
	if err := f.store.bulk(f.b.Context(), "fill", &f.pending); err != nil {
		f.b.Fatal(err)
	}
	f.pending = batch{}
}

// event makes the n-th event of the payee.
func (f *flat) event(n int, at int64) (feature.Event, string) {
	e := feature.Event{
		At: at, ID: pix.EndToEndID(fmt.Sprintf("E12345678202601151500%011d", n)), Amount: pix.Money(1000 + n%977),
		Counterparty: feature.Ref{Current: uint64(n%(1<<18))*0x9e3779b97f4a7c15 | 1},
		Device:       feature.Ref{Current: uint64(n) | 1}, Initiation: 2,
	}
	return e, timeName(at) + string(e.ID)
}

// fillPayee gives the payee its events of 31 days: in its own row while it is not busy, else in tiles, and in raw rows
// where a payment of now reads them.
func (f *flat) fillPayee(perDay int) {
	f.b.Helper()
	st := stream{feature.Rows(f.payment(0, payeeNumber)).Payee.Current, feature.FamilyIn}
	now := f.now.UnixMilli()
	hot := perDay*30 > f.store.cfg.tuning.busy
	// As measured with a round every 10 s: the lag, half a batch of events, half a tick.
	sealed := floorTo(now-85_000, rawSpan)
	edges := []int64{now}
	for _, w := range []time.Duration{
		time.Minute, 10 * time.Minute, time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, feature.MaxWindow,
	} {
		edges = append(edges, now-w.Milliseconds())
	}
	read := func(l feature.Level, start int64) bool { // around the edges; coarse tiles everywhere
		for _, e := range edges {
			if l >= feature.LevelHour || start <= e+2*rowSpan(l)+60_000 && start+2*rowSpan(l)+60_000 >= e {
				return true
			}
		}
		return start >= sealed
	}
	r := roller{stream: st, read: read}
	step := (24 * time.Hour).Milliseconds() / int64(perDay)
	n := 0
	first := floorTo(now-feature.Retention.Milliseconds(), feature.LevelDay.Span())
	for bucket := first; bucket < now; bucket += rawSpan {
		var events []feature.Event
		at := (bucket + step - 1) / step * step // events fall on multiples of step
		for ; at < min(bucket+rawSpan, now); at += step {
			e, name := f.event(n, at)
			n++
			switch {
			case !hot:
				f.put(st.entity, func(m *bigtable.Mutation) { m.Set(st.family, name, stamp(at), e.AppendValue(nil)) })
			case read(feature.LevelRaw, bucket):
				f.put(st.row(feature.LevelRaw, bucket), func(m *bigtable.Mutation) {
					m.Set(st.family, name, stamp(at), e.AppendValue(nil))
				})
			}
			events = append(events, e)
		}
		if hot && bucket+rawSpan <= sealed {
			f.roll(&r, bucket, events)
		}
	}
	f.flush()
	if hot {
		h := hotState{since: 1, sealed: sealed, final: sealed}
		f.put(st.entity, func(m *bigtable.Mutation) { m.Set(familyMeta, metaHot+st.family, stamp(farFuture-1), number(1)) })
		f.flush()
		if err := f.store.advance(f.b.Context(), st, h, now); err != nil {
			f.b.Fatal(err)
		}
	}
}

// roller makes tiles of a stream in order of time, and writes those that a payment of now reads.
type roller struct {
	stream
	open [7]*feature.Tile
	read func(l feature.Level, start int64) bool
}

// roll makes the tiles that end with a bucket.
func (f *flat) roll(r *roller, bucket int64, events []feature.Event) {
	fine := feature.NewTile(r.family, feature.LevelTenSeconds, bucket, events)
	r.open[feature.LevelTenSeconds] = &fine
	for l := feature.LevelTenSeconds; l <= feature.LevelDay; l++ {
		t := r.open[l]
		if t == nil || t.Start+l.Span() > bucket+rawSpan {
			return
		}
		if t.Totals.Count > 0 && r.read(l, t.Start) {
			f.put(r.row(l, t.Start), func(m *bigtable.Mutation) {
				m.Set(familyTile, timeName(t.Start), stamp(t.Start+l.Span()+60_000), t.AppendValue(nil))
			})
		}
		if l == feature.LevelDay {
			return
		}
		if start := floorTo(t.Start, (l + 1).Span()); r.open[l+1] == nil || r.open[l+1].Start != start {
			r.open[l+1] = &feature.Tile{Level: l + 1, Start: start}
		}
		r.open[l+1].Merge(t)
	}
}

// fillAccounts gives accounts one event each.
func (f *flat) fillAccounts(accounts int) {
	f.b.Helper()
	for n := range accounts {
		tx := f.payment(n, n)
		e, name := f.event(n, f.now.UnixMilli()-int64(n%1000)*60_000)
		f.put(feature.Rows(tx).Payee.Current, func(m *bigtable.Mutation) {
			m.Set(feature.FamilyIn, name, stamp(e.At), e.AppendValue(nil))
		})
	}
	f.flush()
}

// payment is one of a payer who never paid, with a device nobody used.
func (f *flat) payment(n, payee int) *pix.Transaction {
	tx := storetest.Payment(n, 10_000_000+n, payee)
	tx.DeviceToken = storetest.Pair(pix.DeviceToken, 10_000_000+n)
	tx.EventTime = f.now
	tx.ID = pix.EndToEndID("E12345678202602151500X" + strconv.Itoa(1_000_000_000 + n)[:10])
	return &tx
}

// run measures payments to payees, one after the other.
func (f *flat) run(payee func(n int) int) {
	set, err := feature.NewSet()
	if err != nil {
		f.b.Fatal(err)
	}
	vector := make([]float64, set.Width())
	var took []time.Duration
	f.b.ResetTimer()
	for n := 0; f.b.Loop(); n++ {
		f.now = f.now.Add(3 * time.Millisecond)
		tx := f.payment(n, payee(n))
		began := time.Now()
		if err := f.store.Record(f.b.Context(), tx); err != nil {
			f.b.Fatal(err)
		}
		h, _, err := f.store.Read(f.b.Context(), tx)
		if err != nil {
			f.b.Fatal(err)
		}
		vector = set.Vector(vector, tx, &h)
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	f.b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99_us")
	f.b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50_us")
	f.b.ReportMetric(f.mean("pix_store_read_cells"), "cells/read")
	f.b.ReportMetric(f.mean("pix_store_read_bytes"), "bytes/read")
}

func (f *flat) mean(name string) float64 {
	f.b.Helper()
	sum, count := f.sum(name)
	return sum / count
}

// sum is what a histogram has added up, and of how many.
func (f *flat) sum(name string) (sum, count float64) {
	f.b.Helper()
	families, err := f.registry.Gather()
	if err != nil {
		f.b.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			h := family.GetMetric()[0].GetHistogram()
			return h.GetSampleSum(), float64(h.GetSampleCount())
		}
	}
	f.b.Fatalf("no metric %s", name)
	return 0, 0
}
