package event_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/event"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// words are what a text may be made of: all plain, but for the one odd part.
func (d draw) words(odd string) string {
	parts := []string{"", "a", "valor acima do habitual", "não é “comum” – R$ 1.599,00", "日本", strings.Repeat("x", 130), "\x7f", "\U0001F600", odd}
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(parts), 0, 3).Draw(d.t, "words"), "")
}

// odd is what JSON escapes or proto refuses.
func (d draw) odd() string {
	return one(d, oddities()...)
}

func oddities() []string {
	return []string{"<", ">", "&", `"`, `\`, "\n", "\x00", "\u2028", "\u2029", "\xff", "\xe2\x80"}
}

func (d draw) moment() time.Time {
	return one(d, time.Time{}, now(), now().Add(123456789), now().In(time.FixedZone("", -3*3600)), time.Unix(-1, 999).UTC(),
		time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC))
}

func (d draw) float() float64 {
	return one(d, 0, math.Copysign(0, -1), 0.25, -3.5, math.NaN(), math.Inf(1), math.MaxFloat64)
}

func (d draw) scored(odd string) pix.Score {
	s := pix.Score{
		Role: one(d, pix.PayerRole, pix.ReceiverRole), Version: d.words(odd), Raw: d.float(), Probability: d.float(),
		Outcome: one(d, "", pix.Review, pix.Approve),
	}
	for range d.n(0, 6) {
		s.Top = append(s.Top, pix.Contribution{Feature: d.words(odd), Value: d.float(), Contribution: d.float()})
	}
	return s
}

// any draws a decision with anything in it but its payment, of which the contract's own tests take care.
func (d draw) any(tx pix.Transaction, plain bool) pix.Decision {
	odd := ""
	if !plain {
		odd = d.odd()
	}
	out := pix.Decision{
		Transaction: tx, Outcome: one(d, pix.Approve, pix.Review, pix.Block, pix.Reject), HoldUntil: d.moment(), DecidedAt: d.moment(),
		Provisional: d.has(), FeaturesMissing: d.has(), PolicyVersion: d.words(odd), FeatureSet: d.words(odd), TraceID: d.words(odd),
		StoreLatency: time.Duration(d.n(-3e9, 3e9)), ScoreLatency: time.Duration(d.n(0, 3e9)), TotalLatency: time.Duration(d.n(-1, 1)),
		Vector: rapid.SliceOfN(rapid.Float64(), 0, 40).Draw(d.t, "vector"),
	}
	for range d.n(0, 4) {
		out.Reasons = append(out.Reasons, pix.Reason{Code: d.words(odd), TextPT: d.words(odd), TextEN: d.words(odd)})
	}
	for range d.n(0, 3) {
		out.RuleHits = append(out.RuleHits, pix.RuleHit{ID: d.words(odd), Outcome: one(d, pix.Review, pix.Block), LegalBasis: d.words(odd), Lifted: d.has()})
	}
	for range d.n(0, 3) {
		out.Scores = append(out.Scores, d.scored(odd))
	}
	for range d.n(0, 2) {
		out.Shadow = append(out.Shadow, d.scored(odd))
	}
	if !plain { // what nobody should make, and a caller must not be told
		out.Outcome = one(d, out.Outcome, out.Outcome, out.Outcome, "", "MAYBE", "NOT_RECOGNISED")
		if len(out.Scores) > 0 && rapid.IntRange(0, 3).Draw(d.t, "of a role") == 0 {
			out.Scores[0].Role = one[pix.Role](d, "", "nobody", `pay"er`)
		}
	}
	return out
}

// TestDecisionsAreWrittenAsTheMessageIs: a decision's bytes are those of the generated message, and what that refuses is refused.
func TestDecisionsAreWrittenAsTheMessageIs(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	for _, plain := range []bool{true, false} {
		rapid.Check(t, func(t *rapid.T) {
			d := draw{t: t}.any(tx, plain)
			want, refused := event.EncodeDecisionReference(&d)
			got, err := event.EncodeDecision(&d)
			if diff := cmp.Diff(want, got); diff != "" || pix.KindOf(err) != pix.KindOf(refused) || (err == nil) != (refused == nil) {
				t.Fatalf("%v against %v (-message +writer):\n%s", err, refused, diff)
			}
			if plain && err != nil {
				t.Fatal(err)
			}
		})
	}
}

