package storetest

import (
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// unrecordedIsMarked: a decision whose event was not written stands with a mark all the same, where a sweep looks; what is
// stored does not say that the event is owed, for it may be written since.
func unrecordedIsMarked(t *testing.T, open Factory) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	s := open(t, func() time.Time { now = now.Add(time.Second); return now })
	owing, written := Payment(1, 10, 20), Payment(2, 10, 20)
	marked := func() (ids []pix.EndToEndID) {
		for _, m := range Marks(t, s, now.Add(time.Hour)) {
			ids = append(ids, m.ID)
		}
		return ids
	}
	_, err := s.Commit(t.Context(), Decision(&written, "written"))
	must(t, err)
	if ids := marked(); len(ids) != 0 {
		t.Errorf("marks %v: Record writes an ordinary payment's mark, not Commit", ids)
	}
	d := Decision(&owing, "owing")
	d.Unrecorded = true
	for range 2 { // the second is a retry
		_, err = s.Commit(t.Context(), d)
		must(t, err)
		same(t, "marks", []pix.EndToEndID{owing.ID}, marked())
	}
	standing, err := s.Decision(t.Context(), owing.ID)
	must(t, err)
	if standing == nil || standing.Unrecorded {
		t.Errorf("standing %+v", standing)
	}
	must(t, s.Record(t.Context(), &owing))
	if h := read(t, s, owing); len(h.Payer.Out.Events) != 1 {
		t.Errorf("%d events once it was written, want one", len(h.Payer.Out.Events))
	}
	must(t, s.MarkPublished(t.Context(), []engine.Mark{engine.MarkOf(&owing)}))
	if ids := marked(); len(ids) != 0 {
		t.Errorf("marks %v after it was resolved", ids)
	}
}
