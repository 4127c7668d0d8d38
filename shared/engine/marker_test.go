package engine_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// fakeMarks remembers what was marked on whose behalf.
type fakeMarks struct {
	decisions map[pix.EndToEndID]*pix.Decision
	err       error // of every method
	markErr   error // of the marks
	marked    []string
}

func (m *fakeMarks) Decision(_ context.Context, id pix.EndToEndID) (*pix.Decision, error) {
	return m.decisions[id], m.err
}

func (m *fakeMarks) MarkStatus(_ context.Context, tx *pix.Transaction, s *pix.Status) error {
	m.marked = append(m.marked, string(s.State)+" "+string(tx.Payer.Account.Current))
	return errors.Join(m.err, m.markErr)
}

func (m *fakeMarks) MarkFraud(_ context.Context, tx *pix.Transaction, l *pix.Label) error {
	m.marked = append(m.marked, l.Source+" "+string(tx.Payer.Account.Current))
	return errors.Join(m.err, m.markErr)
}

func TestMarker(t *testing.T) {
	t.Parallel()
	known, unknown := payment(1, pix.Outbound), payment(2, pix.Outbound)
	away := pix.E(pix.Unavailable, "x", errors.New("away"))
	tests := map[string]struct {
		tx           *pix.Transaction
		err, markErr error
		statusKind   pix.Kind
		statusFails  bool
		labelMarks   bool
		labelFails   bool
	}{
		"decided":     {tx: known, labelMarks: true},
		"not decided": {tx: unknown, statusFails: true, statusKind: pix.Unavailable},
		"store away":  {tx: known, err: away, statusFails: true, statusKind: pix.Unavailable, labelFails: true},
		"mark fails":  {tx: known, markErr: away, statusFails: true, statusKind: pix.Unavailable, labelFails: true},
		"slow store":  {tx: known, err: context.DeadlineExceeded, statusFails: true, statusKind: pix.Timeout, labelFails: true},
	}
	for name, tc := range tests {
		store := &fakeMarks{decisions: map[pix.EndToEndID]*pix.Decision{known.ID: {Transaction: *known}}, err: tc.err, markErr: tc.markErr}
		m, err := engine.NewMarker(store)
		if err != nil {
			t.Fatal(err)
		}
		err = m.Status(t.Context(), &pix.Status{ID: tc.tx.ID, EventTime: start, State: pix.Settled, OccurredAt: start.Add(time.Second)})
		if (err != nil) != tc.statusFails || err != nil && pix.KindOf(err) != tc.statusKind {
			t.Errorf("%s: status: kind %v: %v", name, pix.KindOf(err), err)
		}
		if err != nil && pix.KindOf(err).Disposition().Ack {
			t.Errorf("%s: a status that did not reach the store is acknowledged", name)
		}
		marked, err := m.Fraud(t.Context(), &pix.Label{ID: tc.tx.ID, Source: "MED", Fraud: true})
		if (marked != nil) != tc.labelMarks || (err != nil) != tc.labelFails {
			t.Errorf("%s: label marked %v: %v", name, marked, err)
		}
		if name == "decided" {
			who := string(known.Payer.Account.Current)
			if diff := cmp.Diff([]string{"SETTLED " + who, "MED " + who}, store.marked); diff != "" {
				t.Errorf("marked (-want +got):\n%s", diff)
			}
		}
	}
	if _, err := engine.NewMarker(nil); pix.KindOf(err) != pix.Invalid {
		t.Errorf("a marker without a store: %v", err)
	}
}
