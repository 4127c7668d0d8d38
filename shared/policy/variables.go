package policy

import (
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

// variable is one name that a rule may read. get returns nil when the value is not known for this payment: reading it
// then is an evaluation error, so that absence never passes for a value. known(name) asks first.
type variable struct {
	name string
	kind *cel.Type
	get  func(*activation) ref.Val
}

// Names with a meaning of their own.
const (
	payerProbability    = "payer_probability"
	receiverProbability = "receiver_probability"
	featurePrefix       = "feature."   // then a feature's name: double
	thresholdPrefix     = "threshold." // then the name of a threshold of the pack: double
	knownPrefix         = "known."     // what known(x) expands to
)

// variables lists every name beside features and thresholds. Money is in centavos, local time is America/Sao_Paulo,
// ages are whole hours at event time, not known of what happened after it, and local_weekday counts from Sunday = 0 as CEL does.
func variables() []variable {
	text, integer, boolean := cel.StringType, cel.IntType, cel.BoolType
	all := []variable{
		{"amount_centavos", integer, func(a *activation) ref.Val { return types.Int(a.tx.Amount) }},
		{"direction", text, func(a *activation) ref.Val { return word(a.tx.Direction) }},
		{"initiation", text, func(a *activation) ref.Val { return word(a.tx.Initiation) }},
		{"purpose", text, func(a *activation) ref.Val { return word(a.tx.Purpose) }},
		{"priority", text, func(a *activation) ref.Val { return word(a.tx.Priority) }},
		{"service_level", text, func(a *activation) ref.Val { return word(a.tx.ServiceLevel) }},
		{"local_hour", integer, func(a *activation) ref.Val { return types.Int(a.local.Hour()) }},
		{"local_weekday", integer, func(a *activation) ref.Val { return types.Int(a.local.Weekday()) }},
		{payerProbability, cel.DoubleType, func(a *activation) ref.Val { return a.probability(pix.PayerRole) }},
		{receiverProbability, cel.DoubleType, func(a *activation) ref.Val { return a.probability(pix.ReceiverRole) }},
		{"payer.trusted_payee", boolean, func(a *activation) ref.Val { return flag(a.tx.PayerFacts.TrustedPayee) }},
		{"mandate.first_charge", boolean, func(a *activation) ref.Val { return flag(a.tx.Mandate.FirstCharge) }},
	}
	all = append(all, party("payer.", func(a *activation) *pix.PartyFacts { return &a.tx.PayerFacts })...)
	all = append(all, party("payee.", func(a *activation) *pix.PartyFacts { return &a.tx.PayeeFacts })...)
	all = append(all, channel()...)
	return append(all, dict()...)
}

// party lists the facts of one side of the payment.
func party(prefix string, of func(*activation) *pix.PartyFacts) []variable {
	text, integer := cel.StringType, cel.IntType
	return []variable{
		{prefix + "person", text, func(a *activation) ref.Val { return word(of(a).Person) }},
		{prefix + "ispb", text, func(a *activation) ref.Val { return word(of(a).ISPB) }},
		{prefix + "account_type", text, func(a *activation) ref.Val { return word(of(a).AccountType) }},
		{prefix + "key_kind", text, func(a *activation) ref.Val { return word(of(a).KeyKind) }},
		{prefix + "age_band", text, func(a *activation) ref.Val { return word(of(a).AgeBand) }},
		{prefix + "state", text, func(a *activation) ref.Val { return word(of(a).State) }},
		{prefix + "balance_centavos", integer, func(a *activation) ref.Val { return number(of(a).Balance) }},
		{prefix + "daily_limit_centavos", integer, func(a *activation) ref.Val { return number(of(a).DailyLimit) }},
		{prefix + "account_age_hours", integer, func(a *activation) ref.Val { return a.hours(of(a).AccountOpenedAt) }},
		{prefix + "limit_changed_hours", integer, func(a *activation) ref.Val { return a.hours(of(a).LimitChangedAt) }},
		{prefix + "key_changed_hours", integer, func(a *activation) ref.Val { return a.hours(of(a).KeyChangedAt) }},
	}
}

// channel lists the facts of the payer's device and session.
func channel() []variable {
	integer, boolean := cel.IntType, cel.BoolType
	return []variable{
		{"device.present", boolean, func(a *activation) ref.Val { return types.Bool(a.tx.DeviceToken.Current != "") }},
		{"device.registered", boolean, func(a *activation) ref.Val { return flag(a.tx.Device.Registered) }},
		{"device.remote_access", boolean, func(a *activation) ref.Val { return flag(a.tx.Device.RemoteAccess) }},
		{"device.call_active", boolean, func(a *activation) ref.Val { return flag(a.tx.Device.CallActive) }},
		{"device.emulator", boolean, func(a *activation) ref.Val { return flag(a.tx.Device.Emulator) }},
		{"device.age_hours", integer, func(a *activation) ref.Val { return a.hours(a.tx.Device.FirstSeenAt) }},
		{"session.failed_logins", integer, func(a *activation) ref.Val { return number(a.tx.Session.FailedLogins) }},
		{"session.distance_metres", integer, func(a *activation) ref.Val { return number(a.tx.Session.DistanceMetres) }},
		{"session.pasted_key", boolean, func(a *activation) ref.Val { return flag(a.tx.Session.PastedKey) }},
		{"session.password_reset_hours", integer, func(a *activation) ref.Val { return a.hours(a.tx.Session.PasswordReset) }},
		{"session.duration_seconds", integer, func(a *activation) ref.Val {
			d, ok := a.tx.Session.Duration.Get()
			if !ok {
				return nil
			}
			return types.Int(d / time.Second)
		}},
	}
}

// dict lists the anti-fraud snapshot of the payee's key.
func dict() []variable {
	snapshot := func(name string, of func(*pix.DICTSnapshot) pix.Optional[int64]) variable {
		return variable{"dict." + name, cel.IntType, func(a *activation) ref.Val { return number(of(&a.tx.DICT)) }}
	}
	return []variable{
		snapshot("mule_markers", func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.MuleMarkers }),
		snapshot("scammer_markers", func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.ScammerMarkers }),
		snapshot("distinct_reporters", func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.DistinctReporters }),
		snapshot("open_infractions", func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.OpenInfractions }),
		snapshot("frauds_confirmed_d30", func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.FraudsConfirmed.D30 }),
		snapshot("frauds_confirmed_m6", func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.FraudsConfirmed.M6 }),
		snapshot("frauds_reported_d30", func(d *pix.DICTSnapshot) pix.Optional[int64] { return d.FraudsReported.D30 }),
		{"dict.key_owned_hours", cel.IntType, func(a *activation) ref.Val { return a.hours(a.tx.DICT.KeyOwnedSince) }},
	}
}

// word gives a code of the domain; an empty one is not known.
func word[T ~string](s T) ref.Val {
	if s == "" {
		return nil
	}
	return types.String(s)
}

func flag(o pix.Optional[bool]) ref.Val {
	v, ok := o.Get()
	if !ok {
		return nil
	}
	return types.Bool(v)
}

func number[T ~int64](o pix.Optional[T]) ref.Val {
	v, ok := o.Get()
	if !ok {
		return nil
	}
	return types.Int(v)
}

// double gives a finite number; NaN and the infinities are not known.
func double(v float64) ref.Val {
	if !finite(v) {
		return nil
	}
	return types.Double(v)
}
