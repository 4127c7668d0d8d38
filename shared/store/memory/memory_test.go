package memory_test

import (
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/feature"
	"github.com/sentinela-pix/sentinela/shared/store/memory"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(_ *testing.T, clock func() time.Time) engine.Store { return memory.New(clock) })
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
	if got, most := s.Rows(), 33*perDay; got > most {
		t.Errorf("%d rows are live, want at most %d", got, most)
	}
	tx := storetest.Payment(0, 1, 7)
	h, d, err := s.Read(t.Context(), &tx)
	if err != nil {
		t.Fatal(err)
	}
	if got, most := len(h.Payee.In), int(feature.Retention.Hours()/24+1)*perDay; got > most || got < 31*perDay {
		t.Errorf("the busy payee holds %d events, want 31 days of them, at most %d", got, most)
	}
	if d != nil {
		t.Error("a decision outlived the windows")
	}
	left, err := s.Unpublished(t.Context(), time.Now().Add(time.Hour), 1<<20)
	if err != nil || len(left) > 33*perDay {
		t.Errorf("%d marks are left, %v", len(left), err)
	}
}

// A reader's slices never change under it, whatever is recorded meanwhile. The race detector watches.
func TestHistoriesDoNotChange(t *testing.T) {
	t.Parallel()
	s := memory.New(time.Now)
	first := storetest.Payment(1000, 1, 2)
	if err := s.Record(t.Context(), &first); err != nil {
		t.Fatal(err)
	}
	h, _, err := s.Read(t.Context(), &first)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range 2000 { // earlier, later, and the same again
			tx := storetest.Payment(n, 1, 2)
			if err := s.Record(t.Context(), &tx); err != nil {
				t.Error(err)
			}
		}
	}()
	for range 2000 {
		if len(h.Payer.Out) != 1 || h.Payer.Out[0].ID != first.ID {
			t.Fatal("the history changed")
		}
	}
	<-done
}

func BenchmarkRecordReadVector(b *testing.B) {
	s, set := memory.New(time.Now), mustSet(b)
	var vector []float64
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		tx := storetest.Payment(n, n%5000, 5000+n%700)
		tx.EventTime = storetest.Start().Add(time.Duration(n) * 10 * time.Millisecond)
		if err := s.Record(b.Context(), &tx); err != nil {
			b.Fatal(err)
		}
		h, _, err := s.Read(b.Context(), &tx)
		if err != nil {
			b.Fatal(err)
		}
		vector = set.Vector(vector, &tx, &h)
		if err := s.MarkPublished(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
}

func mustSet(b *testing.B) *feature.Set {
	b.Helper()
	set, err := feature.NewSet()
	if err != nil {
		b.Fatal(err)
	}
	return set
}
