package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// watched lists the calls that a decision makes to the store, in their order.
func (w *world) watched() *[]string {
	var calls []string
	note := func(name string) func(context.Context) error {
		return func(context.Context) error { calls = append(calls, name); return nil }
	}
	w.store.record, w.store.read = note("record"), note("read")
	w.store.commit, w.store.withdraw = note("commit"), note("withdraw")
	return &calls
}

// histories gives what the store knows of a payment's entities.
func (w *world) histories(t *testing.T, tx *pix.Transaction) feature.Histories {
	t.Helper()
	h, _, err := w.store.Store.Read(t.Context(), tx)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// impostors are payments under the id of the first ordinary one.
func impostors() map[string]*pix.Transaction {
	other := payment(2, pix.Outbound)
	all := map[string]*pix.Transaction{}
	for name, change := range map[string]func(*pix.Transaction){
		"payer":  func(tx *pix.Transaction) { tx.Payer = other.Payer },
		"payee":  func(tx *pix.Transaction) { tx.Payee = other.Payee },
		"amount": func(tx *pix.Transaction) { tx.Amount = 99_999_00 },
		"time":   func(tx *pix.Transaction) { tx.EventTime = tx.EventTime.Add(-time.Minute) },
	} {
		all[name] = payment(1, pix.Outbound)
		change(all[name])
	}
	return all
}

func TestAnotherPaymentWithTheSameIDIsAConflict(t *testing.T) {
	t.Parallel()
	for name, impostor := range impostors() {
		w := newWorld(t, 0)
		first := payment(1, pix.Outbound)
		if _, _, err := w.engine.Decide(t.Context(), live(first)); err != nil {
			t.Fatal(err)
		}
		before, beside := w.histories(t, first), w.histories(t, impostor)
		calls := w.watched()
		d, _, err := w.engine.Decide(t.Context(), live(impostor))
		if d != nil || pix.KindOf(err) != pix.Conflict {
			t.Fatalf("another %s: decision %v, kind %v: %v", name, d, pix.KindOf(err), err)
		}
		if want := []string{"record", "read", "withdraw"}; !slices.Equal(*calls, want) {
			t.Errorf("another %s: calls %v, want %v", name, *calls, want)
		}
		unmoved(t, name, before, w.histories(t, first))
		unmoved(t, name, beside, w.histories(t, impostor))
	}
}

// unmoved expects the same events and first-ever facts.
func unmoved(t *testing.T, name string, want, got feature.Histories) {
	t.Helper()
	for what, c := range map[string][2]feature.History{
		"payer": {want.Payer, got.Payer}, "payee": {want.Payee, got.Payee}, "device": {want.Device, got.Device},
		"pair": {want.Pair, got.Pair}, "reverse": {want.Reverse, got.Reverse},
	} {
		a, b := c[0], c[1]
		if !slices.Equal(a.Out.Events, b.Out.Events) || !slices.Equal(a.In.Events, b.In.Events) ||
			!slices.Equal(a.Use.Events, b.Use.Events) || a.First != b.First {
			t.Errorf("another %s: %s is %+v, want %+v", name, what, b, a)
		}
	}
}

// TestConflictThatCannotBeWithdrawn: whatever the store says, the message comes back, and then leaves no trace.
func TestConflictThatCannotBeWithdrawn(t *testing.T) {
	t.Parallel()
	for _, kind := range []pix.Kind{pix.Unavailable, pix.Timeout, pix.Invalid, pix.Unexpected} {
		w := newWorld(t, 0)
		first, impostor := payment(1, pix.Outbound), impostors()["payer"]
		if _, _, err := w.engine.Decide(t.Context(), live(first)); err != nil {
			t.Fatal(err)
		}
		before := w.histories(t, impostor)
		w.store.withdraw = func(context.Context) error { return pix.E(kind, "withdraw", errors.New("refused")) }
		d, _, err := w.engine.Decide(t.Context(), live(impostor))
		if d != nil || pix.KindOf(err) != pix.Unavailable {
			t.Errorf("%v: decision %v, kind %v: %v", kind, d, pix.KindOf(err), err)
		}
		w.store.withdraw = nil
		if _, _, err := w.engine.Decide(t.Context(), live(impostor)); pix.KindOf(err) != pix.Conflict {
			t.Errorf("%v: the redelivery ends in kind %v: %v", kind, pix.KindOf(err), err)
		}
		unmoved(t, "payer", before, w.histories(t, impostor))
	}
}

// TestConflictInARace: the other payment commits between our read and our commit, at the very moment of ours.
func TestConflictInARace(t *testing.T) {
	t.Parallel()
	ours, _, err := newWorld(t, 0).engine.Decide(t.Context(), live(payment(1, pix.Outbound)))
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, 0)
	other := payment(1, pix.Outbound)
	other.Amount = 5_00
	calls := w.watched()
	w.store.commit = func(ctx context.Context) error {
		*calls = append(*calls, "commit")
		_, err := w.store.Store.Commit(ctx, &pix.Decision{Transaction: *other, Outcome: pix.Approve, DecidedAt: ours.DecidedAt, TraceID: ours.TraceID})
		return err
	}
	if d, _, err := w.engine.Decide(t.Context(), live(payment(1, pix.Outbound))); d != nil || pix.KindOf(err) != pix.Conflict {
		t.Errorf("decision %v, kind %v: %v", d, pix.KindOf(err), err)
	}
	if want := []string{"record", "read", "commit", "withdraw"}; !slices.Equal(*calls, want) {
		t.Errorf("calls %v, want %v", *calls, want)
	}
	if h := w.histories(t, other); len(h.Payer.Out.Events) != 1 || h.Payer.Out.Events[0].Amount != other.Amount {
		t.Errorf("the payer has %+v, want the payment that stands", h.Payer.Out.Events)
	}
}

