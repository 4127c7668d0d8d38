package warehouse

import (
	"math"
	"time"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// factColumns are the facts of a payment that identify nobody and that no query filters by. They are stored whole, so
// that a payment can be replayed from its row.
func factColumns() []column[pix.Facts] {
	type f = pix.Facts
	return []column[f]{
		text("purpose", func(v *f) pix.Purpose { return v.Purpose }),
		text("priority", func(v *f) pix.Priority { return v.Priority }),
		text("service_level", func(v *f) pix.ServiceLevel { return v.ServiceLevel }),
		object("payer", partyColumns(), func(v *f) *pix.PartyFacts { return &v.PayerFacts }),
		object("payee", partyColumns(), func(v *f) *pix.PartyFacts { return &v.PayeeFacts }),
		object("device", deviceColumns(), func(v *f) *pix.DeviceFacts { return &v.Device }),
		object("session", sessionColumns(), func(v *f) *pix.SessionFacts { return &v.Session }),
		object("dict", dictColumns(), func(v *f) *pix.DICTSnapshot { return &v.DICT }),
		object("mandate", mandateColumns(), func(v *f) *pix.MandateFacts { return &v.Mandate }),
		float("sampling_weight", func(v *f) float64 {
			if v.SamplingWeight == 0 {
				return math.NaN() // absent: it stands for itself alone
			}
			return v.SamplingWeight
		}),
	}
}

func partyColumns() []column[pix.PartyFacts] {
	type p = pix.PartyFacts
	return []column[p]{
		text("account_type", func(v *p) pix.AccountType { return v.AccountType }),
		text("person", func(v *p) pix.Person { return v.Person }),
		text("key_kind", func(v *p) pix.KeyKind { return v.KeyKind }),
		optionalMoment("account_opened_at", func(v *p) pix.Optional[time.Time] { return v.AccountOpenedAt }),
		optionalInteger("balance_centavos", func(v *p) pix.Optional[pix.Money] { return v.Balance }),
		optionalInteger("daily_limit_centavos", func(v *p) pix.Optional[pix.Money] { return v.DailyLimit }),
		optionalMoment("limit_changed_at", func(v *p) pix.Optional[time.Time] { return v.LimitChangedAt }),
		optionalMoment("key_changed_at", func(v *p) pix.Optional[time.Time] { return v.KeyChangedAt }),
		text("age_band", func(v *p) string { return v.AgeBand }),
		text("state", func(v *p) string { return v.State }),
		optionalBoolean("trusted_payee", func(v *p) pix.Optional[bool] { return v.TrustedPayee }),
	}
}

func deviceColumns() []column[pix.DeviceFacts] {
	type f = pix.DeviceFacts
	return []column[f]{
		optionalMoment("first_seen_at", func(v *f) pix.Optional[time.Time] { return v.FirstSeenAt }),
		optionalBoolean("registered", func(v *f) pix.Optional[bool] { return v.Registered }),
		optionalBoolean("remote_access", func(v *f) pix.Optional[bool] { return v.RemoteAccess }),
		optionalBoolean("call_active", func(v *f) pix.Optional[bool] { return v.CallActive }),
		optionalBoolean("emulator", func(v *f) pix.Optional[bool] { return v.Emulator }),
	}
}

func sessionColumns() []column[pix.SessionFacts] {
	type s = pix.SessionFacts
	return []column[s]{
		optionalInteger("duration_ms", func(v *s) pix.Optional[int64] {
			if d, ok := v.Duration.Get(); ok {
				return pix.Some(d.Milliseconds())
			}
			return pix.Optional[int64]{}
		}),
		optionalInteger("failed_logins", func(v *s) pix.Optional[int64] { return v.FailedLogins }),
		optionalMoment("password_reset_at", func(v *s) pix.Optional[time.Time] { return v.PasswordReset }),
		optionalBoolean("pasted_key", func(v *s) pix.Optional[bool] { return v.PastedKey }),
		optionalInteger("distance_metres", func(v *s) pix.Optional[int64] { return v.DistanceMetres }),
	}
}

func mandateColumns() []column[pix.MandateFacts] {
	type m = pix.MandateFacts
	return []column[m]{
		optionalMoment("created_at", func(v *m) pix.Optional[time.Time] { return v.CreatedAt }),
		optionalBoolean("first_charge", func(v *m) pix.Optional[bool] { return v.FirstCharge }),
		optionalMoment("initiator_opened_at", func(v *m) pix.Optional[time.Time] { return v.InitiatorOpened }),
		optionalInteger("initiator_payments", func(v *m) pix.Optional[int64] { return v.InitiatorPayment }),
	}
}

func dictColumns() []column[pix.DICTSnapshot] {
	type s = pix.DICTSnapshot
	return []column[s]{
		optionalMoment("watermark", func(v *s) pix.Optional[time.Time] { return v.Watermark }),
		optionalMoment("key_created_at", func(v *s) pix.Optional[time.Time] { return v.KeyCreatedAt }),
		optionalMoment("key_owned_since", func(v *s) pix.Optional[time.Time] { return v.KeyOwnedSince }),
		optionalMoment("account_opened_at", func(v *s) pix.Optional[time.Time] { return v.AccountOpenedAt }),
		optionalMoment("claim_opened_at", func(v *s) pix.Optional[time.Time] { return v.ClaimOpenedAt }),
		object("settlements", counterColumns(), func(v *s) *pix.DICTCounter { return &v.Settlements }),
		object("frauds_reported", counterColumns(), func(v *s) *pix.DICTCounter { return &v.FraudsReported }),
		object("frauds_confirmed", counterColumns(), func(v *s) *pix.DICTCounter { return &v.FraudsConfirmed }),
		optionalInteger("mule_markers", func(v *s) pix.Optional[int64] { return v.MuleMarkers }),
		optionalInteger("scammer_markers", func(v *s) pix.Optional[int64] { return v.ScammerMarkers }),
		optionalInteger("distinct_reporters", func(v *s) pix.Optional[int64] { return v.DistinctReporters }),
		optionalInteger("open_infractions", func(v *s) pix.Optional[int64] { return v.OpenInfractions }),
		optionalInteger("registered_accounts", func(v *s) pix.Optional[int64] { return v.RegisteredAccts }),
		object("long", longColumns(), func(v *s) *pix.DICTLong { return &v.Long }),
	}
}

func longColumns() []column[pix.DICTLong] {
	type l = pix.DICTLong
	return []column[l]{
		optionalMoment("watermark", func(v *l) pix.Optional[time.Time] { return v.Watermark }),
		object("settlements", longCounterColumns(), func(v *l) *pix.DICTLongCounter { return &v.Settlements }),
		object("application_frauds", longCounterColumns(), func(v *l) *pix.DICTLongCounter { return &v.ApplicationFrauds }),
		object("fraud_centavos", longCounterColumns(), func(v *l) *pix.DICTLongCounter { return &v.FraudCentavos }),
	}
}

func longCounterColumns() []column[pix.DICTLongCounter] {
	type c = pix.DICTLongCounter
	return []column[c]{
		optionalInteger("d90", func(v *c) pix.Optional[int64] { return v.D90 }),
		optionalInteger("m12", func(v *c) pix.Optional[int64] { return v.M12 }),
		optionalInteger("m60", func(v *c) pix.Optional[int64] { return v.M60 }),
	}
}

func counterColumns() []column[pix.DICTCounter] {
	type c = pix.DICTCounter
	return []column[c]{
		optionalInteger("d3", func(v *c) pix.Optional[int64] { return v.D3 }),
		optionalInteger("d30", func(v *c) pix.Optional[int64] { return v.D30 }),
		optionalInteger("m6", func(v *c) pix.Optional[int64] { return v.M6 }),
	}
}
