package identity

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const (
	modulus = "n7p3Ox0Kp2xYqVvVQkVbC6E1eEXx2cQ6c5a0JQe1mJX3Jb6d8mR1Uu8mI3rY2nJ0v0aG0F1m3cUo8wJ1kqk0lH9uA8wq2m0Qm5iZ4H3E7o5y6Zf0B1o2k3p4q5r6s7t8u9v0wxyzABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_ABCDEFGHIJKLMNOPQR"
	rsaKey  = `{"kty":"RSA","kid":"%s","e":"AQAB","n":"` + modulus + `"%s}`
)

// endless is an answer of a hundred megabytes, of which what is read is counted.
type endless struct{ left, read int }

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.left)
	copy(p, bytes.Repeat([]byte(" "), n))
	e.left, e.read = e.left-n, e.read+n
	return n, nil
}

type transport func(*http.Request) *http.Response

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r), nil }

// TestHostileIssuer: whatever it answers, a look ends with keys that can be used or with an error, within bounds.
func TestHostileIssuer(t *testing.T) {
	t.Parallel()
	const name = "https://issuer.example"
	discovery := `{"issuer":"` + name + `","jwks_uri":"` + name + `/keys"}`
	key := fmt.Sprintf(rsaKey, "a", "")
	for test, c := range map[string]struct {
		discovery, keys string
		status          int
		want            string // in the error; empty means that one key is found
	}{
		"right":                {discovery: discovery, keys: `{"keys":[` + key + `]}`},
		"beside others":        {discovery: discovery, keys: `{"keys":[{"kty":"new"},7,{"kty":"oct","kid":"s","k":"c2VjcmV0"},` + key + `]}`},
		"keys away":            {discovery: discovery, status: 503, want: "503"},
		"another name":         {discovery: strings.Replace(discovery, name, name+"/", 1), want: "otherwise"},
		"keys elsewhere":       {discovery: strings.Replace(discovery, name+"/keys", "http://plain.example/keys", 1), want: "not an https address"},
		"no place of keys":     {discovery: `{"issuer":"` + name + `"}`, want: "not an https address"},
		"no JSON":              {discovery: "<html>", want: "not the JSON"},
		"keys are no JSON":     {discovery: discovery, keys: "<html>", want: "not the JSON"},
		"no keys":              {discovery: discovery, keys: `{"keys":[]}`, want: "none that could be used"},
		"a key without a name": {discovery: discovery, keys: `{"keys":[` + fmt.Sprintf(rsaKey, "", "") + `]}`, want: "none that could be used"},
		"a key to encrypt":     {discovery: discovery, keys: `{"keys":[` + fmt.Sprintf(rsaKey, "a", `,"use":"enc"`) + `]}`, want: "none that could be used"},
		"of another algorithm": {discovery: discovery, keys: `{"keys":[` + fmt.Sprintf(rsaKey, "a", `,"alg":"RS512"`) + `]}`, want: "none that could be used"},
		"a weak key":           {discovery: discovery, keys: `{"keys":[{"kty":"RSA","kid":"a","e":"AQAB","n":"` + modulus[:170] + `"}]}`, want: "none that could be used"},
		"a secret":             {discovery: discovery, keys: `{"keys":[{"kty":"oct","kid":"a","k":"c2VjcmV0"}]}`, want: "none that could be used"},
		"sends elsewhere":      {discovery: discovery, status: 302, want: "sends elsewhere"},
		"a hundred megabytes":  {discovery: discovery, want: "more than"},
	} {
		t.Run(test, func(t *testing.T) {
			t.Parallel()
			large := &endless{left: 100 << 20}
			i, err := newIssuer(name, transport(func(r *http.Request) *http.Response {
				if strings.HasSuffix(r.URL.Path, "/other") {
					return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(`{"keys":[` + key + `]}`))}
				}
				w := httptest.NewRecorder()
				if strings.HasSuffix(r.URL.Path, "openid-configuration") {
					_, _ = io.WriteString(w, c.discovery)
					return w.Result()
				}
				w.Header().Set("Location", name+"/other")
				w.WriteHeader(max(c.status, 200))
				_, _ = io.WriteString(w, c.keys)
				answer := w.Result()
				if c.want == "more than" {
					answer.Body = io.NopCloser(large)
				}
				return answer
			}))
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			found, err := i.keys(ctx)
			switch {
			case c.want == "" && (err != nil || len(found) != 1 || found["a"] == nil):
				t.Errorf("%v %v", found, err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%v, want %q", err, c.want)
			}
			if large.read > 2*maxAnswerBytes {
				t.Errorf("%d bytes were read", large.read)
			}
		})
	}
}

// TestSilentKeys: an issuer that takes the request and says nothing holds a look no longer than its time.
func TestSilentKeys(t *testing.T) {
	t.Parallel()
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	t.Cleanup(silent.Close)
	i, err := newIssuer(silent.URL, new(http.Transport))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := i.keys(ctx); err == nil {
		t.Error("it has keys")
	}
}

func TestIssuersAreAskedOverHTTPS(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"https://accounts.google.com": true, "http://127.0.0.1:8080": true, "http://[::1]:8080": true, "http://localhost": true,
		"http://accounts.google.com": false, "http://10.0.0.1": false, "accounts.google.com": false, "": false, "https://": false,
		"file:///etc/passwd": false, "http://localhost.example.com": false, ":": false,
	} {
		if got := trustworthy(address) == nil; got != want {
			t.Errorf("%q: %v", address, got)
		}
	}
}
