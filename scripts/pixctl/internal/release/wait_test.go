package release

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sentinela-pix/sentinela/shared/lifecycle"
)

// readyz answers as a scorer does that serves one thing after the other, the last for ever.
func readyz(t *testing.T, fault error, serves ...string) string {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(lifecycle.ReadyHandler(
		lifecycle.Condition{Name: "serving", Own: true, Check: func() error { return errors.New("starting") }},
		lifecycle.Condition{Name: "models", Own: true, Check: func() error { return nil }, Tell: func() string {
			return serves[min(int(asked.Add(1)), len(serves))-1]
		}},
		lifecycle.Condition{Name: "models_followed", Check: func() error { return fault }},
	))
	t.Cleanup(server.Close)
	return server.URL + "/readyz"
}

// TestWait waits for scorers: all of them, whatever else keeps them from being ready.
func TestWait(t *testing.T) {
	t.Parallel()
	refused := errors.New("payer model champion: what is named was refused")
	html := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	t.Cleanup(html.Close)
	for name, c := range map[string]struct {
		urls    []string
		timeout time.Duration
		says    []string // on the way
		err     string
	}{
		"at once":       {[]string{readyz(t, nil, "payer/2 receiver/1")}, time.Minute, []string{"serves payer/2 receiver/1"}, ""},
		"after a while": {[]string{readyz(t, nil, "payer/1", "payer/2")}, time.Minute, []string{"serves payer/1\n", "serves payer/2\n"}, ""},
		"one of two": {
			[]string{readyz(t, nil, "payer/2"), readyz(t, refused, "payer/1")}, time.Millisecond, nil,
			"payer/2 is in force, but after 1ms it is not served by",
		},
		"refused": {
			[]string{readyz(t, refused, "payer/1")}, 3 * time.Second, []string{"what is named was refused"},
			"(serves payer/1; payer model champion: what is named was refused)",
		},
		"another version that begins alike": {[]string{readyz(t, nil, "payer/22 receiver/2")}, time.Second / 2, nil, "not served by"},
		"no scorer":                         {[]string{"http://127.0.0.1:1/readyz"}, time.Second / 2, nil, "no readiness: "},
		"another page":                      {[]string{html.URL}, time.Second / 2, nil, "no readiness: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			err := waiting{c.urls, c.timeout, &log}.until(t.Context(), "payer/2")
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("gave %v, want %q", err, c.err)
			}
			for _, line := range c.says {
				if strings.Count(log.String(), line) != 1 {
					t.Errorf("does not say %q once: %s", line, log.String())
				}
			}
		})
	}
}

// TestPromoteWaitsAndAsksForSignatures is both through the command: exit codes and sentences.
func TestPromoteWaitsAndAsksForSignatures(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, file := range shippedAs(t, "1", "2") {
		at := filepath.Join(dir, strings.TrimPrefix(name, "v1/"))
		if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.WriteFile(at, file.Data, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	keys := filepath.Join(dir, "keys.pem")
	if err := os.WriteFile(keys, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"promote", "-keys", keys, "payer", "2"}, 1, "only signed models are served here"},
		{[]string{"challengers", "-keys", keys, "payer", "2"}, 1, "only signed models are served here"},
		{[]string{"promote", "payer", "1", "-wait", readyz(t, nil, "payer/1")}, 0, "payer/1 is in force"},
		{[]string{"rollback", "payer", "-timeout", "10ms", "-wait", readyz(t, nil, "payer/9")}, 1, "is in force, but after 10ms"},
		{[]string{"challengers", "payer", "", "-wait", "x"}, 2, "-wait"},
	} {
		args := append([]string{"model", c.args[0], "-store", dir}, c.args[1:]...)
		if code, out := pixctl(t, nil, args...); code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q; printed\n%s", c.args, code, c.code, c.says, out)
		}
	}
}
