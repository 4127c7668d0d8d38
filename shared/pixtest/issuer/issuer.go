// Package issuer is an OpenID Connect issuer in this process, for tests: it mints tokens, publishes and rotates its keys, and
// can be away.
package issuer

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// Issuer serves discovery and keys on a local port until Close.
type Issuer struct {
	server *httptest.Server

	mu      sync.Mutex
	signers []jose.JSONWebKey // the last one signs; all are published
	named   int
	away    bool
	looks   int
}

// Start returns an issuer with one RSA key.
func Start() (*Issuer, error) {
	i := &Issuer{}
	if err := i.Rotate(jose.RS256); err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		i.answer(w, map[string]string{"issuer": i.URL(), "jwks_uri": i.URL() + "/keys"})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		i.mu.Lock()
		i.looks++
		i.mu.Unlock()
		i.answer(w, i.Published())
	})
	i.server = httptest.NewServer(mux)
	return i, nil
}

func (i *Issuer) answer(w http.ResponseWriter, v any) {
	i.mu.Lock()
	away := i.away
	i.mu.Unlock()
	if away {
		http.Error(w, "away", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // the caller has gone
}

// URL is the issuer's name, and where it is.
func (i *Issuer) URL() string { return i.server.URL }

// Close ends it.
func (i *Issuer) Close() { i.server.Close() }

// SetAway lets every request fail, or none.
func (i *Issuer) SetAway(away bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.away = away
}

// Looks is how often the keys were fetched.
func (i *Issuer) Looks() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.looks
}

// Published is the public half of the keys.
func (i *Issuer) Published() jose.JSONWebKeySet {
	i.mu.Lock()
	defer i.mu.Unlock()
	var set jose.JSONWebKeySet
	for _, s := range i.signers {
		set.Keys = append(set.Keys, s.Public())
	}
	return set
}

// Rotate publishes one more key, which signs from now on: RS256 or ES256.
func (i *Issuer) Rotate(algorithm jose.SignatureAlgorithm) error {
	private, err := generate(algorithm)
	if err != nil {
		return fmt.Errorf("generate key: %w", err)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.named++
	i.signers = append(i.signers, jose.JSONWebKey{
		Key: private, KeyID: fmt.Sprintf("key-%d", i.named), Algorithm: string(algorithm), Use: "sig",
	})
	return nil
}

// Withdraw publishes no key but the one that signs.
func (i *Issuer) Withdraw() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.signers = i.signers[len(i.signers)-1:]
}

func generate(algorithm jose.SignatureAlgorithm) (crypto.Signer, error) {
	if algorithm == jose.ES256 {
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) //nolint:wrapcheck // Rotate wraps it
	}
	return rsa.GenerateKey(rand.Reader, 2048) //nolint:wrapcheck // Rotate wraps it
}

// Claims are a token's. Mint writes them as they are.
type Claims map[string]any

// Of are the claims of a Google service account's token for an audience, issued now for an hour.
func (i *Issuer) Of(email, audience string, now time.Time) Claims {
	return Claims{
		"iss": i.URL(), "aud": audience, "sub": "1076", "azp": email, "email": email, "email_verified": true,
		"iat": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}

// With returns the claims with one of them changed, or without it when the value is nil.
func (c Claims) With(name string, value any) Claims {
	out := Claims{}
	for k, v := range c {
		out[k] = v
	}
	if out[name] = value; value == nil {
		delete(out, name)
	}
	return out
}

// Mint signs a token with the newest key.
func (i *Issuer) Mint(c Claims) (string, error) {
	i.mu.Lock()
	key := i.signers[len(i.signers)-1]
	i.mu.Unlock()
	return Sign(key, c)
}

// Sign signs a token with a key, which its header names.
func Sign(key jose.JSONWebKey, c Claims) (string, error) {
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(key.Algorithm), Key: key}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	raw, err := jwt.Signed(signer).Claims(map[string]any(c)).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return raw, nil
}
