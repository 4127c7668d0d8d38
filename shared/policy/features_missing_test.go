package policy_test

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// TestFeaturesMissing: without a history no score counts, in either direction, and rules on the payment's own facts
// apply as always.
func TestFeaturesMissing(t *testing.T) {
	t.Parallel()
	night := func(i *policy.Input) { at(t, "2026-11-23 23:00:00.000", 5_000_00)(i) }
	tests := map[string]struct {
		direction pix.Direction
		change    func(*policy.Input)
		want      pix.Outcome
		hits      []string
	}{
		"a certain fraud by the score": {pix.Outbound, func(i *policy.Input) { setScore(i, pix.PayerRole, 1) }, pix.Review, []string{"missing/features"}},
		"a certain mule by the score":  {pix.Inbound, func(i *policy.Input) { setScore(i, pix.ReceiverRole, 1) }, pix.Block, []string{"missing/features"}},
		"no score either":              {pix.Internal, func(i *policy.Input) { i.Scores = nil }, pix.Review, []string{"missing/features"}},
		"the night limit":              {pix.Outbound, night, pix.Reject, []string{"night-limit-person", "missing/features"}},
		"a fact that nobody knows": {pix.Outbound, func(i *policy.Input) { night(i); i.Tx.PayerFacts.Person = "" }, pix.Review,
			[]string{"missing/features", "night-limit-person/error"}},
		"a sum that is not known": {pix.Outbound, func(i *policy.Input) {
			i.Tx.Device.Registered = pix.Some(false)
			i.Vector = []float64{math.NaN(), math.NaN()}
		}, pix.Review, []string{"missing/features"}},
		"a trusted payee": {pix.Outbound, func(i *policy.Input) {
			i.Tx.Amount = 10_00
			i.Tx.PayerFacts.TrustedPayee, i.Tx.Device.Registered, i.Tx.Device.RemoteAccess = pix.Some(true), pix.Some(true), pix.Some(false)
		}, pix.Review, []string{"missing/features", "trusted-payee-small"}},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := noon(t, tc.direction)
			in.FeaturesMissing = true
			tc.change(&in)
			v := shipped(t).Decide(in)
			var hits []string
			for _, h := range v.Hits {
				hits = append(hits, h.ID)
			}
			if diff := cmp.Diff(tc.hits, hits); v.Outcome != tc.want || diff != "" {
				t.Errorf("%s, want %s; hits (-want +got):\n%s", v.Outcome, tc.want, diff)
			}
			if len(v.Roles) != 0 {
				t.Errorf("the scores of %v are blamed", v.Roles)
			}
		})
	}
}

// TestTwoFailModes: a store that did not answer has a mode of its own, with words of its own.
func TestTwoFailModes(t *testing.T) {
	t.Parallel()
	pack := load(t, head+ruleYAML("rule-a", "amount_centavos > 1000000000", "REVIEW", ""))
	for name, tc := range map[string]struct {
		direction pix.Direction
		missing   bool
		want      pix.Outcome
		words     string
	}{
		"score, outbound":    {pix.Outbound, false, pix.Review, "b"},
		"score, inbound":     {pix.Inbound, false, pix.Block, "b"},
		"score, internal":    {pix.Internal, false, pix.Reject, "b"},
		"features, outbound": {pix.Outbound, true, pix.Reject, "d"},
		"features, inbound":  {pix.Inbound, true, pix.Reject, "d"},
		"features, internal": {pix.Internal, true, pix.Block, "d"},
	} {
		in := noon(t, tc.direction)
		in.Vector, in.FeaturesMissing, in.Scores = []float64{1, 2}, tc.missing, nil
		v := pack.Decide(in)
		if v.Outcome != tc.want || len(v.Reasons) != 1 || v.Reasons[0].TextEN != tc.words {
			t.Errorf("%s: %s with reasons %v, want %s and %q", name, v.Outcome, v.Reasons, tc.want, tc.words)
		}
	}
}

// TestSet: a set is empty, or has one pack in force, and hands out the one that was before.
func TestSet(t *testing.T) {
	t.Parallel()
	good := head + ruleYAML("rule-a", "amount_centavos > 1", "REVIEW", "")
	set, err := policy.NewSet([]byte(good), testFeatures)
	if err != nil {
		t.Fatal(err)
	}
	first := set.Pack()
	next, err := policy.Load([]byte(good+"# a comment\n"), testFeatures)
	if err != nil {
		t.Fatal(err)
	}
	if before := set.Swap(next); before != first || set.Pack() != next || next.Version() == first.Version() {
		t.Errorf("swapped %s for %s, in force %s", next.Version(), before.Version(), set.Pack().Version())
	}
	for _, data := range []string{"", "version: [", head + ruleYAML("rule-a", "feature.nonsense > 1.0", "REVIEW", "")} {
		if _, err := policy.NewSet([]byte(data), testFeatures); err == nil {
			t.Errorf("a set without a sound pack: %q", data)
		}
	}
	if (&policy.Set{}).Pack() != nil {
		t.Error("a set has a pack that nobody put in force")
	}
}
