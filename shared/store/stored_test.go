package store_test

import (
	"bytes"
	"testing"

	"cloud.google.com/go/bigtable"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/store/storetest"
)

// TestWhatIsStoredIsWhatIsSent: a decision is written once, and the topic gets the bytes that lie in the table. One that did not
// win has none of its own, and neither has what is read.
func TestWhatIsStoredIsWhatIsSent(t *testing.T) {
	t.Parallel()
	cfg, opts := config(t), server(t)
	s := open(t, cfg, opts)
	tx := storetest.Payment(1, 10, 20)
	d, err := s.Commit(t.Context(), storetest.Decision(&tx, "mine"))
	must(t, err)
	sent, err := event.EncodeStoredDecision(d)
	must(t, err)
	written, err := event.EncodeDecision(d)
	must(t, err)
	if !bytes.Equal(sent.Data, written.Data) || len(sent.Attributes) != len(written.Attributes) || &sent.Data[0] != &d.Stored[0] {
		t.Error("what is sent is not what would be written, or is written anew")
	}
	client, err := bigtable.NewClient(t.Context(), cfg.ProjectID, cfg.InstanceID, opts...)
	must(t, err)
	defer client.Close()
	found := 0
	must(t, client.Open(cfg.Table).ReadRows(t.Context(), bigtable.InfiniteRange(""), func(row bigtable.Row) bool {
		for _, items := range row {
			for i := range items {
				if bytes.Equal(items[i].Value, sent.Data) {
					found++
				}
			}
		}
		return true
	}))
	if found != 1 {
		t.Errorf("what is sent lies in %d cells", found)
	}

	loser := storetest.Decision(&tx, "other")
	won, err := s.Commit(t.Context(), loser)
	must(t, err)
	if loser.Stored != nil || won.Stored != nil {
		t.Error("a decision that was not stored by this call has bytes")
	}
}
