package world

import (
	"reflect"
	"testing"
	"time"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// TestNoBalanceBelowZero looks at every account, those of other institutions too.
func TestNoBalanceBelowZero(t *testing.T) {
	t.Parallel()
	w := New(Params{Seed: 9, Accounts: 1500, Days: 24, FraudBoost: 300})
	for n := 0; ; n++ {
		_, ok := w.Next()
		if n%200 == 0 || !ok {
			for i := range w.accounts {
				if w.accounts[i].balance < 0 {
					t.Fatalf("account %d has %d after %d payments", i, w.accounts[i].balance, n)
				}
			}
		}
		if !ok {
			return
		}
	}
}

// TestNetworksChange: on the drift's day gangs keep none of their mules and work in another way.
func TestNetworksChange(t *testing.T) {
	t.Parallel()
	w := New(Params{Seed: 2, Accounts: 3000, Days: 4, FraudBoost: 400, DriftDay: 3})
	mules := func() map[int32]bool {
		all := map[int32]bool{}
		for _, g := range w.gangs {
			for _, m := range g.mules {
				all[m.account] = true
			}
		}
		return all
	}
	before := map[int32]bool{}
	for {
		if _, ok := w.Next(); !ok {
			t.Fatal("the world ended before its drift")
		}
		if w.today == 2 {
			break
		}
		before = mules()
	}
	kept := 0
	for m := range mules() {
		if before[m] {
			kept++
		}
	}
	if len(before) < 5 || kept > 0 || w.style != styles()[1] {
		t.Errorf("%d of %d mules kept, style %+v", kept, len(before), w.style)
	}
}

// TestBreachReachesManyInstitutions looks at the plan of the night, of which one seat sees only a part.
func TestBreachReachesManyInstitutions(t *testing.T) {
	t.Parallel()
	w := New(Params{Seed: 5, Accounts: 60_000, Days: 2, BreachDay: 2})
	for w.minute <= w.breachMinute {
		if _, ok := w.Next(); !ok {
			t.Fatal("the world ended before its breach")
		}
	}
	banks, payments := map[uint8]bool{}, 0
	for _, s := range w.agenda {
		if s.typology == breachID && s.layer == 0 {
			payments++
			banks[w.accounts[s.payee].institution] = true
		}
	}
	if payments < 40 || len(banks) < 10 {
		t.Errorf("%d payments to %d institutions", payments, len(banks))
	}
}

// TestGangsHaveNoPopularShops: a long and strongly boosted world uses up the shops that it can open; what gangs take then
// must not be where everybody buys.
func TestGangsHaveNoPopularShops(t *testing.T) {
	t.Parallel()
	w := New(Params{Seed: 3, Accounts: 4000, Days: 40, FraudBoost: 300})
	honest, near := 0, 0
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		if e.Fraud {
			continue
		}
		honest++
		if a := &w.accounts[e.Payee]; a.kind != person && a.role != 0 {
			near++
		}
	}
	if w.nextMerchant < int32(len(w.accounts)) {
		t.Fatal("the reserve lasts: this world shows nothing")
	}
	if share := float64(near) / float64(honest); share > 0.08 {
		t.Errorf("%.2f of honest payments go to a gang's company", share)
	}
}

func TestEaster(t *testing.T) {
	t.Parallel()
	for _, want := range []string{
		"1818-03-22", "2000-04-23", "2008-03-23", "2024-03-31", "2025-04-20", "2026-04-05", "2027-03-28", "2038-04-25",
	} {
		day, err := time.Parse(time.DateOnly, want)
		if err != nil {
			t.Fatal(err)
		}
		if got := easterSunday(day.Year()).Format(time.DateOnly); got != want {
			t.Errorf("Easter of %d is %s, want %s", day.Year(), got, want)
		}
	}
}

