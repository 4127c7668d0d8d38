package models

import (
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// TestColdStartStopsFewPayments serves the first day of an installation, when no account, pair or device has a history.
// The models flag 0.1 % of legitimate payments once histories exist; before that they may flag more, but a model that
// takes a missing history for a sign of fraud would flag a fifth of them.
func TestColdStartStopsFewPayments(t *testing.T) {
	t.Parallel()
	const most = 0.02
	wrong, honest := map[pix.Role]int{}, map[pix.Role]int{}
	scorers := map[pix.Role]func([]float64) bool{
		pix.PayerRole: flagging(t, pix.PayerRole), pix.ReceiverRole: flagging(t, pix.ReceiverRole),
	}
	fraud := false
	tokenizer, err := replay.NewTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	player, err := replay.NewPlayer(replay.Config{Tokenizer: tokenizer}, func(r *replay.Row) error {
		for role, flags := range scorers {
			if fraud || !scored(role, r.Transaction.Direction) {
				continue
			}
			honest[role]++
			if flags(r.Vector) {
				wrong[role]++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w := world.New(world.Params{Seed: 5, Accounts: 6000, Days: 1, DriftDay: -1, BreachDay: -1})
	for e, ok := w.Next(); ok; e, ok = w.Next() {
		e.Submission.ReceivedAt = e.Submission.EventTime // one at a time, so that fraud is the served payment's
		fraud = e.Fraud
		tx := tokenizer.Tokenize(&e.Submission)
		if err := player.Pay(t.Context(), &tx); err != nil {
			t.Fatal(err)
		}
	}
	if err := player.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	for role, n := range honest {
		share := float64(wrong[role]) / float64(n)
		t.Logf("%s: %d of %d legitimate payments of the first day flagged", role, wrong[role], n)
		if share > most || n < 1000 {
			t.Errorf("%s flags %.2f %% of %d legitimate payments of the first day, more than %.0f %%", role, 100*share, n, 100*most)
		}
	}
}

func scored(role pix.Role, d pix.Direction) bool {
	return d == pix.Internal || (d == pix.Outbound) == (role == pix.PayerRole)
}

// flagging says whether a shipped model scores a vector at or above its threshold for a false positive rate of 0.1 %.
func flagging(t *testing.T, role pix.Role) func([]float64) bool {
	t.Helper()
	m, _, _ := shipped(t, role)
	for _, threshold := range m.Manifest().Thresholds {
		if threshold.FPR == 0.001 {
			return func(vector []float64) bool {
				raw, _, err := m.Score(vector)
				return err != nil || raw >= threshold.Raw
			}
		}
	}
	t.Fatalf("the manifest of %s has no threshold for a false positive rate of 0.1 %%", role)
	return nil
}