// TestOrdinaryPaymentsAreNotWithdrawn: the one more call is for conflicts alone.
func TestOrdinaryPaymentsAreNotWithdrawn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	calls := w.watched()
	first, rotated := payment(1, pix.Outbound), payment(1, pix.Outbound)
	first.Payer.Account.Current = "acct.1.000000000000000000001A"
	rotated.Payer.Account = pix.TokenPair{Current: "acct.2.000000000000000000002A", Previous: first.Payer.Account.Current}
	for _, tx := range []*pix.Transaction{first, first, rotated} {
		if _, _, err := w.engine.Decide(t.Context(), live(tx)); err != nil {
			t.Fatal(err)
		}
	}
	if want := []string{"record", "read", "commit", "record", "read", "record", "read"}; !slices.Equal(*calls, want) {
		t.Errorf("calls %v, want %v", *calls, want)
	}
}

// TestTheSamePaymentFromAnotherDevice: it is no conflict, but the histories keep what was decided on.
func TestTheSamePaymentFromAnotherDevice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	first, again := payment(1, pix.Outbound), payment(1, pix.Outbound)
	again.DeviceToken = payment(2, pix.Outbound).DeviceToken
	if _, _, err := w.engine.Decide(t.Context(), live(first)); err != nil {
		t.Fatal(err)
	}
	before, beside := w.histories(t, first), w.histories(t, again)
	d, repeated, err := w.engine.Decide(t.Context(), live(again))
	if err != nil || !repeated || d.Transaction.DeviceToken != first.DeviceToken {
		t.Fatalf("decision %v, repeated %v: %v", d, repeated, err)
	}
	unmoved(t, "device", before, w.histories(t, first))
	unmoved(t, "device", beside, w.histories(t, again))
	w.store.withdraw = failures()["unavailable"]
	if d, _, err := w.engine.Decide(t.Context(), live(again)); d != nil || pix.KindOf(err) != pix.Unavailable {
		t.Errorf("decision %v, kind %v: %v; want the message back", d, pix.KindOf(err), err)
	}
	if d, repeated, err := w.engine.Answer(t.Context(), live(again)); err != nil || !repeated || d.Provisional {
		t.Errorf("answer %v, repeated %v: %v; want what stands", d, repeated, err)
	}
}

// TestOnlyWhatWasDecidedIsOwed: an event that could not be written is written later only if its payment is the one decided.
func TestOnlyWhatWasDecidedIsOwed(t *testing.T) {
	t.Parallel()
	device := payment(1, pix.Outbound)
	device.DeviceToken = payment(2, pix.Outbound).DeviceToken
	for name, c := range map[string]struct {
		tx   *pix.Transaction
		kind pix.Kind
	}{
		"another amount": {impostors()["amount"], pix.Conflict},
		"another device": {device, pix.Unexpected},
	} {
		w := newWorld(t, 0)
		o := newOutbox(t, w, &bus{})
		first := payment(1, pix.Outbound)
		if _, _, err := w.engine.Decide(t.Context(), live(first)); err != nil {
			t.Fatal(err)
		}
		before, beside := w.histories(t, first), w.histories(t, c.tx)
		w.store.record = failures()["unavailable"]
		d, _, err := w.engine.Decide(t.Context(), live(c.tx))
		if (err != nil) != (c.kind == pix.Conflict) || pix.KindOf(err) != c.kind || d != nil && !d.Unrecorded {
			t.Errorf("%s: decision %+v, kind %v: %v", name, d, pix.KindOf(err), err)
		}
		w.store.record = nil
		if d != nil {
			if err := o.Send(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := o.Sweep(t.Context(), start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		unmoved(t, name, before, w.histories(t, first))
		unmoved(t, name, beside, w.histories(t, c.tx))
	}
}

// TestWithdrawnDeviceLeavesTheEventOwed: the payment that stands was decided without its event, and the same from another
// device, which was written, takes its own out again. The mark must not go with it.
func TestWithdrawnDeviceLeavesTheEventOwed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 0)
	first, again := payment(1, pix.Outbound), payment(1, pix.Outbound)
	again.DeviceToken = payment(2, pix.Outbound).DeviceToken
	w.store.record = failures()["unavailable"]
	if _, _, err := w.engine.Decide(t.Context(), live(first)); err != nil {
		t.Fatal(err)
	}
	w.store.record = nil
	d, repeated, err := w.engine.Decide(t.Context(), live(again))
	if err != nil || !repeated || !d.Unrecorded || d.Transaction.DeviceToken != first.DeviceToken {
		t.Fatalf("decision %+v, repeated %v: %v", d, repeated, err)
	}
	if err := newOutbox(t, w, &bus{}).Send(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if h := w.histories(t, first); len(h.Device.Use.Events) != 1 || outEvents(&h) != 1 {
		t.Errorf("%d events of the device, %d of the payer", len(h.Device.Use.Events), outEvents(&h))
	}
}

var _ engine.Store = (*faultyStore)(nil)
