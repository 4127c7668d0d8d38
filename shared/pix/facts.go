package pix

import (
	"math"
	"strings"
	"time"
)

// The sides of a payment, as the wire format's JSON names them.
const (
	payerSide = "payer"
	payeeSide = "payee"
)

func (f *Facts) validateFacts(p *Problems, now time.Time) {
	p.Add("endToEndId", endToEndIDProblem(string(f.ID)))
	p.Add("eventTime", Happened.Problem(f.EventTime, now))
	if minute, ok := f.ID.Minute(); ok && !f.EventTime.IsZero() && minute.Sub(f.EventTime).Abs() > maxIDSkew {
		p.Add("endToEndId", "its minute is more than 12 hours from eventTime")
	}
	p.Add("receivedAt", Happened.OptionalProblem(f.ReceivedAt, now))
	if f.Amount <= 0 || f.Amount > MaxAmount {
		p.Add("amountCentavos", "must be more than 0 and at most R$ 1 trillion")
	}
	p.Add("direction", requiredCode(f.Direction, Outbound, Inbound, Internal))
	p.Add("initiation", requiredCode(f.Initiation, Manual, ByKey, DynamicQR, StaticQR, ByInitiator, Automatic,
		ContactlessDN, ContactlessES))
	p.Add("purpose", code(f.Purpose, Payment, Change, Withdrawal, Refund, MEDReturn))
	p.Add("priority", code(f.Priority, High, Normal))
	p.Add("serviceLevel", code(f.ServiceLevel, PriorityPayment, ScheduledPayment, FraudAnalysis))
	f.PayerFacts.validate(p, payerSide, now)
	f.PayeeFacts.validate(p, payeeSide, now)
	if f.PayeeFacts.AccountType == Salary {
		p.addIn(payeeSide, "accountType", "a salary account never receives")
	}
	f.Device.validate(p, now)
	f.Session.validate(p, now)
	f.DICT.validate(p, now)
	f.Mandate.validate(p, now)
	if w := f.SamplingWeight; w != 0 && (!(w > 0) || math.IsInf(w, 1)) { // not a number is not more than 0
		p.Add("samplingWeight", "must be a number more than 0")
	}
}

func (f *PartyFacts) validate(p *Problems, side string, now time.Time) {
	p.addIn(side, "ispb", ispbProblem(string(f.ISPB)))
	p.addIn(side, "accountType", code(f.AccountType, Checking, Savings, Prepaid, Salary, Other, UnknownAccount))
	p.addIn(side, "person", code(f.Person, NaturalPerson, LegalPerson))
	p.addIn(side, "keyKind", code(f.KeyKind, KeyCPF, KeyCNPJ, KeyPhone, KeyEmail, KeyEVP, UnknownKey))
	p.addIn(side, "accountOpenedAt", pastProblem(f.AccountOpenedAt, now))
	if b := f.Balance.Or(0); b > MaxAmount || b < -MaxAmount {
		p.addIn(side, "balanceCentavos", outOfBounds)
	}
	if l := f.DailyLimit.Or(0); l < 0 || l > MaxAmount {
		p.addIn(side, "dailyLimitCentavos", outOfBounds)
	}
	p.addIn(side, "limitChangedAt", pastProblem(f.LimitChangedAt, now))
	p.addIn(side, "keyChangedAt", pastProblem(f.KeyChangedAt, now))
	p.addIn(side, "ageBand", textProblem(f.AgeBand, len("100-110"), isAgeCharacter))
	if f.State != "" && (len(f.State) != 2 || !every(f.State, isUpper) || !strings.Contains(states, f.State)) {
		p.addIn(side, "state", "must be one of the 27 states of Brazil, in two capitals")
	}
}

func isAgeCharacter(c byte) bool { return isDigit(c) || c == '-' || c == '+' }

func (f *DeviceFacts) validate(p *Problems, now time.Time) {
	p.Add("device.firstSeenAt", pastProblem(f.FirstSeenAt, now))
}

func (f *SessionFacts) validate(p *Problems, now time.Time) {
	if d := f.Duration.Or(0); d < 0 || d > maxSession {
		p.Add("session.duration", "must be 0 to 7 days")
	}
	p.Add("session.failedLogins", countProblem(f.FailedLogins))
	p.Add("session.passwordResetAt", pastProblem(f.PasswordReset, now))
	if d := f.DistanceMetres.Or(0); d < 0 || d > maxDistance {
		p.Add("session.distanceMetres", outOfBounds)
	}
}

