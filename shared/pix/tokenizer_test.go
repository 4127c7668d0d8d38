package pix_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/sentinela-pix/sentinela/shared/pix"
)

func newTokenizer(tb testing.TB, version int, fill byte) *pix.Tokenizer {
	tb.Helper()
	t, err := pix.NewTokenizer(pix.TokenKey{Version: version, Secret: bytes.Repeat([]byte{fill}, 32)}, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return t
}

// TestTokenIsHMAC computes a token from its definition.
func TestTokenIsHMAC(t *testing.T) {
	t.Parallel()
	mac := hmac.New(sha256.New, bytes.Repeat([]byte{'a'}, 32))
	mac.Write([]byte("ownr\x0052998224725"))
	want := "ownr.3." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
	if got := newTokenizer(t, 3, 'a').Token(pix.OwnerToken, "529.982.247-25").Current; string(got) != want {
		t.Errorf("token is %q, want %q", got, want)
	}
}

func TestOneEntityOneToken(t *testing.T) {
	t.Parallel()
	tokens := newTokenizer(t, 1, 'a')
	for name, c := range map[string]struct {
		kind pix.TokenKind
		a, b pix.Secret
		same bool
	}{
		"punctuated cpf":  {pix.OwnerToken, "529.982.247-25", "52998224725", true},
		"lower-case cnpj": {pix.OwnerToken, "12.abc.345/01de-35", "12ABC34501DE35", true},
		"e-mail":          {pix.KeyToken, "A@Example.com", "a@example.com", true},
		"evp":             {pix.KeyToken, "123E4567-E89B-12D3-A456-426614174000", "123e4567-e89b-12d3-a456-426614174000", true},
		"phone":           {pix.KeyToken, "+55 11 91234-5678", "+5511912345678", true},
		"device case":     {pix.DeviceToken, "abc", "ABC", false},
	} {
		if got := tokens.Token(c.kind, c.a) == tokens.Token(c.kind, c.b); got != c.same {
			t.Errorf("%s: same token %v, want %v", name, got, c.same)
		}
	}
	if got := tokens.Token(pix.KeyToken, ""); got != (pix.TokenPair{}) {
		t.Errorf("an unknown entity has the token %v", got)
	}
}

func TestTokenDependsOnKindAndKey(t *testing.T) {
	t.Parallel()
	one, other := newTokenizer(t, 1, 'a'), newTokenizer(t, 1, 'b')
	seen := map[string]bool{}
	for _, tokens := range []*pix.Tokenizer{one, other} {
		for _, kind := range []pix.TokenKind{pix.AccountToken, pix.OwnerToken, pix.KeyToken, pix.DeviceToken} {
			token := tokens.Token(kind, "52998224725").Current
			parsed, err := pix.ParseToken(string(token))
			if err != nil || parsed.Kind() != kind || parsed.Version() != 1 {
				t.Errorf("ParseToken(%q) = %q, %v", token, parsed, err)
			}
			value := strings.Split(string(token), ".")[2]
			if seen[value] {
				t.Errorf("kind %s repeats a value: kinds or keys are not separated", kind)
			}
			seen[value] = true
		}
	}
}

func TestRotationCarriesBothTokens(t *testing.T) {
	t.Parallel()
	previous := pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte{'a'}, 32)}
	both, err := pix.NewTokenizer(pix.TokenKey{Version: 2, Secret: bytes.Repeat([]byte{'b'}, 32)}, &previous)
	if err != nil {
		t.Fatal(err)
	}
	got := both.Token(pix.OwnerToken, "52998224725")
	want := pix.TokenPair{
		Current:  newTokenizer(t, 2, 'b').Token(pix.OwnerToken, "52998224725").Current,
		Previous: newTokenizer(t, 1, 'a').Token(pix.OwnerToken, "52998224725").Current,
	}
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTokenizerRefusesWeakKeys(t *testing.T) {
	t.Parallel()
	good := pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte("S"), 32)}
	for name, c := range map[string]struct {
		current  pix.TokenKey
		previous *pix.TokenKey
	}{
		"short":          {current: pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte("S"), 31)}},
		"no version":     {current: pix.TokenKey{Secret: good.Secret}},
		"large version":  {current: pix.TokenKey{Version: 1_000_000, Secret: good.Secret}},
		"same version":   {current: good, previous: &good},
		"short previous": {current: good, previous: &pix.TokenKey{Version: 2, Secret: []byte("SSSS")}},
	} {
		tokens, err := pix.NewTokenizer(c.current, c.previous)
		if err == nil || tokens != nil || pix.KindOf(err) != pix.Invalid || strings.Contains(err.Error(), "SSS") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestKeysAreMasked(t *testing.T) {
	t.Parallel()
	key := pix.TokenKey{Version: 7, Secret: []byte("topsecrettopsecrettopsecrettopse")}
	tokens, err := pix.NewTokenizer(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("m", "key", key, "pointer", &key, "tokenizer", tokens)
	data, err := json.Marshal(map[string]any{"key": key, "tokenizer": tokens})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d", "%x", "%q"} {
		fmt.Fprintf(&out, verb+verb+verb, key, &key, tokens)
	}
	for _, leak := range []string{"topsecret", "746f70", "116 111", "dG9wc2"} {
		if strings.Contains(out.String(), leak) {
			t.Errorf("a key leaks as %q", leak)
		}
	}
}

func TestTokenizerIsConcurrentAndDeterministic(t *testing.T) {
	t.Parallel()
	tokens := newTokenizer(t, 1, 'a')
	want := tokens.Token(pix.DeviceToken, "device-1")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 500 {
				_ = tokens.Token(pix.DeviceToken, pix.Secret(fmt.Sprint("other", i)))
				if got := tokens.Token(pix.DeviceToken, "device-1"); got != want {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		})
	}
	wg.Wait()
	rapid.Check(t, func(t *rapid.T) {
		raw := pix.Secret(rapid.StringMatching(`[!-~]{1,60}`).Draw(t, "raw"))
		for _, kind := range []pix.TokenKind{pix.OwnerToken, pix.KeyToken, pix.DeviceToken} {
			a, b := tokens.Token(kind, raw), tokens.Token(kind, raw)
			if a != b {
				t.Fatal("two tokens for one value")
			}
			if a.Current != "" && strings.Contains(string(a.Current), string(raw)) && len(raw) > 4 {
				t.Fatal("a token contains its value")
			}
		}
	})
}

