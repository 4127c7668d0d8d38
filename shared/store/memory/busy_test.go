package memory_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// stroll is a stream of payments of one payer, from one device, to one payee, all of which become busy.
type stroll struct {
	rate   time.Duration // mean time between two payments
	jitter time.Duration // between a payment and what it is recorded after
	late   int           // one payment in so many comes much later
	rotate bool          // keys, in the middle
}

// TestBusyIsExact: whatever the speed and disorder of a stream, on the way to being busy and beyond, what is handed out
// gives the vector that all its events give one by one, bit for bit: to the next payment, to one that comes late, and to one
// of hours ago. Both ways of reading say the same.
func TestBusyIsExact(t *testing.T) {
	t.Parallel()
	for _, w := range []stroll{
		{rate: time.Millisecond}, {rate: time.Millisecond, jitter: time.Second}, {rate: 20 * time.Millisecond, jitter: 4 * time.Second},
		{rate: 5 * time.Second, jitter: time.Second}, {rate: 40 * time.Second, jitter: time.Second, late: 60, rotate: true},
		{rate: 6 * time.Minute, jitter: time.Hour, late: 200},
	} {
		t.Run(fmt.Sprintf("%+v", w), func(t *testing.T) {
			t.Parallel()
			w.run(t)
		})
	}
}

func (w *stroll) run(t *testing.T) {
	t.Helper()
	const payments = 5600
	s, model, set := memory.New(time.Now), storetest.NewModel(), mustSet(t)
	rng := rand.New(rand.NewPCG(uint64(w.rate), uint64(w.jitter)))
	all := &everything{s, model, set}
	var sent []pix.Transaction
	at := storetest.Start()
	for n := range payments {
		at = at.Add(time.Duration(rng.ExpFloat64() * float64(w.rate)))
		tx := w.payment(n, at, rng)
		if err := s.Record(t.Context(), &tx); err != nil {
			t.Fatal(err)
		}
		model.Record(&tx)
		sent = append(sent, tx)
		if paid := &sent[max(0, n-rng.IntN(30))]; rng.IntN(2) == 0 {
			status := storetest.Status(paid, rng.IntN(4))
			if err := s.MarkStatus(t.Context(), paid, &status); err != nil {
				t.Fatal(err)
			}
			model.MarkStatus(paid, &status)
		}
		readers := []pix.Transaction{tx}
		if old := sent[rng.IntN(len(sent))]; rng.IntN(150) == 0 && tx.EventTime.Sub(old.EventTime) < 20*time.Hour { // the store forgets
			readers = append(readers, old, tx)
		}
		for i := range readers {
			var got []float64 // every reader moves what is handed out; few are worth all that they are compared with
			s.View(&readers[i], func(h *feature.Histories) { got = set.Vector(nil, &readers[i], h) })
			if exact := i == 1 || n%200 == 0; exact || i == 2 || rng.IntN(12) == 0 {
				all.compare(t, &readers[i], got, exact)
			}
		}
		if t.Failed() {
			t.Fatalf("after %d payments", n+1)
		}
	}
}

func (w *stroll) payment(n int, at time.Time, rng *rand.Rand) pix.Transaction {
	tx := storetest.Payment(n, 1, 2)
	of := func(kind pix.TokenKind, i int) pix.TokenPair {
		if w.rotate && n > 4700 {
			return storetest.Rotated(kind, i)
		}
		return storetest.Pair(kind, i)
	}
	tx.Payer.Account, tx.Payee.Account, tx.DeviceToken = of(pix.AccountToken, 1), of(pix.AccountToken, 2), of(pix.DeviceToken, 1)
	switch rng.IntN(12) { // of all three some counterparties are many
	case 0:
		tx.Payer.Account = of(pix.AccountToken, 10+rng.IntN(3000))
	case 1:
		tx.Payee.Account = of(pix.AccountToken, 10+rng.IntN(3000))
	}
	if w.jitter > 0 {
		at = at.Add(-time.Duration(rng.Int64N(int64(w.jitter))))
	}
	if w.late > 0 && rng.IntN(w.late) == 0 {
		at = at.Add(-time.Duration(rng.ExpFloat64() * float64(w.rate) * 500))
	}
	tx.EventTime, tx.ReceivedAt = at.Truncate(time.Millisecond), time.Time{}
	tx.Amount = pix.Money(1 + rng.ExpFloat64()*20_000)
	return tx
}

// everything is what knows all events one by one.
type everything struct {
	store *memory.Store
	model *storetest.Model
	set   *feature.Set
}

// compare holds what View gave to what Read gives, or to the model when it is exact.
func (e *everything) compare(t *testing.T, tx *pix.Transaction, got []float64, exact bool) {
	t.Helper()
	h, _, err := e.store.Read(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	if exact {
		h = e.model.Read(tx)
	}
	want := e.set.Vector(nil, tx, &h)
	for i, name := range feature.Names() {
		if math.Float64bits(want[i]) != math.Float64bits(got[i]) && !(math.IsNaN(want[i]) && math.IsNaN(got[i])) {
			t.Errorf("%s = %v, want %v", name, got[i], want[i])
		}
	}
}
