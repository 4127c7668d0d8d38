package bridge

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"
)

type tokens []string

// Token gives the next one.
func (s *tokens) Token() (*oauth2.Token, error) {
	if len(*s) == 0 {
		return nil, errors.New("no more")
	}
	next := (*s)[0]
	*s = (*s)[1:]
	return &oauth2.Token{AccessToken: next, Expiry: time.Unix(2000000000, 0)}, nil
}

// TestGoogleLogin reads what is sent to the broker as RFC 7628 and Google's broker do: every login has the token of its moment.
func TestGoogleLogin(t *testing.T) {
	t.Parallel()
	source := &tokens{"ya29.first/+", "second"}
	m := googleLogin("pix-bridge@p.iam.gserviceaccount.com", func() (oauth2.TokenSource, error) { return source, nil })
	for _, want := range []string{"ya29.first/+", "second"} {
		_, first, err := m.Authenticate(t.Context(), "broker")
		if err != nil {
			t.Fatal(err)
		}
		sent, ok := strings.CutPrefix(string(first), "n,,\x01auth=Bearer ")
		sent, end := strings.CutSuffix(sent, "\x01\x01")
		parts := strings.Split(sent, ".")
		if !ok || !end || len(parts) != 3 {
			t.Fatalf("sent %q", first)
		}
		var header, claims map[string]any
		unpack(t, parts[0], &header)
		unpack(t, parts[1], &claims)
		delete(claims, "iat")
		if diff := cmp.Diff(map[string]any{"typ": "JWT", "alg": "GOOG_OAUTH2_TOKEN"}, header); diff != "" {
			t.Error(diff)
		}
		if diff := cmp.Diff(map[string]any{
			"exp": 2e9, "iss": "Google", "scope": "kafka", "sub": "pix-bridge@p.iam.gserviceaccount.com",
		}, claims); diff != "" {
			t.Error(diff)
		}
		if got, err := base64.RawURLEncoding.DecodeString(parts[2]); err != nil || string(got) != want {
			t.Errorf("token %q, %v, want %q", got, err, want)
		}
	}
	if _, _, err := m.Authenticate(t.Context(), "broker"); err == nil || !strings.Contains(err.Error(), "access token for Kafka") {
		t.Errorf("without a token: %v", err)
	}
}

func unpack(t *testing.T, part string, into any) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestDefaultCredentials: a service account's key, as Google writes it, gets its token from the server that it names.
func TestDefaultCredentials(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("assertion") == "" {
			t.Error("no assertion")
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"theirs","token_type":"Bearer","expires_in":3600}`))
	}))
	defer server.Close()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "pix-bridge@p.iam.gserviceaccount.com", "token_uri": server.URL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.json")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", path)
	source, err := defaultCredentials()
	if err != nil {
		t.Fatal(err)
	}
	token, err := source.Token()
	if err != nil || token.AccessToken != "theirs" {
		t.Errorf("%v, %v", token, err)
	}

	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", filepath.Join(t.TempDir(), "absent"))
	cfg := Config{SASLMechanism: saslGoogle, SASLUser: "a@b"}
	if _, _, err := cfg.sasl().Authenticate(t.Context(), "broker"); err == nil || !strings.Contains(err.Error(), "find credentials for Kafka") {
		t.Errorf("without credentials: %v", err)
	}
}
