package storetest

import (
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// unrecordedIsMarked: a decision whose event was not written stands with a mark all the same, and the first moment of the
// mark counts; what is stored does not say that the event is owed, for it may be written since.
func unrecordedIsMarked(t *testing.T, open Factory) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	s := open(t, func() time.Time { now = now.Add(time.Second); return now })
	owing, written := Payment(1, 10, 20), Payment(2, 10, 20)
	marked := func() (ids []pix.EndToEndID) {
		list, err := s.Unpublished(t.Context(), now.Add(time.Hour), 100)
		must(t, err)
		for _, u := range list {
			ids = append(ids, u.ID)
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
	_, err = s.Commit(t.Context(), d)
	must(t, err)
	same(t, "marks", []pix.EndToEndID{owing.ID}, marked())
	first := now
	_, err = s.Commit(t.Context(), d) // a retry
	must(t, err)
	list, err := s.Unpublished(t.Context(), now.Add(time.Hour), 100)
	must(t, err)
	if len(list) != 1 || list[0].RecordedAt.After(first) {
		t.Errorf("after a retry: %v, want the mark of %v", list, first)
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
	must(t, s.MarkPublished(t.Context(), []pix.EndToEndID{owing.ID}))
	if ids := marked(); len(ids) != 0 {
		t.Errorf("marks %v after it was settled", ids)
	}
}
