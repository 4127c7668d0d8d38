package event

import (
	"time"

	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sentinela-pix/sentinela/shared/event/pixv1"
	"github.com/sentinela-pix/sentinela/shared/pix"
)

// facts writes what identifies nobody. Messages without a single fact are left out, so that an absent device and one
// of which nothing is known read the same.
func (e *enums) facts(f *pix.Facts) *pixv1.Transaction {
	return &pixv1.Transaction{
		EndToEndId:     string(f.ID),
		EventTime:      timestamp(f.EventTime),
		ReceivedAt:     timestamp(f.ReceivedAt),
		Direction:      e.direction(f.Direction),
		AmountCentavos: int64(f.Amount),
		Initiation: pixv1.Initiation(e.number(pixv1.Initiation_value, initiationPrefix, string(f.Initiation),
			"initiation")),
		Purpose:  pixv1.Purpose(e.number(pixv1.Purpose_value, purposePrefix, string(f.Purpose), "purpose")),
		Priority: pixv1.Priority(e.number(pixv1.Priority_value, priorityPrefix, string(f.Priority), "priority")),
		ServiceLevel: pixv1.ServiceLevel(e.number(pixv1.ServiceLevel_value, serviceLevelPrefix, string(f.ServiceLevel),
			"serviceLevel")),
		Payer:   e.party(&f.PayerFacts),
		Payee:   e.party(&f.PayeeFacts),
		Device:  device(&f.Device),
		Session: session(&f.Session),
		Dict:    dict(&f.DICT),
		Mandate: mandate(&f.Mandate),

		SamplingWeight: f.SamplingWeight,
	}
}

func (e *enums) direction(d pix.Direction) pixv1.Direction {
	return pixv1.Direction(e.number(pixv1.Direction_value, directionPrefix, string(d), "direction"))
}

func (e *enums) party(f *pix.PartyFacts) *pixv1.Party {
	return &pixv1.Party{
		Ispb: string(f.ISPB),
		AccountType: pixv1.AccountType(e.number(pixv1.AccountType_value, accountTypePrefix, string(f.AccountType),
			"accountType")),
		Person:             pixv1.Person(e.number(pixv1.Person_value, personPrefix, string(f.Person), "person")),
		KeyKind:            pixv1.KeyKind(e.number(pixv1.KeyKind_value, keyKindPrefix, string(f.KeyKind), "keyKind")),
		AccountOpenedAt:    optionalTimestamp(f.AccountOpenedAt),
		BalanceCentavos:    pointer(f.Balance),
		DailyLimitCentavos: pointer(f.DailyLimit),
		LimitChangedAt:     optionalTimestamp(f.LimitChangedAt),
		KeyChangedAt:       optionalTimestamp(f.KeyChangedAt),
		AgeBand:            f.AgeBand,
		State:              f.State,
		TrustedPayee:       boolPointer(f.TrustedPayee),
	}
}

func device(f *pix.DeviceFacts) *pixv1.Device {
	if *f == (pix.DeviceFacts{}) {
		return nil
	}
	return &pixv1.Device{
		FirstSeenAt:  optionalTimestamp(f.FirstSeenAt),
		Registered:   boolPointer(f.Registered),
		RemoteAccess: boolPointer(f.RemoteAccess),
		CallActive:   boolPointer(f.CallActive),
		Emulator:     boolPointer(f.Emulator),
	}
}

func session(f *pix.SessionFacts) *pixv1.Session {
	if *f == (pix.SessionFacts{}) {
		return nil
	}
	m := &pixv1.Session{
		FailedLogins:    pointer(f.FailedLogins),
		PasswordResetAt: optionalTimestamp(f.PasswordReset),
		PastedKey:       boolPointer(f.PastedKey),
		DistanceMetres:  pointer(f.DistanceMetres),
	}
	if d, ok := f.Duration.Get(); ok {
		m.Duration = durationpb.New(d)
	}
	return m
}

func mandate(f *pix.MandateFacts) *pixv1.Mandate {
	if *f == (pix.MandateFacts{}) {
		return nil
	}
	return &pixv1.Mandate{
		CreatedAt:         optionalTimestamp(f.CreatedAt),
		FirstCharge:       boolPointer(f.FirstCharge),
		InitiatorOpenedAt: optionalTimestamp(f.InitiatorOpened),
		InitiatorPayments: pointer(f.InitiatorPayment),
	}
}

func dict(f *pix.DICTSnapshot) *pixv1.DictSnapshot {
	if *f == (pix.DICTSnapshot{}) {
		return nil
	}
	return &pixv1.DictSnapshot{
		Watermark:          optionalTimestamp(f.Watermark),
		KeyCreatedAt:       optionalTimestamp(f.KeyCreatedAt),
		KeyOwnedSince:      optionalTimestamp(f.KeyOwnedSince),
		AccountOpenedAt:    optionalTimestamp(f.AccountOpenedAt),
		ClaimOpenedAt:      optionalTimestamp(f.ClaimOpenedAt),
		Settlements:        counterMessage(f.Settlements),
		FraudsReported:     counterMessage(f.FraudsReported),
		FraudsConfirmed:    counterMessage(f.FraudsConfirmed),
		MuleMarkers:        pointer(f.MuleMarkers),
		ScammerMarkers:     pointer(f.ScammerMarkers),
		DistinctReporters:  pointer(f.DistinctReporters),
		OpenInfractions:    pointer(f.OpenInfractions),
		RegisteredAccounts: pointer(f.RegisteredAccts),
		Long:               dictLong(&f.Long),
	}
}

func dictLong(f *pix.DICTLong) *pixv1.DictLong {
	if *f == (pix.DICTLong{}) {
		return nil
	}
	return &pixv1.DictLong{
		Watermark:         optionalTimestamp(f.Watermark),
		Settlements:       longCounterMessage(f.Settlements),
		ApplicationFrauds: longCounterMessage(f.ApplicationFrauds),
		FraudCentavos:     longCounterMessage(f.FraudCentavos),
	}
}

func longCounterMessage(c pix.DICTLongCounter) *pixv1.DictLongCounter {
	if c == (pix.DICTLongCounter{}) {
		return nil
	}
	return &pixv1.DictLongCounter{D90: pointer(c.D90), M12: pointer(c.M12), M60: pointer(c.M60)}
}

func counterMessage(c pix.DICTCounter) *pixv1.DictCounter {
	if c == (pix.DICTCounter{}) {
		return nil
	}
	return &pixv1.DictCounter{D3: pointer(c.D3), D30: pointer(c.D30), M6: pointer(c.M6)}
}

// timestamp writes the zero time as absent.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}

func optionalTimestamp(o pix.Optional[time.Time]) *timestamppb.Timestamp {
	t, ok := o.Get()
	if !ok {
		return nil
	}
	return timestamppb.New(t)
}

func pointer[T ~int64](o pix.Optional[T]) *int64 {
	v, ok := o.Get()
	if !ok {
		return nil
	}
	n := int64(v)
	return &n
}

func boolPointer(o pix.Optional[bool]) *bool {
	v, ok := o.Get()
	if !ok {
		return nil
	}
	return &v
}
