package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// maxShedCost is what an answer without a decision may cost of one with it: above, overload feeds itself.
const maxShedCost = 0.5

// shippedWorld is an engine with the models and the policy that this release ships, on the memory store and the real
// clock.
func shippedWorld(b *testing.B, change ...func(*world, *engine.Deps)) *world {
	b.Helper()
	pack, err := policy.Load(policy.Shipped(), feature.Names())
	if err != nil {
		b.Fatal(err)
	}
	w := newWorld(b, 0, append([]func(*world, *engine.Deps){func(w *world, d *engine.Deps) {
		w.policies.pack, d.Clock, d.Degraded = pack, time.Now, nil
	}}, change...)...)
	for _, role := range []pix.Role{pix.PayerRole, pix.ReceiverRole} {
		w.models.set(role, shippedModel(b, role))
	}
	return w
}

func shippedModel(b *testing.B, role pix.Role) *scoring.Model {
	b.Helper()
	found, err := fs.Glob(models.Shipped(), string(role)+"/*/"+scoring.ManifestFile)
	if err != nil || len(found) != 1 {
		b.Fatalf("%s: this release ships %v: %v", role, found, err)
	}
	dir := path.Dir(found[0])
	artefact, err := fs.Sub(models.Shipped(), dir)
	if err != nil {
		b.Fatal(err)
	}
	m, err := scoring.Load(artefact, scoring.DefaultLimits(), scoring.Contract{
		Role: role, FeatureNames: feature.Names(), FeatureSet: feature.SetVersion(), Version: path.Base(dir),
	})
	if err != nil {
		b.Fatal(err)
	}
	return m
}

// crowd makes ordinary payments of many payers, each of whom pays every 48 minutes.
type crowd struct {
	n    atomic.Int64
	base []*pix.Transaction
}

func newCrowd(payers int) *crowd {
	c := &crowd{base: make([]*pix.Transaction, payers)}
	for i := range c.base {
		tx := payment(i, pix.Outbound)
		tx.Payer.Account.Current = pix.Token(fmt.Sprintf("acct.1.%022d", i))
		tx.Payee.Account.Current = pix.Token(fmt.Sprintf("acct.1.%022d", payers+i*7%payers))
		tx.DeviceToken.Current = pix.Token(fmt.Sprintf("dev.1.%022d", i))
		c.base[i] = tx
	}
	return c
}

func (c *crowd) next() *pix.Transaction {
	n := int(c.n.Add(1))
	tx := *c.base[n%len(c.base)]
	tx.ID = pix.EndToEndID(fmt.Sprintf("E12345678202611231500%011d", n))
	tx.EventTime = start.Add(time.Duration(n) * 48 * time.Minute / time.Duration(len(c.base)))
	return &tx
}

// answers asks once and says whether the answer was what the benchmark is about.
func answers(b *testing.B, w *world, c *crowd, provisional bool) {
	b.Helper()
	d, _, err := w.engine.Answer(b.Context(), live(c.next()))
	if err != nil || d.Provisional != provisional || (d.Outcome == pix.Approve) == provisional {
		b.Fatalf("%+v: %v", d, err)
	}
}

// BenchmarkServed is an approval with the shipped models and policy: what most payments cost.
func BenchmarkServed(b *testing.B) {
	w, c := shippedWorld(b), newCrowd(1_000)
	b.ReportAllocs()
	for b.Loop() {
		answers(b, w, c, false)
	}
}

// BenchmarkShed is an answer for which there was no place, as a share of a served one as well.
func BenchmarkShed(b *testing.B) {
	w := shippedWorld(b, func(_ *world, d *engine.Deps) { d.MaxInFlight = 1 })
	var place engine.Place
	full := func() { // four decisions end and others begin: one answer without a decision is due
		for range 4 {
			place.Leave()
			var err error
			if place, err = w.engine.Enter(); err != nil {
				b.Fatal(err)
			}
		}
	}
	w.compare(b, full)
	place.Leave()
}