// TestAnswersAreWrittenAsEncodingJSONDoes: an answer's bytes are those of encoding/json, and what that refuses is refused.
func TestAnswersAreWrittenAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	tx := exampleTransaction(t)
	for _, plain := range []bool{true, false} {
		rapid.Check(t, func(t *rapid.T) {
			d := draw{t: t}.any(tx, plain)
			want, refused := event.AnswerReference(&d)
			got, err := event.AnswerJSON(&d)
			if !bytes.Equal(want, got) || pix.KindOf(err) != pix.KindOf(refused) || (err == nil) != (refused == nil) {
				t.Fatalf("%v against %v:\n%s\n%s", err, refused, want, got)
			}
		})
	}
}

// TestOrdinaryAnswersTakeTheShortWay: what decisions hold in fact needs no reflection.
func TestOrdinaryAnswersTakeTheShortWay(t *testing.T) {
	t.Parallel()
	d := held(t)
	if !event.AnswersPlainly(&d) {
		t.Error("an ordinary answer goes through encoding/json")
	}
	for _, odd := range oddities() {
		d.Reasons[0].TextEN = "a " + odd + " b"
		want, err := event.AnswerReference(&d)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := event.AnswerJSON(&d); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%q: %s, %v, want %s", odd, got, err, want)
		}
	}
}

// TestWhatIsWrittenIsNobodyElses: decisions are written into a buffer that the next one uses.
func TestWhatIsWrittenIsNobodyElses(t *testing.T) {
	t.Parallel()
	d := held(t)
	first, err := event.EncodeDecision(&d)
	if err != nil {
		t.Fatal(err)
	}
	before := bytes.Clone(first.Data)
	for range 20 {
		d.PolicyVersion += "x"
		if _, err := event.EncodeDecision(&d); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(before, first.Data) {
		t.Error("a decision that was written changed afterwards")
	}
	if cap(first.Data) > len(first.Data)+len(first.Data)/4 {
		t.Errorf("%d bytes are kept for %d", cap(first.Data), len(first.Data))
	}
}

// held is a decision like those that are looked at: two scores in words, a rule, a vector.
func held(tb testing.TB) pix.Decision {
	tb.Helper()
	d := pix.Decision{
		Transaction: exampleTransaction(tb), Outcome: pix.Review, DecidedAt: now().Add(123456 * time.Microsecond), HoldUntil: now().Add(time.Hour),
		PolicyVersion: "2026.11", FeatureSet: "3c9a1f0e", TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", Vector: make([]float64, 100),
		RuleHits:     []pix.RuleHit{{ID: "score-review", Outcome: pix.Review, LegalBasis: "Res. BCB 147/2021, art. 39-B"}},
		StoreLatency: 1500 * time.Microsecond, ScoreLatency: 90 * time.Microsecond, TotalLatency: 1600 * time.Microsecond,
	}
	for i, role := range []pix.Role{pix.PayerRole, pix.ReceiverRole} {
		s := pix.Score{Role: role, Version: "20261128-1", Raw: -1.5, Probability: 0.18}
		for j := range 5 {
			d.Vector[20*i+j] = math.NaN()
			s.Top = append(s.Top, pix.Contribution{Feature: "payer_amount_over_mean_30d", Value: 7.25, Contribution: 1.5 / float64(j+1)})
		}
		d.Scores = append(d.Scores, s)
		d.Reasons = append(d.Reasons, pix.Reason{
			Code:   "payer_amount_over_mean_30d",
			TextPT: "O valor é 7,3 vezes a média dos últimos 30 dias desta conta.", TextEN: "The amount is 7.3 times this account's mean of the last 30 days.",
		})
	}
	return d
}
