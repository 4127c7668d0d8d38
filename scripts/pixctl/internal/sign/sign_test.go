package sign

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sentinela-pix/sentinela/models"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/command"
	"github.com/sentinela-pix/sentinela/scripts/pixctl/internal/verify"
	"github.com/sentinela-pix/sentinela/shared/scoring"
)

// pixctl runs one command and returns its exit code and what it printed.
func pixctl(t *testing.T, args ...string) (int, string) {
	t.Helper()
	var out bytes.Buffer
	std := command.IO{Out: &out, Err: &out, Getenv: func(string) string { return "" }}
	return command.Dispatch(t.Context(), std, []command.Command{Command(), verify.Command()}, append([]string{"model"}, args...)), out.String()
}

// artefact copies the shipped payer model and returns its directory.
func artefact(t *testing.T) string {
	t.Helper()
	files, err := fs.Sub(models.Shipped(), "payer")
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(t.TempDir(), "payer")
	if err := os.CopyFS(root, files); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(root, entries[0].Name())
}

// newKey writes a private key and returns its file.
func newKey(t *testing.T, dir, name string) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name+".pem")
	text := "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n" + // as `openssl ecparam -genkey` writes it
		string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestSignThenVerify: what is signed here is taken with the key that is printed, and with no other.
func TestSignThenVerify(t *testing.T) {
	t.Parallel()
	dir, keys := artefact(t), t.TempDir()
	public := filepath.Join(keys, "public.pem")
	if code, out := pixctl(t, "sign", dir, "-key", newKey(t, keys, "ours")); code != 0 {
		t.Fatalf("sign: exit code %d: %s", code, out)
	} else if at := strings.Index(out, "-----BEGIN"); at < 0 || os.WriteFile(public, []byte(out[at:]), 0o600) != nil {
		t.Fatalf("sign printed no public key: %s", out)
	}
	info, err := os.Stat(filepath.Join(dir, scoring.SignatureFile))
	if err != nil || info.Mode().Perm()&0o444 != 0o444 {
		t.Errorf("the signature is %v, %v; everybody must be able to read it", info, err)
	}
	if code, out := pixctl(t, "verify", dir, "-keys", public); code != 0 || !strings.Contains(out, "one of the keys has signed it") {
		t.Errorf("verify: exit code %d: %s", code, out)
	}
	if code, out := pixctl(t, "sign", dir, "-key", newKey(t, keys, "stranger")); code != 0 {
		t.Fatalf("sign again: exit code %d: %s", code, out)
	}
	if code, out := pixctl(t, "verify", dir, "-keys", public); code != 1 || !strings.Contains(out, "by none of the 1 keys") {
		t.Errorf("verify what a stranger signed: exit code %d: %s", code, out)
	}
}

// TestSignRefuses: what the scorer would refuse is not signed, and a wrong key is a sentence.
func TestSignRefuses(t *testing.T) {
	t.Parallel()
	damaged, keys := artefact(t), t.TempDir()
	key := newKey(t, keys, "ours")
	text, err := os.ReadFile(filepath.Join(damaged, scoring.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(damaged, scoring.ModelFile), text[:1000], 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(keys, "other.pem")
	for text, reason := range map[string]string{
		"": "no PEM block", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nTUk=\n-----END ENCRYPTED PRIVATE KEY-----\n": "not encrypted",
		"-----BEGIN PRIVATE KEY-----\nTUk=\n-----END PRIVATE KEY-----\n": "not a private ECDSA key on P-256",
	} {
		if err := os.WriteFile(other, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, out := pixctl(t, "sign", damaged, "-key", other); code != 1 || !strings.Contains(out, reason) {
			t.Errorf("exit code %d, want a reason with %q: %s", code, reason, out)
		}
	}
	if code, out := pixctl(t, "sign", damaged, "-key", key); code != 1 || !strings.Contains(out, "refused") {
		t.Errorf("a damaged model: exit code %d: %s", code, out)
	}
	if _, err := os.Stat(filepath.Join(damaged, scoring.SignatureFile)); err == nil {
		t.Error("a damaged model was signed")
	}
	if code, _ := pixctl(t, "sign", damaged); code != 2 {
		t.Errorf("without -key: exit code %d", code)
	}
}
