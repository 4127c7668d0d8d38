package policy_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/engine/enginetest"
	"github.com/sentinela-pix/sentinela/shared/pix"
	"github.com/sentinela-pix/sentinela/shared/policy"
)

// testFeatures is a feature list that holds what the shipped pack reads.
var testFeatures = []string{"amount_brl", "payer_out_sum_24h_brl"}

func shipped(tb testing.TB) *policy.Pack {
	tb.Helper()
	p, err := policy.Load(enginetest.WithRoundThresholds(policy.Shipped()), testFeatures)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

// local parses a moment of São Paulo as a payment's UTC event time.
func local(tb testing.TB, s string) time.Time {
	tb.Helper()
	zone, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil {
		tb.Fatal(err)
	}
	at, err := time.ParseInLocation("2006-01-02 15:04:05.000", s, zone)
	if err != nil {
		tb.Fatal(err)
	}
	return at.UTC()
}

// noon is an ordinary payment at noon: a person, a registered device, low scores.
func noon(tb testing.TB, d pix.Direction) policy.Input {
	tb.Helper()
	tx := &pix.Transaction{Facts: pix.Facts{
		ID: "E1234567820261123150000000000001", EventTime: local(tb, "2026-11-23 12:00:00.000"), Direction: d,
		Amount: 150_00, Initiation: pix.ByKey, Purpose: pix.Payment, Priority: pix.High, ServiceLevel: pix.PriorityPayment,
		PayerFacts: pix.PartyFacts{Person: pix.NaturalPerson, TrustedPayee: pix.Some(false)},
		PayeeFacts: pix.PartyFacts{Person: pix.NaturalPerson},
		Device:     pix.DeviceFacts{Registered: pix.Some(true), RemoteAccess: pix.Some(false)},
	}, DeviceToken: pix.TokenPair{Current: "dev.1.0000000000000000000000"}}
	in := policy.Input{Tx: tx, Vector: []float64{150, 0}}
	for _, role := range d.Roles() {
		in.Scores = append(in.Scores, pix.Score{Role: role, Version: "1", Probability: 0.01})
	}
	return in
}

func setScore(in *policy.Input, role pix.Role, p float64) {
	for i := range in.Scores {
		if in.Scores[i].Role == role {
			in.Scores[i].Probability = p
		}
	}
}

func standing(v policy.Verdict) []string {
	var ids []string
	for _, h := range v.Hits {
		if !h.Lifted && h.Outcome != pix.Approve {
			ids = append(ids, h.ID)
		}
	}
	return ids
}

func TestShippedPack(t *testing.T) {
	t.Parallel()
	out, in, internal := pix.Outbound, pix.Inbound, pix.Internal
	tests := []struct {
		name      string
		direction pix.Direction
		change    func(*policy.Input)
		want      pix.Outcome
		hits      []string
	}{
		{"ordinary outbound", out, nil, pix.Approve, nil},
		{"ordinary inbound", in, nil, pix.Approve, nil},
		{"ordinary internal", internal, nil, pix.Approve, nil},
		{"payer score just below review", out, func(i *policy.Input) { setScore(i, pix.PayerRole, 0.4999999) }, pix.Approve, nil},
		{"payer score at review", out, func(i *policy.Input) { setScore(i, pix.PayerRole, 0.5) }, pix.Review, []string{"payer-score-review"}},
		{"payer score extreme", out, func(i *policy.Input) { setScore(i, pix.PayerRole, 0.97) }, pix.Reject, []string{"payer-score-reject", "payer-score-review"}},
		{"receiver score, person", in, func(i *policy.Input) { setScore(i, pix.ReceiverRole, 0.6) }, pix.Block, []string{"cautionary-block-person"}},
		{"receiver score just below", in, func(i *policy.Input) { setScore(i, pix.ReceiverRole, 0.5999) }, pix.Approve, nil},
		{"receiver score, company", in, func(i *policy.Input) {
			setScore(i, pix.ReceiverRole, 0.9)
			i.Tx.PayeeFacts.Person = pix.LegalPerson
		}, pix.Block, []string{"cautionary-block-company"}},
		{"company before Res. BCB 506", in, func(i *policy.Input) {
			setScore(i, pix.ReceiverRole, 0.9)
			i.Tx.PayeeFacts.Person = pix.LegalPerson
			i.Tx.EventTime = local(t, "2025-09-25 23:59:59.999")
		}, pix.Approve, nil},
		{"company on the first day of Res. BCB 506", in, func(i *policy.Input) {
			setScore(i, pix.ReceiverRole, 0.9)
			i.Tx.PayeeFacts.Person = pix.LegalPerson
			i.Tx.EventTime = local(t, "2025-09-26 00:00:00.000")
		}, pix.Block, []string{"cautionary-block-company"}},
		{"internal: both models, block wins", internal, func(i *policy.Input) {
			setScore(i, pix.PayerRole, 0.6)
			setScore(i, pix.ReceiverRole, 0.7)
		}, pix.Block, []string{"cautionary-block-person", "payer-score-review"}},
		{"internal: reject wins over block", internal, func(i *policy.Input) {
			setScore(i, pix.PayerRole, 0.99)
			setScore(i, pix.ReceiverRole, 0.7)
		}, pix.Reject, []string{"payer-score-reject", "cautionary-block-person", "payer-score-review"}},
		{"night, R$ 1,000.00 exactly", out, at(t, "2026-11-23 20:00:00.000", 1_000_00), pix.Approve, nil},
		{"night, one centavo more", out, at(t, "2026-11-23 20:00:00.000", 1_000_01), pix.Reject, []string{"night-limit-person"}},
		{"a millisecond before night", out, at(t, "2026-11-23 19:59:59.999", 1_000_01), pix.Approve, nil},
		{"last millisecond of night", out, at(t, "2026-11-24 05:59:59.999", 1_000_01), pix.Reject, []string{"night-limit-person"}},
		{"morning", out, at(t, "2026-11-24 06:00:00.000", 1_000_01), pix.Approve, nil},
		{"night before the rule's first day", out, at(t, "2021-10-03 23:00:00.000", 5_000_00), pix.Approve, nil},
		{"night on the rule's first day", out, at(t, "2021-10-04 00:00:00.000", 5_000_00), pix.Reject, []string{"night-limit-person"}},
		{"night, registered payee", out, func(i *policy.Input) {
			at(t, "2026-11-23 23:00:00.000", 5_000_00)(i)
			i.Tx.PayerFacts.TrustedPayee = pix.Some(true)
		}, pix.Approve, nil},
		{"night, company pays", out, func(i *policy.Input) {
			at(t, "2026-11-23 23:00:00.000", 5_000_00)(i)
			i.Tx.PayerFacts.Person = pix.LegalPerson
		}, pix.Approve, nil},
		{"night, payer of unknown kind", out, func(i *policy.Input) {
			at(t, "2026-11-23 23:00:00.000", 5_000_00)(i)
			i.Tx.PayerFacts.Person = ""
		}, pix.Review, []string{"night-limit-person/error"}},
		{"night, inbound is the other institution's matter", in, at(t, "2026-11-23 23:00:00.000", 5_000_00), pix.Approve, nil},
		{"unregistered device at the limit", out, unregistered(200_00, 0), pix.Approve, nil},
		{"unregistered device above the limit", out, unregistered(200_01, 0), pix.Reject, []string{"unregistered-device-payment"}},
		{"unregistered device, day at the limit", out, unregistered(200_00, 800), pix.Approve, nil},
		{"unregistered device, day above the limit", out, unregistered(200_00, 800.01), pix.Review, []string{"unregistered-device-day"}},
		{"unregistered device, day's sum missing", out, unregistered(100_00, math.NaN()), pix.Review, []string{"unregistered-device-day/error"}},
		{"unregistered device before the rule", out, func(i *policy.Input) {
			unregistered(900_00, 900)(i)
			i.Tx.EventTime = local(t, "2024-10-31 12:00:00.000")
		}, pix.Approve, nil},
		{"registration unknown, small", out, unknownDevice(200_00), pix.Approve, nil},
		{"registration unknown", out, unknownDevice(200_01), pix.Review, []string{"device-registration-unknown"}},
		{"no device", out, func(i *policy.Input) {
			unknownDevice(900_00)(i)
			i.Tx.DeviceToken = pix.TokenPair{}
		}, pix.Approve, nil},
		{"contactless at the limit", out, contactless(500_00), pix.Approve, nil},
		{"contactless above the limit", out, contactless(500_01), pix.Reject, []string{"no-redirect-limit"}},
		{"withdrawal by day", out, withdrawal(t, "2026-11-23 12:00:00.000", 3_000_00), pix.Approve, nil},
		{"withdrawal by day above", out, withdrawal(t, "2026-11-23 12:00:00.000", 3_000_01), pix.Reject, []string{"withdrawal-limit"}},
		{"payee under suspicion", out, func(i *policy.Input) {
			i.Tx.DICT = pix.DICTSnapshot{MuleMarkers: pix.Some[int64](2), DistinctReporters: pix.Some[int64](3)}
		}, pix.Reject, []string{"payee-under-suspicion"}},
		{"trusted small payment lifts the review", out, func(i *policy.Input) {
			setScore(i, pix.PayerRole, 0.6)
			i.Tx.PayerFacts.TrustedPayee = pix.Some(true)
		}, pix.Approve, nil},
		{"trusted small payment does not lift the reject", out, func(i *policy.Input) {
			setScore(i, pix.PayerRole, 0.98)
			i.Tx.PayerFacts.TrustedPayee = pix.Some(true)
		}, pix.Reject, []string{"payer-score-reject"}},
	}
	pack := shipped(t)
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			input := noon(t, tc.direction)
			if tc.change != nil {
				tc.change(&input)
			}
			v := pack.Decide(input)
			if v.Outcome != tc.want {
				t.Errorf("outcome %s, want %s (hits %v)", v.Outcome, tc.want, v.Hits)
			}
			if diff := cmp.Diff(tc.hits, standing(v)); diff != "" {
				t.Errorf("standing hits (-want +got):\n%s", diff)
			}
			if (len(v.Reasons) == 0) != (tc.want == pix.Approve) {
				t.Errorf("reasons %v for %s", v.Reasons, v.Outcome)
			}
		})
	}
}