func TestCalendar(t *testing.T) {
	t.Parallel()
	w := &World{t: newTables()}
	for _, c := range []struct {
		day     string
		holiday bool
		payday  int
	}{
		{"2026-02-17", true, -1}, // Carnival
		{"2026-04-03", true, -1}, // Good Friday
		{"2026-06-04", true, -1}, // Corpus Christi
		{"2026-09-07", true, -1},
		{"2026-09-08", false, 0}, // the 7th is a holiday, so the fifth working day is the 8th
		{"2025-12-05", false, 0}, // the record day
		{"2026-01-08", false, 0},
		{"2026-01-15", false, 1},
		{"2026-01-20", false, 2},
		{"2026-01-30", false, 3},
		{"2026-01-31", false, -1},
		{"2026-02-28", false, 3},
		{"2026-03-24", false, -1},
	} {
		day, err := time.Parse(time.DateOnly, c.day)
		if err != nil {
			t.Fatal(err)
		}
		if got := w.calendarOf(day); got.holiday != c.holiday || got.payday != c.payday {
			t.Errorf("%s: holiday %t, pay-day %d, want %t, %d", c.day, got.holiday, got.payday, c.holiday, c.payday)
		}
	}
}

func TestDICTRounding(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]int64{
		0: 0, 0.4: 0, 1: 1, 1.2: 5, 5: 5, 6: 10, 11: 50, 51: 100, 499: 500, 501: 1000, 4999: 5000, 5001: 10000,
	} {
		if got := dictRound(v).Or(-1); got != want {
			t.Errorf("%g is rounded to %d, want %d", v, got, want)
		}
	}
}

// TestDICTFollowsACase: a report counts when the watermark has passed it, and is confirmed when it is accepted.
func TestDICTFollowsACase(t *testing.T) {
	t.Parallel()
	m := mark{opened: 1000, closed: 1000 + 3*24*60, agreed: true, centavos: 700, kind: applicationMarker}
	days := newTables().windowDays
	for _, c := range []struct {
		watermark                              int32
		reported3, open, confirmed30, centavos int64
	}{
		{999, 0, 0, 0, 0},
		{1000, 1, 1, 0, 0},
		{1000 + 3*24*60, 0, 0, 1, 700},
		{1000 + 34*24*60, 0, 0, 0, 700},
		{1000 + 400*24*60, 0, 0, 0, 0},
	} {
		var n counts
		n.add(&m, c.watermark, &days)
		if n.reported[0] != c.reported3 || n.open != c.open || n.confirmed[1] != c.confirmed30 || n.centavos[longWindows] != c.centavos && n.centavos[longWindows+1] != c.centavos {
			t.Errorf("at %d: %+v", c.watermark, n)
		}
	}
}

// TestDICTTellsWhatBecameOfReports: what was accepted, what was turned down and what is still open are told apart.
func TestDICTTellsWhatBecameOfReports(t *testing.T) {
	t.Parallel()
	w := New(Params{Seed: 1, Accounts: 1500, Days: 2})
	const day = 24 * 60
	w.marks[7] = &marks{all: []mark{
		{opened: 0, closed: day, agreed: true, centavos: 700, kind: muleMarker},
		{opened: 0, closed: day, agreed: true, centavos: 40, kind: scammerMarker},
		{opened: 0, closed: day, agreed: true, centavos: 2, kind: applicationMarker},
		{opened: 0, closed: day}, {opened: 0, closed: day},
		{opened: day, closed: 9 * day, agreed: true, centavos: 5000, kind: muleMarker},
	}}
	var got, want pix.DICTSnapshot
	w.addMarks(&got, 7, 2*day)
	three := func(n int64) pix.DICTCounter {
		return pix.DICTCounter{D3: pix.Some(n), D30: pix.Some(n), M6: pix.Some(n)}
	}
	long := func(n int64) pix.DICTLongCounter {
		return pix.DICTLongCounter{D90: pix.Some(n), M12: pix.Some(n), M60: pix.Some(n)}
	}
	want.FraudsReported, want.FraudsConfirmed, want.FraudsRejected = three(6), three(3), three(2)
	want.MuleMarkers, want.ScammerMarkers, want.OpenInfractions = pix.Some[int64](1), pix.Some[int64](1), pix.Some[int64](1)
	want.DistinctReporters = pix.Some[int64](3)
	want.Long.ApplicationFrauds, want.Long.FraudCentavos = long(1), long(742)
	if diff := cmp.Diff(want, got, cmp.Exporter(func(reflect.Type) bool { return true })); diff != "" {
		t.Error(diff)
	}
}

// TestAccountSize holds docs/world.md to what it says of memory.
func TestAccountSize(t *testing.T) {
	t.Parallel()
	if got := int(unsafe.Sizeof(account{})); got != AccountBytes-aliasBytes {
		t.Errorf("an account takes %d bytes, the page says %d", got, AccountBytes-aliasBytes)
	}
}
