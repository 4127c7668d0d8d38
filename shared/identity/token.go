package identity

import (
	"errors"
	"net/http"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// algorithms are those that a token may be signed with: with a secret, or with none at all, is not among them.
func algorithms() []jose.SignatureAlgorithm { return []jose.SignatureAlgorithm{jose.RS256, jose.ES256} }

// claims is what is read of a token. go-jose's JSON takes names as they are written, and each once.
type claims struct {
	jwt.Claims
	Email         string `json:"email"`
	EmailVerified bool   `json:"email_verified"`
}

// token is one that could be parsed. Its claims are its own word until the signature is checked.
type token struct {
	parsed *jwt.JSONWebToken
	claims claims
}

// bearer returns the token of a request's only Authorization header.
func bearer(h http.Header) (string, *Refusal) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", refuse(MissingToken)
	}
	scheme, raw, found := strings.Cut(values[0], " ")
	if len(values) > 1 || !found || !strings.EqualFold(scheme, "Bearer") || len(raw) > maxTokenBytes {
		return "", refuse(Malformed)
	}
	return raw, nil
}

func parse(raw string) (*token, *Refusal) {
	parsed, err := jwt.ParseSigned(raw, algorithms())
	if err != nil || len(parsed.Headers) != 1 {
		return nil, refuse(Malformed)
	}
	t := &token{parsed: parsed}
	if parsed.UnsafeClaimsWithoutVerification(&t.claims) != nil {
		return nil, refuse(Malformed)
	}
	return t, nil
}

// keyID is the key that the token names.
func (t *token) keyID() string { return t.parsed.Headers[0].KeyID }

// check compares what the token says with what is wanted.
func (t *token) check(c *Config) *Refusal {
	if t.claims.Issuer != c.Issuer {
		return refuse(WrongIssuer)
	}
	if len(t.claims.Audience) != 1 || t.claims.Audience[0] != c.Audience { // one with others could be sent on by them
		return refuse(WrongAudience)
	}
	if t.claims.Expiry == nil {
		return refuse(Expired)
	}
	err := t.claims.ValidateWithLeeway(jwt.Expected{Time: c.Now()}, skew)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, jwt.ErrExpired):
		return refuse(Expired)
	default:
		return refuse(NotYetValid)
	}
}
