package store_test

import (
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/pixtest/fault"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// What outlives a rotation is carried over once, by upkeep and not by a payment's calls, and a write that fails is tried
// again.
func TestRotationIsCarriedOverOnce(t *testing.T) {
	t.Parallel()
	faults := fault.New()
	s := open(t, config(t), server(t), faults.ClientOptions()...)
	old := storetest.Payment(1, 10, 20)
	must(t, s.Record(t.Context(), &old))
	during := storetest.Payment(2, 10, 20)
	during.Payer.Account = storetest.Rotated(pix.AccountToken, 10)
	must(t, s.Record(t.Context(), &during))
	writes := faults.Calls("MutateRows")
	read := func() feature.First {
		t.Helper()
		h, _, err := s.Read(t.Context(), &during)
		must(t, err)
		return h.Payer.First.Out
	}
	if got := read(); got.ID != old.ID {
		t.Errorf("the first payment is %s, want %s", got.ID, old.ID)
	}
	if got := faults.Calls("MutateRows"); got != writes {
		t.Errorf("reading wrote %d times", got-writes)
	}
	faults.Refuse("MutateRows", codes.PermissionDenied, 1)
	if err := s.Tend(t.Context()); pix.KindOf(err) != pix.Unavailable || err == nil {
		t.Errorf("a refused write: %v, want kind unavailable", err)
	}
	must(t, s.Tend(t.Context()))
	read()
	writes = faults.Calls("MutateRows")
	must(t, s.Tend(t.Context()))
	if got := faults.Calls("MutateRows"); got != writes {
		t.Errorf("what was carried over is written again, %d times", got-writes)
	}
	during.Payer.Account.Previous = ""
	if got := read(); got.At != old.EventTime.UnixMilli() {
		t.Errorf("after the rotation the first payment is of %d, want %d", got.At, old.EventTime.UnixMilli())
	}
}