func (f *MandateFacts) validate(p *Problems, now time.Time) {
	p.Add("mandate.createdAt", pastProblem(f.CreatedAt, now))
	p.Add("mandate.initiatorOpenedAt", pastProblem(f.InitiatorOpened, now))
	p.Add("mandate.initiatorPayments", countProblem(f.InitiatorPayment))
}

func (f *DICTSnapshot) validate(p *Problems, now time.Time) {
	p.Add("dict.watermark", pastProblem(f.Watermark, now))
	p.Add("dict.keyCreatedAt", pastProblem(f.KeyCreatedAt, now))
	p.Add("dict.keyOwnedSince", pastProblem(f.KeyOwnedSince, now))
	p.Add("dict.accountOpenedAt", pastProblem(f.AccountOpenedAt, now))
	p.Add("dict.claimOpenedAt", pastProblem(f.ClaimOpenedAt, now))
	p.Add("dict.settlements", f.Settlements.problem())
	p.Add("dict.fraudsReported", f.FraudsReported.problem())
	p.Add("dict.fraudsConfirmed", f.FraudsConfirmed.problem())
	p.Add("dict.fraudsRejected", f.FraudsRejected.problem())
	p.Add("dict.muleMarkers", countProblem(f.MuleMarkers))
	p.Add("dict.scammerMarkers", countProblem(f.ScammerMarkers))
	p.Add("dict.distinctReporters", countProblem(f.DistinctReporters))
	p.Add("dict.openInfractions", countProblem(f.OpenInfractions))
	p.Add("dict.registeredAccounts", countProblem(f.RegisteredAccts))
	p.Add("dict.long.watermark", pastProblem(f.Long.Watermark, now))
	p.Add("dict.long.settlements", f.Long.Settlements.problem(maxCount))
	p.Add("dict.long.applicationFrauds", f.Long.ApplicationFrauds.problem(maxCount))
	p.Add("dict.long.fraudCentavos", f.Long.FraudCentavos.problem(int64(MaxAmount)))
}

func (c DICTLongCounter) problem(most int64) string {
	for _, n := range [...]Optional[int64]{c.D90, c.M12, c.M60} {
		if v := n.Or(0); v < 0 || v > most {
			return outOfBounds
		}
	}
	return ""
}

func (c DICTCounter) problem() string {
	for _, n := range [...]Optional[int64]{c.D3, c.D30, c.M6} {
		if reason := countProblem(n); reason != "" {
			return reason
		}
	}
	return ""
}

func countProblem(n Optional[int64]) string {
	if v := n.Or(0); v < 0 || v > maxCount {
		return outOfBounds
	}
	return ""
}

// requiredCode says what is wrong with a value that must be one of a closed set.
func requiredCode[T ~string](v T, set ...T) string {
	if v == "" {
		return required
	}
	return code(v, set...)
}

// code says what is wrong with a value that may be missing and otherwise must be one of a closed set.
func code[T ~string](v T, set ...T) string {
	if v == "" {
		return ""
	}
	for _, known := range set {
		if v == known {
			return ""
		}
	}
	return notKnown
}

// txIDProblem applies the length that each way of starting a payment gives its charge.
func txIDProblem(txid string, by Initiation) string {
	if txid == "" {
		return ""
	}
	low, high := 1, 35
	if by.chargeless() {
		return noCharge
	}
	switch by {
	case DynamicQR, ContactlessDN:
		low = 26
	case StaticQR, ContactlessES:
		high = 25
	}
	if len(txid) < low || len(txid) > high || !every(txid, isAlphanumeric) {
		return "must be letters and digits: 26 to 35 of them on a dynamic charge, up to 25 on a static one"
	}
	return ""
}

// noCharge is what is wrong with a charge's id where there is no charge.
const noCharge = "must be empty on MANU and DICT"

func (i Initiation) chargeless() bool { return i == Manual || i == ByKey }

// txIDTokenProblem is txIDProblem for what is left of the id past the first trusted hop.
func txIDTokenProblem(pair TokenPair, by Initiation) string {
	if pair != (TokenPair{}) && by.chargeless() {
		return noCharge
	}
	return pairProblem(ChargeToken, pair)
}
