package pix

import "time"

// Facts is everything about a payment that identifies nobody. Both forms of a payment embed it.
type Facts struct {
	ID           EndToEndID
	EventTime    time.Time // UTC, whole milliseconds; AccptncDtTm of pacs.008
	ReceivedAt   time.Time // UTC; when the payment became visible to us, zero when unknown. Of a live payment a server's clock says it.
	Direction    Direction
	Amount       Money
	Initiation   Initiation
	Purpose      Purpose
	Priority     Priority
	ServiceLevel ServiceLevel
	PayerFacts   PartyFacts
	PayeeFacts   PartyFacts
	Device       DeviceFacts
	Session      SessionFacts
	DICT         DICTSnapshot // of the payee's key, as the payment flow fetched it
	Mandate      MandateFacts // Pix Automático
	// SamplingWeight is how many payments of the world this one stands for when a simulation drew fraud more often than
	// it happens; zero means one. Real payments have none.
	SamplingWeight float64
}

// PartyFacts describes one side of a payment without naming it. Balance and limits are known for our customers only.
type PartyFacts struct {
	ISPB            ISPB
	AccountType     AccountType
	Person          Person
	KeyKind         KeyKind             // of the key used; empty when none was
	AccountOpenedAt Optional[time.Time] // UTC
	Balance         Optional[Money]     // before this payment
	DailyLimit      Optional[Money]     // in force when the payment was made
	LimitChangedAt  Optional[time.Time] // last raise of a limit
	KeyChangedAt    Optional[time.Time] // last change of key ownership or credentials
	AgeBand         string              // "18-24", "25-34", …; empty when unknown
	State           string              // two-letter Brazilian state; empty when unknown
	TrustedPayee    Optional[bool]      // payer side: the payee was registered beforehand by the customer
}

// DeviceFacts describes the payer's device without its id.
type DeviceFacts struct {
	FirstSeenAt  Optional[time.Time] // first use by this customer
	Registered   Optional[bool]      // registered with the institution (Res. BCB 403)
	RemoteAccess Optional[bool]      // a remote-access tool was active
	CallActive   Optional[bool]      // a call was in progress
	Emulator     Optional[bool]      // runs on an emulator or a rooted system
}

// SessionFacts describes the payer's session.
type SessionFacts struct {
	Duration       Optional[time.Duration] // from log-in to confirmation
	FailedLogins   Optional[int64]         // in the last 24 h
	PasswordReset  Optional[time.Time]     // last password reset
	PastedKey      Optional[bool]          // the key was pasted rather than typed
	DistanceMetres Optional[int64]         // from the usual place
}

// MandateFacts describes a Pix Automático mandate.
type MandateFacts struct {
	CreatedAt        Optional[time.Time]
	FirstCharge      Optional[bool]
	InitiatorOpened  Optional[time.Time] // since when the initiator exists
	InitiatorPayment Optional[int64]     // payments it initiated so far
}

// DICTSnapshot is the anti-fraud block of DICT for the payee's key (DICT API 1.8.0, v1 counters over 3 days, 30 days
// and 6 months). Absent counters mean that the look-up failed or was withheld, which is a signal of its own.
type DICTSnapshot struct {
	Watermark         Optional[time.Time] // up to 12 h late; epoch means no data
	KeyCreatedAt      Optional[time.Time]
	KeyOwnedSince     Optional[time.Time]
	AccountOpenedAt   Optional[time.Time]
	ClaimOpenedAt     Optional[time.Time] // an open claim on the key
	Settlements       DICTCounter         // rounded up by DICT: 0, 1, 5, 10, 50, 100, 500, …
	FraudsReported    DICTCounter
	FraudsConfirmed   DICTCounter
	FraudsRejected    DICTCounter     // reported, and cleared by the analysis
	MuleMarkers       Optional[int64] // fraud markers of kind MULE_ACCOUNT over 12 months
	ScammerMarkers    Optional[int64]
	DistinctReporters Optional[int64]
	OpenInfractions   Optional[int64]
	RegisteredAccts   Optional[int64]
	Long              DICTLong // v2: 90 days, 12 and 60 months
}

// DICTLong is the second version of DICT's statistics: longer windows, with a watermark of their own.
type DICTLong struct {
	Watermark         Optional[time.Time]
	Settlements       DICTLongCounter
	ApplicationFrauds DICTLongCounter
	FraudCentavos     DICTLongCounter // total amount of the frauds
}

// DICTLongCounter is one statistic over DICT's long windows.
type DICTLongCounter struct {
	D90, M12, M60 Optional[int64]
}

// DICTCounter is one statistic over DICT's three windows.
type DICTCounter struct{ D3, D30, M6 Optional[int64] }

// RawParty carries the raw identifiers of one side, before the first trusted hop.
type RawParty struct{ Document, Branch, Account, Key, Name Secret }

// Submission is a payment with raw identifiers, as core banking emits it. It never leaves the first trusted hop.
type Submission struct {
	Facts
	Payer, Payee RawParty
	DeviceID     Secret
	TxID         Secret // [a-zA-Z0-9]{1,35} of the charge, empty on MANU and DICT; whoever issues it may write a CPF into it
}

// Party carries the tokens of one side. Names are dropped, not tokenised: no feature needs them.
type Party struct{ Account, Owner, Key TokenPair }

// Transaction is a payment with keyed tokens: the only form that exists past the first trusted hop.
type Transaction struct {
	Facts
	Payer, Payee Party
	DeviceToken  TokenPair
	TxIDToken    TokenPair // of the charge; most payments have none
}

// TokenPair is the token of one entity under the current key version and, for 31 days after a rotation, under the
// previous one. Both are empty when the entity is unknown.
type TokenPair struct{ Current, Previous Token }
