package identity

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4/jwt"
)

const (
	// skew is how far the issuer's clock and ours may differ.
	skew = time.Minute
	// maxTokenBytes bounds what is parsed. Google's tokens have about a kilobyte.
	maxTokenBytes = 8 << 10
	// removedSignature is what Cloud Run puts in place of the signature of a token that it has checked.
	removedSignature = "SIGNATURE_REMOVED_BY_GOOGLE"
	// checkedByCloudRun is the header that Cloud Run checks, where a request has it, instead of Authorization.
	checkedByCloudRun = "X-Serverless-Authorization"
)

// Config says whose tokens are taken. Issuer, Audience and Callers are required.
type Config struct {
	Issuer   string // https, or http on this machine
	Audience string
	// Callers is what each may do. Whoever has an @ is known by a verified address, anybody else by the token's subject.
	Callers map[string][]Role
	// CloudRunIAM takes tokens whose signature Cloud Run has removed, by their claims alone. Without Cloud Run's IAM in
	// front anybody can write such a token.
	CloudRunIAM bool
	// KeysFailed hears of every look for the issuer's keys that failed; nil means nobody.
	KeysFailed func(error)
	Transport  http.RoundTripper // to the issuer; nil means the network
	Now        func() time.Time  // nil means time.Now
}

// Verifier tells callers by their tokens. Run must run beside it. It is safe for concurrent use.
type Verifier struct {
	config             Config
	byEmail, bySubject map[string][]Role
	keys               *keys
	known              known
}

// New returns a verifier that has no keys yet.
func New(c Config) (*Verifier, error) {
	if c.Audience == "" || len(c.Callers) == 0 {
		return nil, errors.New("identity: an audience and callers are required")
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.KeysFailed == nil {
		c.KeysFailed = func(error) {}
	}
	issuer, err := newIssuer(c.Issuer, c.Transport)
	if err != nil {
		return nil, err
	}
	v := &Verifier{config: c, byEmail: map[string][]Role{}, bySubject: map[string][]Role{}, keys: newKeys(issuer.keys, &c)}
	for name, may := range c.Callers {
		if strings.Contains(name, "@") {
			v.byEmail[name] = may
		} else {
			v.bySubject[name] = may
		}
	}
	return v, nil
}

// Run fetches the issuer's keys, again every quarter of an hour and when a token names one that is not known, until ctx
// ends.
func (v *Verifier) Run(ctx context.Context) { v.keys.run(ctx) }

// HasKeys returns an error until keys were fetched once: until then another process does better.
func (v *Verifier) HasKeys() error {
	if v.config.CloudRunIAM {
		return nil
	}
	return v.keys.had()
}

// KeysErr returns the error of the latest look for keys. The keys of an earlier one go on serving.
func (v *Verifier) KeysErr() error { return v.keys.state() }

// KeysAge is how long ago the keys were fetched that serve, or how long there have been none. A key that the issuer took
// back is taken until they are fetched again, for as long as the issuer is away.
func (v *Verifier) KeysAge() time.Duration { return v.keys.age() }

// Verify returns who sent a request with this header. Its error is a *Refusal.
func (v *Verifier) Verify(ctx context.Context, h http.Header) (Caller, error) {
	raw, refusal := bearer(h)
	if refusal != nil {
		return Caller{}, refusal
	}
	if strings.HasSuffix(raw, "."+removedSignature) {
		return v.claimed(h, raw)
	}
	if c, ok := v.known.get(raw, v.config.Now(), v.keys.version()); ok {
		return c, nil
	}
	return v.verify(ctx, raw)
}

// claimed takes a token whose signature Cloud Run has removed. Where a request has the other header, Cloud Run looked at
// that one alone, and the caller wrote this one.
func (v *Verifier) claimed(h http.Header, raw string) (Caller, error) {
	if !v.config.CloudRunIAM || len(h.Values(checkedByCloudRun)) > 0 {
		return Caller{}, refuse(SignatureRemoved)
	}
	t, refusal := parse(raw)
	if refusal != nil {
		return Caller{}, refusal
	}
	if refusal := t.check(&v.config); refusal != nil {
		return Caller{}, refusal
	}
	return v.caller(t)
}

// verify takes a signed token. What it says is looked at first, so that only a token that could be right makes anybody
// look for a key.
func (v *Verifier) verify(ctx context.Context, raw string) (Caller, error) {
	t, refusal := parse(raw)
	if refusal != nil {
		return Caller{}, refusal
	}
	said := t.check(&v.config)
	if said != nil && said.Reason != NotYetValid {
		return Caller{}, said
	}
	key, version, refusal := v.keys.find(ctx, t.keyID())
	if refusal != nil {
		return Caller{}, refusal
	}
	var signed jwt.Claims
	if t.parsed.Claims(key, &signed) != nil {
		return Caller{}, refuse(BadSignature)
	}
	if said != nil {
		said.IssuedAt = signed.IssuedAt.Time()
		return Caller{}, said
	}
	c, err := v.caller(t)
	if err == nil {
		v.known.add(raw, c, t.claims.Expiry.Time().Add(skew), version)
	}
	return c, err
}

// caller returns whom a token names that is right.
func (v *Verifier) caller(t *token) (Caller, error) {
	if may, ok := v.byEmail[t.claims.Email]; ok {
		if !t.claims.EmailVerified {
			return Caller{}, refuse(EmailUnverified)
		}
		return Caller{Subject: t.claims.Email, Roles: may}, nil
	}
	if may, ok := v.bySubject[t.claims.Subject]; ok {
		return Caller{Subject: t.claims.Subject, Roles: may}, nil
	}
	return Caller{}, refuse(UnknownCaller)
}
