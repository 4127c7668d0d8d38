package event

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// reader converts messages to the domain and notes what cannot be converted.
type reader struct{ problems pix.Problems }

// finish joins the problems of reading with those of validating.
func (r *reader) finish(op string, invalid error) error {
	return (&findings{problems: r.problems.List}).finish(op, nil, invalid)
}

func (r *reader) facts(m *pixv1.Transaction) pix.Facts {
	return pix.Facts{
		ID:           pix.EndToEndID(m.GetEndToEndId()),
		EventTime:    r.time("eventTime", m.GetEventTime()).Truncate(time.Millisecond),
		ReceivedAt:   r.time("receivedAt", m.GetReceivedAt()),
		Direction:    toCode[pix.Direction](pixv1.Direction_name, directionPrefix, int32(m.GetDirection())),
		Amount:       pix.Money(m.GetAmountCentavos()),
		Initiation:   toCode[pix.Initiation](pixv1.Initiation_name, initiationPrefix, int32(m.GetInitiation())),
		Purpose:      toCode[pix.Purpose](pixv1.Purpose_name, purposePrefix, int32(m.GetPurpose())),
		Priority:     toCode[pix.Priority](pixv1.Priority_name, priorityPrefix, int32(m.GetPriority())),
		ServiceLevel: toCode[pix.ServiceLevel](pixv1.ServiceLevel_name, serviceLevelPrefix, int32(m.GetServiceLevel())),
		PayerFacts:   r.party("payer", m.GetPayer()),
		PayeeFacts:   r.party("payee", m.GetPayee()),
		Device:       r.device(m.GetDevice()),
		Session:      r.session(m.GetSession()),
		DICT:         r.dict(m.GetDict()),
		Mandate:      r.mandate(m.GetMandate()),

		SamplingWeight: m.GetSamplingWeight(),
	}
}

func (r *reader) party(side string, m *pixv1.Party) pix.PartyFacts {
	if m == nil {
		return pix.PartyFacts{}
	}
	return pix.PartyFacts{
		ISPB:            pix.ISPB(m.GetIspb()),
		AccountType:     toCode[pix.AccountType](pixv1.AccountType_name, accountTypePrefix, int32(m.GetAccountType())),
		Person:          toCode[pix.Person](pixv1.Person_name, personPrefix, int32(m.GetPerson())),
		KeyKind:         toCode[pix.KeyKind](pixv1.KeyKind_name, keyKindPrefix, int32(m.GetKeyKind())),
		AccountOpenedAt: r.optionalTime(side, ".accountOpenedAt", m.GetAccountOpenedAt()),
		Balance:         optional[pix.Money](m.BalanceCentavos),
		DailyLimit:      optional[pix.Money](m.DailyLimitCentavos),
		LimitChangedAt:  r.optionalTime(side, ".limitChangedAt", m.GetLimitChangedAt()),
		KeyChangedAt:    r.optionalTime(side, ".keyChangedAt", m.GetKeyChangedAt()),
		AgeBand:         m.GetAgeBand(),
		State:           m.GetState(),
		TrustedPayee:    optionalBool(m.TrustedPayee),
	}
}

func (r *reader) device(m *pixv1.Device) pix.DeviceFacts {
	if m == nil {
		return pix.DeviceFacts{}
	}
	return pix.DeviceFacts{
		FirstSeenAt:  r.optionalTime("device", ".firstSeenAt", m.GetFirstSeenAt()),
		Registered:   optionalBool(m.Registered),
		RemoteAccess: optionalBool(m.RemoteAccess),
		CallActive:   optionalBool(m.CallActive),
		Emulator:     optionalBool(m.Emulator),
	}
}

func (r *reader) session(m *pixv1.Session) pix.SessionFacts {
	if m == nil {
		return pix.SessionFacts{}
	}
	return pix.SessionFacts{
		Duration:       r.optionalDuration("session.duration", m.GetDuration()),
		FailedLogins:   optional[int64](m.FailedLogins),
		PasswordReset:  r.optionalTime("session", ".passwordResetAt", m.GetPasswordResetAt()),
		PastedKey:      optionalBool(m.PastedKey),
		DistanceMetres: optional[int64](m.DistanceMetres),
	}
}

