package store_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store"
)

// The law that matters: with the figures of production, a vector from tiles is, bit for bit, the one from every event.
func TestVectorsFromTilesAreThoseFromEvents(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, store.Tuning{SealBatch: 1})
	s := m.process(0)
	set, err := feature.NewSet()
	must(t, err)
	const steps = feature.BusyEvents + 900
	tiles := 0
	for n := range steps {
		m.clock.advance(20 * time.Second)
		now := m.clock.at(0)()
		if n%11 == 0 {
			now = now.Add(-time.Duration(n%40) * time.Minute)
		}
		tx := m.payment(now)
		tx.Amount = pix.Money(100 + n*n%99_991)
		m.pay(s, &tx)
		if n%5 == 0 {
			m.mark(s, &tx, &pix.Status{ID: tx.ID, State: pix.Settled})
		}
		if n%50 == 0 || n > steps-200 && n%4 == 0 {
			must(t, s.Tend(t.Context()))
			tiles += m.sameVector(set, s, &tx)
		}
	}
	if tiles < 1000 {
		t.Errorf("%d tiles were served in all: too few to prove anything", tiles)
	}
}

// sameVector compares the vector of what the store returns with that of every event, and returns how many tiles it
// took.
func (m *merchant) sameVector(set *feature.Set, s *store.Store, tx *pix.Transaction) int {
	m.t.Helper()
	got := m.read(s, tx)
	rows := feature.Rows(tx)
	want := feature.Histories{
		Payer:   feature.History{Out: m.stream(rows.Payer, feature.FamilyOut), In: m.stream(rows.Payer, feature.FamilyIn)},
		Payee:   feature.History{Out: m.stream(rows.Payee, feature.FamilyOut), In: m.stream(rows.Payee, feature.FamilyIn)},
		Device:  feature.History{Use: m.stream(rows.Device, feature.FamilyUse)},
		Pair:    feature.History{Out: m.stream(rows.Pair, feature.FamilyOut)},
		Reverse: feature.History{Out: m.stream(rows.Reverse, feature.FamilyOut)},
	}
	for _, p := range [][2]*feature.History{
		{&want.Payer, &got.Payer}, {&want.Payee, &got.Payee}, {&want.Device, &got.Device}, {&want.Pair, &got.Pair},
		{&want.Reverse, &got.Reverse},
	} {
		p[0].First, p[0].Marks = p[1].First, p[1].Marks
	}
	a, b := set.Vector(nil, tx, &want), set.Vector(nil, tx, &got)
	for i, name := range set.Names() {
		if math.Float64bits(a[i]) != math.Float64bits(b[i]) && !(math.IsNaN(a[i]) && math.IsNaN(b[i])) {
			m.t.Fatalf("payment %d: %s = %v from %d tiles and %d events, want %v", m.number, name, b[i],
				len(got.Payee.In.Tiles), len(got.Payee.In.Events), fmt.Sprint(a[i]))
		}
	}
	return len(got.Payee.In.Tiles)
}