// BenchmarkShedStoreAway is an answer while the store is away and its breaker open.
func BenchmarkShedStoreAway(b *testing.B) {
	w := shippedWorld(b)
	away := func(context.Context) error { return pix.E(pix.Unavailable, "x", errors.New("away")) }
	w.store.record, w.store.commit = away, away
	w.compare(b, func() {})
}

// compare measures answers without a decision, and holds them to what a served one costs in the same run: the quickest of
// many turns, for other work on the machine only ever adds.
func (w *world) compare(b *testing.B, before func()) {
	b.Helper()
	c, well := newCrowd(1_000), shippedWorld(b)
	timed := func(w *world, provisional bool) time.Duration {
		began := time.Now()
		for range 100 {
			before()
			answers(b, w, c, provisional)
		}
		return time.Since(began)
	}
	shed, served := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range 50 { // the first opens a breaker
		shed, served = min(shed, timed(w, true)), min(served, timed(well, false))
	}
	b.ReportAllocs()
	for b.Loop() {
		before()
		answers(b, w, c, true)
	}
	ratio := float64(shed) / float64(served)
	b.ReportMetric(ratio, "shed/served")
	if ratio > maxShedCost {
		b.Errorf("an answer without a decision costs %.2f of one with it, want at most %v", ratio, maxShedCost)
	}
}

// BenchmarkGoodput offers five payments for each that is served, and tells which part of their capacity the processors
// still serve. The store answers in 2 ms and bounds nothing. Both are counted per second of processor time: other work on
// the machine takes some of the wall's. That decisions also keep their time is TestGoodputUnderOverload's law; here they
// have all they need.
func BenchmarkGoodput(b *testing.B) {
	w := shippedWorld(b, func(_ *world, d *engine.Deps) { d.Timeout, d.StoreDeadline = 10*time.Second, 5*time.Second })
	wait := func(context.Context) error { time.Sleep(2 * time.Millisecond); return nil }
	w.store.record, w.store.read, w.store.commit = wait, wait, wait
	l := &load{w: w, crowd: newCrowd(20_000)}
	for b.Loop() {
		// In turns, for the store fills as payments are decided; and the best of each, for other work on the machine only
		// ever takes from them.
		var capacity, goodput float64
		for range 10 {
			capacity = max(capacity, l.measure(b, 1))
			goodput = max(goodput, l.measure(b, overload))
		}
		b.ReportMetric(capacity, "capacity/cpu-s")
		b.ReportMetric(goodput, "goodput/cpu-s")
		b.ReportMetric(goodput/capacity, "goodput/capacity")
	}
}

// overload is how many payments come for each that can be served.
const overload = 5

// load asks an engine as an edge does: no place, no work.
type load struct {
	w           *world
	crowd       *crowd
	asked, good atomic.Int64
}

func (l *load) ask(ctx context.Context) {
	place, err := l.w.engine.Enter()
	if err != nil {
		return
	}
	defer place.Leave()
	if d, _, err := l.w.engine.AnswerAt(ctx, place, live(l.crowd.next())); err == nil && !d.FeaturesMissing {
		l.good.Add(1)
	}
}

// measure offers for a while times as many payments as are served, on top of what keeps every place busy, and returns how
// many were served per second of processor time.
func (l *load) measure(b *testing.B, times int64) float64 {
	b.Helper()
	l.asked.Store(0)
	l.good.Store(0)
	var group sync.WaitGroup
	used := processorTime(b)
	for end := time.Now().Add(400 * time.Millisecond); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
		for l.asked.Load() < times*(l.good.Load()+engine.DefaultMaxInFlight) {
			l.asked.Add(1)
			group.Go(func() { l.ask(b.Context()) })
		}
	}
	group.Wait()
	return float64(l.good.Load()) / (processorTime(b) - used).Seconds()
}

// processorTime is what this process has used so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