func at(t *testing.T, when string, amount pix.Money) func(*policy.Input) {
	t.Helper()
	moment := local(t, when)
	return func(i *policy.Input) { i.Tx.EventTime, i.Tx.Amount = moment, amount }
}

func unregistered(amount pix.Money, daySum float64) func(*policy.Input) {
	return func(i *policy.Input) {
		i.Tx.Amount, i.Tx.Device.Registered, i.Vector[1] = amount, pix.Some(false), daySum
	}
}

func unknownDevice(amount pix.Money) func(*policy.Input) {
	return func(i *policy.Input) { i.Tx.Amount, i.Tx.Device = amount, pix.DeviceFacts{} }
}

func contactless(amount pix.Money) func(*policy.Input) {
	return func(i *policy.Input) { i.Tx.Amount, i.Tx.Initiation = amount, pix.ContactlessDN }
}

func withdrawal(t *testing.T, when string, amount pix.Money) func(*policy.Input) {
	t.Helper()
	moment := local(t, when)
	return func(i *policy.Input) { i.Tx.EventTime, i.Tx.Amount, i.Tx.Purpose = moment, amount, pix.Withdrawal }
}

func TestWhatIsMissingNeverApproves(t *testing.T) {
	t.Parallel()
	pack := shipped(t)
	want := map[pix.Direction]pix.Outcome{pix.Outbound: pix.Review, pix.Inbound: pix.Block, pix.Internal: pix.Review}
	breakages := map[string]func(*policy.Input){
		"no score":           func(i *policy.Input) { i.Scores = nil },
		"NaN":                func(i *policy.Input) { i.Scores[len(i.Scores)-1].Probability = math.NaN() },
		"infinite":           func(i *policy.Input) { i.Scores[0].Probability = math.Inf(-1) },
		"above one":          func(i *policy.Input) { i.Scores[0].Probability = 1.0001 },
		"below zero":         func(i *policy.Input) { i.Scores[0].Probability = -0.0001 },
		"other role":         func(i *policy.Input) { i.Scores[0].Role = "treasury" },
		"features missing":   func(i *policy.Input) { i.FeaturesMissing = true },
		"no vector":          func(i *policy.Input) { i.Vector = nil },
		"vector of the past": func(i *policy.Input) { i.Vector = i.Vector[:1] },
	}
	for d, outcome := range want {
		for name, breakIt := range breakages {
			t.Run(string(d)+"/"+name, func(t *testing.T) {
				t.Parallel()
				in := noon(t, d)
				breakIt(&in)
				v := pack.Decide(in)
				if v.Outcome != outcome {
					t.Errorf("outcome %s, want %s", v.Outcome, outcome)
				}
				if len(standing(v)) == 0 || len(v.Reasons) != 1 {
					t.Errorf("hits %v, reasons %v: what is missing must be visible, told once", v.Hits, v.Reasons)
				}
			})
		}
	}
	t.Run("unknown direction", func(t *testing.T) {
		t.Parallel()
		in := noon(t, pix.Outbound)
		in.Tx.Direction = "SIDEWAYS"
		if v := pack.Decide(in); v.Outcome != pix.Reject {
			t.Errorf("outcome %s, want REJECT", v.Outcome)
		}
	})
}

