package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/sentinela-pix/sentinela/shared/identity"
	"github.com/sentinela-pix/sentinela/shared/pixtest/issuer"
)

func segment(tb testing.TB, v any) string {
	tb.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// removed is a token as a container behind Cloud Run's IAM sees it.
func removed(token string) string {
	return token[:strings.LastIndex(token, ".")+1] + "SIGNATURE_REMOVED_BY_GOOGLE"
}

// TestClaims: of a token that the issuer signed, everything that it says must be right.
func TestClaims(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := running(t, configOf(i))
	now := time.Now()
	for name, c := range map[string]struct {
		claims issuer.Claims
		want   identity.Reason
	}{
		"right":                      {good(i), ""},
		"by subject":                 {good(i).With("sub", desk).With("email", nil), ""},
		"audience as a list of one":  {good(i).With("aud", []string{audience}), ""},
		"expired within the skew":    {good(i).With("exp", now.Add(-30*time.Second).Unix()), ""},
		"without the time of issue":  {good(i).With("iat", nil), ""},
		"expired":                    {good(i).With("exp", now.Add(-2*time.Minute).Unix()), identity.Expired},
		"never expires":              {good(i).With("exp", nil), identity.Expired},
		"expiry is null":             {good(i).With("exp", json.RawMessage("null")), identity.Expired},
		"expiry is text":             {good(i).With("exp", "2099-01-01"), identity.Malformed},
		"expiry overflows":           {good(i).With("exp", json.RawMessage("1e300")), identity.Malformed},
		"issued in the future":       {good(i).With("iat", now.Add(2*time.Minute).Unix()), identity.NotYetValid},
		"not before the future":      {good(i).With("nbf", now.Add(2*time.Minute).Unix()), identity.NotYetValid},
		"another audience":           {good(i).With("aud", "https://other.example"), identity.WrongAudience},
		"no audience":                {good(i).With("aud", nil), identity.WrongAudience},
		"audience and another":       {good(i).With("aud", []string{audience, "https://other.example"}), identity.WrongAudience},
		"audience with a slash":      {good(i).With("aud", audience+"/"), identity.WrongAudience},
		"another issuer":             {good(i).With("iss", "https://accounts.google.com"), identity.WrongIssuer},
		"no issuer":                  {good(i).With("iss", nil), identity.WrongIssuer},
		"another service account":    {i.Of("other@p.iam.gserviceaccount.com", audience, now), identity.UnknownCaller},
		"address in another case":    {i.Of(strings.ToUpper(pusher), audience, now), identity.UnknownCaller},
		"address not verified":       {good(i).With("email_verified", false), identity.EmailUnverified},
		"nothing said of it":         {good(i).With("email_verified", nil), identity.EmailUnverified},
		"verified as text":           {good(i).With("email_verified", "true"), identity.Malformed},
		"an address as subject":      {good(i).With("email", nil).With("sub", pusher), identity.UnknownCaller},
		"a subject as address":       {good(i).With("email", desk), identity.UnknownCaller},
		"a claim in another case":    {good(i).With("email", nil).With("EMAIL", pusher), identity.UnknownCaller},
		"nobody":                     {good(i).With("email", nil).With("sub", nil), identity.UnknownCaller},
		"empty names":                {good(i).With("email", "").With("sub", ""), identity.UnknownCaller},
		"another's, with its reason": {good(i).With("email", "x@y").With("exp", now.Add(-time.Hour).Unix()), identity.Expired},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // the second time it may be remembered
				if got := reasonOf(t, v, with(mint(t, i, c.claims))); got != c.want {
					t.Errorf("%q, want %q", got, c.want)
				}
			}
		})
	}
}

