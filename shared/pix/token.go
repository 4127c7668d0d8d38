package pix

// Token is a keyed pseudonym of one entity: "<kind>.<key version>.<22 base64url characters>", the first 16 bytes of
// HMAC-SHA-256 under the key of that version over kind and normalised value. 128 bits keep the chance of any collision
// among 10⁹ entities below 10⁻²⁰.
type Token string

// TokenKind is the first part of a token; the same value under two kinds gives unrelated tokens.
type TokenKind string

// Kinds of token.
const (
	AccountToken TokenKind = "acct"
	OwnerToken   TokenKind = "ownr"
	KeyToken     TokenKind = "pkey"
	DeviceToken  TokenKind = "dev"
)
