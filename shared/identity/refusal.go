package identity

import "time"

// Reason is why a request is refused. The set is closed: it labels a metric.
type Reason string

// The reasons. With MissingRole and UnknownCaller the token is right and its owner may not; with KeysUnavailable nobody
// knows.
const (
	MissingToken     Reason = "missing_token"
	Malformed        Reason = "malformed"
	WrongIssuer      Reason = "wrong_issuer"
	WrongAudience    Reason = "wrong_audience"
	Expired          Reason = "expired"
	NotYetValid      Reason = "not_yet_valid"
	SignatureRemoved Reason = "signature_removed"
	UnknownKey       Reason = "unknown_key"
	BadSignature     Reason = "bad_signature"
	EmailUnverified  Reason = "email_unverified"
	UnknownCaller    Reason = "unknown_caller"
	MissingRole      Reason = "missing_role"
	KeysUnavailable  Reason = "keys_unavailable"
)

// sentence is what a person may be told.
func (r Reason) sentence() string {
	switch r {
	case MissingToken:
		return "an Authorization header with a Bearer token is needed"
	case Malformed:
		return "the Authorization header is not one Bearer token that is signed with RS256 or ES256"
	case WrongIssuer:
		return "the token comes from another issuer"
	case WrongAudience:
		return "the token must have this service as its only audience"
	case Expired:
		return "the token has expired, or says no time at which it does"
	case NotYetValid:
		return "the token is from the future"
	case SignatureRemoved:
		return "the token's signature was removed"
	case UnknownKey:
		return "the issuer knows no such key"
	case BadSignature:
		return "the signature is not the issuer's"
	case EmailUnverified:
		return "the issuer has not verified the caller's address"
	case UnknownCaller:
		return "this caller is not one of those that are configured"
	case MissingRole:
		return "this caller may do other things here"
	case KeysUnavailable:
		return "the issuer's keys cannot be fetched at the moment"
	default:
		return "refused"
	}
}

// Refusal is the error of a request whose caller is not let in. Its text holds nothing of the token.
type Refusal struct { //nolint:errname // a refusal is what it is called wherever there is one
	Reason Reason
	// Passing says that the same token may be accepted later.
	Passing bool
	// IssuedAt is the time that the issuer signed, of a token that is NotYetValid: our clock is slow, or the issuer's fast.
	IssuedAt time.Time
}

// Error says why.
func (r *Refusal) Error() string { return r.Reason.sentence() }

func refuse(r Reason) *Refusal { return &Refusal{Reason: r} }