func BenchmarkTokenize(b *testing.B) {
	s := submission()
	previous := pix.TokenKey{Version: 1, Secret: bytes.Repeat([]byte("p"), 32)}
	rotating, err := pix.NewTokenizer(pix.TokenKey{Version: 2, Secret: bytes.Repeat([]byte("c"), 32)}, &previous)
	if err != nil {
		b.Fatal(err)
	}
	for name, tokens := range map[string]*pix.Tokenizer{"one_key": newTokenizer(b, 1, 'a'), "rotation": rotating} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_ = tokens.Tokenize(&s)
			}
		})
	}
}

// BenchmarkEnumerate is what a leaked key is worth: the rate at which one core makes the tokens of all CPFs, of which
// there are 10⁹, and the hours that this takes it.
func BenchmarkEnumerate(b *testing.B) {
	tokens, cpf := newTokenizer(b, 1, 'a'), []byte("00000000000")
	n := 0
	for b.Loop() {
		n++
		for i, left := len(cpf)-1, n; left > 0; i, left = i-1, left/10 {
			cpf[i] = byte('0' + left%10)
		}
		_ = tokens.Token(pix.OwnerToken, pix.Secret(cpf))
	}
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "tokens/s")
	b.ReportMetric(1e9/rate/3600, "hours/1e9")
}
