package identity_test

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/sentinela-pix/sentinela/shared/identity"
)

// TestCaller: the caller has the roles that the configuration gives it, and no other.
func TestCaller(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := running(t, configOf(i))
	for name, want := range map[string]identity.Caller{
		pusher: {Subject: pusher, Roles: []identity.Role{identity.Push}},
		desk:   {Subject: desk, Roles: []identity.Role{identity.Decide, identity.Detail}},
	} {
		claims := good(i).With("email", name)
		if name == desk {
			claims = good(i).With("sub", name).With("email", nil)
		}
		for range 2 {
			got, err := v.Verify(t.Context(), with(mint(t, i, claims)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		}
	}
	if identity.From(t.Context()).Has(identity.Push) {
		t.Error("nobody may push")
	}
	for _, role := range []identity.Role{identity.Push, identity.Decide, identity.Detail, identity.Replay} {
		if !identity.From(identity.With(t.Context(), identity.Anybody())).Has(role) {
			t.Errorf("anybody may not %s", role)
		}
	}
}

// TestNewKeySigns: after a rotation both keys' tokens count, of either algorithm. The very first look comes after it here;
// TestRotation has what happens between two looks.
func TestNewKeySigns(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	before := mint(t, i, good(i))
	if err := i.Rotate(jose.ES256); err != nil {
		t.Fatal(err)
	}
	v := running(t, configOf(i))
	for _, token := range []string{before, mint(t, i, good(i))} {
		if got := reasonOf(t, v, with(token)); got != "" {
			t.Error(got)
		}
	}
	if v.HasKeys() != nil || v.KeysErr() != nil {
		t.Errorf("%v %v", v.HasKeys(), v.KeysErr())
	}
}

// TestNobodyRuns: a verifier whose keys nobody looks for accepts nothing.
func TestNobodyRuns(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v, err := identity.New(configOf(i))
	if err != nil {
		t.Fatal(err)
	}
	if got := reasonOf(t, v, with(mint(t, i, good(i)))); got != identity.KeysUnavailable || v.HasKeys() == nil {
		t.Errorf("%q", got)
	}
}

// TestTheFutureIsToldWhenSigned: that our clock is slow is the issuer's word, and nobody else's.
func TestTheFutureIsToldWhenSigned(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	v := running(t, configOf(i))
	at := time.Now().Add(time.Hour).Truncate(time.Second)
	right := mint(t, i, good(i).With("iat", at.Unix()))
	for token, want := range map[string]identity.Refusal{
		right:                          {Reason: identity.NotYetValid, IssuedAt: at},
		right[:len(right)-40] + "AAAA": {Reason: identity.BadSignature},
	} {
		_, err := v.Verify(t.Context(), with(token))
		if diff := cmp.Diff(&want, err); diff != "" {
			t.Error(diff)
		}
	}
}

func TestConfigIsWhole(t *testing.T) {
	t.Parallel()
	i := newIssuer(t)
	for name, change := range map[string]func(*identity.Config){
		"no audience":  func(c *identity.Config) { c.Audience = "" },
		"no callers":   func(c *identity.Config) { c.Callers = nil },
		"no issuer":    func(c *identity.Config) { c.Issuer = "" },
		"plain issuer": func(c *identity.Config) { c.Issuer = "http://issuer.example" },
	} {
		c := configOf(i)
		change(&c)
		if _, err := identity.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestParseCallers(t *testing.T) {
	t.Parallel()
	got, err := identity.ParseCallers("core@bank=decide, desk-7=decide+detail,a=b=replay,")
	want := map[string][]identity.Role{
		"core@bank": {identity.Decide}, "desk-7": {identity.Decide, identity.Detail}, "a=b": {identity.Replay},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"core@bank", "=decide", "a=", "a=admin", "a=push", "a=decide,a=detail", "a=decide+"} {
		if _, err := identity.ParseCallers(bad); err == nil || strings.Contains(err.Error(), "core@bank ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestTokenOfOpenSSL: a key, a signature and a token that another implementation made.
func TestTokenOfOpenSSL(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("openssl is not installed")
	}
	var n string
	server := httptest.NewUnstartedServer(nil)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "openid-configuration") {
			fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q}`, server.URL, server.URL+"/keys")
			return
		}
		fmt.Fprintf(w, `{"keys":[{"kty":"RSA","kid":"o","n":%q,"e":"AQAB"}]}`, n)
	})
	server.Start()
	t.Cleanup(server.Close)
	dir := t.TempDir()
	sh := func(script string) string {
		cmd := exec.CommandContext(t.Context(), "sh", "-ec", script)
		cmd.Dir = dir
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%s: %v", script, err)
		}
		return strings.TrimSpace(string(out))
	}
	bits, err := hex.DecodeString(strings.TrimPrefix(sh("openssl genrsa -out key.pem 2048 2>/dev/null; openssl rsa -in key.pem -noout -modulus"), "Modulus="))
	if err != nil {
		t.Fatal(err)
	}
	n = base64.RawURLEncoding.EncodeToString(bits)
	now := time.Now().Unix()
	token := sh(fmt.Sprintf(`
text() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
signed=$(printf %%s '{"alg":"RS256","kid":"o","typ":"JWT"}' | text).$(printf %%s '%s' | text)
printf '%%s.%%s' "$signed" "$(printf %%s "$signed" | openssl dgst -sha256 -sign key.pem -binary | text)"`,
		fmt.Sprintf(`{"iss":%q,"aud":%q,"exp":%d,"iat":%d,"email":%q,"email_verified":true}`, server.URL, audience, now+600, now, pusher)))
	v := running(t, identity.Config{
		Issuer: server.URL, Audience: audience, Callers: map[string][]identity.Role{pusher: {identity.Push}}, Transport: new(http.Transport),
	})
	if got := reasonOf(t, v, with(token)); got != "" {
		t.Error(got)
	}
	if got := reasonOf(t, v, with(strings.Replace(token, ".", ".e30", 1))); got == "" {
		t.Error("a changed one is accepted too")
	}
}

// BenchmarkVerify measures what a request pays: for a token that was seen before, and for a new one of either algorithm.
func BenchmarkVerify(b *testing.B) {
	i := newIssuer(b)
	rs := mint(b, i, good(i))
	if err := i.Rotate(jose.ES256); err != nil {
		b.Fatal(err)
	}
	es := mint(b, i, good(i))
	c := configOf(i)
	signed := running(b, c)
	c.CloudRunIAM = true
	trusting := running(b, c)
	for _, bench := range []struct {
		name  string
		token string
		v     *identity.Verifier
		now   func() time.Time
	}{
		{"known", rs, signed, time.Now},
		{"removed", removed(rs), trusting, time.Now},
	} {
		b.Run(bench.name, func(b *testing.B) {
			h := with(bench.token)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := bench.v.Verify(b.Context(), h); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for name, token := range map[string]string{"new_RS256": rs, "new_ES256": es} {
		b.Run(name, func(b *testing.B) {
			h := with(token[:len(token)-20] + strings.Repeat("A", 20)) // as dear as a right one, and never remembered
			b.ReportAllocs()
			for b.Loop() {
				if _, err := signed.Verify(b.Context(), h); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
