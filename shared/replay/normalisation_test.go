package replay_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/replay"
	"github.com/sentinela-pix/sentinela/shared/world"
)

// TestNormalisationIsCarriedLikeARotation: the same secret goes from the old rules to the new under a new version. While
// some hops still write under the old version and some under the new, and afterwards, whoever is on the new one sees every
// history as if there had been one normalisation all along. A hop on the old one sees what was written under the old.
func TestNormalisationIsCarriedLikeARotation(t *testing.T) {
	t.Parallel()
	log := simulated(world.Params{Seed: 31, Accounts: 300, Days: 12, FraudBoost: 400}).payments
	slices.SortStableFunc(log, func(a, b pix.Submission) int { return a.EventTime.Compare(b.EventTime) })
	for i := range log { // as one producer writes: another token under the old rules than under the new
		for _, p := range []*pix.RawParty{&log[i].Payer, &log[i].Payee} {
			if p.Branch != "" {
				p.Branch = p.Branch[:4] + "-7"
			}
		}
	}
	old := pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte("s"), 32), Normalisation: pix.NormalisationV1}
	next := pix.TokenKey{Version: 2, Secret: old.Secret, Normalisation: pix.NormalisationV2}
	before, during, only := hop(t, old, nil), hop(t, next, &old), hop(t, next, nil)
	third := len(log) / 3
	onOld := func(i int) bool { return i < third || i < 2*third && i%3 == 0 }
	want := played(t, log, func(int) *pix.Tokenizer { return only })
	got := played(t, log, func(i int) *pix.Tokenizer {
		if onOld(i) {
			return before
		}
		return during
	})
	split, moved := 0, played(t, log, func(i int) *pix.Tokenizer {
		if onOld(i) {
			return before
		}
		return only // without the previous token
	})
	for i := range log {
		id := log[i].ID
		if !slices.Equal(got[id], want[id]) && !onOld(i) {
			t.Errorf("payment %d of %d: another vector than without the change", i, len(log))
		}
		if !slices.Equal(moved[id], want[id]) && !onOld(i) {
			split++
		}
	}
	if split < third/2 {
		t.Errorf("only %d payments miss a history without the previous token: the log proves nothing", split)
	}
}

func hop(t *testing.T, current pix.TokenKey, previous *pix.TokenKey) *pix.Tokenizer {
	t.Helper()
	tokenizer, err := pix.NewTokenizer(current, previous)
	if err != nil {
		t.Fatal(err)
	}
	return tokenizer
}

// played returns the vector of every payment, each tokenised by the hop that it went through.
func played(t *testing.T, log []pix.Submission, through func(int) *pix.Tokenizer) map[pix.EndToEndID][]uint64 {
	t.Helper()
	vectors := map[pix.EndToEndID][]uint64{}
	player, err := replay.NewPlayer(replay.Config{}, func(r *replay.Row) error {
		vectors[r.Transaction.ID] = bits(r.Vector)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range log {
		tx := through(i).Tokenize(&log[i])
		if err := player.Pay(t.Context(), &tx); err != nil {
			t.Fatal(err)
		}
	}
	if err := player.End(t.Context()); err != nil {
		t.Fatal(err)
	}
	return vectors
}