func TestHold(t *testing.T) {
	t.Parallel()
	pack := shipped(t)
	tests := []struct {
		when      string
		direction pix.Direction
		score     float64
		want      time.Duration
	}{
		{"2026-11-23 12:00:00.000", pix.Outbound, 0.6, 30 * time.Minute},
		{"2026-11-23 05:59:59.999", pix.Outbound, 0.6, 60 * time.Minute},
		{"2026-11-23 06:00:00.000", pix.Outbound, 0.6, 30 * time.Minute},
		{"2026-11-23 19:59:59.999", pix.Outbound, 0.6, 30 * time.Minute},
		{"2026-11-23 20:00:00.000", pix.Outbound, 0.6, 60 * time.Minute},
		{"2021-11-16 12:00:00.000", pix.Outbound, 0.6, 30 * time.Minute},
		{"2026-11-23 12:00:00.000", pix.Inbound, 0.9, 72 * time.Hour},
		{"2026-11-23 12:00:00.000", pix.Outbound, 0.99, 0},
		{"2026-11-23 12:00:00.000", pix.Outbound, 0.1, 0},
	}
	for _, tc := range tests {
		in := noon(t, tc.direction)
		in.Tx.EventTime = local(t, tc.when)
		in.Scores[0].Probability = tc.score
		if v := pack.Decide(in); hold(in, v) != tc.want {
			t.Errorf("%s %s at %v: hold %v, want %v", tc.when, tc.direction, tc.score, hold(in, v), tc.want)
		}
	}
}

