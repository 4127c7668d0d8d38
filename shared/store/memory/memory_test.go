package memory_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(_ *testing.T, clock func() time.Time) engine.Store { return memory.New(clock) })
}

// A merchant with more payments than feature.BusyEvents is served in tiles, the model in events: no vector differs, under
// disorder, late events, late statuses, duplicates and a key rotation.
func TestBusyStreamsEqualTheModel(t *testing.T) {
	t.Parallel()
	walk := storetest.Walk{Seed: 1, Payments: 12_000, Accounts: 40, Merchant: 0.85, Gap: 3 * time.Minute, Every: 50}
	s := memory.New(time.Now)
	walk.Run(t, s)
	tx := storetest.Payment(0, 1, 40)
	tx.Payee.Account = storetest.Rotated(pix.AccountToken, 40)
	tx.EventTime = storetest.Start().Add(26 * 24 * time.Hour)
	h, _, err := s.Read(t.Context(), &tx)
	if err != nil || len(h.Payee.In.Tiles) < 6 {
		t.Errorf("%d tiles, %v: the merchant is not served in tiles", len(h.Payee.In.Tiles), err)
	}
}

// A payer with 1,667 payments a second is read in as few parts at 40,000 of them as at 8,000, and no vector differs from
// that of its single events.
func TestAFastPayerIsReadInFewParts(t *testing.T) {
	t.Parallel()
	s := memory.New(time.Now)
	set, err := feature.NewSet()
	if err != nil {
		t.Fatal(err)
	}
	var all []feature.Event
	parts := map[int]int{}
	for n := 1; n <= 40_000; n++ {
		tx := storetest.Payment(n, 1, 5000+n%977)
		tx.DeviceToken = storetest.Pair(pix.DeviceToken, 1)
		tx.EventTime = storetest.Start().Add(time.Duration(n) * 600 * time.Microsecond).Truncate(time.Millisecond)
		if err := s.Record(t.Context(), &tx); err != nil {
			t.Fatal(err)
		}
		if n%8000 == 0 {
			h, _, err := s.Read(t.Context(), &tx)
			if err != nil {
				t.Fatal(err)
			}
			parts[n] = len(h.Payer.Out.Events) + len(h.Payer.Out.Tiles)
			got := set.Vector(nil, &tx, &h)
			h.Payer.Out = feature.Stream{Events: all}
			if d := cmp.Diff(set.Vector(nil, &tx, &h), got, cmpopts.EquateNaNs()); d != "" {
				t.Errorf("after %d payments (-single events +tiles):\n%s", n, d)
			}
		}
		all = append(all, feature.Writes(&tx)[0].Event)
	}
	for n, got := range parts {
		if got > 300 { // a tenth of a second is 167 of its payments
			t.Errorf("after %d payments %d events and tiles are read, want at most 300", n, got)
		}
	}
}

func TestMemoryIsBoundedByTheLiveWindows(t *testing.T) {
	t.Parallel()
	s := memory.New(time.Now)
	const perDay = 50
	for day := range 120 {
		for n := range perDay {
			tx := storetest.Payment(day*perDay+n, day*perDay+n, 7)
			tx.EventTime = storetest.Start().AddDate(0, 0, day).Add(time.Duration(n) * time.Second)
			tx.DeviceToken.Current = ""
			if err := s.Record(t.Context(), &tx); err != nil {
				t.Fatal(err)
			}
			if _, err := s.Commit(t.Context(), storetest.Decision(&tx, "x")); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, most := s.Rows(), 2*33*perDay; got > most {
		t.Errorf("%d rows are live, want at most %d", got, most)
	}
	tx := storetest.Payment(0, 1, 7)
	h, d, err := s.Read(t.Context(), &tx)
	if err != nil {
		t.Fatal(err)
	}
	if got, most := len(h.Payee.In.Events), int(feature.Retention.Hours()/24+1)*perDay; got > most || got < 31*perDay {
		t.Errorf("the busy payee holds %d events, want 31 days of them, at most %d", got, most)
	}
	if d != nil {
		t.Error("a decision outlived the windows")
	}
	minutes, err := s.OpenMinutes(t.Context(), time.Time{}, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	q := engine.MarkQuery{Before: time.Now().Add(time.Hour), Limit: 1 << 20}
	for _, m := range minutes {
		q.Minutes = append(q.Minutes, m.Minute)
	}
	left, err := s.Unpublished(t.Context(), q)
	if err != nil || len(left) > 2*33*perDay {
		t.Errorf("%d marks are left, %v", len(left), err)
	}
}

// A reader's slices never change under it, whatever is recorded meanwhile. The race detector watches.
func TestHistoriesDoNotChange(t *testing.T) {
	t.Parallel()
	s := memory.New(time.Now)
	var known []pix.EndToEndID
	for n := 1000; n < 1005; n++ { // enough that the list has room to grow in place
		tx := storetest.Payment(n, 1, 2)
		if err := s.Record(t.Context(), &tx); err != nil {
			t.Fatal(err)
		}
		known = append(known, tx.ID)
	}
	reader := storetest.Payment(1000, 1, 2)
	h, _, err := s.Read(t.Context(), &reader)
	if err != nil {
		t.Fatal(err)
	}
	done, elsewhere := make(chan struct{}), storetest.Payment(0, 3, 4)
	go func() {
		defer close(done)
		known := storetest.Payment(1002, 1, 2)
		if err := s.Withdraw(t.Context(), &known, &elsewhere); err != nil {
			t.Error(err)
		}
		for n := range 2000 { // earlier, later, and the same again; each is taken out, too
			tx := storetest.Payment(n, 1, 2)
			if err := s.Record(t.Context(), &tx); err != nil {
				t.Error(err)
			}
			if err := s.Withdraw(t.Context(), &tx, &elsewhere); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 2000 {
		unchanged(t, known, h.Payer.Out.Events)
	}
	<-done
	unchanged(t, known, h.Payer.Out.Events)
}

func unchanged(t *testing.T, known []pix.EndToEndID, events []feature.Event) {
	t.Helper()
	if len(events) != len(known) {
		t.Fatalf("%d events, want %d", len(events), len(known))
	}
	for i, id := range known {
		if events[i].ID != id {
			t.Fatalf("event %d changed", i)
		}
	}
}
