package pix

import (
	"errors"
	"strconv"
	"strings"
)

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
	ChargeToken  TokenKind = "chrg"
)

const (
	tokenBytes      = 16
	tokenLength     = 22 // of 16 bytes in base64url
	maxTokenVersion = 999_999
)

// ParseToken accepts s when it has the form of a token. The error has kind Invalid and does not contain s.
func ParseToken(s string) (Token, error) {
	kind, version, ok := splitToken(s)
	if !ok || version == 0 || !kind.known() {
		return "", E(Invalid, "parse token", errors.New("must be a kind, a key version and 22 base64url characters"))
	}
	return Token(s), nil
}

// Kind returns the kind of the token, empty when it is malformed.
func (t Token) Kind() TokenKind {
	kind, _, _ := splitToken(string(t))
	return kind
}

// Version returns the key version of the token, 0 when it is malformed.
func (t Token) Version() int {
	_, version, _ := splitToken(string(t))
	return version
}

func (k TokenKind) known() bool {
	return k == AccountToken || k == OwnerToken || k == KeyToken || k == DeviceToken || k == ChargeToken
}

// splitToken takes a token apart. The last character carries two bits only, so of its values one in sixteen is
// canonical: others are refused, or one entity could have two spellings.
func splitToken(s string) (TokenKind, int, bool) {
	kind, rest, ok1 := strings.Cut(s, ".")
	digits, value, ok2 := strings.Cut(rest, ".")
	if !ok1 || !ok2 || len(value) != tokenLength || !every(value, isBase64URL) {
		return "", 0, false
	}
	if strings.IndexByte("AQgw", value[tokenLength-1]) < 0 {
		return "", 0, false
	}
	if digits == "" || len(digits) > 6 || digits[0] == '0' || !every(digits, isDigit) {
		return "", 0, false
	}
	version, err := strconv.Atoi(digits)
	if err != nil || version > maxTokenVersion {
		return "", 0, false
	}
	return TokenKind(kind), version, true
}
