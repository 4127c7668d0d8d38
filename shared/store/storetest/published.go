package storetest

import (
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/engine"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// publishedIsTold: whoever reads a decision learns whether it is known to be published. Only MarkPublished says so, it says
// so of a decision that stands, and what it leaves in the table is never taken for a decision.
func publishedIsTold(t *testing.T, open Factory) {
	h := newHand()
	s := open(t, h.clock)
	published := func(tx *pix.Transaction) (told [2]bool) {
		standing, err := s.Decision(t.Context(), tx.ID)
		must(t, err)
		_, read, err := s.Read(t.Context(), tx)
		must(t, err)
		if standing == nil || read == nil {
			t.Fatalf("%s: no decision stands", tx.ID)
		}
		return [2]bool{standing.Published, read.Published}
	}
	tx, dropped, undecided := Payment(1, 10, 20), Payment(2, 10, 20), Payment(3, 10, 20)
	for _, p := range []*pix.Transaction{&tx, &dropped} {
		must(t, s.Record(t.Context(), p))
		d := Decision(p, "x")
		d.DecidedAt, d.Published = h.now, true // what the caller says is not what happened
		_, err := s.Commit(t.Context(), d)
		must(t, err)
		same(t, "committed", [2]bool{}, published(p))
	}
	mark := engine.MarkOf(&dropped)
	mark.RecordedAt = h.pass(time.Second)
	must(t, s.DropMarks(t.Context(), []engine.Mark{mark}))
	same(t, "dropped", [2]bool{}, published(&dropped))
	must(t, s.MarkPublished(t.Context(), []engine.Mark{engine.MarkOf(&tx)}))
	same(t, "published", [2]bool{true, true}, published(&tx))
	h.pass(time.Second)
	must(t, s.MarkPublished(t.Context(), []engine.Mark{engine.MarkOf(&tx)}))
	same(t, "published twice", [2]bool{true, true}, published(&tx))

	must(t, s.Record(t.Context(), &undecided))
	must(t, s.MarkPublished(t.Context(), []engine.Mark{engine.MarkOf(&undecided)}))
	if d, err := s.Decision(t.Context(), undecided.ID); err != nil || d != nil {
		t.Fatalf("decision %v, error %v: nobody decided", d, err)
	}
	late := Decision(&undecided, "late")
	late.DecidedAt = h.pass(time.Second)
	won, err := s.Commit(t.Context(), late)
	must(t, err)
	if won != late {
		t.Error("what is noted beside no decision stands in the way of one")
	}
	same(t, "decided later", [2]bool{}, published(&undecided))
}
