package store_test

import (
	"sync"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store"
)

// ledger knows which payments were begun and which were recorded.
type ledger struct {
	mu             sync.Mutex
	begun, written []pix.Transaction
}

func (l *ledger) add(list *[]pix.Transaction, tx *pix.Transaction) {
	l.mu.Lock()
	defer l.mu.Unlock()
	*list = append(*list, *tx)
}

// before counts the payments of a list that tx sees.
func (l *ledger) before(list *[]pix.Transaction, tx *pix.Transaction) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range *list {
		o := &(*list)[i]
		if c := o.Moment().Compare(tx.Moment()); c < 0 || c == 0 && o.ID < tx.ID {
			n++
		}
	}
	return n
}

// Many payments at once, while two processes seal: each sees at least every earlier one that was recorded before it was,
// and at most every earlier one that was begun before its read ended.
func TestConcurrentPaymentsSeeWhatWasRecorded(t *testing.T) {
	t.Parallel()
	m := newMerchant(t, small())
	stores := []*store.Store{m.process(0), m.process(0)}
	m.warm()
	var book ledger
	first := m.payment(m.clock.at(0)())
	warm := m.stream(feature.Rows(&first).Payee, feature.FamilyIn)
	var mu sync.Mutex
	next := func() pix.Transaction {
		mu.Lock()
		defer mu.Unlock()
		m.clock.advance(50 * time.Millisecond)
		tx := m.payment(m.clock.at(0)())
		if m.number%9 == 0 {
			tx.EventTime, tx.ReceivedAt = tx.Moment().Add(-40*time.Second), time.Time{}
		}
		return tx
	}
	one := func(s *store.Store) {
		tx := next()
		least := book.before(&book.written, &tx)
		book.add(&book.begun, &tx)
		if err := s.Record(t.Context(), &tx); err != nil {
			t.Error(err)
			return
		}
		book.add(&book.written, &tx)
		h, _, err := s.Read(t.Context(), &tx)
		if err != nil {
			t.Error(err)
			return
		}
		seen := windows(t, &tx, feature.FamilyIn, h.Payee.In)[5].Totals.Count -
			windows(t, &tx, feature.FamilyIn, warm)[5].Totals.Count
		if most := book.before(&book.begun, &tx); seen < least || seen > most {
			t.Errorf("a payment sees %d others, want %d to %d (%d tiles)", seen, least, most, len(h.Payee.In.Tiles))
		}
	}
	done := make(chan struct{})
	var sealers, payers sync.WaitGroup
	for _, s := range stores {
		sealers.Go(func() {
			for {
				select {
				case <-done:
					return
				case <-time.After(5 * time.Millisecond):
					if err := s.Tend(t.Context()); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	for worker := range 4 {
		payers.Go(func() {
			for range 200 {
				one(stores[worker%2])
			}
		})
	}
	payers.Wait()
	close(done)
	sealers.Wait()
}