// TestForgery: what the issuer did not sign is refused, whatever it says.
func TestForgery(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	if err := i.Rotate(jose.ES256); err != nil {
		t.Fatal(err)
	}
	v := running(t, configOf(i))
	public := i.Published().Keys[0]
	der, err := x509.MarshalPKIXPublicKey(public.Key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(public)
	if err != nil {
		t.Fatal(err)
	}
	mine, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	right := mint(t, i, good(i))
	parts := strings.Split(right, ".")
	signed := func(key any, algorithm jose.SignatureAlgorithm, options *jose.SignerOptions) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
		if err != nil {
			t.Fatal(err)
		}
		payload, err := json.Marshal(good(i))
		if err != nil {
			t.Fatal(err)
		}
		s, err := signer.Sign(payload)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := s.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	named := func(id string) *jose.SignerOptions { return (&jose.SignerOptions{}).WithHeader("kid", id) }
	for name, c := range map[string]struct {
		token string
		want  identity.Reason
	}{
		"no algorithm":              {segment(t, map[string]string{"alg": "none", "kid": public.KeyID}) + "." + parts[1] + ".", identity.Malformed},
		"no algorithm, in capitals": {segment(t, map[string]string{"alg": "None"}) + "." + parts[1] + "." + parts[2], identity.Malformed},
		"public key as secret":      {signed(der, jose.HS256, named(public.KeyID)), identity.Malformed},
		"its JSON as secret":        {signed(text, jose.HS256, named(public.KeyID)), identity.Malformed},
		"another algorithm":         {signed(mine, jose.RS512, named(public.KeyID)), identity.Malformed},
		"another key of that name":  {signed(mine, jose.RS256, named(public.KeyID)), identity.BadSignature},
		"a curve for an RSA key":    {signed(curve, jose.ES256, named(public.KeyID)), identity.BadSignature},
		"an RSA key for a curve":    {signed(mine, jose.RS256, named("key-2")), identity.BadSignature},
		"a key nobody knows":        {signed(mine, jose.RS256, named("mine")), identity.UnknownKey},
		"a key without a name":      {signed(mine, jose.RS256, nil), identity.UnknownKey},
		"the key in the token":      {signed(mine, jose.RS256, (&jose.SignerOptions{EmbedJWK: true}).WithHeader("kid", public.KeyID)), identity.BadSignature},
		"claims changed":            {parts[0] + "." + segment(t, good(i).With("jti", "x")) + "." + parts[2], identity.BadSignature},
		"signature cut":             {parts[0] + "." + parts[1] + "." + parts[2][:8], identity.BadSignature},
		"signature empty":           {parts[0] + "." + parts[1] + ".", identity.BadSignature},
		"signature removed":         {removed(right), identity.SignatureRemoved},
		"a claim twice":             {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"email":"a","email":"b"}`)) + "." + parts[2], identity.Malformed},
		"critical header":           {segment(t, map[string]any{"alg": "RS256", "kid": public.KeyID, "crit": []string{"b64"}, "b64": false}) + "." + parts[1] + "." + parts[2], identity.BadSignature},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := reasonOf(t, v, with(c.token)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestHeaders: one Bearer token, and nothing else.
func TestHeaders(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := running(t, configOf(i))
	right := mint(t, i, good(i))
	for name, c := range map[string]struct {
		header http.Header
		want   identity.Reason
	}{
		"right":             {with(right), ""},
		"scheme in lower":   {http.Header{"Authorization": {"bearer " + right}}, ""},
		"none":              {http.Header{}, identity.MissingToken},
		"elsewhere":         {http.Header{"X-Serverless-Authorization": {"Bearer " + right}}, identity.MissingToken},
		"empty":             {http.Header{"Authorization": {""}}, identity.Malformed},
		"scheme alone":      {http.Header{"Authorization": {"Bearer"}}, identity.Malformed},
		"another scheme":    {http.Header{"Authorization": {"Basic " + right}}, identity.Malformed},
		"no scheme":         {http.Header{"Authorization": {right}}, identity.Malformed},
		"junk":              {with("junk"), identity.Malformed},
		"dots":              {with(".."), identity.Malformed},
		"four parts":        {with(right + ".x"), identity.Malformed},
		"as JSON":           {with(`{"payload":"e30","signatures":[]}`), identity.Malformed},
		"two spaces":        {with(" " + right), identity.Malformed},
		"padded":            {with(right + "="), identity.Malformed},
		"a list":            {with(right + ", Bearer " + right), identity.Malformed},
		"twice":             {http.Header{"Authorization": {"Bearer " + right, "Bearer " + right}}, identity.Malformed},
		"twice, one is bad": {http.Header{"Authorization": {"Bearer " + right, "Bearer junk"}}, identity.Malformed},
		"a megabyte":        {with(strings.Repeat("a", 1<<20)), identity.Malformed},
		"a megabyte behind": {with(right + strings.Repeat("A", 1<<20)), identity.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := reasonOf(t, v, c.header); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestCloudRun: where Cloud Run's IAM stands in front, claims without a signature are taken, and every claim must be right.
func TestCloudRun(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	c := configOf(i)
	c.CloudRunIAM = true
	v := running(t, c)
	right := mint(t, i, good(i))
	parts := strings.Split(right, ".")
	both := with(removed(right))
	both.Set("X-Serverless-Authorization", "Bearer "+removed(right))
	signed := with(right)
	signed.Set("X-Serverless-Authorization", "Bearer "+removed(right))
	for name, c := range map[string]struct {
		header http.Header
		want   identity.Reason
	}{
		"signature removed": {with(removed(right)), ""},
		"signed":            {with(right), ""},
		// Cloud Run checked the other header: this one is the caller's own word.
		"removed, beside the header that was checked": {both, identity.SignatureRemoved},
		"signed, beside the header that was checked":  {signed, ""},
		"signature wrong":   {with(parts[0] + "." + parts[1] + "." + parts[2][:8]), identity.BadSignature},
		"signature empty":   {with(parts[0] + "." + parts[1] + "."), identity.BadSignature},
		"no algorithm":      {with(segment(t, map[string]string{"alg": "none"}) + "." + parts[1] + ".SIGNATURE_REMOVED_BY_GOOGLE"), identity.Malformed},
		"expired":           {with(removed(mint(t, i, good(i).With("exp", 1)))), identity.Expired},
		"another audience":  {with(removed(mint(t, i, good(i).With("aud", "x")))), identity.WrongAudience},
		"another issuer":    {with(removed(mint(t, i, good(i).With("iss", "x")))), identity.WrongIssuer},
		"another caller":    {with(removed(mint(t, i, good(i).With("email", "x@y")))), identity.UnknownCaller},
		"not verified":      {with(removed(mint(t, i, good(i).With("email_verified", false)))), identity.EmailUnverified},
		"from the future":   {with(removed(mint(t, i, good(i).With("iat", time.Now().Add(time.Hour).Unix())))), identity.NotYetValid},
		"marker as a token": {with("SIGNATURE_REMOVED_BY_GOOGLE"), identity.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := reasonOf(t, v, c.header); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// FuzzVerify: whatever the header holds, only what the issuer signed is let in, and nothing panics.
func FuzzVerify(f *testing.F) {
	i := newIssuer(f)
	v := running(f, configOf(i))
	right := mint(f, i, good(i))
	for _, seed := range []string{"", "Bearer", "Bearer ", "Bearer " + right, "bearer " + removed(right), "Bearer a.b.c", "Basic eA=="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c, err := v.Verify(t.Context(), http.Header{"Authorization": {header}})
		scheme, raw, _ := strings.Cut(header, " ")
		if err == nil && (!strings.HasPrefix(raw, right[:strings.LastIndex(right, ".")+1]) || !strings.EqualFold(scheme, "bearer")) {
			t.Errorf("%q is %+v", header, c)
		}
	})
}