func (r *reader) mandate(m *pixv1.Mandate) pix.MandateFacts {
	if m == nil {
		return pix.MandateFacts{}
	}
	return pix.MandateFacts{
		CreatedAt:        r.optionalTime("mandate", ".createdAt", m.GetCreatedAt()),
		FirstCharge:      optionalBool(m.FirstCharge),
		InitiatorOpened:  r.optionalTime("mandate", ".initiatorOpenedAt", m.GetInitiatorOpenedAt()),
		InitiatorPayment: optional[int64](m.InitiatorPayments),
	}
}

func (r *reader) dict(m *pixv1.DictSnapshot) pix.DICTSnapshot {
	if m == nil {
		return pix.DICTSnapshot{}
	}
	return pix.DICTSnapshot{
		Watermark:         r.optionalTime("dict", ".watermark", m.GetWatermark()),
		KeyCreatedAt:      r.optionalTime("dict", ".keyCreatedAt", m.GetKeyCreatedAt()),
		KeyOwnedSince:     r.optionalTime("dict", ".keyOwnedSince", m.GetKeyOwnedSince()),
		AccountOpenedAt:   r.optionalTime("dict", ".accountOpenedAt", m.GetAccountOpenedAt()),
		ClaimOpenedAt:     r.optionalTime("dict", ".claimOpenedAt", m.GetClaimOpenedAt()),
		Settlements:       counter(m.GetSettlements()),
		FraudsReported:    counter(m.GetFraudsReported()),
		FraudsConfirmed:   counter(m.GetFraudsConfirmed()),
		MuleMarkers:       optional[int64](m.MuleMarkers),
		ScammerMarkers:    optional[int64](m.ScammerMarkers),
		DistinctReporters: optional[int64](m.DistinctReporters),
		OpenInfractions:   optional[int64](m.OpenInfractions),
		RegisteredAccts:   optional[int64](m.RegisteredAccounts),
		Long:              r.dictLong(m.GetLong()),
	}
}

func (r *reader) dictLong(m *pixv1.DictLong) pix.DICTLong {
	if m == nil {
		return pix.DICTLong{}
	}
	return pix.DICTLong{
		Watermark:         r.optionalTime("dict.long", ".watermark", m.GetWatermark()),
		Settlements:       longCounter(m.GetSettlements()),
		ApplicationFrauds: longCounter(m.GetApplicationFrauds()),
		FraudCentavos:     longCounter(m.GetFraudCentavos()),
	}
}

func longCounter(m *pixv1.DictLongCounter) pix.DICTLongCounter {
	if m == nil {
		return pix.DICTLongCounter{}
	}
	return pix.DICTLongCounter{D90: optional[int64](m.D90), M12: optional[int64](m.M12), M60: optional[int64](m.M60)}
}

func counter(m *pixv1.DictCounter) pix.DICTCounter {
	if m == nil {
		return pix.DICTCounter{}
	}
	return pix.DICTCounter{D3: optional[int64](m.D3), D30: optional[int64](m.D30), M6: optional[int64](m.M6)}
}

// time converts a timestamp that is absent as the zero time.
func (r *reader) time(field string, ts *timestamppb.Timestamp) time.Time {
	if ts == nil {
		return time.Time{}
	}
	if !ts.IsValid() {
		r.problems.Add(field, "not a time")
		return time.Time{}
	}
	return ts.AsTime()
}

func (r *reader) optionalTime(message, field string, ts *timestamppb.Timestamp) pix.Optional[time.Time] {
	if ts == nil {
		return pix.Optional[time.Time]{}
	}
	if !ts.IsValid() {
		r.problems.Add(message+field, "not a time")
		return pix.Optional[time.Time]{}
	}
	return pix.Some(ts.AsTime())
}

func (r *reader) optionalDuration(field string, d *durationpb.Duration) pix.Optional[time.Duration] {
	if d == nil {
		return pix.Optional[time.Duration]{}
	}
	if !d.IsValid() {
		r.problems.Add(field, "not a duration")
		return pix.Optional[time.Duration]{}
	}
	return pix.Some(d.AsDuration())
}

func optional[T ~int64](v *int64) pix.Optional[T] {
	if v == nil {
		return pix.Optional[T]{}
	}
	return pix.Some(T(*v))
}

func optionalBool(v *bool) pix.Optional[bool] {
	if v == nil {
		return pix.Optional[bool]{}
	}
	return pix.Some(*v)
}
