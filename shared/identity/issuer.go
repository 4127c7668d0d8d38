package identity

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

const (
	maxAnswerBytes = 1 << 20 // of an issuer; Google's are a few kilobytes
	minRSABits     = 2048
)

// issuer is where keys come from.
type issuer struct {
	url    string
	client *http.Client
}

func newIssuer(address string, transport http.RoundTripper) (*issuer, error) {
	if err := trustworthy(address); err != nil {
		return nil, fmt.Errorf("identity: issuer: %w", err)
	}
	return &issuer{url: address, client: &http.Client{
		Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return errors.New("the issuer sends elsewhere")
		},
	}}, nil
}

// trustworthy returns an error for an address at which somebody between us and the issuer could answer.
func trustworthy(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return errors.New("not an https address")
	}
	ip := net.ParseIP(u.Hostname())
	if u.Scheme == "https" || u.Scheme == "http" && (u.Hostname() == "localhost" || ip.IsLoopback()) {
		return nil
	}
	return errors.New("not an https address")
}

// keys fetches the issuer's public keys, by OpenID Connect's discovery.
func (i *issuer) keys(ctx context.Context) (map[string]crypto.PublicKey, error) {
	var discovered struct {
		Issuer string `json:"issuer"`
		Keys   string `json:"jwks_uri"`
	}
	if err := i.get(ctx, strings.TrimSuffix(i.url, "/")+"/.well-known/openid-configuration", &discovered); err != nil {
		return nil, fmt.Errorf("discover issuer: %w", err)
	}
	if discovered.Issuer != i.url {
		return nil, errors.New("discover issuer: it calls itself otherwise")
	}
	if err := trustworthy(discovered.Keys); err != nil {
		return nil, fmt.Errorf("discover issuer: keys: %w", err)
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := i.get(ctx, discovered.Keys, &set); err != nil {
		return nil, fmt.Errorf("fetch keys: %w", err)
	}
	found := map[string]crypto.PublicKey{}
	for _, one := range set.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(one) == nil && usable(&key) { // others may have their uses for what we cannot read
			found[key.KeyID] = key.Key
		}
	}
	if len(found) == 0 {
		return nil, errors.New("fetch keys: none that could be used")
	}
	return found, nil
}

// usable says whether a key is one of those that tokens are signed with.
func usable(k *jose.JSONWebKey) bool {
	if k.KeyID == "" || k.Use != "" && k.Use != "sig" {
		return false
	}
	switch public := k.Key.(type) {
	case *rsa.PublicKey:
		return public.N.BitLen() >= minRSABits && (k.Algorithm == "" || k.Algorithm == string(jose.RS256))
	case *ecdsa.PublicKey:
		return public.Curve == elliptic.P256() && (k.Algorithm == "" || k.Algorithm == string(jose.ES256))
	default:
		return false
	}
}

func (i *issuer) get(ctx context.Context, address string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("build request: %w", err)
	}
	response, err := i.client.Do(request)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the answer's status is %d", response.StatusCode)
	}
	data, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if len(data) > maxAnswerBytes {
		return fmt.Errorf("the answer has more than %d bytes", maxAnswerBytes)
	}
	if json.Unmarshal(data, into) != nil { // its error would quote the answer
		return errors.New("the answer is not the JSON that it should be")
	}
	return nil
}
