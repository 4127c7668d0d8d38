package warehouse_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// sampleDecision is a decision whose every column differs from zero, or is absent by chance. It depends on the seed only.
func sampleDecision(seed int) *pix.Decision {
	r := rand.New(rand.NewPCG(uint64(seed), 7))
	at := time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC).Add(time.Duration(seed) * 137 * time.Millisecond)
	d := &pix.Decision{
		Transaction: pix.Transaction{
			Facts: pix.Facts{
				ID: pix.EndToEndID(fmt.Sprintf("E12345678202611200300%011d", seed)), EventTime: at, ReceivedAt: at.Add(40 * time.Millisecond),
				Direction: pix.Internal, Amount: pix.Money(1 + r.Int64N(1e9)), Initiation: pix.DynamicQR, Purpose: pix.Payment,
				Priority: pix.High, ServiceLevel: pix.PriorityPayment,
				PayerFacts: sampleParty(r, at), PayeeFacts: sampleParty(r, at),
				Device:  pix.DeviceFacts{FirstSeenAt: moment(r, at), Registered: maybe(r), RemoteAccess: maybe(r), CallActive: maybe(r), Emulator: maybe(r)},
				Session: pix.SessionFacts{Duration: pix.Some(83 * time.Second), FailedLogins: count(r), PasswordReset: moment(r, at), PastedKey: maybe(r), DistanceMetres: count(r)},
				DICT: pix.DICTSnapshot{
					Watermark: moment(r, at), KeyCreatedAt: moment(r, at), KeyOwnedSince: moment(r, at), AccountOpenedAt: moment(r, at), ClaimOpenedAt: moment(r, at),
					Settlements: counter(r), FraudsReported: counter(r), FraudsConfirmed: counter(r),
					MuleMarkers: count(r), ScammerMarkers: count(r), DistinctReporters: count(r), OpenInfractions: count(r), RegisteredAccts: count(r),
				},
				Mandate: pix.MandateFacts{CreatedAt: moment(r, at), FirstCharge: maybe(r), InitiatorOpened: moment(r, at), InitiatorPayment: count(r)},
			},
			Payer:       pix.Party{Account: token("acct", r), Owner: token("ownr", r), Key: token("pkey", r)},
			Payee:       pix.Party{Account: token("acct", r), Owner: token("ownr", r), Key: token("pkey", r)},
			DeviceToken: token("dev", r),
		},
		Outcome: pix.Review, HoldUntil: at.Add(30 * time.Minute),
		Reasons: []pix.Reason{{Code: "payer.count_1h", TextPT: "Muitos pagamentos em uma hora: 12", TextEN: "Many payments within an hour: 12"}, {Code: "NIGHT", TextPT: "Limite noturno", TextEN: "Night limit"}},
		RuleHits: []pix.RuleHit{
			{ID: "NIGHT", Outcome: pix.Review, LegalBasis: "Res. BCB 142", Lifted: false},
			{ID: "DEVICE", Outcome: pix.Reject, LegalBasis: "Res. BCB 403", Lifted: true},
		},
		Scores: []pix.Score{
			{Role: pix.PayerRole, Version: "1", Raw: r.NormFloat64(), Probability: r.Float64(), Top: []pix.Contribution{{Feature: "a", Value: math.NaN(), Contribution: r.NormFloat64()}, {Feature: "b", Value: -1.5, Contribution: 0}}},
			{Role: pix.ReceiverRole, Version: "2", Raw: r.NormFloat64(), Probability: r.Float64()},
		},
		Shadow: []pix.Score{
			{Role: pix.PayerRole, Version: "7", Raw: r.NormFloat64(), Probability: r.Float64(), Outcome: pix.Approve},
			{Role: pix.ReceiverRole, Version: "8", Raw: r.NormFloat64(), Probability: r.Float64(), Outcome: pix.Review},
		},
		FeatureSet: "f1", FeaturesMissing: seed%2 == 0, PolicyVersion: "p1", DecidedAt: at.Add(45 * time.Millisecond),
		StoreLatency: 1234 * time.Microsecond, ScoreLatency: 56 * time.Microsecond, TotalLatency: 1300 * time.Microsecond,
		TraceID: fmt.Sprintf("%032x", seed+1),
	}
	for range 40 {
		d.Vector = append(d.Vector, r.NormFloat64())
	}
	d.Vector[3], d.Vector[7], d.Vector[8] = math.NaN(), math.MaxFloat64, 0
	d.Transaction.SamplingWeight = []float64{0, 0.0025}[seed%2]
	long := func() pix.DICTLongCounter { return pix.DICTLongCounter{D90: count(r), M12: count(r), M60: count(r)} }
	d.Transaction.DICT.Long = pix.DICTLong{Watermark: moment(r, at), Settlements: long(), ApplicationFrauds: long(), FraudCentavos: long()}
	d.Transaction.TxIDToken = token("chrg", r)
	return d
}

func sampleParty(r *rand.Rand, at time.Time) pix.PartyFacts {
	return pix.PartyFacts{
		ISPB: "1234567A", AccountType: pix.Checking, Person: pix.NaturalPerson, KeyKind: pix.KeyEVP,
		AccountOpenedAt: moment(r, at), Balance: pix.Some(pix.Money(r.Int64N(1e8))), DailyLimit: pix.Some(pix.Money(0)),
		LimitChangedAt: moment(r, at), KeyChangedAt: moment(r, at), AgeBand: "25-34", State: "SP", TrustedPayee: maybe(r),
	}
}

func moment(r *rand.Rand, at time.Time) pix.Optional[time.Time] {
	if r.IntN(2) == 0 {
		return pix.Optional[time.Time]{}
	}
	return pix.Some(at.Add(-time.Duration(r.IntN(1e6)) * time.Second))
}

func maybe(r *rand.Rand) pix.Optional[bool] {
	switch r.IntN(3) {
	case 0:
		return pix.Optional[bool]{}
	default:
		return pix.Some(r.IntN(2) == 0)
	}
}

func count(r *rand.Rand) pix.Optional[int64] {
	if r.IntN(2) == 0 {
		return pix.Optional[int64]{}
	}
	return pix.Some(r.Int64N(3))
}

func counter(r *rand.Rand) pix.DICTCounter {
	return pix.DICTCounter{D3: count(r), D30: count(r), M6: count(r)}
}

func token(kind string, r *rand.Rand) pix.TokenPair {
	return pix.TokenPair{Current: pix.Token(fmt.Sprintf("%s.2.%022x", kind, r.Uint64())), Previous: pix.Token(fmt.Sprintf("%s.1.%022x", kind, r.Uint64()))}
}