func TestReasonsAndRoles(t *testing.T) {
	t.Parallel()
	in := noon(t, pix.Internal)
	at(t, "2026-11-23 21:00:00.000", 2_000_00)(&in)
	setScore(&in, pix.PayerRole, 0.99)
	setScore(&in, pix.ReceiverRole, 0.9)
	v := shipped(t).Decide(in)
	var codes []string
	for _, r := range v.Reasons {
		codes = append(codes, r.Code)
		if r.TextPT == "" || r.TextEN == "" {
			t.Errorf("reason %s lacks words", r.Code)
		}
	}
	// payer-score-review stands as well, but the payer's score is already spoken for.
	if diff := cmp.Diff([]string{"payer-score-reject", "night-limit-person", "cautionary-block-person"}, codes); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]pix.Role{pix.PayerRole, pix.ReceiverRole}, v.Roles); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
	for _, h := range v.Hits {
		if h.LegalBasis == "" {
			t.Errorf("hit %s lacks its legal basis", h.ID)
		}
	}
}

func TestVersionNamesTheContent(t *testing.T) {
	t.Parallel()
	a := shipped(t)
	b, err := policy.Load(append(enginetest.WithRoundThresholds(policy.Shipped()), "\n# one comment more\n"...), testFeatures)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(a.Version(), "pix-") || a.Version() == b.Version() {
		t.Errorf("versions %q and %q", a.Version(), b.Version())
	}
}

func TestDecideLeavesItsInputAlone(t *testing.T) {
	t.Parallel()
	in := noon(t, pix.Internal)
	setScore(&in, pix.PayerRole, 0.99)
	tx, scores, vector := *in.Tx, slices.Clone(in.Scores), slices.Clone(in.Vector)
	shipped(t).Decide(in)
	if diff := cmp.Diff(scores, in.Scores); diff != "" || !slices.Equal(vector, in.Vector) || tx != *in.Tx {
		t.Errorf("input changed: %s", diff)
	}
}

// hold is how long a verdict may last from the payment's event time.
func hold(in policy.Input, v policy.Verdict) time.Duration {
	if v.HoldUntil.IsZero() {
		return 0
	}
	return v.HoldUntil.Sub(in.Tx.EventTime)
}
